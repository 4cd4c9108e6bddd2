import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type { Hex } from '../../verifier/input.ts';
import { escrowOf, findClaimOf } from '../lib/bounties.ts';
import { withChain } from '../lib/chain.ts';
import { action, example } from '../lib/command.ts';
import { doubtClaim, mayGoOn } from '../lib/doubt.ts';
import { doubterOf, doubtOptions, doubtText, type DoubtOptions } from '../lib/doubters.ts';
import { withEngine } from '../lib/engine.ts';
import { signingAccount } from '../lib/keys.ts';
import { chainOptions, digestArgument, durationOption, type ChainOptions } from '../lib/options.ts';
import { openPackage } from '../lib/package.ts';

interface Options extends ChainOptions, DoubtOptions {
  readonly package: string;
  readonly wait?: true;
  readonly every: number;
}

/** `fineproof challenge` */
export function challengeCommand(): Command {
  const command = doubtOptions(
    chainOptions(
      new Command('challenge')
        .description('look for a false position of a claim, and refute the claim with it: half its bond is the challenger’s')
        .argument('<claim>', 'claim id', digestArgument),
    ),
  )
    .requiredOption('--package <folder>', 'the bounty’s package')
    .option('--wait', 'wait for answers to demands, instead of ending and going on when called again')
    .option('--every <time>', 'how often to look, with --wait', durationOption, 10);
  example(command, 'FINEPROOF_PRIVATE_KEY=0x… fineproof challenge 0x7c…90 --package bounty/ --store store/');
  return action<Options>(command, ([id], options) =>
    withEngine('wasm', (engine) =>
      withChain(options.rpc, async (chain) => {
        const account = await signingAccount();
        const { bounty, posting } = await openPackage(options.package, engine);
        const escrow = await escrowOf(chain, options.escrow, posting);
        const claim = await findClaimOf(escrow, id as Hex, bounty.id);
        const doubter = doubterOf(bounty, escrow, account, options, engine);
        let doubt = await doubtClaim(doubter, claim);
        while (options.wait === true && doubt.state === 'waiting') {
          await sleep(options.every * 1000);
          if (await mayGoOn(doubter, claim.id, doubt)) doubt = await doubtClaim(doubter, claim);
        }
        const failed = doubt.state === 'right' || doubt.state === 'withheld';
        return { json: { claim: claim.id, bounty: bounty.id, ...doubt }, text: doubtText(claim.id, doubt), failed };
      }),
    ),
  );
}
