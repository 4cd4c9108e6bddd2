/** An adapter on disk, in PEFT's layout. */
import { join } from 'node:path';
import type { AdapterFiles } from '../../prover/run/adapter.ts';
import { writeSecret } from './files.ts';

export interface AdapterPaths {
  readonly config: string;
  readonly weights: string;
}

/** Writes both files, each whole or not at all, for their owner alone; the configuration last, so that a reader who finds it finds all. */
export function writeAdapter(folder: string, files: AdapterFiles): AdapterPaths {
  const config = join(folder, 'adapter_config.json');
  const weights = join(folder, 'adapter_model.safetensors');
  writeSecret(weights, files.weights);
  writeSecret(config, files.config);
  return { config, weights };
}
