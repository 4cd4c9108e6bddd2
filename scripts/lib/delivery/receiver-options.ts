/** What the poster's commands share: their options, and a receiver for a package. */
import { Option, type Command } from 'commander';
import type { Engine } from '../../../verifier/engine.ts';
import { bundleSource } from '../bundles.ts';
import type { Escrow } from '../chain.ts';
import { etherOption } from '../options.ts';
import type { OpenPackage } from '../package.ts';
import { openClaimStores, sourceOptions, type SourceOptions } from '../stores/open.ts';
import { loadKey } from './key-file.ts';
import { checkKey, type Receiver } from './receiving.ts';

export interface ReceiverOptions extends SourceOptions {
  readonly package: string;
  readonly keys: string;
}

/** --package, --keys and where bundles and ciphertexts lie. */
export const receiverOptions = (command: Command): Command =>
  sourceOptions(command)
    .requiredOption('--package <folder>', 'the bounty’s package')
    .requiredOption('--keys <file>', 'the bounty’s delivery key, from `keys new`');

export const demandOption = (): Option =>
  new Option('--demand-up-to <ether>', 'ask for rows that no store gives on the chain, for at most so much in fees')
    .argParser(etherOption)
    .default(0n, 'nothing is asked for');

export async function receiverOf({ bounty }: OpenPackage, escrow: Escrow, options: ReceiverOptions, engine: Engine): Promise<Receiver> {
  const key = await loadKey(options.keys);
  checkKey(bounty, key, options.keys);
  const stores = openClaimStores(options);
  return { escrow, bounty, key, stores, bundles: bundleSource([], stores), engine };
}
