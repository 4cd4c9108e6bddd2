/**
 * LayerNorm, y = g·x̂ + β with x̂ = (x − μ)/√(Σ(x − μ)²/d + eps); neither x − μ nor x̂ is committed.
 *
 * μ = round(Σx/d) to two bits more than x; m = round(Σ(x − μ)² + d·eps) in at most 52 bits; R = isqrt(d·2^(f_m + 2·f_R) / m);
 * y = round((x − μ)·R·g + β). Backward, with s₁ = round(Σ g·dy) and s₂ = round(Σ g·dy·x̂) = round(Σ dy·(y − β)):
 * dx = R·g·dy − a − (x − μ)·c (plus the residual's gradient, rounded together), a = round(s₁·R/d), c = round(s₂·R²/d).
 */
import { dyadic, multiply, negate, scaled, type Reading, type Term, type TensorRef } from '../builder.ts';
import { inverseRoot } from './inverse-root.ts';
import { variable, type Net, type RowReading, type Rows } from '../net.ts';
import { bitsOf, type Var } from '../../program/types.ts';

export interface LayerNormForward {
  readonly name: string;
  readonly x: RowReading;
  readonly gain: RowReading;
  readonly bias: RowReading;
  readonly width: Var;
  readonly mean: TensorRef;
  readonly y: TensorRef;
  readonly r: TensorRef;
}

/** Bits of the mean below those of x. */
const MEAN_BITS = 2;
/** A declared width is at most 53 bits. */
const SQUARE_BITS = 52;

const double = (r: Reading): Reading => ({ f: r.f, linear: r.linear.map((t) => ({ coef: 2n * t.coef, view: t.view })) });

/** `rows` are those of the whole norm; `x`, `gain` and `bias` can be read at other rows later, in the backward pass. */
export function layerNorm(net: Net, name: string, rows: Rows, x: RowReading, gain: RowReading, bias: RowReading): LayerNormForward {
  const { b } = net;
  const { width: d, normEps } = net.recipe.model;
  const width = variable('width', d);
  const sum = x(rows, { name: 'Σ', size: d });
  const total: Reading = {
    f: sum.f,
    linear: sum.linear.map((t) => ({
      coef: t.coef,
      view: {
        ...t.view,
        index: t.view.index.map((parts) => parts.map((p) => ('var' in p && p.var === 'Σ' ? { reduce: 'ones' as const, size: d } : p))),
      },
    })),
  };
  const { bits } = b.precision.residual;
  const mean = b.tensor('witness', `${name}.mean`, rows, { bits: bits + MEAN_BITS, signed: true, f: sum.f + MEAN_BITS });
  b.round(rows, mean, [scaled(total, dyadic(1 / d))]);

  const squares: Term[] = [
    multiply([width], x(rows, width), x(rows, width)),
    multiply([], mean.at(...rows), negate(double(total))),
    scaled(multiply([], mean.at(...rows), mean.at(...rows)), { num: BigInt(d), f: 0 }),
  ];
  const squareBits = 2 * (bits + MEAN_BITS) + bitsOf(d) + 1;
  const shift = Math.max(0, squareBits - SQUARE_BITS);
  const m = b.count(`${name}.square`, rows, squareBits - shift, 2 * mean.f - shift);
  // At least 1, so that a row without variance has an inverse norm too.
  const eps = BigInt(Math.max(1, Math.round(d * normEps * 2 ** m.f)));
  b.round(rows, m, squares, { constant: eps });

  const r = inverseRoot(net, name, rows, m);
  const y = b.value(`${name}.y`, [...rows, width], 'activation');
  b.round([...rows, width], y, [
    multiply([], x(rows, width), r.at(...rows), gain(rows, width)),
    multiply([], negate(mean.at(...rows)), r.at(...rows), gain(rows, width)),
    bias(rows, width),
  ]);
  return { name, x, gain, bias, width, mean, y, r };
}

/** Emits dx at `rows` (a range of the forward rows) into `into`, a tensor or the name of a new one; `residual` is added inside the rounding. */
export function layerNormBackward(
  net: Net,
  forward: LayerNormForward,
  rows: Rows,
  dy: TensorRef,
  into: TensorRef | string,
  residual: readonly Reading[],
): TensorRef {
  const { b } = net;
  const { name, x, gain, bias, width, mean, y, r } = forward;
  const g = dy.at(...rows, width);
  const R = r.at(...rows);
  const byWidth = dyadic(1 / net.recipe.model.width);
  const row = (what: string, terms: readonly Term[]): TensorRef => {
    const t = b.value(`${name}.${what}`, rows, 'activationGrad');
    b.round(rows, t, terms);
    return t;
  };
  const s1 = row('sum', [multiply([width], g, gain(rows, width))]);
  const s2 = row('dot', [multiply([width], g, y.at(...rows, width)), multiply([width], g, negate(bias(rows, width)))]);
  const a = row('sum.r', [scaled(multiply([], s1.at(...rows), R), byWidth)]);
  const c = row('dot.r2', [scaled(multiply([], s2.at(...rows), R, R), byWidth)]);
  const dx = typeof into === 'string' ? b.value(into, [...rows, width], 'residualGrad', { key: 'residual.grad' }) : into;
  b.round([...rows, width], dx, [
    multiply([], g, R, gain(rows, width)),
    negate(a.at(...rows)),
    multiply([], negate(x(rows, width)), c.at(...rows)),
    multiply([], mean.at(...rows), c.at(...rows)),
    ...residual,
  ]);
  return dx;
}
