/** Rounds of a product whose factors depend on some of the variables each. Sums are left as accumulators, which the host adds up. */
import { add2, carry2, clear2, mac2, macSmall2, mul2, mul4, pack2, reduceWide2, spill2, sub2, unpack2 } from './field';
import { FR, int, pointer, scratch } from './shared';

const ACC: usize = 176;
const SLOT: usize = 80;
/** The constant 1 (OFFSET.one). */
const ONE: usize = FR + 944;
/** Scratch: lower cells, upper ones, differences, extrapolations of three tables; eq; products; a list of addresses; integers; inner sums. */
const LO: usize = 0;
const HI: usize = 240;
const D: usize = 480;
const M: usize = 720;
const E: usize = 960;
const P: usize = 1040;
const LIST: usize = 1280;
const INTS: usize = 1344;
const INNER: usize = 1536;

/** The offset of the cell of pair j in a table that depends on some of its bits. */
// @ts-ignore: decorator
@inline
function cellOf(job: usize, at: i32, j: i32, low: i32): usize {
  const high = pointer(job, at), rest = pointer(job, at + 1);
  return <usize>(load<u32>(high + (<usize>(j >> low) << 2)) + load<u32>(rest + (<usize>(j & ((1 << low) - 1)) << 2)));
}

/** Reads pairs j and k of all tables, a lane each; with `minus` also the values at −1. */
function readPairs(job: usize, j: i32, k: i32, minus: bool): void {
  const n = int(job, 2), low = int(job, 3), ints = int(job, 6);
  for (let t = 0; t < n; t++) {
    const own = 11 + 4 * t, table = pointer(job, own), above = pointer(job, own + 3), a = cellOf(job, own + 1, j, low), b = cellOf(job, own + 1, k, low);
    const s = scratch + <usize>t * SLOT;
    if ((ints >> t) & 1) {
      const p = table + (a << 3), q = table + (b << 3), up = above >> 2;
      const lo = f64x2.replace_lane(f64x2.splat(load<f64>(p)), 1, load<f64>(q));
      const hi = f64x2.replace_lane(f64x2.splat(load<f64>(p + up)), 1, load<f64>(q + up));
      v128.store(scratch + INTS + (<usize>t << 5), lo);
      v128.store(scratch + INTS + (<usize>t << 5), f64x2.sub(hi, lo), 16);
      continue;
    }
    const p = table + (a << 5), q = table + (b << 5);
    unpack2(s, p, q, FR);
    if (!above) continue;
    unpack2(s + HI, p + above, q + above, FR);
    sub2(s + D, s + HI, s);
    if (minus) {
      sub2(s + M, s, s + D);
      carry2(s + M, s + M);
    }
  }
}

/** Lists the factors at a point (0: 0, 1: 1, 2: −1, 3: ∞): those that do not depend on the variable are the same everywhere. How many there are. */
function listAt(job: usize, point: i32): i32 {
  const n = int(job, 2), ints = int(job, 6);
  let m = 0;
  for (let t = 0; t < n; t++) {
    if ((ints >> t) & 1) continue;
    const at = scratch + <usize>t * SLOT, above = int(job, 14 + 4 * t);
    store<u32>(scratch + LIST + (<usize>m << 2), at + (!above || point == 0 ? LO : point == 1 ? HI : point == 2 ? M : D));
    m++;
  }
  return m;
}

/** The product of the integer tables' values at a point. */
function integersAt(job: usize, point: i32): v128 {
  const n = int(job, 2), ints = int(job, 6);
  let product = f64x2.splat(1);
  for (let t = 0; t < n; t++) {
    if (!((ints >> t) & 1)) continue;
    const at = scratch + INTS + (<usize>t << 5), lo = v128.load(at), d = v128.load(at, 16);
    if (!int(job, 14 + 4 * t) || point == 0) product = f64x2.mul(product, lo);
    else product = f64x2.mul(product, point == 1 ? f64x2.add(lo, d) : point == 2 ? f64x2.sub(lo, d) : d);
  }
  return product;
}

// @ts-ignore: decorator
@inline
function listed(k: usize): usize {
  return <usize>load<u32>(scratch + LIST + (k << 2));
}

/** acc += the product of the m listed values, 1 … 4. */
function multiply(acc: usize, m: i32): void {
  const p = scratch + P;
  if (m == 1) return mac2(acc, listed(0), ONE, FR);
  if (m == 2) return mac2(acc, listed(0), listed(1), FR);
  if (m == 3) {
    mul2(p, listed(0), listed(1), FR);
    return mac2(acc, p, listed(2), FR);
  }
  mul4(p, listed(0), listed(1), p + SLOT, listed(2), listed(3), FR);
  mac2(acc, p, p + SLOT, FR);
}

/** acc += an integer times the product of the m listed values, 0 … 4. */
function multiplySmall(acc: usize, v: v128, m: i32): void {
  const p = scratch + P;
  if (m == 0) return macSmall2(acc, v, ONE, FR);
  let at = listed(0);
  for (let k = 1; k < m; k++) {
    mul2(p, at, listed(k), FR);
    at = p;
  }
  macSmall2(acc, v, at, FR);
}

/**
 * Σ over pairs x of eq[x]·Π tables at the asked points of the first variable: bits 0 … 3 of the points ask for 0, 1, −1 and ∞ (the leading
 * coefficient). A table's cell is at high[x >> low bits] + low[x & mask], its partner above it by as many bytes, 0 where the table does not depend on
 * the variable. Arguments: pairs, chunk length, tables (1 … 3), low bits, sums (an accumulator a point and chunk), points, tables of integers (bits; their
 * products are below 2^50), eq (or 0), its high, its low, log2 of a block of pairs on which eq is constant (0: none; the chunk length is a
 * multiple); then for each table: cells, high, low, bytes above (of field elements, also for integers).
 */
export function formRound(job: usize, chunk: i32): void {
  const begin = chunk * int(job, 1), end = min(begin + int(job, 1), int(job, 0)), points = int(job, 5), eq = pointer(job, 7), low = int(job, 3);
  const count = i32.popcnt(points), out = pointer(job, 4) + <usize>(chunk * count) * ACC, block = int(job, 10), minus = (points & 4) != 0;
  for (let k = 0; k < count; k++) clear2(out + <usize>k * ACC);
  let room = 128;
  if (block) {
    const inner = scratch + INNER, size = 1 << block, e = scratch + E, x = scratch + P;
    for (let first = begin; first < end; first += size) {
      for (let k = 0; k < count; k++) clear2(inner + <usize>k * ACC);
      for (let j = first; j < first + size; j += 2) {
        readPairs(job, j, j + 1, minus);
        for (let point = 0, k: usize = 0; point < 4; point++) if ((points >> point) & 1) multiply(inner + k++ * ACC, listAt(job, point));
      }
      const at = eq + (cellOf(job, 8, first, low) << 5);
      unpack2(e, at, at, FR);
      for (let k: usize = 0; k < <usize>count; k++) {
        reduceWide2(x, inner + k * ACC, FR);
        mac2(out + k * ACC, x, e, FR);
      }
      if (--room == 0) {
        room = 128;
        for (let k = 0; k < count; k++) spill2(out + <usize>k * ACC, FR);
      }
    }
    return;
  }
  const small = int(job, 6) != 0;
  for (let j = begin; j < end; j += 2) {
    const k = min(j + 1, end - 1);
    readPairs(job, j, k, minus);
    if (eq) unpack2(scratch + E, eq + (cellOf(job, 8, j, low) << 5), eq + (cellOf(job, 8, k, low) << 5), FR);
    let to = out;
    for (let point = 0; point < 4; point++) {
      if (!((points >> point) & 1)) continue;
      let m = listAt(job, point);
      if (eq) {
        store<u32>(scratch + LIST + (<usize>m << 2), scratch + E);
        m++;
      }
      if (small) multiplySmall(to, integersAt(job, point), m);
      else multiply(to, m);
      to += ACC;
    }
    if (--room == 0) {
      room = 128;
      for (let p = 0; p < count; p++) spill2(out + <usize>p * ACC, FR);
    }
  }
}

/** v[j] += v[j + half]. Arguments: v, half, chunk length. */
export function foldHalves(job: usize, chunk: i32): void {
  const v = pointer(job, 0), half = int(job, 1), begin = chunk * int(job, 2), end = min(begin + int(job, 2), half);
  const x = scratch, y = scratch + SLOT, above = <usize>half << 5;
  for (let j = begin; j < end; j += 2) {
    const a = v + (<usize>j << 5), b = v + (<usize>min(j + 1, end - 1) << 5);
    unpack2(x, a, b, FR);
    unpack2(y, a + above, b + above, FR);
    add2(x, x, y);
    pack2(a, b, x, FR);
  }
}
