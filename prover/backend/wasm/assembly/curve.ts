/**
 * Affine additions on BN254 G1 in batches with one shared inversion, two at a time. A point is 64 bytes: x, y in Montgomery form.
 * Infinity is 64 zero bytes; it only ever appears as a result.
 */
import { add2, carry2, mul2, pack2, sub2, unpack2 } from './field';
import { invertWords } from './inverse';
import { FQ, copy2, curveScratch } from './shared';

/** Bytes of an entry of a list of additions: addresses of a, b, and of the sum. */
export const ENTRY: usize = 12;
/** Bytes of `products` for each entry of a list, an even number of entries. */
export const PRODUCT: usize = 40;

const ONE: usize = FQ + 944;
const P64: usize = FQ + 1024;
/** R³. */
const CUBE: usize = FQ + 832;
/** 3/2. */
const THREE_HALVES: usize = FQ + 1328;

/** Set when a sum was infinity. */
export let sawInfinity: bool = false;
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
function zeroLanes(a: usize): i32 {
  const t = curveScratch + 8192;
  pack2(t, t + 32, a, FQ);
  return (isZero(t) ? 1 : 0) | (isZero(t + 32) ? 2 : 0);
}

/** Both lanes of x, not 0, to their inverses, by the inverse of their product. */
function invert2(x: usize): void {
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

/** Performs the n additions of a list; `list` and `products` have room for one entry more. */
export function addBatch(list: usize, n: i32, products: usize): void {
  if (n == 0) return;
  const m = evenOut(list, n);
  const s = curveScratch;
  const x1 = s, x2 = s + 80, d = s + 160, run = s + 240;
  copy2(run, ONE);
  for (let k = m - 2; k >= 0; k -= 2) {
    const e = list + <usize>k * ENTRY;
    unpack2(x1, load<u32>(e), load<u32>(e, 12), FQ);
    unpack2(x2, load<u32>(e, 4), load<u32>(e, 16), FQ);
    sub2(d, x2, x1);
    copy2(products + <usize>k * PRODUCT, run);
    mul2(run, run, d, FQ);
  }
  if (zeroLanes(run)) return addBatchTotal(list, m, products);
  invert2(run);
  const y1 = s + 320, y2 = s + 400, inverse = s + 480;
  for (let k = 0; k < m; k += 2) {
    const e = list + <usize>k * ENTRY;
    const a = load<u32>(e), b = load<u32>(e, 4), a2 = load<u32>(e, 12), b2 = load<u32>(e, 16);
    unpack2(x1, a, a2, FQ);
    unpack2(x2, b, b2, FQ);
    unpack2(y1, a + 32, a2 + 32, FQ);
    unpack2(y2, b + 32, b2 + 32, FQ);
    mul2(inverse, run, products + <usize>k * PRODUCT, FQ);
    sub2(d, x2, x1);
    mul2(run, run, d, FQ);
    sub2(y2, y2, y1);
    finish(x1, x2, y1, y2, inverse, load<u32>(e, 8), load<u32>(e, 20));
  }
}

/** The sum, given the slope's numerator and its denominator's inverse. Overwrites its arguments. */
// @ts-ignore: decorator
@inline
function finish(x1: usize, x2: usize, y1: usize, numerator: usize, inverse: usize, o: usize, o2: usize): void {
  const slope = numerator, x3 = inverse;
  mul2(slope, numerator, inverse, FQ);
  mul2(x3, slope, slope, FQ);
  sub2(x3, x3, x1);
  sub2(x3, x3, x2);
  pack2(o, o2, x3, FQ);
  unpack2(x3, o, o2, FQ);
  sub2(x1, x1, x3);
  mul2(x1, x1, slope, FQ);
  sub2(x1, x1, y1);
  pack2(o + 32, o2 + 32, x1, FQ);
}

/** Doubles the n points a of a list into its sums; b is not read. No point of the curve has order 2. */
export function doubleBatch(list: usize, n: i32, products: usize): void {
  if (n == 0) return;
  const m = evenOut(list, n);
  const s = curveScratch;
  const x = s, twice = s + 80, d = s + 160, run = s + 240, y = s + 320, slope = s + 400, inverse = s + 480;
  copy2(run, ONE);
  for (let k = m - 2; k >= 0; k -= 2) {
    const e = list + <usize>k * ENTRY;
    unpack2(d, load<u32>(e) + 32, load<u32>(e, 12) + 32, FQ);
    copy2(products + <usize>k * PRODUCT, run);
    mul2(run, run, d, FQ);
  }
  invert2(run);
  for (let k = 0; k < m; k += 2) {
    const e = list + <usize>k * ENTRY, a = load<u32>(e), a2 = load<u32>(e, 12);
    unpack2(x, a, a2, FQ);
    unpack2(y, a + 32, a2 + 32, FQ);
    mul2(inverse, run, products + <usize>k * PRODUCT, FQ);
    mul2(run, run, y, FQ);
    // Slope 3x² / 2y, from (3/2)·x².
    mul2(slope, x, THREE_HALVES, FQ);
    mul2(slope, slope, x, FQ);
    // Back into [0, p + …), so that the slope's square stays within the limbs.
    pack2(s + 560, s + 592, slope, FQ);
    unpack2(slope, s + 560, s + 592, FQ);
    copy2(twice, x);
    finish(x, twice, y, slope, inverse, load<u32>(e, 8), load<u32>(e, 20));
  }
}

/** An odd list gets a last entry again, with its sum going nowhere. Returns the even length. */
function evenOut(list: usize, n: i32): i32 {
  const last = list + <usize>(n - 1) * ENTRY;
  if (n & 1) {
    store<u32>(last + ENTRY, load<u32>(last));
    store<u32>(last + ENTRY, load<u32>(last, 4), 4);
    store<u32>(last + ENTRY, <u32>(curveScratch + 8256), 8);
  }
  return (n + 1) & ~1;
}

/** As \`addBatch\`, for lists with equal or opposite points. */
function addBatchTotal(list: usize, m: i32, products: usize): void {
  const s = curveScratch;
  const x1 = s, x2 = s + 80, d = s + 160, run = s + 240, y1 = s + 320, y2 = s + 400, inverse = s + 480;
  copy2(run, ONE);
  for (let k = m - 2; k >= 0; k -= 2) {
    slopes(list + <usize>k * ENTRY);
    copy2(products + <usize>k * PRODUCT, run);
    mul2(run, run, d, FQ);
  }
  invert2(run);
  for (let k = 0; k < m; k += 2) {
    const e = list + <usize>k * ENTRY;
    const opposite = slopes(e);
    mul2(inverse, run, products + <usize>k * PRODUCT, FQ);
    mul2(run, run, d, FQ);
    const o = load<u32>(e, 8), o2 = load<u32>(e, 20);
    finish(x1, x2, y1, y2, inverse, o, o2);
    if (opposite & 1) memory.fill(o, 0, 64);
    if (opposite & 2) memory.fill(o2, 0, 64);
    if (opposite) sawInfinity = true;
  }
}

/** Loads two entries; d and y2 become denominator and numerator of the slopes (1 for opposite points). Returns the lanes of opposite points. */
function slopes(e: usize): i32 {
  const s = curveScratch;
  const x1 = s, x2 = s + 80, d = s + 160, y1 = s + 320, y2 = s + 400, t = s + 560, n = s + 640;
  const a = load<u32>(e), b = load<u32>(e, 4), a2 = load<u32>(e, 12), b2 = load<u32>(e, 16);
  unpack2(x1, a, a2, FQ);
  unpack2(x2, b, b2, FQ);
  unpack2(y1, a + 32, a2 + 32, FQ);
  unpack2(y2, b + 32, b2 + 32, FQ);
  sub2(d, x2, x1);
  const sameX = zeroLanes(d);
  add2(t, y1, y2);
  carry2(t, t);
  const opposite = sameX & zeroLanes(t);
  const twice = sameX & ~opposite;
  // Doubling: slope 3x² / 2y, and y1 + y2 = 2y.
  mul2(n, x1, x1, FQ);
  for (let j: usize = 0; j < 80; j += 16) v128.store(n + j, f64x2.mul(v128.load(n + j), f64x2.splat(3)));
  pack2(s + 720, s + 752, n, FQ);
  unpack2(n, s + 720, s + 752, FQ);
  sub2(y2, y2, y1);
  for (let j: usize = 0; j < 80; j += 8) {
    const lane = j & 8 ? 2 : 1;
    if (twice & lane) {
      store<f64>(d + j, load<f64>(t + j));
      store<f64>(y2 + j, load<f64>(n + j));
    } else if (opposite & lane) store<f64>(d + j, load<f64>(ONE + j));
  }
  return opposite;
}

/**
 * Sums segments of points: lengths[i] points each, one after another from \`src\`, which is overwritten, as is \`other\` (as long).
 * Afterwards every length is 0 (infinity) or 1, and the points stand one after another at the returned address.
 */
export function sumSegments(src: usize, other: usize, lengths: usize, segments: i32, list: usize, products: usize): usize {
  while (true) {
    let n = 0, from = src, to = other;
    for (let i = 0; i < segments; i++) {
      const at = lengths + (<usize>i << 2), length = load<u32>(at), pairs = length >> 1;
      for (let k: u32 = 0; k < pairs; k++) {
        const e = list + <usize>n * ENTRY;
        n++;
        store<u32>(e, <u32>from);
        store<u32>(e, <u32>from + 64, 4);
        store<u32>(e, <u32>to, 8);
        from += 128;
        to += 64;
      }
      if (length & 1) {
        copyPoint(to, from);
        from += 64;
        to += 64;
      }
      store<u32>(at, (length + 1) >> 1);
    }
    if (n == 0) return other;
    addBatch(list, n, products);
    if (sawInfinity) dropInfinities(other, lengths, segments);
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

/** −a for canonical coordinates. */
export function copyNegated(o: usize, a: usize): void {
  v128.store(o, v128.load(a));
  v128.store(o, v128.load(a, 16), 16);
  let borrow: u64 = 0;
  for (let k: usize = 0; k < 32; k += 8) {
    const p = load<u64>(P64 + k), y = load<u64>(a + 32 + k), t = p - y;
    store<u64>(o + 32 + k, t - borrow);
    borrow = (p < y ? 1 : 0) | (t < borrow ? 1 : 0);
  }
}

/** Replaces coordinates below p + 2^-40·p by canonical ones. */
export function canonicalPoint(a: usize): void {
  canonical(a);
  canonical(a + 32);
}

function canonical(a: usize): void {
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
