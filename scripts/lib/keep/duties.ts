/** What a party has to do now, from what the chain shows and nothing else. */
import type { Address } from 'viem';
import type { Hex } from '../../../verifier/input.ts';
import { RULE } from '../../../verifier/statement.ts';
import type { TreeNode } from '../dispute.ts';
import { nodeText } from '../demands.ts';
import { LIVE, type ClaimView, type View } from './view.ts';

/** One call of the escrow, or (fetch, receive) a piece of work on this machine. */
export type Duty =
  | { readonly what: 'answer' | 'defaulted' | 'reclaim' | 'demand'; readonly claim: Hex; readonly node: TreeNode }
  | { readonly what: 'accept' | 'reveal' | 'settle' | 'lapse' | 'release' | 'unrevealed' | 'complain' | 'receive'; readonly claim: Hex }
  | { readonly what: 'fetch'; readonly claim: Hex; readonly part: Part }
  | { readonly what: 'disclose' }
  | { readonly what: 'refund' }
  | { readonly what: 'withdraw'; readonly token: Address };

/** What a poster needs of a claim to open what it delivers. */
export type Part = 'bundle' | 'ciphertext';

/** Duties, the most urgent one first; what the party should know; whether nothing is left to come. */
export interface Plan {
  readonly duties: readonly Duty[];
  readonly notes: readonly string[];
  readonly over: boolean;
}

/** Names a duty: the same one has the same name in the next look. */
export function dutyText(duty: Duty): string {
  if (duty.what === 'withdraw') return `withdraw ${BigInt(duty.token) === 0n ? 'the native coin' : duty.token}`;
  if (duty.what === 'disclose' || duty.what === 'refund') return duty.what;
  return `${duty.what} ${'node' in duty ? `${nodeText(duty.node)} of ` : 'part' in duty ? `${duty.part} of ` : ''}claim ${duty.claim}`;
}

/** Whether reward and bond may be released, or the key be asked for. */
export function payable({ bounty, terms, now }: View, { id, status, openDemands, attested, deadline }: ClaimView): boolean {
  return (
    status === 'pending' && bounty.first === id && openDemands === 0 && (attested || (terms.rule !== RULE.attested && now >= deadline))
  );
}

/** What ends a claim whose party missed its time; null if nothing does yet. */
export function lateEnd({ terms, now }: View, { id, status, attested, deadline, demands }: ClaimView): Duty | null {
  const late = LIVE.includes(status) ? demands.find((d) => d.status === 'open' && d.answerBy <= now) : undefined;
  if (late !== undefined) return { what: 'defaulted', claim: id, node: late.node };
  if (now < deadline) return null;
  if (status === 'pending' && terms.rule === RULE.attested && !attested) return { what: 'lapse', claim: id };
  return status === 'accepted' ? { what: 'unrevealed', claim: id } : null;
}

/** Whether a claim's payment is due: its key was shown, and nobody complained in time. */
export const settles = ({ now }: View, { status, deadline, openRowDemands }: ClaimView): boolean =>
  status === 'revealed' && now >= deadline && openRowDemands === 0;

/** Once nothing of a party's own is live: what it has to its credit. */
export const withdrawals = ({ credits }: View): Duty[] =>
  credits.flatMap(({ token, amount }): Duty[] => (amount === 0n ? [] : [{ what: 'withdraw', token }]));

/**
 * The key is worth the adapter, so it is shown only when the acceptance cannot be undone; but when half of the time to show it has gone, it is shown
 * anyway, because what is not shown costs the bond.
 */
export const safeToReveal = (
  { settled, now, terms }: Pick<View, 'settled' | 'now' | 'terms'>,
  { acceptedIn, deadline }: Pick<ClaimView, 'acceptedIn' | 'deadline'>,
): boolean => (acceptedIn !== null && acceptedIn <= settled) || now + terms.revealFor / 2n >= deadline;

/** A contributor's duties. `own`: whether a claim is this run's. */
export function contributorPlan(view: View, own: (claim: ClaimView) => boolean): Plan {
  const { now, bounty, terms } = view;
  const open = bounty.status === 'open';
  const duties: Duty[] = [];
  const notes: string[] = [];
  const mine = view.claims.filter(own);
  // First, since it is one transaction, and what is not shown costs the bond: the demands on another claim may be thousands.
  for (const claim of mine)
    if (open && claim.status === 'accepted' && now < claim.deadline && safeToReveal(view, claim))
      duties.push({ what: 'reveal', claim: claim.id });
  const due = mine
    .filter(({ status }) => open && LIVE.includes(status))
    .flatMap((claim) => claim.demands.filter((d) => d.status === 'open').map((demand) => ({ claim, ...demand })))
    .sort((a, b) => Number(a.answerBy - b.answerBy));
  for (const { claim, node, answerBy } of due)
    if (answerBy > now) duties.push({ what: 'answer', claim: claim.id, node });
    else notes.push(`claim ${claim.id}: ${nodeText(node)} was not answered in time; anybody can end the claim now`);
  for (const claim of mine) {
    const { id, status, deadline } = claim;
    if (status === 'superseded') duties.push({ what: 'release', claim: id });
    if (!open) continue;
    if (status === 'accepted' && now >= deadline) notes.push(`claim ${id}: its key was not shown in time; the bond is lost`);
    else if (payable(view, claim)) duties.push({ what: 'accept', claim: id });
    else if (settles(view, claim)) duties.push({ what: 'settle', claim: id });
    else if (status === 'pending' && lateEnd(view, claim)?.what === 'lapse') duties.push({ what: 'lapse', claim: id });
  }
  // Somebody else's claim that has to end before this one's turn comes.
  const first = view.claims.find(({ id }) => id === bounty.first);
  const waits = mine.some(({ status }) => status === 'pending');
  const end = open && waits && first !== undefined && !own(first) ? lateEnd(view, first) : null;
  if (end !== null) duties.push(end);
  const alive = mine.some(({ status }) => status === 'superseded' || (open && LIVE.includes(status)));
  if (mine.length > 0 && !alive) duties.push(...withdrawals(view));
  const nothingComes = mine.length > 0 ? !alive : bounty.status !== 'none' && (!open || now >= terms.claimBy);
  return { duties, notes, over: duties.length === 0 && nothingComes };
}
