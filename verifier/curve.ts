/** BN254 G1: y² = x³ + 3 over F_q, in affine coordinates; `null` is the point at infinity. */
import { bn254 } from '@noble/curves/bn254.js';
import { Q, R, mod } from './field.ts';

/** A finite point, coordinates in [0, q). */
export interface Affine {
  readonly x: bigint;
  readonly y: bigint;
}

const Point = bn254.G1.Point;
type NoblePoint = InstanceType<typeof Point>;

const toNoble = (p: Affine | null): NoblePoint => (p === null ? Point.ZERO : Point.fromAffine({ x: p.x, y: p.y }));
const fromNoble = (p: NoblePoint): Affine | null => (p.is0() ? null : p.toAffine());

/** Coordinates in range and on the curve. Every point of the curve is in G1: the cofactor is 1. */
export const isOnCurve = (p: Affine): boolean =>
  p.x >= 0n && p.x < Q && p.y >= 0n && p.y < Q && (p.y * p.y - p.x * p.x * p.x - 3n) % Q === 0n;

/** Total addition. */
export const add = (a: Affine | null, b: Affine | null): Affine | null => fromNoble(toNoble(a).add(toNoble(b)));

/** scalar · p, any scalar. */
export function multiply(p: Affine | null, scalar: bigint): Affine | null {
  const s = mod(scalar);
  return p === null || s === 0n ? null : fromNoble(toNoble(p).multiplyUnsafe(s));
}

/** Equality of points. */
export const same = (a: Affine | null, b: Affine | null): boolean => (a === null || b === null ? a === b : a.x === b.x && a.y === b.y);

/**
 * Σ scalars[i]·points[i] by Pippenger's buckets over noble's projective points. Scalars are taken mod r with the least absolute value, so
 * that small signed ones cost only the windows they need. Plain on purpose: this is the verifier's multi-exponentiation.
 */
export function msm(scalars: readonly bigint[], points: readonly (Affine | null)[]): Affine | null {
  if (scalars.length !== points.length) throw new Error(`msm: ${scalars.length} scalars for ${points.length} points`);
  const ks: bigint[] = [];
  const ps: NoblePoint[] = [];
  let most = 0n;
  scalars.forEach((s, i) => {
    const k = mod(s);
    const p = points[i] as Affine | null;
    if (k === 0n || p === null) return;
    const negative = k > R / 2n;
    ks.push(negative ? R - k : k);
    ps.push(negative ? toNoble(p).negate() : toNoble(p));
    if ((ks[ks.length - 1] as bigint) > most) most = ks[ks.length - 1] as bigint;
  });
  if (ks.length === 0) return null;
  const width = Math.max(3, Math.floor(Math.log2(ks.length)) - 1);
  const mask = (1 << width) - 1;
  let total = Point.ZERO;
  for (let w = Math.ceil(most.toString(2).length / width) - 1; w >= 0; w--) {
    for (let i = 0; i < width; i++) total = total.double();
    const buckets: NoblePoint[] = new Array(mask).fill(Point.ZERO);
    const shift = BigInt(w * width);
    for (let i = 0; i < ks.length; i++) {
      const digit = Number(((ks[i] as bigint) >> shift) & BigInt(mask));
      if (digit) buckets[digit - 1] = (buckets[digit - 1] as NoblePoint).add(ps[i] as NoblePoint);
    }
    let running = Point.ZERO;
    for (let d = mask - 1; d >= 0; d--) {
      running = running.add(buckets[d] as NoblePoint);
      total = total.add(running);
    }
  }
  return fromNoble(total);
}
