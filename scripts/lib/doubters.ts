/** What the commands that doubt claims share: their options, and a doubter for a package. */
import { Option, type Command } from 'commander';
import type { LocalAccount } from 'viem';
import { bundleBytes } from '../../verifier/bundle.ts';
import type { OpenBounty } from '../../verifier/bounty.ts';
import type { Engine } from '../../verifier/engine.ts';
import type { Escrow } from './chain.ts';
import type { Doubt, Doubter } from './doubt.ts';
import { nodeText } from './demands.ts';
import { verifierOf } from './optimistic.ts';
import { etherOption, storeOption } from './options.ts';

export interface DoubtOptions {
  readonly store: string;
  readonly demandUpTo: bigint;
}

export const doubtOptions = (command: Command): Command =>
  storeOption(command).addOption(
    new Option('--demand-up-to <ether>', 'ask for withheld data on the chain, for at most so much in fees a claim')
      .argParser(etherOption)
      .default(0n, 'nothing is asked for'),
  );

/** Records the verifier anew; refuses a key that is not its. */
export const doubterOf = (bounty: OpenBounty, escrow: Escrow, account: LocalAccount, options: DoubtOptions, engine: Engine): Doubter => ({
  escrow,
  terms: bounty.terms,
  verifier: verifierOf(bounty, engine),
  bundleBytes: bundleBytes(bounty.compiled),
  account,
  store: options.store,
  engine,
  spend: options.demandUpTo,
});

const time = (seconds: bigint): string => new Date(Number(seconds) * 1000).toISOString().replace('.000Z', 'Z');

/** A line for people. */
export function doubtText(claim: string, doubt: Doubt): string {
  const said = (): string => {
    switch (doubt.state) {
      case 'right':
        return 'right: it cannot be refuted';
      case 'challenged':
        return `REFUTED: ${doubt.fault} at ${doubt.where}; ${doubt.sent.hash}, ${doubt.sent.gas} gas`;
      case 'defaulted':
        return `ended: it left a demand unanswered; ${doubt.sent.hash}`;
      case 'waiting':
        return `waiting: ${doubt.what}, until ${time(doubt.until)}: ${nodeText(doubt.nodes[0] as (typeof doubt.nodes)[number])}`;
      case 'withheld':
        return `data is withheld: ${doubt.what}; allow it with --demand-up-to`;
      case 'unseen':
        return 'the node told of it, and does not know it now: it lags behind, or the block is gone; looked at again';
      case 'over':
        return `over: ${doubt.status}`;
    }
  };
  return `claim ${claim}: ${said()}`;
}
