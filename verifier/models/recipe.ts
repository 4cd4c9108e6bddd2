/**
 * The recipe of a training bounty: everything that, with the constants' content, determines its program.
 */

/** Shape of a LLaMA-style decoder; names follow the model hub's config.json. */
export interface LlamaShape {
  readonly family: 'llama';
  readonly vocab: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  /** Width of a head, a power of two >= 2. */
  readonly headWidth: number;
  readonly ffn: number;
  readonly ropeTheta: number;
  readonly normEps: number;
  /** The head reads the embedding matrix. */
  readonly tied: boolean;
}

/** Shape of a GPT-2-style decoder: LayerNorm, GELU (tanh form), learned positions, a head tied to the embedding. */
export interface Gpt2Shape {
  readonly family: 'gpt2';
  readonly vocab: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  /** Width of a head, a power of two >= 2; width = heads · headWidth. */
  readonly headWidth: number;
  readonly ffn: number;
  /** Rows of the table of positions. */
  readonly positions: number;
  readonly normEps: number;
}

export type ModelShape = LlamaShape | Gpt2Shape;
export type Family = ModelShape['family'];

/** Names of the linear layers inside a decoder layer, in forward order; q, k and v are thirds of GPT-2's fused c_attn. */
export const LINEAR_LAYERS = {
  llama: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'],
  gpt2: ['attn.q', 'attn.k', 'attn.v', 'attn.c_proj', 'mlp.c_fc', 'mlp.c_proj'],
} as const satisfies Readonly<Record<Family, readonly string[]>>;
export type LlamaLayer = (typeof LINEAR_LAYERS)['llama'][number];
export type Gpt2Layer = (typeof LINEAR_LAYERS)['gpt2'][number];
export type LinearLayer = LlamaLayer | Gpt2Layer;

export interface LoraConfig {
  readonly rank: number;
  readonly alpha: number;
  readonly targets: readonly LinearLayer[];
  /** Layers below this one have no adapter, and no backward pass. */
  readonly firstLayer: number;
}

export type OptimizerConfig =
  | { readonly kind: 'adamw'; readonly beta1: number; readonly beta2: number; readonly eps: number; readonly weightDecay: number }
  | { readonly kind: 'momentum'; readonly momentum: number };

export interface RateConfig {
  /** Peak learning rate, for the mean loss over tokens. */
  readonly learningRate: number;
  readonly warmupSteps: number;
  readonly decay: 'constant' | 'linear';
}

/** Classes of numeric.md: tensors of one class share width and headroom. */
export type ScaleClass =
  | 'activation'
  | 'lowRank'
  | 'residual'
  | 'inverseNorm'
  | 'score'
  | 'gate'
  | 'activationGrad'
  | 'residualGrad'
  | 'lowRankGrad'
  | 'adapterGrad';

export interface ScaleSpec {
  /** Declared width of signed values. */
  readonly bits: number;
  /** Spare bits above the calibrated maximum. */
  readonly headroom: number;
  /** Largest exponent, where finer values would only lengthen remainders. */
  readonly cap?: number;
}

/** Widths of a program. `calibrated` classes get their exponent from a float walk, the rest is fixed here. */
export type Precision = Readonly<Record<ScaleClass, ScaleSpec>> & {
  readonly weightBits: number;
  readonly gainBits: number;
  /** Width and exponent of the adapter's master weights. */
  readonly master: { readonly bits: number; readonly f: number };
  /** Exponent of silu or gelu, and of its derivative. */
  readonly siluF: number;
  /** k of attention's softmax reciprocal floor(2^k / S). */
  readonly reciprocal: number;
};

/** Defaults for real models (numeric.md). */
export const REAL: Precision = {
  activation: { bits: 20, headroom: 3 },
  lowRank: { bits: 20, headroom: 6 },
  residual: { bits: 20, headroom: 3 },
  inverseNorm: { bits: 18, headroom: 3 },
  score: { bits: 16, headroom: 2 },
  gate: { bits: 16, headroom: 3 },
  activationGrad: { bits: 20, headroom: 4 },
  residualGrad: { bits: 20, headroom: 4 },
  lowRankGrad: { bits: 28, headroom: 8 },
  adapterGrad: { bits: 30, headroom: 10 },
  weightBits: 16,
  gainBits: 16,
  master: { bits: 32, f: 24 },
  siluF: 10,
  reciprocal: 38,
};

/** For small models: every activation cell and nearly every remainder fits one look-up of at most 16 bits. */
export const COMPACT: Precision = {
  activation: { bits: 16, headroom: 4, cap: 8 },
  lowRank: { bits: 16, headroom: 6 },
  residual: { bits: 16, headroom: 2 },
  inverseNorm: { bits: 16, headroom: 5, cap: 10 },
  score: { bits: 14, headroom: 1 },
  gate: { bits: 14, headroom: 2 },
  activationGrad: { bits: 16, headroom: 4, cap: 13 },
  residualGrad: { bits: 16, headroom: 3 },
  lowRankGrad: { bits: 24, headroom: 8, cap: 13 },
  adapterGrad: { bits: 30, headroom: 10 },
  weightBits: 12,
  gainBits: 8,
  master: { bits: 16, f: 14 },
  siluF: 7,
  reciprocal: 31,
};

/**
 * For real models with outliers in the residual stream: that, its gradient and inverse norms are wide, every other cell takes one look-up of at
 * most 16 bits.
 */
export const BALANCED: Precision = {
  activation: { bits: 16, headroom: 3, cap: 10 },
  lowRank: { bits: 16, headroom: 6, cap: 8 },
  residual: { bits: 24, headroom: 3, cap: 12 },
  inverseNorm: { bits: 20, headroom: 3, cap: 12 },
  score: { bits: 16, headroom: 2, cap: 11 },
  gate: { bits: 16, headroom: 3, cap: 11 },
  activationGrad: { bits: 16, headroom: 4, cap: 16 },
  residualGrad: { bits: 20, headroom: 4, cap: 13 },
  lowRankGrad: { bits: 28, headroom: 8, cap: 18 },
  adapterGrad: { bits: 30, headroom: 10 },
  weightBits: 13,
  gainBits: 12,
  master: { bits: 22, f: 18 },
  siluF: 9,
  reciprocal: 31,
};

export type Delivered = 'adapter' | 'state';

export interface Recipe {
  readonly version: 1;
  readonly model: ModelShape;
  readonly batch: number;
  /** Positions of a sequence, a power of two. */
  readonly sequence: number;
  readonly lora: LoraConfig;
  readonly optimizer: OptimizerConfig;
  readonly rate: RateConfig;
  readonly steps: number;
  /** Steps that its first state was trained for before, of a milestone: AdamW's bias correction counts on from there. */
  readonly done?: number;
  /** Steps in one proof: a power of two that divides `steps`. */
  readonly perProof: number;
  readonly modelHidden: boolean;
  readonly dataHidden: boolean;
  /** What is delivered to the poster: the adapter's matrices, or the whole state; without it, nothing. */
  readonly deliver?: Delivered;
  /** log2 of the columns that hidden cards were committed with; without one, about the number that makes proofs smallest. */
  readonly columns?: number;
  readonly precision: Precision;
  /** Exponents by scale key; empty before calibration. */
  readonly exponents: Readonly<Record<string, number>>;
}

const powerOfTwo = (n: number): boolean => Number.isInteger(n) && n >= 1 && (n & (n - 1)) === 0;

/** Refuses shapes that the builder cannot express, naming the field and the cure. */
export function checkRecipe(r: Recipe): void {
  const fail = (field: string, why: string): never => {
    throw new Error(`recipe.${field}: ${why}`);
  };
  const whole = (field: string, n: number, max: number): void => {
    if (!Number.isInteger(n) || n < 1 || n > max) fail(field, `${n} is not a whole number from 1 to ${max}`);
  };
  const m = r.model;
  whole('model.vocab', m.vocab, 65536);
  if (m.vocab < 2) fail('model.vocab', 'needs at least two tokens');
  for (const k of ['width', 'layers', 'heads', 'ffn'] as const) whole(`model.${k}`, m[k], 65536);
  if (!powerOfTwo(m.headWidth) || m.headWidth < 2) fail('model.headWidth', `${m.headWidth} is not a power of two >= 2`);
  if (m.family === 'llama') {
    whole('model.kvHeads', m.kvHeads, 65536);
    if (m.heads % m.kvHeads !== 0) fail('model.kvHeads', `${m.kvHeads} does not divide the ${m.heads} heads`);
    if (m.kvHeads > 1 && !powerOfTwo(m.heads / m.kvHeads))
      fail('model.heads', `${m.heads / m.kvHeads} heads a group is not a power of two`);
  } else {
    whole('model.positions', m.positions, 65536);
    if (m.heads * m.headWidth !== m.width)
      fail('model.width', `${m.width} is not that of ${m.heads} heads of ${m.headWidth}; give width = heads · headWidth`);
    if (r.sequence > m.positions) fail('sequence', `${r.sequence} is longer than the model's ${m.positions} positions; shorten it`);
  }
  whole('batch', r.batch, 65536);
  if (!powerOfTwo(r.sequence) || r.sequence < 2) fail('sequence', `${r.sequence} is not a power of two >= 2`);
  whole('steps', r.steps, 1 << 20);
  if (!powerOfTwo(r.perProof) || r.steps % r.perProof !== 0)
    fail('perProof', `${r.perProof} is not a power of two that divides ${r.steps} steps`);
  if (r.columns !== undefined) whole('columns', r.columns, 20);
  whole('lora.rank', r.lora.rank, 1024);
  if (!(r.lora.alpha > 0)) fail('lora.alpha', `${r.lora.alpha} is not positive`);
  if (r.lora.targets.length === 0) fail('lora.targets', 'name at least one linear layer');
  const layers: readonly LinearLayer[] = LINEAR_LAYERS[m.family];
  for (const t of r.lora.targets) if (!layers.includes(t)) fail('lora.targets', `no linear layer ${t}; there are ${layers.join(', ')}`);
  if (new Set(r.lora.targets).size !== r.lora.targets.length) fail('lora.targets', 'a layer is named twice');
  if (!Number.isInteger(r.lora.firstLayer) || r.lora.firstLayer < 0 || r.lora.firstLayer >= m.layers)
    fail('lora.firstLayer', `${r.lora.firstLayer} is not a layer of ${m.layers}`);
  if (!(r.rate.learningRate > 0)) fail('rate.learningRate', `${r.rate.learningRate} is not positive`);
  if (!Number.isInteger(r.rate.warmupSteps) || r.rate.warmupSteps < 0)
    fail('rate.warmupSteps', `${r.rate.warmupSteps} is not a whole number`);
  const unit = (field: string, x: number): void => {
    if (!(x >= 0 && x < 1)) fail(field, `${x} is not in [0, 1)`);
  };
  if (r.optimizer.kind === 'adamw') {
    unit('optimizer.beta1', r.optimizer.beta1);
    unit('optimizer.beta2', r.optimizer.beta2);
    unit('optimizer.weightDecay', r.optimizer.weightDecay);
    if (!(r.optimizer.eps > 0)) fail('optimizer.eps', `${r.optimizer.eps} is not positive`);
  } else unit('optimizer.momentum', r.optimizer.momentum);
}
