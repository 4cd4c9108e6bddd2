/**
 * Rotary position embedding, pairing component e with e + headWidth/2 (the hub's "rotate half"):
 * (a, b) → (a·cos − b·sin, b·cos + a·sin). Backward is the transpose, sin negated.
 *
 * Scores are divided by √headWidth. Its power of two is exact; where a factor √2 is left, the queries' tables hold √½·cos and √½·sin,
 * so that no coefficient of its own lengthens the scores' remainders.
 */
import { multiply, negate, type Index, type LayerVar, type TensorRef } from '../builder.ts';
import type { Net } from '../net.ts';
import type { Var } from '../../program/types.ts';

export interface Rotation {
  readonly cos: TensorRef;
  readonly sin: TensorRef;
}

export interface RopeTables {
  readonly query: Rotation;
  readonly key: Rotation;
}

/** 1/√headWidth = 2^−shift, times √½ in the queries' tables if `half`. */
export const scoreScale = (headWidth: number): { shift: number; half: boolean } => {
  const bits = Math.log2(headWidth);
  return { shift: Math.floor(bits / 2), half: bits % 2 === 1 };
};

export const ROPE_F = 14;

/**
 * Rotates `x` into `out`, both [step, layer, token, width]; `heads` are the parts of the width axis above the half.
 * `direction` −1 applies the transpose.
 */
export function rope(
  net: Net,
  rotation: Rotation,
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
  const cos = rotation.cos.at(position, pair);
  const sin = direction === 1 ? rotation.sin.at(position, pair) : negate(rotation.sin.at(position, pair));
  const low = x.at(...at(0));
  const high = x.at(...at(1));
  b.round(on, out, [multiply([], low, cos), multiply([], negate(high), sin)], { index: at(0) });
  b.round(on, out, [multiply([], high, cos), multiply([], low, sin)], { index: at(1) });
}
