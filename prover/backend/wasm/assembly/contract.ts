/** Partial evaluation: exact integers times field weights, accumulated without reduction. */
import { add2, clear2, mac2, pack2, reduce2, reduceWide2, spill2, unpack2 } from './field';
import { FR, int, pointer, scratch } from './shared';

const LIMB_MASK: i64 = (1 << 51) - 1;
/** Bytes of a weight as ten parts of a limb: 26 low bits, 25 high bits, limb after limb. */
const WEIGHT: usize = 48;
/** Bytes of the sums of one output: five words (sums of low parts, sums of high parts) for each of three weights 1, 2^18, 2^36. */
const SUMS: usize = 240;

/** Packed elements to ten parts. Arguments: src, dst, length, chunk length. */
export function splitWeights(job: usize, chunk: i32): void {
  const begin = chunk * int(job, 3), end = min(begin + int(job, 3), int(job, 2));
  for (let i = begin; i < end; i++) {
    const a = pointer(job, 0) + (<usize>i << 5), o = pointer(job, 1) + <usize>i * WEIGHT;
    const w0 = load<u64>(a), w1 = load<u64>(a, 8), w2 = load<u64>(a, 16), w3 = load<u64>(a, 24);
    part(o, 0, w0);
    part(o, 8, (w0 >> 51) | (w1 << 13));
    part(o, 16, (w1 >> 38) | (w2 << 26));
    part(o, 24, (w2 >> 25) | (w3 << 39));
    part(o, 32, w3 >> 12);
    store<u64>(o, 0, 40);
  }
}

// @ts-ignore: decorator
@inline
function part(o: usize, at: usize, word: u64): void {
  store<u32>(o + at, <u32>word & 0x3ffffff);
  store<u32>(o + at + 4, <u32>(word >> 26) & 0x1ffffff);
}

/** sums += v · weight. */
function addCell(sums: usize, v: f64, weight: usize): void {
  if (abs(v) < 262144.0) return addSmall(sums, <i32>v, weight);
  const x = <i64>v;
  addSmall(sums, <i32>x & 0x3ffff, weight);
  addSmall(sums + 80, <i32>(x >> 18) & 0x3ffff, weight);
  addSmall(sums + 160, <i32>(x >> 36), weight);
}

// @ts-ignore: decorator
@inline
function addSmall(sums: usize, v: i32, weight: usize): void {
  const s = i32x4.splat(v), a = v128.load(weight), b = v128.load(weight, 16), c = v128.load(weight, 32);
  v128.store(sums, i64x2.add(v128.load(sums), i64x2.extmul_low_i32x4_s(s, a)));
  v128.store(sums, i64x2.add(v128.load(sums, 16), i64x2.extmul_high_i32x4_s(s, a)), 16);
  v128.store(sums, i64x2.add(v128.load(sums, 32), i64x2.extmul_low_i32x4_s(s, b)), 32);
  v128.store(sums, i64x2.add(v128.load(sums, 48), i64x2.extmul_high_i32x4_s(s, b)), 48);
  v128.store(sums, i64x2.add(v128.load(sums, 64), i64x2.extmul_low_i32x4_s(s, c)), 64);
}

/**
 * Unit u = (output, segment): Σ over the segment's terms s of cell[offset(u) + offset(s)] · weight(s), as a packed element / R.
 * Arguments: cells, output offsets, term offsets (32-bit), weights (ten parts), dst, units, chunk length, terms, segment length, segments,
 * m (0: no diagonal), si, sj as in addOuter.
 */
export function dotInts(job: usize, chunk: i32): void {
  const cells = pointer(job, 0), outputs = pointer(job, 1), terms = pointer(job, 2), weights = pointer(job, 3), dst = pointer(job, 4);
  const begin = chunk * int(job, 6), end = min(begin + int(job, 6), int(job, 5));
  const n = int(job, 7), length = int(job, 8), segments = int(job, 9), m = int(job, 10), si = int(job, 11), sj = int(job, 12);
  const sums = scratch + 4096;
  for (let u = begin; u < end; u += 2) {
    const last = min(u + 1, end - 1);
    memory.fill(sums, 0, 2 * SUMS);
    for (let w = u; w <= last; w++) {
      const from = (w % segments) * length, to = min(n, from + length), output = load<u32>(outputs + (<usize>(w / segments) << 2));
      const into = sums + <usize>(w - u) * SUMS;
      if (m) dotCausal(into, cells, output, terms, weights, from, to, m, si, sj);
      else dot(into, cells + (<usize>output << 3), terms, weights, from, to);
    }
    finishSums(dst + (<usize>u << 5), dst + (<usize>last << 5), sums, sums + <usize>(last - u) * SUMS);
  }
}

/** Σ cell · weight with the sums of small cells in registers. */
function dot(sums: usize, cells: usize, terms: usize, weights: usize, from: i32, to: i32): void {
  let s0 = i64x2.splat(0), s1 = s0, s2 = s0, s3 = s0, s4 = s0;
  for (let s = from; s < to; s++) {
    const v = load<f64>(cells + (<usize>load<u32>(terms + (<usize>s << 2)) << 3));
    if (v == 0) continue;
    const weight = weights + <usize>s * WEIGHT;
    if (abs(v) < 262144.0) {
      const x = i32x4.splat(<i32>v), a = v128.load(weight), b = v128.load(weight, 16), c = v128.load(weight, 32);
      s0 = i64x2.add(s0, i64x2.extmul_low_i32x4_s(x, a));
      s1 = i64x2.add(s1, i64x2.extmul_high_i32x4_s(x, a));
      s2 = i64x2.add(s2, i64x2.extmul_low_i32x4_s(x, b));
      s3 = i64x2.add(s3, i64x2.extmul_high_i32x4_s(x, b));
      s4 = i64x2.add(s4, i64x2.extmul_low_i32x4_s(x, c));
    } else addCell(sums, v, weight);
  }
  v128.store(sums, i64x2.add(v128.load(sums), s0));
  v128.store(sums, i64x2.add(v128.load(sums, 16), s1), 16);
  v128.store(sums, i64x2.add(v128.load(sums, 32), s2), 32);
  v128.store(sums, i64x2.add(v128.load(sums, 48), s3), 48);
  v128.store(sums, i64x2.add(v128.load(sums, 64), s4), 64);
}

/** As \`dot\`, but for cells above the diagonal. */
function dotCausal(sums: usize, cells: usize, output: u32, terms: usize, weights: usize, from: i32, to: i32, m: i32, si: i32, sj: i32): void {
  for (let s = from; s < to; s++) {
    const at = output + load<u32>(terms + (<usize>s << 2));
    if (((at >> sj) & m) > ((at >> si) & m)) continue;
    const v = load<f64>(cells + (<usize>at << 3));
    if (v != 0) addCell(sums, v, weights + <usize>s * WEIGHT);
  }
}

/** Two outputs' sums, reduced (· 1/R) and packed. */
function finishSums(oa: usize, ob: usize, a: usize, b: usize): void {
  const acc = scratch;
  clear2(acc);
  collect(acc, a);
  collect(acc + 8, b);
  reduce2(acc + 192, acc, FR);
  pack2(oa, ob, acc + 192, FR);
}

/** One lane of an accumulator from the sums of one output. */
function collect(lane: usize, sums: usize): void {
  place(lane, sums, 0);
  place(lane, sums + 80, 18);
  place(lane, sums + 160, 36);
}

/** lane += 2^shift · Σ_k (low_k + 2^26·high_k)·2^51k. */
function place(lane: usize, sums: usize, shift: i64): void {
  let carry: i64 = 0;
  for (let k = 0; k < 6; k++) {
    let digit = carry;
    if (k < 5) {
      const low = load<i64>(sums + (<usize>k << 4)), high = load<i64>(sums + (<usize>k << 4), 8);
      digit += low + ((high & 0x1ffffff) << 26);
      carry = (digit >> 51) + (high >> 25);
      digit &= LIMB_MASK;
    }
    const at = lane + (<usize>k << 4);
    store<i64>(at, load<i64>(at) + ((digit & (LIMB_MASK >> shift)) << shift));
    store<i64>(at + 16, load<i64>(at + 16) + (digit >> (51 - shift)));
  }
}

/** dst[i] = Σ_j v[i·n + j] · w[j]. Arguments: v, w, dst, rows, chunk length, n. */
export function rowDots(job: usize, chunk: i32): void {
  const v = pointer(job, 0), w = pointer(job, 1), dst = pointer(job, 2), n = int(job, 5);
  const begin = chunk * int(job, 4), end = min(begin + int(job, 4), int(job, 3));
  const x = scratch, y = scratch + 80, acc = scratch + 160, total = scratch + 352;
  for (let i = begin; i < end; i++) {
    const row = v + (<usize>i * <usize>n << 5);
    memory.fill(total, 0, 80);
    for (let from = 0; from < n; from += 512) {
      const to = min(n, from + 512);
      clear2(acc);
      for (let j = from; j + 1 < to; j += 2) {
        unpack2(x, row + (<usize>j << 5), row + (<usize>j << 5) + 32, FR);
        unpack2(y, w + (<usize>j << 5), w + (<usize>j << 5) + 32, FR);
        mac2(acc, x, y, FR);
      }
      if ((to - from) & 1) {
        const last = <usize>(to - 1) << 5;
        unpack2(x, row + last, row + last, FR);
        unpack2(y, w + last, w + last, FR);
        for (let k = 0; k < 5; k++) store<f64>(x + (<usize>k << 4), 0, 8);
        mac2(acc, x, y, FR);
      }
      reduceWide2(x, acc, FR);
      add2(total, total, x);
      pack2(x, x + 32, total, FR);
      unpack2(total, x, x + 32, FR);
    }
    for (let k = 0; k < 5; k++) {
      const at = total + (<usize>k << 4), sum = load<f64>(at) + load<f64>(at, 8);
      store<f64>(at, sum);
      store<f64>(at, sum, 8);
    }
    pack2(dst + (<usize>i << 5), dst + (<usize>i << 5), total, FR);
  }
}

/** out[target[i]] += v[i]; one chunk, targets may repeat. Arguments: v, targets (32-bit), out, length. */
export function scatterAdd(job: usize, chunk: i32): void {
  const v = pointer(job, 0), targets = pointer(job, 1), out = pointer(job, 2), n = int(job, 3);
  const x = scratch, y = scratch + 80;
  for (let i = 0; i < n; i++) {
    const at = out + (<usize>load<u32>(targets + (<usize>i << 2)) << 5), from = v + (<usize>i << 5);
    unpack2(x, at, at, FR);
    unpack2(y, from, from, FR);
    add2(x, x, y);
    pack2(at, at, x, FR);
  }
}
