/** A tiny LLaMA folder with random weights, and a text. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeLlamaConfig } from '../../../prover/model/config.ts';
import { encodeSafetensors } from '../../../prover/model/safetensors.ts';
import { COMPACT, type LlamaShape } from '../../../verifier/models/recipe.ts';
import { modelTensors } from '../../../verifier/models/tensors.ts';
import { generator } from '../../fixtures/llama.ts';

const shape: LlamaShape = {
  family: 'llama',
  vocab: 256,
  width: 16,
  layers: 2,
  heads: 2,
  kvHeads: 1,
  headWidth: 8,
  ffn: 24,
  ropeTheta: 10000,
  normEps: 1e-5,
  tied: false,
};

/** Writes config.json and model.safetensors. */
export function writeTinyModel(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const random = generator(7);
  const tensors = modelTensors(shape, COMPACT).flatMap((t) => {
    const dims = t.axes.map((a) => a.size).slice(t.axes[0]?.name === 'layer' ? 1 : 0);
    const fan = dims.at(-1) as number;
    return t.sources.map((name) => ({
      name,
      shape: dims,
      values: Array.from({ length: dims.reduce((n, s) => n * s, 1) }, () =>
        name.includes('norm') ? 0.8 + 0.4 * random() : (2 * random() - 1) * Math.sqrt(3 / fan),
      ),
    }));
  });
  writeFileSync(join(folder, 'config.json'), writeLlamaConfig(shape, 64));
  writeFileSync(join(folder, 'model.safetensors'), encodeSafetensors(tensors, 'F32'));
}

export const text = 'When in the Course of human events, it becomes necessary for one people to dissolve the political bands. '.repeat(6);
