/**
 * SwiGLU block: h = silu(gate)·up, never committed; the down projection reads it as a product of two factors.
 *
 * One look-up gives (gate, silu, silu′). Backward: dh = dz·W_down, d up = dh·silu, d gate = dh·up·silu′.
 */
import { expression, multiply, type LayerVar, type Reading, type TensorRef } from '../builder.ts';
import { variable, type Net, type Rows } from '../net.ts';
import type { Var } from '../../program/types.ts';
import { activationBits } from './gelu.ts';
import { gradientOf, linearBackward, llamaLinear, type Factors, type LinearBackward, type LinearForward } from './linear.ts';

export const SILU_TABLE = 65;

export interface SwigluForward {
  readonly gate: LinearForward;
  readonly up: LinearForward;
  readonly down: LinearForward;
  readonly ups: TensorRef;
  readonly silu: TensorRef;
  readonly slope: TensorRef;
}

/** `y` is the normalised input, [step, l, token, width]. */
export function swiglu(net: Net, layers: LayerVar, y: TensorRef, width: Var): SwigluForward {
  const { b, step, token } = net;
  const inner = variable('ffn', net.recipe.model.ffn);
  const rows: Rows = [step, layers, token];
  const input = { over: width, factors: (r: Rows): Factors => [y.at(...r, width)] };
  const gate = llamaLinear(net, 'gate_proj', input, inner);
  const up = llamaLinear(net, 'up_proj', input, inner);
  const gates = b.value('gate_proj.out', [...rows, inner], 'gate', { range: 'map' });
  b.round([...rows, inner], gates, gate.terms(layers));
  const ups = b.value('up_proj.out', [...rows, inner], 'activation');
  b.round([...rows, inner], ups, up.terms(layers));

  const f = b.precision.siluF;
  const bits = activationBits(gates.tensor.bits, gates.f, f);
  const silu = b.tensor('witness', 'silu', [...rows, inner], { bits: bits.value, signed: true, f, range: 'map' });
  const slope = b.tensor('witness', 'silu.slope', [...rows, inner], { bits: bits.slope, signed: true, f, range: 'map' });
  b.relations.push({
    kind: 'map',
    on: { vars: [step, layers.layer, token, inner] },
    table: SILU_TABLE,
    x: expression([gates.at(...rows, inner)]).expr,
    out: silu.view(...rows, inner),
    out2: slope.view(...rows, inner),
  });
  const down = llamaLinear(
    net,
    'down_proj',
    { over: inner, factors: (r) => [silu.at(...r, inner), ups.at(...r, inner)] },
    variable('out', net.recipe.model.width),
  );
  return { gate, up, down, ups, silu, slope };
}

export interface SwigluBackward {
  readonly gate: LinearBackward | null;
  readonly up: LinearBackward | null;
  readonly down: LinearBackward;
}

/** `dz` reads the block's output gradient at [step, l, token, out]; gate and up are wanted in the layers `floor`. */
export function swigluBackward(net: Net, forward: SwigluForward, floor: LayerVar | null, dz: (l: LayerVar) => Reading): SwigluBackward {
  const { b, step, token } = net;
  const down = linearBackward(
    net,
    forward.down,
    gradientOf(net, forward.down, (l) => [dz(l)]),
  );
  if (!floor) return { gate: null, up: null, down };
  const inner = forward.up.out;
  const rows: Rows = [step, floor, token];
  const dh = b.value('grad.hidden', [...rows, inner], 'activationGrad');
  b.round([...rows, inner], dh, down.input(floor));
  const du = b.value('grad.up_proj.out', [...rows, inner], 'activationGrad');
  b.round([...rows, inner], du, [multiply([], dh.at(...rows, inner), forward.silu.at(...rows, inner))]);
  const dg = b.value('grad.gate_proj.out', [...rows, inner], 'activationGrad');
  b.round([...rows, inner], dg, [multiply([], dh.at(...rows, inner), forward.ups.at(...rows, inner), forward.slope.at(...rows, inner))]);
  const gate = linearBackward(
    net,
    forward.gate,
    gradientOf(net, forward.gate, (l) => [dg.at(step, l, token, inner)]),
  );
  const up = linearBackward(
    net,
    forward.up,
    gradientOf(net, forward.up, (l) => [du.at(step, l, token, inner)]),
  );
  return { gate, up, down };
}
