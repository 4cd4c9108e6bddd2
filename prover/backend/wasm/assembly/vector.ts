/** Vectors over F: 32 bytes an element, Montgomery form, in [0, r + 2^-40·r). Each kernel works on one chunk of a job. */
import { add2, affine2, affine4, mac2, macSmall2, mul2, pack2, reduce2, reduce4, reduceSmall2, set2, setSmall2, sub2, unpack2 } from './field';
import { FR, element, int, pointer, scratch } from './shared';

/** dst = factor · src. Arguments: src, dst, length, chunk length; factor. */
export function scaleVector(job: usize, chunk: i32): void {
  const src = pointer(job, 0), dst = pointer(job, 1);
  const begin = chunk * int(job, 3), end = min(begin + int(job, 3), int(job, 2));
  const x = scratch;
  for (let i = begin; i < end; i += 2) {
    const k = min(i + 1, end - 1);
    unpack2(x, src + (<usize>i << 5), src + (<usize>k << 5), FR);
    mul2(x, x, element(job, 0), FR);
    pack2(dst + (<usize>i << 5), dst + (<usize>k << 5), x, FR);
  }
}

/** dst = the exact integers src (64-bit floats). Arguments: src, dst, length, chunk length; R², R·X. */
export function intsToField(job: usize, chunk: i32): void {
  const src = pointer(job, 0), dst = pointer(job, 1);
  const begin = chunk * int(job, 3), end = min(begin + int(job, 3), int(job, 2));
  const x = scratch, y = scratch + 80, acc = scratch + 160;
  memory.fill(x, 0, 80);
  for (let i = begin; i < end; i += 2) {
    const k = min(i + 1, end - 1);
    const v = f64x2.replace_lane(f64x2.splat(load<f64>(src + (<usize>i << 3))), 1, load<f64>(src + (<usize>k << 3)));
    if (v128.any_true(f64x2.gt(f64x2.abs(v), f64x2.splat(281474976710656.0)))) {
      const top = f64x2.trunc(f64x2.mul(v, f64x2.splat(4.440892098500626e-16)));
      v128.store(x, f64x2.sub(v, f64x2.mul(top, f64x2.splat(2251799813685248.0))));
      v128.store(x, top, 16);
      mul2(y, x, element(job, 0), FR);
    } else {
      setSmall2(acc, v, element(job, 1), FR);
      reduceSmall2(y, acc, FR);
    }
    pack2(dst + (<usize>i << 5), dst + (<usize>k << 5), y, FR);
  }
}

/** dst = one element everywhere. Arguments: dst, length, chunk length; the packed element at byte 128. */
export function fillVector(job: usize, chunk: i32): void {
  const dst = pointer(job, 0);
  const begin = chunk * int(job, 2), end = min(begin + int(job, 2), int(job, 1));
  const a = v128.load(job, 128), b = v128.load(job, 144);
  for (let i = begin; i < end; i++) {
    v128.store(dst + (<usize>i << 5), a);
    v128.store(dst + (<usize>i << 5), b, 16);
  }
}

/** Extends an eq table of 2^k entries at `table` by one more significant variable r. */
function extendEq(table: usize, k: i32, r: usize): void {
  const size = 1 << k, upper = table + (<usize>size << 5);
  const x = scratch, y = scratch + 80;
  for (let j = 0; j < size; j += 2) {
    const a = <usize>j << 5, b = <usize>min(j + 1, size - 1) << 5;
    unpack2(x, table + a, table + b, FR);
    mul2(y, x, r, FR);
    pack2(upper + a, upper + b, y, FR);
    sub2(x, x, y);
    pack2(table + a, table + b, x, FR);
  }
}

/**
 * Chunk c of an eq table: 2^m entries, start[c] · eq(last m coordinates, ·).
 * Arguments: dst, m, starts (packed elements); the m coordinates.
 */
export function eqChunk(job: usize, chunk: i32): void {
  const m = int(job, 1);
  const dst = pointer(job, 0) + (<usize>chunk << (5 + m)), start = pointer(job, 2) + (<usize>chunk << 5);
  v128.store(dst, v128.load(start));
  v128.store(dst, v128.load(start, 16), 16);
  for (let k = 0; k < m; k++) extendEq(dst, k, element(job, m - 1 - k));
}

/**
 * All suffix tables of eq: T_k over the last k coordinates, k = 0 … m, at element 2^k − 1 of dst.
 * Arguments: dst, m; the coordinates. dst[0] holds 1.
 */
export function eqSuffixes(job: usize, chunk: i32): void {
  const m = int(job, 1), dst = pointer(job, 0);
  for (let k = 0; k < m; k++) {
    const from = dst + (((<usize>1 << k) - 1) << 5), to = dst + (((<usize>2 << k) - 1) << 5);
    memory.copy(to, from, <usize>32 << k);
    extendEq(to, k, element(job, m - 1 - k));
  }
}

/**
 * Binds the variable of stride 2^h: dst[j] = lo + r·(hi − lo) with lo = src[(j >> h) << (h + 1) | (j & (2^h − 1))], hi 2^h above.
 * In place where 2^h covers the vector. Arguments: h, outputs, chunk length, number of vectors; sources from 4, destinations from 8; r's table (affine2).
 */
export function bind(job: usize, chunk: i32): void {
  const h = int(job, 0), mask = (1 << h) - 1, count = int(job, 3), r = element(job, 0);
  const begin = chunk * int(job, 2), end = min(begin + int(job, 2), int(job, 1));
  const x = scratch, y = scratch + 80, x2 = scratch + 160, y2 = scratch + 240, above = <usize>32 << h;
  for (let t = 0; t < count; t++) {
    const src = pointer(job, 4 + t), dst = pointer(job, 8 + t);
    let j = begin;
    for (; j + 4 <= end; j += 4) {
      difference(x, y, src + lower(j, h, mask), src + lower(j + 1, h, mask), above);
      difference(x2, y2, src + lower(j + 2, h, mask), src + lower(j + 3, h, mask), above);
      const o = dst + (<usize>j << 5);
      affine4(o, o + 32, x, y, o + 64, o + 96, x2, y2, r, FR);
    }
    for (; j < end; j += 2) {
      const k = min(j + 1, end - 1);
      difference(x, y, src + lower(j, h, mask), src + lower(k, h, mask), above);
      affine2(dst + (<usize>j << 5), dst + (<usize>k << 5), x, y, r, FR);
    }
  }
}

/** x = cells at a, b; y = the cells above them minus x. */
// @ts-ignore: decorator
@inline
function difference(x: usize, y: usize, a: usize, b: usize, above: usize): void {
  unpack2(x, a, b, FR);
  unpack2(y, a + above, b + above, FR);
  sub2(y, y, x);
}

/** As `bind`, for a vector of exact integers below 2^48. Arguments: h, outputs, chunk length, source (64-bit floats), destination; R·X, r·R·X. */
export function bindInts(job: usize, chunk: i32): void {
  const h = int(job, 0), mask = (1 << h) - 1, src = pointer(job, 3), dst = pointer(job, 4);
  const begin = chunk * int(job, 2), end = min(begin + int(job, 2), int(job, 1));
  const y = scratch, acc = scratch + 80, above = <usize>8 << h;
  for (let j = begin; j < end; j += 2) {
    const k = min(j + 1, end - 1), a = src + (lower(j, h, mask) >> 2), b = src + (lower(k, h, mask) >> 2);
    const lo = f64x2.replace_lane(f64x2.splat(load<f64>(a)), 1, load<f64>(b));
    const hi = f64x2.replace_lane(f64x2.splat(load<f64>(a + above)), 1, load<f64>(b + above));
    setSmall2(acc, lo, element(job, 0), FR);
    macSmall2(acc, f64x2.sub(hi, lo), element(job, 1), FR);
    reduceSmall2(y, acc, FR);
    pack2(dst + (<usize>j << 5), dst + (<usize>k << 5), y, FR);
  }
}

/** Byte offset of the lower cell of pair j. */
// @ts-ignore: decorator
@inline
export function lower(j: i32, h: i32, mask: i32): usize {
  return <usize>(((j >> h) << (h + 1)) | (j & mask)) << 5;
}

/** dst[i·n + j] = high[i] · low[j]. Arguments: high, low, dst, length of high, chunk length (of high), n. */
export function outer(job: usize, chunk: i32): void {
  const high = pointer(job, 0), low = pointer(job, 1), dst = pointer(job, 2), n = int(job, 5);
  const begin = chunk * int(job, 4), end = min(begin + int(job, 4), int(job, 3));
  const x = scratch, y = scratch + 80;
  for (let i = begin; i < end; i++) {
    unpack2(x, high + (<usize>i << 5), high + (<usize>i << 5), FR);
    const row = dst + (<usize>i * <usize>n << 5);
    for (let j = 0; j < n; j += 2) {
      const a = <usize>j << 5, b = <usize>min(j + 1, n - 1) << 5;
      unpack2(y, low + a, low + b, FR);
      mul2(y, y, x, FR);
      pack2(row + a, row + b, y, FR);
    }
  }
}

/**
 * dst[i·n + j] += Σ_t high[t][i] · low[t][j], but for cells above the diagonal: with y = i·n + j, ((y >> sj) & m) > ((y >> si) & m).
 * Arguments: highs, lows, dst, length of high, chunk length (of high), n, m (0: no diagonal), si, sj, terms (1 … 4).
 */
export function addOuter(job: usize, chunk: i32): void {
  const highs = pointer(job, 0), lows = pointer(job, 1), dst = pointer(job, 2), rows = int(job, 3), n = int(job, 5);
  const m = int(job, 6), si = int(job, 7), sj = int(job, 8), terms = int(job, 9);
  const begin = chunk * int(job, 4), end = min(begin + int(job, 4), rows);
  const x = scratch, y = scratch + 320, z = scratch + 400, y2 = scratch + 480, spare = scratch + 560, acc = scratch + 640, acc2 = scratch + 832;
  const apart = <usize>n << 5;
  for (let i = begin; i < end; i++) {
    let any: u64 = 0;
    for (let t = 0; t < terms; t++) {
      const w = highs + (<usize>(t * rows + i) << 5);
      any |= load<u64>(w) | load<u64>(w, 8) | load<u64>(w, 16) | load<u64>(w, 24);
      unpack2(x + <usize>t * 80, w, w, FR);
    }
    if (any == 0) continue;
    const row = dst + <usize>i * apart;
    let j = 0;
    for (; m == 0 && j + 4 <= n; j += 4) {
      const at = <usize>j << 5, o = row + at;
      for (let t = 0; t < terms; t++) {
        const l = lows + <usize>t * apart + at, h = x + <usize>t * 80;
        unpack2(y, l, l + 32, FR);
        unpack2(y2, l + 64, l + 96, FR);
        if (t == 0) {
          set2(acc, y, h, FR);
          set2(acc2, y2, h, FR);
        } else {
          mac2(acc, y, h, FR);
          mac2(acc2, y2, h, FR);
        }
      }
      reduce4(y, acc, y2, acc2, FR);
      unpack2(z, o, o + 32, FR);
      add2(y, y, z);
      pack2(o, o + 32, y, FR);
      unpack2(z, o + 64, o + 96, FR);
      add2(y2, y2, z);
      pack2(o + 64, o + 96, y2, FR);
    }
    for (; j < n; j += 2) {
      const k = min(j + 1, n - 1);
      const cell = i * n + j, next = i * n + k;
      const skipCell = ((cell >> sj) & m) > ((cell >> si) & m), skipNext = ((next >> sj) & m) > ((next >> si) & m);
      if (skipCell && skipNext) continue;
      const a = <usize>j << 5, b = <usize>k << 5;
      for (let t = 0; t < terms; t++) {
        const l = lows + <usize>t * apart;
        unpack2(y, l + a, l + b, FR);
        if (t == 0) set2(acc, y, x, FR);
        else mac2(acc, y, x + <usize>t * 80, FR);
      }
      reduce2(y, acc, FR);
      unpack2(z, row + a, row + b, FR);
      add2(y, y, z);
      pack2(skipCell ? spare : row + a, skipNext ? spare + 32 : row + b, y, FR);
    }
  }
}
