/** What `bounty post` and the demo ask of a training: the recipe's options with their defaults. */
import { Option, type Command } from 'commander';
import {
  BALANCED,
  COMPACT,
  LINEAR_LAYERS,
  REAL,
  type Family,
  type LinearLayer,
  type ModelShape,
  type Precision,
  type Recipe,
} from '../../verifier/models/recipe.ts';
import { InputError } from '../../verifier/input.ts';
import type { Card } from '../../verifier/cards.ts';
import { integerOption, positiveOption } from './options.ts';

export const PRECISIONS = { compact: COMPACT, balanced: BALANCED, real: REAL } as const satisfies Readonly<Record<string, Precision>>;
export type PrecisionName = keyof typeof PRECISIONS;

const DEFAULT_TARGETS = { llama: 'q_proj,v_proj', gpt2: 'attn.q,attn.v' } as const satisfies Record<Family, string>;

export interface RecipeOptions {
  readonly steps?: number;
  readonly stepsPerProof: number;
  readonly rank: number;
  readonly alpha?: number;
  readonly targets?: string;
  readonly firstLayer: number;
  readonly optimizer: 'adamw' | 'momentum';
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly warmup: number;
  readonly decay: 'constant' | 'linear';
  readonly precision: PrecisionName;
}

export const recipeOptions = (command: Command): Command =>
  command
    .option('--steps <n>', 'training steps (default: the data card’s batches)', integerOption(1, 1 << 20))
    .option('--steps-per-proof <n>', 'steps in one proof, a power of two', integerOption(1, 1 << 20), 1)
    .option('--rank <n>', 'LoRA rank', integerOption(1, 1024), 8)
    .option('--alpha <x>', 'LoRA alpha (default: twice the rank)', positiveOption)
    .option('--targets <names>', 'linear layers with an adapter, comma-separated (default: those of queries and values)')
    .option('--first-layer <n>', 'lowest layer with an adapter', integerOption(0, 65535), 0)
    .addOption(new Option('--optimizer <name>', 'optimizer').choices(['adamw', 'momentum']).default('adamw'))
    .option('--learning-rate <x>', 'peak learning rate, for the mean loss', positiveOption, 0.005)
    .option('--weight-decay <x>', 'AdamW’s weight decay', Number, 0.01)
    .option('--warmup <n>', 'warm-up steps', integerOption(0, 1 << 20), 0)
    .addOption(new Option('--decay <kind>', 'learning rate after the warm-up').choices(['constant', 'linear']).default('constant'))
    .addOption(
      new Option('--precision <name>', 'widths of weights and values, as in the model card')
        .choices(Object.keys(PRECISIONS))
        .default('compact'),
    );

/** The recipe before calibration: the weights' exponents are the model card's. */
export function recipeOf(options: RecipeOptions, shape: ModelShape, model: Card, data: Card): Recipe {
  const tokens = data.tokens as NonNullable<Card['tokens']>;
  const steps = options.steps ?? tokens.batches;
  if (steps !== tokens.batches)
    throw new InputError(
      '--steps',
      '',
      `is ${steps}, the data card has ${tokens.batches} batches`,
      `make the card with --batches ${steps}, or leave --steps out`,
    );
  if (tokens.vocabulary > shape.vocab)
    throw new InputError(
      'data.card.json',
      'tokens.vocabulary',
      `is ${tokens.vocabulary}, the model’s ${shape.vocab}`,
      'tokenize with the model’s own tokenizer',
    );
  const targets = (options.targets ?? DEFAULT_TARGETS[shape.family]).split(',').map((name) => {
    const names: readonly string[] = LINEAR_LAYERS[shape.family];
    if (!names.includes(name))
      throw new InputError('--targets', '', `there is no linear layer ${name}`, `choose among ${names.join(', ')}`);
    return name as LinearLayer;
  });
  const columns = [model, data].flatMap((card) => card.commitment?.columns ?? []);
  if (columns[0] !== columns.at(-1))
    throw new InputError(
      'data.card.json',
      'commitment.columns',
      `is ${columns[1]}, the model card’s ${columns[0]}`,
      `commit the data again with --columns ${columns[0]}`,
    );
  return {
    version: 1,
    model: shape,
    batch: tokens.batch,
    sequence: tokens.sequence,
    lora: { rank: options.rank, alpha: options.alpha ?? 2 * options.rank, targets, firstLayer: options.firstLayer },
    optimizer:
      options.optimizer === 'adamw'
        ? { kind: 'adamw', beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: options.weightDecay }
        : { kind: 'momentum', momentum: 0.9 },
    rate: { learningRate: options.learningRate, warmupSteps: options.warmup, decay: options.decay },
    steps,
    perProof: options.stepsPerProof,
    modelHidden: model.commitment !== undefined,
    dataHidden: data.commitment !== undefined,
    ...(columns[0] === undefined ? {} : { columns: columns[0] }),
    precision: PRECISIONS[options.precision],
    exponents: Object.fromEntries(model.tensors.map((t) => [t.name, t.f])),
  };
}
