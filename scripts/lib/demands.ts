/** Demands on a claim's trees, and their answers, as the chain tells them. */
import type { Account, Address } from 'viem';
import { InputError, type Hex } from '../../verifier/input.ts';
import type { Terms } from '../../verifier/statement.ts';
import { answerIn, type AnsweredRoot } from './answer-words.ts';
import type { PostedClaim } from './bounties.ts';
import type { Escrow, Sent } from './chain.ts';
import type { AnswerWords, DemandStatus, TreeNode } from './dispute.ts';
import { inTurn } from './scan.ts';

export interface PostedDemand {
  readonly node: TreeNode;
  readonly demander: Address;
  readonly answerBy: bigint;
  readonly status: DemandStatus;
}

const TREES = ['bundle', 'trace', 'encrypted rows'] as const;
export const nodeText = ({ tree, level, index }: TreeNode): string =>
  `node ${index} of level ${level} of the ${TREES[tree] ?? 'unknown tree'}`;

export const sameNode = (a: TreeNode, b: TreeNode): boolean => a.tree === b.tree && a.level === b.level && a.index === b.index;

/** A claim, and where on the chain to look from. */
export type ClaimAt = Pick<PostedClaim, 'id' | 'block'>;

/** All demands on a claim, oldest first. */
export async function listDemands(escrow: Escrow, { id, block }: ClaimAt): Promise<PostedDemand[]> {
  const events = await escrow.events('Demanded', { claimId: id }, block);
  return inTurn(events, async ({ args: { node } }) => ({ node, ...(await escrow.demandOf(id, node)) }));
}

interface Call {
  readonly input?: Hex;
  readonly calls?: readonly Call[];
}

/** What of a claim its answers are found by. */
export type AnsweredClaim = Pick<PostedClaim, 'id' | 'block'>;

/** The answer in a call, or in one of those that it made: whichever leads to the root is the right one, whoever called whom. */
function answerBelow(call: Call, node: TreeNode, of: AnsweredRoot): AnswerWords | null {
  const own = call.input === undefined ? null : answerIn(call.input, node, of);
  if (own !== null) return own;
  for (const inner of call.calls ?? []) {
    const found = answerBelow(inner, node, of);
    if (found !== null) return found;
  }
  return null;
}

/**
 * The answer that the escrow took for a demand of a node of the tree `of`. It stands in the calldata of a call of the escrow, mostly the transaction's own;
 * where a contract made the call, the node has to trace the transaction.
 */
export async function readAnswer(escrow: Escrow, claim: AnsweredClaim, node: TreeNode, of: AnsweredRoot): Promise<AnswerWords> {
  const { client } = escrow.chain;
  const event = (await escrow.events('Answered', { claimId: claim.id }, claim.block)).find((e) => sameNode(e.args.node, node));
  if (event === undefined)
    throw new InputError('claim', '', `the node has no event of the answer for ${nodeText(node)}`, 'use a node that keeps old events');
  const { input } = await client.getTransaction({ hash: event.transactionHash });
  const direct = answerIn(input, node, of);
  if (direct !== null) return direct;
  let traced: Call;
  try {
    traced = (await client.request({
      method: 'debug_traceTransaction',
      params: [event.transactionHash, { tracer: 'callTracer' }],
    } as never)) as Call;
  } catch {
    traced = {};
  }
  const inner = answerBelow(traced, node, of);
  if (inner === null)
    throw new InputError(
      'claim',
      '',
      `the answer in ${event.transactionHash} was given through a contract`,
      'use a node with debug_traceTransaction and its callTracer',
    );
  return inner;
}

/** What ended because its time was over. */
export interface Overdue {
  /** Set if a demand was not answered in time, which ended the claim. */
  readonly defaulted: { readonly node: TreeNode; readonly demander: Address; readonly sent: Sent } | null;
  /** Open demands of an ended claim, whose fees went back. */
  readonly reclaimed: readonly TreeNode[];
}

/**
 * Ends a claim that left a demand unanswered, then gives back the fees of its other open demands: anyone's, since anyone may, or of one demander alone,
 * since each takes a transaction.
 */
export async function settleDemands(
  escrow: Escrow,
  account: Account,
  terms: Terms,
  claim: ClaimAt,
  of: Address | 'anyone',
): Promise<Overdue> {
  const open = (await listDemands(escrow, claim)).filter((d) => d.status === 'open');
  if (open.length === 0) return { defaulted: null, reclaimed: [] };
  const { timestamp } = await escrow.chain.client.getBlock();
  const late = open.find((d) => d.answerBy <= timestamp);
  let defaulted: Overdue['defaulted'] = null;
  if (late !== undefined && (await isLive(escrow, claim.id))) {
    const sent = await escrow.defaulted(account, terms, claim.id, late.node);
    defaulted = { node: late.node, demander: late.demander, sent };
  }
  const reclaimed: TreeNode[] = [];
  if (!(await isLive(escrow, claim.id)))
    for (const { node, demander } of open) {
      if ((of !== 'anyone' && demander !== of) || (defaulted !== null && sameNode(node, defaulted.node))) continue;
      await escrow.reclaim(account, terms, claim.id, node);
      reclaimed.push(node);
    }
  return { defaulted, reclaimed };
}

/** Pending, Accepted or Revealed, of a bounty that is open. */
export async function isLive(escrow: Escrow, claim: Hex): Promise<boolean> {
  const { status, bountyId } = await escrow.claimOf(claim);
  return status >= 1 && status <= 3 && (await escrow.bounty(bountyId)).status === 1;
}
