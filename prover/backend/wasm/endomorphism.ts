/**
 * BN254's endomorphism (x, y) → (βx, y), which is multiplication by λ, and the short vectors that split a scalar m into k1 + k2·λ of half its bits.
 * Source: R. Gallant, R. Lambert, S. Vanstone, "Faster point multiplication on elliptic curves with efficient endomorphisms" (2001).
 */
import { power, Q, R } from '../../../verifier/field.ts';

/** Cube roots of unity that belong together: λ modulo r, β modulo q. */
export const LAMBDA = power(7n, (R - 1n) / 3n);
export const BETA = power(7n, (Q - 1n) / 3n, Q);

/** (a1, −b1) and (a2, b2), all positive, with a1 − b1·λ = a2 + b2·λ = 0 modulo r: the remainders of Euclid's algorithm around √r. */
function shortVectors(): { a1: bigint; b1: bigint; a2: bigint; b2: bigint } {
  let [r0, r1, t0, t1] = [R, LAMBDA, 0n, 1n];
  while (r1 * r1 > R) {
    const quotient = r0 / r1;
    [r0, r1] = [r1, r0 - quotient * r1];
    [t0, t1] = [t1, t0 - quotient * t1];
  }
  return { a1: r1, b1: t1, a2: r0, b2: -t0 };
}

const { a1, b1, a2, b2 } = shortVectors();
const fraction = (x: bigint): bigint => ((x << 256n) + R / 2n) / R;

/**
 * What the kernel reads, as numbers and their 32-bit words: with c1 = ⌊m·b2/r⌉ and c2 = ⌊m·b1/r⌉, k1 = m − c1·a1 − c2·a2 and k2 = c1·b1 − c2·b2,
 * both below 2^126 for m < r/2.
 */
export const SPLIT: readonly { readonly value: bigint; readonly words: number }[] = [
  { value: fraction(b2), words: 3 },
  { value: fraction(b1), words: 5 },
  { value: a1, words: 2 },
  { value: a2, words: 4 },
  { value: b1, words: 4 },
  { value: b2, words: 2 },
];
export const SPLIT_BITS = 126;
