/**
 * f(ρ) of a public polynomial from its dense tensors. Weights are cut into ten limbs of 26 bits, cells into parts of 16, so that sums of 2^11 products
 * are exact in doubles.
 */
import { mod } from './field.ts';
import type { PolyLayout } from './program/compile.ts';
import { bitsOf } from './program/types.ts';
import { eqIndex, eqTable } from './protocol/algebra.ts';
import { fromFelts, RunMachine, toFelts, VerificationError } from './protocol/machine.ts';

/** Dense tensors by name: row-major over the axes' sizes, no pads. */
export type DenseTensors = Readonly<Record<string, ArrayLike<number>>>;

const BITS = 26n;
const LIMBS = 10;
const PART = 2 ** 16;
const TERMS = 2 ** 11;

const o = new RunMachine();

/** Σ limbs[from + k] · values[k]: five limbs at a time, so that their sums stay in registers. */
function dot(limbs: readonly Float64Array[], values: Float64Array, from: number, count: number): bigint {
  let total = 0n;
  for (let l = 0; l < LIMBS; l += 5) {
    const [a, b, c, d, e] = limbs.slice(l) as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
    let [s, t, u, v, w] = [0, 0, 0, 0, 0];
    for (let k = 0, i = from; k < count; k++, i++) {
      const x = values[k] as number;
      s += x * (a[i] as number);
      t += x * (b[i] as number);
      u += x * (c[i] as number);
      v += x * (d[i] as number);
      w += x * (e[i] as number);
    }
    total += [s, t, u, v, w].reduceRight((z, sum) => (z << BITS) + BigInt(sum), 0n) << (BITS * BigInt(l));
  }
  return total;
}

/** Σ_y values[y]·Π_d weights[d][y_d] over a dense array, row-major. */
export function weightedSum(values: ArrayLike<number>, weights: readonly (readonly bigint[])[]): bigint {
  const cells = ArrayBuffer.isView(values) ? (values as unknown as Float64Array) : Float64Array.from(values);
  const last = weights.at(-1) ?? [1n];
  const limbs = Array.from({ length: LIMBS }, (_, l) =>
    Float64Array.from(last, (w) => Number(BigInt.asUintN(26, w >> (BITS * BigInt(l))))),
  );
  const [cut, part] = [new Float64Array(TERMS), new Float64Array(TERMS)];
  let at = 0;
  const row = (): bigint => {
    let sum = 0n;
    for (let from = 0; from < last.length; from += TERMS) {
      const count = Math.min(TERMS, last.length - from);
      cut.set(cells.subarray(at, (at += count)));
      if (cells.BYTES_PER_ELEMENT <= 2) sum += dot(limbs, cut, from, count);
      else
        for (let shift = 0; shift < 8 * cells.BYTES_PER_ELEMENT; shift += 16) {
          for (let k = 0; k < count; k++) {
            const rest = Math.trunc((cut[k] as number) / PART);
            part[k] = (cut[k] as number) - PART * rest;
            cut[k] = rest;
          }
          sum += dot(limbs, part, from, count) << BigInt(shift);
        }
    }
    return sum;
  };
  const over = (d: number): bigint =>
    d >= weights.length - 1 ? row() : mod((weights[d] as readonly bigint[]).reduce((z, w) => z + w * over(d + 1), 0n));
  return mod(over(0));
}

/**
 * f(ρ) as Σ scale·Σ_y values[y]·Π_d weights[d][y_d] over the tensors of f, ρ in address order. Throws VerificationError where a tensor's values are
 * missing or too few or many.
 */
export const evaluationTerms = (poly: PolyLayout, content: DenseTensors, rho: readonly bigint[]) =>
  poly.tensors.map(({ tensor, offset, bits }) => {
    const values = Object.hasOwn(content, tensor.name) ? content[tensor.name] : undefined;
    if (values?.length !== tensor.axes.reduce((n, a) => n * a.size, 1))
      throw new VerificationError(`the content of ${poly.name} is missing or of another size: ${tensor.name}`);
    let at = poly.bits - bits;
    const point = toFelts(rho);
    const [scale] = fromFelts([eqIndex(o, point.slice(0, at), offset / 2 ** bits)]) as [bigint];
    const weights = tensor.axes.map(({ size }) => fromFelts(eqTable(o, point.slice(at, (at += bitsOf(size)))).slice(0, size)));
    return { scale, values, weights };
  });
