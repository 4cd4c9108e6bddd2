/** Rows of delivered limbs (verifier/delivery/cells.ts): made from a state, and put together again. */
import { InputError } from '../../verifier/input.ts';
import type { Content } from '../../verifier/cards.ts';
import { cellsOf, deliveredCells, namesBefore } from '../../verifier/delivery/cells.ts';
import { LIMB_BITS, type DeliveredLimb } from '../../verifier/delivery/limbs.ts';
import { ROW_LIMBS, type PlainRow } from '../../verifier/delivery/row.ts';
import type { Compiled, Placed } from '../../verifier/program/compile.ts';
import { bitsOf, tensorBits } from '../../verifier/program/types.ts';
import { polyOfRole, scatter } from '../../verifier/public-content.ts';
import { cellArray } from '../../verifier/words.ts';

const LIMB = 2 ** LIMB_BITS;

/** The delivered rows of a state, in the order of the tree: one blind each. */
export function rowsOfState(c: Compiled, state: Content, blinds: readonly bigint[]): PlainRow[] {
  const cells = deliveredCells(c, state);
  const { rows } = polyOfRole(c, 'delivery');
  if (blinds.length !== rows.length) throw new RangeError(`${blinds.length} blinds for ${rows.length} rows`);
  return rows.map((row, i) => ({
    limbs: Array.from(cells.subarray(row * ROW_LIMBS, (row + 1) * ROW_LIMBS)),
    blind: blinds[i] as bigint,
  }));
}

/** By committed row: the limb whose cells it holds. */
export function limbsOfRows(c: Compiled): readonly DeliveredLimb[] {
  const { rows, tensors } = polyOfRole(c, 'delivery');
  return rows.map((row) => {
    const at = tensors.findIndex(({ offset, bits }) => row * ROW_LIMBS >= offset && row * ROW_LIMBS < offset + 2 ** bits);
    return c.delivered[at] as DeliveredLimb;
  });
}

/**
 * The delivered tensors that rows hold, under the names of a state-in, as `exportAdapter` and a run's stored states have them. Takes the rows in the
 * order of the tree, and pads behind them. Errors: a number of rows other than the program's, values outside a tensor's width.
 */
export function stateOfRows(c: Compiled, rows: readonly PlainRow[], source = 'delivery'): Content {
  const poly = polyOfRole(c, 'delivery');
  const refuse = (field: string, what: string): never => {
    throw new InputError(source, field, what, 'these are not the rows of this bounty');
  };
  if (rows.length !== poly.rows.length && rows.length !== 2 ** bitsOf(poly.rows.length))
    refuse('rows', `are ${rows.length}, the program has ${poly.rows.length}`);
  const cells = new Int32Array(2 ** poly.bits);
  poly.rows.forEach((row, i) => cells.set((rows[i] as PlainRow).limbs, row * ROW_LIMBS));
  const names = namesBefore(c);
  const content: Record<string, Content[string]> = {};
  for (const state of new Set(c.delivered.map((l) => l.state))) {
    const sizes = state.axes.map((a) => a.size);
    const values = new Float64Array(cellsOf(state));
    // By cell of a limb's block: one more than its index in the dense tensor, 0 at pads.
    const numbers = new Float64Array(2 ** tensorBits(state));
    scatter(
      values.map((_, i) => i + 1),
      sizes,
      numbers,
      0,
    );
    for (const [k, limb] of c.delivered.entries()) {
      if (limb.state !== state) continue;
      const { offset } = poly.tensors[k] as Placed;
      const unit = LIMB ** limb.index;
      numbers.forEach((n, at) => {
        if (n > 0) values[n - 1] = (values[n - 1] as number) + unit * (cells[offset + at] as number);
      });
    }
    const [lo, hi] = state.signed ? [-(2 ** (state.bits - 1)), 2 ** (state.bits - 1)] : [0, 2 ** state.bits];
    const wrong = values.findIndex((v) => !(v >= lo && v < hi));
    if (wrong >= 0) refuse(`${state.name}[${wrong}]`, `is ${values[wrong]}, outside its ${state.bits} bits`);
    const out = new (cellArray(state))(values.length);
    out.set(values);
    content[names.get(state.name) as string] = out;
  }
  return content;
}
