import { basename, join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { makeModelCard } from '../../prover/cards/model.ts';
import { InputError } from '../../verifier/input.ts';
import { PRECISIONS, type PrecisionName } from '../lib/bounty-options.ts';
import { savePublicCard } from '../lib/card-files.ts';
import { action, example, table } from '../lib/command.ts';
import { readBounded, writeAtomic } from '../lib/files.ts';
import { importModelFolder } from '../lib/model-folder.ts';

interface Options {
  readonly out: string;
  readonly name?: string;
  readonly precision: PrecisionName;
  readonly hidden?: true;
}

/** `fineproof model commit` */
export function modelCommand(): Command {
  const commit = new Command('commit')
    .description('make a model card from a folder with config.json and model.safetensors')
    .argument('<folder>', 'LLaMA-style model as the hubs ship it')
    .requiredOption('--out <folder>', 'folder for the card and its content')
    .option('--name <name>', 'name in the card (default: the folder’s name)')
    .addOption(new Option('--precision <name>', 'widths of weights and values').choices(Object.keys(PRECISIONS)).default('compact'))
    .option('--hidden', 'commit to the weights instead of publishing them; writes a secret opening file');
  example(commit, 'fineproof model commit examples/base --out model/');
  action<Options>(commit, async ([folder], options) => {
    if (options.hidden === true)
      throw new InputError(
        '--hidden',
        '',
        'hidden cards need a range proof, which this version cannot make yet',
        'publish the weights, or wait for it',
      );
    const { config, tensors } = importModelFolder(folder as string, PRECISIONS[options.precision]);
    const made = makeModelCard(options.name ?? basename(resolve(folder as string)), tensors);
    const path = join(options.out, 'model.card.json');
    const digest = savePublicCard(path, made);
    writeAtomic(join(options.out, 'config.json'), readBounded(config, 1 << 20));
    const parameters = tensors.reduce((n, t) => n + t.values.length, 0);
    return {
      json: { digest, card: path, parameters, bytes: made.bytes.length },
      text: table([
        ['model card', path],
        ['digest', digest],
        ['parameters', String(parameters)],
        ['content', `${made.bytes.length} bytes`],
      ]),
    };
  });
  return new Command('model').description('model cards').addCommand(commit);
}
