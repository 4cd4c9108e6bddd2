/**
 * The fraction tree. A layer's nodes lie as the cells of its parent layer's sumcheck: 128 bytes, p0, p1, q0, q1 of nodes 2x and 2x + 1.
 * Cells come in chunks of 2^c (c = 4 where there are enough); a word a chunk says where: the address of its cells, or that of the one
 * cell that all of them equal, plus 1 (`CONSTANT`). Chunks of leaves may also be integers: the address of their block's record plus 2.
 */
import { add2, affine2, affine4, carry2, clear2, mac2, macSmall2, mul2, pack2, packSmall2, reduce2, reduce4, reduceMulPack, reduceSmall2, reduceWide2, set2, setSmall2, spill2, sub2, unpack2 } from './field';
import { FR, copy2, element, int, pointer, scratch } from './shared';

const ACC: usize = 176;
const SMALL_ACC: usize = 96;
const CELL: usize = 128;
const CONSTANT: usize = 1;
const INTEGERS: usize = 2;
const CHUNK = 16;

/** Byte offsets of a leaf record (host: leaves.ts). The first 128 are the cell of a constant. */
const VALUES: usize = 128, POINTERS: usize = 132, FORMATS: usize = 144, MASKS: usize = 156, COUNTS: usize = 160, FAST: usize = 164;
/** Limbs: α − id (constants: q); its square; minus it times β, for integers; twice it; id; p; p + λ·q; q·(2p + λ·q); −(p + λq)·β^k. */
const A: usize = 192, A_SQUARED: usize = 272, A_BETA: usize = 352, A_TWICE: usize = 432, ID: usize = 512;
const P: usize = 592, E: usize = 672, PRODUCT: usize = 752, LINEAR: usize = 832;

/** Places in the scratch: integers of two chunks (three columns of 32), cells of two chunks, then nodes or two tables of eq and sums. */
let lowInts: usize = 0, highInts: usize = 0, lowCells: usize = 0, highCells: usize = 0, nodes: usize = 0, weights: usize = 0, small: usize = 0;

function layout(): void {
  lowInts = scratch + 3456;
  highInts = lowInts + 768;
  lowCells = highInts + 768;
  highCells = lowCells + 2048;
  nodes = weights = highCells + 2048;
  small = weights + 10240;
}

// @ts-ignore: decorator
@inline
function entry(map: usize, k: i32): usize {
  return load<u32>(map + (<usize>k << 2));
}

// @ts-ignore: decorator
@inline
function at(e: usize): usize {
  return e & ~3;
}

/** Bytes from a cell to the next. */
// @ts-ignore: decorator
@inline
function step(e: usize): usize {
  return e & CONSTANT ? 0 : CELL;
}

/** acc = p0·q1 + q0·p1, v = p0, p1, q0, q1. */
// @ts-ignore: decorator
@inline
function cross(acc: usize, v: usize): void {
  set2(acc, v, v + 240, FR);
  mac2(acc, v + 80, v + 160, FR);
}

/** Nodes n, n + 1 (n even; equal halves of one cell) of the layer above cells a and b: p = p0·q1 + p1·q0, q = q0·q1. */
function parent(to: usize, a: usize, b: usize, next: usize): void {
  const v = scratch, acc = scratch + 320;
  unpack2(v, a, b, FR);
  unpack2(v + 80, a + 32, b + 32, FR);
  unpack2(v + 160, a + 64, b + 64, FR);
  unpack2(v + 240, a + 96, b + 96, FR);
  cross(acc, v);
  reduceMulPack(to, to + next, acc, to + 64, to + 64 + next, v + 160, v + 240, FR);
}

/**
 * Nodes of a layer from those below. Arguments: map below, log2 of its chunks, map, log2 of its chunks, chunks, chunks a chunk of the job.
 * Constant chunks are the host's.
 */
export function parents(job: usize, chunk: i32): void {
  const below = pointer(job, 0), belowLog = int(job, 1), map = pointer(job, 2), log = int(job, 3);
  const begin = chunk * int(job, 5), end = min(begin + int(job, 5), int(job, 4)), mask = (1 << belowLog) - 1;
  for (let c = begin; c < end; c++) {
    const to = entry(map, c);
    if (to & CONSTANT) continue;
    for (let i = 0; i < 1 << log; i++) {
      const x = (((c << log) + i) << 1), e = entry(below, x >> belowLog), f = entry(below, (x + 1) >> belowLog);
      parent(to + <usize>i * CELL, at(e) + <usize>(x & mask) * step(e), at(f) + <usize>((x + 1) & mask) * step(f), 32);
    }
  }
}

/** p1 += λ·q1 in `count` cells; λ's table as for affine2. */
function fold(cells: usize, count: i32, lambda: usize): void {
  const x = scratch, y = scratch + 80, x2 = scratch + 160, y2 = scratch + 240;
  for (let i = 0; i < count; i += 4) {
    const a = cells + <usize>i * CELL, b = cells + <usize>min(i + 1, count - 1) * CELL;
    unpack2(y, a + 32, b + 32, FR);
    unpack2(x, a + 96, b + 96, FR);
    if (i + 2 >= count) return affine2(a + 32, b + 32, y, x, lambda, FR);
    const c = b + CELL, d = c + CELL;
    unpack2(y2, c + 32, d + 32, FR);
    unpack2(x2, c + 96, d + 96, FR);
    affine4(a + 32, b + 32, y, x, c + 32, d + 32, y2, x2, lambda, FR);
  }
}

/**
 * Adds a run of pairs' eq·(p0·q1 + p1·q0) at 0, 1 (if asked for) and ∞ to three accumulators. Cells are `step` bytes apart; e: limbs of eq, a word for
 * two pairs.
 */
function addPairs(lows: usize, lowStep: usize, highs: usize, highStep: usize, count: i32, e: usize, inner: usize, atOne: bool): void {
  const lo = scratch, hi = scratch + 320, d = scratch + 640, t = scratch + 960, acc = scratch + 1120;
  for (let i = 0; i < count; i += 2) {
    const k = min(i + 1, count - 1);
    const a = lows + <usize>i * lowStep, b = lows + <usize>k * lowStep, c = highs + <usize>i * highStep, f = highs + <usize>k * highStep;
    for (let j: usize = 0; j < 4; j++) {
      unpack2(lo + 80 * j, a + 32 * j, b + 32 * j, FR);
      unpack2(hi + 80 * j, c + 32 * j, f + 32 * j, FR);
      sub2(d + 80 * j, hi + 80 * j, lo + 80 * j);
    }
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
    e += 80;
  }
}

/** One pair of a constant's cells, its eq in the first lane alone. */
function addConstants(low: usize, high: usize, weight: usize, inner: usize, atOne: bool): void {
  const e = scratch + 1520;
  firstLane(e, weight);
  addPairs(low, 0, high, 0, 1, e, inner, atOne);
}

/** Limbs of a packed element in the first lane, 0 in the second. */
function firstLane(o: usize, a: usize): void {
  unpack2(o, a, a, FR);
  const zero = f64x2.splat(0);
  for (let j: usize = 0; j < 80; j += 16) v128.store(o + j, v128.shuffle<f64>(v128.load(o + j), zero, 0, 2));
}

/** Limbs of `count` packed elements, two a word. */
function unpackAll(o: usize, from: usize, count: i32): void {
  for (let i = 0; i < count; i += 2) unpack2(o + <usize>(i >> 1) * 80, from + (<usize>i << 5), from + (<usize>min(i + 1, count - 1) << 5), FR);
}

/** Adds a block's three sums, weighted. */
function addBlock(out: usize, inner: usize, weight: usize): void {
  const e = scratch, t = scratch + 80;
  unpack2(e, weight, weight, FR);
  for (let k: usize = 0; k < 3; k++) {
    reduceWide2(t, inner + k * ACC, FR);
    mac2(out + k * ACC, t, e, FR);
  }
}

/**
 * Σ E[x]·(p0·q1 + q0·p1) at 0, 1, ∞ of the first variable, x over the rest: E[x] = high[x >> b]·low[x & (2^b − 1)].
 * Arguments: map, log2 of chunks, pairs of chunks, b, blocks a chunk of the job, blocks; sums at 6 (3 a chunk of the job); high 7, low 8, eq of the chunks of a block
 * 9; 10: whether to leave out the sum at 1; 11: whether p1 is still to become p1 + λ·q1, λ's table at element 0.
 */
export function layerRound(job: usize, chunk: i32): void {
  layout();
  const map = pointer(job, 0), log = int(job, 1), half = int(job, 2), bits = int(job, 3), folds = int(job, 11);
  const begin = chunk * int(job, 4), end = min(begin + int(job, 4), int(job, 5));
  const out = pointer(job, 6) + <usize>chunk * 3 * ACC, high = pointer(job, 7), middle = pointer(job, 9);
  const inner = scratch + 1600, lambda = element(job, 0), atOne = !int(job, 10), count = 1 << log;
  for (let k: usize = 0; k < 3; k++) clear2(out + k * ACC);
  unpackAll(weights, pointer(job, 8), 1 << bits);
  let room = 256;
  for (let block = begin; block < end; block++) {
    for (let k: usize = 0; k < 3; k++) clear2(inner + k * ACC);
    const chunks = 1 << (bits - log), first = block << (bits - log);
    for (let c = 0; c < chunks; c++) {
      const e = entry(map, first + c), f = entry(map, first + c + half);
      if (e & f & CONSTANT) {
        addConstants(at(e), at(f), middle + (<usize>c << 5), inner, atOne);
        continue;
      }
      if (folds && !(e & CONSTANT)) fold(e, count, lambda);
      if (folds && !(f & CONSTANT)) fold(f, count, lambda);
      addPairs(at(e), step(e), at(f), step(f), count, weights + <usize>c * <usize>count * 40, inner, atOne);
    }
    addBlock(out, inner, high + (<usize>block << 5));
    if (--room == 0) {
      room = 256;
      for (let k: usize = 0; k < 3; k++) spill2(out + k * ACC, FR);
    }
  }
}

/** Cells low + r·(high − low) of `count` pairs; may overwrite one of them. */
function bindPairs(lows: usize, lowStep: usize, highs: usize, highStep: usize, count: i32, to: usize, r: usize): void {
  const x = scratch, y = scratch + 80, x2 = scratch + 160, y2 = scratch + 240;
  for (let i = 0; i < count; i += 2) {
    const k = min(i + 1, count - 1);
    const a = lows + <usize>i * lowStep, b = lows + <usize>k * lowStep, c = highs + <usize>i * highStep, d = highs + <usize>k * highStep;
    const o = to + <usize>i * CELL, o2 = to + <usize>k * CELL;
    for (let j: usize = 0; j < 128; j += 64) {
      difference(x, y, a + j, b + j, c + j, d + j);
      difference(x2, y2, a + j + 32, b + j + 32, c + j + 32, d + j + 32);
      affine4(o + j, o2 + j, x, y, o + j + 32, o2 + j + 32, x2, y2, r, FR);
    }
  }
}

/** x = the elements at a, b; y = those at c, d minus x. */
// @ts-ignore: decorator
@inline
function difference(x: usize, y: usize, a: usize, b: usize, c: usize, d: usize): void {
  unpack2(x, a, b, FR);
  unpack2(y, c, d, FR);
  sub2(y, y, x);
}

/**
 * Binds the first variable of cells. Arguments: map, log2 of chunks, pairs of chunks, where each pair's result goes (a map; its constants are the
 * host's), pairs a chunk of the job; r's table (affine2).
 */
export function bindCells(job: usize, chunk: i32): void {
  const map = pointer(job, 0), count = 1 << int(job, 1), half = int(job, 2), result = pointer(job, 3);
  const begin = chunk * int(job, 4), end = min(begin + int(job, 4), half);
  for (let c = begin; c < end; c++) {
    const to = entry(result, c);
    if (to & CONSTANT) continue;
    const e = entry(map, c), f = entry(map, c + half);
    bindPairs(at(e), step(e), at(f), step(f), count, to, element(job, 0));
  }
}

// Leaves. Elements of their jobs: R², R·X, β, β², β³ as factors of integers, the same as factors of two limbs; then what each says.
const FACTOR: i32 = 2, WIDE: i32 = 5, FREE: i32 = 8;

/** `count` integers of a column as 64-bit floats. Formats: 16 bits unsigned, 16 bits, 32 bits, 64-bit floats. */
function decode(to: usize, record: usize, column: i32, from: i32, count: i32): void {
  const source = pointer(record + POINTERS, column), format = int(record + FORMATS, column);
  if (format == 3) {
    memory.copy(to, source + (<usize>from << 3), <usize>count << 3);
  } else if (format == 2) {
    for (let i = 0; i < count; i += 2)
      v128.store(to + (<usize>i << 3), f64x2.convert_low_i32x4_s(v128.load64_zero(source + (<usize>(from + i) << 2))));
  } else if (format == 1) {
    for (let i = 0; i < count; i += 2)
      v128.store(to + (<usize>i << 3), f64x2.convert_low_i32x4_s(i32x4.extend_low_i16x8_s(v128.load32_zero(source + (<usize>(from + i) << 1)))));
  } else {
    for (let i = 0; i < count; i += 2)
      v128.store(to + (<usize>i << 3), f64x2.convert_low_i32x4_s(i32x4.extend_low_i16x8_u(v128.load32_zero(source + (<usize>(from + i) << 1)))));
  }
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

// @ts-ignore: decorator
@inline
function isWide(v: v128): bool {
  return v128.any_true(f64x2.gt(f64x2.abs(v), f64x2.splat(281474976710656.0)));
}

/** Whether a chunk of 2·cells leaves (at most 32, at least 4) is all on the domain, its numerators 1, its integers at most 2^19. */
// @ts-ignore: decorator
@inline
function isFast(record: usize, slot: i32, cells: i32): bool {
  return cells > 1 && int(record, <i32>(FAST >> 2)) && pointer(pointer(record + MASKS, 0), slot) == <usize>(<u32>0xffffffff >> (32 - 2 * cells));
}

/** Packed cells of a chunk of integers. p = 1 or −count on the domain, 0 off it; q = α − id (on the domain) − Σ β^k·v_k. */
function cellsOf(to: usize, record: usize, slot: i32, cells: i32, job: usize): void {
  const n = int(record + VALUES, 0), from = slot * 2 * cells, mask = <i32>pointer(pointer(record + MASKS, 0), slot);
  const x = scratch, y = scratch + 80, z = scratch + 160, acc = scratch + 240, ints = scratch + 2400;
  const counts = pointer(record + COUNTS, 0);
  for (let k = 0; k < n; k++) decode(ints + (<usize>k << 8), record, k, from, 2 * cells);
  for (let i = 0; i < cells; i++) {
    const cell = to + <usize>i * CELL, on0 = (mask >> (2 * i)) & 1, on1 = (mask >> (2 * i + 1)) & 1;
    const on = f64x2.replace_lane(f64x2.splat(<f64>on0), 1, <f64>on1);
    const p = counts ? f64x2.neg(f64x2.mul(on, v128.load(counts + (<usize>(from + 2 * i) << 3)))) : on;
    integerPair(y, p, element(job, 0), element(job, 1), x, acc);
    pack2(cell, cell + 32, y, FR);
    for (let j: usize = 0; j < 80; j += 16)
      v128.store(z + j, f64x2.add(v128.load(record + A + j), f64x2.mul(f64x2.sub(f64x2.splat(1), on), v128.load(record + ID + j))));
    let wide = false;
    for (let k = 0; k < n; k++) wide = wide || isWide(v128.load(ints + (<usize>k << 8) + (<usize>i << 4)));
    for (let k = 0; k < n; k++) {
      const v = v128.load(ints + (<usize>k << 8) + (<usize>i << 4));
      if (wide) {
        integers(x, v);
        mul2(y, x, element(job, WIDE + k), FR);
        sub2(z, z, y);
        carry2(z, z);
      } else if (k == 0) setSmall2(acc, v, element(job, FACTOR), FR);
      else macSmall2(acc, v, element(job, FACTOR + k), FR);
    }
    if (!wide) {
      reduceSmall2(y, acc, FR);
      sub2(z, z, y);
    }
    pack2(cell + 64, cell + 96, z, FR);
  }
}

/** y = exact integers v as field elements; factors of integers of two limbs and of one. */
// @ts-ignore: decorator
@inline
function integerPair(y: usize, v: v128, wide: usize, small: usize, x: usize, acc: usize): void {
  if (isWide(v)) {
    integers(x, v);
    mul2(y, x, wide, FR);
  } else {
    setSmall2(acc, v, small, FR);
    reduceSmall2(y, acc, FR);
  }
}

/** Where the packed cells of a chunk of leaves lie: as they are, or made in `room`. */
function leafCells(e: usize, slot: i32, cells: i32, room: usize, job: usize): usize {
  if (!(e & INTEGERS)) return at(e);
  cellsOf(room, at(e), slot, cells, job);
  return room;
}

/** As `leafCells`, with p1 + λ·q1 for p1; constants are so already. */
function foldedCells(e: usize, slot: i32, cells: i32, room: usize, job: usize, lambda: usize): usize {
  if (e & CONSTANT) return at(e);
  if (e & INTEGERS) cellsOf(room, at(e), slot, cells, job);
  else memory.copy(room, e, <usize>cells * CELL);
  fold(room, cells, lambda);
  return room;
}

/** The nodes above a chunk of leaves: nodes from, from + 1 … of `to`. Element FREE: β²; FREE + 1: −β, factors of integers. */
function leafNodes(to: usize, from: i32, e: usize, slot: i32, cells: i32, job: usize): void {
  const record = at(e);
  if (e & INTEGERS && isFast(record, slot, cells) && int(record + VALUES, 0) == 1) {
    const ints = lowInts, acc = scratch;
    decode(ints, record, 0, slot * 2 * cells, 2 * cells);
    for (let i = 0; i < cells; i += 2) {
      const u = v128.load(ints + (<usize>i << 4)), w = v128.load(ints + (<usize>i << 4), 16);
      const v0 = v128.shuffle<f64>(u, w, 0, 2), v1 = v128.shuffle<f64>(u, w, 1, 3), s = f64x2.add(v0, v1);
      const o = to + (<usize>(from + i) >> 1) * CELL;
      setSmall2(acc, s, record + A_BETA, FR);
      macSmall2(acc, f64x2.mul(v0, v1), element(job, FREE), FR);
      packSmall2(o + 64, o + 96, record + A_SQUARED, acc, FR);
      setSmall2(acc, s, element(job, FREE + 1), FR);
      packSmall2(o, o + 32, record + A_TWICE, acc, FR);
    }
    return;
  }
  const cellsAt = leafCells(e, slot, cells, lowCells, job), apart = step(e);
  for (let i = 0; i < cells; i += 2) {
    const n = from + i, o = to + <usize>(n >> 1) * CELL + (<usize>(n & 1) << 5);
    parent(o, cellsAt + <usize>i * apart, cellsAt + <usize>min(i + 1, cells - 1) * apart, cells > 1 ? 32 : 0);
  }
}

/**
 * Nodes above the leaves. Arguments: map of leaves, slots, log2 of their chunks, map, log2 of its chunks, chunks, chunks a chunk of the job, 7: whether to go two
 * layers up.
 */
export function leafParents(job: usize, chunk: i32): void {
  layout();
  const leaves = pointer(job, 0), slots = pointer(job, 1), cells = 1 << int(job, 2), map = pointer(job, 3), count = 1 << int(job, 4);
  const begin = chunk * int(job, 6), end = min(begin + int(job, 6), int(job, 5)), twice = int(job, 7);
  const below = (count << (1 + twice)) / cells;
  for (let c = begin; c < end; c++) {
    const to = entry(map, c);
    if (to & CONSTANT) continue;
    for (let k = 0; k < below; k++) {
      const from = c * below + k;
      leafNodes(twice ? nodes : to, k * cells, entry(leaves, from), <i32>entry(slots, from), cells, job);
    }
    if (twice) for (let i = 0; i < count; i++) parent(to + <usize>i * CELL, nodes + <usize>(2 * i) * CELL, nodes + <usize>(2 * i + 1) * CELL, 32);
  }
}

/** The number of values of a chunk of leaves that is fast or constant; −1 for others. */
// @ts-ignore: decorator
@inline
function fastValues(e: usize, slot: i32, cells: i32): i32 {
  if (e & CONSTANT) return 0;
  return e & INTEGERS && isFast(at(e), slot, cells) ? int(at(e) + VALUES, 0) : -1;
}

/** Integers of a chunk, three columns of 32; 0 where there are none. */
function columns(to: usize, e: usize, slot: i32, cells: i32, n: i32): void {
  const own = e & CONSTANT ? 0 : int(at(e) + VALUES, 0);
  for (let k = 0; k < n; k++) {
    if (k < own) decode(to + (<usize>k << 8), at(e), k, slot * 2 * cells, 2 * cells);
    else memory.fill(to + (<usize>k << 8), 0, 256);
  }
}

/** Adds eq·(Σ of v0_k + v1_k) and eq·(Σ of v0_k·v1_m + v0_m·v1_k) of a chunk's cells to 3 + 6 small accumulators; values are ints − minus. */
function addInts(sums: usize, ints: usize, minus: usize, n: i32, cells: i32, e: usize): void {
  for (let i = 0; i < cells; i += 2) {
    let q = sums + 3 * SMALL_ACC;
    for (let k = 0; k < n; k++) {
      const a = (<usize>k << 8) + (<usize>i << 4);
      let u = v128.load(ints + a), w = v128.load(ints + a, 16);
      if (minus) {
        u = f64x2.sub(u, v128.load(minus + a));
        w = f64x2.sub(w, v128.load(minus + a, 16));
      }
      const x0 = v128.shuffle<f64>(u, w, 0, 2), x1 = v128.shuffle<f64>(u, w, 1, 3);
      macSmall2(sums + <usize>k * SMALL_ACC, f64x2.add(x0, x1), e, FR);
      macSmall2(q, f64x2.mul(x0, x1), e, FR);
      q += SMALL_ACC;
      for (let m = k + 1; m < n; m++) {
        const b = (<usize>m << 8) + (<usize>i << 4);
        let r = v128.load(ints + b), s = v128.load(ints + b, 16);
        if (minus) {
          r = f64x2.sub(r, v128.load(minus + b));
          s = f64x2.sub(s, v128.load(minus + b, 16));
        }
        const y0 = v128.shuffle<f64>(r, s, 0, 2), y1 = v128.shuffle<f64>(r, s, 1, 3);
        macSmall2(q, f64x2.add(f64x2.mul(x0, y1), f64x2.mul(x1, y0)), e, FR);
        q += SMALL_ACC;
      }
      q += <usize>(3 - n) * SMALL_ACC;
    }
    e += 80;
  }
}

/** inner += Σ_k linear_k·(its sum) + Σ λ·β^(k + m)·(its sum); the sums start again at 0. `linear` minus `less` if that is not 0. */
function addSums(inner: usize, sums: usize, linear: usize, less: usize, n: i32, job: usize): void {
  const t = scratch, c = scratch + 80;
  for (let k = 0; k < n; k++) {
    reduceSmall2(t, sums + <usize>k * SMALL_ACC, FR);
    copy2(c, linear + <usize>k * 80);
    if (less) sub2(c, c, less + <usize>k * 80);
    mac2(inner, t, c, FR);
  }
  let q = sums + 3 * SMALL_ACC;
  for (let k = 0; k < n; k++) {
    for (let m = k; m < n; m++) {
      reduceSmall2(t, q, FR);
      mac2(inner, t, element(job, FREE + k + m), FR);
      q += SMALL_ACC;
    }
    q += <usize>(3 - n) * SMALL_ACC;
  }
  memory.fill(sums, 0, 9 * SMALL_ACC);
}

/**
 * The first round over leaves. Arguments as of `layerRound`, but 11: slots, 12: eq as factors of integers. Elements FREE …: λ·β^2 … λ·β^6, then λ's table.
 *
 * With p constant and q = A − Σ f_k·v_k on a chunk, the summand is A·(2p + λA) − (p + λA)·Σ f_k·(v0_k + v1_k) + λ·Σ f_k·f_m·v0_k·v1_m: sums of
 * eq times integers, whose coefficients wait until the chunks change.
 */
export function leafRound(job: usize, chunk: i32): void {
  layout();
  const map = pointer(job, 0), log = int(job, 1), half = int(job, 2), bits = int(job, 3), slots = pointer(job, 11);
  const begin = chunk * int(job, 4), end = min(begin + int(job, 4), int(job, 5));
  const out = pointer(job, 6) + <usize>chunk * 3 * ACC, high = pointer(job, 7), middle = pointer(job, 9);
  const inner = scratch + 1600, lambda = element(job, FREE + 5), atOne = !int(job, 10), count = 1 << log;
  const factors = small, sums = small + 10240, atInfinity = scratch + 3200, t = scratch + 3280, w = scratch + 3360;
  for (let k: usize = 0; k < 3; k++) clear2(out + k * ACC);
  unpackAll(weights, pointer(job, 8), 1 << bits);
  unpackAll(factors, pointer(job, 12), 1 << bits);
  memory.fill(sums, 0, 27 * SMALL_ACC);
  let room = 256;
  for (let block = begin; block < end; block++) {
    for (let k: usize = 0; k < 3; k++) clear2(inner + k * ACC);
    const chunks = 1 << (bits - log), first = block << (bits - log);
    let lastLow: usize = 0, lastHigh: usize = 0, lastN = 0;
    for (let c = 0; c < chunks; c++) {
      const x = first + c, e = entry(map, x), f = entry(map, x + half);
      const weight = middle + (<usize>c << 5);
      if (e & f & CONSTANT) {
        addConstants(at(e), at(f), weight, inner, atOne);
        continue;
      }
      const s = <i32>entry(slots, x), u = <i32>entry(slots, x + half);
      const lowN = fastValues(e, s, count), highN = fastValues(f, u, count), n = max(lowN, highN);
      const places = <usize>c * <usize>count * 40;
      if (lowN < 0 || highN < 0) {
        const lows = foldedCells(e, s, count, lowCells, job, lambda), highs = foldedCells(f, u, count, highCells, job, lambda);
        addPairs(lows, step(e), highs, step(f), count, weights + places, inner, atOne);
        continue;
      }
      const low = at(e), high = at(f);
      if (low != lastLow || high != lastHigh) {
        if (lastLow) flush(inner, sums, lastLow, lastHigh, lastN, atOne, job);
        lastLow = low;
        lastHigh = high;
        lastN = n;
        // ΔA·(Δp + Δ(p + λA))
        sub2(t, high + E, low + E);
        add2(t, t, high + P);
        sub2(t, t, low + P);
        carry2(t, t);
        sub2(w, high + A, low + A);
        carry2(w, w);
        mul2(atInfinity, t, w, FR);
      }
      firstLane(w, weight);
      mac2(inner, w, low + PRODUCT, FR);
      mac2(inner + 2 * ACC, w, atInfinity, FR);
      if (atOne) mac2(inner + ACC, w, high + PRODUCT, FR);
      columns(lowInts, e, s, count, n);
      columns(highInts, f, u, count, n);
      if (lowN) addInts(sums, lowInts, 0, n, count, factors + places);
      addInts(sums + 18 * SMALL_ACC, highInts, lowInts, n, count, factors + places);
      if (atOne) addInts(sums + 9 * SMALL_ACC, highInts, 0, n, count, factors + places);
    }
    if (lastLow) flush(inner, sums, lastLow, lastHigh, lastN, atOne, job);
    addBlock(out, inner, high + (<usize>block << 5));
    if (--room == 0) {
      room = 256;
      for (let k: usize = 0; k < 3; k++) spill2(out + k * ACC, FR);
    }
  }
}

function flush(inner: usize, sums: usize, low: usize, high: usize, n: i32, atOne: bool, job: usize): void {
  addSums(inner, sums, low + LINEAR, 0, n, job);
  addSums(inner + 2 * ACC, sums + 18 * SMALL_ACC, high + LINEAR, low + LINEAR, n, job);
  if (atOne) addSums(inner + ACC, sums + 9 * SMALL_ACC, high + LINEAR, 0, n, job);
}

/**
 * Binds the first variable of the leaves: cells p0, p1 + λ·q1, q0, q1. Arguments: map, log2 of chunks, pairs of chunks, where each pair's result goes, pairs a chunk of
 * the job, slots. Elements FREE …: −β^k·(1 − r), −β^k·r, λ times the former, λ times the latter (as factors of integers, three each), r, then
 * λ's table and r's.
 */
export function leafBind(job: usize, chunk: i32): void {
  layout();
  const map = pointer(job, 0), count = 1 << int(job, 1), half = int(job, 2), result = pointer(job, 3), slots = pointer(job, 5);
  const begin = chunk * int(job, 4), end = min(begin + int(job, 4), half);
  const r = element(job, FREE + 12), lambda = element(job, FREE + 13), table = element(job, FREE + 18);
  const p = scratch + 3200, a = scratch + 3280, b = scratch + 3360;
  let lastLow: usize = 0, lastHigh: usize = 0;
  for (let c = begin; c < end; c++) {
    const to = entry(result, c);
    if (to & CONSTANT) continue;
    const e = entry(map, c), f = entry(map, c + half), s = <i32>entry(slots, c), u = <i32>entry(slots, c + half);
    const lowN = fastValues(e, s, count), highN = fastValues(f, u, count), n = max(lowN, highN);
    if (lowN < 0 || highN < 0) {
      const lows = foldedCells(e, s, count, lowCells, job, lambda), highs = foldedCells(f, u, count, highCells, job, lambda);
      bindPairs(lows, step(e), highs, step(f), count, to, table);
      continue;
    }
    const low = at(e), high = at(f);
    if (low != lastLow || high != lastHigh) {
      lastLow = low;
      lastHigh = high;
      between(p, low + P, high + P, r);
      pack2(p, p, p, FR);
      between(a, low + A, high + A, r);
      between(b, low + E, high + E, r);
    }
    columns(lowInts, e, s, count, n);
    columns(highInts, f, u, count, n);
    bindInts(to, count, n, p, a, b, job);
  }
}

/** o = a + r·(b − a). */
function between(o: usize, a: usize, b: usize, r: usize): void {
  sub2(o, b, a);
  carry2(o, o);
  mul2(o, o, r, FR);
  add2(o, o, a);
  carry2(o, o);
}

/** Cells from lowInts and highInts: p0 = the packed p, q = a − …, p1 = b − …. */
function bindInts(to: usize, count: i32, n: i32, p: usize, a: usize, b: usize, job: usize): void {
  const acc = scratch, low = v128.load(p), high = v128.load(p, 16);
  for (let i = 0; i < count; i += 2) {
    const o = to + <usize>i * CELL, o2 = o + CELL;
    v128.store(o, low);
    v128.store(o, high, 16);
    v128.store(o2, low);
    v128.store(o2, high, 16);
    for (let half: usize = 0; half < 32; half += 16) {
      for (let k = 0; k < n; k++) {
        const v = (<usize>k << 8) + (<usize>i << 4) + half;
        if (k == 0) setSmall2(acc, v128.load(lowInts + v), element(job, FREE), FR);
        else macSmall2(acc, v128.load(lowInts + v), element(job, FREE + k), FR);
        macSmall2(acc, v128.load(highInts + v), element(job, FREE + 3 + k), FR);
      }
      const cell = half ? o2 : o;
      packSmall2(cell + 64, cell + 96, a, acc, FR);
    }
    for (let k = 0; k < n; k++) {
      const v = (<usize>k << 8) + (<usize>i << 4);
      const l = v128.shuffle<f64>(v128.load(lowInts + v), v128.load(lowInts + v, 16), 1, 3);
      const h = v128.shuffle<f64>(v128.load(highInts + v), v128.load(highInts + v, 16), 1, 3);
      if (k == 0) setSmall2(acc, l, element(job, FREE + 6), FR);
      else macSmall2(acc, l, element(job, FREE + 6 + k), FR);
      macSmall2(acc, h, element(job, FREE + 9 + k), FR);
    }
    packSmall2(o + 32, o2 + 32, b, acc, FR);
  }
}
