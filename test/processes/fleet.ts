/** The processes of a trial: started with low priority, on a leash, and all ended at the end, also when the trial is interrupted. */
import { spawn, type ChildProcess } from 'node:child_process';
import { setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(fileURLToPath(new URL('.', import.meta.url)), '..', '..');
const LEASH = join(root, 'test', 'processes', 'leash.ts');
/** Scripts that trials run. */
export const CLI = join(root, 'scripts', 'fineproof.ts');
export const CHAIN = join(root, 'test', 'processes', 'chain-node.ts');
export const LIAR = join(root, 'test', 'processes', 'liar.ts');

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Running {
  /** Undefined if it could not be started. */
  readonly pid: number | undefined;
  readonly ended: Promise<Outcome>;
  /** Standard output so far. */
  out(): string;
  kill(signal: 'SIGKILL' | 'SIGTERM'): void;
}

/** Dozens of processes start in a trial: what they compile is kept, which halves what a start costs. */
const COMPILED = join(tmpdir(), 'fineproof-compile-cache');

const running = new Set<ChildProcess>();
const endAll = (): void => running.forEach((child) => void child.kill('SIGKILL'));
process.on('exit', endAll);

/** Starts a script of this repository. */
export function start(script: string, args: readonly string[], env: Readonly<Record<string, string>>): Running {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(FINEPROOF|CHAIN|NODE_TEST)_/.test(name)));
  const child = spawn(process.execPath, ['--import', LEASH, script, ...args], {
    cwd: root,
    env: { NODE_COMPILE_CACHE: COMPILED, ...inherited, ...env },
    stdio: 'pipe',
  });
  running.add(child);
  child.stdin.on('error', () => {});
  if (child.pid !== undefined)
    try {
      setPriority(child.pid, 10);
    } catch {
      // It has ended, or may not be made nicer.
    }
  const text = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (text.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text.err += chunk.toString()));
  const ended = new Promise<Outcome>((done) => {
    const end = (code: number | null): void => {
      running.delete(child);
      done({ code, ...text });
    };
    child.on('error', (e) => {
      text.err += e.message;
      end(null);
    });
    child.on('close', end);
  });
  return { pid: child.pid, ended, out: () => text.out, kill: (signal) => void child.kill(signal) };
}

/** How many processes run. */
export const population = (): number => running.size;
