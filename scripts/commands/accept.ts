import { Command } from 'commander';
import type { Hex } from '../../verifier/input.ts';
import { escrowOf, findBounty, findClaim, type PostedClaim } from '../lib/bounties.ts';
import { withChain } from '../lib/chain.ts';
import { amountOf, fetchWith, readCoin } from '../lib/coins.ts';
import { action, example } from '../lib/command.ts';
import { signingAccount } from '../lib/keys.ts';
import { chainOptions, digestArgument, type ChainOptions } from '../lib/options.ts';
import { nothingUnderWay } from '../lib/sending.ts';

/** States of a claim that `accept` leads to. */
const ACCEPTED: readonly PostedClaim['status'][] = ['accepted', 'revealed', 'paid'];

/** `fineproof accept` */
export function acceptCommand(): Command {
  const command = chainOptions(
    new Command('accept')
      .description('settle a claim that is attested, or whose window passed: reward and bond are credited to the claimant')
      .argument('<claim>', 'claim id', digestArgument),
  );
  example(command, 'fineproof accept 0x7c…90 --escrow 0x…');
  return action<ChainOptions>(command, ([id], options) =>
    withChain(options.rpc, async (chain) => {
      const escrow = await escrowOf(chain, options.escrow);
      const claim = await findClaim(escrow, id as Hex);
      const bounty = await findBounty(escrow, claim.bountyId);
      const account = await signingAccount();
      await nothingUnderWay(chain, account);
      const already = ACCEPTED.includes((await findClaim(escrow, claim.id)).status);
      const sent = already ? null : await escrow.accept(account, bounty.terms, claim.id);
      const { status, deadline } = await findClaim(escrow, claim.id);
      const paid = status === 'paid';
      const { reward, token } = bounty.terms;
      return {
        json: {
          claim: claim.id,
          bounty: bounty.id,
          claimant: claim.claimant,
          paid,
          already,
          transaction: sent?.hash ?? null,
          gas: sent?.gas ?? null,
        },
        text: paid
          ? `${already ? 'already ' : ''}paid: ${amountOf(reward, await readCoin(chain, token))} credited to ${claim.claimant}; fetch it with ${fetchWith(token)}`
          : `accepted: the claimant must \`fineproof reveal\` before ${new Date(Number(deadline) * 1000).toISOString()}`,
      };
    }),
  );
}
