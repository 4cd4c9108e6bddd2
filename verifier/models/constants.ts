/**
 * Content of a program's public constants. It is computed once, when a bounty is made, and stored with the program: exponentials
 * and cosines are not the same to the last bit on every machine, so nobody computes them again to verify.
 */
import { functions } from './functions.ts';
import { variable, type Net } from './net.ts';
import { activationBits } from './ops/gelu.ts';
import { adamwRates } from './optimizer/adamw.ts';
import { momentumRates } from './optimizer/sgd-momentum.ts';
import { ROPE_F } from './ops/rope.ts';
import { EXP_TABLE, PROBABILITY_F, SCORE_KEY } from './ops/softmax.ts';
import type { Recipe } from './recipe.ts';

export type Constants = Readonly<Record<string, readonly number[] | Int32Array | Float64Array>>;

/** round(2^15·exp(−x/2^f)) for x = 0 … 2^bits − 1. */
const expTable = (bits: number, f: number): Int32Array =>
  Int32Array.from({ length: 2 ** bits }, (_, x) => Math.round(2 ** PROBABILITY_F * Math.exp(-x / 2 ** f)));

/** An activation and its derivative at 2^outF, for x = −2^(bits−1) … at 2^inF. */
export function activationTables(
  kind: 'silu' | 'gelu',
  bits: number,
  inF: number,
  outF: number,
): { readonly value: Int32Array; readonly slope: Int32Array } {
  const [f, slope] = [functions[kind], functions[`${kind}-derivative`]];
  const x = (i: number): number => (i - 2 ** (bits - 1)) / 2 ** inF;
  const length = 2 ** bits;
  return {
    value: Int32Array.from({ length }, (_, i) => Math.round(f(x(i)) * 2 ** outF)),
    slope: Int32Array.from({ length }, (_, i) => Math.round(slope(x(i)) * 2 ** outF)),
  };
}

/** Declares the table of exponentials, and of marks of 0, that all scores share. */
export function expConstants({ b }: Net, content: Record<string, Constants[string]>): void {
  const { bits } = b.precision.score;
  const f = b.exponent(SCORE_KEY);
  const size = 2 ** bits;
  const column = (name: string, values: Int32Array, width: number, fOut: number): string => {
    content[name] = values;
    b.tensor('constants', name, [variable('entry', size)], { bits: width, signed: false, f: fOut });
    return name;
  };
  b.tables.push({
    id: EXP_TABLE,
    name: 'exp',
    lo: 0,
    size,
    y: column('table.exp', expTable(bits, f), PROBABILITY_F + 1, PROBABILITY_F),
    y2: column(
      'table.exp.top',
      Int32Array.from({ length: size }, (_, x) => (x === 0 ? 1 : 0)),
      1,
      0,
    ),
    fn: { name: 'exp-neg', fIn: f, fOut: PROBABILITY_F },
    fn2: { name: 'table', fIn: 0, fOut: 0 },
  });
}

/** Declares the table of an activation over the values of the tensors with scale `key`. */
export function activationConstants(
  net: Net,
  kind: 'silu' | 'gelu',
  id: number,
  key: string,
  content: Record<string, Constants[string]>,
): void {
  const { b } = net;
  const { gate, siluF } = b.precision;
  const inF = b.exponent(key);
  const size = 2 ** gate.bits;
  const widths = activationBits(gate.bits, inF, siluF);
  const tables = activationTables(kind, gate.bits, inF, siluF);
  const column = (name: string, part: 'value' | 'slope'): string => {
    content[name] = tables[part];
    b.tensor('constants', name, [variable('entry', size)], { bits: widths[part], signed: true, f: siluF });
    return name;
  };
  b.tables.push({
    id,
    name: kind,
    lo: -size / 2,
    size,
    y: column(`table.${kind}`, 'value'),
    y2: column(`table.${kind}.slope`, 'slope'),
    fn: { name: kind, fIn: inF, fOut: siluF },
    fn2: { name: `${kind}-derivative`, fIn: inF, fOut: siluF },
  });
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
  if (recipe.optimizer.kind === 'adamw') return { ...adamwRates(recipe.optimizer, recipe.rate, recipe.steps, recipe.done), f: null };
  const rates = momentumRates(recipe.rate, recipe.steps, recipe.batch * recipe.sequence);
  return { step: rates.step, keep: null, f: rates.f };
}
