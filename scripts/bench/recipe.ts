/** What the benches of training ask for: a model by name, by its numbers or from files, and the recipe around it. */
import { Option, type Command } from 'commander';
import { LINEAR_LAYERS, type LinearLayer, type Family, type ModelShape, type Recipe } from '../../verifier/models/recipe.ts';
import { InputError } from '../../verifier/input.ts';
import { PRECISIONS, type PrecisionName } from '../lib/bounty-options.ts';
import { importModelFolder } from '../lib/model-folder.ts';
import { integerOption, positiveOption } from '../lib/options.ts';
import { GPT2, LLAMA_13B, LLAMA_1B, LLAMA_7B, narrow, randomData, randomModel, type BenchTensor } from './models.ts';

const SHAPES = {
  gpt2: GPT2,
  'llama-1b': LLAMA_1B,
  'llama-7b': LLAMA_7B,
  'llama-13b': LLAMA_13B,
} as const satisfies Readonly<Record<string, ModelShape>>;

export interface RecipeOptions {
  readonly model: keyof typeof SHAPES | 'custom';
  readonly family: Family;
  readonly weights?: string;
  readonly width: number;
  readonly layers?: number;
  readonly heads: number;
  readonly kvHeads?: number;
  readonly ffn?: number;
  readonly vocab: number;
  readonly tokens: number;
  readonly batch: number;
  readonly rank: number;
  readonly target: string;
  readonly optimizer: 'adamw' | 'momentum';
  readonly learningRate: number;
  readonly precision: PrecisionName;
  readonly steps: number;
  readonly perProof: number;
  readonly hidden: string;
  readonly columns?: number;
  readonly seed: number;
}

const size = integerOption(1, 65536);

/** Options with their defaults; some benches have smaller ones. */
export const recipeOptions = (
  command: Command,
  defaults: Partial<Pick<RecipeOptions, 'width' | 'layers' | 'heads' | 'tokens' | 'rank'>> = {},
): Command =>
  command
    .addOption(
      new Option('--model <name>', 'shape; `custom` is made of the numbers below')
        .choices([...Object.keys(SHAPES), 'custom'])
        .default('custom'),
    )
    .addOption(new Option('--family <name>', 'family of a custom model').choices(Object.keys(LINEAR_LAYERS)).default('llama'))
    .option('--weights <folder>', 'real weights: a folder with config.json and model.safetensors, whose shape is used')
    .option('--width <n>', 'width of a custom model', size, defaults.width ?? 128)
    .option('--layers <n>', 'decoder layers (default: the model’s; custom: 2)', size, defaults.layers)
    .option('--heads <n>', 'heads of a custom model', size, defaults.heads ?? 4)
    .option('--kv-heads <n>', 'key and value heads of a custom model (default: as many as heads)', size)
    .option('--ffn <n>', 'width of a custom model’s MLP (default: 4 × width)', size)
    .option('--vocab <n>', 'vocabulary of a custom model', size, 256)
    .option('--tokens <n>', 'tokens a step', size, defaults.tokens ?? 32)
    .option('--batch <n>', 'sequences that the tokens are divided into', size, 1)
    .option('--rank <n>', 'LoRA rank', integerOption(1, 1024), defaults.rank ?? 8)
    .option(
      '--target <names>',
      'linear layers with an adapter, comma-separated: q, k, v, o, gate, up, down, or of GPT-2 q, k, v, attn.c_proj, mlp.c_fc, mlp.c_proj',
      'q,v',
    )
    .addOption(new Option('--optimizer <name>', 'optimizer').choices(['adamw', 'momentum']).default('adamw'))
    .option('--learning-rate <x>', 'learning rate, for the mean loss', positiveOption, 0.001)
    .addOption(new Option('--precision <name>', 'widths of weights and values').choices(Object.keys(PRECISIONS)).default('compact'))
    .option('--steps <n>', 'training steps', integerOption(1, 1 << 20), 1)
    .option('--per-proof <n>', 'steps in one proof, a power of two that divides them', integerOption(1, 1 << 20), 1)
    .option('--hidden <cards>', 'which of model and data are hidden, comma-separated; the adapter always is', '')
    .option('--columns <n>', 'log2 of the columns of all polynomials (default: the builder’s choice)', integerOption(1, 20))
    .option('--seed <n>', 'seed of random weights and tokens', integerOption(0, 2 ** 32 - 1), 1);

function shapeOf(o: RecipeOptions): ModelShape {
  if (o.model !== 'custom') return { ...SHAPES[o.model], ...(o.layers === undefined ? {} : { layers: o.layers }) };
  const headWidth = o.width / o.heads;
  if (!Number.isInteger(headWidth))
    throw new InputError('--heads', '', `${o.heads} does not divide the width ${o.width}`, 'choose --width as heads × a power of two');
  const shape = {
    vocab: o.vocab,
    width: o.width,
    layers: o.layers ?? 2,
    heads: o.heads,
    headWidth,
    ffn: o.ffn ?? 4 * o.width,
    normEps: 1e-5,
  };
  if (o.family === 'llama') return { family: 'llama', ...shape, kvHeads: o.kvHeads ?? o.heads, ropeTheta: 10000, tied: false };
  if (o.kvHeads !== undefined && o.kvHeads !== o.heads)
    throw new InputError('--kv-heads', '', 'GPT-2 has as many as heads', 'leave it out, or choose --family llama');
  return { family: 'gpt2', ...shape, positions: o.tokens };
}

function targetsOf(names: string, family: Family): LinearLayer[] {
  const layers: readonly LinearLayer[] = LINEAR_LAYERS[family];
  return names.split(',').map((name) => {
    const layer = layers.find((l) => l === name || l === `${name}_proj` || l === `attn.${name}`);
    if (layer === undefined) throw new InputError('--target', '', `there is no linear layer ${name}`, `choose among ${layers.join(', ')}`);
    return layer;
  });
}

function hiddenOf(names: string): ReadonlySet<string> {
  const parts = names === '' ? [] : names.split(',');
  const wrong = parts.find((p) => p !== 'model' && p !== 'data');
  if (wrong !== undefined) throw new InputError('--hidden', '', `there is no card ${wrong}`, 'choose model, data or model,data');
  return new Set(parts);
}

export interface Prepared {
  /** Not calibrated. */
  readonly recipe: Recipe;
  readonly model: readonly BenchTensor[];
  readonly data: readonly BenchTensor[];
}

/** Weights, data and recipe of the options. Errors name the option. */
export function prepare(o: RecipeOptions): Prepared {
  if (o.tokens % o.batch !== 0)
    throw new InputError('--batch', '', `${o.batch} does not divide ${o.tokens} tokens`, 'choose tokens as batch × a power of two');
  const hidden = hiddenOf(o.hidden);
  const precision = PRECISIONS[o.precision];
  const folder = o.weights === undefined ? null : importModelFolder(o.weights, precision);
  const shape = folder?.shape ?? shapeOf(o);
  const model = folder?.tensors.map(narrow) ?? randomModel(shape, precision, o.seed);
  const recipe: Recipe = {
    version: 1,
    model: shape,
    batch: o.batch,
    sequence: o.tokens / o.batch,
    lora: { rank: o.rank, alpha: 2 * o.rank, targets: targetsOf(o.target, shape.family), firstLayer: 0 },
    optimizer:
      o.optimizer === 'adamw'
        ? { kind: 'adamw', beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 }
        : { kind: 'momentum', momentum: 0.9 },
    rate: { learningRate: o.learningRate, warmupSteps: 0, decay: 'constant' },
    steps: o.steps,
    perProof: o.perProof,
    modelHidden: hidden.has('model'),
    dataHidden: hidden.has('data'),
    ...(o.columns === undefined ? {} : { columns: o.columns }),
    precision,
    exponents: Object.fromEntries(model.map((t) => [t.name, t.f])),
  };
  return { recipe, model, data: randomData(recipe, o.seed + 1) };
}
