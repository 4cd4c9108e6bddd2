/** Runs the command line in a process of its own. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(fileURLToPath(new URL('.', import.meta.url)), '..', '..', '..');

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Starts `fineproof ...args`. */
export function startFineproof(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): { readonly stop: (signal?: NodeJS.Signals) => void; readonly ended: Promise<Outcome> } {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('FINEPROOF_')));
  const child = spawn(process.execPath, [join(root, 'scripts', 'fineproof.ts'), ...args], {
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (text.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text.err += chunk.toString()));
  const ended = new Promise<Outcome>((done, fail) => {
    child.on('error', fail);
    child.on('close', (code) => done({ code, ...text }));
  });
  return { stop: (signal = 'SIGTERM') => void child.kill(signal), ended };
}

/** Runs `fineproof ...args` to its end. */
export const fineproof = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> =>
  startFineproof(args, env).ended;

/** Runs with --json; the output must be exactly one JSON object on one line. */
export async function fineproofJson(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; json: Record<string, unknown>; err: string }> {
  const { code, out, err } = await fineproof([...args, '--json'], env);
  if (!/^\{.*\}\n$/.test(out)) throw new Error(`${args.join(' ')}: not one JSON object: ${out}\n${err}`);
  return { code, json: JSON.parse(out) as Record<string, unknown>, err };
}
