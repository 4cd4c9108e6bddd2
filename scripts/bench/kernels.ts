/**
 * `npm run bench -- kernels`: the kernels against @noble/curves and mcl-wasm in the same run. Times are the best of some runs; the others work
 * on smaller inputs where their time grows with them (mcl-wasm has room for 2^12 points), compared per item. All must agree on the sums.
 */
import { availableParallelism } from 'node:os';
import { Command, Option } from 'commander';
import { createWasmBackend } from '../../prover/backend/wasm/index.ts';
import type { Backend, LeafBlock } from '../../prover/backend/types.ts';
import { createWebGpuBackend } from '../../prover/backend/webgpu/index.ts';
import type { AdapterInfo } from '../../prover/backend/webgpu/adapter.ts';
import { action, table, type Report } from '../lib/command.ts';
import { integerOption } from '../lib/options.ts';
import { adapterText, best, bytes, clockOption, machine, machineText, peakResident, type Clock } from './report.ts';
import { compare, makeInputs, names, SIZE, type Inputs, type Sums, type Times } from './kernel-inputs.ts';
import { mclTimes, nobleTimes } from './kernel-peers.ts';

async function tree(backend: Backend, depth: number, values: LeafBlock['values'][number], next: () => bigint): Promise<void> {
  const block: LeafBlock = { offset: 0, domain: { sizes: [values.length] }, numerators: 'ones', values: [values], id: 16 };
  const built = await backend.fractionTree(depth, [block], next(), next());
  for (let l = 1; l < depth; l++) {
    const point = Array.from({ length: l }, next);
    const rounds = await built.layer(l, point, next());
    for (let i = 0; i < l; i++) await rounds.round(i === 0 ? null : (point[i] as bigint));
    await rounds.finish(next());
  }
  built.free();
}

interface Options {
  readonly backend: 'wasm' | 'webgpu';
  readonly workers?: readonly number[];
  readonly size: number;
  readonly points?: number;
  readonly clock: Clock;
}

const EXAMPLES = `
Examples:
  npm run bench -- kernels
  npm run bench -- kernels --workers 1,2,4 --json
  npm run bench -- kernels --size 16
  npm run bench -- kernels --backend webgpu --points 20 --json`;

function workersOption(text: string): readonly number[] {
  const counts = text.split(',').map(integerOption(1, 256));
  return [...new Set(counts)].sort((x, y) => x - y);
}

/** `bench kernels` */
export function kernelsCommand(): Command {
  const command = new Command('kernels')
    .description('field, curve, look-up and sumcheck kernels against @noble/curves and mcl-wasm in the same run')
    .addOption(
      new Option('--backend <name>', 'what is measured; webgpu: its kernels beside those of one worker')
        .choices(['wasm', 'webgpu'])
        .default('wasm'),
    )
    .option('--workers <counts>', 'numbers of threads to measure, comma-separated (default: one, and one a core)', workersOption)
    .option('--size <n>', 'log2 of the cells; multi-exponentiations have 2^12 points and 2^(n − 4)', integerOption(8, 24), SIZE)
    .option('--points <n>', 'log2 of the points of the larger multi-exponentiation', integerOption(4, 22));
  clockOption(command);
  return action<Options>(command.addHelpText('after', EXAMPLES), (_args, options) => bench(options));
}

/** A backend to measure. */
interface Measured extends Backend {
  peakBytes(): number;
  /** Waits for what is still being computed and nobody has asked for. */
  settled?(): Promise<void>;
}

/** Measures a backend, and closes it. */
async function ours(label: string, backend: Measured, input: Inputs, sums: Sums): Promise<{ times: Times; peak: number }> {
  const { size, next, points, wide, columns, blinds } = input;
  const NAMES = names(size);
  const [small] = input.logs;
  const times: Record<string, number> = {};
  const take = async (name: string, items: number, runs: number, f: () => Promise<unknown>): Promise<void> => {
    process.stderr.write(`${label}: ${name}\n`);
    times[name] = ((await best(runs, f, input.clock)) * 1e6) / items;
  };
  try {
    // Products through the outer product: one product and one addition a cell, vectors read and written.
    const bits = [Math.floor(size / 2), Math.ceil(size / 2)];
    const weights = bits.map((b) => Array.from({ length: 2 ** b }, next));
    const out = backend.zeros(2 ** size);
    await take(NAMES.product, 2 ** size, 3, async () => {
      await backend.accumulateOuter(out, 0, weights, bits, 1n);
      // Outer products wait until the vector is needed: a partial evaluation into it needs it.
      await backend.contract({ cells: Float64Array.of(1), offset: 0 }, [], 1n, out);
      await backend.settled?.();
    });
    backend.free(out);
    // The generators' table is made once a process.
    await backend.commitRows(wide.subarray(0, columns), columns, [1n]);
    for (const [bits, scalars] of input.scalars)
      for (const log of input.logs) {
        const n = 2 ** log;
        const name = NAMES.msm(log, bits);
        await take(name, n, 5, async () => {
          const sum = await backend.msm(scalars.slice(0, n), points.slice(0, n));
          if (log === small) compare(sums, name, sum);
        });
      }
    for (const [bits, cells] of input.cells) await take(NAMES.rows(bits), 2 ** size, 3, () => backend.commitRows(cells, columns, blinds));
    await take(NAMES.tree, 2 ** size, 3, () => tree(backend, size, wide, next));
    await take(NAMES.sumcheck, 2 ** size, 3, async () => {
      const eq = await backend.eqTable(Array.from({ length: size }, next), 1n);
      const rounds = await backend.productSum([[await backend.fromInts(wide), eq]]);
      for (let i = 0; i < size; i++) await rounds.round(i === 0 ? null : next());
      await rounds.finish(next());
    });
    return { times, peak: backend.peakBytes() };
  } finally {
    await backend.close();
  }
}

interface Target {
  readonly what: string;
  readonly measured: number;
  readonly wanted: string;
  readonly met: boolean;
}

/** The targets of one worker, of ratios to mcl-wasm, and of two workers against one. */
function targets(one: Times | undefined, two: Times | undefined, mcl: Times): Target[] {
  const NAMES = names(SIZE);
  const out: Target[] = [];
  const most = (what: string, measured: number, limit: number, moonshot: number): void => {
    out.push({ what, measured, wanted: `≤ ${limit}, moonshot ${moonshot}`, met: measured <= limit });
  };
  const least = (what: string, measured: number, limit: number): void => {
    out.push({ what, measured, wanted: `≥ ${limit}`, met: measured >= limit });
  };
  const at = (times: Times, name: string): number => times[name] as number;
  if (one !== undefined) {
    most('F product, ns', at(one, NAMES.product), 40, 30);
    most('2^16 points of 16 bits, µs a point', at(one, NAMES.msm(16, 16)) / 1000, 1.2, 0.8);
    most('2^16 points of 254 bits, µs a point', at(one, NAMES.msm(16, 254)) / 1000, 10, 8);
    least('times as fast as mcl-wasm, 2^12 points of 16 bits', at(mcl, NAMES.msm(12, 16)) / at(one, NAMES.msm(12, 16)), 3.5);
    least('times as fast as mcl-wasm, 2^12 points of 254 bits', at(mcl, NAMES.msm(12, 254)) / at(one, NAMES.msm(12, 254)), 5);
  }
  if (one !== undefined && two !== undefined)
    for (const name of Object.keys(one)) least(`two workers against one, ${name}`, at(one, name) / at(two, name), 1.8);
  return out;
}

const workersText = (workers: number): string => `${workers} ${workers === 1 ? 'worker' : 'workers'}`;

interface DeviceTimes {
  readonly adapter: AdapterInfo;
  readonly limbBits: number;
  readonly times: Times;
  /** Nanoseconds a point of the larger multi-exponentiation with full scalars, points and scalars on the device: what the host converts is not in it. */
  readonly resident: number;
  readonly peak: number;
}

async function onDevice(input: Inputs, sums: Sums): Promise<DeviceTimes> {
  const backend = await createWebGpuBackend({ software: true });
  const { limbBits } = backend.device;
  const points = backend.curve.resident(input.points);
  const scalars = backend.fromField(input.scalars.get(254) as readonly bigint[]);
  const resident = ((await best(3, () => points.sum(scalars), input.clock)) * 1e6) / input.points.length;
  points.free();
  backend.free(scalars);
  return {
    adapter: backend.adapter,
    limbBits,
    resident,
    ...(await ours('webgpu', { ...backend, settled: () => backend.device.idle() }, input, sums)),
  };
}

async function bench(options: Options): Promise<Report> {
  const counts = options.workers ?? (options.backend === 'webgpu' ? [1] : [...new Set([1, availableParallelism()])]);
  const input = makeInputs(options.size, options.points ?? options.size - 4, options.clock);
  const sums: Sums = new Map();
  const noble = await nobleTimes(input, sums);
  const mcl = await mclTimes(input, sums);
  const runs: { readonly workers: number; readonly times: Times; readonly peak: number }[] = [];
  for (const workers of counts)
    runs.push({ workers, ...(await ours(workersText(workers), await createWasmBackend({ workers }), input, sums)) });
  const gpu = options.backend === 'webgpu' ? await onDevice(input, sums) : null;
  const found =
    options.size !== SIZE
      ? []
      : targets(
          runs.find((r) => r.workers === 1)?.times,
          options.clock === 'wall' ? runs.find((r) => r.workers === 2)?.times : undefined,
          mcl,
        );
  const peak = { backend: Math.max(...runs.map((r) => r.peak)), device: gpu?.peak ?? null, process: peakResident() };
  const where = machine();
  const [first] = runs as [(typeof runs)[number]];
  const time = (ns: number | undefined): string =>
    ns === undefined ? '' : ns < 1000 ? `${ns.toFixed(0)} ns` : `${(ns / 1000).toPrecision(3)} µs`;
  const ratio = (theirs: number | undefined, own: number): string =>
    theirs === undefined ? '' : `${theirs < own ? (theirs / own).toPrecision(1) : (theirs / own).toFixed(theirs < 100 * own ? 1 : 0)}×`;
  return {
    json: { bench: 'kernels', machine: where, clock: options.clock, unit: 'ns', noble, mcl, ours: runs, webgpu: gpu, targets: found, peak },
    text: [
      `${options.clock === 'wall' ? 'Time' : 'Time of all threads'} an item, best of some runs; ratios are those of ${workersText(first.workers)}`,
      table([
        [
          'operation',
          ...runs.map((r) => workersText(r.workers)),
          ...(gpu ? ['webgpu', 'ratio'] : []),
          'mcl-wasm',
          'ratio',
          'noble',
          'ratio',
        ],
        ...Object.keys(first.times).map((name) => [
          name,
          ...runs.map((r) => time(r.times[name])),
          ...(gpu ? [time(gpu.times[name]), ratio(first.times[name], gpu.times[name] as number)] : []),
          time(mcl[name]),
          ratio(mcl[name], first.times[name] as number),
          time(noble[name]),
          ratio(noble[name], first.times[name] as number),
        ]),
      ]),
      '',
      found.length === 0
        ? `targets are for --size ${SIZE}`
        : table([
            ['target', 'measured', 'wanted', ''],
            ...found.map((t) => [t.what, t.measured.toPrecision(3), t.wanted, t.met ? 'met' : 'missed']),
          ]),
      '',
      `peak memory: ${bytes(peak.backend)} of tables, ${bytes(peak.process)} in all`,
      ...(gpu
        ? [
            `webgpu: 2^${input.logs.at(-1)} points of 254 bits that lie on the device: ${time(gpu.resident)} a point, ${ratio(first.times[names(options.size).msm(input.logs.at(-1) as number, 254)], gpu.resident)} one worker (goal on an H100 class GPU, 2^20 points: 50×)`,
            `webgpu: ${adapterText(gpu.adapter)}, limbs of ${gpu.limbBits} bits, ${bytes(gpu.peak)} on the device`,
          ]
        : []),
      machineText(where),
    ].join('\n'),
  };
}
