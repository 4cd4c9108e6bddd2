/**
 * Products of two or three tensors with sums, as batched matrix products (Thaler's classes of variables: batch in both factors,
 * rows and columns in one, contracted ones summed).
 *
 * In integer mode every partial sum stays below 2^53: where the factors' maxima don't allow that, a factor is split into high and
 * low parts and the partial products are added in pairs hi + lo.
 */
import { Accumulator, EXACT } from './accumulator.ts';
import { addProduct, addScaled, maxAbs, pack, rowMajor } from './loops.ts';
import { matmul, sparseMatmul } from './matmul.ts';

/** A dense array over variables: one stride for each variable of the relation, 0 where it doesn't depend on it. */
export interface Operand {
  readonly data: Float64Array;
  readonly base: number;
  readonly strides: readonly number[];
  /** max |v|; not used in float mode. */
  readonly bound: number;
}

const dependsOn = (o: Operand, v: number, sizes: readonly number[]): boolean => o.strides[v] !== 0 && sizes[v] > 1;

/** Dense operand over `dims` from contiguous data. */
function dense(data: Float64Array, dims: readonly number[], sizes: readonly number[], bound: number): Operand {
  const inner = rowMajor(dims.map((v) => sizes[v]));
  const strides = sizes.map(() => 0);
  dims.forEach((v, d) => (strides[v] = inner[d]));
  return { data, base: 0, strides, bound };
}

const at = (o: Operand, dims: readonly number[]): { data: Float64Array; base: number; strides: number[] } => ({
  data: o.data,
  base: o.base,
  strides: dims.map((v) => o.strides[v]),
});

const cells = (dims: readonly number[], sizes: readonly number[]): number => dims.reduce((n, v) => n * sizes[v], 1);

/** Sums `o` over the variables `over`. null where a sum could pass 2^53. */
function sumOut(o: Operand, over: readonly number[], sizes: readonly number[], exact: boolean): Operand | null {
  if (over.length === 0) return o;
  if (exact && o.bound * cells(over, sizes) >= EXACT) return null;
  const keep = sizes.flatMap((_, v) => (dependsOn(o, v, sizes) && !over.includes(v) ? [v] : []));
  const data = new Float64Array(cells(keep, sizes));
  const dims = [...keep, ...over];
  const target = { data, base: 0, strides: [...rowMajor(keep.map((v) => sizes[v])), ...over.map(() => 0)] };
  addScaled(
    dims.map((v) => sizes[v]),
    target,
    at(o, dims),
    1,
  );
  return dense(data, keep, sizes, exact ? maxAbs(data) : 0);
}

/** o = high · 2^shift + low, 0 <= low < 2^shift, over the cells it depends on. */
function split(o: Operand, sizes: readonly number[]): { high: Operand; low: Operand; scale: number } {
  const dims = sizes.flatMap((_, v) => (dependsOn(o, v, sizes) ? [v] : []));
  const src = pack(
    dims.map((v) => sizes[v]),
    at(o, dims),
  );
  const scale = 2 ** Math.ceil(Math.log2(o.bound + 1) / 2);
  const high = new Float64Array(src.length);
  const low = new Float64Array(src.length);
  for (let i = 0; i < src.length; i++) {
    high[i] = Math.floor(src[i] / scale);
    low[i] = src[i] - high[i] * scale;
  }
  return { high: dense(high, dims, sizes, maxAbs(high)), low: dense(low, dims, sizes, maxAbs(low)), scale };
}

/** Product of two operands cell by cell over the union of their variables. null where a cell could pass 2^53. */
function combine(a: Operand, b: Operand, sizes: readonly number[], exact: boolean): Operand | null {
  if (exact && a.bound * b.bound >= EXACT) return null;
  const dims = sizes.flatMap((_, v) => (dependsOn(a, v, sizes) || dependsOn(b, v, sizes) ? [v] : []));
  const data = new Float64Array(cells(dims, sizes));
  const dimSizes = dims.map((v) => sizes[v]);
  addProduct(dimSizes, { data, base: 0, strides: rowMajor(dimSizes) }, at(a, dims), at(b, dims), 1);
  return dense(data, dims, sizes, exact ? maxAbs(data) : 0);
}

/**
 * acc (over the variables `free`) += coef · Σ_sum Π operands. false where the result can't be computed in float64 pairs.
 */
export function contract(
  acc: Accumulator,
  sizes: readonly number[],
  free: readonly number[],
  sum: readonly number[],
  operands: readonly Operand[],
  coef: number,
  exact: boolean,
): boolean {
  if (operands.length === 2) return contractPair(acc, sizes, free, sum, operands[0], operands[1], coef, exact);
  const union = (a: Operand, b: Operand): number =>
    sizes.reduce((n, s, v) => (dependsOn(a, v, sizes) || dependsOn(b, v, sizes) ? n * s : n), 1);
  const orders = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 2, 0],
  ].map(([i, j, k]) => ({ a: operands[i], b: operands[j], c: operands[k] }));
  const cost = (o: { a: Operand; b: Operand }): number => union(o.a, o.b) * (1 + (exact ? Math.log2(1 + o.a.bound * o.b.bound) : 0) / 1000);
  orders.sort((x, y) => cost(x) - cost(y));
  for (const { a, b, c } of orders) {
    const pair = combine(a, b, sizes, exact);
    if (pair !== null) return contractPair(acc, sizes, free, sum, pair, c, coef, exact);
  }
  return false;
}

function contractPair(
  acc: Accumulator,
  sizes: readonly number[],
  free: readonly number[],
  sum: readonly number[],
  a: Operand,
  b: Operand,
  coef: number,
  exact: boolean,
): boolean {
  const inA = (v: number): boolean => dependsOn(a, v, sizes);
  const inB = (v: number): boolean => dependsOn(b, v, sizes);
  const left = sumOut(
    a,
    sum.filter((v) => inA(v) && !inB(v)),
    sizes,
    exact,
  );
  const right = sumOut(
    b,
    sum.filter((v) => inB(v) && !inA(v)),
    sizes,
    exact,
  );
  if (left === null || right === null) return false;
  const repeat = sum.reduce((n, v) => (inA(v) || inB(v) ? n : n * sizes[v]), 1);
  const contracted = sum.filter((v) => inA(v) && inB(v));
  const times = (x: Operand, y: Operand, factor: number): boolean => {
    const bound = x.bound * y.bound * cells(contracted, sizes);
    if (exact && bound >= EXACT) {
      if (Math.max(x.bound, y.bound) <= 1) return false;
      const [wide, other] = x.bound >= y.bound ? [x, y] : [y, x];
      const parts = split(wide, sizes);
      return times(parts.high, other, factor * parts.scale) && times(parts.low, other, factor);
    }
    if (contracted.length === 0) return acc.addProduct(at(x, free), at(y, free), factor, bound * Math.abs(factor));
    return multiply(acc, sizes, free, contracted, x, y, factor, bound * Math.abs(factor));
  };
  return times(left, right, coef * repeat);
}

const SPARSE_COLUMNS = 4;

/** A batched matrix product; `bound` bounds the scaled result. */
function multiply(
  acc: Accumulator,
  sizes: readonly number[],
  free: readonly number[],
  contracted: readonly number[],
  a: Operand,
  b: Operand,
  coef: number,
  bound: number,
): boolean {
  const batch = free.filter((v) => dependsOn(a, v, sizes) && dependsOn(b, v, sizes));
  const rows = free.filter((v) => dependsOn(a, v, sizes) && !dependsOn(b, v, sizes));
  const columns = free.filter((v) => !dependsOn(a, v, sizes) && dependsOn(b, v, sizes));
  const [N0, M, N, K] = [batch, rows, columns, contracted].map((dims) => cells(dims, sizes));
  const order = [...batch, ...rows, ...columns];
  const c = new Float64Array(N0 * M * N);
  const packed = (o: Operand, dims: readonly number[]): Float64Array =>
    pack(
      dims.map((v) => sizes[v]),
      at(o, dims),
    );
  const left = packed(a, [...batch, ...rows, ...contracted]);
  if (N >= SPARSE_COLUMNS && isSparse(left)) {
    const right = packed(b, [...batch, ...contracted, ...columns]);
    for (let i = 0; i < N0; i++)
      sparseMatmul(
        left.subarray(i * M * K, (i + 1) * M * K),
        right.subarray(i * N * K, (i + 1) * N * K),
        c.subarray(i * M * N, (i + 1) * M * N),
        M,
        N,
        K,
      );
  } else {
    const right = packed(b, [...batch, ...columns, ...contracted]);
    if (M >= SPARSE_COLUMNS && isSparse(right)) return multiply(acc, sizes, free, contracted, b, a, coef, bound);
    for (let i = 0; i < N0; i++)
      matmul(
        left.subarray(i * M * K, (i + 1) * M * K),
        right.subarray(i * N * K, (i + 1) * N * K),
        c.subarray(i * M * N, (i + 1) * M * N),
        M,
        N,
        K,
      );
  }
  const live = (dims: readonly number[]): string => dims.filter((v) => sizes[v] > 1).join();
  if (live(order) === live(free) && acc.adopt(c, coef, bound)) return true;
  const inner = rowMajor(order.map((v) => sizes[v]));
  const src = { data: c, base: 0, strides: free.map((v) => (order.includes(v) ? inner[order.indexOf(v)] : 0)) };
  return acc.add(acc.sizes, 0, acc.strides, src, coef, bound);
}

/** At most one cell in eight is non-zero. */
function isSparse(v: Float64Array): boolean {
  let n = 0;
  const limit = v.length >> 3;
  for (let i = 0; i < v.length; i++) if (v[i] !== 0 && ++n > limit) return false;
  return true;
}
