/** Demands on a claim's trees, and their answers, as the chain tells them. */
import type { Account, Address } from 'viem';
import { InputError, type Hex } from '../../verifier/input.ts';
import type { Terms } from '../../verifier/statement.ts';
import { answerIn, type AnsweredRoot } from './answer-words.ts';
import type { PostedClaim } from './bounties.ts';
import type { Escrow, Sent } from './chain.ts';
import type { AnswerWords, DemandStatus, TreeNode } from './dispute.ts';

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

/** All demands on a claim, oldest first; from events alone, since there may be thousands. */
export async function listDemands(escrow: Escrow, { id, block }: ClaimAt): Promise<PostedDemand[]> {
  const asked = await escrow.events('Demanded', { claimId: id }, block);
  if (asked.length === 0) return [];
  const key = ({ tree, level, index }: TreeNode): string => `${tree},${level},${index}`;
  const ends = new Map<string, DemandStatus>();
  for (const [event, status] of [
    ['Answered', 'answered'],
    ['Defaulted', 'defaulted'],
    ['Reclaimed', 'reclaimed'],
  ] as const)
    for (const { args } of await escrow.events(event, { claimId: id }, block)) ends.set(key(args.node), status);
  return asked.map(({ args: { node, demander, answerBy } }) => ({ node, demander, answerBy, status: ends.get(key(node)) ?? 'open' }));
}

/** What of a claim its answers are found by. */
export type AnsweredClaim = Pick<PostedClaim, 'id' | 'block'>;

/** The answer that the escrow took for a demand of a node of the tree `of`. The escrow logs each one whole, without a topic. */
export async function readAnswer(escrow: Escrow, claim: AnsweredClaim, node: TreeNode, of: AnsweredRoot): Promise<AnswerWords> {
  const event = (await escrow.events('Answered', { claimId: claim.id }, claim.block)).find((e) => sameNode(e.args.node, node));
  if (event !== undefined) {
    const { logs } = await escrow.chain.client.getTransactionReceipt({ hash: event.transactionHash });
    for (const { topics, data } of logs) {
      const answer = topics.length === 0 ? answerIn(data, node, of) : null;
      // Whichever leads to the root is the right one, whoever logged it.
      if (answer !== null) return answer;
    }
  }
  throw new InputError('claim', '', `the node has no log of the answer for ${nodeText(node)}`, 'use a node that keeps old events');
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
