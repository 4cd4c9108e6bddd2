/** Scalars in halves, and the points that the upper halves belong to (endomorphism.ts). */
import { pack2, mul2, unpack2 } from './field';
import { FQ, curveScratch, element, int, pointer } from './shared';

const SCALAR: usize = 40;

/** o += a·b modulo 2^(32·length), 32-bit words. */
function addProduct(o: usize, length: i32, a: usize, aWords: i32, b: usize, bWords: i32): void {
  for (let i = 0; i < aWords && i < length; i++) {
    const x = <u64>load<u32>(a + (<usize>i << 2));
    let carry: u64 = 0;
    for (let j = 0; i + j < length && (j < bWords || carry != 0); j++) {
      const at = o + (<usize>(i + j) << 2);
      carry += <u64>load<u32>(at) + (j < bWords ? x * <u64>load<u32>(b + (<usize>j << 2)) : 0);
      store<u32>(at, <u32>carry);
      carry >>= 32;
    }
  }
}

/** The absolute value of x − y, below 2^128, to a scalar; it is negative where x < y, the other way round with `flip`. */
function storeDifference(scalar: usize, x: usize, y: usize, flip: u32): void {
  let borrow: u64 = 0;
  for (let k: usize = 0; k < 32; k += 4) {
    const t = <u64>load<u32>(x + k) - <u64>load<u32>(y + k) - borrow;
    store<u32>(scalar + k, <u32>t);
    borrow = t >> 63;
  }
  const negative = <u32>borrow;
  if (negative) {
    let carry: u64 = 1;
    for (let k: usize = 0; k < 32; k += 4) {
      carry += <u64>load<u32>(scalar + k) ^ 0xffffffff;
      store<u32>(scalar + k, <u32>carry);
      carry >>= 32;
    }
  }
  store<u32>(scalar, 0, 32);
  store<u32>(scalar, negative ^ flip, 36);
}

/**
 * Absolute values m with signs, at i, become k1 there and k2 at count + i, with m = k1 + k2·λ. Arguments: scalars, count, chunk length; words of
 * 2^256·b2/r (3), 2^256·b1/r (5), a1 (2), a2 (4), b1 (4), b2 (2).
 */
export function splitScalars(job: usize, chunk: i32): void {
  const begin = chunk * int(job, 2), end = min(begin + int(job, 2), int(job, 1));
  const g1 = job + 12, g2 = g1 + 12, a1 = g2 + 20, a2 = a1 + 8, b1 = a2 + 16, b2 = b1 + 16;
  const c1 = curveScratch, c2 = c1 + 64, t = c2 + 64, u = t + 32, v = u + 32;
  for (let i = begin; i < end; i++) {
    const scalar = pointer(job, 0) + <usize>i * SCALAR, sign = load<u32>(scalar, 36);
    memory.fill(c1, 0, 224);
    // Half of 2^256: rounds.
    store<u32>(c1, 1 << 31, 28);
    store<u32>(c2, 1 << 31, 28);
    addProduct(c1, 11, scalar, 8, g1, 3);
    addProduct(c2, 13, scalar, 8, g2, 5);
    addProduct(t, 8, c1 + 32, 3, a1, 2);
    addProduct(t, 8, c2 + 32, 5, a2, 4);
    addProduct(u, 8, c1 + 32, 3, b1, 4);
    addProduct(v, 8, c2 + 32, 5, b2, 2);
    storeDifference(scalar + <usize>int(job, 1) * SCALAR, u, v, sign);
    storeDifference(scalar, scalar, t, sign);
  }
}

/** The points (βx, y) of points. Arguments: points, count, chunk length, out; element: β. */
export function endomorphism(job: usize, chunk: i32): void {
  const begin = chunk * int(job, 2), end = min(begin + int(job, 2), int(job, 1)), t = curveScratch, unused = curveScratch + 8256;
  for (let i = begin; i < end; i++) {
    const at = <usize>i << 6, p = pointer(job, 0) + at, o = pointer(job, 3) + at;
    unpack2(t, p, p, FQ);
    mul2(t, t, element(job, 0), FQ);
    pack2(o, unused, t, FQ);
    v128.store(o, v128.load(p, 32), 32);
    v128.store(o, v128.load(p, 48), 48);
  }
}
