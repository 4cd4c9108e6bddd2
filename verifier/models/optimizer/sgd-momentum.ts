/**
 * SGD with momentum on the summed loss's gradient G: m′ = round(μ·m) + G, θ′ = round(θ − (lr/T)·m′).
 *
 * lr/T is a public integer of at most 16 bits per step, at an exponent common to all steps.
 */
import { multiply, negate, type LayerVar, type TensorRef } from '../builder.ts';
import { stepOfRun, type Net, type State } from '../net.ts';
import type { OptimizerConfig, RateConfig } from '../recipe.ts';
import type { Var } from '../../program/types.ts';
import { rateAt } from './rate.ts';
import { trainedState } from './state.ts';

type Momentum = Extract<OptimizerConfig, { kind: 'momentum' }>;

const MOMENTUM_F = 15;

export const momentumRates = (r: RateConfig, steps: number, tokens: number): { f: number; step: number[] } => {
  const rates = Array.from({ length: steps }, (_, i) => rateAt(r, i + 1, steps) / tokens);
  const top = Math.max(...rates);
  let f = 0;
  while (top * 2 ** (f + 1) < 2 ** 15) f++;
  return { f, step: rates.map((x) => Math.round(x * 2 ** f)) };
};

/** One matrix: reads its gradient, emits its momentum and its new value. */
export function sgdMomentum(
  net: Net,
  o: Momentum,
  rate: TensorRef,
  name: string,
  axes: readonly (Var | LayerVar)[],
  state: State & { readonly next: TensorRef },
  gradient: TensorRef,
): void {
  const { b, step, recipe } = net;
  const on = [step, ...axes];
  // The sum of all gradients, each at the calibrated bound, grows by 1/(1 − μ).
  const bits = gradient.tensor.bits + Math.ceil(Math.log2(1 / (1 - o.momentum)));
  const m = trainedState(b, `${name}.m`, step, axes, { bits, signed: true, f: gradient.f, delivered: recipe.deliver === 'state' });
  const mu = BigInt(Math.round(o.momentum * 2 ** MOMENTUM_F));
  b.round(on, m.next, [
    { linear: m.used(...axes).linear.map((t) => ({ coef: t.coef * mu, view: t.view })), f: gradient.f + MOMENTUM_F },
    gradient.at(step, ...axes),
  ]);
  const change = multiply([], negate(m.next.at(...on)), rate.at(stepOfRun(recipe, step)));
  b.round(on, state.next, [state.used(...axes), change]);
}
