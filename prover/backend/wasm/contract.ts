/** Partial evaluations of integer blocks, and outer products of weights. */
import { R, mod } from '../../../verifier/field.ts';
import { axesOf, combinations, denseAxes, firstOf, part, range, spanOf, type Axis } from '../axes.ts';
import { cellsAt } from '../sources.ts';
import type { Cells, ContractDim, IntBlock } from '../types.ts';
import { cut, type Engine } from './engine.ts';
import { toMontgomery } from './memory.ts';

const ELEMENT = 32;
/** Bytes of a weight as eight digits. */
const SPLIT_WEIGHT = 64;
/** Terms of one accumulation: weights of this many are built as one table. */
const TERMS = 8192;
/** Terms of one accumulation when a single dimension has more; its 64-bit sums hold 2^17. */
const MOST_TERMS = 2 ** 16;
/** Bytes of cells that are uploaded at a time. */
const UPLOAD = 2 ** 24;
/** Outputs that `dotRows` works on together. */
const ROWS = 32;
/** Columns that `dotColumns` works on together. */
const COLUMNS = 64;

interface Tensor {
  readonly at: number;
  readonly length: number;
}

/** The tensor product of weight lists times `factor`, in Montgomery form. */
async function tensor(engine: Engine, lists: readonly (readonly bigint[])[], factor: bigint): Promise<Tensor> {
  let at = engine.vector(1);
  let length = 1;
  engine.memory.write(at, toMontgomery(factor));
  for (const list of lists) {
    const row = engine.vector(list.length);
    await engine.fromField(list, row);
    const next = engine.vector(length * list.length);
    const job = cut(length, 30 * list.length);
    await engine.run('outer', job, [at, row, next, length, job.chunk, list.length]);
    engine.release(at, row);
    at = next;
    length *= list.length;
  }
  return { at, length };
}

/** Cuts axes into blocks of at most `most` cells to upload, whose summed axes have at most MOST_TERMS cells. */
function* pieces(axes: readonly Axis[], most: number): Generator<readonly Axis[]> {
  const span = spanOf(axes);
  const at = axes.findIndex((a) => a.count > 1 && (span > most || (a.weights !== null && a.count > MOST_TERMS)));
  if (at < 0) return yield axes;
  const a = axes[at] as Axis;
  const rest = spanOf(axes.with(at, { ...a, count: 1 }));
  const wanted = span > most ? Math.max(1, Math.floor((most - rest) / a.stride) + 1) : MOST_TERMS;
  const each = Math.min(a.weights === null ? a.count : MOST_TERMS, wanted, Math.ceil(a.count / 2));
  for (let from = 0; from < a.count; from += each) yield* pieces(axes.with(at, part(a, from, Math.min(each, a.count - from))), most);
}

/** Σ_y cells[y]·Π_d weights[d][y_d] over a dense array, row-major; adds to `out`. */
export async function weightedSum(engine: Engine, cells: Cells, weights: readonly (readonly bigint[])[], out: number): Promise<void> {
  const axes = denseAxes(weights);
  const count = weights.reduce((n, own) => n * own.length, 1);
  if (count !== cells.length) throw new Error(`weightedSum: ${cells.length} cells for weights of ${count}`);
  const wrong = cells instanceof Float64Array ? cells.findIndex((v) => !Number.isSafeInteger(v)) : -1;
  if (wrong >= 0) throw new Error(`weightedSum: cell ${wrong} is not an exact integer: ${cells[wrong]}`);
  await contractAxes(engine, { cells, offset: 0 }, axes, [], 1n, out);
}

export async function contract(engine: Engine, block: IntBlock, dims: readonly ContractDim[], scale: bigint, out: number): Promise<void> {
  const axes = axesOf(dims);
  if (axes !== null && scale !== 0n) await contractAxes(engine, block, axes, dims, scale, out);
}

async function contractAxes(
  engine: Engine,
  { cells, offset, causal }: IntBlock,
  axes: readonly Axis[],
  dims: readonly ContractDim[],
  scale: bigint,
  out: number,
): Promise<void> {
  const shiftOf = (d: number): number => dims.slice(d + 1).reduce((n, x) => n + x.bits, 0);
  // Cells are read and uploaded while the workers are at the block before.
  let before: Promise<void> = Promise.resolve();
  const read = (from: number, count: number): Promise<Cells> =>
    cellsAt(cells, from, Math.max(0, Math.min(count, cells.length - from))).catch(async (error: unknown) => {
      await before.catch(() => {});
      throw error;
    });
  for (const own of pieces(axes, UPLOAD / cells.BYTES_PER_ELEMENT)) {
    const first = firstOf(own);
    const count = spanOf(own);
    const piece = await read(offset + first, count);
    const at = engine.upload(piece);
    const size = Math.log2(cells.BYTES_PER_ELEMENT);
    const previous = before;
    const run = async (): Promise<void> => {
      try {
        if (causal !== undefined) {
          const job = cut(count, 2);
          const m = 2 ** (dims[causal[0]] as ContractDim).bits - 1;
          await engine.run('clearAbove', job, [at, size, count, job.chunk, first, m, shiftOf(causal[0]), shiftOf(causal[1])]);
        }
        await contractBlock(engine, { at, size }, own, scale, out, previous);
      } finally {
        engine.release(at);
      }
    };
    before = run();
    before.catch(() => {});
    await previous;
  }
  await before;
}

/** `contract` of uploaded cells, whose first one lies at `source.at`. Adds to `out` after `previous`. */
async function contractBlock(
  engine: Engine,
  source: { readonly at: number; readonly size: number },
  axes: readonly Axis[],
  scale: bigint,
  out: number,
  previous: Promise<void>,
): Promise<void> {
  const { memory } = engine;
  let factor = scale;
  let target = 0;
  const moving: Axis[] = [];
  for (const a of axes) {
    if (a.count > 1) {
      moving.push(a);
      continue;
    }
    target += a.target;
    if (a.weights !== null) factor = mod(factor * (a.weights[0] as bigint));
  }
  // Cells that lie side by side and are all kept or all summed: the columns of a tile, or a run of terms.
  const keep = moving.at(-1)?.weights === null;
  let run = 1;
  let split = moving.length;
  for (; split > 0; split--) {
    const a = moving[split - 1] as Axis;
    if (a.stride !== run || (a.weights === null) !== keep || (!keep && run > 1 && run * a.count > TERMS)) break;
    run *= a.count;
  }
  const inner = moving.slice(split);
  const outer = moving.slice(0, split);
  const kept = outer.filter((a) => a.weights === null);
  const sums = outer.filter((a) => a.weights !== null);

  // Summed axes that together have up to TERMS terms are one accumulation; further ones weigh its results.
  let terms = keep ? 1 : run;
  let far = sums.length;
  for (; far > 0; far--) {
    const { count } = sums[far - 1] as Axis;
    if (terms > 1 && terms * count > TERMS) break;
    terms *= count;
  }
  const farSums = sums.slice(0, far);
  const nearSums = sums.slice(far);
  const farCells = combinations(farSums.map((a) => range(a.count, a.stride)));
  const outputs = combinations([...kept.map((a) => range(a.count, a.stride)), farCells]);
  const targets = combinations([[target + kept.reduce((n, a) => n + a.target, 0)], ...kept.map((a) => range(a.count, a.step))]);
  const columns = keep ? combinations([[inner.reduce((n, a) => n + a.target, 0)], ...inner.map((a) => range(a.count, a.step))]) : [0];
  const direct = farCells.length === 1;

  const outputTable = engine.upload(outputs);
  const termTable = engine.upload(combinations(nearSums.map((a) => range(a.count, a.stride))));
  // The accumulation divides by R once more than a product of Montgomery forms would: its weights carry R².
  const weights = await tensor(
    engine,
    [...nearSums, ...(keep ? [] : inner)].map((a) => a.weights as readonly bigint[]),
    toMontgomery(direct ? factor : 1n),
  );
  const digits = memory.alloc((terms + 1) * SPLIT_WEIGHT);
  memory.bytes.fill(0, digits + (terms - 1) * SPLIT_WEIGHT, digits + (terms + 1) * SPLIT_WEIGHT);
  const splitJob = cut(terms, 15);
  await engine.run('splitWeights', splitJob, [weights.at, digits, terms, splitJob.chunk, keep ? 0 : 1]);
  const units = outputs.length * columns.length;
  const sum = engine.vector(units);
  if (keep) {
    const tiles = Math.ceil(columns.length / COLUMNS);
    const job = cut(outputs.length * tiles, Math.min(COLUMNS, columns.length) * (1.2 * terms + 60));
    const sizes = [tiles, job.items, job.chunk];
    await engine.run('dotColumns', job, [source.at, source.size, outputTable, columns.length, termTable, terms, digits, sum, ...sizes]);
  } else {
    const job = cut(outputs.length, 1.2 * terms + 60);
    const chunk = job.chunk === job.items ? job.chunk : ROWS * Math.ceil(job.chunk / ROWS);
    const rows = [outputTable, outputs.length, termTable, run, terms, digits, sum, chunk];
    await engine.run('dotRows', { ...job, chunk }, [source.at, source.size, ...rows]);
  }
  engine.release(outputTable, termTable, weights.at, digits);

  const count = targets.length * columns.length;
  let results = sum;
  if (!direct) {
    const weigh = await tensor(
      engine,
      farSums.map((a) => a.weights as readonly bigint[]),
      factor,
    );
    results = engine.vector(count);
    const job = cut(count, 25 * weigh.length + 60);
    await engine.run('combine', job, [sum, weigh.at, results, count, job.chunk, weigh.length, columns.length]);
    engine.release(sum, weigh.at);
  }
  const places = combinations([targets, columns]);
  const targetTable = engine.upload(places);
  const distinct = places.every((to, i) => i === 0 || to > (places[i - 1] as number));
  const add = distinct ? cut(count, 25) : { items: count, chunk: count, nanoseconds: 25 * count };
  await previous;
  await engine.run('scatterAdd', add, [results, targetTable, out, count, add.chunk]);
  engine.release(results, targetTable);
}

/** Weights of one dimension, zeros added up to 2^bits. */
const padded = (weights: readonly bigint[], bits: number): bigint[] => Array.from({ length: 2 ** bits }, (_, i) => weights[i] ?? 0n);

/** Cells of the inner table of an outer product. */
const INNER_BITS = 11;

/** Terms of an outer product that are added in one pass. */
const TERMS_A_PASS = 4;

/** One call of `accumulateOuter`. */
export interface OuterTerm {
  readonly offset: number;
  readonly dims: readonly (readonly bigint[])[];
  readonly bits: readonly number[];
  readonly scale: bigint;
  readonly causal: readonly [number, number] | undefined;
}

/** The first of the dimensions that make up the inner table. */
function splitOf(bits: readonly number[]): number {
  let split = bits.length - 1;
  for (let inner = bits[split] ?? 0; split > 0; split--) {
    inner += bits[split - 1] as number;
    if (inner > INNER_BITS) break;
  }
  return Math.max(split, 0);
}

/**
 * out += all terms. Terms over the same block whose tables have the same sizes are added up before the one reduction
 * of a cell: a tensor is read by several relations.
 */
export async function accumulateOuter(engine: Engine, out: number, terms: readonly OuterTerm[]): Promise<void> {
  const groups = new Map<string, { term: OuterTerm; split: number; diagonal: number[] }[]>();
  for (const term of terms) {
    const { bits, causal } = term;
    const split = splitOf(bits);
    const shift = (d: number): number => bits.slice(d + 1).reduce((n, b) => n + b, 0);
    const diagonal = causal === undefined ? [0, 0, 0] : [2 ** (bits[causal[0]] as number) - 1, shift(causal[0]), shift(causal[1])];
    const key = [term.offset, shift(-1), shift(split - 1), ...diagonal].join(' ');
    const group = groups.get(key) ?? [];
    group.push({ term, split, diagonal });
    groups.set(key, group);
  }
  for (const group of groups.values()) {
    for (let from = 0; from < group.length; from += TERMS_A_PASS) {
      const pass = group.slice(from, from + TERMS_A_PASS);
      const highs: Tensor[] = [];
      const lows: Tensor[] = [];
      for (const { term, split } of pass) {
        const lists = term.dims.map((weights, d) => padded(weights, term.bits[d] as number));
        highs.push(await tensor(engine, lists.slice(0, split), mod(term.scale)));
        lows.push(await tensor(engine, lists.slice(split), 1n));
      }
      const [high, low] = [gathered(engine, highs), gathered(engine, lows)];
      const job = cut(high.length, (20 + 10 * pass.length) * low.length);
      const { term, diagonal } = pass[0] as (typeof pass)[number];
      const to = out + ELEMENT * term.offset;
      await engine.run('addOuter', job, [high.at, low.at, to, high.length, job.chunk, low.length, ...diagonal, pass.length]);
      engine.release(high.at, low.at);
    }
  }
}

/** Tensors of one length, one after another. Frees them. */
function gathered(engine: Engine, list: readonly Tensor[]): Tensor {
  const length = (list[0] as Tensor).length;
  const at = engine.vector(length * list.length);
  list.forEach((t, k) => engine.memory.bytes.copyWithin(at + k * ELEMENT * length, t.at, t.at + ELEMENT * length));
  engine.release(...list.map((t) => t.at));
  return { at, length };
}

/** The table of scale·eq(point, ·). */
export async function eqTable(engine: Engine, at: number, point: readonly bigint[], scale: bigint): Promise<void> {
  const n = point.length;
  const prefix = n < 13 ? 0 : Math.min(n - 8, 6);
  let starts = [scale];
  for (const r of point.slice(0, prefix)) {
    starts = starts.flatMap((s) => {
      const one = (s * r) % R;
      return [mod(s - one), one];
    });
  }
  const startTable = engine.vector(starts.length);
  starts.forEach((s, k) => engine.memory.write(startTable + ELEMENT * k, toMontgomery(s)));
  const job = { items: starts.length, chunk: 1, nanoseconds: 25 * 2 ** n };
  await engine.run('eqChunk', job, [at, n - prefix, startTable], point.slice(prefix).map(toMontgomery));
  engine.release(startTable);
}
