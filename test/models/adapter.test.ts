/** Exported adapters in PEFT's layout: added to the base weights as PEFT merges them, they give the program's own loss. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openSafetensors } from '../../prover/model/safetensors.ts';
import { exportAdapter } from '../../prover/run/adapter.ts';
import { Walker } from '../../prover/trainer/walk.ts';
import { buildEvaluation } from '../../verifier/models/build.ts';
import { meanLoss } from '../../verifier/models/loss.ts';
import { LINEAR_LAYERS, type Recipe } from '../../verifier/models/recipe.ts';
import { modelTensors } from '../../verifier/models/tensors.ts';
import { tinyGpt2 } from '../fixtures/gpt2.ts';
import { randomInputs, tinyRecipe } from '../fixtures/llama.ts';

interface PeftConfig {
  readonly r: number;
  readonly lora_alpha: number;
  readonly rank_pattern: Readonly<Record<string, number>>;
  readonly alpha_pattern: Readonly<Record<string, number>>;
  readonly fan_in_fan_out: boolean;
  readonly target_modules: readonly string[];
}

/** PEFT's W + (alpha / r)·B·A, transposed where weights are [in, out], on the files' own tensors; a pattern fits the end of a module's name. */
function merge(
  recipe: Recipe,
  config: PeftConfig,
  weights: Uint8Array,
  inputs: Map<string, Float64Array>,
  f: (name: string) => number,
): number {
  const file = openSafetensors(weights, 'adapter_model.safetensors');
  const fits = (module: string, pattern: string): boolean => module === pattern || module.endsWith(`.${pattern}`);
  const patterned = (module: string, patterns: Readonly<Record<string, number>>, otherwise: number): number =>
    Object.entries(patterns).find(([p]) => fits(module, p))?.[1] ?? otherwise;
  let merged = 0;
  for (const t of modelTensors(recipe.model, recipe.precision))
    t.sources.forEach((source, l) => {
      const module = source.replace(/\.weight$/, '');
      const [a, b] = ['A', 'B'].map((part) => `base_model.model.${module}.lora_${part}.weight`);
      if (!file.names.includes(a as string)) return;
      assert.ok(
        config.target_modules.some((p) => fits(module, p)),
        module,
      );
      const [A, B] = [file.read(a as string), file.read(b as string)];
      const [rank, inside] = A.shape as [number, number];
      const [outside] = B.shape as [number, number];
      assert.deepEqual(B.shape, [outside, rank]);
      assert.equal(rank, patterned(module, config.rank_pattern, config.r));
      const scale = patterned(module, config.alpha_pattern, config.lora_alpha) / rank;
      const cells = inputs.get(t.name) as Float64Array;
      for (let o = 0; o < outside; o++)
        for (let i = 0; i < inside; i++) {
          let sum = 0;
          for (let k = 0; k < rank; k++) sum += (B.values[o * rank + k] as number) * (A.values[k * inside + i] as number);
          const at = l * inside * outside + (config.fan_in_fan_out ? i * outside + o : o * inside + i);
          cells[at] = (cells[at] as number) + scale * sum * 2 ** f(t.name);
        }
      merged++;
    });
  return merged;
}

describe('adapters in PEFT’s layout', () => {
  for (const [title, recipe, modules] of [
    ['LLaMA, q and v', tinyRecipe, 4],
    ['GPT-2, q and v as one adapter of twice the rank', tinyGpt2, 2],
    ['GPT-2, k alone', { ...tinyGpt2, lora: { ...tinyGpt2.lora, targets: ['attn.k'] } }, 2],
    ['GPT-2, everywhere from layer 1 on', { ...tinyGpt2, lora: { ...tinyGpt2.lora, firstLayer: 1, targets: LINEAR_LAYERS.gpt2 } }, 4],
  ] as const)
    it(title, () => {
      const { program } = buildEvaluation({ ...recipe, steps: 1, perProof: 1 });
      const f = (name: string): number => program.tensors.find((t) => t.name === name)?.f ?? NaN;
      const inputs = randomInputs(program, 5);
      const walker = new Walker(program);
      const loss = meanLoss(program, walker.walkFloat(0, inputs));
      const isState = (name: string): boolean => name.startsWith('state.in.');
      const files = exportAdapter(program, recipe, Object.fromEntries([...inputs].filter(([name]) => isState(name))), 'base');
      const bare = new Map([...inputs].map(([name, cells]) => [name, isState(name) ? new Float64Array(cells.length) : cells.slice()]));
      const without = meanLoss(program, walker.walkFloat(0, bare));
      assert.equal(merge(recipe, JSON.parse(files.config) as PeftConfig, files.weights, bare, f), modules);
      const merged = meanLoss(program, walker.walkFloat(0, bare));
      assert.ok(Math.abs(without - loss) > 1e-3, 'the adapter matters');
      assert.ok(Math.abs(merged - loss) < 1e-5, `${merged} merged, ${loss} with the adapter`);
    });
});
