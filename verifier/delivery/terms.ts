/** What terms say of a delivery, against what the program commits to: nobody can judge or hand over rows that the proof does not speak of. */
import { isOnCurve } from '../curve.ts';
import { InputError } from '../input.ts';
import type { Compiled } from '../program/compile.ts';
import { bitsOf } from '../program/types.ts';
import { rowCount } from '../protocol/transition.ts';
import type { Terms } from '../statement.ts';

/** Whether terms ask for a delivery. */
export const delivers = ({ deliveryKey: { x, y } }: Pick<Terms, 'deliveryKey'>): boolean => x !== 0n || y !== 0n;

/** Depth of the trees of rows; 0 without delivery. */
export const deliveryDepth = (c: Compiled): number => bitsOf(Math.max(1, rowCount(c, 'delivery')));

/** Throws InputError where terms and program differ. */
export function checkDelivery(terms: Pick<Terms, 'deliveryKey' | 'deliveryDepth' | 'fullState'>, c: Compiled): void {
  const refuse = (field: string, what: string): never => {
    throw new InputError('bounty.json', `terms.${field}`, what, 'refuse the bounty');
  };
  const [asked, proven] = [delivers(terms), c.delivered.length > 0];
  if (asked && !proven) refuse('deliveryKey', 'asks for a delivery, the program commits to no rows for it');
  if (!asked && proven) refuse('deliveryKey', 'is none, though the program commits to rows for a delivery');
  if (asked && !isOnCurve(terms.deliveryKey)) refuse('deliveryKey', 'is no point of the curve');
  const depth = deliveryDepth(c);
  if (terms.deliveryDepth !== depth) refuse('deliveryDepth', `is ${terms.deliveryDepth}, the program's rows take ${depth}`);
  const state = c.polys.find((p) => p.role === 'stateOut')?.tensors ?? [];
  const kept = asked && terms.fullState && state.find(({ tensor }) => tensor.range !== 'limbs');
  if (kept) refuse('fullState', `asks for the whole state, the program does not deliver ${kept.tensor.name}`);
}
