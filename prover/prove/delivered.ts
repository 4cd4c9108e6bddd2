/** Limbs of delivered tensors (verifier/delivery/limbs.ts): cut from a state, laid out in rows, and put together again. */
import { InputError } from '../../verifier/input.ts';
import type { Content } from '../../verifier/cards.ts';
import { LIMB_BITS, type DeliveredLimb } from '../../verifier/delivery/limbs.ts';
import { ROW_LIMBS, type PlainRow } from '../../verifier/delivery/row.ts';
import type { Compiled, Placed } from '../../verifier/program/compile.ts';
import { bitsOf, tensorBits, type Tensor } from '../../verifier/program/types.ts';
import { placeContent, polyOfRole, scatter, type Cells } from '../../verifier/public-content.ts';
import { cellArray } from '../../verifier/words.ts';

const LIMB = 2 ** LIMB_BITS;

const cellsOf = (t: Tensor): number => t.axes.reduce((n, a) => n * a.size, 1);

/** Limb `index` of the values of `state`, dense, in the limb's own shape; pads are 0. */
export function deliveredLimb(tensor: Tensor, state: Tensor, index: number, values: ArrayLike<number>): Int32Array {
  const count = Math.ceil(state.bits / LIMB_BITS);
  const unit = LIMB ** index;
  const own = new Int32Array(values.length);
  for (let i = 0; i < own.length; i++) {
    const high = Math.floor((values[i] as number) / unit);
    own[i] = index === count - 1 ? high : high - Math.floor(high / LIMB) * LIMB;
  }
  const out = new Int32Array(cellsOf(tensor));
  scatter(
    own,
    state.axes.map((a) => a.size),
    out,
    0,
  );
  return out;
}

/** Names of the state before a proof by those of the state after it. */
function namesBefore(c: Compiled): ReadonlyMap<string, string> {
  const into = polyOfRole(c, 'stateIn').tensors;
  return new Map(polyOfRole(c, 'stateOut').tensors.map(({ tensor }, i) => [tensor.name, (into[i] as Placed).tensor.name]));
}

/** Cells of the limbs' polynomial for a state under the names of a state-in, as a run stores it. */
export function deliveredCells(c: Compiled, state: Content): Cells {
  const names = namesBefore(c);
  const limbs = c.delivered.map(
    (l) => [l.tensor.name, deliveredLimb(l.tensor, l.state, l.index, state[names.get(l.state.name) as string] as Cells)] as const,
  );
  return placeContent(polyOfRole(c, 'delivery'), Object.fromEntries(limbs));
}

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
