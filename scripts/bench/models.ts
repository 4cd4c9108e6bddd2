/**
 * Models and data for benches where no files are given: the shapes by name, weights drawn from a seed as their makers initialise them
 * (normal with deviation 0.02, norm gains 1), already as integers of the card's width, and uniform token ids.
 */
import { weightExponent, type ImportedTensor } from '../../prover/model/import.ts';
import type { Axis } from '../../verifier/program/types.ts';
import { bitsOf } from '../../verifier/program/types.ts';
import { dataTensors, modelTensors } from '../../verifier/models/tensors.ts';
import type { Gpt2Shape, LlamaShape, ModelShape, Precision, Recipe } from '../../verifier/models/recipe.ts';

/** The shape of TinyLlama 1.1B. */
export const LLAMA_1B: LlamaShape = {
  family: 'llama',
  vocab: 32000,
  width: 2048,
  layers: 22,
  heads: 32,
  kvHeads: 4,
  headWidth: 64,
  ffn: 5632,
  ropeTheta: 10000,
  normEps: 1e-5,
  tied: false,
};

/** The shape of LLaMA-2 7B. */
export const LLAMA_7B: LlamaShape = {
  ...LLAMA_1B,
  width: 4096,
  layers: 32,
  heads: 32,
  kvHeads: 32,
  headWidth: 128,
  ffn: 11008,
};

/** The shape of LLaMA-2 13B. */
export const LLAMA_13B: LlamaShape = { ...LLAMA_7B, width: 5120, layers: 40, heads: 40, kvHeads: 40, ffn: 13824 };

/** The shape of the smallest GPT-2, of 124 million weights. */
export const GPT2: Gpt2Shape = {
  family: 'gpt2',
  vocab: 50257,
  width: 768,
  layers: 12,
  heads: 12,
  headWidth: 64,
  ffn: 3072,
  positions: 1024,
  normEps: 1e-5,
};

const DEVIATION = 0.02;

/** mulberry32: uniform whole numbers below 2^32. */
export function generator(seed: number): () => number {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}

/** The quantile of the standard normal distribution (Acklam's rational approximation, relative error below 1.2e-9). */
function quantile(p: number): number {
  const poly = (x: number, c: readonly number[]): number => c.reduce((z, v) => z * x + v, 0);
  const low = 0.02425;
  if (p > 0.5) return -quantile(1 - p);
  if (p < low) {
    const q = Math.sqrt(-2 * Math.log(p));
    return (
      poly(q, [-7.784894002430293e-3, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968, 2.938163982698783]) /
      poly(q, [7.784695709041462e-3, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1])
    );
  }
  const q = p - 0.5;
  const r = q * q;
  return (
    (q * poly(r, [-39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716, 2.506628277459239])) /
    poly(r, [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1])
  );
}

/** Cells of a tensor that are drawn; further ones repeat them, at no multiple of a power of two, so that no row of a matrix is like another. */
const DRAWN = 2 ** 22 - 3;

const STEPS = 2 ** 16;
/** Standard normal values of equal probability, ascending. */
const NORMAL = Float64Array.from({ length: STEPS }, (_, i) => quantile((i + 0.5) / STEPS));

export type Integers = Int8Array | Int16Array | Int32Array;

/** A dense tensor of a model or of data as integers, value = integer / 2^f. */
export interface BenchTensor {
  readonly name: string;
  readonly axes: readonly Axis[];
  readonly bits: number;
  readonly f: number;
  readonly values: Integers;
}

/** The narrowest array that holds signed values of this width. */
const room = (bits: number, length: number): Integers =>
  bits <= 8 ? new Int8Array(length) : bits <= 16 ? new Int16Array(length) : new Int32Array(length);

/** Imported weights in the narrowest array. */
export function narrow(t: ImportedTensor): BenchTensor {
  const values = room(t.bits, t.values.length);
  values.set(t.values);
  return { name: t.name, axes: t.axes, bits: t.bits, f: t.f, values };
}

const cellsOf = (axes: readonly Axis[]): number => axes.reduce((n, a) => n * a.size, 1);

/** Random weights of a shape; the same for the same seed. */
export function randomModel(shape: ModelShape, precision: Precision, seed: number): BenchTensor[] {
  const next = generator(seed);
  return modelTensors(shape, precision).map((t) => {
    const values = room(t.bits, cellsOf(t.axes));
    const gain = /(norm|ln_\w)\.weight$/.test(t.name);
    const f = weightExponent(gain ? 1 : DEVIATION * Math.abs(NORMAL[0] as number), t.bits);
    if (gain) values.fill(2 ** f);
    else {
      const table = Float64Array.from(NORMAL, (x) => Math.round(x * DEVIATION * 2 ** f));
      const drawn = Math.min(values.length, DRAWN);
      for (let i = 0; i < drawn; i += 2) {
        const x = next();
        values[i] = table[x & (STEPS - 1)] as number;
        if (i + 1 < drawn) values[i + 1] = table[x >>> 16] as number;
      }
      for (let done = drawn; done < values.length; done += drawn) values.copyWithin(done, 0, Math.min(drawn, values.length - done));
    }
    return { name: t.name, axes: t.axes, bits: t.bits, f, values };
  });
}

/** Uniform token ids, inputs and labels, a batch for every step. */
export function randomData(recipe: Recipe, seed: number): BenchTensor[] {
  const next = generator(seed);
  const { vocab } = recipe.model;
  return dataTensors(vocab, recipe.steps, recipe.batch * recipe.sequence).map((t) => {
    const values = room(bitsOf(vocab) + 1, cellsOf(t.axes));
    for (let i = 0; i < values.length; i++) values[i] = next() % vocab;
    return { ...t, f: 0, values };
  });
}

/** `length` normal values of the given deviation. */
export function normals(next: () => number, length: number, deviation: number): Float64Array {
  return Float64Array.from({ length }, () => (NORMAL[next() & (STEPS - 1)] as number) * deviation);
}
