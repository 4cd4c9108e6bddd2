/**
 * Pippenger's buckets with signed digits of nine bits. Buckets 1 … 256 of many sums are added up together as segments; then
 * Σ d·B_d = Σ_k 2^k·S_k over the bits k of d, found from the sums over the low and the high half of d.
 */
import { ENTRY, PRODUCT, addBatch, canonicalPoint, clearSawInfinity, copyNegated, copyPoint, doubleBatch, isInfinity, sumSegments } from './curve';
import { curveScratch, int, pointer, thread } from './shared';

const WINDOW: i64 = 9;
const BUCKETS = 256;
const BITS = 9;
const HALF_SEGMENTS = 31;

/** A thread's work space for sums of up to `capacity` points in up to `sums` sums. */
let points: usize = 0;
let other: usize = 0;
let list: usize = 0;
let products: usize = 0;
let lengths: usize = 0;
let shorter: usize = 0;
let positions: usize = 0;

function layout(base: usize, capacity: i32, sums: i32): void {
  const n = <usize>capacity;
  points = base;
  other = points + (n << 6);
  list = other + (n << 6);
  products = list + (n / 2 + 4) * ENTRY;
  products = (products + 15) & ~15;
  lengths = products + (n / 2 + 4) * PRODUCT;
  shorter = lengths + (<usize>sums * BUCKETS << 2);
  positions = shorter + (<usize>sums * HALF_SEGMENTS << 2);
}

/** Calls for each digit of an integer: adds to the counts. */
function countDigits(counts: usize, v: f64): i32 {
  let x = <i64>abs(v), n = 0;
  while (x != 0) {
    let d = <i32>x & 511;
    x >>= WINDOW;
    if (d > BUCKETS) {
      d = 512 - d;
      x++;
    }
    if (d != 0) {
      const at = counts + (<usize>(d - 1) << 2);
      store<u32>(at, load<u32>(at) + 1);
      n++;
    }
  }
  return n;
}

/** Places the points of an integer's digits: digit w of column c takes 2^(9w)·G_c. */
function placeDigits(cursors: usize, v: f64, column: usize, stride: usize): void {
  let x = <i64>abs(v), from = column;
  while (x != 0) {
    let d = <i32>x & 511, negative = v < 0;
    x >>= WINDOW;
    if (d > BUCKETS) {
      d = 512 - d;
      x++;
      negative = !negative;
    }
    if (d != 0) place(cursors + (<usize>(d - 1) << 2), from, negative);
    from += stride;
  }
}

// @ts-ignore: decorator
@inline
function place(cursor: usize, point: usize, negative: bool): void {
  const to = load<u32>(cursor);
  store<u32>(cursor, to + 64);
  if (negative) copyNegated(to, point);
  else copyPoint(to, point);
}

/**
 * Σ d·B_d of \`sums\` sums from their bucket points, which stand at \`points\` with their \`lengths\`. Result i at out + 64i, canonical.
 */
function weigh(sums: i32, out: usize): void {
  let buckets = sumSegments(points, other, lengths, sums * BUCKETS, list, products);
  let free = buckets == points ? other : points;
  locate(buckets, lengths, sums * BUCKETS);
  // Low half (1 … 15), then high half (1 … 16) of the bucket's number.
  let to = free, segment = shorter;
  for (let s = 0; s < sums; s++) {
    const at = positions + (<usize>s * BUCKETS << 2);
    for (let low = 1; low < 16; low++) {
      const from = to;
      for (let d = low; d <= BUCKETS; d += 16) to = take(to, at, d);
      store<u32>(segment, <u32>((to - from) >> 6));
      segment += 4;
    }
    for (let high = 1; high <= 16; high++) {
      const from = to, end = min(high * 16 + 16, BUCKETS + 1);
      for (let d = high * 16; d < end; d++) to = take(to, at, d);
      store<u32>(segment, <u32>((to - from) >> 6));
      segment += 4;
    }
  }
  const halves = sumSegments(free, buckets, shorter, sums * HALF_SEGMENTS, list, products);
  free = halves == free ? buckets : free;
  locate(halves, shorter, sums * HALF_SEGMENTS);
  to = free;
  segment = lengths;
  for (let s = 0; s < sums; s++) {
    const at = positions + (<usize>s * HALF_SEGMENTS << 2);
    for (let bit = 0; bit < BITS; bit++) {
      const from = to;
      if (bit < 4) {
        for (let low = 1; low < 16; low++) if ((low >> bit) & 1) to = take(to, at, low);
      } else {
        for (let high = 1; high <= 16; high++) if ((high >> (bit - 4)) & 1) to = take(to, at, 15 + high);
      }
      store<u32>(segment, <u32>((to - from) >> 6));
      segment += 4;
    }
  }
  const bits = sumSegments(free, halves, lengths, sums * BITS, list, products);
  locate(bits, lengths, sums * BITS);
  for (let s = 0; s < sums; s++) {
    const o = out + (<usize>s << 6), top = load<u32>(positions + (<usize>(s * BITS + BITS - 1) << 2));
    if (top) copyPoint(o, top);
    else memory.fill(o, 0, 64);
  }
  for (let bit = BITS - 2; bit >= 0; bit--) {
    let n = 0;
    for (let s = 0; s < sums; s++) {
      const o = out + (<usize>s << 6);
      if (!isInfinity(o)) n = enlist(n, o, o, o);
    }
    doubleBatch(list, n, products);
    n = 0;
    for (let s = 0; s < sums; s++) {
      const o = out + (<usize>s << 6), next = load<u32>(positions + (<usize>(s * BITS + bit) << 2));
      if (!next) continue;
      if (isInfinity(o)) copyPoint(o, next);
      else n = enlist(n, o, next, o);
    }
    addBatch(list, n, products);
  }
  clearSawInfinity();
  for (let s = 0; s < sums; s++) canonicalPoint(out + (<usize>s << 6));
}

function enlist(n: i32, a: usize, b: usize, o: usize): i32 {
  const e = list + <usize>n * ENTRY;
  store<u32>(e, <u32>a);
  store<u32>(e, <u32>b, 4);
  store<u32>(e, <u32>o, 8);
  return n + 1;
}

/** positions[i] = address of segment i's point, or 0. */
function locate(from: usize, lengthsAt: usize, segments: i32): void {
  for (let i = 0; i < segments; i++) {
    const present = load<u32>(lengthsAt + (<usize>i << 2));
    store<u32>(positions + (<usize>i << 2), present ? <u32>from : 0);
    if (present) from += 64;
  }
}

/** Copies the point of segment d (from 1), if there is one. */
// @ts-ignore: decorator
@inline
function take(to: usize, at: usize, d: i32): usize {
  const from = load<u32>(at + (<usize>(d - 1) << 2));
  if (!from) return to;
  copyPoint(to, from);
  return to + 64;
}

/** Addresses where the segments of \`count\` buckets begin. */
function cursorsOf(counts: usize, count: i32, from: usize, cursors: usize): usize {
  for (let d = 0; d < count; d++) {
    store<u32>(cursors + (<usize>d << 2), <u32>from);
    from += <usize>load<u32>(counts + (<usize>d << 2)) << 6;
  }
  return from;
}

/**
 * Rows of integers over generators, plus blinds·H. Arguments: cells (64-bit floats), columns, rows, rows a chunk, generators (window w at
 * w·stride), blinds (eight-bit signed digits, 32 a row, 16-bit integers), multiples of H (window w, multiple d at ((d − 1)·32 + w)·64), out, work space, bytes
 * of it a thread, capacity in points, capacity in rows, stride.
 */
export function commitRows(job: usize, chunk: i32): void {
  const cells = pointer(job, 0), columns = int(job, 1), table = pointer(job, 4), blinds = pointer(job, 5), multiples = pointer(job, 6);
  const out = pointer(job, 7), capacity = int(job, 10), rowCapacity = int(job, 11), stride = pointer(job, 12);
  layout(pointer(job, 8) + <usize>thread * pointer(job, 9), capacity, rowCapacity);
  const end = min((chunk + 1) * int(job, 3), int(job, 2));
  const cursors = curveScratch + 16384;
  let first = chunk * int(job, 3), total = 0, to = points;
  for (let row = first; row < end; row++) {
    const source = cells + (<usize>row * <usize>columns << 3), digits = blinds + (<usize>row << 6);
    let counts = lengths + (<usize>(row - first) * BUCKETS << 2);
    memory.fill(counts, 0, BUCKETS << 2);
    let n = 0;
    for (let w: usize = 0; w < 32; w++) if (load<i16>(digits + (w << 1)) != 0) n++;
    store<u32>(counts, n);
    for (let c = 0; c < columns; c++) n += countDigits(counts, load<f64>(source + (<usize>c << 3)));
    if (total + n > capacity) {
      weigh(row - first, out + (<usize>first << 6));
      first = row;
      total = 0;
      to = points;
      // The counts of this row move to the front: counted anew.
      row--;
      continue;
    }
    total += n;
    to = cursorsOf(counts, BUCKETS, to, cursors);
    placeBlind(cursors, digits, multiples);
    for (let c = 0; c < columns; c++) {
      const v = load<f64>(source + (<usize>c << 3));
      if (v != 0) placeDigits(cursors, v, table + (<usize>c << 6), stride);
    }
    if (row - first + 1 == rowCapacity) {
      weigh(rowCapacity, out + (<usize>first << 6));
      first = row + 1;
      total = 0;
      to = points;
    }
  }
  if (first < end) weigh(end - first, out + (<usize>first << 6));
}

/**
 * Some windows of a multi-exponentiation a chunk: Σ digit·point, windows \`stride\` bytes apart in the points (0: the same points in all).
 * Chunk 0 also adds blind·H. Arguments: digits (window after window, 16-bit integers), points, count, out (a point a chunk), work space,
 * bytes of it a thread, capacity in points, windows, windows a chunk, stride, blind (as in \`commitRows\`; 0: none), multiples of H.
 */
export function msmWindows(job: usize, chunk: i32): void {
  const n = int(job, 2), stride = pointer(job, 9), blind = chunk == 0 ? pointer(job, 10) : 0, multiples = pointer(job, 11);
  const begin = chunk * int(job, 8), end = min(begin + int(job, 8), int(job, 7));
  layout(pointer(job, 4) + <usize>thread * pointer(job, 5), int(job, 6), 1);
  const cursors = curveScratch + 16384;
  memory.fill(lengths, 0, BUCKETS << 2);
  if (blind) {
    let extra = 0;
    for (let w: usize = 0; w < 32; w++) if (load<i16>(blind + (w << 1)) != 0) extra++;
    store<u32>(lengths, extra);
  }
  for (let w = begin; w < end; w++) {
    const digits = pointer(job, 0) + ((<usize>w * <usize>n) << 1);
    for (let i = 0; i < n; i++) {
      const d = <i32>load<i16>(digits + (<usize>i << 1));
      if (d == 0) continue;
      const at = lengths + (<usize>(abs(d) - 1) << 2);
      store<u32>(at, load<u32>(at) + 1);
    }
  }
  cursorsOf(lengths, BUCKETS, points, cursors);
  if (blind) placeBlind(cursors, blind, multiples);
  for (let w = begin; w < end; w++) {
    const digits = pointer(job, 0) + ((<usize>w * <usize>n) << 1), from = pointer(job, 1) + <usize>w * stride;
    for (let i = 0; i < n; i++) {
      const d = <i32>load<i16>(digits + (<usize>i << 1));
      if (d != 0) place(cursors + (<usize>(abs(d) - 1) << 2), from + (<usize>i << 6), d < 0);
    }
  }
  weigh(1, pointer(job, 3) + (<usize>chunk << 6));
}

/** Places the multiples of H that make up a blind in bucket 1. */
function placeBlind(cursors: usize, digits: usize, multiples: usize): void {
  for (let w: usize = 0; w < 32; w++) {
    const d = <i32>load<i16>(digits + (w << 1));
    if (d != 0) place(cursors, multiples + ((<usize>(abs(d) - 1) * 32 + w) << 6), d < 0);
  }
}

/** dst = a + b for lists of points, b = 0: dst = 2a. Arguments: a, b, dst, count, chunk length, work space, bytes of it a thread. Canonical results. */
export function addPoints(job: usize, chunk: i32): void {
  const begin = chunk * int(job, 4), end = min(begin + int(job, 4), int(job, 3)), n = end - begin, b = pointer(job, 1);
  layout(pointer(job, 5) + <usize>thread * pointer(job, 6), int(job, 4) * 2, 1);
  for (let i = 0; i < n; i++) {
    const at = <usize>(begin + i) << 6;
    enlist(i, pointer(job, 0) + at, b + at, pointer(job, 2) + at);
  }
  if (b) addBatch(list, n, products);
  else doubleBatch(list, n, products);
  clearSawInfinity();
  for (let i = begin; i < end; i++) canonicalPoint(pointer(job, 2) + (<usize>i << 6));
}
