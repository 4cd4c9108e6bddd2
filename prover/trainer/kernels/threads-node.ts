/** Helper threads of the trainer in Node. In a page `#trainer-threads` is threads-browser.ts (package.json, "imports"). */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { HelperStart } from './products.ts';

/** A helper thread; it does not keep the process alive. */
export interface Helper {
  /** Waits until it runs. Errors: its script does not load. */
  running(): Promise<void>;
  /** Waits until it has ended; until then it keeps the process alive. */
  ended(): Promise<void>;
}

/** Threads that can run beside the calling one. */
export const helpersBeside = (): number => Math.min(availableParallelism() - 1, 64);

export function startHelper(start: HelperStart): Helper {
  const worker = new Worker(new URL('./worker-node.ts', import.meta.url), { workerData: start, execArgv: [] });
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  worker.unref();
  return {
    // Node starts it while the caller blocks too.
    running: async () => {},
    ended: () => {
      worker.ref();
      return ended;
    },
  };
}
