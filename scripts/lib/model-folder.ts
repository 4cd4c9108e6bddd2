/** A model as the hubs ship it: config.json and model.safetensors in one folder. */
import { readConfig } from '../../prover/model/config.ts';
import { importModel, type ImportedTensor } from '../../prover/model/import.ts';
import { openSafetensors } from '../../prover/model/safetensors.ts';
import type { ModelShape, Precision } from '../../verifier/models/recipe.ts';
import { inside, readBounded } from './files.ts';

const MAX_WEIGHTS = 2 ** 31 - 1;

export interface ModelFolder {
  /** Path of config.json. */
  readonly config: string;
  readonly shape: ModelShape;
  readonly tensors: readonly ImportedTensor[];
}

/** The shape that a folder's config.json gives. */
export function readShape(folder: string): { readonly config: string; readonly shape: ModelShape } {
  const config = inside(folder, 'config.json');
  return { config, shape: readConfig(readBounded(config, 1 << 20), config) };
}

/** Reads the weights as integers of the given precision. */
export function importModelFolder(folder: string, precision: Precision): ModelFolder {
  const { config, shape } = readShape(folder);
  const weights = inside(folder, 'model.safetensors');
  const file = openSafetensors(readBounded(weights, MAX_WEIGHTS), weights);
  return { config, shape, tensors: importModel(shape, file, precision, weights) };
}
