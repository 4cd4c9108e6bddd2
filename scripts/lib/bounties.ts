/** Bounties and claims as the chain's events tell them: nothing here trusts a package. */
import { getAddress, type Address } from 'viem';
import { InputError, type Hex } from '../../verifier/input.ts';
import { bountyId, claimId, type Body, type Terms } from '../../verifier/statement.ts';
import { BOUNTY_STATUS, CLAIM_STATUS, openEscrow, type Chain, type Escrow } from './chain.ts';
import { inTurn } from './scan.ts';

export interface PostedBounty {
  readonly id: Hex;
  readonly terms: Terms;
  readonly status: (typeof BOUNTY_STATUS)[number];
  readonly block: bigint;
  readonly transaction: Hex;
}

export interface PostedClaim {
  readonly id: Hex;
  readonly bountyId: Hex;
  readonly claimant: Address;
  readonly body: Body;
  /** When its first window ends, seconds. */
  readonly acceptFrom: bigint;
  readonly status: (typeof CLAIM_STATUS)[number];
  /** Whether there is a verdict. */
  readonly attested: boolean;
  /** Attesters found it invalid under Both: only its window can make it payable. */
  readonly barred: boolean;
  /** Unanswered demands of bundle and trace. */
  readonly openDemands: number;
  /** Unanswered demands of encrypted rows. */
  readonly openRowDemands: number;
  /** When the turn passes in its present state, seconds. */
  readonly deadline: bigint;
  readonly block: bigint;
  readonly transaction: Hex;
}

/** The escrow of the options, else the one that a package names; refuses another chain than the package's. */
export async function escrowOf(
  chain: Chain,
  given: Address | undefined,
  named?: { readonly chainId: number; readonly escrow: Address },
): Promise<Escrow> {
  if (named !== undefined && named.chainId !== chain.id)
    throw new InputError(
      'bounty.json',
      'chainId',
      `is ${named.chainId}, the node’s chain is ${chain.id}`,
      'give the right node with --rpc',
    );
  if (named !== undefined && given !== undefined && named.escrow !== given)
    throw new InputError('--escrow', '', `is ${given}, the package’s escrow is ${named.escrow}`, 'leave --escrow out');
  const env = process.env['FINEPROOF_ESCROW'];
  const address = given ?? named?.escrow ?? (env === undefined || env === '' ? undefined : getAddress(env));
  if (address === undefined)
    throw new InputError('--escrow', '', 'is missing', 'give the BountyEscrow’s address with --escrow or FINEPROOF_ESCROW');
  return openEscrow(chain, address);
}

async function bountyAt(
  escrow: Escrow,
  event: { args: { bountyId: Hex; terms: Terms }; blockNumber: bigint; transactionHash: Hex },
): Promise<PostedBounty> {
  const { terms } = event.args;
  const id = bountyId(BigInt(escrow.chain.id), escrow.address, terms);
  if (id !== event.args.bountyId)
    throw new InputError(
      'Posted',
      'bountyId',
      `is ${event.args.bountyId}, its terms give ${id}`,
      'the contract at --escrow is not Fineproof’s',
    );
  const { status } = await escrow.bounty(id);
  return { id, terms, status: BOUNTY_STATUS[status] ?? 'none', block: event.blockNumber, transaction: event.transactionHash };
}

/** All bounties of an escrow, oldest first. */
export async function listBounties(escrow: Escrow): Promise<PostedBounty[]> {
  const events = await escrow.events('Posted');
  return inTurn(events, (e) => bountyAt(escrow, e as never));
}

/** One bounty by its id. */
export async function findBounty(escrow: Escrow, id: Hex): Promise<PostedBounty> {
  const [event] = await escrow.events('Posted', { bountyId: id });
  if (event === undefined)
    throw new InputError('bounty', '', `${id} is not posted at ${escrow.address}`, 'list the bounties with `fineproof bounty list`');
  return bountyAt(escrow, event as never);
}

/** The claims of a bounty (of all, without an id), oldest first; from a block on. */
export async function listClaims(escrow: Escrow, bounty?: Hex, fromBlock = 0n): Promise<PostedClaim[]> {
  const events = await escrow.events('Claimed', bounty === undefined ? {} : { bountyId: bounty }, fromBlock);
  return inTurn(events, async (e): Promise<PostedClaim> => {
    const { claimId: id, bountyId: of, claimant, body, acceptFrom } = e.args;
    if (claimId(of, claimant, body) !== id)
      throw new InputError('Claimed', 'claimId', `is ${id}, its body gives another`, 'the contract at --escrow is not Fineproof’s');
    const record = await escrow.claimOf(id);
    return {
      id,
      bountyId: of,
      claimant,
      body,
      acceptFrom,
      status: CLAIM_STATUS[record.status] ?? 'none',
      attested: record.attesters !== 0 || record.barred,
      barred: record.barred,
      openDemands: record.openDemands,
      openRowDemands: record.openRowDemands,
      deadline: record.deadline,
      block: e.blockNumber,
      transaction: e.transactionHash,
    };
  });
}

/** One claim by its id. */
export async function findClaim(escrow: Escrow, id: Hex): Promise<PostedClaim> {
  const record = await escrow.claimOf(id);
  if (record.status === 0)
    throw new InputError('claim', '', `${id} is not known to ${escrow.address}`, 'look with `fineproof bounty show`');
  const claim = (await listClaims(escrow, record.bountyId)).find((c) => c.id === id);
  if (claim === undefined) throw new InputError('claim', '', `the node has no event of ${id}`, 'use a node that keeps old events');
  return claim;
}

/** One claim by its id, of the bounty whose package was given. */
export async function findClaimOf(escrow: Escrow, id: Hex, bounty: Hex): Promise<PostedClaim> {
  const claim = await findClaim(escrow, id);
  if (claim.bountyId !== bounty)
    throw new InputError('claim', '', `is of bounty ${claim.bountyId}, the package’s is ${bounty}`, 'give that bounty’s package');
  return claim;
}
