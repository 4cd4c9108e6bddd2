/** The final adapter as the ecosystem's tools read it: adapter_config.json and adapter_model.safetensors in PEFT's layout. */
import type { Content } from '../../verifier/cards.ts';
import { FUSED, gpt2Name } from '../../verifier/models/gpt2.ts';
import { weightName } from '../../verifier/models/ops/linear.ts';
import { LINEAR_LAYERS, type Gpt2Layer, type LinearLayer, type LlamaLayer, type Recipe } from '../../verifier/models/recipe.ts';
import type { Program } from '../../verifier/program/types.ts';
import { encodeSafetensors } from '../model/safetensors.ts';

export interface AdapterFiles {
  readonly config: string;
  readonly weights: Uint8Array;
}

/** Real-valued matrices of one adapter, a [layers, rank, in] and b [layers, out, rank]. */
interface Matrices {
  readonly layers: number;
  readonly rank: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly a: Float64Array;
  readonly b: Float64Array;
}

const isGpt2 = (name: LinearLayer): name is Gpt2Layer => (LINEAR_LAYERS.gpt2 as readonly LinearLayer[]).includes(name);

/** The module's weight in the base model, its layer's number left out after the marker. */
const moduleOf = (target: LinearLayer): { readonly weight: string; readonly marker: string } =>
  isGpt2(target) ? { weight: gpt2Name(target, 'weight'), marker: '.h.' } : { weight: weightName(target as LlamaLayer), marker: '.layers.' };

function matricesOf(program: Program, state: Content, target: LinearLayer): Matrices {
  const read = (part: 'A' | 'B'): { sizes: readonly [number, number, number]; values: Float64Array } => {
    const tensor = program.tensors.find((t) => t.name === `state.in.${target}.${part}`);
    const values = state[`state.in.${target}.${part}`];
    if (tensor === undefined || values === undefined) throw new Error(`the state has no ${target}.${part}`);
    const sizes = tensor.axes.map((a) => a.size) as [number, number, number];
    return { sizes, values: Float64Array.from(values, (v) => v / 2 ** tensor.f) };
  };
  const [a, b] = [read('A'), read('B')];
  const [layers, rank, inputs] = a.sizes;
  return { layers, rank, inputs, outputs: b.sizes[1], a: a.values, b: b.values };
}

/**
 * Adapters on q, k and v as one of the fused matrix: A's stacked, B's in blocks, so that B·A adds each product to its own third. Its rank
 * and alpha are the sums of theirs.
 */
function fuse(parts: readonly { readonly third: number; readonly m: Matrices }[]): Matrices {
  const { layers, rank, inputs, outputs } = (parts[0] as (typeof parts)[number]).m;
  const all = rank * parts.length;
  const a = new Float64Array(layers * all * inputs);
  const b = new Float64Array(layers * 3 * outputs * all);
  parts.forEach(({ third, m }, p) => {
    for (let l = 0; l < layers; l++) {
      a.set(m.a.subarray(l * rank * inputs, (l + 1) * rank * inputs), (l * all + p * rank) * inputs);
      for (let o = 0; o < outputs; o++)
        b.set(m.b.subarray((l * outputs + o) * rank, (l * outputs + o + 1) * rank), ((l * 3 + third) * outputs + o) * all + p * rank);
    }
  });
  return { layers, rank: all, inputs, outputs: 3 * outputs, a, b };
}

/** `state` is the final state: `state.in.<layer>.A` [layers, rank, in] and `.B` [layers, out, rank], value / 2^f. */
export function exportAdapter(program: Program, recipe: Recipe, state: Content, baseModel: string): AdapterFiles {
  const { lora } = recipe;
  const adapters = lora.targets
    .filter((t) => !FUSED.includes(t))
    .map((target) => ({ ...moduleOf(target), matrices: matricesOf(program, state, target) }));
  const fused = FUSED.flatMap((target, third) => (lora.targets.includes(target) ? [{ third, m: matricesOf(program, state, target) }] : []));
  if (fused.length > 0) adapters.push({ ...moduleOf('attn.q'), matrices: fuse(fused) });
  const tensors = adapters.flatMap(({ weight, marker, matrices: m }) =>
    (['A', 'B'] as const).flatMap((part) => {
      const [values, shape] = part === 'A' ? [m.a, [m.rank, m.inputs]] : [m.b, [m.outputs, m.rank]];
      const size = values.length / m.layers;
      return Array.from({ length: m.layers }, (_, l) => ({
        name: `base_model.model.${weight.replace(marker, `${marker}${lora.firstLayer + l}.`).replace(/weight$/, `lora_${part}.weight`)}`,
        shape,
        values: values.subarray(l * size, (l + 1) * size),
      }));
    }),
  );
  // The shortest name that tells modules of one kind apart: GPT-2 has two c_proj.
  const module = ({ weight, marker }: (typeof adapters)[number]): string => {
    const path = (weight.split(marker)[1] as string).replace(/\.weight$/, '');
    return marker === '.h.' ? path : (path.split('.').at(-1) as string);
  };
  const patterns = (of: (m: Matrices) => number): Record<string, number> =>
    Object.fromEntries(adapters.flatMap((x) => (x.matrices.rank === lora.rank ? [] : [[module(x), of(x.matrices)]])));
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: baseModel,
    r: lora.rank,
    lora_alpha: lora.alpha,
    rank_pattern: patterns((m) => m.rank),
    alpha_pattern: patterns((m) => (lora.alpha * m.rank) / lora.rank),
    lora_dropout: 0,
    bias: 'none',
    // GPT-2's weights are [in, out].
    fan_in_fan_out: recipe.model.family === 'gpt2',
    inference_mode: true,
    target_modules: adapters.map(module),
    layers_to_transform: Array.from({ length: recipe.model.layers - lora.firstLayer }, (_, l) => lora.firstLayer + l),
  };
  return { config: `${JSON.stringify(config, null, 2)}\n`, weights: encodeSafetensors(tensors, 'F32', { format: 'pt' }) };
}
