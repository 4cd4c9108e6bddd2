/** Partial evaluations of integer blocks, and outer products of weights. */
import { R, mod } from '../../../verifier/field.ts';
import type { ContractDim, IntBlock } from '../types.ts';
import { cut, doubles, type Engine } from './engine.ts';
import { toMontgomery } from './memory.ts';

const ELEMENT = 32;
/** Bytes of a weight cut into ten parts for products with small integers. */
const SPLIT_WEIGHT = 48;
/** Terms of one accumulation: weights of this many are built as one table. */
const TERMS = 4096;
/** All sums a_0 + a_1 + … with a_d from lists[d], the first list slowest. */
function combinations(lists: readonly (readonly number[])[]): Uint32Array {
  let out = Uint32Array.of(0);
  for (const list of lists) {
    const next = new Uint32Array(out.length * list.length);
    for (let i = 0, k = 0; i < out.length; i++) for (let j = 0; j < list.length; j++) next[k++] = (out[i] as number) + (list[j] as number);
    out = next;
  }
  return out;
}

const range = (n: number, step: number): number[] => Array.from({ length: n }, (_, i) => i * step);

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

export async function contract(engine: Engine, block: IntBlock, dims: readonly ContractDim[], scale: bigint, out: number): Promise<void> {
  const strides: number[] = new Array<number>(dims.length);
  const shifts: number[] = new Array<number>(dims.length);
  let bits = 0;
  for (let d = dims.length - 1; d >= 0; d--) {
    shifts[d] = bits;
    strides[d] = 2 ** bits;
    bits += (dims[d] as ContractDim).bits;
  }
  const keepCells: number[][] = [];
  const keepTargets: number[][] = [];
  const sums: { weights: readonly bigint[]; stride: number }[] = [];
  dims.forEach((dim, d) => {
    const stride = strides[d] as number;
    if (dim.kind === 'sum') {
      sums.push({ weights: dim.weights.slice(0, 2 ** dim.bits), stride });
      return;
    }
    const first = Math.max(0, -dim.shift);
    const end = Math.min(dim.size, 2 ** dim.bits, dim.limit - dim.shift);
    const kept = range(Math.max(0, end - first), 1).map((y) => y + first);
    keepCells.push(kept.map((y) => y * stride));
    keepTargets.push(kept.map((y) => (y + dim.shift) * dim.stride));
  });
  const targets = combinations(keepTargets);
  if (targets.length === 0 || sums.some((s) => s.weights.length === 0) || scale === 0n) return;

  // Inner dimensions of the sum, up to TERMS terms, are one accumulation; outer ones weigh its results.
  let split = sums.length - 1;
  for (let terms = sums[split]?.weights.length ?? 1; split > 0; split--) {
    terms *= (sums[split - 1] as { weights: readonly bigint[] }).weights.length;
    if (terms > TERMS) break;
  }
  split = Math.max(split, 0);
  const outerSums = sums.slice(0, split);
  const innerSums = sums.slice(split);
  const outerCells = combinations(outerSums.map((s) => range(s.weights.length, s.stride)));
  const terms = combinations(innerSums.map((s) => range(s.weights.length, s.stride)));
  const outputs = combinations([...keepCells, [...outerCells]]);
  const segments = Math.ceil(terms.length / TERMS);
  const direct = outerCells.length * segments === 1;

  const { memory } = engine;
  const cells = engine.upload(doubles(block.cells.subarray(block.offset, block.offset + 2 ** bits)));
  const outputTable = engine.upload(outputs);
  const termTable = engine.upload(terms);
  // The accumulation divides by R once more than a product of Montgomery forms would: its weights carry R².
  const weights = await tensor(
    engine,
    innerSums.map((s) => s.weights),
    toMontgomery(direct ? scale : 1n),
  );
  const parts = memory.alloc(weights.length * SPLIT_WEIGHT);
  const splitJob = cut(weights.length, 10);
  await engine.run('splitWeights', splitJob, [weights.at, parts, weights.length, splitJob.chunk]);
  const units = outputs.length * segments;
  const partial = engine.vector(units);
  const job = cut(units, 4 * Math.min(terms.length, TERMS) + 70);
  const causal = block.causal;
  const diagonal =
    causal === undefined
      ? [0, 0, 0]
      : [2 ** (dims[causal[0]] as ContractDim).bits - 1, shifts[causal[0]] as number, shifts[causal[1]] as number];
  await engine.run('dotInts', job, [
    cells,
    outputTable,
    termTable,
    parts,
    partial,
    units,
    job.chunk,
    terms.length,
    TERMS,
    segments,
    ...diagonal,
  ]);
  engine.release(cells, outputTable, termTable, weights.at, parts);

  let results = partial;
  if (!direct) {
    const outerWeights = await tensor(engine, [...outerSums.map((s) => s.weights), new Array<bigint>(segments).fill(1n)], scale);
    results = engine.vector(targets.length);
    const rows = cut(targets.length, 20 * outerWeights.length + 60);
    await engine.run('rowDots', rows, [partial, outerWeights.at, results, targets.length, rows.chunk, outerWeights.length]);
    engine.release(partial, outerWeights.at);
  }
  const targetTable = engine.upload(targets);
  const add = { items: 1, chunk: 1, nanoseconds: 25 * targets.length };
  await engine.run('scatterAdd', add, [results, targetTable, out, targets.length]);
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

/** result[Σ index_d·2^(bits below d)] = v[Σ index_d·stride_d]. */
export async function expand(
  engine: Engine,
  from: number,
  fromLength: number,
  to: number,
  dims: readonly { readonly bits: number; readonly stride: number }[],
): Promise<void> {
  const last = dims.reduce((sum, d) => sum + (2 ** d.bits - 1) * d.stride, 0);
  if (last >= fromLength) throw new Error(`expand: reads cell ${last} of ${fromLength}`);
  const total = dims.reduce((n, d) => n + d.bits, 0);
  let split = dims.length;
  let lowBits = 0;
  while (split > 0 && lowBits < total / 2) lowBits += (dims[--split] as { bits: number }).bits;
  const offsets = (list: typeof dims): number => engine.upload(combinations(list.map((d) => range(2 ** d.bits, d.stride))));
  const high = offsets(dims.slice(0, split));
  const low = offsets(dims.slice(split));
  const job = cut(2 ** total, 5);
  await engine.run('gather', job, [from, to, 2 ** total, job.chunk, high, low, lowBits]);
  engine.release(high, low);
}
