/**
 * GPT-2's feed-forward block: h = gelu(a), a = round(x·W_fc + b), in the tanh form ("gelu_new"); one look-up gives (a, gelu, gelu′).
 *
 * Backward: dh = round(dz·W_projᵀ) is committed; da = dh·gelu′ is not, its readers take it as two factors.
 */
import { expression, type LayerVar, type Reading, type TensorRef } from '../builder.ts';
import { variable, type Net, type Rows } from '../net.ts';
import { gradientOf, linearBackward, type Factors, type LinearBackward, type LinearForward, type LinearInput } from './linear.ts';
import type { Var } from '../../program/types.ts';

export const GELU_TABLE = 66;

export interface GeluForward {
  readonly fc: LinearForward;
  readonly down: LinearForward;
  readonly slope: TensorRef;
}

/** Declared widths of the activation and its derivative (which lies in [−0.2, 1.2]), for inputs of the declared width at exponent `inF`. */
export const activationBits = (bits: number, inF: number, outF: number): { value: number; slope: number } => ({
  // One bit more, for rounding may carry the largest value up to the power of two.
  value: Math.max(2, bits + outF - inF + 1),
  slope: outF + 2,
});

/** `y` is the normalised input, [step, l, token, width]. */
export function geluBlock(
  net: Net,
  layers: LayerVar,
  y: TensorRef,
  width: Var,
  linear: (which: 'fc' | 'down', input: LinearInput, out: Var) => LinearForward,
): GeluForward {
  const { b, step, token, recipe } = net;
  const inner = variable('ffn', recipe.model.ffn);
  const all = [step, layers, token, inner];
  const fc = linear('fc', { over: width, factors: (r: Rows): Factors => [y.at(...r, width)] }, inner);
  const a = b.value(`${fc.name}.out`, all, 'gate', { range: 'map' });
  b.round(all, a, fc.terms(layers));
  const f = b.precision.siluF;
  const bits = activationBits(a.tensor.bits, a.f, f);
  const value = b.tensor('witness', 'gelu', all, { bits: bits.value, signed: true, f, range: 'map' });
  const slope = b.tensor('witness', 'gelu.slope', all, { bits: bits.slope, signed: true, f, range: 'map' });
  b.relations.push({
    kind: 'map',
    on: { vars: [step, layers.layer, token, inner] },
    table: GELU_TABLE,
    x: expression([a.at(...all)]).expr,
    out: value.view(...all),
    out2: slope.view(...all),
  });
  const down = linear('down', { over: inner, factors: (r) => [value.at(...r, inner)] }, variable('out', recipe.model.width));
  return { fc, down, slope };
}

/** `dz` reads the block's output gradient at [step, l, token, out]; the input's gradient is wanted in the layers `floor`. */
export function geluBackward(
  net: Net,
  forward: GeluForward,
  floor: LayerVar | null,
  dz: (l: LayerVar) => Reading,
): { readonly fc: LinearBackward | null; readonly down: LinearBackward } {
  const { b, step, token } = net;
  const down = linearBackward(
    net,
    forward.down,
    gradientOf(net, forward.down, (l) => [dz(l)]),
  );
  if (!floor) return { fc: null, down };
  const inner = forward.fc.out;
  const dh = b.value('grad.hidden', [step, floor, token, inner], 'activationGrad');
  b.round([step, floor, token, inner], dh, down.input(floor));
  const da = gradientOf(net, forward.fc, (l) => [dh.at(step, l, token, inner), forward.slope.at(step, l, token, inner)]);
  const fc = linearBackward(net, forward.fc, da);
  return { fc, down };
}
