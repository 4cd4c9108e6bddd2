/** What a poster has to do now, from what the chain shows and what lies on this machine. */
import { isAddressEqual } from 'viem';
import { delivers } from '../../../verifier/delivery/terms.ts';
import type { Hex } from '../../../verifier/input.ts';
import { KIND } from '../../../verifier/statement.ts';
import { rowNodes } from '../delivery/receiving.ts';
import { sameNode } from '../demands.ts';
import { SECONDS_EACH, TREE } from '../dispute.ts';
import { lateEnd, payable, settles, withdrawals, type Duty, type Part, type Plan } from './duties.ts';
import { LIVE, type ClaimView, type View } from './view.ts';

/** What a poster has, and may do. */
export interface Posters {
  /** Whether a part of a claim lies here. */
  has(claim: ClaimView, part: Part): boolean;
  /** Whether a claim's adapter was opened, and written. */
  received(claim: Hex): boolean;
  /** Whether a row of a claim was found wrong. */
  wrong(claim: Hex): boolean;
  /** Whether the inputs are there to be disclosed. */
  readonly inputs: boolean;
  /** Most wei for demands of rows. */
  readonly spend: bigint;
}

const PARTS = ['bundle', 'ciphertext'] as const;

/** Rows are asked for on the chain when half of the time for it has gone and no store gave them; before, if there are so many that it would not do. */
const asksForRows = ({ now, terms }: View, { status, demandsBy }: ClaimView): boolean => {
  const needed = SECONDS_EACH * BigInt(rowNodes({ terms }).length);
  const half = terms.complainFor / 2n;
  return status === 'revealed' && now < demandsBy && now + (needed > half ? needed : half) >= demandsBy;
};

/** Of a claim that promises a delivery, and may be opened: fetched while it is first, opened once its key is shown. */
function deliveryOf(view: View, claim: ClaimView, own: Posters, notes: string[]): Duty[] {
  const { id, status, demands, deadline } = claim;
  if (own.received(id)) return [];
  if (own.wrong(id)) {
    if (status === 'revealed' && view.now < deadline) return [{ what: 'complain', claim: id }];
    if (status === 'revealed' || status === 'paid') notes.push(`claim ${id}: a row is wrong, and the time for complaints is over`);
    return [];
  }
  const missing = PARTS.filter((part) => !own.has(claim, part));
  const duties = missing.map((part): Duty => ({ what: 'fetch', claim: id, part }));
  if (missing.includes('ciphertext') && asksForRows(view, claim)) {
    const nodes = rowNodes({ terms: view.terms });
    const fresh = nodes.filter((node) => !demands.some((d) => d.node.tree === TREE.cipher && sameNode(d.node, node)));
    const cost = BigInt(nodes.length) * view.terms.demandFee;
    const asks = fresh.map((node): Duty => ({ what: 'demand', claim: id, node }));
    if (asks.length > 0 && cost > own.spend)
      notes.push(
        `claim ${id}: no store gives the ciphertext, and asking for it on the chain costs ${cost} wei; allow it with --demand-up-to`,
      );
    else if (asks.length === nodes.length) duties.push(...asks);
    // The stores were tried before the first: a slow one must not come between the others.
    else duties.unshift(...asks);
  }
  // All rows can be seen to be right without the bundle too.
  if (!missing.includes('ciphertext') && (status === 'revealed' || status === 'paid')) duties.push({ what: 'receive', claim: id });
  return duties;
}

/** A poster's duties. */
export function posterPlan(view: View, own: Posters): Plan {
  const { now, bounty, terms, claims, account } = view;
  const open = bounty.status === 'open';
  const duties: Duty[] = [];
  const notes: string[] = [];
  const first = claims.find(({ id }) => id === bounty.first);
  const paid = claims.find(({ status }) => status === 'paid');
  const current = open ? first : paid;
  // What costs the bond comes before what takes time.
  for (const claim of claims) {
    const end = open && LIVE.includes(claim.status) ? lateEnd(view, claim) : null;
    const lapses = end?.what === 'lapse';
    // A claim without a verdict stands in nobody's way before the bounty can be refunded.
    if (end !== null && (!lapses || now >= terms.claimBy)) duties.push(end);
  }
  // Once nobody can claim any more, a claimant who went away must not hold up the refund, nor one who is owed the payment its end.
  if (open && first !== undefined && now >= terms.claimBy) {
    if (payable(view, first)) duties.push({ what: 'accept', claim: first.id });
    if (settles(view, first)) duties.push({ what: 'settle', claim: first.id });
  }
  if (delivers(terms) && current !== undefined) duties.push(...deliveryOf(view, current, own, notes));
  let asked = 0;
  for (const claim of claims)
    for (const { node, status, demander } of claim.demands)
      if (status === 'open' && isAddressEqual(demander, account)) {
        asked++;
        if (!open || !LIVE.includes(claim.status)) duties.push({ what: 'reclaim', claim: claim.id, node });
      }
  if (open && terms.kind !== KIND.training && !bounty.disclosed && now >= terms.enterBy) {
    if (now >= terms.discloseBy) notes.push('the inputs were not disclosed in time: the disclosure bond is lost');
    else if (own.inputs) duties.push({ what: 'disclose' });
    else notes.push('the inputs are due to be disclosed: give them with --inputs, or the disclosure bond is lost');
  }
  if (open && now >= terms.claimBy && first === undefined && (terms.kind === KIND.training || bounty.disclosed))
    duties.push({ what: 'refund' });
  const ended = bounty.status === 'paid' || bounty.status === 'refunded';
  if (ended && asked === 0) duties.push(...withdrawals(view));
  return { duties, notes, over: duties.length === 0 && ended };
}
