import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { byteTokenizer, jsonTokenizer, type TextTokenizer } from '../../prover/cards/tokens.ts';
import { makeDataCards } from '../../prover/cards/data.ts';
import { InputError, toHex, type Hex } from '../../verifier/input.ts';
import { announce } from '../lib/chain.ts';
import { action, example, table } from '../lib/command.ts';
import { readBounded } from '../lib/files.ts';
import { integerOption, registryOptions, type RegistryOptions } from '../lib/options.ts';
import { cardOptions, saveCard, savePublicCard, type CardOptions } from '../lib/card-files.ts';

interface Options extends CardOptions, RegistryOptions {
  readonly out: string;
  readonly name?: string;
  readonly batch: number;
  readonly sequence: number;
  readonly batches?: number;
  readonly seed?: string;
  readonly tokenizer?: string;
  readonly vocabulary?: number;
}

const MAX_TEXT = 1 << 30;

function tokenizerOf(options: Options): TextTokenizer {
  if (options.tokenizer === undefined) return byteTokenizer;
  if (options.vocabulary === undefined)
    throw new InputError('--vocabulary', '', 'is missing', 'give the vocab_size of the model’s config.json');
  return jsonTokenizer(readBounded(options.tokenizer, 64 << 20), options.tokenizer, options.vocabulary);
}

/** `fineproof data commit` */
export function dataCommand(): Command {
  const commit = new Command('commit')
    .description('make a data card: tokens in training order, and a held-out batch')
    .argument('<text>', 'UTF-8 text file')
    .requiredOption('--out <folder>', 'folder for the cards and their content')
    .option('--name <name>', 'name in the card (default: the file’s name)')
    .option('--batch <n>', 'windows in a batch', integerOption(1, 65536), 4)
    .option('--sequence <n>', 'tokens in a window', integerOption(2, 65536), 32)
    .option('--batches <n>', 'batches to keep (default: all)', integerOption(1, 1 << 24))
    .option('--seed <hex>', 'public seed of the shuffle, 32 bytes (default: random)')
    .option('--tokenizer <file>', 'tokenizer.json of the model folder (default: UTF-8 bytes, vocabulary 256)')
    .option('--vocabulary <n>', 'vocab_size of the model, with --tokenizer', integerOption(2, 1 << 24));
  registryOptions(cardOptions(commit));
  example(commit, 'fineproof data commit book.txt --batch 4 --sequence 32 --out data/');
  action<Options>(commit, async ([file], options) => {
    const text = readBounded(file as string, MAX_TEXT);
    if (options.seed !== undefined && !/^0x[0-9a-f]{64}$/.test(options.seed))
      throw new InputError('--seed', '', 'is not 0x and 64 lower-case hex digits', 'leave it out for a random one');
    const { training, heldOut } = makeDataCards(text, file as string, tokenizerOf(options), {
      name: options.name ?? (file as string).split(/[\\/]/).pop() ?? 'data',
      batch: options.batch,
      sequence: options.sequence,
      ...(options.batches === undefined ? {} : { batches: options.batches }),
      shuffleSeed: (options.seed as Hex | undefined) ?? toHex(randomBytes(32)),
    });
    const card = join(options.out, 'data.card.json');
    const held = join(options.out, 'held-out.card.json');
    const { digest, opening } = await saveCard(card, training, options);
    // The end of a hidden text is not published either, nor one that an earlier call left here.
    if (options.hidden === true) rmSync(held, { force: true });
    const heldDigest = options.hidden === true ? null : savePublicCard(held, heldOut);
    const announced = await announce(options, 'data', digest);
    const tokens = training.card.tokens as NonNullable<typeof training.card.tokens>;
    return {
      json: {
        digest,
        card,
        opening,
        announced,
        heldOut: heldDigest === null ? null : { digest: heldDigest, card: held },
        batches: tokens.batches,
        vocabulary: tokens.vocabulary,
        shuffleSeed: tokens.shuffleSeed,
      },
      text: table([
        ['data card', card],
        ['digest', digest],
        ...(opening === null ? [] : [['opening', `${opening} (secret)`]]),
        ...(announced === null ? [] : [['announced', announced]]),
        ['batches', `${tokens.batches} of ${tokens.batch} × ${tokens.sequence} tokens, vocabulary ${tokens.vocabulary}`],
        ...(heldDigest === null ? [] : [['held out', `${held} (one batch, never trained on)`]]),
      ]),
    };
  });
  return new Command('data').description('data cards').addCommand(commit);
}
