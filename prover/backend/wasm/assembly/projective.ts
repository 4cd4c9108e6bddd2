/**
 * Sums Σ 2^i·P_i by doubling and adding in homogeneous coordinates, two sums at a time in the lanes, with formulas that know no special cases.
 * Source: J. Renes, C. Costello, L. Batina, "Complete addition formulas for prime order elliptic curves" (2016), algorithms 8 and 9 for a = 0.
 */
import { FQ, copy2, curveScratch, element, int, pointer, thread } from './shared';
import { ONE, canonicalPoint, invert2, isInfinity, normal, zeroLanes } from './curve';
import { add2, mul2, mul4, pack2, sub2, unpack2 } from './field';

/** Limbs of this file's own, behind what the additions of curve.ts use. */
const BASE: usize = 9152;
/** Bytes of a pair of sums that wait for their common inversion: X, Y, Z, and the product of the Z before it. */
const WAITING: usize = 320;

// Packing takes values within 3·p. A product of factors a·p and b·p is within (0.38·a·b + 1)·p, so that sums of two products of normal factors,
// or of one and a normal value, can be packed.

/** o = a + b, normal. */
function plus(o: usize, a: usize, b: usize): void {
  add2(o, a, b);
  normal(o, o);
}

/** o = a − b, normal. */
function minus(o: usize, a: usize, b: usize): void {
  sub2(o, a, b);
  normal(o, o);
}

/** (X, Y, Z) at p, normal, becomes its double. `eight` and `nine` are those numbers in Montgomery form. */
function double(p: usize, eight: usize, nine: usize): void {
  const s = curveScratch + BASE + 64, x = p, y = p + 80, z = p + 160;
  const t0 = s, t1 = s + 80, t2 = s + 160, t3 = s + 240, x3 = s + 320, y3 = s + 400, z3 = s + 480;
  mul4(t0, y, y, t1, y, z, FQ);
  mul4(t2, z, z, t3, x, y, FQ);
  mul4(z3, t0, eight, t2, t2, nine, FQ);
  normal(z3, z3);
  mul4(x3, t2, z3, z3, t1, z3, FQ);
  plus(y3, t0, t2);
  plus(t1, t2, t2);
  plus(t2, t1, t2);
  minus(t0, t0, t2);
  mul4(y3, t0, y3, t3, t0, t3, FQ);
  normal(t3, t3);
  plus(x, t3, t3);
  plus(y, x3, y3);
  normal(z, z3);
}

/** (X, Y, Z) at p, normal, plus the affine points a and a2 in its lanes; lanes where they are infinity stay. */
function addMixed(p: usize, a: usize, a2: usize, nine: usize): void {
  const none = (isInfinity(a) ? 1 : 0) | (isInfinity(a2) ? 2 : 0);
  if (none == 3) return;
  const s = curveScratch + BASE + 64, x1 = p, y1 = p + 80, z1 = p + 160;
  const t0 = s, t1 = s + 80, t2 = s + 160, t3 = s + 240, t4 = s + 320, t5 = s + 400, x2 = s + 480, y2 = s + 560;
  const x3 = s + 640, y3 = s + 720, z3 = s + 800;
  unpack2(x2, a, a2, FQ);
  unpack2(y2, a + 32, a2 + 32, FQ);
  mul4(t0, x1, x2, t1, y1, y2, FQ);
  plus(t3, x2, y2);
  plus(t4, x1, y1);
  mul4(t3, t3, t4, t4, y2, z1, FQ);
  mul4(y3, x2, z1, t2, nine, z1, FQ);
  plus(t5, t0, t1);
  minus(t3, t3, t5);
  plus(t4, t4, y1);
  plus(y3, y3, x1);
  plus(t5, t0, t0);
  plus(t0, t5, t0);
  plus(z3, t1, t2);
  minus(t1, t1, t2);
  mul2(y3, nine, y3, FQ);
  mul4(x3, t4, y3, t2, t3, t1, FQ);
  mul4(y3, y3, t0, t1, t1, z3, FQ);
  mul4(t0, t0, t3, z3, z3, t4, FQ);
  minus(x3, t2, x3);
  plus(y3, t1, y3);
  plus(z3, z3, t0);
  for (let j: usize = 0; j < 240; j += 8) {
    const lane = j & 8 ? 2 : 1;
    if (!(none & lane)) store<f64>(p + j, load<f64>(x3 + j));
  }
}

/**
 * Result r is Σ over its splits s and positions i of 2^(step·i)·P[r][s][i]. Arguments: points (zeros are infinity), results, positions, splits, step, out, results a
 * chunk (even), work space, bytes of it a thread (320 for two results of a chunk), bytes from a result to the next, from a split to the next; elements 8
 * and 9. Results are canonical affine points in Montgomery form, or 64 zero bytes.
 */
export function hornerPoints(job: usize, chunk: i32): void {
  const results = int(job, 1), positions = int(job, 2), splits = int(job, 3), step = int(job, 4), out = pointer(job, 5);
  const begin = chunk * int(job, 6), end = min(begin + int(job, 6), results);
  const waiting = pointer(job, 7) + <usize>thread * pointer(job, 8), resultStride = pointer(job, 9), splitStride = pointer(job, 10);
  const run = curveScratch + BASE + 1024, eight = element(job, 0), nine = element(job, 1);
  copy2(run, ONE);
  let w = waiting;
  for (let r = begin; r < end; r += 2) {
    const first = pointer(job, 0) + <usize>r * resultStride, second = pointer(job, 0) + <usize>min(r + 1, end - 1) * resultStride;
    memory.fill(w, 0, 240);
    copy2(w + 80, ONE);
    normal(w + 80, w + 80);
    for (let i = positions - 1; i >= 0; i--) {
      if (i < positions - 1) for (let k = 0; k < step; k++) double(w, eight, nine);
      for (let k = 0; k < splits; k++) {
        const at = <usize>k * splitStride + (<usize>i << 6);
        addMixed(w, first + at, second + at, nine);
      }
    }
    // Infinity, whose Z is 0, takes part in the inversion as 1.
    const none = zeroLanes(w + 160);
    if (none & 1) leaveOut(w, 0);
    if (none & 2) leaveOut(w, 8);
    copy2(w + 240, run);
    mul2(run, run, w + 160, FQ);
    normal(run, run);
    w += WAITING;
  }
  invert2(run);
  normal(run, run);
  const t = curveScratch + BASE + 64, y = t + 80, dump = t + 160;
  for (let r = begin + ((end - begin - 1) & ~1); r >= begin; r -= 2) {
    w -= WAITING;
    mul2(t, run, w + 240, FQ);
    mul2(run, run, w + 160, FQ);
    normal(run, run);
    mul2(y, w + 80, t, FQ);
    mul2(t, w, t, FQ);
    const o = out + (<usize>r << 6), o2 = r + 1 < end ? o + 64 : dump;
    pack2(o, o2, t, FQ);
    pack2(o + 32, o2 + 32, y, FQ);
    canonicalPoint(o);
    canonicalPoint(o2);
  }
}

/** A lane of a sum that is infinity: X = Y = 0, Z = 1. */
function leaveOut(w: usize, lane: usize): void {
  for (let j: usize = lane; j < 80; j += 16) {
    store<f64>(w + j, 0);
    store<f64>(w + 80 + j, 0);
    store<f64>(w + 160 + j, load<f64>(ONE + j));
  }
}
