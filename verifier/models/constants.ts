/**
 * Content of a program's public constants. It is computed once, when a bounty is made, and stored with the program: exponentials
 * and cosines are not the same to the last bit on every machine, so nobody computes them again to verify.
 */
import { adamwRates } from './optimizer/adamw.ts';
import { momentumRates } from './optimizer/sgd-momentum.ts';
import { ROPE_F } from './ops/rope.ts';
import { PROBABILITY_F } from './ops/softmax.ts';
import type { Recipe } from './recipe.ts';

export type Constants = Readonly<Record<string, readonly number[] | Int32Array | Float64Array>>;

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** round(2^15·exp(−x/2^f)) for x = 0 … 2^bits − 1. */
export const expTable = (bits: number, f: number): Int32Array =>
  Int32Array.from({ length: 2 ** bits }, (_, x) => Math.round(2 ** PROBABILITY_F * Math.exp(-x / 2 ** f)));

/** silu and its derivative at 2^outF, for x = −2^(bits−1) … at 2^inF. */
export function siluTables(bits: number, inF: number, outF: number): { silu: Int32Array; slope: Int32Array } {
  const x = (i: number): number => (i - 2 ** (bits - 1)) / 2 ** inF;
  const length = 2 ** bits;
  return {
    silu: Int32Array.from({ length }, (_, i) => Math.round(x(i) * sigmoid(x(i)) * 2 ** outF)),
    slope: Int32Array.from({ length }, (_, i) => Math.round(sigmoid(x(i)) * (1 + x(i) * (1 - sigmoid(x(i)))) * 2 ** outF)),
  };
}

/** cos and sin of position·theta^(−2e/headWidth), times `factor`, at 2^14, [position, pair]. */
export function ropeTables(sequence: number, headWidth: number, theta: number, factor: number): { cos: Int32Array; sin: Int32Array } {
  const pairs = headWidth / 2;
  const angle = (i: number): number => Math.floor(i / pairs) * theta ** (-(i % pairs) / pairs);
  const length = sequence * pairs;
  return {
    cos: Int32Array.from({ length }, (_, i) => Math.round(factor * Math.cos(angle(i)) * 2 ** ROPE_F)),
    sin: Int32Array.from({ length }, (_, i) => Math.round(factor * Math.sin(angle(i)) * 2 ** ROPE_F)),
  };
}

/** Rates per step of the run; the exponent of the momentum's rate is the program's. */
export function rateTables(recipe: Recipe): { step: number[]; keep: number[] | null; f: number | null } {
  if (recipe.optimizer.kind === 'adamw') return { ...adamwRates(recipe.optimizer, recipe.rate, recipe.steps), f: null };
  const rates = momentumRates(recipe.rate, recipe.steps, recipe.batch * recipe.sequence);
  return { step: rates.step, keep: null, f: rates.f };
}
