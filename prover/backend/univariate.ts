/** Polynomials of rounds, on the host: coefficients from the values that kernels sum, and values from coefficients. */
import { HALF, R } from '../../verifier/field.ts';

/** Σ c_k t^k. */
export const horner = (c: readonly bigint[], t: bigint): bigint => c.reduceRight((sum, x) => (sum * t + x) % R, 0n);

/** Coefficients of a polynomial of degree 2 from its values at 0, 1, ∞; 3: at 0, 1, −1, ∞. */
export function coefficients(v: readonly bigint[]): bigint[] {
  const [s0, s1, s2, s3] = v as [bigint, bigint, bigint, bigint];
  if (v.length === 3) return [s0, s1 - s0 - s2, s2];
  return [s0, (s1 - s2) * HALF - s3, (s1 + s2) * HALF - s0, s3];
}
