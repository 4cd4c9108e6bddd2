/** What the events tell of claims, and what is wrong with a claim once both sides are known. */
import type { Hex } from '../../../verifier/input.ts';
import type { Terms } from '../../../verifier/statement.ts';
import type { PostedClaim } from '../bounties.ts';
import { nodeText } from '../demands.ts';
import type { DemandStatus, TreeNode } from '../dispute.ts';
import { describe } from '../../../verifier/record/fraud.ts';
import type { RecordedVerifier } from '../../../verifier/record/record.ts';
import type { History } from './history.ts';
import { REASONS } from './money.ts';
import type { Replayed } from './replay.ts';
import type { AuditEvent, AuditedChallenge, AuditedClaim, AuditedDemand } from './types.ts';

/** `IFraudProof.Fault`, in its order. */
const FAULTS = ['none', 'wrong value', 'value outside the lists', 'not in the field', 'not on the curve', 'not equal'] as const;

/** Of REASONS, those that the contract judged by itself, from data or silence. */
const BY_CONTRACT: readonly string[] = [REASONS[2], REASONS[3]];

const ENDS: Readonly<Record<string, DemandStatus>> = { Answered: 'answered', Defaulted: 'defaulted', Reclaimed: 'reclaimed' };

/** Demands on a claim, oldest first; each node is asked for once. */
function demandsOf(events: readonly AuditEvent[]): AuditedDemand[] {
  const node = (e: AuditEvent): string => nodeText(e.fields['node'] as TreeNode);
  return events
    .filter((e) => e.name === 'Demanded')
    .map((asked) => {
      const end = events.find((e) => ENDS[e.name] !== undefined && node(e) === node(asked));
      return {
        node: node(asked),
        demander: asked.fields['demander'] as Hex,
        answerBy: Number(asked.fields['answerBy']),
        status: end === undefined ? 'open' : (ENDS[end.name] as DemandStatus),
        demanded: asked.transaction,
        ended: end?.transaction ?? null,
      };
    });
}

function challengeOf(events: readonly AuditEvent[], { commitments }: History, recorded: RecordedVerifier | null): AuditedChallenge | null {
  const event = events.find((e) => e.name === 'Challenged');
  if (event === undefined) return null;
  const position = Number(event.fields['position']);
  return {
    challenger: event.fields['challenger'] as Hex,
    position,
    where: recorded === null ? null : describe(recorded, position),
    fault: FAULTS[event.fields['fault'] as number] ?? 'unknown',
    transaction: event.transaction,
    commitment: commitments.get(event.transaction) ?? null,
  };
}

/** A claim as chain and replay tell it. */
export function auditedClaim(
  terms: Terms,
  claim: PostedClaim,
  history: History,
  replayed: Replayed,
  recorded: RecordedVerifier | null,
): AuditedClaim {
  const own = history.events.filter((e) => e.claim === claim.id);
  const attested = own.find((e) => e.name === 'Attested');
  const rejected = own.find((e) => e.name === 'Rejected');
  return {
    claim: claim.id,
    claimant: claim.claimant,
    body: claim.body,
    status: claim.status,
    attested: attested === undefined ? null : (attested.fields['valid'] as boolean),
    signers: attested === undefined ? [] : terms.signers.filter((_, i) => ((attested.fields['attesters'] as number) >> i) & 1),
    rejected: rejected === undefined ? null : (REASONS[rejected.fields['reason'] as number] ?? `reason ${rejected.fields['reason']}`),
    ...replayed,
    bundleRoot: claim.body.bundleRoot,
    demands: demandsOf(own),
    challenge: challengeOf(own, history, recorded),
  };
}

/** The state that the events lead to; a pending claim of a paid bounty is superseded. */
function stateByEvents(events: readonly AuditEvent[], paid: boolean): PostedClaim['status'] {
  const has = (name: string): boolean => events.some((e) => e.name === name);
  if (has('Paid')) return 'paid';
  if (has('Rejected')) return 'rejected';
  if (has('Released')) return 'released';
  if (has('Revealed')) return 'revealed';
  if (has('Accepted')) return 'accepted';
  return paid ? 'superseded' : 'pending';
}

/** Where the escrow's records are not what its events lead to. */
export function stateFindings(status: string, claims: readonly PostedClaim[], events: readonly AuditEvent[]): string[] {
  const has = (name: string): boolean => events.some((e) => e.name === name);
  const bounty = has('Paid') ? 'paid' : has('Refunded') ? 'refunded' : 'open';
  const findings = status === bounty ? [] : [`the escrow says that the bounty is ${status}, its events that it is ${bounty}`];
  for (const claim of claims) {
    const own = events.filter((e) => e.claim === claim.id);
    const said = stateByEvents(own, bounty === 'paid');
    if (claim.status !== said)
      findings.push(`claim ${claim.id}: the escrow says that it is ${claim.status}, its events that it is ${said}`);
  }
  return findings;
}

/** What is wrong with a claim, and what could not be checked, as one sentence; null if nothing. `replayed`: its bundle was asked for. */
export function judged(claim: AuditedClaim): { readonly finding: string } | { readonly note: string } | null {
  const { attested, valid, trace, reason, rejected, status } = claim;
  const of = `claim ${claim.claim}`;
  if (valid === null) {
    // Who is refuted, or does not answer, need not publish; the contract judged that by itself.
    if (rejected !== null && BY_CONTRACT.includes(rejected))
      return { note: `${of}: the bundle is not to be had; the contract rejected it without: ${rejected}` };
    return { finding: `${of}: the bundle is not to be had: ${reason}` };
  }
  if (attested !== null && attested !== valid) {
    const said = attested ? 'valid' : 'invalid';
    return { finding: `${of}: the attesters said ${said}, the bundle is ${valid ? 'valid' : `not: ${reason}`}` };
  }
  if (status === 'paid' && !valid) return { finding: `${of} was paid and is not valid` };
  if (claim.checks.some((c) => c.name === 'trace' && c.outcome === 'failed') && trace === null)
    return { finding: `${of}: the recorded verifier refuses a bundle that the verifier takes: ${reason}` };
  if (status === 'paid' && attested !== true && trace === false)
    return { finding: `${of} was paid and its trace is false: nobody challenged it` };
  if (rejected === REASONS[2] && valid && trace === true) return { finding: `${of} was refuted and is right` };
  return null;
}
