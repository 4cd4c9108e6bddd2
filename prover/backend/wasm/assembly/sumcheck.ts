/** Evaluation of sumcheck rounds. Sums are left as accumulators (176 bytes a sum, two lanes), which the host adds up. */
import {
  add2, affine2, carry2, clear2, mac2, macSmall2, mul2, mul4, pack2, reduce2, reduce4, reduceMul, reduceSmall2, reduceWide2, set2, setSmall2, spill2, sub2,
  unpack2,
} from './field';
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

/**
 * Tables p0, p1 + λ·q1, q0, q1 of a layer from its children's nodes: p0 = p[2x], p1 = p[2x + 1], likewise q.
 * Arguments: p, q, cells, chunk length, the four tables from 4; λ's table (affine2).
 */
export function layerTables(job: usize, chunk: i32): void {
  const p = pointer(job, 0), q = pointer(job, 1), p0 = pointer(job, 4), p1 = pointer(job, 5), q0 = pointer(job, 6), q1 = pointer(job, 7);
  const begin = chunk * int(job, 3), end = min(begin + int(job, 3), int(job, 2));
  const x = scratch, y = scratch + 80, lambda = job + 128;
  for (let i = begin; i < end; i += 2) {
    const k = min(i + 1, end - 1);
    const a = <usize>i << 6, b = <usize>k << 6, c = <usize>i << 5, d = <usize>k << 5;
    move(p0 + c, p + a);
    move(p0 + d, p + b);
    move(q0 + c, q + a);
    move(q0 + d, q + b);
    move(q1 + c, q + a + 32);
    move(q1 + d, q + b + 32);
    unpack2(x, p + a + 32, p + b + 32, FR);
    unpack2(y, q + a + 32, q + b + 32, FR);
    affine2(p1 + c, p1 + d, x, y, lambda, FR);
  }
}

// @ts-ignore: decorator
@inline
function pack(a: usize, b: usize, x: usize): void {
  pack2(a, b, x, FR);
}

// @ts-ignore: decorator
@inline
function move(o: usize, a: usize): void {
  const low = v128.load(a), high = v128.load(a, 16);
  v128.store(o, low);
  v128.store(o, high, 16);
}

/**
 * Σ E[x]·(p0·q1 + q0·p1') at 0, 1, ∞ of the first variable, x over the rest: E[x] = high[x >> b]·low[x & (2^b − 1)].
 * Pair x is cells x and x + pairs. Arguments: pairs, b, blocks a chunk, blocks; tables p0, p1', q0, q1 from 4; sums at 8 (3 a chunk); high 9, low 10;
 * 11: whether to leave out the sum at 1.
 */
export function layerRound(job: usize, chunk: i32): void {
  const pairs = int(job, 0), bits = int(job, 1), size = 1 << bits;
  const begin = chunk * int(job, 2), end = min(begin + int(job, 2), int(job, 3));
  const out = pointer(job, 8) + <usize>chunk * 3 * ACC, high = pointer(job, 9), low = pointer(job, 10);
  const p0 = pointer(job, 4), p1 = pointer(job, 5), q0 = pointer(job, 6), q1 = pointer(job, 7), above = <usize>pairs << 5;
  const lo = scratch, hi = scratch + 320, d = scratch + 640, e = scratch + 960, t = scratch + 1040, acc = scratch + 1200, inner = scratch + 1600;
  const atOne = !int(job, 11);
  for (let k = 0; k < 3; k++) clear2(out + <usize>k * ACC);
  let room = 256;
  for (let block = begin; block < end; block++) {
    for (let k = 0; k < 3; k++) clear2(inner + <usize>k * ACC);
    const base = block << bits;
    for (let j = 0; j < size; j += 2) {
      const k = min(j + 1, size - 1);
      const a = <usize>(base + j) << 5, b = <usize>(base + k) << 5;
      both(lo, hi, d, p0, a, b, above);
      both(lo + 80, hi + 80, d + 80, p1, a, b, above);
      both(lo + 160, hi + 160, d + 160, q0, a, b, above);
      both(lo + 240, hi + 240, d + 240, q1, a, b, above);
      unpack2(e, low + (<usize>j << 5), low + (<usize>k << 5), FR);
      cross(acc, lo);
      cross(acc + ACC, d);
      reduce4(t, acc, t + 80, acc + ACC, FR);
      mac2(inner, t, e, FR);
      mac2(inner + 2 * ACC, t + 80, e, FR);
      if (atOne) {
        cross(acc, hi);
        reduce2(t, acc, FR);
        mac2(inner + ACC, t, e, FR);
      }
    }
    const w = high + (<usize>block << 5);
    unpack2(e, w, w, FR);
    for (let k = 0; k < 3; k++) {
      reduceWide2(t, inner + <usize>k * ACC, FR);
      mac2(out + <usize>k * ACC, t, e, FR);
    }
    if (--room == 0) {
      room = 256;
      for (let k = 0; k < 3; k++) spill2(out + <usize>k * ACC, FR);
    }
  }
}

/** Cells a, b (byte offsets) of a table, their partners above, and the differences. */
// @ts-ignore: decorator
@inline
function both(lo: usize, hi: usize, d: usize, table: usize, a: usize, b: usize, above: usize): void {
  unpack2(lo, table + a, table + b, FR);
  unpack2(hi, table + a + above, table + b + above, FR);
  sub2(d, hi, lo);
}

/** acc = p0·q1 + q0·p1', v = p0, p1', q0, q1. */
// @ts-ignore: decorator
@inline
function cross(acc: usize, v: usize): void {
  set2(acc, v, v + 240, FR);
  mac2(acc, v + 80, v + 160, FR);
}

/**
 * Parents of fractions: p = p0·q1 + p1·q0, q = q0·q1. Arguments: p, q (children), parents p, q at 2, 3, parents, chunk length; 6: packed 1
 * where the children are leaves, whose numerators mostly are 0 or 1, else 0.
 */
export function parents(job: usize, chunk: i32): void {
  const p = pointer(job, 0), q = pointer(job, 1), toP = pointer(job, 2), toQ = pointer(job, 3), one = pointer(job, 6);
  const begin = chunk * int(job, 5), end = min(begin + int(job, 5), int(job, 4));
  const v = scratch, acc = scratch + 320, t = scratch + 512;
  for (let i = begin; i < end; i += 2) {
    const k = min(i + 1, end - 1);
    const a = <usize>i << 6, b = <usize>k << 6, c = <usize>i << 5, d = <usize>k << 5;
    unpack2(v + 160, q + a, q + b, FR);
    unpack2(v + 240, q + a + 32, q + b + 32, FR);
    if (one && isBit(p + a, one) && isBit(p + a + 32, one) && isBit(p + b, one) && isBit(p + b + 32, one)) {
      const left = bits(p + a, p + b), right = bits(p + a + 32, p + b + 32);
      for (let j: usize = 0; j < 80; j += 16)
        v128.store(v + j, f64x2.add(f64x2.mul(left, v128.load(v + 240 + j)), f64x2.mul(right, v128.load(v + 160 + j))));
      pack(toP + c, toP + d, v);
      mul2(t, v + 160, v + 240, FR);
      pack(toQ + c, toQ + d, t);
      continue;
    }
    unpack2(v, p + a, p + b, FR);
    unpack2(v + 80, p + a + 32, p + b + 32, FR);
    set2(acc, v, v + 240, FR);
    mac2(acc, v + 80, v + 160, FR);
    reduceMul(t, acc, t + 80, v + 160, v + 240, FR);
    pack(toP + c, toP + d, t);
    pack(toQ + c, toQ + d, t + 80);
  }
}

/** Whether a packed element is written as 0 or as 1. */
// @ts-ignore: decorator
@inline
function isBit(a: usize, one: usize): bool {
  const low = v128.load(a), high = v128.load(a, 16);
  if (!v128.any_true(v128.or(low, high))) return true;
  return !v128.any_true(v128.or(v128.xor(low, v128.load(one)), v128.xor(high, v128.load(one, 16))));
}

/** Two packed bits as numbers. The lowest word of 1 in Montgomery form is not 0. */
// @ts-ignore: decorator
@inline
function bits(a: usize, b: usize): v128 {
  return f64x2.replace_lane(f64x2.splat(load<u64>(a) ? 1 : 0), 1, load<u64>(b) ? 1 : 0);
}

/**
 * Leaves of a block. p = domain (`counts` 0) or −count on the domain; q = α − id·domain − Σ β^k·v_k.
 * Arguments: p, q (at the block), leaves, chunk length, domain (bytes), counts, number of values, values 7, 8, 9 (64-bit floats), packed 1;
 * elements R², R·X, α, id, then β, β², β³ times R², then the same times R·X.
 */
export function leaves(job: usize, chunk: i32): void {
  const p = pointer(job, 0), q = pointer(job, 1), domain = pointer(job, 4), counts = pointer(job, 5), n = int(job, 6), one = pointer(job, 10);
  const begin = chunk * int(job, 3), end = min(begin + int(job, 3), int(job, 2));
  const x = scratch, y = scratch + 80, z = scratch + 160, acc = scratch + 240, f = job + 128;
  const one0 = v128.load(one), one1 = v128.load(one, 16), limit = f64x2.splat(281474976710656.0);
  for (let i = begin; i < end; i += 2) {
    const k = min(i + 1, end - 1);
    const c = <usize>i << 5, d = <usize>k << 5, on0 = load<u8>(domain + i), on1 = load<u8>(domain + k);
    const on = f64x2.replace_lane(f64x2.splat(<f64>on0), 1, <f64>on1);
    if (counts) {
      const v = f64x2.neg(f64x2.mul(on, pair(counts, i, k)));
      if (v128.any_true(f64x2.gt(f64x2.abs(v), limit))) {
        integers(x, v);
        mul2(y, x, f, FR);
      } else {
        setSmall2(acc, v, f + 80, FR);
        reduceSmall2(y, acc, FR);
      }
      pack(p + c, p + d, y);
    } else {
      const m0 = i64x2.splat(-<i64>on0), m1 = i64x2.splat(-<i64>on1);
      v128.store(p + c, v128.and(one0, m0));
      v128.store(p + c, v128.and(one1, m0), 16);
      v128.store(p + d, v128.and(one0, m1));
      v128.store(p + d, v128.and(one1, m1), 16);
    }
    for (let j: usize = 0; j < 80; j += 16) v128.store(z + j, f64x2.sub(v128.load(f + 160 + j), f64x2.mul(on, v128.load(f + 240 + j))));
    let wide = false;
    for (let t = 0; t < n; t++) {
      const v = pair(pointer(job, 7 + t), i, k), factor = f + <usize>t * 80;
      wide = wide || v128.any_true(f64x2.gt(f64x2.abs(v), limit));
      if (t == 0) setSmall2(acc, v, factor + 560, FR);
      else macSmall2(acc, v, factor + 560, FR);
    }
    if (wide) {
      for (let t = 0; t < n; t++) {
        integers(x, pair(pointer(job, 7 + t), i, k));
        mul2(y, x, f + 320 + <usize>t * 80, FR);
        sub2(z, z, y);
      }
      carry2(z, z);
    } else {
      reduceSmall2(y, acc, FR);
      sub2(z, z, y);
    }
    pack(q + c, q + d, z);
  }
}

// @ts-ignore: decorator
@inline
function pair(values: usize, i: i32, k: i32): v128 {
  return f64x2.replace_lane(f64x2.splat(load<f64>(values + (<usize>i << 3))), 1, load<f64>(values + (<usize>k << 3)));
}

/** The lower two limbs of exact integers. */
// @ts-ignore: decorator
@inline
function integers(o: usize, v: v128): void {
  const top = f64x2.trunc(f64x2.mul(v, f64x2.splat(4.440892098500626e-16)));
  v128.store(o, f64x2.sub(v, f64x2.mul(top, f64x2.splat(2251799813685248.0))));
  v128.store(o, top, 16);
  memory.fill(o + 32, 0, 48);
}
