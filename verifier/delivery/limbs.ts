/**
 * The delivered state in a proof (proof.md §3.7): every state-out tensor of range `limbs` is committed once more, as limbs of 16 bits in rows of 256
 * columns, a polynomial of its own; the rows' commitments are what `adapterRoot` hashes and what a complaint (complaint.ts) opens.
 *
 * States: on the tensor's domain Σ 2^(16i)·limb_i = tensor, and every limb, pads included, is an integer of 16 bits: the top limb of a tensor of w bits
 * has w − 16·(count − 1) bits and the tensor's sign, those below are unsigned. So limbs are those of the state, and every row can be encoded.
 * Layout: a limb has the tensor's axes, each filled up to a power of two, and one before them where that makes less than a row; so it owns whole
 * rows, and a row holds low limbs or top limbs of one tensor. Rows that hold pads alone are not committed, as everywhere.
 */
import { mod } from '../field.ts';
import type { Equality, Leaf } from '../program/lower.ts';
import { bitsOf, tensorBits, type Program, type Tensor, type View } from '../program/types.ts';

/** Name of the limbs' polynomial, and the beginning of theirs. */
export const DELIVERY = 'delivery';
/** log2 of the columns of a delivered row. */
export const DELIVERY_COLUMNS = 8;
export const LIMB_BITS = 16;

/** A limb of a state-out tensor, 0 the lowest. */
export interface DeliveredLimb {
  readonly state: Tensor;
  readonly index: number;
  /** The limb itself: all its cells count, for its sizes are powers of two. */
  readonly tensor: Tensor;
}

/** Limbs of a program, tensors in order, lowest first. Empty if it delivers nothing. */
export const deliveredLimbs = ({ tensors }: Pick<Program, 'tensors'>): DeliveredLimb[] =>
  tensors.filter((t) => t.range === 'limbs').flatMap(limbsOf);

function limbsOf(state: Tensor): DeliveredLimb[] {
  const count = Math.ceil(state.bits / LIMB_BITS);
  const lead = leadBits(state);
  const own = state.axes.map(({ name, size }) => ({ name, size: 2 ** bitsOf(size) }));
  const axes = lead === 0 ? own : [{ name: 'row', size: 2 ** lead }, ...own];
  return Array.from({ length: count }, (_, index): DeliveredLimb => {
    const top = index === count - 1;
    const name = `${DELIVERY}:${state.name}/limb${index}`;
    const bits = top ? state.bits - LIMB_BITS * index : LIMB_BITS;
    return { state, index, tensor: { name, poly: DELIVERY, axes, bits, signed: top && state.signed, f: 0, range: 'leaf' } };
  });
}

/** Address bits that a tensor lacks to a row. */
const leadBits = (state: Tensor): number => Math.max(0, DELIVERY_COLUMNS - tensorBits(state));

/** What is proven of the limbs: a range look-up of every cell, and one equality a tensor, on its own domain. */
export function lowerLimbs(limbs: readonly DeliveredLimb[]): { readonly leaves: Leaf[]; readonly equalities: Equality[] } {
  const leaves = limbs.map(({ tensor }): Leaf => {
    const vars = tensor.axes.map((a, i) => ({ name: `${a.name}#${i}`, size: a.size }));
    const view: View = { tensor: tensor.name, index: vars.map((v) => [{ var: v.name }]) };
    const add = tensor.signed ? 1n << BigInt(tensor.bits - 1) : 0n;
    const value = { constant: add, linear: [{ coef: 1n, view }], products: [] };
    const source = { kind: 'tensor', tensor: tensor.name, add } as const;
    return { name: `range:${tensor.name}`, id: tensor.bits, on: { vars }, values: [value], source, limbs: 0 };
  });
  const equalities = [...new Set(limbs.map((l) => l.state))].map((state): Equality => {
    const vars = state.axes.map((a, i) => ({ name: `${a.name}#${i}`, size: a.size }));
    const own = vars.map((v) => [{ var: v.name }]);
    const lead = leadBits(state);
    const inRow = lead === 0 ? own : [[{ at: 0, bits: lead }], ...own];
    const sum = limbs
      .filter((l) => l.state === state)
      .map((l) => ({ coef: 1n << BigInt(LIMB_BITS * l.index), view: { tensor: l.tensor.name, index: inRow } }));
    const linear = [...sum, { coef: mod(-1n), view: { tensor: state.name, index: own } }];
    return { name: `${DELIVERY}:${state.name}`, on: { vars }, expr: { constant: 0n, linear, products: [] } };
  });
  return { leaves, equalities };
}
