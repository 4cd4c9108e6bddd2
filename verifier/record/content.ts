/**
 * The value of a public polynomial at a recorded point, its content being constants of the code: Σ_y content[y]·Π_d eq(ρ_d, y_d), innermost axis
 * first. One MULADD a cell that is not 0; so the code, and with it the key, knows the content, and its size bounds what can be recorded.
 */
import type { DenseTensors } from '../evaluate.ts';
import type { PolyLayout } from '../program/compile.ts';
import { bitsOf } from '../program/types.ts';
import { eqIndex, eqTable, sumOf } from '../protocol/algebra.ts';
import type { Felt, Machine } from '../protocol/machine.ts';
import { RecordError } from './tape.ts';

/** Most cells of public content that are recorded: the trace keeps 64 bytes for each. */
export const MAX_CONTENT_CELLS = 2 ** 22;

const cellsOf = (poly: PolyLayout): number => poly.tensors.reduce((n, { tensor }) => n + tensor.axes.reduce((m, a) => m * a.size, 1), 0);

/** f(ρ), ρ in address order. */
export function recordContent(o: Machine, poly: PolyLayout, content: DenseTensors, rho: readonly Felt[]): Felt {
  if (cellsOf(poly) > MAX_CONTENT_CELLS)
    throw new RecordError(
      `${poly.name} has ${cellsOf(poly)} public cells, of which at most ${MAX_CONTENT_CELLS} can be recorded; ` +
        'commit to them in a hidden card, or let attesters judge',
    );
  const constants = new Map<number, Felt>();
  const constant = (v: number): Felt => {
    let known = constants.get(v);
    if (known === undefined) constants.set(v, (known = o.felt(BigInt(v))));
    return known;
  };
  return sumOf(
    o,
    poly.tensors.map(({ tensor, offset, bits }) => {
      const values = Object.hasOwn(content, tensor.name) ? content[tensor.name] : undefined;
      if (values?.length !== tensor.axes.reduce((n, a) => n * a.size, 1))
        throw new RecordError(`the content of ${poly.name} is missing or of another size: ${tensor.name}`);
      let at = poly.bits - bits;
      const scale = eqIndex(o, rho.slice(0, at), offset / 2 ** bits);
      const weights = tensor.axes.map(({ size }) => eqTable(o, rho.slice(at, (at += bitsOf(size)))).slice(0, size));
      let next = 0;
      const over = (d: number): Felt => {
        if (d === weights.length) return constant(values[next++] as number);
        let sum = o.felt(0n);
        for (const w of weights[d] as readonly Felt[]) sum = o.add(sum, o.mul(w, over(d + 1)));
        return sum;
      };
      return o.mul(scale, over(0));
    }),
  );
}
