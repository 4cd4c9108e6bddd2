/** What all benches share in measuring and saying: a stopwatch of wall-clock and processor time, the machine, memory, numbers for people. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { Option, type Command } from 'commander';
import { BACKENDS, selectBackend } from '../../prover/backend/index.ts';
import type { Backend } from '../../prover/backend/types.ts';
import type { AdapterInfo } from '../../prover/backend/webgpu/adapter.ts';
import { plain, type Engine } from '../../verifier/engine.ts';
import { engineOf } from '../../prover/backend/engine.ts';
import { integerOption } from '../lib/options.ts';

/** What a part took: seconds on the clock, seconds of all threads of this process together, and the largest resident set up to its end, bytes. */
export interface Cost {
  readonly wall: number;
  readonly cpu: number;
  readonly peak: number;
}

const NOTHING: Cost = { wall: 0, cpu: 0, peak: 0 };

/** Adds up what passes between marks by name; a name may come again. */
export class Stopwatch {
  private readonly costs = new Map<string, Cost>();
  private current: string | null = null;
  private since = now();

  /** Ends the part in progress and begins another; null begins none. */
  mark(name: string | null): void {
    const time = now();
    if (this.current !== null) {
      const { wall, cpu } = this.costs.get(this.current) ?? NOTHING;
      this.costs.set(this.current, { wall: wall + time.wall - this.since.wall, cpu: cpu + time.cpu - this.since.cpu, peak: time.peak });
    }
    this.current = name;
    this.since = time;
  }

  /** Costs of all parts, in the order in which they first began. Ends the part in progress. */
  parts(): Readonly<Record<string, Cost>> {
    this.mark(null);
    return Object.fromEntries(this.costs);
  }
}

function now(): Cost {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return { wall: performance.now() / 1000, cpu: (userCPUTime + systemCPUTime) / 1e6, peak: maxRSS * 1024 };
}

export const total = (parts: Readonly<Record<string, Cost>>): Cost =>
  Object.values(parts).reduce((z, p) => ({ wall: z.wall + p.wall, cpu: z.cpu + p.cpu, peak: Math.max(z.peak, p.peak) }), NOTHING);

/** Seconds on the clock, or of all threads of this process together. */
export type Clock = 'wall' | 'cpu';

/** For titles. */
export const clockText = (clock: Clock): string => (clock === 'wall' ? 'time on the clock' : 'processor time of all threads');

export const clockOption = (command: Command): Command =>
  command.addOption(
    new Option('--clock <kind>', 'time on the clock, or of all threads together: steadier where other programs run')
      .choices(['wall', 'cpu'])
      .default('wall'),
  );

/** Milliseconds of the fastest of `runs`. */
export async function best(runs: number, f: () => Promise<unknown> | unknown, clock: Clock = 'wall'): Promise<number> {
  let least = Infinity;
  for (let i = 0; i < runs; i++) {
    const begin = now()[clock];
    await f();
    least = Math.min(least, now()[clock] - begin);
  }
  return 1000 * least;
}

/** Where a bench ran; times compare only on the same machine, and only while it has little else to do. */
export const machine = (): Readonly<Record<string, string | number>> => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
  system: `${process.platform} ${process.arch}`,
  load: Number((loadavg()[0] as number).toFixed(1)),
});

/** One line for people. */
export const machineText = (m: ReturnType<typeof machine>): string =>
  `${m['cpu']}, ${m['cores']} cores, ${m['memoryGiB']} GiB, Node ${m['node']}, ${m['system']}; load in the last minute ${m['load']}`;

/** Largest resident set of this process so far, bytes. */
export const peakResident = (): number => now().peak;

/** Most bytes that the backend's vectors took at once; null where it does not count them. */
export const peakOf = (backend: Backend): number | null =>
  'peakBytes' in backend && typeof backend.peakBytes === 'function' ? (backend.peakBytes() as number) : null;

/** The adapter that a backend computes on; null for those on the processor. */
export const adapterOf = (backend: Backend): AdapterInfo | null => ('adapter' in backend ? (backend.adapter as AdapterInfo) : null);

/** One line for people. */
export const adapterText = (a: AdapterInfo): string => `${a.description}${a.software ? ' (a software adapter: no GPU)' : ''}`;

export const seconds = (s: number): string => (Math.abs(s) < 0.0995 ? `${(1000 * s).toFixed(1)} ms` : `${s.toFixed(s < 10 ? 2 : 1)} s`);

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB'] as const;

export function bytes(n: number): string {
  const unit = n < 1024 ? 0 : n < 2 ** 20 ? 1 : n < 2 ** 30 ? 2 : 3;
  const value = n / 1024 ** unit;
  return `${unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${UNITS[unit] as string}`;
}

/** With thousands separated. */
export const count = (n: number): string => n.toLocaleString('en-US');

export interface BackendOptions {
  readonly backend: string;
  readonly workers?: number;
  readonly engine: 'backend' | 'plain';
}

export const backendOptions = (command: Command): Command =>
  command
    .option('--backend <name>', `where the proof is computed: ${BACKENDS.join(', ')}`, BACKENDS[0])
    .option('--workers <n>', 'threads of the backend (default: one a core)', integerOption(1, 256))
    .addOption(
      new Option('--engine <name>', 'what verifies: the backend’s kernels, or plain TypeScript')
        .choices(['backend', 'plain'])
        .default('backend'),
    );

/** Runs with the backend and the verifier's engine that the options name; both live as long as `run` takes. */
export async function withBackend<T>(o: BackendOptions, run: (backend: Backend, engine: Engine) => Promise<T>): Promise<T> {
  const backend = await selectBackend(o.backend, o.workers === undefined ? {} : { workers: o.workers });
  try {
    return await run(backend, o.engine === 'plain' ? plain : engineOf(backend));
  } finally {
    await backend.close();
  }
}

export const svgOption = (command: Command): Command => command.option('--svg <file>', 'also draw the result into this file');

/** Writes a text file and the folders above it. */
export function writeText(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
