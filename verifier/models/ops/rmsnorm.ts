/**
 * RMSNorm, y = g·x·r with r = (Σx²/d + eps)^-½; the normalised x·r is never committed.
 *
 * m = Σx² + d·eps exactly, r = isqrt(d·4^(f+fr) / m), y = round(x·r·g).
 * Backward: t = Σ dy·y, c = t·r²/d per row, dx = r·g·dy − x·c (plus the residual's gradient, rounded together);
 * dg = Σ dy·x·r where base weights are trained.
 */
import { dyadic, multiply, negate, scaled, type Reading, type Term, type TensorRef } from '../builder.ts';
import { inverseRoot } from './inverse-root.ts';
import { variable, type Net, type RowReading, type Rows } from '../net.ts';
import { bitsOf, type Var } from '../../program/types.ts';

export interface NormForward {
  readonly name: string;
  readonly x: RowReading;
  readonly gain: RowReading;
  readonly width: Var;
  readonly y: TensorRef;
  readonly r: TensorRef;
}

/** `rows` are those of the whole norm; `x` and `gain` can be read at other rows later, in the backward pass. */
export function rmsNorm(net: Net, name: string, rows: Rows, x: RowReading, gain: RowReading): NormForward {
  const { b } = net;
  const { width: d, normEps } = net.recipe.model;
  const width = variable('width', d);
  const f = x(rows, width).f;
  const residualBits = b.precision.residual.bits;
  const m = b.count(`${name}.square`, rows, 2 * residualBits - 2 + bitsOf(d) + 1, 2 * f);
  // At least 1, so that an all-zero row has an inverse norm too.
  const eps = BigInt(Math.max(1, Math.round(d * normEps * 2 ** (2 * f))));
  b.equal(rows, m, [multiply([width], x(rows, width), x(rows, width))], eps);

  const r = inverseRoot(net, name, rows, m);
  const y = b.value(`${name}.y`, [...rows, width], 'activation');
  b.round([...rows, width], y, [multiply([], x(rows, width), r.at(...rows), gain(rows, width))]);
  return { name, x, gain, width, y, r };
}

/** Emits dx at `rows` (a range of the forward rows) into `into`, a tensor or the name of a new one; `residual` is added inside the rounding. */
export function rmsNormBackward(
  net: Net,
  forward: NormForward,
  rows: Rows,
  dy: TensorRef,
  into: TensorRef | string,
  residual: readonly Reading[],
): TensorRef {
  const { b } = net;
  const { name, x, gain, width, y, r } = forward;
  const t = b.value(`${name}.dot`, rows, 'activationGrad');
  b.round(rows, t, [multiply([width], dy.at(...rows, width), y.at(...rows, width))]);
  const c = b.value(`${name}.dot.r2`, rows, 'activationGrad');
  b.round(rows, c, [scaled(multiply([], t.at(...rows), r.at(...rows), r.at(...rows)), dyadic(1 / net.recipe.model.width))]);
  const dx = typeof into === 'string' ? b.value(into, [...rows, width], 'residualGrad', { key: 'residual.grad' }) : into;
  const terms: Term[] = [
    multiply([], dy.at(...rows, width), r.at(...rows), gain(rows, width)),
    multiply([], negate(x(rows, width)), c.at(...rows)),
    ...residual,
  ];
  b.round([...rows, width], dx, terms);
  return dx;
}

/** The gain's gradient at [step, (layer,) width]; float walks only. */
export function rmsNormGain(net: Net, forward: NormForward, rows: Rows, dy: TensorRef, weightName: string): void {
  const { b, token } = net;
  const kept = rows.filter((v) => v !== token);
  const grad = b.value(`grad.${weightName}`, [...kept, forward.width], 'adapterGrad');
  b.round([...kept, forward.width], grad, [
    multiply([token], dy.at(...rows, forward.width), forward.x(rows, forward.width), forward.r.at(...rows)),
  ]);
}
