/**
 * Products of two or three tensors with sums, as batched matrix products (Thaler's classes of variables: batch in both factors,
 * rows and columns in one, contracted ones summed).
 *
 * In integer mode every partial sum stays below 2^53: where the factors' maxima don't allow that, a factor is split into high and
 * low parts and the partial products are added in pairs hi + lo.
 */
import type { Cells } from '../../verifier/public-content.ts';
import { Accumulator, EXACT } from './accumulator.ts';
import type { Computation } from './batches.ts';
import type { Right } from './kernels/right.ts';
import { addProduct, addScaled, maxAbs, pack, rowMajor, type Strided } from './loops.ts';
import { addMultiples, matmul } from './matmul.ts';

/** A dense array over variables: one stride for each variable of the relation, 0 where it doesn't depend on it. */
export interface Operand {
  readonly data: Cells;
  readonly base: number;
  readonly strides: readonly number[];
  /** max |v|; not used in float mode. */
  readonly bound: number;
  /** The cells are the same in every walk. */
  readonly fixed?: boolean;
}

const dependsOn = (o: Operand, v: number, sizes: readonly number[]): boolean => o.strides[v] !== 0 && sizes[v] > 1;

/** Dense operand over `dims` from contiguous data. */
function dense(data: Float64Array, dims: readonly number[], sizes: readonly number[], bound: number): Operand {
  const inner = rowMajor(dims.map((v) => sizes[v]));
  const strides = sizes.map(() => 0);
  dims.forEach((v, d) => (strides[v] = inner[d]));
  return { data, base: 0, strides, bound };
}

const at = (o: Operand, dims: readonly number[]): Strided<Cells> => ({
  data: o.data,
  base: o.base,
  strides: dims.map((v) => o.strides[v]),
});

const cells = (dims: readonly number[], sizes: readonly number[]): number => dims.reduce((n, v) => n * sizes[v], 1);

const packed = (o: Operand, dims: readonly number[], sizes: readonly number[]): Float64Array =>
  pack(
    dims.map((v) => sizes[v]),
    at(o, dims),
  );

/** The variables that `o` depends on. */
const ownDims = (o: Operand, sizes: readonly number[]): number[] => sizes.flatMap((_, v) => (dependsOn(o, v, sizes) ? [v] : []));

/** max Σ |v| over the variables `over`. */
function largestSum(o: Operand, over: readonly number[], sizes: readonly number[]): number {
  const rest = ownDims(o, sizes).filter((v) => !over.includes(v));
  const data = packed(o, [...rest, ...over], sizes);
  const row = cells(over, sizes);
  let most = 0;
  for (let i = 0; i < data.length; i += row) {
    let sum = 0;
    for (let k = i; k < i + row; k++) sum += Math.abs(data[k]);
    if (sum > most) most = sum;
  }
  return most;
}

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
  const dims = ownDims(o, sizes);
  const src = packed(o, dims, sizes);
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

/** What a contraction is computed with. */
export interface Contraction {
  readonly sizes: readonly number[];
  readonly free: readonly number[];
  readonly exact: boolean;
}

/**
 * acc (over the variables `free`) += coef · Σ_sum Π operands. false where the result can't be computed in float64 pairs.
 */
export function* contract(
  c: Contraction,
  acc: Accumulator,
  sum: readonly number[],
  operands: readonly Operand[],
  coef: number,
): Computation<boolean> {
  const { sizes, exact } = c;
  if (operands.length === 2) return yield* contractPair(c, acc, sum, operands[0], operands[1], coef);
  const outside = operands.find((o) => sum.length > 0 && !sum.some((v) => dependsOn(o, v, sizes)));
  if (outside) {
    const inner = yield* sumPair(c, sum, operands.filter((o) => o !== outside) as [Operand, Operand]);
    if (inner !== null) return yield* contractPair(c, acc, [], inner, outside, coef);
  }
  const union = (a: Operand, b: Operand): number =>
    sizes.reduce((n, s, v) => (dependsOn(a, v, sizes) || dependsOn(b, v, sizes) ? n * s : n), 1);
  const orders = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 2, 0],
  ].map(([i, j, k]) => ({ a: operands[i], b: operands[j], c: operands[k] }));
  const cost = (o: { a: Operand; b: Operand }): number => union(o.a, o.b) * (1 + (exact ? Math.log2(1 + o.a.bound * o.b.bound) : 0) / 1000);
  orders.sort((x, y) => cost(x) - cost(y));
  for (const order of orders) {
    // Sums that the third operand does not take part in come first: the pair's own cells may be many times more.
    const inner = sum.filter((v) => !dependsOn(order.c, v, sizes));
    const rest = sum.filter((v) => dependsOn(order.c, v, sizes));
    const summed = inner.length > 0 ? yield* sumPair({ ...c, free: [...c.free, ...rest] }, inner, [order.a, order.b]) : null;
    if (summed !== null) return yield* contractPair(c, acc, rest, summed, order.c, coef);
    const pair = combine(order.a, order.b, sizes, exact);
    if (pair !== null) return yield* contractPair(c, acc, sum, pair, order.c, coef);
  }
  return false;
}

/** Σ_sum of the product of two operands. null where a sum could pass 2^53. */
function* sumPair(c: Contraction, sum: readonly number[], [a, b]: readonly [Operand, Operand]): Computation<Operand | null> {
  const { sizes, exact } = c;
  const free = c.free.filter((v) => dependsOn(a, v, sizes) || dependsOn(b, v, sizes));
  const acc = new Accumulator(
    free.map((v) => sizes[v]),
    exact,
  );
  if (!(yield* contractPair({ ...c, free }, acc, sum, a, b, 1)) || acc.lo !== null) return null;
  return dense(acc.hi, free, sizes, exact ? maxAbs(acc.hi) : 0);
}

function* contractPair(
  c: Contraction,
  acc: Accumulator,
  sum: readonly number[],
  a: Operand,
  b: Operand,
  coef: number,
): Computation<boolean> {
  const { sizes, free, exact } = c;
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
  /** A bound of every partial sum, refined by sums of actual magnitudes where the largest ones alone say too little. */
  const reach = (x: Operand, y: Operand, enough: (bound: number) => boolean): number => {
    let bound = x.bound * y.bound * cells(contracted, sizes);
    for (const [o, other] of x.bound >= y.bound ? [[x, y] as const, [y, x] as const] : [[y, x] as const, [x, y] as const])
      if (!enough(bound) && o.data instanceof Float64Array) bound = Math.min(bound, largestSum(o, contracted, sizes) * other.bound);
    return bound;
  };
  const times = function* (x: Operand, y: Operand, factor: number): Computation<boolean> {
    const bound = exact ? reach(x, y, (n) => n < EXACT && (contracted.length > 0 || acc.fits(n * Math.abs(factor)))) : 0;
    if (bound >= EXACT) {
      if (Math.max(x.bound, y.bound) <= 1) return false;
      const [wide, other] = x.bound >= y.bound ? [x, y] : [y, x];
      const parts = split(wide, sizes);
      return (yield* times(parts.high, other, factor * parts.scale)) && (yield* times(parts.low, other, factor));
    }
    if (contracted.length === 0) return acc.addProduct(at(x, free), at(y, free), factor, bound * Math.abs(factor));
    return yield* multiply(c, acc, contracted, x, y, factor, bound);
  };
  return yield* times(left, right, coef * repeat);
}

/** Columns from which skipping zeros pays. */
const SPARSE_COLUMNS = 4;
/** Products below which copying into the kernel's memory doesn't pay. */
const SMALL = 2048;

/** The dims by falling stride of an operand, the order in which most operands are stored. */
const byStride = (o: Operand, dims: readonly number[]): number[] => [...dims].sort((v, w) => o.strides[w] - o.strides[v]);

/** The one stride of several dims, if there is one. */
function commonStride(o: Operand, dims: readonly number[], sizes: readonly number[]): number | null {
  for (let d = 1; d < dims.length; d++) if (o.strides[dims[d - 1]] !== o.strides[dims[d]] * sizes[dims[d]]) return null;
  const last = dims.at(-1);
  return last === undefined ? 1 : o.strides[last];
}

/** Cells of `o` from its base at the position `i` of the row-major rectangle of `dims`. */
function offset(o: Operand, dims: readonly number[], sizes: readonly number[], i: number): number {
  let at = 0;
  for (let d = dims.length - 1; d >= 0; d--) {
    at += (i % sizes[dims[d]]) * o.strides[dims[d]];
    i = Math.floor(i / sizes[dims[d]]);
  }
  return at;
}

/**
 * acc += coef · a batched matrix product whose partial sums are at most `bound`. One factor stays as it is stored: the one of narrow integers,
 * or else the larger one.
 */
function* multiply(
  c: Contraction,
  acc: Accumulator,
  contracted: readonly number[],
  a: Operand,
  b: Operand,
  coef: number,
  bound: number,
): Computation<boolean> {
  const { sizes, free } = c;
  const own = (o: Operand): number => cells(ownDims(o, sizes), sizes);
  const narrow = (o: Operand): boolean => !(o.data instanceof Float64Array);
  const swap = narrow(a) === narrow(b) ? own(a) > own(b) : narrow(a);
  const [x, y] = swap ? [b, a] : [a, b];
  const batch = free.filter((v) => dependsOn(x, v, sizes) && dependsOn(y, v, sizes));
  const inX = free.filter((v) => dependsOn(x, v, sizes) && !dependsOn(y, v, sizes));
  const inY = free.filter((v) => !dependsOn(x, v, sizes) && dependsOn(y, v, sizes));
  const sparse = (o: Operand, rows: readonly number[], others: readonly number[]): boolean =>
    cells(others, sizes) >= SPARSE_COLUMNS && o.data instanceof Float64Array && isSparse(o, [...batch, ...rows, ...contracted], sizes);
  const skips = sparse(x, inX, inY);
  const flip = !skips && sparse(y, inY, inX);
  const [left, right, rows, others] = flip ? [y, x, inY, inX] : [x, y, inX, inY];
  const terms = byStride(right, contracted);
  const columns = byStride(right, others);
  const [N0, M, N, K] = [batch, rows, columns, terms].map((dims) => cells(dims, sizes));
  const out = new Float64Array(N0 * M * N);
  const from = packed(left, [...batch, ...rows, ...terms], sizes);
  if (skips || flip) sparseProduct(out, from, right, { batch, columns, terms }, sizes, M);
  else if (M * N * K < SMALL || M * N === 1) {
    const to = packed(right, [...batch, ...columns, ...terms], sizes);
    for (let i = 0; i < N0; i++)
      matmul(
        from.subarray(i * M * K, (i + 1) * M * K),
        to.subarray(i * N * K, (i + 1) * N * K),
        out.subarray(i * M * N, (i + 1) * M * N),
        M,
        N,
        K,
      );
  } else yield { count: N0, left: from, right: storedMatrices(right, batch, columns, terms, sizes), out, M, N, K };
  const term = acc.fits(bound * Math.abs(coef)) ? bound * Math.abs(coef) : maxAbs(out) * Math.abs(coef);
  const order = [...batch, ...rows, ...columns];
  const live = (dims: readonly number[]): string => dims.filter((v) => sizes[v] > 1).join();
  if (live(order) === live(free) && acc.adopt(out, coef, term)) return true;
  const inner = rowMajor(order.map((v) => sizes[v]));
  const src = { data: out, base: 0, strides: free.map((v) => (order.includes(v) ? inner[order.indexOf(v)] : 0)) };
  return acc.add(acc.sizes, 0, acc.strides, src, coef, term);
}

/** The matrices of a batch where they lie, if one of their indices is contiguous; else copied with the terms contiguous. */
function storedMatrices(
  o: Operand,
  batch: readonly number[],
  columns: readonly number[],
  terms: readonly number[],
  sizes: readonly number[],
): (i: number) => Right {
  const [strideK, strideN] = [commonStride(o, terms, sizes), commonStride(o, columns, sizes)];
  // Short lines are not worth copying one by one.
  const long = (dims: readonly number[]): boolean => cells(dims, sizes) >= 8;
  if (strideK !== null && strideN !== null && ((strideK === 1 && long(terms)) || (strideN === 1 && long(columns))))
    return (i) => ({ cells: o.data, base: o.base + offset(o, batch, sizes, i), strideK, strideN, fixed: o.fixed === true });
  const [N, K] = [cells(columns, sizes), cells(terms, sizes)];
  const data = packed(o, [...batch, ...columns, ...terms], sizes);
  return (i) => ({ cells: data, base: i * N * K, strideK: 1, strideN: K });
}

/** out[batch][m][columns] += left[batch][m][terms] · right, for a left factor with few non-zero cells (one-hot rows). */
function sparseProduct(
  out: Float64Array,
  left: Float64Array,
  right: Operand,
  dims: Readonly<Record<'batch' | 'columns' | 'terms', readonly number[]>>,
  sizes: readonly number[],
  M: number,
): void {
  const [N, K] = [cells(dims.columns, sizes), cells(dims.terms, sizes)];
  const stride = commonStride(right, dims.columns, sizes);
  for (let row = 0; row < left.length / K; row++)
    for (let k = 0; k < K; k++) {
      const x = left[row * K + k];
      if (x === 0) continue;
      const base = right.base + offset(right, dims.batch, sizes, Math.floor(row / M)) + offset(right, dims.terms, sizes, k);
      if (stride !== null) addMultiples(out, row * N, right.data, base, stride, N, x);
      else addMultiples(out, row * N, packed({ ...right, base }, dims.columns, sizes), 0, 1, N, x);
    }
}

const SAMPLES = 64;

/** At most one cell in eight over `dims` is non-zero. */
function isSparse(o: Operand, dims: readonly number[], sizes: readonly number[]): boolean {
  const total = cells(dims, sizes);
  let hits = 0;
  for (let s = 0; s < SAMPLES; s++) if (o.data[o.base + offset(o, dims, sizes, Math.floor(((s + 0.5) * total) / SAMPLES))] !== 0) hits++;
  if (hits > SAMPLES / 4) return false;
  const v = packed(o, dims, sizes);
  let n = 0;
  const limit = v.length >> 3;
  for (let i = 0; i < v.length; i++) if (v[i] !== 0 && ++n > limit) return false;
  return true;
}
