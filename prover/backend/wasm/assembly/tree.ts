/**
 * Layers of the fraction tree. A layer's nodes lie as the cells of its parent layer's sumcheck: 128 bytes, p0, p1, q0, q1 of nodes 2x and 2x + 1.
 * Cells come in chunks of 2^c (c = 4 where there are enough); a word a chunk says where: the address of its cells, or that of the one
 * cell that all of them equal, plus 1 (`CONSTANT`). Chunks of leaves may also be integers (leaves.ts).
 */
import { add2, bind4, clear2, cross4, crossMulPack, fold4, mac2, reduceWide2, spill2, unpack2, unpackPair2 } from './field';
import { FR, element, int, pointer, scratch } from './shared';

export const ACC: usize = 176;
export const CELL: usize = 128;
export const CONSTANT: usize = 1;
/** Place in the scratch of a table of eq, behind what a round and its pairs use. */
const WEIGHTS: usize = 3456;

// @ts-ignore: decorator
@inline
export function entry(map: usize, k: i32): usize {
  return load<u32>(map + (<usize>k << 2));
}

// @ts-ignore: decorator
@inline
export function at(e: usize): usize {
  return e & ~3;
}

/** Bytes from a cell to the next. */
// @ts-ignore: decorator
@inline
export function step(e: usize): usize {
  return e & CONSTANT ? 0 : CELL;
}

/** Nodes n, n + 1 (n even; equal halves of one cell) of the layer above cells a and b: p = p0·q1 + p1·q0, q = q0·q1. */
export function parent(to: usize, a: usize, b: usize, next: usize): void {
  const v = scratch;
  unpack2(v, a, b, FR);
  unpack2(v + 80, a + 32, b + 32, FR);
  unpack2(v + 160, a + 64, b + 64, FR);
  unpack2(v + 240, a + 96, b + 96, FR);
  crossMulPack(to, to + next, v, to + 64, to + 64 + next, v + 160, v + 240, FR);
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
export function fold(cells: usize, count: i32, lambda: usize): void {
  const last = cells + <usize>(count - 1) * CELL + 32;
  for (let i = 0; i < count; i += 4) {
    const a = cells + <usize>i * CELL + 32, b = min(a + CELL, last), c = min(b + CELL, last), d = min(c + CELL, last);
    fold4(a, b, a, b, a + 64, b + 64, c, d, c, d, c + 64, d + 64, lambda, FR);
  }
}

/**
 * Adds a run of pairs' eq·(p0·q1 + p1·q0) at 0, 1 (if asked for) and ∞ to three accumulators. Cells are `step` bytes apart; e: limbs of eq, a word for
 * two pairs.
 */
export function addPairs(lows: usize, lowStep: usize, highs: usize, highStep: usize, count: i32, e: usize, inner: usize, atOne: bool): void {
  const lo = scratch, hi = scratch + 320, d = scratch + 640, t = scratch + 960;
  for (let i = 0; i < count; i += 2) {
    const k = min(i + 1, count - 1);
    const a = lows + <usize>i * lowStep, b = lows + <usize>k * lowStep, c = highs + <usize>i * highStep, f = highs + <usize>k * highStep;
    for (let j: usize = 0; j < 4; j++) unpackPair2(lo + 80 * j, d + 80 * j, a + 32 * j, b + 32 * j, c + 32 * j, f + 32 * j, FR);
    cross4(t, lo, t + 80, d, FR);
    mac2(inner, t, e, FR);
    mac2(inner + 2 * ACC, t + 80, e, FR);
    if (atOne) {
      for (let j: usize = 0; j < 320; j += 80) add2(hi + j, lo + j, d + j);
      cross4(t, hi, t + 80, hi, FR);
      mac2(inner + ACC, t, e, FR);
    }
    e += 80;
  }
}

/** The summand of a pair of constant cells, packed at `low` and `high`, at 0, 1 and ∞. */
export function constantPair(o: usize, low: usize, high: usize): void {
  const lo = scratch, d = scratch + 320, hi = scratch + 640;
  for (let j: usize = 0; j < 4; j++) {
    unpackPair2(lo + 80 * j, d + 80 * j, low + 32 * j, low + 32 * j, high + 32 * j, high + 32 * j, FR);
    add2(hi + 80 * j, lo + 80 * j, d + 80 * j);
  }
  cross4(o, lo, o + 80, hi, FR);
  cross4(o + 160, d, o + 160, d, FR);
}

/** Whether `count` entries are one constant's. */
// @ts-ignore: decorator
@inline
export function allConstant(map: usize, first: i32, count: i32): bool {
  const e = entry(map, first);
  if (!(e & CONSTANT)) return false;
  for (let k = 1; k < count; k++) if (entry(map, first + k) != e) return false;
  return true;
}

/** Limbs of a packed element in the first lane, 0 in the second. */
export function firstLane(o: usize, a: usize): void {
  unpack2(o, a, a, FR);
  const zero = f64x2.splat(0);
  for (let j: usize = 0; j < 80; j += 16) v128.store(o + j, v128.shuffle<f64>(v128.load(o + j), zero, 0, 2));
}

/** Limbs of `count` packed elements, two a word; of one in the first lane, 0 in the second. */
export function unpackAll(o: usize, from: usize, count: i32): void {
  if (count == 1) return firstLane(o, from);
  for (let i = 0; i < count; i += 2) unpack2(o + <usize>(i >> 1) * 80, from + (<usize>i << 5), from + (<usize>(i + 1) << 5), FR);
}

/** Adds a block's three sums, weighted. */
export function addBlock(out: usize, inner: usize, weight: usize): void {
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
  const weights = scratch + WEIGHTS;
  const map = pointer(job, 0), log = int(job, 1), half = int(job, 2), bits = int(job, 3), folds = int(job, 11);
  const begin = chunk * int(job, 4), end = min(begin + int(job, 4), int(job, 5));
  const out = pointer(job, 6) + <usize>chunk * 3 * ACC, high = pointer(job, 7), middle = pointer(job, 9);
  const inner = scratch + 1600, lambda = element(job, 0), atOne = !int(job, 10), count = 1 << log, chunks = 1 << (bits - log);
  // Values of the last pair of constants, and a weight.
  const values = scratch + 2176, w = values + 240;
  let lastLow: usize = 0, lastHigh: usize = 0;
  for (let k: usize = 0; k < 3; k++) clear2(out + k * ACC);
  unpackAll(weights, pointer(job, 8), 1 << bits);
  let room = 256;
  for (let block = begin; block < end; block++) {
    const first = block << (bits - log), whole = allConstant(map, first, chunks) && allConstant(map, first + half, chunks);
    if (!whole) for (let k: usize = 0; k < 3; k++) clear2(inner + k * ACC);
    const steps = whole ? 1 : chunks;
    for (let c = 0; c < steps; c++) {
      const e = entry(map, first + c), f = entry(map, first + c + half);
      if (e & f & CONSTANT) {
        if (e != lastLow || f != lastHigh) constantPair(values, at(e), at(f));
        lastLow = e;
        lastHigh = f;
        firstLane(w, whole ? high + (<usize>block << 5) : middle + (<usize>c << 5));
        const to = whole ? out : inner;
        mac2(to, values, w, FR);
        if (atOne) mac2(to + ACC, values + 80, w, FR);
        mac2(to + 2 * ACC, values + 160, w, FR);
        continue;
      }
      if (folds && !(e & CONSTANT)) fold(e, count, lambda);
      if (folds && !(f & CONSTANT)) fold(f, count, lambda);
      addPairs(at(e), step(e), at(f), step(f), count, weights + <usize>c * <usize>count * 40, inner, atOne);
    }
    if (!whole) addBlock(out, inner, high + (<usize>block << 5));
    if (--room == 0) {
      room = 256;
      for (let k: usize = 0; k < 3; k++) spill2(out + k * ACC, FR);
    }
  }
}

/** Cells low + r·(high − low) of `count` pairs; may overwrite one of them. */
export function bindPairs(lows: usize, lowStep: usize, highs: usize, highStep: usize, count: i32, to: usize, r: usize): void {
  for (let i = 0; i < count; i += 2) {
    const k = min(i + 1, count - 1);
    const a = lows + <usize>i * lowStep, b = lows + <usize>k * lowStep, c = highs + <usize>i * highStep, d = highs + <usize>k * highStep;
    const o = to + <usize>i * CELL, o2 = to + <usize>k * CELL;
    bind4(o, o2, a, b, c, d, o + 32, o2 + 32, a + 32, b + 32, c + 32, d + 32, r, FR);
    bind4(o + 64, o2 + 64, a + 64, b + 64, c + 64, d + 64, o + 96, o2 + 96, a + 96, b + 96, c + 96, d + 96, r, FR);
  }
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
