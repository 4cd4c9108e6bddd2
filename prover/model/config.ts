/** Reads a model hub's config.json as the shape of a LLaMA-style decoder, refusing what the program does not express. */
import { z } from 'zod';
import { checkShape, InputError, parseJson } from '../../verifier/input.ts';
import type { LlamaShape } from '../../verifier/models/recipe.ts';

const size = z.int().min(1).max(65536);

// Other fields (token ids, versions, …) don't bear on the computation and are ignored.
const schema = z.looseObject({
  model_type: z.literal('llama', { error: 'must be "llama"' }),
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

export function readLlamaConfig(bytes: Uint8Array, source: string): LlamaShape {
  const c = checkShape(schema, parseJson(bytes, source), source, 'use a LLaMA-style model');
  const headWidth = c.head_dim ?? c.hidden_size / c.num_attention_heads;
  if (!Number.isInteger(headWidth))
    throw new InputError(source, 'num_attention_heads', `does not divide hidden_size ${c.hidden_size}`, 'check the file');
  return {
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
