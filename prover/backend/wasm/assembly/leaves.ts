/**
 * Leaves of the fraction tree that are still integers. Their chunks' word in the map is the address of their block's record plus 2 (`INTEGERS`); a slot
 * says which of the block's chunks of integers it is. Otherwise as tree.ts.
 */
import { add2, carry2, clear2, mac2, macSmall2, mul2, pack2, packSmall2, reduce2, reduceSmall2, reduceWide2, set2, setSmall2, spill2, sub2, unpack2 } from './field';
import { FR, copy2, element, int, pointer, scratch } from './shared';
import { ACC, addBlock, addPairs, allConstant, at, bindPairs, CELL, CONSTANT, entry, firstLane, fold, parent, step, unpackAll } from './tree';

const SMALL_ACC: usize = 96;
const INTEGERS: usize = 2;

/** Byte offsets of a leaf record (host: leaves.ts). The first 128 are the cell of a constant. */
const VALUES: usize = 128, POINTERS: usize = 132, FORMATS: usize = 144, MASKS: usize = 156, COUNTS: usize = 160, FAST: usize = 164;
/** Limbs: q without integers, that is α − id, or a constant's q; its square; minus it times β, for integers; twice it; id; p; p + λ·q. */
const A: usize = 192, A_SQUARED: usize = 272, A_BETA: usize = 352, A_TWICE: usize = 432, ID: usize = 512, P: usize = 592, E: usize = 672;

/** A chunk's integers: three columns of 16 at even leaves and 16 at odd ones. */
const COLUMN: usize = 256, COLUMNS: usize = 768;
/** Places in the scratch: integers of six chunks, cells of three, then sums, and nodes or a table of eq. */
let ints: usize = 0, lowCells: usize = 0, highCells: usize = 0, spareCells: usize = 0, sums: usize = 0, nodes: usize = 0, weights: usize = 0;
/** Sums of a chunk at a point: 6 of integers, 21 of their products. */
const SUMS: usize = 27 * SMALL_ACC;

function layout(): void {
  ints = scratch + 3456;
  lowCells = ints + 6 * COLUMNS;
  highCells = lowCells + 2048;
  spareCells = highCells + 2048;
  sums = spareCells + 2048;
  nodes = weights = sums + 3 * SUMS;
}

/** Parameters of the kernels over leaves, limbs each: R², R·X, β, β², β³ as factors of integers, the same as factors of two limbs, then what each says. */
const FACTOR: i32 = 2, WIDE: i32 = 5, FREE: i32 = 8;

/** Parameters of `leafRound` from FREE: λ·β² … λ·β⁶, times w0², w0·w1, w1²; −β, −β², −β³ times w0, w1; 1; w0, w1; λ's table and r's. */
const LINEAR: i32 = FREE + 15, ONE: i32 = FREE + 21, WEIGHT: i32 = FREE + 22, LAMBDA: i32 = FREE + 24, CHALLENGE: i32 = FREE + 29;

// @ts-ignore: decorator
@inline
function parameter(job: usize, k: i32): usize {
  return pointer(job, 14) + <usize>k * 80;
}

/** A column's integers of 2·cells leaves. Formats: 16 bits unsigned, 16 bits, 32 bits, 64-bit floats. */
function decode(to: usize, record: usize, column: i32, from: i32, cells: i32): void {
  const source = pointer(record + POINTERS, column), format = int(record + FORMATS, column), size: usize = format == 3 ? 8 : format == 2 ? 4 : 2;
  for (let i = 0; i < cells; i += 2) {
    const a = source + <usize>(from + 2 * i) * size;
    let even: v128, odd: v128;
    if (format == 3) {
      const u = v128.load(a), w = v128.load(a, 16);
      even = v128.shuffle<f64>(u, w, 0, 2);
      odd = v128.shuffle<f64>(u, w, 1, 3);
    } else {
      const w = format == 2 ? v128.load(a) : format == 1 ? v128.load_ext<i16>(a) : v128.load_ext<u16>(a);
      even = f64x2.convert_low_i32x4_s(v128.shuffle<i32>(w, w, 0, 2, 0, 2));
      odd = f64x2.convert_low_i32x4_s(v128.shuffle<i32>(w, w, 1, 3, 1, 3));
    }
    v128.store(to + (<usize>i << 3), even);
    v128.store(to + (<usize>i << 3), odd, 128);
  }
}

/** Integers of a chunk, n columns; 0 where there are none. */
function columns(to: usize, e: usize, slot: i32, cells: i32, n: i32): void {
  const own = e & CONSTANT ? 0 : int(at(e) + VALUES, 0);
  for (let k = 0; k < n; k++) {
    if (k < own) decode(to + <usize>k * COLUMN, at(e), k, slot * 2 * cells, cells);
    else memory.fill(to + <usize>k * COLUMN, 0, COLUMN);
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

/** Whether a chunk of 2·cells leaves (at most 32, at least 4) is all on the domain, its numerators 1, its integers at most 2^19. */
// @ts-ignore: decorator
@inline
function isFast(record: usize, slot: i32, cells: i32): bool {
  return cells > 1 && int(record, <i32>(FAST >> 2)) && pointer(pointer(record + MASKS, 0), slot) == <usize>(<u32>0xffffffff >> (32 - 2 * cells));
}

/** The number of values of a chunk of leaves that is fast or constant; −1 for others. */
// @ts-ignore: decorator
@inline
function fastValues(e: usize, slot: i32, cells: i32): i32 {
  if (e & CONSTANT) return 0;
  return e & INTEGERS && isFast(at(e), slot, cells) ? int(at(e) + VALUES, 0) : -1;
}

/** Two leaves of a column, the 2·i-th and the next. */
// @ts-ignore: decorator
@inline
function leafPair(column: usize, i: i32): v128 {
  const a = column + (<usize>i << 3);
  return f64x2.replace_lane(f64x2.splat(load<f64>(a)), 1, load<f64>(a, 128));
}

/** Packed cells of a chunk of integers. p = 1 or −count on the domain, 0 off it; q = α − id (on the domain) − Σ β^k·v_k. */
function cellsOf(to: usize, record: usize, slot: i32, cells: i32, job: usize): void {
  const n = int(record + VALUES, 0), from = slot * 2 * cells, mask = <i32>pointer(pointer(record + MASKS, 0), slot);
  const x = scratch, y = scratch + 80, z = scratch + 160, acc = scratch + 240, values = ints;
  const counts = pointer(record + COUNTS, 0);
  for (let k = 0; k < n; k++) decode(values + <usize>k * COLUMN, record, k, from, cells);
  for (let i = 0; i < cells; i++) {
    const cell = to + <usize>i * CELL, on0 = (mask >> (2 * i)) & 1, on1 = (mask >> (2 * i + 1)) & 1;
    const on = f64x2.replace_lane(f64x2.splat(<f64>on0), 1, <f64>on1);
    const p = counts ? f64x2.neg(f64x2.mul(on, v128.load(counts + (<usize>(from + 2 * i) << 3)))) : on;
    integerPair(y, p, parameter(job, 0), parameter(job, 1), x, acc);
    pack2(cell, cell + 32, y, FR);
    for (let j: usize = 0; j < 80; j += 16)
      v128.store(z + j, f64x2.add(v128.load(record + A + j), f64x2.mul(f64x2.sub(f64x2.splat(1), on), v128.load(record + ID + j))));
    let wide = false;
    for (let k = 0; k < n; k++) wide = wide || isWide(leafPair(values + <usize>k * COLUMN, i));
    for (let k = 0; k < n; k++) {
      const v = leafPair(values + <usize>k * COLUMN, i);
      if (wide) {
        integers(x, v);
        mul2(y, x, parameter(job, WIDE + k), FR);
        sub2(z, z, y);
        carry2(z, z);
      } else if (k == 0) setSmall2(acc, v, parameter(job, FACTOR), FR);
      else macSmall2(acc, v, parameter(job, FACTOR + k), FR);
    }
    if (!wide) {
      reduceSmall2(y, acc, FR);
      sub2(z, z, y);
    }
    pack2(cell + 64, cell + 96, z, FR);
  }
}

/** The nodes above a chunk of leaves: nodes from, from + 1 … of `to`. Parameters FREE: β²; FREE + 1: −β, factors of integers. */
function leafNodes(to: usize, from: i32, e: usize, slot: i32, cells: i32, job: usize): void {
  const record = at(e);
  if (e & INTEGERS && isFast(record, slot, cells) && int(record + VALUES, 0) == 1) {
    const acc = scratch;
    decode(ints, record, 0, slot * 2 * cells, cells);
    for (let i = 0; i < cells; i += 2) {
      const v0 = v128.load(ints + (<usize>i << 3)), v1 = v128.load(ints + (<usize>i << 3), 128), s = f64x2.add(v0, v1);
      const o = to + (<usize>(from + i) >> 1) * CELL;
      setSmall2(acc, s, record + A_BETA, FR);
      macSmall2(acc, f64x2.mul(v0, v1), parameter(job, FREE), FR);
      packSmall2(o + 64, o + 96, record + A_SQUARED, acc, FR);
      setSmall2(acc, s, parameter(job, FREE + 1), FR);
      packSmall2(o, o + 32, record + A_TWICE, acc, FR);
    }
    return;
  }
  const apart = step(e);
  let cellsAt = record;
  if (e & INTEGERS) cellsOf(cellsAt = lowCells, record, slot, cells, job);
  for (let i = 0; i < cells; i += 2) {
    const n = from + i, o = to + <usize>(n >> 1) * CELL + (<usize>(n & 1) << 5);
    parent(o, cellsAt + <usize>i * apart, cellsAt + <usize>min(i + 1, cells - 1) * apart, cells > 1 ? 32 : 0);
  }
}

/**
 * Nodes above the leaves. Arguments: map of leaves, slots, log2 of their chunks, map, log2 of its chunks, chunks, chunks a chunk of the job, 7: whether to go two
 * layers up, 14: parameters.
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

/** Packed cells of a chunk of leaves with p1 + λ·q1 for p1 (constants are so already): their address, in `room` unless they are constant. */
function foldedCells(e: usize, slot: i32, cells: i32, room: usize, lambda: usize, job: usize): usize {
  if (e & CONSTANT) return at(e);
  if (e & INTEGERS) cellsOf(room, at(e), slot, cells, job);
  else memory.copy(room, e, <usize>cells * CELL);
  fold(room, cells, lambda);
  return room;
}

/** Such cells of chunk x, or, with `apart` > 0, of chunks x and x + apart bound at r: an entry as in a map. */
function boundCells(job: usize, x: i32, apart: i32, cells: i32, room: usize, lambda: usize, r: usize): usize {
  const map = pointer(job, 0), slots = pointer(job, 11);
  const e = entry(map, x), low = foldedCells(e, <i32>entry(slots, x), cells, room, lambda, job);
  if (!apart) return low | (e & CONSTANT);
  const f = entry(map, x + apart), high = foldedCells(f, <i32>entry(slots, x + apart), cells, spareCells, lambda, job);
  const constant = e & f & CONSTANT;
  bindPairs(low, step(e), high, step(f), constant ? 1 : cells, room, r);
  return room | constant;
}

/** o = Σ of `count` records' limbs at `offset`, weighted by parameters from `weight`. */
function combined(o: usize, offset: usize, records: usize, count: i32, weight: i32, job: usize): void {
  const acc = scratch;
  for (let s = 0; s < count; s++) {
    const value = load<u32>(records + (<usize>s << 2)) + offset;
    if (count == 1) return copy2(o, value);
    if (s == 0) set2(acc, value, parameter(job, weight), FR);
    else mac2(acc, value, parameter(job, weight + s), FR);
  }
  reduce2(o, acc, FR);
}

/** Adds eq·(v0 + v1) of every column and eq·(v0·w1 + w0·v1) of every two (v0·v1 of one) to small accumulators; n columns of a source, m of a second. */
function addInts(to: usize, from: usize, n: i32, m: i32, cells: i32, e: usize): void {
  for (let i = 0; i < cells; i += 2) {
    let linear = to, quadratic = to + 6 * SMALL_ACC;
    const at = from + (<usize>i << 3);
    for (let k = 0; k < n + m; k++) {
      const a = column(at, k, n), v0 = v128.load(a), v1 = v128.load(a, 128);
      macSmall2(linear, f64x2.add(v0, v1), e, FR);
      linear += SMALL_ACC;
      macSmall2(quadratic, f64x2.mul(v0, v1), e, FR);
      quadratic += SMALL_ACC;
      for (let l = k + 1; l < n + m; l++) {
        const b = column(at, l, n), w0 = v128.load(b), w1 = v128.load(b, 128);
        macSmall2(quadratic, f64x2.add(f64x2.mul(v0, w1), f64x2.mul(w0, v1)), e, FR);
        quadratic += SMALL_ACC;
      }
    }
    e += 80;
  }
}

/** The k-th column of two sources, of which the first has n. */
// @ts-ignore: decorator
@inline
function column(from: usize, k: i32, n: i32): usize {
  return k < n ? from + <usize>k * COLUMN : from + COLUMNS + <usize>(k - n) * COLUMN;
}

/** inner += e·Σ (linear sums times their factors) + Σ of quadratic sums times theirs; the sums start again at 0. */
function addSums(inner: usize, from: usize, e: usize, n: i32, m: i32, job: usize): void {
  const t = scratch, acc = scratch + 80, acc2 = scratch + 80 + ACC;
  clear2(acc);
  clear2(acc2);
  let linear = from, quadratic = from + 6 * SMALL_ACC;
  for (let k = 0; k < n + m; k++) {
    const s = i32(k >= n), power = k - s * n;
    reduceSmall2(t, linear, FR);
    mac2(acc, t, parameter(job, LINEAR + 3 * s + power), FR);
    linear += SMALL_ACC;
    for (let l = k; l < n + m; l++) {
      const u = i32(l >= n);
      reduceSmall2(t, quadratic, FR);
      mac2(acc2, t, parameter(job, FREE + 5 * (s + u) + power + l - u * n), FR);
      quadratic += SMALL_ACC;
    }
  }
  reduceWide2(t, acc, FR);
  mac2(inner, t, e, FR);
  reduceWide2(t, acc2, FR);
  mac2(inner, t, parameter(job, ONE), FR);
  memory.fill(from, 0, SUMS);
}

/**
 * The first and the second round over leaves. Arguments as of `layerRound`, 2 being the chunks from a pair's lower one to its higher, but 11: slots, 12: eq as factors of
 * integers, 13: whether a variable is bound (at r, w0 = 1 − r and w1 = r; else w0 = 1), 14: parameters.
 *
 * With p constant and q = A − Σ f_k·v_k on a chunk, the summand is A·(2p + λA) − (p + λA)·Σ f_k·(v0_k + v1_k) + λ·Σ f_k·f_m·v0_k·v1_m: sums of
 * eq times integers, whose coefficients wait until the chunks change. A bound variable makes two columns of one, with f_k·w0 and f_k·w1.
 */
export function leafRound(job: usize, chunk: i32): void {
  layout();
  const map = pointer(job, 0), log = int(job, 1), half = int(job, 2), bits = int(job, 3), slots = pointer(job, 11), bound = int(job, 13);
  const begin = chunk * int(job, 4), end = min(begin + int(job, 4), int(job, 5)), sources = 1 + bound, apart = bound ? 2 * half : 0;
  const out = pointer(job, 6) + <usize>chunk * 3 * ACC, high = pointer(job, 7), eq = pointer(job, 8), middle = pointer(job, 9);
  const inner = scratch + 1600, lambda = parameter(job, LAMBDA), r = parameter(job, CHALLENGE), atOne = !int(job, 10), count = 1 << log;
  // Bases of the pair's lower chunk, of its higher one, and of their difference: A, p, p + λA, and their summand.
  const lows = scratch + 2176, highs = lows + 320, differences = highs + 320, w = scratch + 3200, records = scratch + 3280, last = scratch + 3312;
  for (let k: usize = 0; k < 3; k++) clear2(out + k * ACC);
  unpackAll(weights, pointer(job, 12), 1 << bits);
  memory.fill(sums, 0, 3 * SUMS);
  memory.fill(last, 0, 16);
  const chunks = 1 << (bits - log);
  let room = 256;
  for (let block = begin; block < end; block++) {
    const first = block << (bits - log);
    let whole = true;
    for (let s = 0; s < 2 * sources && whole; s++) whole = allConstant(map, first + s * half, chunks);
    if (!whole) for (let k: usize = 0; k < 3; k++) clear2(inner + k * ACC);
    // Columns of the two sources that sums are of.
    let lastN = 0, lastM = 0;
    const steps = whole ? 1 : chunks;
    for (let c = 0; c < steps; c++) {
      // Columns of the pair's first chunks and of its second ones, and of all lower chunks; −1 for chunks that are not fast.
      let n = 0, m = 0, lower = 0;
      for (let s = 0; s < 2 * sources && n >= 0; s++) {
        // Lower chunks first.
        const x = first + c + (s < sources ? 2 * s * half : (2 * (s - sources) + 1) * half);
        const e = entry(map, x), own = fastValues(e, <i32>entry(slots, x), count);
        if (own < 0) n = -1;
        else if (s & bound) m = max(m, own);
        else n = max(n, own);
        if (s < sources) lower = max(lower, own);
        store<u32>(records + (<usize>s << 2), <u32>at(e));
      }
      const places = <usize>c * <usize>count;
      if (n < 0) {
        const piece = ints, x = first + c;
        const e = boundCells(job, x, apart, count, lowCells, lambda, r), f = boundCells(job, x + half, apart, count, highCells, lambda, r);
        unpackAll(piece, eq + (places << 5), count);
        addPairs(at(e), step(e), at(f), step(f), count, piece, inner, atOne);
        continue;
      }
      if (memory.compare(records, last, <usize>sources << 3) != 0) {
        flush(inner, lows, lastN, lastM, atOne, job);
        memory.copy(last, records, 16);
        base(lows, records, sources, job);
        base(highs, records + (<usize>sources << 2), sources, job);
        for (let k: usize = 0; k < 240; k += 80) {
          sub2(differences + k, highs + k, lows + k);
          carry2(differences + k, differences + k);
        }
        summand(differences);
      }
      lastN = n;
      lastM = m;
      const to = whole ? out : inner;
      firstLane(w, whole ? high + (<usize>block << 5) : middle + (<usize>c << 5));
      mac2(to, w, lows + 240, FR);
      if (atOne) mac2(to + ACC, w, highs + 240, FR);
      mac2(to + 2 * ACC, w, differences + 240, FR);
      if (n + m == 0) continue;
      for (let s = 0; s < 2 * sources; s++) {
        const x = first + c + (s < sources ? 2 * s * half : (2 * (s - sources) + 1) * half);
        columns(ints + <usize>s * COLUMNS, entry(map, x), <i32>entry(slots, x), count, s & bound ? m : n);
      }
      const higher = ints + <usize>sources * COLUMNS, between = ints + 4 * COLUMNS, e = weights + places * 40;
      subtract(between, higher, ints, n);
      subtract(between + COLUMNS, higher + COLUMNS, ints + COLUMNS, m);
      if (lower) addInts(sums, ints, n, m, count, e);
      addInts(sums + 2 * SUMS, between, n, m, count, e);
      if (atOne) addInts(sums + SUMS, higher, n, m, count, e);
    }
    flush(inner, lows, lastN, lastM, atOne, job);
    if (!whole) addBlock(out, inner, high + (<usize>block << 5));
    if (--room == 0) {
      room = 256;
      for (let k: usize = 0; k < 3; k++) spill2(out + k * ACC, FR);
    }
  }
}

/** o = a − b, n columns. */
// @ts-ignore: decorator
@inline
function subtract(o: usize, a: usize, b: usize, n: i32): void {
  for (let k: usize = 0; k < <usize>n * COLUMN; k += 16) v128.store(o + k, f64x2.sub(v128.load(a + k), v128.load(b + k)));
}

/** A, p, p + λA of weighted records, all in [0, p], and their summand. */
function base(o: usize, records: usize, sources: i32, job: usize): void {
  const t = scratch;
  combined(o, A, records, sources, WEIGHT, job);
  combined(o + 80, P, records, sources, WEIGHT, job);
  combined(o + 160, E, records, sources, WEIGHT, job);
  for (let k: usize = 0; k < 240; k += 80) {
    pack2(t, t, o + k, FR);
    unpack2(o + k, t, t, FR);
  }
  summand(o);
}

/** A·(p + (p + λA)) of values within p of 0: within 1.8·p of it. */
function summand(o: usize): void {
  add2(o + 240, o + 80, o + 160);
  carry2(o + 240, o + 240);
  mul2(o + 240, o, o + 240, FR);
}

/** Adds the sums of lower chunks, of differences, and of higher ones if asked for, whose bases follow one another. */
function flush(inner: usize, bases: usize, n: i32, m: i32, atOne: bool, job: usize): void {
  if (n + m == 0) return;
  addSums(inner, sums, bases + 160, n, m, job);
  if (atOne) addSums(inner + ACC, sums + SUMS, bases + 480, n, m, job);
  addSums(inner + 2 * ACC, sums + 2 * SUMS, bases + 800, n, m, job);
}

/**
 * Binds the first one or two variables of the leaves: cells p0, p1 + λ·q1, q0, q1. Arguments: map, log2 of chunks, chunks from one of a group to the next, where each
 * group's result goes, groups a chunk of the job, 5: chunks in a group (2 or 4), 11: slots, 14: parameters: −β^k times the weight of each of a group (factors of
 * integers, 12), the same times λ, the weights (4), then tables of λ and of the challenges, the first first.
 */
export function leafBind(job: usize, chunk: i32): void {
  layout();
  const map = pointer(job, 0), count = 1 << int(job, 1), apart = int(job, 2), result = pointer(job, 3), slots = pointer(job, 11), sources = int(job, 5);
  const begin = chunk * int(job, 4), end = min(begin + int(job, 4), apart);
  const lambda = parameter(job, FREE + 28), first = parameter(job, FREE + 33), second = parameter(job, FREE + 38);
  const p = scratch + 2176, a = p + 80, b = a + 80, records = scratch + 3280, counts = scratch + 3296, last = scratch + 3312;
  memory.fill(last, 0, 16);
  for (let c = begin; c < end; c++) {
    const to = entry(result, c);
    if (to & CONSTANT) continue;
    let n = 0;
    for (let s = 0; s < sources && n >= 0; s++) {
      const e = entry(map, c + s * apart), own = fastValues(e, <i32>entry(slots, c + s * apart), count);
      n = min(n, own);
      store<u32>(records + (<usize>s << 2), <u32>at(e));
      store<i32>(counts + (<usize>s << 2), own);
    }
    if (n < 0) {
      const beyond = sources == 4 ? 2 * apart : 0;
      const e = boundCells(job, c, beyond, count, lowCells, lambda, first), f = boundCells(job, c + apart, beyond, count, highCells, lambda, first);
      bindPairs(at(e), step(e), at(f), step(f), count, to, sources == 4 ? second : first);
      continue;
    }
    if (memory.compare(records, last, <usize>sources << 2) != 0) {
      memory.copy(last, records, 16);
      combined(p, P, records, sources, FREE + 24, job);
      combined(a, A, records, sources, FREE + 24, job);
      combined(b, E, records, sources, FREE + 24, job);
      pack2(p, p, p, FR);
    }
    for (let s = 0; s < sources; s++)
      columns(ints + <usize>s * COLUMNS, entry(map, c + s * apart), <i32>entry(slots, c + s * apart), count, int(counts, s));
    const low = v128.load(p), high = v128.load(p, 16);
    for (let i = 0; i < count; i += 2) {
      const o = to + <usize>i * CELL;
      v128.store(o, low);
      v128.store(o, high, 16);
      v128.store(o, low, 128);
      v128.store(o, high, 144);
      bindColumn(o + 64, i, 0, counts, sources, FREE, a, job);
      bindColumn(o + 96, i, 128, counts, sources, FREE, a, job);
      bindColumn(o + 32, i, 128, counts, sources, FREE + 12, b, job);
    }
  }
}

/** An element of cells i and i + 1: constant + Σ of integers at even (part 0) or odd (128) leaves times factors; `counts` columns of each source. */
// @ts-ignore: decorator
@inline
function bindColumn(o: usize, i: i32, part: usize, counts: usize, sources: i32, factors: i32, constant: usize, job: usize): void {
  const acc = scratch;
  let empty = true;
  for (let s = 0; s < sources; s++) {
    for (let k = 0; k < int(counts, s); k++) {
      const v = v128.load(ints + <usize>s * COLUMNS + <usize>k * COLUMN + (<usize>i << 3) + part), factor = parameter(job, factors + 3 * s + k);
      if (empty) setSmall2(acc, v, factor, FR);
      else macSmall2(acc, v, factor, FR);
      empty = false;
    }
  }
  packSmall2(o, o + CELL, constant, acc, FR);
}
