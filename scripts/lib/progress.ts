/** A progress bar on standard error; plain lines where that is no terminal. */
import { Presets, SingleBar } from 'cli-progress';

export interface Bar {
  /** `part` from 0 to 1. */
  update(part: number, what: string): void;
  /** A line of its own, which stays. */
  log(text: string): void;
  stop(): void;
}

export function progressBar(title: string): Bar {
  if (!process.stderr.isTTY) {
    let last = '';
    return {
      update(part, what) {
        if (what === last) return;
        last = what;
        process.stderr.write(`${title} ${Math.floor(100 * part)}% ${what}\n`);
      },
      log(text) {
        process.stderr.write(`${title}: ${text}\n`);
      },
      stop() {},
    };
  }
  const bar = new SingleBar(
    { format: `${title} {bar} {percentage}% | {what} | {duration_formatted}`, stream: process.stderr, hideCursor: true },
    Presets.shades_classic,
  );
  bar.start(1000, 0, { what: '' });
  return {
    update: (part, what) => bar.update(Math.round(1000 * part), { what }),
    // Over the bar, which is drawn again below.
    log: (text) => void process.stderr.write(`\r\x1b[K${title}: ${text}\n`),
    stop: () => bar.stop(),
  };
}
