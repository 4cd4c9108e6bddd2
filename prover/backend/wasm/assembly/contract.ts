/**
 * Partial evaluation: Σ cell · weight over integer cells, without reduction. A weight is eight signed digits of 32 bits, a cell up to four
 * signed parts of 16 bits, both held in doubles: 32 products of a part and a digit add up exactly, to at most 2^51 in size. Tiles of cells
 * are turned into doubles first, rows of zeros left out, so that the inner loop is multiply-adds alone; 64-bit integers collect its sums.
 */
import { add2, clear2, mac2, madd, pack2, reduce2, reduceWide2, unpack2 } from './field';
import { FR, int, pointer, scratch } from './shared';

const LIMB_MASK: i64 = (1 << 51) - 1;
/** Bytes of a weight's digits. */
const WEIGHT: usize = 64;
/** Cells of a tile's row, and most rows. */
const WIDTH: i32 = 64;
const ROWS: i32 = 32;
const ROW: usize = 512;
/**
 * Scratch: the weights (or sums) of a tile's rows, 64-bit sums of a tile (two lanes a word), the tile. Words of a sum: digits 0 … 8 of the parts of
 * weight 1 and 2^32, then those of weight 2^16 and 2^48. Cells of 16 bits have one part, and need the first eight.
 */
const LIST: usize = 3584;
const SUMS: usize = 4096;
const TILE: usize = 13312;
const NARROW: i32 = 8;
const WIDE: i32 = 18;

/** Packed elements to digits. Arguments: src, dst, length, chunk length, 1: the digits of elements 2i and 2i + 1 alternate. */
export function splitWeights(job: usize, chunk: i32): void {
  const begin = chunk * int(job, 3), end = min(begin + int(job, 3), int(job, 2)), paired = int(job, 4);
  for (let i = begin; i < end; i++) {
    const a = pointer(job, 0) + (<usize>i << 5);
    const o = pointer(job, 1) + (paired ? ((<usize>i >> 1) << 7) + ((<usize>i & 1) << 3) : <usize>i * WEIGHT);
    let carry: i64 = 0;
    for (let k = 0; k < 8; k++) {
      const t = <i64>load<u32>(a + (<usize>k << 2)) + carry;
      carry = k < 7 ? (t + 0x80000000) >> 32 : 0;
      store<f64>(o + (<usize>k << (paired ? 4 : 3)), <f64>(t - (carry << 32)));
    }
  }
}

/** Zeroes cells above the diagonal: ((y >> sj) & m) > ((y >> si) & m), y = first + index. Arguments: cells, log2 of their bytes, count, chunk length, first, m, si, sj. */
export function clearAbove(job: usize, chunk: i32): void {
  const cells = pointer(job, 0), size = int(job, 1), first = int(job, 4), m = int(job, 5), si = int(job, 6), sj = int(job, 7);
  const begin = chunk * int(job, 3), end = min(begin + int(job, 3), int(job, 2));
  for (let i = begin; i < end; i++) {
    const y = first + i;
    if (((y >> sj) & m) <= ((y >> si) & m)) continue;
    const at = cells + (<usize>i << size);
    if (size == 0) store<u8>(at, 0);
    else if (size == 1) store<u16>(at, 0);
    else if (size == 2) store<u32>(at, 0);
    else store<u64>(at, 0);
  }
}

/** Four doubles from four 32-bit integers. */
// @ts-ignore: decorator
@inline
function four(o: usize, v: v128): void {
  v128.store(o, f64x2.convert_low_i32x4_s(v));
  v128.store(o, f64x2.convert_low_i32x4_s(v128.shuffle<i64>(v, v, 1, 1)), 16);
}

/** n cells of 8 or 16 bits to doubles; whether one is not 0. */
function narrow<T>(o: usize, at: usize, n: i32): i32 {
  let any = i64x2.splat(0), i = 0;
  for (; i + 8 <= n; i += 8) {
    const from = at + <usize>i * sizeof<T>(), to = o + (<usize>i << 3);
    const v = sizeof<T>() == 1 ? i16x8.extend_low_i8x16_s(v128.load64_zero(from)) : v128.load(from);
    any = v128.or(any, v);
    four(to, i32x4.extend_low_i16x8_s(v));
    four(to + 32, i32x4.extend_high_i16x8_s(v));
  }
  let rest = 0;
  for (; i < n; i++) {
    const v = <i32>load<T>(at + <usize>i * sizeof<T>());
    rest |= v;
    store<f64>(o + (<usize>i << 3), <f64>v);
  }
  return i32(v128.any_true(any) || rest != 0);
}

/** n wider cells (32-bit integers, or doubles); bit 0: whether one is not 0, bit 1: whether one has more than one part. */
function whole(o: usize, at: usize, n: i32, size: i32): i32 {
  const limit = f64x2.splat(32768.0);
  let any = f64x2.splat(0), above = any, i = 0;
  for (; i + 4 <= n; i += 4) {
    const from = at + (<usize>i << size), to = o + (<usize>i << 3);
    let x: v128, y: v128;
    if (size == 2) {
      const v = v128.load(from);
      x = f64x2.convert_low_i32x4_s(v);
      y = f64x2.convert_low_i32x4_s(v128.shuffle<i64>(v, v, 1, 1));
    } else {
      x = v128.load(from);
      y = v128.load(from, 16);
    }
    v128.store(to, x);
    v128.store(to, y, 16);
    any = v128.or(any, v128.or(x, y));
    above = v128.or(above, f64x2.ge(f64x2.max(f64x2.abs(x), f64x2.abs(y)), limit));
  }
  let rest: f64 = 0;
  for (; i < n; i++) {
    const from = at + (<usize>i << size), x = size == 2 ? <f64>load<i32>(from) : load<f64>(from);
    rest = max(rest, abs(x));
    store<f64>(o + (<usize>i << 3), x);
  }
  return i32(v128.any_true(any) || rest != 0) | (i32(v128.any_true(above) || rest >= 32768.0) << 1);
}

/** Part `part` of n wider cells; bit 0: whether one is not 0, bit 1: whether there are higher parts. */
function parts(o: usize, at: usize, n: i32, size: i32, part: i32): i32 {
  if (part == 0) {
    const found = whole(o, at, n, size);
    if (!(found & 2)) return found;
  }
  const down = f64x2.splat(0.0000152587890625), up = f64x2.splat(65536.0), zero = f64x2.splat(0);
  let any = zero, above = zero;
  for (let i = 0; i < n; i += 2) {
    const from = at + (<usize>i << size);
    let x: v128;
    if (i + 1 < n) x = size == 2 ? f64x2.convert_low_i32x4_s(v128.load64_zero(from)) : v128.load(from);
    else x = f64x2.replace_lane(zero, 0, size == 2 ? <f64>load<i32>(from) : load<f64>(from));
    for (let p = 0; p < part; p++) x = f64x2.nearest(f64x2.mul(x, down));
    const q = f64x2.nearest(f64x2.mul(x, down)), r = f64x2.sub(x, f64x2.mul(q, up));
    v128.store(o + (<usize>i << 3), r);
    any = v128.or(any, f64x2.ne(r, zero));
    above = v128.or(above, f64x2.ne(q, zero));
  }
  return i32(v128.any_true(any)) | (i32(v128.any_true(above)) << 1);
}

// @ts-ignore: decorator
@inline
function doubles(o: usize, at: usize, n: i32, size: i32, part: i32): i32 {
  if (size == 1) return narrow<i16>(o, at, n);
  if (size == 0) return narrow<i8>(o, at, n);
  return parts(o, at, n, size, part);
}

/** Where `touch` leaves what it read. */
const TOUCHED: usize = 3576;

/** Reads a byte of every cache line of n cells, so that the lines of many rows are fetched at once and not one after the other. */
// @ts-ignore: decorator
@inline
function touch(at: usize, n: i32, size: i32): void {
  let sum: u8 = 0;
  for (let k = 0; k < n << size; k += 64) sum |= load<u8>(at + <usize>k);
  store<u8>(scratch + TOUCHED, sum);
}

/** The word where the sums of a part begin: its weight is 2^16 to the part. */
// @ts-ignore: decorator
@inline
function wordOf(part: i32): usize {
  return part == 0 ? 0 : part == 1 ? 144 : part == 2 ? 16 : 160;
}

/** sum += a, exact integers of at most 2^51 in size. */
// @ts-ignore: decorator
@inline
function collectOne(sum: usize, a: v128): void {
  const C = f64x2.splat(6755399441055744.0);
  v128.store(sum, i64x2.add(v128.load(sum), i64x2.sub(f64x2.add(a, C), i64x2.splat(0x4338000000000000))));
}

/** Four sums, side by side, += a, b, c, d. */
// @ts-ignore: decorator
@inline
function collect(sums: usize, a: v128, b: v128, c: v128, d: v128): void {
  collectOne(sums, a);
  collectOne(sums + 16, b);
  collectOne(sums + 32, c);
  collectOne(sums + 48, d);
}

/**
 * sums of columns += Σ over the tile's n rows of cell · weight, `list` holding the weights' addresses: two pairs of columns and half the digits
 * at a time, so that the sums stay in registers. `words` of a sum lie a pair of columns apart.
 */
function tileColumns(sums: usize, tile: usize, list: usize, n: i32, width: i32, words: i32): void {
  const apart = <usize>words << 4, ends = list + (<usize>n << 2);
  for (let c = 0; c < width; c += 4) {
    const s = sums + <usize>(c >> 1) * apart;
    for (let half: usize = 0; half < 2; half++) {
      let a0 = f64x2.splat(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0, cell = tile + (<usize>c << 3);
      for (let entry = list; entry < ends; entry += 4) {
        const w = <usize>load<u32>(entry) + (half << 5), x = v128.load(cell), y = v128.load(cell, 16);
        const w0 = v128.load64_splat(w), w1 = v128.load64_splat(w, 8), w2 = v128.load64_splat(w, 16), w3 = v128.load64_splat(w, 24);
        a0 = madd(x, w0, a0);
        b0 = madd(y, w0, b0);
        a1 = madd(x, w1, a1);
        b1 = madd(y, w1, b1);
        a2 = madd(x, w2, a2);
        b2 = madd(y, w2, b2);
        a3 = madd(x, w3, a3);
        b3 = madd(y, w3, b3);
        cell += ROW;
      }
      const at = s + (half << 6), next = at + apart;
      collect(at, a0, a1, a2, a3);
      collect(next, b0, b1, b2, b3);
    }
  }
}

/**
 * dst[o·columns + c] = Σ_s cell[outputs[o] + terms[s] + c] · weight(s) / R. Arguments: cells, log2 of their bytes, output offsets (32-bit), columns,
 * term offsets (32-bit), terms, weights (digits), dst, tiles of 64 columns, units (outputs · tiles), chunk length.
 */
export function dotColumns(job: usize, chunk: i32): void {
  const cells = pointer(job, 0), size = int(job, 1), outputs = pointer(job, 2), columns = int(job, 3), terms = pointer(job, 4), n = int(job, 5);
  const weights = pointer(job, 6), dst = pointer(job, 7), tiles = int(job, 8);
  const begin = chunk * int(job, 10), end = min(begin + int(job, 10), int(job, 9));
  const sums = scratch + SUMS, tile = scratch + TILE, list = scratch + LIST, words = size < 2 ? NARROW : WIDE;
  memory.fill(tile, 0, <usize>ROWS * ROW);
  for (let u = begin; u < end; u++) {
    const first = (u % tiles) * WIDTH, width = min(WIDTH, columns - first), output = load<u32>(outputs + (<usize>(u / tiles) << 2));
    const base = cells + (<usize>(output + first) << size);
    memory.fill(sums, 0, (<usize>((width + 3) & ~3) >> 1) * (<usize>words << 4));
    for (let from = 0; from < n; ) {
      // Rows of zeros do not count: `to` is where the tile is full.
      let to = from;
      for (let s = from, ahead = min(n, from + ROWS); s < ahead; s++) touch(base + (<usize>load<u32>(terms + (<usize>s << 2)) << size), width, size);
      for (let part = 0; ; part++) {
        let rows = 0, flags = 0, s = from;
        for (; part == 0 ? s < n && rows < ROWS : s < to; s++) {
          const found = doubles(tile + <usize>rows * ROW, base + (<usize>load<u32>(terms + (<usize>s << 2)) << size), width, size, part);
          flags |= found;
          if (!found) continue;
          store<u32>(list + (<usize>rows << 2), weights + <usize>s * WEIGHT);
          rows++;
        }
        if (part == 0) to = s;
        if (rows) tileColumns(sums + wordOf(part), tile, list, rows, width, words);
        if (!(flags & 2)) break;
      }
      from = to;
    }
    const to = dst + (<usize>((u / tiles) * columns + first) << 5), spare = scratch + 512;
    for (let c = 0; c < width; c += 2) {
      const at = sums + <usize>(c >> 1) * (<usize>words << 4), o = to + (<usize>c << 5);
      reduceSums(o, c + 1 < width ? o + 32 : spare, at, words);
    }
  }
}

/** Sums of a row += Σ over n pairs of its cells · weights, for two rows at a time. `list` holds addresses of rows and of their sums. */
function tileRows(list: usize, rows: i32, weights: usize, n: i32, offset: usize): void {
  for (let r = 0; r < rows; r += 2) {
    const entry = list + (<usize>r << 3), other = r + 1 < rows ? entry + 8 : entry;
    for (let half: usize = 0; half < 2; half++) {
      let a0 = f64x2.splat(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
      let cell = <usize>load<u32>(entry), next = <usize>load<u32>(other), w = weights + (half << 6);
      for (let k = 0; k < n; k++) {
        const x = v128.load(cell), y = v128.load(next), w0 = v128.load(w), w1 = v128.load(w, 16), w2 = v128.load(w, 32), w3 = v128.load(w, 48);
        a0 = madd(x, w0, a0);
        b0 = madd(y, w0, b0);
        a1 = madd(x, w1, a1);
        b1 = madd(y, w1, b1);
        a2 = madd(x, w2, a2);
        b2 = madd(y, w2, b2);
        a3 = madd(x, w3, a3);
        b3 = madd(y, w3, b3);
        cell += 16;
        next += 16;
        w += 128;
      }
      const at = <usize>load<u32>(entry, 4) + offset + (half << 6);
      collect(at, a0, a1, a2, a3);
      if (other == entry) continue;
      const to = <usize>load<u32>(other, 4) + offset + (half << 6);
      collect(to, b0, b1, b2, b3);
    }
  }
}

/**
 * dst[o] = Σ_s cell[outputs[o] + runs[s / run] + s % run] · weight(s) / R. Arguments: cells, log2 of their bytes, output offsets (32-bit), outputs,
 * offsets of runs (32-bit), cells of a run, terms (all runs), weights (digits in pairs, 0 after the last), dst, chunk length.
 */
export function dotRows(job: usize, chunk: i32): void {
  const cells = pointer(job, 0), size = int(job, 1), outputs = pointer(job, 2), runs = pointer(job, 4), run = int(job, 5), n = int(job, 6);
  const weights = pointer(job, 7), dst = pointer(job, 8), begin = chunk * int(job, 9), end = min(begin + int(job, 9), int(job, 3));
  const sums = scratch + SUMS, tile = scratch + TILE, list = scratch + LIST, words = size < 2 ? NARROW : WIDE, apart = <usize>words << 4;
  for (let u = begin; u < end; u += ROWS) {
    const count = min(ROWS, end - u);
    memory.fill(sums, 0, <usize>count * apart);
    for (let from = 0; from < n; from += WIDTH) {
      const to = min(n, from + WIDTH), within = from % run, ahead = min(run - within, to - from);
      const first = cells + (<usize>(load<u32>(runs + (<usize>(from / run) << 2)) + within) << size);
      for (let r = 0; r < count; r++) touch(first + (<usize>load<u32>(outputs + (<usize>(u + r) << 2)) << size), ahead, size);
      for (let part = 0; ; part++) {
        let rows = 0, flags = 0;
        for (let r = 0; r < count; r++) {
          const row = tile + <usize>rows * ROW, base = load<u32>(outputs + (<usize>(u + r) << 2));
          let found = 0;
          for (let s = from; s < to; ) {
            const within = s % run, cellsHere = min(run - within, to - s);
            const at = cells + (<usize>(base + load<u32>(runs + (<usize>(s / run) << 2)) + within) << size);
            found |= doubles(row + (<usize>(s - from) << 3), at, cellsHere, size, part);
            s += cellsHere;
          }
          flags |= found;
          if (!(found & 1)) continue;
          if (to & 1) store<f64>(row + (<usize>(to - from) << 3), 0);
          store<u32>(list + (<usize>rows << 3), row);
          store<u32>(list + (<usize>rows << 3), sums + <usize>r * apart, 4);
          rows++;
        }
        if (rows) tileRows(list, rows, weights + <usize>from * WEIGHT, (to - from + 1) >> 1, wordOf(part));
        if (!(flags & 2)) break;
      }
    }
    for (let r = 0; r < count; r += 2) {
      const a = sums + <usize>r * apart, b = r + 1 < count ? a + apart : a, o = dst + (<usize>(u + r) << 5);
      for (let k: usize = 0; k < apart; k += 16) {
        const x = v128.load(a + k), y = v128.load(b + k);
        v128.store(a + k, i64x2.add(v128.shuffle<i64>(x, y, 0, 2), v128.shuffle<i64>(x, y, 1, 3)));
      }
      reduceSums(o, r + 1 < count ? o + 32 : scratch + 512, a, words);
    }
  }
}

/** Two sums, a lane each, reduced (· 1/R) and packed. */
function reduceSums(oa: usize, ob: usize, sums: usize, words: i32): void {
  const acc = scratch, x = scratch + 192;
  clear2(acc);
  for (let lane: usize = 0; lane < 16; lane += 8) {
    place(acc + lane, sums + lane, words == NARROW ? 8 : 9, 0);
    if (words == WIDE) place(acc + lane, sums + lane + 144, 9, 16);
  }
  reduce2(x, acc, FR);
  pack2(oa, ob, x, FR);
}

/** One lane of an accumulator += Σ_k word_k · 2^(32k + shift). */
function place(lane: usize, sums: usize, words: i32, shift: i32): void {
  let carry: i64 = 0, at = shift;
  for (let k = 0; k < words; k++) {
    const t = load<i64>(sums + (<usize>k << 4)) + carry;
    carry = t >> 32;
    placeDigit(lane, t & 0xffffffff, at);
    at += 32;
  }
  placeDigit(lane, carry, at);
}

// @ts-ignore: decorator
@inline
function placeDigit(lane: usize, digit: i64, bit: i32): void {
  const at = lane + (<usize>(bit / 51) << 4), shift = <i64>(bit % 51);
  store<i64>(at, load<i64>(at) + ((digit << shift) & LIMB_MASK));
  store<i64>(at, load<i64>(at, 16) + (digit >> (51 - shift)), 16);
}

/**
 * dst[o·m + b] = Σ_j v[(o·n + j)·m + b] · w[j]. Arguments: v, w, dst, results, chunk length, n, m.
 */
export function combine(job: usize, chunk: i32): void {
  const v = pointer(job, 0), w = pointer(job, 1), dst = pointer(job, 2), n = int(job, 5), m = int(job, 6), apart = <usize>m << 5;
  const begin = chunk * int(job, 4), end = min(begin + int(job, 4), int(job, 3));
  const x = scratch, y = scratch + 80, acc = scratch + 160, total = scratch + 352, spare = scratch + 512;
  for (let i = begin; i < end; i += 2) {
    const k = min(i + 1, end - 1);
    const a = v + (<usize>((i / m) * n * m + (i % m)) << 5), b = v + (<usize>((k / m) * n * m + (k % m)) << 5);
    memory.fill(total, 0, 80);
    for (let from = 0; from < n; from += 256) {
      const to = min(n, from + 256);
      clear2(acc);
      for (let j = from; j < to; j++) {
        const at = <usize>j * apart, weight = w + (<usize>j << 5);
        unpack2(x, a + at, b + at, FR);
        unpack2(y, weight, weight, FR);
        mac2(acc, x, y, FR);
      }
      reduceWide2(x, acc, FR);
      add2(total, total, x);
      pack2(x, x + 32, total, FR);
      unpack2(total, x, x + 32, FR);
    }
    pack2(dst + (<usize>i << 5), k > i ? dst + (<usize>k << 5) : spare, total, FR);
  }
}

/** out[target[i]] += v[i]; targets repeat at most within a chunk. Arguments: v, targets (32-bit), out, length, chunk length. */
export function scatterAdd(job: usize, chunk: i32): void {
  const v = pointer(job, 0), targets = pointer(job, 1), out = pointer(job, 2);
  const begin = chunk * int(job, 4), end = min(begin + int(job, 4), int(job, 3));
  const x = scratch, y = scratch + 80;
  for (let i = begin; i < end; i++) {
    const at = out + (<usize>load<u32>(targets + (<usize>i << 2)) << 5), from = v + (<usize>i << 5);
    unpack2(x, at, at, FR);
    unpack2(y, from, from, FR);
    add2(x, x, y);
    pack2(at, at, x, FR);
  }
}
