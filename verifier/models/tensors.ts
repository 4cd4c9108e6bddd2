/**
 * The tensors of a base model and of a data set, in the order in which cards and programs hold them.
 */
import type { Axis } from '../program/types.ts';
import { bitsOf } from '../program/types.ts';
import { vocabRows } from './ops/embedding.ts';
import { weightName } from './ops/linear.ts';
import { LINEAR_LAYERS, type LinearLayer, type LlamaShape, type Precision } from './recipe.ts';

export interface ModelTensor {
  readonly name: string;
  readonly axes: readonly Axis[];
  readonly bits: number;
  /** Names of the files' tensors stacked on the layer axis, in order; one name if there is no such axis. */
  readonly sources: readonly string[];
  /** Rows (of the first axis) that the file has; further rows are zero. */
  readonly fileRows: number;
}

/** [out, in] of each linear layer. */
export function linearShape(m: LlamaShape, name: LinearLayer): readonly [number, number] {
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
  }
}

/** All base weights, layers stacked; integers are signed, with an exponent per tensor (`exponents[name]` in a recipe). */
export function modelTensors(m: LlamaShape, precision: Precision): readonly ModelTensor[] {
  const layer: Axis = { name: 'layer', size: m.layers };
  const stacked = (name: string, axes: readonly Axis[], bits: number): ModelTensor => ({
    name,
    axes: [layer, ...axes],
    bits,
    sources: Array.from({ length: m.layers }, (_, l) => name.replace('layers.', `layers.${l}.`)),
    fileRows: m.layers,
  });
  const single = (name: string, axes: readonly Axis[], bits: number, fileRows: number): ModelTensor => ({
    name,
    axes,
    bits,
    sources: [name],
    fileRows,
  });
  const width: Axis = { name: 'width', size: m.width };
  const rows: Axis = { name: 'vocab', size: vocabRows(m.vocab) };
  const { weightBits, gainBits } = precision;
  const out: ModelTensor[] = [single('model.embed_tokens.weight', [rows, width], weightBits, m.vocab)];
  for (const name of LINEAR_LAYERS) {
    const [o, i] = linearShape(m, name);
    out.push(
      stacked(
        weightName(name),
        [
          { name: 'out', size: o },
          { name: 'in', size: i },
        ],
        weightBits,
      ),
    );
  }
  out.push(stacked('model.layers.input_layernorm.weight', [width], gainBits));
  out.push(stacked('model.layers.post_attention_layernorm.weight', [width], gainBits));
  out.push(single('model.norm.weight', [width], gainBits, m.width));
  if (!m.tied) out.push(single('lm_head.weight', [rows, width], weightBits, m.vocab));
  return out;
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
