/** What time has ended: calls that are open to anybody once a party did not do its part, or has done it and nobody objected. */
import type { Account, Address } from 'viem';
import type { Hex } from '../../verifier/input.ts';
import { RULE } from '../../verifier/statement.ts';
import { listClaims, type PostedBounty } from './bounties.ts';
import { BOUNTY_STATUS, CLAIM_STATUS, type Escrow } from './chain.ts';
import { settleDemands } from './demands.ts';

/** Ids of claims by what happened to them; of demands their claims; of entries their entrants. */
export interface Ended {
  /** Without a verdict in time; the bond is back. */
  readonly lapsed: Hex[];
  /** Another claim was paid; the bond is back. */
  readonly released: Hex[];
  /** Paid after a verdict that the account signed; its signers have their fees. */
  readonly collected: Hex[];
  /** The key was not shown in time; the poster has the bond. */
  readonly unrevealed: Hex[];
  /** Nobody complained in time: paid. */
  readonly settled: Hex[];
  /** A demand was not answered in time. */
  readonly defaulted: Hex[];
  /** The claim of an open demand has ended; the fee is back. */
  readonly reclaimed: Hex[];
  /** The inputs were not shown in time: the bounty is refunded. */
  readonly undisclosed: Hex[];
  /** Entries that no claim used; the bond is back. */
  readonly entries: Address[];
}

/** Makes all these calls for one bounty, fees of attesters only for one of them. Each is checked before it is sent, so what is not due yet is left alone. */
export async function endWhatIsDue(escrow: Escrow, account: Account, bounty: PostedBounty): Promise<Ended> {
  const done: Ended = {
    lapsed: [],
    released: [],
    collected: [],
    unrevealed: [],
    settled: [],
    defaulted: [],
    reclaimed: [],
    undisclosed: [],
    entries: [],
  };
  const { terms } = bounty;
  const { timestamp } = await escrow.chain.client.getBlock();
  // Every call may end the bounty or a claim, so the state is read again before each.
  const stateOf = async (id: Hex) => {
    const [record, { status }] = await Promise.all([escrow.claimOf(id), escrow.bounty(bounty.id)]);
    return { ...record, status: CLAIM_STATUS[record.status] ?? 'none', open: BOUNTY_STATUS[status] === 'open' };
  };

  for (const claim of await listClaims(escrow, bounty.id)) {
    const { defaulted, reclaimed } = await settleDemands(escrow, account, terms, claim, 'anyone');
    if (defaulted !== null) done.defaulted.push(claim.id);
    done.reclaimed.push(...reclaimed.map(() => claim.id));
  }
  for (const { id } of await listClaims(escrow, bounty.id)) {
    const { status, open, deadline, attesters, collected, openRowDemands } = await stateOf(id);
    const due = open && deadline <= timestamp;
    // Its gas is for who gets something by it.
    const signed = terms.signers.some((signer, i) => signer === account.address && ((attesters >> i) & 1) === 1);
    if (status === 'superseded') {
      await escrow.release(account, terms, id);
      done.released.push(id);
    } else if (status === 'paid' && signed && !collected) {
      await escrow.collect(account, terms, id);
      done.collected.push(id);
    } else if (due && status === 'pending' && terms.rule === RULE.attested && attesters === 0) {
      await escrow.lapse(account, terms, id);
      done.lapsed.push(id);
    } else if (due && status === 'accepted') {
      await escrow.unrevealed(account, terms, id);
      done.unrevealed.push(id);
    } else if (due && status === 'revealed' && openRowDemands === 0) {
      await escrow.settle(account, terms, id);
      done.settled.push(id);
    }
  }
  if (terms.discloseBy !== 0n) await endEntries(escrow, account, bounty, timestamp, done);
  return done;
}

async function endEntries(escrow: Escrow, account: Account, bounty: PostedBounty, timestamp: bigint, done: Ended): Promise<void> {
  const { terms, id } = bounty;
  const record = await escrow.bounty(id);
  const open = BOUNTY_STATUS[record.status] === 'open';
  if (open && !record.disclosed && terms.discloseBy <= timestamp) {
    await escrow.undisclosed(account, terms);
    done.undisclosed.push(id);
  } else if (open && (!record.disclosed || terms.claimBy > timestamp)) return;
  for (const { args } of await escrow.events('Entered', { bountyId: id })) {
    if (!(await escrow.entryOf(id, args.entrant)).holdsBond) continue;
    await escrow.releaseEntry(account, terms, args.entrant);
    done.entries.push(args.entrant);
  }
}

/** For people: what was ended, a line each; empty if nothing was due. */
export const endedLines = (ended: Ended): string[] =>
  Object.entries(ended).flatMap(([what, ids]) => (ids as readonly string[]).map((id) => `${what}: ${id}`));
