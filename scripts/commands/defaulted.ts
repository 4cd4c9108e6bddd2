import { Command } from 'commander';
import { InputError, type Hex } from '../../verifier/input.ts';
import { escrowOf, findBounty, findClaim } from '../lib/bounties.ts';
import { withChain } from '../lib/chain.ts';
import { action, example } from '../lib/command.ts';
import { nodeText, settleDemands } from '../lib/demands.ts';
import { signingAccount } from '../lib/keys.ts';
import { chainOptions, digestArgument, type ChainOptions } from '../lib/options.ts';

/** `fineproof defaulted` */
export function defaultedCommand(): Command {
  const command = chainOptions(
    new Command('defaulted')
      .description('end a claim that left a demand unanswered, and give the fees of an ended claim’s open demands back')
      .argument('<claim>', 'claim id', digestArgument),
  );
  example(command, 'fineproof defaulted 0x7c…90 --escrow 0x…');
  return action<ChainOptions>(command, ([id], options) =>
    withChain(options.rpc, async (chain) => {
      const account = await signingAccount();
      const escrow = await escrowOf(chain, options.escrow);
      const claim = await findClaim(escrow, id as Hex);
      const { terms } = await findBounty(escrow, claim.bountyId);
      const { defaulted, reclaimed } = await settleDemands(escrow, account, terms, claim);
      if (defaulted === null && reclaimed.length === 0)
        throw new InputError(
          'claim',
          '',
          `${claim.id} left no demand unanswered so far`,
          'wait for the end of `answerBy`, or demand something',
        );
      return {
        json: { claim: claim.id, bounty: claim.bountyId, defaulted, reclaimed },
        text: [
          ...(defaulted === null ? [] : [`rejected: ${nodeText(defaulted.node)} was not answered; half the bond to ${defaulted.demander}`]),
          ...reclaimed.map((node) => `fee given back: ${nodeText(node)}`),
        ].join('\n'),
      };
    }),
  );
}
