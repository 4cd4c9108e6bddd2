/**
 * The tensors of a base model and of a data set, in the order in which cards and programs hold them.
 */
import type { Axis } from '../program/types.ts';
import { bitsOf } from '../program/types.ts';
import { vocabRows } from './ops/embedding.ts';
import { weightName } from './ops/linear.ts';
import { LINEAR_LAYERS, type Gpt2Shape, type LinearLayer, type LlamaShape, type ModelShape, type Precision } from './recipe.ts';

export interface ModelTensor {
  readonly name: string;
  readonly axes: readonly Axis[];
  readonly bits: number;
  /** Names of the files' tensors stacked on the layer axis, in order; one name if there is no such axis. */
  readonly sources: readonly string[];
  /** Shape of each of them; cells past its first rows are zero. */
  readonly fileShape: readonly number[];
}

/** [out, in] of each linear layer. */
export function linearShape(m: ModelShape, name: LinearLayer): readonly [number, number] {
  if (m.family === 'gpt2') {
    if (name === 'mlp.c_fc') return [m.ffn, m.width];
    return [m.width, name === 'mlp.c_proj' ? m.ffn : m.width];
  }
  const q = m.heads * m.headWidth;
  const kv = m.kvHeads * m.headWidth;
  switch (name) {
    case 'q_proj':
      return [q, m.width];
    case 'k_proj':
    case 'v_proj':
      return [kv, m.width];
    case 'o_proj':
      return [m.width, q];
    case 'gate_proj':
    case 'up_proj':
      return [m.ffn, m.width];
    case 'down_proj':
      return [m.width, m.ffn];
    default:
      throw new Error(`a LLaMA-style model has no linear layer ${name}`);
  }
}

const axis = (name: string, size: number): Axis => ({ name, size });

/** A tensor of one matrix or vector a layer; `marker` is the part of its name before the layer's number in the files. */
const stacked = (
  m: ModelShape,
  marker: string,
  name: string,
  axes: readonly Axis[],
  bits: number,
  fileShape?: readonly number[],
): ModelTensor => ({
  name,
  axes: [axis('layer', m.layers), ...axes],
  bits,
  sources: Array.from({ length: m.layers }, (_, l) => name.replace(marker, `${marker}${l}.`)),
  fileShape: fileShape ?? axes.map((a) => a.size),
});

const single = (name: string, axes: readonly Axis[], bits: number, rows?: number): ModelTensor => ({
  name,
  axes,
  bits,
  sources: [name],
  fileShape: axes.map((a, i) => (i === 0 && rows !== undefined ? rows : a.size)),
});

/** All base weights, layers stacked; integers are signed, with an exponent per tensor (`exponents[name]` in a recipe). */
export const modelTensors = (m: ModelShape, precision: Precision): readonly ModelTensor[] =>
  m.family === 'llama' ? llamaTensors(m, precision) : gpt2Tensors(m, precision);

function llamaTensors(m: LlamaShape, { weightBits, gainBits }: Precision): readonly ModelTensor[] {
  const width = axis('width', m.width);
  const rows = axis('vocab', vocabRows(m.vocab));
  const layered = (name: string, axes: readonly Axis[], bits: number): ModelTensor => stacked(m, 'layers.', name, axes, bits);
  return [
    single('model.embed_tokens.weight', [rows, width], weightBits, m.vocab),
    ...LINEAR_LAYERS.llama.map((name) => {
      const [o, i] = linearShape(m, name);
      return layered(weightName(name), [axis('out', o), axis('in', i)], weightBits);
    }),
    layered('model.layers.input_layernorm.weight', [width], gainBits),
    layered('model.layers.post_attention_layernorm.weight', [width], gainBits),
    single('model.norm.weight', [width], gainBits),
    ...(m.tied ? [] : [single('lm_head.weight', [rows, width], weightBits, m.vocab)]),
  ];
}

function gpt2Tensors(m: Gpt2Shape, { weightBits, gainBits }: Precision): readonly ModelTensor[] {
  const width = axis('width', m.width);
  const ffn = axis('ffn', m.ffn);
  const third = axis('third', 3);
  const layered = (name: string, axes: readonly Axis[], bits: number, fileShape?: readonly number[]): ModelTensor =>
    stacked(m, 'h.', `transformer.h.${name}`, axes, bits, fileShape);
  const input = axis('in', m.width);
  return [
    single('transformer.wte.weight', [axis('vocab', vocabRows(m.vocab)), width], weightBits, m.vocab),
    single('transformer.wpe.weight', [axis('position', m.positions), width], weightBits),
    layered('ln_1.weight', [width], gainBits),
    layered('ln_1.bias', [width], gainBits),
    layered('attn.c_attn.weight', [input, third, width], weightBits, [m.width, 3 * m.width]),
    layered('attn.c_attn.bias', [third, width], weightBits, [3 * m.width]),
    layered('attn.c_proj.weight', [input, width], weightBits),
    layered('attn.c_proj.bias', [width], weightBits),
    layered('ln_2.weight', [width], gainBits),
    layered('ln_2.bias', [width], gainBits),
    layered('mlp.c_fc.weight', [input, ffn], weightBits),
    layered('mlp.c_fc.bias', [ffn], weightBits),
    layered('mlp.c_proj.weight', [ffn, width], weightBits),
    layered('mlp.c_proj.bias', [width], weightBits),
    single('transformer.ln_f.weight', [width], gainBits),
    single('transformer.ln_f.bias', [width], gainBits),
  ];
}

/** Inputs and labels, [batch of the run, token], ids below the vocabulary. */
export const dataTensors = (
  vocab: number,
  batches: number,
  tokens: number,
): readonly { name: string; axes: readonly Axis[]; bits: number }[] =>
  ['data.inputs', 'data.labels'].map((name) => ({
    name,
    axes: [
      { name: 'batch', size: batches },
      { name: 'token', size: tokens },
    ],
    bits: bitsOf(vocab),
  }));
