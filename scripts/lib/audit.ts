/**
 * The audit: rebuilds a bounty from the chain's events and the published files, verifies every bundle again, and compares the outcome
 * with what the attesters said and the escrow did.
 */
import { formatEther } from 'viem';
import { openBounty, verifyClaim } from '../../verifier/bounty.ts';
import type { Engine } from '../../verifier/engine.ts';
import { InputError, type Hex } from '../../verifier/input.ts';
import type { BountyVerifier } from '../../verifier/record/bounty.ts';
import { RecordError } from '../../verifier/record/tape.ts';
import { findBounty, listClaims, type PostedClaim } from './bounties.ts';
import { bundleSize, type BundleSource } from './bundles.ts';
import type { Escrow } from './chain.ts';
import { table } from './command.ts';
import { checkedVerifier, traceOf } from './optimistic.ts';
import { checkRebuild, packageFiles } from './package.ts';

export interface AuditEvent {
  readonly name: string;
  readonly claim: Hex | null;
  readonly time: number;
  readonly block: bigint;
  readonly transaction: Hex;
  readonly gas: bigint;
}

export interface AuditedClaim {
  readonly claim: Hex;
  readonly claimant: Hex;
  readonly status: PostedClaim['status'];
  /** The attesters' verdict, null without one. */
  readonly attested: boolean | null;
  /** What verifying the bundle again says, null where the bundle is not to be had. */
  readonly valid: boolean | null;
  /** Whether the claimed trace is the recorded verifier's on this bundle; null where there is none, or the bundle is not valid. */
  readonly trace: boolean | null;
  readonly reason: string;
  readonly bundleRoot: Hex;
  readonly bytes: number;
  readonly seconds: number;
}

export interface Audit {
  readonly ok: boolean;
  readonly bounty: Hex;
  readonly status: string;
  readonly reward: bigint;
  readonly steps: number;
  readonly recipe: string;
  readonly claims: readonly AuditedClaim[];
  /** What the verifier computed with. */
  readonly engine: string;
  readonly events: readonly AuditEvent[];
  readonly findings: readonly string[];
}

const EVENTS = [
  ...(['Posted', 'Continued', 'Reserved', 'ReservationForfeited', 'Entered', 'Disclosed', 'EntryReleased', 'Claimed'] as const),
  ...(['Attested', 'Accepted', 'Demanded', 'Answered', 'Revealed', 'Defaulted', 'Challenged', 'Complained', 'Rejected'] as const),
  ...(['Paid', 'Refunded', 'Released', 'Reclaimed'] as const),
];

/** Of the contract's reasons why a claim was rejected, those that the data explains. */
const REASON = { challenged: 2, defaulted: 3 } as const;

/** Audits one bounty. Errors: it is not posted, its files are not those of its terms. */
export async function auditBounty(escrow: Escrow, id: Hex, folder: string, source: BundleSource, engine: Engine): Promise<Audit> {
  const posted = await findBounty(escrow, id);
  const findings: string[] = [];
  const bounty = await openBounty(BigInt(escrow.chain.id), escrow.address, posted.terms, packageFiles(folder, engine.keccak), engine);
  let recipe = 'the program is what the recipe gives';
  try {
    checkRebuild(folder, bounty);
  } catch (e) {
    recipe = e instanceof Error ? e.message : String(e);
    findings.push(recipe);
  }

  let verifier: BountyVerifier | null = null;
  try {
    verifier = checkedVerifier(bounty, engine);
  } catch (e) {
    if (!(e instanceof InputError || e instanceof RecordError)) throw e;
    findings.push(e.message);
  }

  const events: AuditEvent[] = [];
  const verdicts = new Map<Hex, boolean>();
  const reasons = new Map<Hex, number>();
  for (const name of EVENTS)
    for (const e of await escrow.events(name, { bountyId: id })) {
      const { client } = escrow.chain;
      const [receipt, block] = await Promise.all([
        client.getTransactionReceipt({ hash: e.transactionHash }),
        client.getBlock({ blockNumber: e.blockNumber }),
      ]);
      const args = e.args as { claimId?: Hex; valid?: boolean; reason?: number };
      if (name === 'Rejected') reasons.set(args.claimId as Hex, args.reason as number);
      if (name === 'Attested') verdicts.set(args.claimId as Hex, args.valid as boolean);
      events.push({
        name,
        claim: args.claimId ?? null,
        time: Number(block.timestamp),
        block: e.blockNumber,
        transaction: e.transactionHash,
        gas: receipt.gasUsed,
      });
    }
  events.sort((a, b) => Number(a.block - b.block));

  const claims: AuditedClaim[] = [];
  for (const claim of await listClaims(escrow, id)) {
    const attested = verdicts.get(claim.id) ?? null;
    let valid: boolean | null = null;
    let trace: boolean | null = null;
    let reason = 'every step is proven';
    let bytes = 0;
    const begin = performance.now();
    try {
      const bundle = await source.fetch(claim.body, bundleSize(bounty), engine.keccak);
      bytes = bundle.length;
      valid = false;
      await verifyClaim(bounty, claim.claimant, claim.body, bundle, engine);
      valid = true;
      if (verifier !== null) {
        const own = await traceOf(bounty, verifier, claim.claimant, claim.body, bundle, engine);
        trace = own.root === claim.body.traceRoot;
        if (!trace) reason = 'every step is proven, but the claimed trace is another';
      }
    } catch (e) {
      reason = e instanceof Error ? e.message : String(e);
    }
    claims.push({
      claim: claim.id,
      claimant: claim.claimant,
      status: claim.status,
      attested,
      valid,
      trace,
      reason,
      bundleRoot: claim.body.bundleRoot,
      bytes,
      seconds: (performance.now() - begin) / 1000,
    });
    const why = claim.status === 'rejected' ? reasons.get(claim.id) : undefined;
    // Who is refuted, or does not answer, need not publish; the contract judged that by itself.
    if (valid === null && (why === REASON.defaulted || why === REASON.challenged)) continue;
    if (valid === null) findings.push(`claim ${claim.id}: the bundle is not to be had: ${reason}`);
    else if (attested !== null && attested !== valid)
      findings.push(
        `claim ${claim.id}: the attesters said ${attested ? 'valid' : 'invalid'}, the bundle is ${valid ? 'valid' : `not: ${reason}`}`,
      );
    else if (claim.status === 'paid' && !valid) findings.push(`claim ${claim.id} was paid and is not valid`);
    else if (claim.status === 'paid' && attested !== true && trace === false)
      findings.push(`claim ${claim.id} was paid and its trace is false: nobody challenged it`);
    else if (why === REASON.challenged && valid && trace === true) findings.push(`claim ${claim.id} was refuted and is right`);
  }
  return {
    ok: findings.length === 0,
    bounty: id,
    status: posted.status,
    reward: posted.terms.reward,
    steps: posted.terms.steps,
    recipe,
    engine: engine.name,
    claims,
    events,
    findings,
  };
}

/** The audit for people. */
export function auditText(a: Audit): string {
  const time = (seconds: number): string => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
  return [
    `bounty ${a.bounty}: ${a.status}, ${a.steps} steps, reward ${formatEther(a.reward)}`,
    `${a.recipe}; verified with the engine ${a.engine}`,
    '',
    table([['time', 'event', 'gas', 'transaction'], ...a.events.map((e) => [time(e.time), e.name, Number(e.gas), e.transaction])]),
    '',
    ...a.claims.map(
      (c) =>
        `claim ${c.claim} by ${c.claimant}: ${c.status}; attesters: ${c.attested === null ? 'no verdict' : c.attested ? 'valid' : 'invalid'}; verified again: ${c.valid === null ? 'not possible' : c.valid ? 'valid' : 'INVALID'} (${c.reason}; ${c.bytes} bytes, ${c.seconds.toFixed(1)} s)`,
    ),
    '',
    ...(a.findings.length === 0 ? ['all agrees'] : a.findings.map((f) => `FINDING: ${f}`)),
  ].join('\n');
}
