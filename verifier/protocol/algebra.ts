/** Small algebra over the recordable machine: eq polynomials, interpolation, restricted sums. Points are most significant bit first. */
import { inverse } from '../field.ts';
import type { Felt, Machine } from './machine.ts';

export const sumOf = (o: Machine, xs: readonly Felt[]): Felt => xs.reduce((z, x) => o.add(z, x), o.felt(0n));

/** 1, x, …, x^(count−1). */
export function powers(o: Machine, x: Felt, count: number): Felt[] {
  const out: Felt[] = [];
  let p = o.felt(1n);
  for (let i = 0; i < count; i++) {
    out.push(p);
    p = o.mul(p, x);
  }
  return out;
}

const oneMinus = (o: Machine, x: Felt): Felt => o.sub(o.felt(1n), x);

/** a + t·(b − a). */
export const interpolate = (o: Machine, a: Felt, b: Felt, t: Felt): Felt => o.add(a, o.mul(t, o.sub(b, a)));

/** eq(a, b) = Π (a_k b_k + (1 − a_k)(1 − b_k)). */
export function eq(o: Machine, a: readonly Felt[], b: readonly Felt[]): Felt {
  let z = o.felt(1n);
  a.forEach((x, k) => {
    const y = b[k] as Felt;
    const xy = o.mul(x, y);
    z = o.mul(z, o.add(o.sub(oneMinus(o, x), y), o.add(xy, xy)));
  });
  return z;
}

/** eq(a, index) for a constant index of a.length bits. */
export function eqIndex(o: Machine, a: readonly Felt[], index: number): Felt {
  let z = o.felt(1n);
  a.forEach((x, k) => {
    z = o.mul(z, bitAt(index, a.length - 1 - k) ? x : oneMinus(o, x));
  });
  return z;
}

const bitAt = (n: number, k: number): boolean => Math.floor(n / 2 ** k) % 2 === 1;

/** The low `count` bits of an index. */
export const indexBits = (o: Machine, index: number, count: number): Felt[] =>
  Array.from({ length: count }, (_, k) => o.felt(bitAt(index, count - 1 - k) ? 1n : 0n));

/** eq(a, y) for y = 0 … 2^a.length − 1. */
export function eqTable(o: Machine, a: readonly Felt[]): Felt[] {
  let t = [o.felt(1n)];
  for (const x of a) {
    t = t.flatMap((v) => {
      const high = o.mul(v, x);
      return [o.sub(v, high), high];
    });
  }
  return t;
}

/** Σ_{y < size} Π_k (y_k ? one[k] : zero[k]), by the prefixes of `size`: 2·bits products. */
export function restrictedProduct(o: Machine, zero: readonly Felt[], one: readonly Felt[], size: number): Felt {
  const n = zero.length;
  if (size >= 2 ** n) return zero.reduce((z, x, k) => o.mul(z, o.add(x, one[k] as Felt)), o.felt(1n));
  const suffix: Felt[] = [o.felt(1n)];
  for (let k = n - 1; k > 0; k--) suffix.push(o.mul(suffix[suffix.length - 1] as Felt, o.add(zero[k] as Felt, one[k] as Felt)));
  let total = o.felt(0n);
  let prefix = o.felt(1n);
  for (let k = 0; k < n; k++) {
    if (bitAt(size, n - 1 - k)) {
      total = o.add(total, o.mul(o.mul(prefix, zero[k] as Felt), suffix[n - 1 - k] as Felt));
      prefix = o.mul(prefix, one[k] as Felt);
    } else prefix = o.mul(prefix, zero[k] as Felt);
  }
  return total;
}

/** Σ_{y < size} eq(a, y). */
export function ones(o: Machine, a: readonly Felt[], size: number): Felt {
  if (size >= 2 ** a.length) return o.felt(1n);
  const zero = a.map((x) => oneMinus(o, x));
  return restrictedProduct(o, zero, a, size);
}

/** Σ_{y < size} eq(a, y)·eq(b, y). */
export function restrictedEq(o: Machine, a: readonly Felt[], b: readonly Felt[], size: number): Felt {
  if (size >= 2 ** a.length) return eq(o, a, b);
  const one = a.map((x, k) => o.mul(x, b[k] as Felt));
  const zero = a.map((x, k) => o.mul(oneMinus(o, x), oneMinus(o, b[k] as Felt)));
  return restrictedProduct(o, zero, one, size);
}

/** Σ_{y < 2^n} y·eq(a, y) = Σ_k 2^(n−1−k)·a_k. */
export const indexValue = (o: Machine, a: readonly Felt[]): Felt =>
  sumOf(
    o,
    a.map((x, k) => o.mul(x, o.felt(1n << BigInt(a.length - 1 - k)))),
  );

/** 1/k at k, up to the highest degree of a sumcheck. */
const INVERSES = [0n, 1n, 2n, 3n, 4n].map(inverse);

/** The polynomial of degree < values.length with value values[i] at i, at x: Newton's Σ_k Δ^k(0)·x(x − 1)…(x − k + 1)/k!, from the inside out. */
export function extrapolate(o: Machine, values: readonly Felt[], x: Felt): Felt {
  const differences = [...values];
  for (let k = 1; k < values.length; k++)
    for (let i = values.length - 1; i >= k; i--) differences[i] = o.sub(differences[i] as Felt, differences[i - 1] as Felt);
  return differences.reduceRight((inner, difference, k) => {
    const factor = k === 0 ? x : o.mul(o.sub(x, o.felt(BigInt(k))), o.felt(INVERSES[k + 1] as bigint));
    return o.add(difference, o.mul(factor, inner));
  });
}
