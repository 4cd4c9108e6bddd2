/**
 * Affine additions on BN254 G1 in batches with one shared inversion, two at a time. A point is 64 bytes: x, y in Montgomery form.
 * Infinity is 64 zero bytes; it only ever appears as a result.
 */
import {
  add2, carry2, difference2, differenceSum2, mul2, mul4, pack2, packDifference2, packMinus2, signedDifference2, sqr4, sub2, sum2, unpack2,
} from './field';
import { invertWords } from './inverse';
import { FQ, copy2, curveScratch } from './shared';

/** Bytes of an entry of a list of additions: addresses of a, b, and of the sum. */
export const ENTRY: usize = 12;
/** Bytes of `products` for each entry of a list. */
export const PRODUCT: usize = 40;

export const ONE: usize = FQ + 944;
const P64: usize = FQ + 1024;
/** R³. */
const CUBE: usize = FQ + 832;
/** 3/2. */
const THREE_HALVES: usize = FQ + 1328;

/** Set when a sum was infinity. */
let sawInfinity: bool = false;
export function clearSawInfinity(): void {
  sawInfinity = false;
}

export function isInfinity(point: usize): bool {
  return !v128.any_true(
    v128.or(v128.or(v128.load(point), v128.load(point, 16)), v128.or(v128.load(point, 32), v128.load(point, 48))),
  );
}

/** A packed element in [0, p + 2^-40·p) that is 0 modulo p. */
function isZero(a: usize): bool {
  const w0 = load<u64>(a), w1 = load<u64>(a, 8), w2 = load<u64>(a, 16), w3 = load<u64>(a, 24);
  if ((w0 | w1 | w2 | w3) == 0) return true;
  return w0 == load<u64>(P64) && w1 == load<u64>(P64, 8) && w2 == load<u64>(P64, 16) && w3 == load<u64>(P64, 24);
}

/** Lanes that are 0 modulo p: bit 0 and bit 1. */
export function zeroLanes(a: usize): i32 {
  const t = curveScratch + 8192;
  pack2(t, t + 32, a, FQ);
  return (isZero(t) ? 1 : 0) | (isZero(t + 32) ? 2 : 0);
}

/** o = a modulo p, in [0, p + 2^-40·p), for limbs as of pack2 within 3·p. */
export function normal(o: usize, a: usize): void {
  const t = curveScratch + 8320;
  pack2(t, t + 32, a, FQ);
  unpack2(o, t, t + 32, FQ);
}

/** Both lanes of x, not 0, to their inverses, by the inverse of their product. */
export function invert2(x: usize): void {
  const t = curveScratch + 8192, swapped = curveScratch + 4096, product = curveScratch + 4096 + 80;
  for (let j: usize = 0; j < 80; j += 16) {
    const word = v128.load(x + j);
    v128.store(swapped + j, v128.shuffle<f64>(word, word, 1, 0));
  }
  mul2(product, x, swapped, FQ);
  pack2(t, t + 32, product, FQ);
  invertWords(t, t, P64, curveScratch + 4352);
  unpack2(product, t, t, FQ);
  // The inverse of a·R is 1/(a·R): twice the factor R is missing.
  mul2(product, product, CUBE, FQ);
  mul2(x, product, swapped, FQ);
}

/**
 * Performs the n additions of a list; `list` and `products` have room for three entries more. Four run side by side.
 * With `signed`, bit 0 of an address asks for the opposite of the point there.
 */
export function addBatch(list: usize, n: i32, products: usize, signed: bool = false): void {
  if (n == 0) return;
  const m = evenOut(list, n, 4);
  // Limbs of entries 0 and 1, and of 2 and 3.
  const s = curveScratch;
  const d = s, d2 = s + 80, run = s + 160, run2 = s + 240, sum = s + 320, sum2 = s + 400, inverse = s + 480, inverse2 = s + 560;
  copy2(run, ONE);
  copy2(run2, ONE);
  for (let k = m - 4; k >= 0; k -= 4) {
    const e = list + <usize>k * ENTRY, f = e + 2 * ENTRY, p = products + <usize>k * PRODUCT;
    difference2(d, first(e), first(e + ENTRY), second(e), second(e + ENTRY), FQ);
    difference2(d2, first(f), first(f + ENTRY), second(f), second(f + ENTRY), FQ);
    copy2(p, run);
    copy2(p + 2 * PRODUCT, run2);
    mul4(run, run, d, run2, run2, d2, FQ);
  }
  mul2(sum, run, run2, FQ);
  if (zeroLanes(sum)) return addBatchTotal(list, m, products, signed);
  invert2(sum);
  mul4(d, sum, run2, run2, sum, run, FQ);
  normal(run, d);
  normal(run2, run2);
  const plus = f64x2.splat(1);
  for (let k = 0; k < m; k += 4) {
    const e = list + <usize>k * ENTRY, f = e + 2 * ENTRY, p = products + <usize>k * PRODUCT;
    const a = first(e), a2 = first(e + ENTRY), b = second(e), b2 = second(e + ENTRY), o = load<u32>(e, 8), o2 = load<u32>(e, 20);
    const c = first(f), c2 = first(f + ENTRY), g = second(f), g2 = second(f + ENTRY), q = load<u32>(f, 8), q2 = load<u32>(f, 20);
    const sa = signed ? signs(e, 0) : plus, sc = signed ? signs(f, 0) : plus;
    mul4(inverse, run, p, inverse2, run2, p + 2 * PRODUCT, FQ);
    differenceSum2(d, sum, a, a2, b, b2, FQ);
    differenceSum2(d2, sum2, c, c2, g, g2, FQ);
    mul4(run, run, d, run2, run2, d2, FQ);
    if (signed) {
      signedDifference2(d, a + 32, a2 + 32, sa, b + 32, b2 + 32, signs(e, 4), FQ);
      signedDifference2(d2, c + 32, c2 + 32, sc, g + 32, g2 + 32, signs(f, 4), FQ);
    } else {
      difference2(d, a + 32, a2 + 32, b + 32, b2 + 32, FQ);
      difference2(d2, c + 32, c2 + 32, g + 32, g2 + 32, FQ);
    }
    // The slopes, their squares, x3 = slope² − x1 − x2, y3 = slope·(x1 − x3) − y1.
    mul4(inverse, inverse, d, inverse2, inverse2, d2, FQ);
    sqr4(d, inverse, d2, inverse2, FQ);
    packDifference2(o, o2, d, d, sum, a, a2, FQ);
    packDifference2(q, q2, d2, d2, sum2, c, c2, FQ);
    mul4(d, d, inverse, d2, d2, inverse2, FQ);
    packMinus2(o + 32, o2 + 32, d, a + 32, a2 + 32, sa, FQ);
    packMinus2(q + 32, q2 + 32, d2, c + 32, c2 + 32, sc, FQ);
  }
}

/** The points of an entry, without their signs. */
// @ts-ignore: decorator
@inline
function first(e: usize): usize {
  return load<u32>(e) & ~1;
}

// @ts-ignore: decorator
@inline
function second(e: usize): usize {
  return load<u32>(e, 4) & ~1;
}

/** 1 or −1 for the first points of two entries (at 0), or the second ones (at 4). */
// @ts-ignore: decorator
@inline
function signs(e: usize, at: usize): v128 {
  const bits = i64x2.replace_lane(i64x2.splat(<i64>load<u32>(e + at) << 63), 1, <i64>load<u32>(e + ENTRY + at) << 63);
  return v128.or(bits, f64x2.splat(1));
}

/** Doubles the n points a of a list into its sums; b is not read. No point of the curve has order 2. */
export function doubleBatch(list: usize, n: i32, products: usize): void {
  if (n == 0) return;
  const m = evenOut(list, n, 2);
  const s = curveScratch;
  const x = s, d = s + 80, run = s + 160, slope = s + 240, inverse = s + 320;
  copy2(run, ONE);
  for (let k = m - 2; k >= 0; k -= 2) {
    const e = list + <usize>k * ENTRY;
    unpack2(d, first(e) + 32, first(e + ENTRY) + 32, FQ);
    copy2(products + <usize>k * PRODUCT, run);
    mul2(run, run, d, FQ);
  }
  invert2(run);
  for (let k = 0; k < m; k += 2) {
    const e = list + <usize>k * ENTRY;
    unpack2(x, first(e), first(e + ENTRY), FQ);
    unpack2(d, first(e) + 32, first(e + ENTRY) + 32, FQ);
    mul2(inverse, run, products + <usize>k * PRODUCT, FQ);
    mul2(run, run, d, FQ);
    // Slope 3x² / 2y, from (3/2)·x².
    mul2(slope, x, THREE_HALVES, FQ);
    mul2(slope, slope, x, FQ);
    normal(slope, slope);
    mul2(slope, slope, inverse, FQ);
    sum2(x, x, x);
    finish(e, slope, x, d, f64x2.splat(1));
  }
}

/** The sum, given the slope, the sum of both x, and the first points' signs. Uses limbs at d. */
function finish(e: usize, slope: usize, sum: usize, d: usize, sign: v128): void {
  const a = first(e), a2 = first(e + ENTRY), o = load<u32>(e, 8), o2 = load<u32>(e, 20);
  mul2(d, slope, slope, FQ);
  packDifference2(o, o2, d, d, sum, a, a2, FQ);
  mul2(d, d, slope, FQ);
  packMinus2(o + 32, o2 + 32, d, a + 32, a2 + 32, sign, FQ);
}

/** Fills a list up to a multiple of `width` by its last entry, whose sums go nowhere. Returns the new length. */
function evenOut(list: usize, n: i32, width: i32): i32 {
  const last = list + <usize>(n - 1) * ENTRY, m = (n + width - 1) & -width;
  for (let k = n; k < m; k++) {
    const e = list + <usize>k * ENTRY;
    store<u32>(e, load<u32>(last));
    store<u32>(e, load<u32>(last, 4), 4);
    store<u32>(e, <u32>(curveScratch + 8256), 8);
  }
  return m;
}

/** As `addBatch`, for lists with equal or opposite points. */
function addBatchTotal(list: usize, m: i32, products: usize, signed: bool): void {
  const s = curveScratch;
  const d = s + 160, run = s + 240, numerator = s + 400, inverse = s + 480, sum = s + 800;
  copy2(run, ONE);
  for (let k = m - 2; k >= 0; k -= 2) {
    slopes(list + <usize>k * ENTRY, signed);
    copy2(products + <usize>k * PRODUCT, run);
    mul2(run, run, d, FQ);
  }
  invert2(run);
  for (let k = 0; k < m; k += 2) {
    const e = list + <usize>k * ENTRY;
    const opposite = slopes(e, signed);
    mul2(inverse, run, products + <usize>k * PRODUCT, FQ);
    mul2(run, run, d, FQ);
    mul2(inverse, inverse, numerator, FQ);
    sum2(sum, s, s + 80);
    finish(e, inverse, sum, d, signed ? signs(e, 0) : f64x2.splat(1));
    if (opposite & 1) memory.fill(load<u32>(e, 8), 0, 64);
    if (opposite & 2) memory.fill(load<u32>(e, 20), 0, 64);
    if (opposite) sawInfinity = true;
  }
}

/**
 * Loads two entries' x to the scratch's start; denominator (at 160) and numerator (at 400) of their slopes, 1 for opposite points.
 * Returns the lanes of opposite points.
 */
function slopes(e: usize, signed: bool): i32 {
  const s = curveScratch;
  const x1 = s, x2 = s + 80, d = s + 160, y1 = s + 320, y2 = s + 400, t = s + 560, n = s + 640;
  unpack2(x1, first(e), first(e + ENTRY), FQ);
  unpack2(x2, second(e), second(e + ENTRY), FQ);
  unpack2(y1, first(e) + 32, first(e + ENTRY) + 32, FQ);
  unpack2(y2, second(e) + 32, second(e + ENTRY) + 32, FQ);
  if (signed) {
    scale2(y1, signs(e, 0));
    scale2(y2, signs(e, 4));
  }
  sub2(d, x2, x1);
  const sameX = zeroLanes(d);
  add2(t, y1, y2);
  carry2(t, t);
  const opposite = sameX & zeroLanes(t);
  const twice = sameX & ~opposite;
  // Doubling: slope 3x² / 2y, and y1 + y2 = 2y.
  mul2(s + 720, x1, x1, FQ);
  normal(s + 720, s + 720);
  add2(n, s + 720, s + 720);
  normal(n, n);
  add2(n, n, s + 720);
  normal(n, n);
  sub2(y2, y2, y1);
  normal(y2, y2);
  for (let j: usize = 0; j < 80; j += 8) {
    const lane = j & 8 ? 2 : 1;
    if (twice & lane) {
      store<f64>(d + j, load<f64>(t + j));
      store<f64>(y2 + j, load<f64>(n + j));
    } else if (opposite & lane) store<f64>(d + j, load<f64>(ONE + j));
  }
  return opposite;
}

/** Multiplies each limb by its lane of a small factor. */
function scale2(a: usize, factor: v128): void {
  for (let j: usize = 0; j < 80; j += 16) v128.store(a + j, f64x2.mul(v128.load(a + j), factor));
}

/** Additions that share an inversion: few enough for the caches, enough to make it cheap. */
export const BATCH = 2048;
/** Bytes of a list of BATCH additions, and of its products. */
export const LIST_BYTES: usize = (BATCH + 4) * ENTRY;
export const PRODUCT_BYTES: usize = (BATCH + 4) * PRODUCT;

/**
 * Sums segments of points given by their addresses: lengths[i] of them each, one segment after another, or `stride` bytes apart if that is
 * not 0. With `signed`, bit 0 of an address asks for the opposite. Overwrites `a` and `b`, of Σ ceil(lengths[i]/2) points each.
 * Afterwards every length is 0 (infinity) or 1, and the sums stand one after another at the returned address.
 */
export function sumAddresses(
  addresses: usize, stride: usize, lengths: usize, segments: i32, a: usize, b: usize, list: usize, products: usize, signed: bool,
): usize {
  let n = 0, from = addresses, to = a, longest: u32 = 0;
  for (let i = 0; i < segments; i++) {
    if (stride) from = addresses + <usize>i * stride;
    const at = lengths + (<usize>i << 2), length = load<u32>(at), left = (length + 1) >> 1;
    for (let k: u32 = 0; k < length >> 1; k++) {
      const e = list + <usize>n * ENTRY;
      store<u64>(e, load<u64>(from));
      store<u32>(e, <u32>to, 8);
      from += 8;
      to += 64;
      if (++n == BATCH) {
        touch(list, n);
        addBatch(list, n, products, signed);
        n = 0;
      }
    }
    if (length & 1) {
      const point = <usize>load<u32>(from);
      if (point & 1) copyNegated(to, point & ~1);
      else copyPoint(to, point);
      from += 4;
      to += 64;
    }
    store<u32>(at, left);
    longest = max(longest, left);
  }
  touch(list, n);
  addBatch(list, n, products, signed);
  if (sawInfinity) dropInfinities(a, lengths, segments);
  return longest > 1 ? sumSegments(a, b, lengths, segments, list, products) : a;
}

let touched: u64 = 0;
/** Reads each point of a list, many at a time as the additions cannot: they lie scattered in memory. */
function touch(list: usize, n: i32): void {
  let any: u64 = 0;
  for (let k = 0; k < n; k++) {
    const e = list + <usize>k * ENTRY;
    any |= load<u64>(first(e)) | load<u64>(second(e));
  }
  touched = any;
}

/** As `sumAddresses`, for points that stand one after another from `src`; `src` and `other` are overwritten. */
function sumSegments(src: usize, other: usize, lengths: usize, segments: i32, list: usize, products: usize): usize {
  while (true) {
    let n = 0, from = src, to = other, longest: u32 = 0;
    for (let i = 0; i < segments; i++) {
      const at = lengths + (<usize>i << 2), length = load<u32>(at), left = (length + 1) >> 1;
      for (let k: u32 = 0; k < length >> 1; k++) {
        const e = list + <usize>n * ENTRY;
        store<u32>(e, <u32>from);
        store<u32>(e, <u32>from + 64, 4);
        store<u32>(e, <u32>to, 8);
        from += 128;
        to += 64;
        if (++n == BATCH) {
          addBatch(list, n, products);
          n = 0;
        }
      }
      if (length & 1) {
        copyPoint(to, from);
        from += 64;
        to += 64;
      }
      store<u32>(at, left);
      longest = max(longest, left);
    }
    addBatch(list, n, products);
    if (sawInfinity) dropInfinities(other, lengths, segments);
    if (longest <= 1) return other;
    const t = src;
    src = other;
    other = t;
  }
}

function dropInfinities(points: usize, lengths: usize, segments: i32): void {
  let from = points, to = points;
  for (let i = 0; i < segments; i++) {
    const at = lengths + (<usize>i << 2), length = load<u32>(at);
    let left = length;
    for (let k: u32 = 0; k < length; k++) {
      if (isInfinity(from)) left--;
      else {
        if (to != from) copyPoint(to, from);
        to += 64;
      }
      from += 64;
    }
    store<u32>(at, left);
  }
  sawInfinity = false;
}

// @ts-ignore: decorator
@inline
export function copyPoint(o: usize, a: usize): void {
  v128.store(o, v128.load(a));
  v128.store(o, v128.load(a, 16), 16);
  v128.store(o, v128.load(a, 32), 32);
  v128.store(o, v128.load(a, 48), 48);
}

/** −a for a finite point. */
function copyNegated(o: usize, a: usize): void {
  copyPoint(o, a);
  canonical(o + 32);
  let borrow: u64 = 0;
  for (let k: usize = 32; k < 64; k += 8) {
    const p = load<u64>(P64 - 32 + k), y = load<u64>(o + k), t = p - y;
    store<u64>(o + k, t - borrow);
    borrow = (p < y ? 1 : 0) | (t < borrow ? 1 : 0);
  }
}

/** −a in place of a; infinity stays. */
export function negatePoint(a: usize): void {
  if (!isInfinity(a)) copyNegated(a, a);
}

/** Replaces coordinates below p + 2^-40·p by canonical ones. */
export function canonicalPoint(a: usize): void {
  canonical(a);
  canonical(a + 32);
}

export function canonical(a: usize): void {
  let less = false;
  for (let k: usize = 32; k > 0; ) {
    k -= 8;
    const w = load<u64>(a + k), p = load<u64>(P64 + k);
    if (w == p) continue;
    less = w < p;
    break;
  }
  if (less) return;
  let borrow: u64 = 0;
  for (let k: usize = 0; k < 32; k += 8) {
    const p = load<u64>(P64 + k), w = load<u64>(a + k), t = w - p;
    store<u64>(a + k, t - borrow);
    borrow = (w < p ? 1 : 0) | (t < borrow ? 1 : 0);
  }
}
