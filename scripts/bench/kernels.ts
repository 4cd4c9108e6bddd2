/**
 * `npm run bench -- kernels`: the kernels against @noble/curves in the same run.
 * Times are the best of some runs; noble works on smaller inputs where its time grows with them, compared per item.
 */
import { availableParallelism } from 'node:os';
import { normalizeZ, pippenger } from '@noble/curves/abstract/curve.js';
import { bn254 } from '@noble/curves/bn254.js';
import { Command } from 'commander';
import { createWasmBackend, type WasmBackend } from '../../prover/backend/wasm/index.ts';
import type { LeafBlock } from '../../prover/backend/types.ts';
import type { Affine } from '../../verifier/curve.ts';
import { R } from '../../verifier/field.ts';
import { H } from '../../verifier/generators.ts';
import { action, table, type Report } from '../lib/command.ts';
import { integerOption } from '../lib/options.ts';
import { best, bytes, machine, peakResident } from './report.ts';

interface Line {
  readonly what: string;
  /** Nanoseconds an item. */
  readonly wasm: number;
  readonly noble: number;
  readonly ratio: number;
  /** Milliseconds of the whole operation in the kernels. */
  readonly milliseconds: number;
}

const Point = bn254.G1.Point;
const Fr = bn254.fields.Fr;

/** A reproducible stream of field elements. */
function stream(): () => bigint {
  let state = 88172645463325252n;
  return () => {
    let x = 0n;
    for (let k = 0; k < 4; k++) {
      state = (state * 6364136223846793005n + 1442695040888963407n) & ((1n << 64n) - 1n);
      x = (x << 64n) | state;
    }
    return x % R;
  };
}

/** `count` distinct points: H, 2H, 3H … */
function multiplesOfH(count: number): Affine[] {
  const step = Point.fromAffine(H);
  const points = [step];
  while (points.length < count) points.push((points[points.length - 1] as typeof step).add(step));
  return normalizeZ(Point, points).map((p) => p.toAffine());
}

async function tree(backend: WasmBackend, depth: number, values: Float64Array, next: () => bigint): Promise<void> {
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

/** The same products with noble: parents, and for every layer its first round, its later rounds and its folds, as a plain prover does them. */
function nobleTree(depth: number, next: () => bigint): void {
  let q = Array.from({ length: 2 ** depth }, next);
  let p = q.map(() => 1n);
  while (q.length > 2) {
    const half = q.length / 2;
    const at = (v: bigint[], i: number): bigint => v[i] as bigint;
    const parentP = Array.from({ length: half }, (_, i) =>
      Fr.add(Fr.mul(at(p, 2 * i), at(q, 2 * i + 1)), Fr.mul(at(p, 2 * i + 1), at(q, 2 * i))),
    );
    const parentQ = Array.from({ length: half }, (_, i) => Fr.mul(at(q, 2 * i), at(q, 2 * i + 1)));
    const weight = next();
    const challenge = next();
    let tables = [0, 1].flatMap((k) => [p, q].map((v) => v.filter((_, i) => i % 2 === k)));
    for (let length = half; length > 1; length /= 2) {
      const middle = length / 2;
      let sum = 0n;
      for (let i = 0; i < middle; i++)
        for (const shift of [0, middle]) {
          const [p0, q0, p1, q1] = tables.map((t) => at(t, i + shift)) as [bigint, bigint, bigint, bigint];
          const inner = Fr.add(Fr.add(Fr.mul(p0, q1), Fr.mul(p1, q0)), Fr.mul(weight, Fr.mul(q0, q1)));
          sum = Fr.add(sum, Fr.mul(weight, inner));
        }
      tables = tables.map((t) =>
        Array.from({ length: middle }, (_, i) => Fr.add(at(t, i), Fr.mul(challenge, Fr.sub(at(t, i + middle), at(t, i))))),
      );
    }
    [p, q] = [parentP, parentQ];
  }
}

function nobleProduct(variables: number, next: () => bigint): void {
  let tables = [0, 1].map(() => Array.from({ length: 2 ** variables }, next));
  for (let length = 2 ** variables; length > 1; length /= 2) {
    const middle = length / 2;
    const challenge = next();
    const [a, b] = tables as [bigint[], bigint[]];
    let sum = 0n;
    for (let i = 0; i < length; i++) sum = Fr.add(sum, Fr.mul(a[i] as bigint, b[i] as bigint));
    tables = tables.map((t) =>
      Array.from({ length: middle }, (_, i) => Fr.add(t[i] as bigint, Fr.mul(challenge, Fr.sub(t[i + middle] as bigint, t[i] as bigint)))),
    );
  }
}

interface Options {
  readonly workers?: number;
}

const EXAMPLES = `
Examples:
  npm run bench -- kernels
  npm run bench -- kernels --workers 1 --json`;

/** `bench kernels` */
export function kernelsCommand(): Command {
  const command = new Command('kernels')
    .description('field, curve, look-up and sumcheck kernels against @noble/curves in the same run')
    .option('--workers <n>', 'threads of the backend (default: one a core)', integerOption(1, 256));
  return action<Options>(command.addHelpText('after', EXAMPLES), (_args, options) => bench(options));
}

async function bench(options: Options): Promise<Report> {
  const workers = options.workers ?? availableParallelism();
  const backend = await createWasmBackend({ workers });
  const next = stream();
  const lines: Line[] = [];
  const line = (what: string, items: number, milliseconds: number, noble: number): void => {
    const wasm = (milliseconds * 1e6) / items;
    lines.push({ what, wasm, noble, ratio: noble / wasm, milliseconds });
    process.stderr.write(`${what}\n`);
  };

  // 2^20 products through the outer product: one product and one addition a cell, vectors read and written.
  const weights = Array.from({ length: 1024 }, next);
  const out = backend.zeros(2 ** 20);
  const products = await best(3, async () => {
    await backend.accumulateOuter(out, 0, [weights, weights], [10, 10], 1n);
    // Outer products wait until the vector is needed: a partial evaluation into it needs it.
    await backend.contract({ cells: Float64Array.of(1), offset: 0 }, [], 1n, out);
  });
  backend.free(out);
  let x = next();
  const y = next();
  const nobleMul =
    ((await best(3, () => {
      for (let i = 0; i < 100_000; i++) x = Fr.mul(x, y);
    })) *
      1e6) /
    1e5;
  line('F product, 2^20 in memory', 2 ** 20, products, nobleMul);

  const columns = 2 ** 10;
  const blinds = Array.from({ length: 2 ** 10 }, next);
  const rowsOfOnes = new Float64Array(2 ** 20).fill(1);
  await backend.commitRows(rowsOfOnes.subarray(0, columns), columns, [1n]);
  const additions = await best(2, () => backend.commitRows(rowsOfOnes, columns, blinds));
  const points = multiplesOfH(2 ** 16);
  const p = Point.fromAffine(points[5] as Affine);
  let sum = p.double();
  const nobleAdd =
    ((await best(3, () => {
      for (let i = 0; i < 10_000; i++) sum = sum.add(p);
    })) *
      1e6) /
    1e4;
  line('G1 addition, 2^10 sums of 2^10 points', 2 ** 20, additions, nobleAdd);

  for (const bits of [16, 254]) {
    const scalars = points.map(() => (bits === 16 ? next() & 0xffffn : next()));
    const small = 2 ** 12;
    const affine = points.slice(0, small).map((q) => Point.fromAffine(q));
    const nobleMs = await best(1, () => pippenger(Point, affine, scalars.slice(0, small)));
    for (const log of [12, 16]) {
      const n = 2 ** log;
      const ms = await best(3, () => backend.msm(scalars.slice(0, n), points.slice(0, n)));
      line(`multi-exponentiation, 2^${log} points, ${bits} bits`, n, ms, (nobleMs * 1e6) / small);
    }
  }

  const cells = Float64Array.from({ length: 2 ** 20 }, () => Number(next() & 0xffffn) - 32768);
  await backend.commitRows(cells.subarray(0, columns), columns, [1n]);
  const rows = await best(2, () => backend.commitRows(cells, columns, blinds));
  const scalars = Array.from(cells.subarray(0, columns), (v) => BigInt(v < 0 ? -v : v));
  const affine = points.slice(0, columns).map((q) => Point.fromAffine(q));
  line(
    'rows of 2^20 cells of 16 bits, 2^10 columns',
    2 ** 20,
    rows,
    ((await best(1, () => pippenger(Point, affine, scalars))) * 1e6) / columns,
  );

  const treeMs = await best(2, () => tree(backend, 20, cells, next));
  line('fraction tree of 2^20 leaves, all layers', 2 ** 20, treeMs, ((await best(1, () => nobleTree(12, next))) * 1e6) / 2 ** 12);

  const productMs = await best(2, async () => {
    const tables = [await backend.fromInts(cells), await backend.eqTable(Array.from({ length: 20 }, next), 1n)];
    const rounds = await backend.product(tables, 1n, 2 ** 10);
    for (let i = 0; i < 20; i++) await rounds.round(i === 0 ? null : next());
    await rounds.finish(next());
  });
  line('product sumcheck of two tables of 2^20', 2 ** 20, productMs, ((await best(1, () => nobleProduct(13, next))) * 1e6) / 2 ** 13);

  const peak = { backend: backend.peakBytes(), process: peakResident() };
  await backend.close();
  const where = machine();
  return {
    json: { bench: 'kernels', machine: where, workers, lines, peak },
    text: [
      table([
        ['operation', 'ours', 'noble', 'ratio', 'whole'],
        ...lines.map((l) => [
          l.what,
          `${l.wasm.toFixed(0)} ns`,
          `${l.noble.toFixed(0)} ns`,
          `${l.ratio.toFixed(1)}×`,
          `${l.milliseconds.toFixed(1)} ms`,
        ]),
      ]),
      '',
      `peak memory: ${bytes(peak.backend)} of tables, ${bytes(peak.process)} in all`,
      `${workers} workers; ${Object.values(where).join(', ')}`,
    ].join('\n'),
  };
}
