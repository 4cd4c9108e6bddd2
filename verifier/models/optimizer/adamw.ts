/**
 * AdamW (decoupled weight decay) on the summed loss's gradient G:
 * m′ = round(β1·m + (1−β1)·G), v′ = round(β2·v + (1−β2)·G²), u = round(m′·2^k / (isqrt(v′) + eps)), θ′ = round(θ·(1 − lr·wd) − c·u).
 *
 * c = lr·√(1−β2^t)/(1−β1^t), the bias-corrected rate, and 1 − lr·wd are public integers per step. eps is scaled to the sum over T
 * tokens and is at least one unit of √v′. |u| is bounded by (1−β1)/√((1−β2)(1−β1²/β2)).
 */
import { multiply, negate, type LayerVar, type TensorRef } from '../builder.ts';
import { stepOfRun, type Net, type State } from '../net.ts';
import type { OptimizerConfig, RateConfig } from '../recipe.ts';
import { domainOf } from '../builder.ts';
import type { Var } from '../../program/types.ts';
import { rateAt } from './rate.ts';
import { trainedState } from './state.ts';

type AdamW = Extract<OptimizerConfig, { kind: 'adamw' }>;

const BETA1_F = 15;
/** So that v′ is rounded by 16 bits, a remainder of one look-up. */
const BETA2_F = 16;

/** β2 as it is applied; the bias correction goes by it too. */
const appliedBeta2 = (o: AdamW): number => Math.round(o.beta2 * 2 ** BETA2_F) / 2 ** BETA2_F;

export const ADAM_RATE_F = 30;
const UPDATE_F = 12;
const VARIANCE_BITS = 48;

/** Bits of u's magnitude: Cauchy–Schwarz on the two moving averages. */
function updateBits(o: AdamW): number {
  const beta2 = appliedBeta2(o);
  if (beta2 >= 1) throw new Error(`recipe.optimizer.beta2: ${o.beta2} is 1 in ${BETA2_F} bits; give at most 1 − 2^-${BETA2_F}`);
  const ratio = (o.beta1 * o.beta1) / beta2;
  if (!(ratio < 1)) throw new Error('recipe.optimizer: beta1² must be less than beta2, or the update has no bound');
  return Math.ceil(Math.log2((1.01 * (1 - o.beta1)) / Math.sqrt((1 - beta2) * (1 - ratio)))) + UPDATE_F + 1;
}

/** Of steps 1 … steps after `done` others; the learning rate starts anew, the bias correction does not. */
export const adamwRates = (o: AdamW, r: RateConfig, steps: number, done = 0): { step: number[]; keep: number[] } => {
  const step: number[] = [];
  const keep: number[] = [];
  for (let t = 1; t <= steps; t++) {
    const lr = rateAt(r, t, steps);
    step.push(Math.round(((lr * Math.sqrt(1 - appliedBeta2(o) ** (done + t))) / (1 - o.beta1 ** (done + t))) * 2 ** ADAM_RATE_F));
    keep.push(2 ** ADAM_RATE_F - Math.round(lr * o.weightDecay * 2 ** ADAM_RATE_F));
  }
  return { step, keep };
};

/** One matrix: reads its gradient, emits its moments and its new value. */
export function adamw(
  net: Net,
  o: AdamW,
  rates: { readonly step: TensorRef; readonly keep: TensorRef },
  name: string,
  axes: readonly (Var | LayerVar)[],
  state: State & { readonly next: TensorRef },
  gradient: TensorRef,
): void {
  const { b, step, recipe } = net;
  const on = [step, ...axes];
  const g = gradient.at(step, ...axes);
  const delivered = recipe.deliver === 'state';
  const m = trainedState(b, `${name}.m`, step, axes, { bits: gradient.tensor.bits, signed: true, f: gradient.f, delivered });
  const beta1 = BigInt(Math.round(o.beta1 * 2 ** BETA1_F));
  b.round(on, m.next, [
    { linear: m.used(...axes).linear.map((t) => ({ coef: t.coef * beta1, view: t.view })), f: gradient.f + BETA1_F },
    { linear: g.linear.map((t) => ({ coef: t.coef * ((1n << BigInt(BETA1_F)) - beta1), view: t.view })), f: gradient.f + BETA1_F },
  ]);

  // v′ needs no look-up of its own: its root, which has one, bounds it.
  const v = trainedState(b, `${name}.v`, step, axes, { bits: VARIANCE_BITS, signed: false, f: 2 * gradient.f, range: 'map', delivered });
  const beta2 = BigInt(appliedBeta2(o) * 2 ** BETA2_F);
  const squared = multiply([], g, g);
  b.round(on, v.next, [
    { linear: v.used(...axes).linear.map((t) => ({ coef: t.coef * beta2, view: t.view })), f: v.next.f + BETA2_F },
    { f: squared.f + BETA2_F, product: { ...squared.product, coef: (1n << BigInt(BETA2_F)) - beta2 } },
  ]);

  const root = b.count(`${name}.root`, on, VARIANCE_BITS / 2, gradient.f);
  const of = { constant: 0n, linear: v.next.at(...on).linear, products: [] };
  b.relations.push({ kind: 'isqrt', on: domainOf(on), out: root.view(...on), of, bits: VARIANCE_BITS / 2 + 1 });

  const update = b.tensor('witness', `${name}.update`, on, { bits: updateBits(o), signed: true, f: UPDATE_F });
  const eps = BigInt(Math.max(1, Math.round(o.eps * recipe.batch * recipe.sequence * 2 ** gradient.f)));
  b.relations.push({
    kind: 'divide',
    on: domainOf(on),
    out: update.view(...on),
    num: { constant: 0n, linear: m.next.at(...on).linear.map((t) => ({ coef: t.coef << BigInt(UPDATE_F), view: t.view })), products: [] },
    den: { constant: eps, linear: root.at(...on).linear, products: [] },
    // 2·(√v′ + eps)
    bits: Math.max(VARIANCE_BITS / 2, eps.toString(2).length) + 2,
    round: true,
  });

  const run = stepOfRun(recipe, step);
  b.round(on, state.next, [
    multiply([], state.used(...axes), rates.keep.at(run)),
    multiply([], negate(update.at(...on)), rates.step.at(run)),
  ]);
}
