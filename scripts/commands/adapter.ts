import { join } from 'node:path';
import { Command } from 'commander';
import { exportAdapter } from '../../prover/run/adapter.ts';
import { finalState } from '../../prover/run/training.ts';
import { writeAdapter } from '../lib/adapter-files.ts';
import { action, example, table } from '../lib/command.ts';
import { withEngine } from '../lib/engine.ts';
import { openPackage, readRecipe } from '../lib/package.ts';
import { openRun, readClaim } from '../lib/run-folder.ts';

interface Options {
  readonly package: string;
  readonly out: string;
}

/** `fineproof adapter export` */
export function adapterCommand(): Command {
  const command = new Command('export')
    .description('write a run’s final adapter in PEFT’s layout')
    .argument('<run>', 'folder of `train`')
    .requiredOption('--package <folder>', 'the bounty’s package')
    .requiredOption('--out <folder>', 'folder for adapter_config.json and adapter_model.safetensors');
  example(command, 'fineproof adapter export run/ --package bounty/ --out adapter/');
  action<Options>(command, async ([run], options) => {
    const { bounty } = await withEngine('wasm', (engine) => openPackage(options.package, engine));
    const claim = readClaim(join(run as string, 'claim.json'));
    const storage = await openRun(run as string, bounty.id, claim.claimant, false);
    const files = exportAdapter(
      bounty.program,
      readRecipe(options.package),
      await finalState(bounty.program, storage),
      bounty.cards.model.name,
    );
    const { config, weights } = writeAdapter(options.out, files);
    return {
      json: { config, weights, bytes: files.weights.length, adapterRoot: claim.adapterRoot },
      text: table([
        ['config', config],
        ['weights', `${weights}, ${files.weights.length} bytes`],
        ['adapter root', claim.adapterRoot],
      ]),
    };
  });
  return new Command('adapter').description('trained adapters').addCommand(command);
}
