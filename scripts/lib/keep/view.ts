/** What of the chain decides about a party's duties, read at its head. */
import type { Address } from 'viem';
import { zeroAddress } from 'viem';
import type { Hex } from '../../../verifier/input.ts';
import type { Body, Terms } from '../../../verifier/statement.ts';
import { BOUNTY_STATUS, CLAIM_STATUS, type Escrow } from '../chain.ts';
import { listDemands, type PostedDemand } from '../demands.ts';
import { LOCAL_CHAIN_ID } from '../local-chain.ts';
import { inTurn } from '../scan.ts';
import type { ChainView } from '../service/chain-view.ts';

/** A claim and its demands. */
export interface ClaimView {
  readonly id: Hex;
  readonly bountyId: Hex;
  readonly claimant: Address;
  readonly body: Body;
  readonly block: bigint;
  readonly status: (typeof CLAIM_STATUS)[number];
  /** When the turn passes in its present state, seconds. */
  readonly deadline: bigint;
  readonly demandsBy: bigint;
  /** Whether a valid verdict was given. */
  readonly attested: boolean;
  readonly openDemands: number;
  readonly openRowDemands: number;
  /** Of live claims, and of ended ones that still have open demands. */
  readonly demands: readonly PostedDemand[];
  /** Block of its acceptance; null unless it is accepted. */
  readonly acceptedIn: bigint | null;
}

export interface View {
  /** Seconds: the time of the newest block; on a local chain, of the next one. */
  readonly now: bigint;
  readonly head: bigint;
  /** The newest block that stays. */
  readonly settled: bigint;
  readonly terms: Terms;
  /** Whose view it is. */
  readonly account: Address;
  readonly bounty: { readonly status: (typeof BOUNTY_STATUS)[number]; readonly first: Hex; readonly disclosed: boolean };
  readonly claims: readonly ClaimView[];
  /** What the account can withdraw, by token; the native coin is the zero address. */
  readonly credits: readonly { readonly token: Address; readonly amount: bigint }[];
}

/** Live: pending, accepted or revealed. */
export const LIVE: readonly ClaimView['status'][] = ['pending', 'accepted', 'revealed'];

export interface ViewSource {
  readonly escrow: Escrow;
  readonly head: ChainView['head'];
  readonly bounty: { readonly id: Hex; readonly terms: Terms };
  /** Whose credit it is. */
  readonly account: Address;
}

/** First block in which the bounty is posted, so that events are not looked for before it; null while it is not. */
export async function postedIn(escrow: Escrow, bounty: Hex): Promise<bigint | null> {
  const [event] = await escrow.events('Posted', { bountyId: bounty });
  return event?.blockNumber ?? null;
}

/** Reads everything about a bounty whose first block is known. */
export async function readView({ escrow, head, bounty, account }: ViewSource, from: bigint): Promise<View> {
  const { client, id: chain } = escrow.chain;
  const { number, time, settled } = await head();
  // A local chain makes no block until somebody sends something: there the next block's time counts.
  const now = chain === LOCAL_CHAIN_ID ? (await client.getBlock({ blockTag: 'pending' })).timestamp : time;
  const { terms } = bounty;
  const record = await escrow.bounty(bounty.id);
  const events = await escrow.events('Claimed', { bountyId: bounty.id }, from);
  const claims = await inTurn(events, async ({ args, blockNumber: block }): Promise<ClaimView> => {
    const { claimId: id, claimant, body } = args;
    const claim = await escrow.claimOf(id);
    const status = CLAIM_STATUS[claim.status] ?? 'none';
    const asked = LIVE.includes(status) || claim.openDemands + claim.openRowDemands > 0;
    const accepted = status === 'accepted' ? await escrow.events('Accepted', { claimId: id }, block) : [];
    return {
      ...{ id, bountyId: bounty.id, claimant, body, block, status },
      ...{ deadline: claim.deadline, demandsBy: claim.demandsBy, attested: claim.attesters !== 0 },
      ...{ openDemands: claim.openDemands, openRowDemands: claim.openRowDemands },
      demands: asked ? await listDemands(escrow, { id, block }) : [],
      acceptedIn: accepted.at(-1)?.blockNumber ?? null,
    };
  });
  const tokens = [...new Set<Address>([zeroAddress, terms.token])];
  const credits = await Promise.all(tokens.map(async (token) => ({ token, amount: await escrow.credit(token, account) })));
  const { status, first, disclosed } = record;
  return {
    now,
    head: number,
    settled,
    terms,
    account,
    bounty: { status: BOUNTY_STATUS[status] ?? 'none', first, disclosed },
    claims,
    credits,
  };
}
