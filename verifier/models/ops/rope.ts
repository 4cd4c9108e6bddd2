/**
 * Rotary position embedding, pairing component e with e + headWidth/2 (the hub's "rotate half"):
 * (a, b) → (a·cos − b·sin, b·cos + a·sin). Backward is the inverse rotation, sin negated.
 */
import { multiply, negate, type Index, type LayerVar, type TensorRef } from '../builder.ts';
import type { Net } from '../net.ts';
import type { Var } from '../../program/types.ts';

export interface RopeTables {
  readonly cos: TensorRef;
  readonly sin: TensorRef;
}

export const ROPE_F = 14;

/**
 * Rotates `x` into `out`, both [step, layer, token, width]; `heads` are the parts of the width axis above the half.
 * `direction` −1 undoes the rotation.
 */
export function rope(
  net: Net,
  tables: RopeTables,
  l: LayerVar,
  heads: readonly Var[],
  pair: Var,
  x: TensorRef,
  out: TensorRef,
  direction: 1 | -1,
): void {
  const { b, step, batch, position } = net;
  const at = (half: 0 | 1): Index[] => [step, l, [batch, position], [...heads, { at: half, bits: 1 }, pair]];
  const on = [step, l, batch, position, ...heads, pair];
  const cos = tables.cos.at(position, pair);
  const sin = direction === 1 ? tables.sin.at(position, pair) : negate(tables.sin.at(position, pair));
  const low = x.at(...at(0));
  const high = x.at(...at(1));
  b.round(on, out, [multiply([], low, cos), multiply([], negate(high), sin)], { index: at(0) });
  b.round(on, out, [multiply([], high, cos), multiply([], low, sin)], { index: at(1) });
}
