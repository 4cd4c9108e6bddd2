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

const decoder = { vocab: size, width: size, layers: size, heads: size, headWidth: size, ffn: size, normEps: finite };
const linearLayer = z.enum([...LINEAR_LAYERS.llama, ...LINEAR_LAYERS.gpt2]);

export const recipeSchema: z.ZodType<Recipe> = z.strictObject({
  version: z.literal(1),
  model: z.discriminatedUnion('family', [
    z.strictObject({ family: z.literal('llama'), ...decoder, kvHeads: size, ropeTheta: finite, tied: z.boolean() }),
    z.strictObject({ family: z.literal('gpt2'), ...decoder, positions: size }),
  ]),
  batch: size,
  sequence: size,
  lora: z.strictObject({
    rank: size,
    alpha: finite,
    targets: z.array(linearLayer).max(16),
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
  done: z
    .int()
    .min(1)
    .max(2 ** 40)
    .optional(),
  perProof: z
    .int()
    .min(1)
    .max(2 ** 20),
  modelHidden: z.boolean(),
  dataHidden: z.boolean(),
  deliver: z.enum(['adapter', 'state']).optional(),
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
