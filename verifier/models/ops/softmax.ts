/**
 * Softmax over the last index of a row: e = table(max − s), S = Σe, R = floor(2^k / S). The same look-up marks where max − s = 0, and a count of
 * the marks shows that the maximum is attained; it also bounds s, which has no look-up of its own. Probabilities are e·R; `probabilities` commits
 * them, rounded. A reader that multiplies them by public or committed values and rounds once needs no such tensor.
 *
 * Exponentials are 15-bit fractions, so e <= 2^15 and P <= 2^15; entries off a causal domain are exactly 0. The table covers
 * every difference of two scores of the declared width, so nothing is clamped.
 */
import { add, type Builder, domainOf, expression, multiply, negate, type LayerVar, type TensorRef } from '../builder.ts';
import type { Net } from '../net.ts';
import { bitsOf, type Var } from '../../program/types.ts';

export const PROBABILITY_F = 15;
export const EXP_TABLE = 64;

/** All scores, of attention and of the head, share one exponent and so one table. */
export const SCORE_KEY = 'score';

type Indices = readonly (Var | LayerVar)[];

/**
 * A tensor of scores. The class's width is that of a row's maximum and of differences to it, which the table covers: scores themselves have
 * two bits more.
 */
export const scoreTensor = (b: Builder, name: string, axes: Indices, causal?: readonly [number, number]): TensorRef =>
  b.value(name, axes, 'score', { key: SCORE_KEY, bits: b.precision.score.bits + 2, range: 'map', ...(causal ? { causal } : {}) });

export interface Softmax {
  readonly scores: TensorRef;
  readonly max: TensorRef;
  readonly sum: TensorRef;
  readonly exponentials: TensorRef;
  readonly reciprocal: TensorRef;
}

/** Tensor option: the causal pair of the row variable `causal` and the last index. */
const causalPair = (all: Indices, causal?: string): { causal?: readonly [number, number] } =>
  causal === undefined ? {} : { causal: [domainOf(all).vars.findIndex((v) => v.name === causal), all.length - 1] };

/** `rows` and `over` index the scores; with `causal`, `over` runs up to the row variable of that name. R is computed to 2^-k. */
export function softmax(net: Net, name: string, rows: Indices, over: Var, scores: TensorRef, k: number, causal?: string): Softmax {
  const { b } = net;
  const all = [...rows, over];
  const options = causalPair(all, causal);
  const on = domainOf(all, causal === undefined ? undefined : [causal, over.name]);
  const { bits } = b.precision.score;

  const max = b.tensor('witness', `${name}.max`, rows, { bits, signed: true, f: scores.f });
  b.relations.push({ kind: 'rowmax', on, over: over.name, out: max.view(...rows), of: scores.view(...all), bits: scores.tensor.bits + 1 });

  const e = b.count(`${name}.exp`, all, PROBABILITY_F + 1, PROBABILITY_F, { ...options, range: 'map' });
  const mark = b.count(`${name}.top`, all, 1, 0, { ...options, range: 'map' });
  const distance = add(max.at(...rows), negate(scores.at(...all)));
  b.relations.push({ kind: 'map', on, table: EXP_TABLE, x: expression([distance]).expr, out: e.view(...all), out2: mark.view(...all) });
  const marks = b.count(`${name}.ties`, rows, bitsOf(over.size), 0);
  b.equal(rows, marks, [mark.at(...rows, [{ reduce: 'ones', size: over.size }])], -1n);

  const sum = b.count(`${name}.sum`, rows, PROBABILITY_F + 1 + bitsOf(over.size), PROBABILITY_F);
  b.equal(rows, sum, [e.at(...rows, [{ reduce: 'ones', size: over.size }])]);

  // S >= 2^15, for the row's maximum counts 2^15: so R <= 2^(k − 15).
  const reciprocal = b.count(`${name}.reciprocal`, rows, k - PROBABILITY_F + 1, k - PROBABILITY_F);
  b.relations.push({
    kind: 'divide',
    on: domainOf(rows),
    out: reciprocal.view(...rows),
    num: { constant: 1n << BigInt(k), linear: [], products: [] },
    den: { constant: 0n, linear: sum.at(...rows).linear, products: [] },
    bits: sum.tensor.bits,
    round: false,
  });

  return { scores, max, sum, exponentials: e, reciprocal };
}

/** P = round(e·R), committed. */
export function probabilities(net: Net, name: string, rows: Indices, over: Var, soft: Softmax, causal?: string): TensorRef {
  const { b } = net;
  const all = [...rows, over];
  const P = b.count(`${name}.probability`, all, PROBABILITY_F + 1, PROBABILITY_F, causalPair(all, causal));
  const product = multiply([], soft.exponentials.at(...all), soft.reciprocal.at(...rows));
  b.round(all, P, [product], causal === undefined ? {} : { causal: [causal, over.name] });
  return P;
}
