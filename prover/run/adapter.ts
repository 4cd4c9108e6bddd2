/** The final adapter as the ecosystem's tools read it: adapter_config.json and adapter_model.safetensors in PEFT's layout. */
import type { Content } from '../../verifier/cards.ts';
import { weightName } from '../../verifier/models/ops/linear.ts';
import type { Recipe } from '../../verifier/models/recipe.ts';
import type { Program } from '../../verifier/program/types.ts';
import { encodeSafetensors } from '../model/safetensors.ts';

export interface AdapterFiles {
  readonly config: string;
  readonly weights: Uint8Array;
}

/** `state` is the final state: `state.in.<layer>.A` [layers, rank, in] and `.B` [layers, out, rank], value / 2^f. */
export function exportAdapter(program: Program, recipe: Recipe, state: Content, baseModel: string): AdapterFiles {
  const { lora } = recipe;
  const tensors = lora.targets.flatMap((target) =>
    (['A', 'B'] as const).flatMap((part) => {
      const tensor = program.tensors.find((t) => t.name === `state.in.${target}.${part}`);
      const values = state[`state.in.${target}.${part}`];
      if (tensor === undefined || values === undefined) throw new Error(`the state has no ${target}.${part}`);
      const [layers, ...shape] = tensor.axes.map((a) => a.size) as [number, number, number];
      const size = values.length / layers;
      return Array.from({ length: layers }, (_, l) => ({
        name: `base_model.model.${weightName(target)
          .replace('layers.', `layers.${lora.firstLayer + l}.`)
          .replace(/weight$/, `lora_${part}.weight`)}`,
        shape,
        values: Array.from(values.subarray(l * size, (l + 1) * size), (v) => v / 2 ** tensor.f),
      }));
    }),
  );
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: baseModel,
    r: lora.rank,
    lora_alpha: lora.alpha,
    lora_dropout: 0,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    target_modules: lora.targets,
    layers_to_transform: Array.from({ length: recipe.model.layers - lora.firstLayer }, (_, l) => lora.firstLayer + l),
  };
  return { config: `${JSON.stringify(config, null, 2)}\n`, weights: encodeSafetensors(tensors, 'F32', { format: 'pt' }) };
}
