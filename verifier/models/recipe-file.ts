/** The recipe as a file: canonical JSON, strict. `bounty check` builds the program from it and compares with the posted one. */
import { z } from 'zod';
import { canonicalJson, decodeCanonical, printable } from '../input.ts';
import { checkRecipe, LINEAR_LAYERS, type Precision, type Recipe } from './recipe.ts';

const SCALES = [
  'activation',
  'lowRank',
  'residual',
  'inverseNorm',
  'score',
  'gate',
  'activationGrad',
  'residualGrad',
  'lowRankGrad',
  'adapterGrad',
] as const;

const size = z.int().min(1).max(65536);
const bits = z.int().min(1).max(48);
const exponent = z.int().min(-64).max(64);
const finite = z.number().min(-1e12).max(1e12);
const scale = z.strictObject({ bits, headroom: z.int().min(0).max(32), cap: exponent.optional() });

const precision = z.strictObject({
  ...(Object.fromEntries(SCALES.map((name) => [name, scale])) as Record<(typeof SCALES)[number], typeof scale>),
  weightBits: bits,
  gainBits: bits,
  master: z.strictObject({ bits, f: exponent }),
  siluF: exponent,
  reciprocal: bits,
}) satisfies z.ZodType<Precision>;

export const recipeSchema: z.ZodType<Recipe> = z.strictObject({
  version: z.literal(1),
  model: z.strictObject({
    vocab: size,
    width: size,
    layers: size,
    heads: size,
    kvHeads: size,
    headWidth: size,
    ffn: size,
    ropeTheta: finite,
    normEps: finite,
    tied: z.boolean(),
  }),
  batch: size,
  sequence: size,
  lora: z.strictObject({
    rank: size,
    alpha: finite,
    targets: z.array(z.enum(LINEAR_LAYERS)).max(LINEAR_LAYERS.length),
    firstLayer: z.int().min(0).max(65535),
  }),
  optimizer: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('adamw'), beta1: finite, beta2: finite, eps: finite, weightDecay: finite }),
    z.strictObject({ kind: z.literal('momentum'), momentum: finite }),
  ]),
  rate: z.strictObject({
    learningRate: finite,
    warmupSteps: z
      .int()
      .min(0)
      .max(2 ** 20),
    decay: z.enum(['constant', 'linear']),
  }),
  steps: z
    .int()
    .min(1)
    .max(2 ** 20),
  perProof: z
    .int()
    .min(1)
    .max(2 ** 20),
  modelHidden: z.boolean(),
  dataHidden: z.boolean(),
  columns: z.int().min(1).max(20).optional(),
  precision,
  exponents: z.record(printable(200), exponent),
});

export const encodeRecipe = (recipe: Recipe): Uint8Array => canonicalJson(recipe);

/** Decodes and checks a recipe file. */
export function decodeRecipe(bytes: Uint8Array, source: string): Recipe {
  const recipe = decodeCanonical(recipeSchema, bytes, source);
  checkRecipe(recipe);
  return recipe;
}
