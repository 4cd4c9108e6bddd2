/** Reads a model hub's config.json as the shape of a LLaMA- or GPT-2-style decoder, refusing what the program does not express. */
import { z } from 'zod';
import { checkShape, InputError, parseJson } from '../../verifier/input.ts';
import type { Gpt2Shape, LlamaShape, ModelShape } from '../../verifier/models/recipe.ts';

const size = z.int().min(1).max(65536);

// Other fields (token ids, versions, …) don't bear on the computation and are ignored.
const llama = z.looseObject({
  model_type: z.literal('llama'),
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  hidden_act: z.literal('silu').default('silu'),
  rms_norm_eps: z.number().positive().max(1).default(1e-6),
  rope_theta: z.number().min(1).max(1e12).default(10000),
  rope_scaling: z.null({ error: 'scaled rotary positions are not supported' }).optional(),
  attention_bias: z.literal(false, { error: 'biases are not supported' }).optional(),
  mlp_bias: z.literal(false, { error: 'biases are not supported' }).optional(),
  tie_word_embeddings: z.boolean().default(false),
});

// The defaults are those of the hub's GPT2Config.
const gpt2 = z.looseObject({
  model_type: z.literal('gpt2'),
  vocab_size: size,
  n_positions: size,
  n_embd: size,
  n_layer: size,
  n_head: size,
  n_inner: size.nullish(),
  activation_function: z.literal('gelu_new', { error: 'only "gelu_new" is supported' }).default('gelu_new'),
  layer_norm_epsilon: z.number().positive().max(1).default(1e-5),
  scale_attn_weights: z.literal(true, { error: 'unscaled scores are not supported' }).default(true),
  scale_attn_by_inverse_layer_idx: z.literal(false, { error: 'scores scaled by layer are not supported' }).optional(),
  add_cross_attention: z.literal(false, { error: 'cross-attention is not supported' }).optional(),
  tie_word_embeddings: z.literal(true, { error: 'only heads tied to the embedding are supported' }).default(true),
});

const CURE = 'use a LLaMA- or GPT-2-style model';

export function readConfig(bytes: Uint8Array, source: string): ModelShape {
  const json = parseJson(bytes, source);
  const { model_type: family } = checkShape(z.looseObject({ model_type: z.string() }), json, source, CURE);
  if (family === 'llama') return readLlama(json, source);
  if (family === 'gpt2') return readGpt2(json, source);
  throw new InputError(source, 'model_type', `is ${JSON.stringify(family.slice(0, 40))}, not "llama" or "gpt2"`, CURE);
}

function readGpt2(json: unknown, source: string): Gpt2Shape {
  const c = checkShape(gpt2, json, source, CURE);
  const headWidth = c.n_embd / c.n_head;
  if (!Number.isInteger(headWidth)) throw new InputError(source, 'n_head', `does not divide n_embd ${c.n_embd}`, 'check the file');
  return {
    family: 'gpt2',
    vocab: c.vocab_size,
    width: c.n_embd,
    layers: c.n_layer,
    heads: c.n_head,
    headWidth,
    ffn: c.n_inner ?? 4 * c.n_embd,
    positions: c.n_positions,
    normEps: c.layer_norm_epsilon,
  };
}

function readLlama(json: unknown, source: string): LlamaShape {
  const c = checkShape(llama, json, source, CURE);
  const headWidth = c.head_dim ?? c.hidden_size / c.num_attention_heads;
  if (!Number.isInteger(headWidth))
    throw new InputError(source, 'num_attention_heads', `does not divide hidden_size ${c.hidden_size}`, 'check the file');
  return {
    family: 'llama',
    vocab: c.vocab_size,
    width: c.hidden_size,
    layers: c.num_hidden_layers,
    heads: c.num_attention_heads,
    kvHeads: c.num_key_value_heads ?? c.num_attention_heads,
    headWidth,
    ffn: c.intermediate_size,
    ropeTheta: c.rope_theta,
    normEps: c.rms_norm_eps,
    tied: c.tie_word_embeddings,
  };
}

/** The config.json of a shape, as the hubs write it. */
export const writeLlamaConfig = (m: LlamaShape, maxPositions: number): string =>
  `${JSON.stringify(
    {
      architectures: ['LlamaForCausalLM'],
      model_type: 'llama',
      vocab_size: m.vocab,
      hidden_size: m.width,
      intermediate_size: m.ffn,
      num_hidden_layers: m.layers,
      num_attention_heads: m.heads,
      num_key_value_heads: m.kvHeads,
      head_dim: m.headWidth,
      hidden_act: 'silu',
      rms_norm_eps: m.normEps,
      rope_theta: m.ropeTheta,
      attention_bias: false,
      mlp_bias: false,
      tie_word_embeddings: m.tied,
      max_position_embeddings: maxPositions,
      torch_dtype: 'float32',
    },
    null,
    2,
  )}\n`;
