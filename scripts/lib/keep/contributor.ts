/** A contributor's keeper: its answers come from the folder of the run. */
import { join } from 'node:path';
import type { LocalAccount } from 'viem';
import type { Engine } from '../../../verifier/engine.ts';
import { delivers } from '../../../verifier/delivery/terms.ts';
import { InputError, type Hex } from '../../../verifier/input.ts';
import { answerDemand, openAnswers } from '../answering.ts';
import { loadRevealedKey } from '../delivery/sealed-run.ts';
import { isOptimistic, verifierOf } from '../optimistic.ts';
import type { OpenPackage } from '../package.ts';
import { bodyOf, readClaim, readRun } from '../run-folder.ts';
import type { Sent } from '../chain.ts';
import { contributorPlan, type Duty } from './duties.ts';
import type { Keeping } from './party.ts';
import type { ClaimView, View } from './view.ts';

/** Reads what the run needs to answer. Errors: another bounty's run, another key, files that are missing. */
export async function contributorOf(run: string, { bounty }: OpenPackage, account: LocalAccount, engine: Engine): Promise<Keeping> {
  const file = join(run, 'claim.json');
  const own = readClaim(file);
  if (own.bounty !== bounty.id)
    throw new InputError(file, 'bounty', `is ${own.bounty}, the package’s ${bounty.id}`, 'give the package that was trained');
  if (own.claimant !== account.address)
    throw new InputError(
      'FINEPROOF_PRIVATE_KEY',
      '',
      `belongs to ${account.address}, the run to ${own.claimant}`,
      'sign with the key that trained',
    );
  const verifier = isOptimistic(bounty.terms) ? verifierOf(bounty, engine) : null;
  // Now, because a passphrase may be asked for, and nobody may be there when the time comes.
  const keys = new Map<Hex, Hex>();
  if (delivers(bounty.terms)) keys.set(own.nonce, await loadRevealedKey(readRun(run), bodyOf(own), run));
  const answers = openAnswers(run, bounty, verifier, engine);
  const claimOf = (view: View, id: string): ClaimView => view.claims.find((c) => c.id === id) as ClaimView;
  return {
    plan: (view) => contributorPlan(view, ({ claimant, body }) => claimant === own.claimant && body.bundleRoot === own.bundleRoot),
    async perform(escrow, view, duty: Duty): Promise<Sent> {
      const { terms } = bounty;
      switch (duty.what) {
        case 'answer':
          return answerDemand(escrow, account, bounty, verifier, claimOf(view, duty.claim), duty.node, answers);
        case 'reveal': {
          const { claimant, body } = claimOf(view, duty.claim);
          return escrow.reveal(account, terms, claimant, body, keys.get(body.nonce) ?? (await loadRevealedKey(readRun(run), body, run)));
        }
        case 'withdraw':
          return escrow.withdraw(account, duty.token, account.address);
        case 'defaulted':
          return escrow.defaulted(account, terms, duty.claim, duty.node);
        case 'accept':
        case 'settle':
        case 'lapse':
        case 'release':
        case 'unrevealed':
          return escrow[duty.what](account, terms, duty.claim);
        default:
          throw new InputError('claim', '', `cannot ${duty.what}`, 'that is no claimant’s duty');
      }
    },
  };
}
