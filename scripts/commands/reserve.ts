import { Command } from 'commander';
import { formatEther } from 'viem';
import type { Hex } from '../../verifier/input.ts';
import { escrowOf, findBounty } from '../lib/bounties.ts';
import { withChain } from '../lib/chain.ts';
import { action, example } from '../lib/command.ts';
import { signingAccount } from '../lib/keys.ts';
import { chainOptions, digestArgument, type ChainOptions } from '../lib/options.ts';

/** `fineproof reserve` */
export function reserveCommand(): Command {
  const command = chainOptions(
    new Command('reserve')
      .description('keep others from claiming a bounty for a while; the bond is lost if no claim follows')
      .argument('<bounty>', 'bounty id', digestArgument),
  );
  example(command, 'fineproof reserve 0x5f…e1 --escrow 0x…');
  return action<ChainOptions>(command, ([id], options) =>
    withChain(options.rpc, async (chain) => {
      const escrow = await escrowOf(chain, options.escrow);
      const bounty = await findBounty(escrow, id as Hex);
      const sent = await escrow.reserve(await signingAccount(), bounty.terms);
      const until = (await escrow.bounty(bounty.id)).reservedUntil;
      return {
        json: { bounty: bounty.id, until, bond: bounty.terms.bond, transaction: sent.hash, gas: sent.gas },
        text: `reserved until ${new Date(until * 1000).toISOString()} for a bond of ${formatEther(bounty.terms.bond)}`,
      };
    }),
  );
}
