import { Command } from 'commander';
import { formatEther } from 'viem';
import type { Hex } from '../../verifier/input.ts';
import { escrowOf, findBounty } from '../lib/bounties.ts';
import { withChain } from '../lib/chain.ts';
import { action, example } from '../lib/command.ts';
import { signingAccount } from '../lib/keys.ts';
import { chainOptions, digestArgument, type ChainOptions } from '../lib/options.ts';

interface Options extends ChainOptions {
  readonly adapter: Hex;
}

/** `fineproof enter` */
export function enterCommand(): Command {
  const command = chainOptions(
    new Command('enter')
      .description('enter a bounty that judges by hidden inputs with one adapter, before they are shown')
      .argument('<bounty>', 'bounty id', digestArgument),
  ).requiredOption('--adapter <root>', 'root of the adapter', digestArgument);
  example(command, 'fineproof enter 0x5f…e1 --adapter 0x77…02 --escrow 0x…');
  return action<Options>(command, ([id], options) =>
    withChain(options.rpc, async (chain) => {
      const escrow = await escrowOf(chain, options.escrow);
      const bounty = await findBounty(escrow, id as Hex);
      const sent = await escrow.enter(await signingAccount(), bounty.terms, options.adapter);
      return {
        json: { bounty: bounty.id, adapter: options.adapter, bond: bounty.terms.bond, transaction: sent.hash, gas: sent.gas },
        text: `entered with ${options.adapter} for a bond of ${formatEther(bounty.terms.bond)}`,
      };
    }),
  );
}
