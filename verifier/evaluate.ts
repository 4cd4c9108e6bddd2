/**
 * f(ρ) of a public polynomial from its dense tensors. Weights are cut into ten limbs of 26 bits, cells into parts of 16, so that sums of 2^11 products
 * are exact in doubles.
 */
import { mod, R } from './field.ts';
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

/** Σ limbs · v over the first `count` entries: five limbs at a time, so that their sums stay in registers. */
function dot(limbs: readonly Float64Array[], values: Float64Array, count: number): bigint {
  let total = 0n;
  for (let l = 0; l < LIMBS; l += 5) {
    const [a, b, c, d, e] = limbs.slice(l) as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
    let [s, t, u, v, w] = [0, 0, 0, 0, 0];
    for (let k = 0; k < count; k++) {
      const x = values[k] as number;
      s += x * (a[k] as number);
      t += x * (b[k] as number);
      u += x * (c[k] as number);
      v += x * (d[k] as number);
      w += x * (e[k] as number);
    }
    total += [s, t, u, v, w].reduceRight((z, sum) => (z << BITS) + BigInt(sum), 0n) << (BITS * BigInt(l));
  }
  return total;
}

/** Σ_y values[y]·Π_d weights[d][y_d] over a dense array, row-major. */
export function weightedSum(values: ArrayLike<number>, weights: readonly (readonly bigint[])[]): bigint {
  const cells = ArrayBuffer.isView(values) ? (values as unknown as Float64Array) : Float64Array.from(values);
  const last = weights.at(-1) ?? [1n];
  const rows = weights.slice(0, -1).reduce((all, own) => all.flatMap((x) => own.map((y) => (x * y) % R)), [1n]);
  const [row, part] = [new Float64Array(TERMS), new Float64Array(TERMS)];
  let total = 0n;
  for (let from = 0; from < last.length; from += TERMS) {
    const own = last.slice(from, from + TERMS);
    const limbs = Array.from({ length: LIMBS }, (_, l) =>
      Float64Array.from(own, (w) => Number(BigInt.asUintN(26, w >> (BITS * BigInt(l))))),
    );
    rows.forEach((weight, r) => {
      const at = r * last.length + from;
      row.set(cells.subarray(at, at + own.length));
      if (cells.BYTES_PER_ELEMENT <= 2) total += weight * dot(limbs, row, own.length);
      else
        for (let scale = 1n; scale < 1n << BigInt(8 * cells.BYTES_PER_ELEMENT); scale <<= 16n) {
          for (let k = 0; k < own.length; k++) {
            const rest = Math.trunc((row[k] as number) / PART);
            part[k] = (row[k] as number) - PART * rest;
            row[k] = rest;
          }
          total += weight * scale * dot(limbs, part, own.length);
        }
    });
  }
  return mod(total);
}

/**
 * f(ρ) as Σ scale·Σ_y values[y]·Π_d weights[d][y_d] over the tensors of f, ρ in address order. Throws VerificationError where a tensor's values are
 * missing or too few or many.
 */
export const evaluationTerms = (poly: PolyLayout, content: DenseTensors, rho: readonly bigint[]) =>
  poly.tensors.map(({ tensor, offset, bits }) => {
    const values = content[tensor.name];
    if (values?.length !== tensor.axes.reduce((n, a) => n * a.size, 1))
      throw new VerificationError(`the content of ${poly.name} is missing or of another size: ${tensor.name}`);
    let at = poly.bits - bits;
    const point = toFelts(rho);
    const [scale] = fromFelts([eqIndex(o, point.slice(0, at), offset / 2 ** bits)]) as [bigint];
    const weights = tensor.axes.map(({ size }) => fromFelts(eqTable(o, point.slice(at, (at += bitsOf(size)))).slice(0, size)));
    return { scale, values, weights };
  });
