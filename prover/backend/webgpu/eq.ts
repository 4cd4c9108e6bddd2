/** The table of scale·eq(point, ·), most significant bit first: an outer product of a pair of weights a coordinate. */
import { mod } from '../../../verifier/field.ts';
import type { OuterTerm } from './outer.ts';

export const eqTerm = (point: readonly bigint[], scale: bigint): OuterTerm => ({
  offset: 0,
  dims: point.map((x) => [mod(1n - x), x]),
  bits: point.map(() => 1),
  scale,
  causal: undefined,
});
