/** Integers modulo r, the order of BN254 G1: canonical bigints in [0, r). */

/** Order of BN254 G1 and modulus of the scalar field F. */
export const R = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;
/** Modulus of the coordinates of BN254 G1. */
export const Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583n;

/** The representative of x in [0, r). */
export const mod = (x: bigint): bigint => {
  const y = x % R;
  return y < 0n ? y + R : y;
};

/** base^exponent modulo r (or another modulus), base and exponent >= 0. */
export function power(base: bigint, exponent: bigint, modulus = R): bigint {
  let result = 1n;
  let b = base;
  for (let e = exponent; e > 0n; e >>= 1n) {
    if (e & 1n) result = (result * b) % modulus;
    b = (b * b) % modulus;
  }
  return result;
}

/** 1 / x mod r; x must not be 0. */
export const inverse = (x: bigint): bigint => power(mod(x), R - 2n);

/** 1/2 mod r. */
export const HALF = (R + 1n) / 2n;
