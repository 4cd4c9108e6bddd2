import { basename, join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { makeModelCard } from '../../prover/cards/model.ts';
import { PRECISIONS, type PrecisionName } from '../lib/bounty-options.ts';
import { cardOptions, saveCard, type CardOptions } from '../lib/card-files.ts';
import { announce } from '../lib/chain.ts';
import { action, example, table } from '../lib/command.ts';
import { readBounded, writeAtomic } from '../lib/files.ts';
import { importModelFolder } from '../lib/model-folder.ts';
import { registryOptions, type RegistryOptions } from '../lib/options.ts';

interface Options extends CardOptions, RegistryOptions {
  readonly out: string;
  readonly name?: string;
  readonly precision: PrecisionName;
}

/** `fineproof model commit` */
export function modelCommand(): Command {
  const commit = new Command('commit')
    .description('make a model card from a folder with config.json and model.safetensors')
    .argument('<folder>', 'LLaMA- or GPT-2-style model as the hubs ship it')
    .requiredOption('--out <folder>', 'folder for the card and its content')
    .option('--name <name>', 'name in the card (default: the folder’s name)')
    .addOption(new Option('--precision <name>', 'widths of weights and values').choices(Object.keys(PRECISIONS)).default('compact'));
  registryOptions(cardOptions(commit));
  example(commit, 'fineproof model commit examples/base --out model/');
  action<Options>(commit, async ([folder], options) => {
    const { config, tensors } = importModelFolder(folder as string, PRECISIONS[options.precision]);
    const made = makeModelCard(options.name ?? basename(resolve(folder as string)), tensors);
    const path = join(options.out, 'model.card.json');
    const { digest, opening } = await saveCard(path, made, options);
    writeAtomic(join(options.out, 'config.json'), readBounded(config, 1 << 20));
    const announced = await announce(options, 'model', digest);
    const parameters = tensors.reduce((n, t) => n + t.values.length, 0);
    return {
      json: { digest, card: path, opening, announced, parameters, bytes: made.bytes.length },
      text: table([
        ['model card', path],
        ['digest', digest],
        ['parameters', String(parameters)],
        ...(announced === null ? [] : [['announced', announced]]),
        opening === null ? ['content', `${made.bytes.length} bytes`] : ['opening', `${opening} (secret)`],
      ]),
    };
  });
  return new Command('model').description('model cards').addCommand(commit);
}
