/** Evaluation of sumcheck rounds. Sums are left as accumulators (176 bytes a sum, two lanes), which the host adds up. */
import { add2, carry2, clear2, mac2, macSmall2, mul2, mul4, spill2, sub2, unpack2 } from './field';
import { FR, int, pointer, scratch } from './shared';
import { lower } from './vector';

const ACC: usize = 176;

/**
 * Σ over pairs of the product of n tables at 0, 1, ∞ (n = 2), 0, 1, −1, ∞ (n = 3), 0, 1, −1, 2, ∞ (n = 4); ∞ is the leading coefficient.
 * Pair j is cells lo, hi as in `bind`. Arguments: h, pairs, chunk length, n; tables from 4; sums at 8 (n + 1 accumulators a chunk);
 * 9: whether to leave out the sum at 1.
 */
export function productRound(job: usize, chunk: i32): void {
  const h = int(job, 0), mask = (1 << h) - 1, n = int(job, 3);
  const begin = chunk * int(job, 2), end = min(begin + int(job, 2), int(job, 1));
  const out = pointer(job, 8) + <usize>chunk * <usize>(n + 1) * ACC;
  for (let k = 0; k <= n; k++) clear2(out + <usize>k * ACC);
  const above = <usize>32 << h;
  const lo = scratch, hi = scratch + 320, d = scratch + 640, m = scratch + 960, w = scratch + 1280;
  const atOne = !int(job, 9);
  let room = 256;
  for (let j = begin; j < end; j += 2) {
    const k = min(j + 1, end - 1);
    const a = <usize>(((j >> h) << (h + 1)) | (j & mask)) << 5, b = <usize>(((k >> h) << (h + 1)) | (k & mask)) << 5;
    for (let t = 0; t < n; t++) {
      const table = pointer(job, 4 + t), at = <usize>t * 80;
      unpack2(lo + at, table + a, table + b, FR);
      unpack2(hi + at, table + a + above, table + b + above, FR);
      sub2(d + at, hi + at, lo + at);
    }
    if (n == 2) {
      mac2(out, lo, lo + 80, FR);
      if (atOne) mac2(out + ACC, hi, hi + 80, FR);
      mac2(out + 2 * ACC, d, d + 80, FR);
    } else {
      productAt(out, lo, n);
      if (atOne) productAt(out + ACC, hi, n);
      for (let t = 0; t < n; t++) {
        sub2(m + <usize>t * 80, lo + <usize>t * 80, d + <usize>t * 80);
        carry2(m + <usize>t * 80, m + <usize>t * 80);
      }
      productAt(out + 2 * ACC, m, n);
      if (n == 4) {
        for (let t = 0; t < n; t++) {
          add2(w + <usize>t * 80, hi + <usize>t * 80, d + <usize>t * 80);
          carry2(w + <usize>t * 80, w + <usize>t * 80);
        }
        productAt(out + 3 * ACC, w, n);
      }
      productAt(out + <usize>n * ACC, d, n);
    }
    if (--room == 0) {
      room = 256;
      for (let t = 0; t <= n; t++) spill2(out + <usize>t * ACC, FR);
    }
  }
}

/**
 * As `productRound` for n = 2, with exact integers below 2^48 in one table. Arguments: h, pairs, chunk length, integers (64-bit floats), table;
 * sums at 8 (3 accumulators a chunk).
 */
export function productRoundInts(job: usize, chunk: i32): void {
  const h = int(job, 0), mask = (1 << h) - 1, ints = pointer(job, 3), table = pointer(job, 4);
  const begin = chunk * int(job, 2), end = min(begin + int(job, 2), int(job, 1));
  const out = pointer(job, 8) + <usize>chunk * 3 * ACC;
  for (let k: usize = 0; k < 3; k++) clear2(out + k * ACC);
  const lo = scratch, hi = scratch + 80, d = scratch + 160, above = <usize>32 << h;
  let room = 128;
  for (let j = begin; j < end; j += 2) {
    const k = min(j + 1, end - 1), a = lower(j, h, mask), b = lower(k, h, mask);
    unpack2(lo, table + a, table + b, FR);
    unpack2(hi, table + a + above, table + b + above, FR);
    sub2(d, hi, lo);
    const p = ints + (a >> 2), q = ints + (b >> 2), up = above >> 2;
    const v = f64x2.replace_lane(f64x2.splat(load<f64>(p)), 1, load<f64>(q));
    const w = f64x2.replace_lane(f64x2.splat(load<f64>(p + up)), 1, load<f64>(q + up));
    macSmall2(out, v, lo, FR);
    macSmall2(out + ACC, w, hi, FR);
    macSmall2(out + 2 * ACC, f64x2.sub(w, v), d, FR);
    if (--room == 0) {
      room = 128;
      for (let t: usize = 0; t < 3; t++) spill2(out + t * ACC, FR);
    }
  }
}

/** acc += the product of n = 3 or 4 values. */
function productAt(acc: usize, v: usize, n: i32): void {
  const p = scratch + 1600;
  if (n == 3) {
    mul2(p, v, v + 80, FR);
    return mac2(acc, p, v + 160, FR);
  }
  mul4(p, v, v + 80, p + 80, v + 160, v + 240, FR);
  mac2(acc, p, p + 80, FR);
}
