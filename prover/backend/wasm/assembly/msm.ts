/**
 * Multi-exponentiations: Pippenger's buckets with signed digits over affine points, added up in batches. The buckets of some windows are
 * added up together as segments; then Σ d·B_d = Σ_k 2^k·S_k over the bits k of d, from the sums over the low and the high half of d.
 */
import {
  BATCH, ENTRY, LIST_BYTES, PRODUCT_BYTES, addBatch, canonicalPoint, clearSawInfinity, copyPoint, doubleBatch, isInfinity,
  negatePoint, sumAddresses,
} from './curve';
import { mul2, pack2, unpack2 } from './field';
import { FQ, curveScratch, element, int, pointer, thread } from './shared';

/** Bytes of a scalar: 36 of its absolute value plus the digits' offset, then 1 if it is negative (32 bits). */
const SCALAR: usize = 40;

/** A thread's work space, as `layout` cuts it. */
let a: usize = 0;
let b: usize = 0;
let list: usize = 0;
let products: usize = 0;
let addresses: usize = 0;
let lengths: usize = 0;
let halves: usize = 0;
let positions: usize = 0;

/** Room for `points` partial sums twice, `count` addresses and `segments` segments: workBytes in curve.ts is the same sum. */
function layout(base: usize, points: i32, count: i32, segments: i32): void {
  a = base;
  b = a + (<usize>points << 6);
  list = b + (<usize>points << 6);
  products = list + LIST_BYTES;
  addresses = products + PRODUCT_BYTES;
  lengths = addresses + (<usize>count << 2);
  halves = lengths + (<usize>segments << 2);
  positions = halves + (<usize>segments << 2);
}

/** Adds up segments of addresses, one after another (stride 0) or `stride` bytes apart. */
function sums(stride: usize, lengths: usize, segments: i32, to: usize, spare: usize, signed: bool): usize {
  return sumAddresses(addresses, stride, lengths, segments, to, spare, list, products, signed);
}

/** positions[i] = address of segment i's point, or 0. */
function locate(from: usize, lengths: usize, segments: i32): void {
  for (let i = 0; i < segments; i++) {
    const present = load<u32>(lengths + (<usize>i << 2));
    store<u32>(positions + (<usize>i << 2), present ? <u32>from : 0);
    if (present) from += 64;
  }
}

/** Appends the point of segment `i`, if there is one. */
// @ts-ignore: decorator
@inline
function take(to: usize, i: i32): usize {
  const point = load<u32>(positions + (<usize>i << 2));
  if (!point) return to;
  store<u32>(to, point);
  return to + 4;
}

// @ts-ignore: decorator
@inline
function put(segment: usize, from: usize, to: usize): void {
  store<u32>(segment, <u32>((to - from) >> 2));
}

/** out[w] = Σ d·B_{w,d} of `windows` windows of 2^(bits − 1) buckets each, whose sums stand at `buckets` with `lengths` 0 or 1. */
function weigh(buckets: usize, windows: i32, bits: i32, out: usize): void {
  const count = 1 << (bits - 1), lowBits = bits >> 1, low = 1 << lowBits, high = 1 << (bits - 1 - lowBits), each = low - 1 + high;
  locate(buckets, lengths, windows * count);
  let to = addresses, segment = halves;
  for (let w = 0; w < windows; w++) {
    const before = w * count - 1;
    for (let x = 1; x < low; x++) {
      const from = to;
      for (let d = x; d <= count; d += low) to = take(to, before + d);
      put(segment, from, to);
      segment += 4;
    }
    for (let x = 1; x <= high; x++) {
      const from = to, end = min((x + 1) * low, count + 1);
      for (let d = x * low; d < end; d++) to = take(to, before + d);
      put(segment, from, to);
      segment += 4;
    }
  }
  const halfSums = sums(0, halves, windows * each, buckets == a ? b : a, buckets, false);
  locate(halfSums, halves, windows * each);
  to = addresses;
  segment = lengths;
  for (let w = 0; w < windows; w++) {
    const before = w * each - 1;
    for (let bit = 0; bit < bits; bit++) {
      const from = to;
      if (bit < lowBits) {
        for (let x = 1; x < low; x++) if ((x >> bit) & 1) to = take(to, before + x);
      } else {
        for (let x = 1; x <= high; x++) if ((x >> (bit - lowBits)) & 1) to = take(to, before + low - 1 + x);
      }
      put(segment, from, to);
      segment += 4;
    }
  }
  const bitSums = sums(0, lengths, windows * bits, halfSums == a ? b : a, halfSums, false);
  locate(bitSums, lengths, windows * bits);
  for (let w = 0; w < windows; w++) {
    const o = out + (<usize>w << 6), top = load<u32>(positions + (<usize>(w * bits + bits - 1) << 2));
    if (top) copyPoint(o, top);
    else memory.fill(o, 0, 64);
  }
  for (let bit = bits - 2; bit >= 0; bit--) {
    let n = 0;
    for (let w = 0; w < windows; w++) {
      const o = out + (<usize>w << 6);
      if (!isInfinity(o)) n = enlist(n, o, o, o);
    }
    doubleBatch(list, n, products);
    n = 0;
    for (let w = 0; w < windows; w++) {
      const o = out + (<usize>w << 6), next = load<u32>(positions + (<usize>(w * bits + bit) << 2));
      if (!next) continue;
      if (isInfinity(o)) copyPoint(o, next);
      else n = enlist(n, o, next, o);
    }
    addBatch(list, n, products);
  }
  clearSawInfinity();
}

function enlist(n: i32, a: usize, b: usize, o: usize): i32 {
  const e = list + <usize>n * ENTRY;
  store<u32>(e, <u32>a);
  store<u32>(e, <u32>b, 4);
  store<u32>(e, <u32>o, 8);
  return n + 1;
}

/**
 * Some windows of Σ scalar·point over a range of points a chunk. Arguments: scalars, points, count, ranges, windows, windows a chunk, bits of a window,
 * out (range after range, a point a window), work space, bytes of it a thread, its points, addresses and segments.
 */
export function msmWindows(job: usize, chunk: i32): void {
  const count = int(job, 2), ranges = int(job, 3), windows = int(job, 4), each = int(job, 5), bits = int(job, 6);
  const range = chunk % ranges, firstWindow = chunk / ranges * each, here = min(each, windows - firstWindow);
  const length = (count + ranges - 1) / ranges, begin = range * length, end = min(begin + length, count);
  layout(pointer(job, 8) + <usize>thread * pointer(job, 9), int(job, 10), int(job, 11), int(job, 12));
  const buckets = 1 << (bits - 1), mask = (1 << bits) - 1;
  memory.fill(lengths, 0, <usize>(here * buckets) << 2);
  for (let i = begin; i < end; i++) {
    const scalar = pointer(job, 0) + <usize>i * SCALAR;
    for (let w = 0; w < here; w++) {
      const d = digit(scalar, (firstWindow + w) * bits, mask) - (firstWindow + w == windows - 1 ? 0 : buckets);
      if (d == 0) continue;
      const at = lengths + (<usize>(w * buckets + abs(d) - 1) << 2);
      store<u32>(at, load<u32>(at) + 1);
    }
  }
  // Cursors take the place of positions until the points are placed.
  let to = addresses;
  for (let k = 0; k < here * buckets; k++) {
    store<u32>(positions + (<usize>k << 2), <u32>to);
    to += <usize>load<u32>(lengths + (<usize>k << 2)) << 2;
  }
  for (let i = begin; i < end; i++) {
    const scalar = pointer(job, 0) + <usize>i * SCALAR, point = <u32>pointer(job, 1) + (<u32>i << 6), negative = load<u32>(scalar, 36);
    for (let w = 0; w < here; w++) {
      const d = digit(scalar, (firstWindow + w) * bits, mask) - (firstWindow + w == windows - 1 ? 0 : buckets);
      if (d == 0) continue;
      const cursor = positions + (<usize>(w * buckets + abs(d) - 1) << 2), place = load<u32>(cursor);
      store<u32>(place, point | (negative ^ (<u32>d >> 31)));
      store<u32>(cursor, place + 4);
    }
  }
  const bucketSums = sums(0, lengths, here * buckets, a, b, true);
  weigh(bucketSums, here, bits, pointer(job, 7) + (<usize>(range * windows + firstWindow) << 6));
}

/** The digit at bit `at` of a scalar: all but the last have 2^(bits − 1) in them. */
// @ts-ignore: decorator
@inline
function digit(scalar: usize, at: i32, mask: i32): i32 {
  return <i32>(load<u32>(scalar + <usize>(at >> 3)) >> (at & 7)) & mask;
}

/**
 * Scalars to their absolute values and signs: those above the bound become r minus them. Arguments: scalars (32 bytes at the start of 40), count, chunk length,
 * out (four 64-bit words a chunk: which bits any has), eight words of r, eight of (r − 1)/2.
 */
export function absoluteScalars(job: usize, chunk: i32): void {
  const begin = chunk * int(job, 2), end = min(begin + int(job, 2), int(job, 1)), r = job + 16, half = job + 48;
  let x0: u64 = 0, x1: u64 = 0, x2: u64 = 0, x3: u64 = 0;
  for (let i = begin; i < end; i++) {
    const s = pointer(job, 0) + <usize>i * SCALAR;
    const negative = isLess(half, s);
    if (negative) {
      let borrow: u64 = 0;
      for (let k: usize = 0; k < 32; k += 8) {
        const m = load<u64>(r + k), w = load<u64>(s + k), t = m - w;
        store<u64>(s + k, t - borrow);
        borrow = (m < w ? 1 : 0) | (t < borrow ? 1 : 0);
      }
    }
    store<u64>(s, negative ? 1 << 32 : 0, 32);
    x0 |= load<u64>(s);
    x1 |= load<u64>(s, 8);
    x2 |= load<u64>(s, 16);
    x3 |= load<u64>(s, 24);
  }
  const out = pointer(job, 3) + (<usize>chunk << 5);
  store<u64>(out, x0);
  store<u64>(out, x1, 8);
  store<u64>(out, x2, 16);
  store<u64>(out, x3, 24);
}

function isLess(x: usize, y: usize): bool {
  for (let k: usize = 32; k > 0; ) {
    k -= 8;
    const v = load<u64>(x + k), w = load<u64>(y + k);
    if (v != w) return v < w;
  }
  return false;
}

/** Adds the digits' offset to absolute values. Arguments: scalars, count, chunk length, ten words of the offset, below 2^288. */
export function offsetScalars(job: usize, chunk: i32): void {
  const begin = chunk * int(job, 2), end = min(begin + int(job, 2), int(job, 1));
  for (let i = begin; i < end; i++) {
    const s = pointer(job, 0) + <usize>i * SCALAR;
    let carry: u64 = 0;
    for (let k: usize = 0; k < 36; k += 4) {
      carry += <u64>load<u32>(s + k) + load<u32>(job + 12 + k);
      store<u32>(s + k, <u32>carry);
      carry >>= 32;
    }
  }
}

/** Canonical coordinates to Montgomery form or back, in place. Arguments: points, count, chunk length; element: the factor. */
export function scalePoints(job: usize, chunk: i32): void {
  const begin = chunk * int(job, 2), end = min(begin + int(job, 2), int(job, 1)), t = curveScratch;
  for (let i = begin; i < end; i++) {
    const p = pointer(job, 0) + (<usize>i << 6);
    unpack2(t, p, p + 32, FQ);
    mul2(t, t, element(job, 0), FQ);
    pack2(p, p + 32, t, FQ);
    canonicalPoint(p);
  }
}

/** The multiples 2^i·P, i below `length`, of some points, a point's after another's. Arguments: points, count, length, out, work space. */
export function doublePoints(job: usize, chunk: i32): void {
  const points = pointer(job, 0), count = int(job, 1), length = int(job, 2), out = pointer(job, 3);
  layout(pointer(job, 4), 0, 0, 0);
  for (let k = 0; k < count; k++) copyPoint(out + (<usize>(k * length) << 6), points + (<usize>k << 6));
  for (let i = 1; i < length; i++) {
    let n = 0;
    for (let k = 0; k < count; k++) {
      const p = out + (<usize>(k * length + i) << 6);
      n = enlist(n, p - 64, p - 64, p);
    }
    doubleBatch(list, n, products);
  }
}

/**
 * Sums of all subsets of groups of k points: subset m of group g at ((g·2^k) + m)·64, m > 0; bit j of m stands for point k·g + j.
 * Arguments: points, count, k, out, groups a chunk, work space, bytes of it a thread.
 */
export function subsetSums(job: usize, chunk: i32): void {
  const points = pointer(job, 0), count = int(job, 1), k = int(job, 2), out = pointer(job, 3), each = int(job, 4);
  layout(pointer(job, 5) + <usize>thread * pointer(job, 6), 0, 0, 0);
  const begin = chunk * each, end = min(begin + each, (count + k - 1) / k);
  for (let j = 0; j < k; j++) {
    let n = 0;
    for (let g = begin; g < end; g++) {
      if (g * k + j >= count) continue;
      const group = out + (<usize>(g << k) << 6), half = <usize>1 << j, point = points + (<usize>(g * k + j) << 6);
      copyPoint(group + (half << 6), point);
      for (let m: usize = 1; m < half; m++) {
        n = enlist(n, group + (m << 6), point, group + ((half + m) << 6));
        if (n == BATCH) {
          addBatch(list, n, products);
          n = 0;
        }
      }
    }
    addBatch(list, n, products);
  }
  clearSawInfinity();
}

/** Types of cells: 64-bit floats, signed integers of 32, 16 and 8 bits, scalars of 32 bytes. */
const FLOATS = 0;
const INTS32 = 1;
const INTS16 = 2;
const SCALARS = 4;
/** Bytes of each. */
function widthOf(type: i32): i32 {
  return type == SCALARS ? 32 : 8 >> type;
}

/** Cell i of a row as a 64-bit integer. */
// @ts-ignore: decorator
@inline
function cell(row: usize, type: i32, i: i32): i64 {
  if (type == INTS16) return <i64>load<i16>(row + (<usize>i << 1));
  if (type == FLOATS) return <i64>load<f64>(row + (<usize>i << 3));
  if (type == INTS32) return <i64>load<i32>(row + (<usize>i << 2));
  return <i64>load<i8>(row + <usize>i);
}

/** Bits of two's complement that hold the cells of a row from one column to another; at least two, since the top one counts negatively. */
function planesOf(row: usize, type: i32, from: i32, to: i32): i32 {
  let any: i64 = 1;
  for (let i = from; i < to; i++) {
    const v = cell(row, type, i);
    any |= v ^ (v >> 63);
  }
  return 65 - <i32>clz<i64>(any);
}

/** Appends a subset's sum to a segment of addresses. */
// @ts-ignore: decorator
@inline
function append(segment: i32, stride: usize, point: usize): void {
  const at = lengths + (<usize>segment << 2), n = load<u32>(at);
  store<u32>(addresses + <usize>segment * stride + (<usize>n << 2), <u32>point);
  store<u32>(at, n + 1);
}

/**
 * Rows of cells over generators, plus blinds·H, bit plane by bit plane: plane i of a block of columns is the sum of one subset sum a group of columns
 * whose bits i are not all 0; the top plane of an item's two's complement is negative (scalars have 256 planes and no sign), and the first block's plane 0 has the blind. Items are blocks of rows.
 * Arguments: cells, their type, columns, rows, blocks a row, groups a block, planes, k, subset sums of the generators, those of 2^i·H (k = 8), blinds (32 bytes a row),
 * out (planes of item after item), items a chunk, items at a time, work space, bytes of it a thread, its points, addresses and segments.
 */
export function rowPlanes(job: usize, chunk: i32): void {
  const type = int(job, 1), columns = int(job, 2), blocks = int(job, 4), groups = int(job, 5), planes = int(job, 6), k = int(job, 7);
  const table = pointer(job, 8), blindTable = pointer(job, 9), items = int(job, 3) * blocks, each = int(job, 12), together = int(job, 13);
  layout(pointer(job, 14) + <usize>thread * pointer(job, 15), int(job, 16), int(job, 17), int(job, 18));
  const width = widthOf(type), stride = <usize>(groups + 32) << 2, end = min((chunk + 1) * each, items);
  const low = curveScratch + 16384, high = low + 64;
  for (let first = chunk * each; first < end; first += together) {
    const here = min(together, end - first), segments = here * planes;
    memory.fill(lengths, 0, <usize>segments << 2);
    for (let item = 0; item < here; item++) {
      const row = (first + item) / blocks, block = (first + item) % blocks, segment = item * planes;
      const source = pointer(job, 0) + <usize>row * <usize>(columns * width);
      if (block == 0) {
        const blind = pointer(job, 10) + (<usize>row << 5);
        for (let w: usize = 0; w < 32; w++) {
          const m = <usize>load<u8>(blind + w);
          if (m) append(segment, stride, blindTable + (((w << 8) + m) << 6));
        }
      }
      const lastGroup = min((block + 1) * groups, (columns + k - 1) / k);
      const own = type == SCALARS ? planes : planesOf(source, type, block * groups * k, min(columns, lastGroup * k));
      store<u32>(halves + (<usize>item << 2), own);
      for (let g = block * groups; g < lastGroup; g++) {
        const column = g * k, present = min(k, columns - column), sets = table + (<usize>(g << k) << 6);
        memory.fill(low, 0, 128);
        if (type == SCALARS) {
          for (let word = 0; word < 8; word++) {
            for (let j = 0; j < present; j++) store<i32>(low + (<usize>j << 2), load<i32>(source + (<usize>(8 * (column + j) + word) << 2)));
            appendPlanes(low, 32, segment + 32 * word, stride, sets);
          }
          continue;
        }
        let any: i64 = 0;
        for (let j = 0; j < present; j++) {
          const v = cell(source, type, column + j);
          any |= v;
          store<i32>(low + (<usize>j << 2), <i32>v);
          store<i32>(high + (<usize>j << 2), <i32>(v >> 32));
        }
        if (any == 0) continue;
        if (own > 32) appendPlanes(high, own - 32, segment + 32, stride, sets);
        appendPlanes(low, min(own, 32), segment, stride, sets);
      }
    }
    let from = sums(stride, lengths, segments, a, b, false), to = pointer(job, 11) + (<usize>(first * planes) << 6);
    for (let i = 0; i < segments; i++) {
      if (load<u32>(lengths + (<usize>i << 2))) {
        copyPoint(to, from);
        if (type != SCALARS && i % planes == load<u32>(halves + (<usize>(i / planes) << 2)) - 1) negatePoint(to);
        from += 64;
      } else memory.fill(to, 0, 64);
      to += 64;
    }
  }
}

/** The lower `planes` bits of 16 integers of 32 bits. */
function appendPlanes(integers: usize, planes: i32, segment: i32, stride: usize, sets: usize): void {
  const shift = 32 - planes;
  let x = i32x4.shl(v128.load(integers), shift), y = i32x4.shl(v128.load(integers, 16), shift);
  let z = i32x4.shl(v128.load(integers, 32), shift), w = i32x4.shl(v128.load(integers, 48), shift);
  for (let plane = planes - 1; plane >= 0; plane--) {
    const subset = i32x4.bitmask(x) | (i32x4.bitmask(y) << 4) | (i32x4.bitmask(z) << 8) | (i32x4.bitmask(w) << 12);
    if (subset) append(segment + plane, stride, sets + (<usize>subset << 6));
    x = i32x4.add(x, x);
    y = i32x4.add(y, y);
    z = i32x4.add(z, z);
    w = i32x4.add(w, w);
  }
}

/**
 * Sums of scalars of 32 bytes times points with subset sums of their multiples 2^i, k = 8: rows of `length` scalars.
 * Arguments: scalars, length, rows, rows a chunk, tables (a point's after another's), out, work space, bytes of it a thread, its points, addresses and segments.
 */
export function shortRows(job: usize, chunk: i32): void {
  const length = int(job, 1), begin = chunk * int(job, 3), end = min(begin + int(job, 3), int(job, 2));
  layout(pointer(job, 6) + <usize>thread * pointer(job, 7), int(job, 8), int(job, 9), int(job, 10));
  let to = addresses;
  for (let row = begin; row < end; row++) {
    const from = to;
    for (let i = 0; i < length; i++) {
      const scalar = pointer(job, 0) + (<usize>(row * length + i) << 5), table = pointer(job, 4) + (<usize>i << 19);
      for (let w: usize = 0; w < 32; w++) {
        const m = <usize>load<u8>(scalar + w);
        if (!m) continue;
        store<u32>(to, <u32>(table + (((w << 8) + m) << 6)));
        to += 4;
      }
    }
    put(lengths + (<usize>(row - begin) << 2), from, to);
  }
  let from = sums(0, lengths, end - begin, a, b, false);
  for (let row = begin; row < end; row++) {
    const o = pointer(job, 5) + (<usize>row << 6);
    if (load<u32>(lengths + (<usize>(row - begin) << 2))) {
      copyPoint(o, from);
      canonicalPoint(o);
      from += 64;
    } else memory.fill(o, 0, 64);
  }
}
