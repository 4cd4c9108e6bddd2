/** Limbs of delivered tensors (limbs.ts), cut from a state and laid out in rows. */
import type { Content } from '../cards.ts';
import type { Compiled, Placed } from '../program/compile.ts';
import type { Tensor } from '../program/types.ts';
import { placeContent, polyOfRole, scatter, type Cells } from '../public-content.ts';
import { LIMB_BITS } from './limbs.ts';

const LIMB = 2 ** LIMB_BITS;

/** Cells of a tensor. */
export const cellsOf = (t: Tensor): number => t.axes.reduce((n, a) => n * a.size, 1);

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
export function namesBefore(c: Compiled): ReadonlyMap<string, string> {
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
