/**
 * Strided loops over dense arrays of numbers. `sizes` lists the dimensions, outermost first; every array has a base and one
 * stride for each dimension (0 broadcasts on reading, accumulates on writing).
 */

import type { Cells, LeafCells } from '../backend/types.ts';

/** A dense array read through strides. */
export interface Strided<Data extends Cells = Float64Array> {
  readonly data: Data;
  readonly base: number;
  readonly strides: readonly number[];
}

interface Nest {
  readonly sizes: number[];
  readonly strides: number[][];
}

/** Drops dimensions of size 1 and fuses neighbours that every array walks as one; always leaves at least one dimension. */
function coalesce(sizes: readonly number[], strides: readonly (readonly number[])[]): Nest {
  const outSizes: number[] = [];
  const outStrides: number[][] = strides.map(() => []);
  for (let d = 0; d < sizes.length; d++) {
    if (sizes[d] === 1) continue;
    const last = outSizes.length - 1;
    if (last >= 0 && strides.every((s, i) => outStrides[i][last] === s[d] * sizes[d])) {
      outSizes[last] *= sizes[d];
      strides.forEach((s, i) => (outStrides[i][last] = s[d]));
    } else {
      outSizes.push(sizes[d]);
      strides.forEach((s, i) => outStrides[i].push(s[d]));
    }
  }
  if (outSizes.length === 0) {
    outSizes.push(1);
    outStrides.forEach((s) => s.push(0));
  }
  return { sizes: outSizes, strides: outStrides };
}

/** The fused dimensions, the length of the innermost one, and its stride in each array. */
function lines(sizes: readonly number[], strides: readonly (readonly number[])[]): { n: number; nest: Nest; inner: number[] } {
  const nest = coalesce(sizes, strides);
  const last = nest.sizes.length - 1;
  return { n: nest.sizes[last], nest, inner: nest.strides.map((s) => s[last]) };
}

/** Calls `line(offsets…)` for every combination of the outer dimensions. */
function forLines(nest: Nest, bases: readonly number[], line: (a: number, b: number, c: number) => void): void {
  const { sizes, strides } = nest;
  const outer = sizes.length - 1;
  const counter = new Array<number>(outer).fill(0);
  const [sa, sb = sa, sc = sa] = strides;
  let a = bases[0];
  let b = bases[1] ?? 0;
  let c = bases[2] ?? 0;
  for (;;) {
    line(a, b, c);
    let d = outer - 1;
    for (; d >= 0; d--) {
      counter[d]++;
      a += sa[d];
      b += sb[d];
      c += sc[d];
      if (counter[d] < sizes[d]) break;
      a -= sa[d] * sizes[d];
      b -= sb[d] * sizes[d];
      c -= sc[d] * sizes[d];
      counter[d] = 0;
    }
    if (d < 0) return;
  }
}

const empty = (sizes: readonly number[]): boolean => sizes.some((s) => s <= 0);

/** The same reading of doubles: narrow integers are copied, once for each cell that is read. */
function widen(sizes: readonly number[], src: Strided<Cells>): Strided {
  const { data, base } = src;
  if (data instanceof Float64Array) return { data, base, strides: src.strides };
  const dims = sizes.flatMap((s, d) => (s > 1 && src.strides[d] !== 0 ? [d] : []));
  const own = dims.map((d) => sizes[d]);
  const inner = rowMajor(own);
  const strides = sizes.map((_, d) => (dims.includes(d) ? inner[dims.indexOf(d)] : 0));
  return { data: pack(own, { data, base, strides: dims.map((d) => src.strides[d]) }), base: 0, strides };
}

/** dst += coef · src. */
export function addScaled(sizes: readonly number[], dst: Strided, from: Strided<Cells>, coef: number): void {
  if (empty(sizes)) return;
  const src = widen(sizes, from);
  const { n, nest, inner } = lines(sizes, [dst.strides, src.strides]);
  forLines(nest, [dst.base, src.base], (a, b) => addScaledLine(n, dst.data, a, inner[0], src.data, b, inner[1], coef));
}

function addScaledLine(n: number, d: Float64Array, a: number, ds: number, s: Float64Array, b: number, ss: number, coef: number): void {
  if (ds === 1 && ss === 1) for (let i = 0; i < n; i++) d[a + i] += coef * s[b + i];
  else for (let i = 0; i < n; i++, a += ds, b += ss) d[a] += coef * s[b];
}

/** dst += coef · a · b. */
export function addProduct(sizes: readonly number[], dst: Strided, left: Strided<Cells>, right: Strided<Cells>, coef: number): void {
  if (empty(sizes)) return;
  const [a, b] = [widen(sizes, left), widen(sizes, right)];
  const { n, nest, inner } = lines(sizes, [dst.strides, a.strides, b.strides]);
  const [ds, as, bs] = inner;
  if (ds === 1 && as === 1 && bs === 1)
    forLines(nest, [dst.base, a.base, b.base], (x, y, z) => addProductUnit(n, dst.data, x, a.data, y, b.data, z, coef));
  else if (ds === 1 && as === 0 && bs === 1)
    forLines(nest, [dst.base, a.base, b.base], (x, y, z) => addScaledLine(n, dst.data, x, 1, b.data, z, 1, coef * a.data[y]));
  else if (ds === 1 && as === 1 && bs === 0)
    forLines(nest, [dst.base, a.base, b.base], (x, y, z) => addScaledLine(n, dst.data, x, 1, a.data, y, 1, coef * b.data[z]));
  else
    forLines(nest, [dst.base, a.base, b.base], (x, y, z) => {
      const [d, p, q] = [dst.data, a.data, b.data];
      for (let i = 0; i < n; i++, x += ds, y += as, z += bs) d[x] += coef * p[y] * q[z];
    });
}

function addProductUnit(n: number, d: Float64Array, x: number, p: Float64Array, y: number, q: Float64Array, z: number, coef: number): void {
  for (let i = 0; i < n; i++) d[x + i] += coef * p[y + i] * q[z + i];
}

const SPLITTER = 2 ** 27 + 1;

/** (hi, lo) += coef · src, exactly: hi + lo is the sum as long as |lo| < 2^53 (Knuth's two-sum, Dekker's two-product). */
export function addScaledWide(sizes: readonly number[], hi: Strided, lo: Float64Array, from: Strided<Cells>, coef: number): void {
  if (empty(sizes)) return;
  const src = widen(sizes, from);
  const { n, nest, inner } = lines(sizes, [hi.strides, src.strides]);
  forLines(nest, [hi.base, src.base], (x, y) => addScaledWideLine(n, hi.data, lo, x, inner[0], src.data, y, inner[1], coef));
}

function addScaledWideLine(
  n: number,
  d: Float64Array,
  lo: Float64Array,
  x: number,
  ds: number,
  s: Float64Array,
  y: number,
  ss: number,
  coef: number,
): void {
  const ct = SPLITTER * coef;
  const ch = ct - (ct - coef);
  const cl = coef - ch;
  for (let i = 0; i < n; i++, x += ds, y += ss) {
    const v = s[y];
    const p = coef * v;
    const vt = SPLITTER * v;
    const vh = vt - (vt - v);
    const vl = v - vh;
    const e = cl * vl - (p - ch * vh - cl * vh - ch * vl);
    const h = d[x];
    const sum = h + p;
    const back = sum - h;
    lo[x] += h - (sum - back) + (p - back) + e;
    d[x] = sum;
  }
}

/** The cells of `src` over `sizes` as doubles, row-major and contiguous; a view of the same memory where they already are. */
export function pack(sizes: readonly number[], src: Strided<Cells>): Float64Array {
  const total = sizes.reduce((p, s) => p * s, 1);
  if (total === 0) return new Float64Array(0);
  const { n, nest, inner } = lines(sizes, [rowMajor(sizes), src.strides]);
  const { data } = src;
  if (nest.sizes.length === 1 && (inner[1] === 1 || total === 1)) {
    const cells = data.subarray(src.base, src.base + total);
    return cells instanceof Float64Array ? cells : Float64Array.from(cells);
  }
  const out = new Float64Array(total);
  if (data instanceof Float64Array) forLines(nest, [0, src.base], (a, b) => copyLine(n, out, a, inner[0], data, b, inner[1]));
  else forLines(nest, [0, src.base], (a, b) => copyIntegers(n, out, a, inner[0], data, b, inner[1]));
  return out;
}

function copyLine(n: number, d: Float64Array, a: number, ds: number, s: Float64Array, b: number, ss: number): void {
  if (ds === 1 && ss === 1) for (let i = 0; i < n; i++) d[a + i] = s[b + i] + 0;
  else for (let i = 0; i < n; i++, a += ds, b += ss) d[a] = s[b] + 0;
}

function copyIntegers(n: number, d: Float64Array, a: number, ds: number, s: Exclude<Cells, Float64Array>, b: number, ss: number): void {
  for (let i = 0; i < n; i++, a += ds, b += ss) d[a] = s[b];
}

/** dst = src cell by cell, src contiguous row-major over `sizes`; −0 becomes 0, so that equal values have equal bits. */
export function unpack(sizes: readonly number[], dst: Strided, src: Float64Array): void {
  if (empty(sizes)) return;
  const { n, nest, inner } = lines(sizes, [dst.strides, rowMajor(sizes)]);
  forLines(nest, [dst.base, 0], (a, b) => copyLine(n, dst.data, a, inner[0], src, b, inner[1]));
}

/** Where `scatter` writes. */
export interface Place {
  readonly sizes: readonly number[];
  readonly base: number;
  readonly strides: readonly number[];
}

/** cells[base + …] = src, contiguous row-major over `sizes`. Doubles go into arrays of numbers, bigints into bigints. */
export function scatter(place: Place, cells: BigInt64Array, src: BigInt64Array): void;
export function scatter(place: Place, cells: LeafCells, src: Float64Array): void;
export function scatter({ sizes, base, strides }: Place, cells: LeafCells | BigInt64Array, src: Float64Array | BigInt64Array): void {
  if (empty(sizes)) return;
  const { n, nest, inner } = lines(sizes, [strides, rowMajor(sizes)]);
  if (cells instanceof BigInt64Array)
    forLines(nest, [base, 0], (a, b) => {
      for (let i = 0; i < n; i++) cells[a + i * inner[0]] = src[b + i * inner[1]] as bigint;
    });
  else forLines(nest, [base, 0], (a, b) => scatterLine(n, cells, a, inner[0], src as Float64Array, b, inner[1]));
}

function scatterLine(n: number, d: LeafCells, a: number, ds: number, s: Float64Array, b: number, ss: number): void {
  for (let i = 0; i < n; i++, a += ds, b += ss) d[a] = s[b] + 0;
}

/** Smallest and largest of some values and 0. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

export function extremes(v: Float64Array): Range {
  let min = 0;
  let max = 0;
  for (let i = 0; i < v.length; i++) {
    const x = v[i];
    if (x > max) max = x;
    else if (x < min) min = x;
  }
  return { min, max };
}

/**
 * The same for arrays of each kind of integers. One loop a kind: a loop that sees several kinds asks at every cell which it is, and takes several times as
 * long over the weights of a model.
 */
export const integerExtremes = (v: Exclude<Cells, Float64Array>): Range =>
  v instanceof Int8Array ? extremes8(v) : v instanceof Int16Array ? extremes16(v) : extremes32(v);

function extremes8(v: Int8Array): Range {
  let min = 0;
  let max = 0;
  for (let i = 0; i < v.length; i++) {
    const x = v[i];
    min = x < min ? x : min;
    max = x > max ? x : max;
  }
  return { min, max };
}

function extremes16(v: Int16Array): Range {
  let min = 0;
  let max = 0;
  for (let i = 0; i < v.length; i++) {
    const x = v[i];
    min = x < min ? x : min;
    max = x > max ? x : max;
  }
  return { min, max };
}

function extremes32(v: Int32Array): Range {
  let min = 0;
  let max = 0;
  for (let i = 0; i < v.length; i++) {
    const x = v[i];
    min = x < min ? x : min;
    max = x > max ? x : max;
  }
  return { min, max };
}

/** max |v|; 0 for no cells. */
export function maxAbs(v: Float64Array): number {
  const { min, max } = extremes(v);
  return Math.max(max, -min);
}

/** Row-major strides of contiguous `sizes`. */
export function rowMajor(sizes: readonly number[]): number[] {
  const strides = new Array<number>(sizes.length);
  let n = 1;
  for (let d = sizes.length - 1; d >= 0; d--) {
    strides[d] = n;
    n *= sizes[d];
  }
  return strides;
}
