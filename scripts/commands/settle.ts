import { Command } from 'commander';
import type { Hex } from '../../verifier/input.ts';
import { escrowOf, findBounty } from '../lib/bounties.ts';
import { withChain } from '../lib/chain.ts';
import { action, example } from '../lib/command.ts';
import { endedLines, endWhatIsDue } from '../lib/endings.ts';
import { signingAccount } from '../lib/keys.ts';
import { chainOptions, digestArgument, type ChainOptions } from '../lib/options.ts';
import { nothingUnderWay } from '../lib/sending.ts';

/** `fineproof settle` */
export function settleCommand(): Command {
  const command = chainOptions(
    new Command('settle')
      .description('end what is due of a bounty: pay revealed claims, end those whose party missed its time, give bonds and fees back')
      .argument('<bounty>', 'bounty id', digestArgument),
  );
  example(command, 'fineproof settle 0x5f…e1 --escrow 0x…');
  return action<ChainOptions>(command, ([id], options) =>
    withChain(options.rpc, async (chain) => {
      const escrow = await escrowOf(chain, options.escrow);
      const bounty = await findBounty(escrow, id as Hex);
      const account = await signingAccount();
      await nothingUnderWay(chain, account);
      const ended = await endWhatIsDue(escrow, account, bounty);
      const lines = endedLines(ended);
      return { json: { bounty: bounty.id, ...ended }, text: lines.length === 0 ? 'nothing is due' : lines.join('\n') };
    }),
  );
}
