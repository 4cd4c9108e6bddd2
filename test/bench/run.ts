/** Runs a bench in a process of its own. */
import { spawn } from 'node:child_process';
import { root, type Outcome } from '../cli/support/fineproof.ts';

/** `npm run bench -- ...args`, to its end. */
export function bench(...args: readonly string[]): Promise<Outcome> {
  const child = spawn(process.execPath, ['scripts/bench.ts', ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const text = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (text.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text.err += chunk.toString()));
  return new Promise((done, fail) => {
    child.on('error', fail);
    child.on('close', (code) => done({ code, ...text }));
  });
}

/** The one JSON object that `--json` prints. */
export async function benchJson<T>(...args: readonly string[]): Promise<T> {
  const { code, out, err } = await bench(...args, '--json');
  if (code !== 0 || !/^\{.*\}\n$/.test(out)) throw new Error(`${args.join(' ')}: exit code ${code}, ${out}${err}`);
  return JSON.parse(out) as T;
}

/** Options of a model of odd sizes that is proven in a moment. */
export const TINY_SHAPE = ['--width', '12', '--heads', '3', '--ffn', '10', '--vocab', '11', '--workers', '1'];
