import { Command } from 'commander';
import { wordHex } from '../../verifier/bounty.ts';
import { deliveryKeyHash } from '../../verifier/delivery/keys.ts';
import { InputError, type Hex } from '../../verifier/input.ts';
import { escrowOf, findBounty, findClaim } from '../lib/bounties.ts';
import { withChain } from '../lib/chain.ts';
import { action, example } from '../lib/command.ts';
import { loadRevealedKey } from '../lib/delivery/sealed-run.ts';
import { readBounded } from '../lib/files.ts';
import { safeToReveal } from '../lib/keep/duties.ts';
import { signingAccount } from '../lib/keys.ts';
import { chainOptions, digestArgument, type ChainOptions } from '../lib/options.ts';
import { readRun } from '../lib/run-folder.ts';
import { chainView } from '../lib/service/chain-view.ts';

interface Options extends ChainOptions {
  readonly run: string;
  readonly key?: string;
  readonly now?: true;
}

function readKey(path: string): Hex {
  const text = new TextDecoder().decode(readBounded(path, 128)).trim();
  if (!/^0x[0-9a-fA-F]{64}$/.test(text))
    throw new InputError(path, '', 'is no key: 0x and 64 hex digits', 'give the file of the claim’s key');
  return text.toLowerCase() as Hex;
}

/** `fineproof reveal` */
export function revealCommand(): Command {
  const command = chainOptions(
    new Command('reveal')
      .description('show the key of your accepted claim, so that the poster can open the adapter')
      .argument('<claim>', 'claim id', digestArgument),
  )
    .option('--run <folder>', 'folder of the run, or of imported secrets, which has the claim’s key', 'run')
    .option('--key <file>', 'file with the key instead: 0x and 64 hex digits')
    .option('--now', 'do not wait until the acceptance is settled');
  example(command, 'fineproof reveal 0x7c…90 --run run/ --escrow 0x…');
  return action<Options>(command, ([id], options) =>
    withChain(options.rpc, async (chain) => {
      const given = options.key === undefined ? null : readKey(options.key);
      const escrow = await escrowOf(chain, options.escrow);
      const claim = await findClaim(escrow, id as Hex);
      // The key is worth the adapter: it must not reach a node before the payment is sure, nor one of another claim at all.
      if (claim.status !== 'accepted')
        throw new InputError(
          'claim',
          '',
          `${claim.id} is ${claim.status}, not accepted`,
          'reveal the key once `fineproof accept` went through',
        );
      const bounty = await findBounty(escrow, claim.bountyId);
      const head = await chainView(escrow, claim.bountyId).head();
      const accepted = await escrow.events('Accepted', { claimId: claim.id }, claim.block);
      const acceptedIn = accepted.at(-1)?.blockNumber ?? null;
      if (
        options.now !== true &&
        !safeToReveal({ settled: head.settled, now: head.time, terms: bounty.terms }, { acceptedIn, deadline: claim.deadline })
      )
        throw new InputError(
          'claim',
          '',
          `was accepted in block ${acceptedIn}, which is not settled (block ${head.settled} is)`,
          'wait, since a reorganisation would leave the poster with the key and you without the acceptance; or give --now',
        );
      const key = given ?? (await loadRevealedKey(readRun(options.run), claim.body, options.run));
      if (wordHex(deliveryKeyHash(BigInt(claim.bountyId), BigInt(claim.claimant), BigInt(key))) !== claim.body.keyHash)
        throw new InputError(
          options.key ?? options.run,
          '',
          'is not the key that the claim names',
          'give the key of this claim; nothing was sent',
        );
      const sent = await escrow.reveal(await signingAccount(), bounty.terms, claim.claimant, claim.body, key);
      const { deadline } = await findClaim(escrow, claim.id);
      return {
        json: { claim: claim.id, bounty: bounty.id, complainBy: deadline, transaction: sent.hash, gas: sent.gas },
        text: `revealed; paid by \`fineproof settle\` from ${new Date(Number(deadline) * 1000).toISOString()} on, unless the poster proves a wrong row`,
      };
    }),
  );
}
