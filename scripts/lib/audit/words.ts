/** How text and page say things. Values may come from JSON, where bigints are decimal text. */
import type { Address } from 'viem';
import { amountIn } from '../coins.ts';
import { nodeText } from '../demands.ts';
import type { TreeNode } from '../dispute.ts';
import { REASONS } from './money.ts';
import type { Audit, AuditEvent, AuditedClaim } from './types.ts';

type Whole = bigint | number | string;

/** Characters that end a line, move a terminal's cursor, are not seen, or turn the direction of what follows. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/gu;

/** A stranger's text with such characters written out, on one line. */
export const visible = (text: unknown): string => String(text).replace(UNSEEN, (c) => `\\u{${(c.codePointAt(0) as number).toString(16)}}`);

/** 2026-11-26 01:16:22 UTC. */
export const utc = (seconds: Whole): string => new Date(Number(seconds) * 1000).toISOString().replace('T', ' ').replace('.000Z', ' UTC');

/** 1,234,567. */
export const count = (n: Whole): string => BigInt(n).toLocaleString('en-US');

const UNITS = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
] as const;

/** 1 d 12 h. */
export function duration(seconds: Whole): string {
  let rest = Number(seconds);
  const parts: string[] = [];
  for (const [size, unit] of UNITS) {
    if (rest >= size) parts.push(`${Math.floor(rest / size)} ${unit}`);
    rest %= size;
  }
  return parts.length === 0 ? '0 s' : parts.join(' ');
}

/** Seconds that a check took. */
export const taken = (seconds: number): string => `${seconds < 1 ? seconds.toFixed(2) : seconds.toFixed(1)} s`;

export const verdict = (attested: boolean | null): string => (attested === null ? 'no verdict' : attested ? 'valid' : 'invalid');
export const again = (valid: boolean | null): string => (valid === null ? 'not verified' : valid ? 'valid' : 'not valid');

/** What the audit comes to, in one word or two. */
export const outcome = (a: Pick<Audit, 'ok' | 'package'>): 'all agrees' | 'findings' | 'chain only' =>
  !a.ok ? 'findings' : a.package === null ? 'chain only' : 'all agrees';

/** Names of the audit's accounts and claims, as every table uses them. */
export interface Names {
  /** The party's name, or the address of somebody who is none. */
  readonly party: (address: string) => string;
  /** Claim 1, claim 2, …: in the order in which they were made. */
  readonly claim: (id: string) => string;
  /** T1, T2, …: in the order of the chain. */
  readonly transaction: (hash: string) => string;
  /** An amount with its coin. */
  readonly amount: (n: bigint | string, token: Address) => string;
}

export function namesOf(a: Pick<Audit, 'parties' | 'claims' | 'transactions' | 'coins'>): Names {
  const numbered = (ids: readonly string[], prefix: string) => {
    const names = new Map(ids.map((id, i) => [id, `${prefix}${i + 1}`]));
    return (id: string): string => names.get(id) ?? id;
  };
  const parties = new Map<string, string>(a.parties.map((p) => [p.address, p.name]));
  return {
    party: (address) => parties.get(address) ?? address,
    claim: numbered(
      a.claims.map((c) => c.claim),
      'claim ',
    ),
    transaction: numbered(
      a.transactions.map((t) => t.hash),
      'T',
    ),
    amount: amountIn(a.coins),
  };
}

/** What happened, in a sentence without its end. */
export function happened(e: AuditEvent, names: Names): string {
  const field = (name: string): string => visible(e.fields[name]);
  const who = (name: string): string => names.party(field(name));
  const claim = e.claim === null ? '' : names.claim(e.claim);
  const node = (): string => nodeText(e.fields['node'] as TreeNode);
  switch (e.name) {
    case 'Posted':
      return `${who('poster')} posted the bounty`;
    case 'Continued':
      return `it continues the paid claim ${field('previousClaimId')} of bounty ${field('previousId')}`;
    case 'Reserved':
      return `${who('holder')} reserved the bounty until ${utc(field('until'))}`;
    case 'ReservationForfeited':
      return `the reservation of ${who('holder')} was not used`;
    case 'Entered':
      return `${who('entrant')} entered with adapter ${field('adapterRoot')}`;
    case 'Disclosed':
      return `the inputs ${field('digest')} were disclosed at ${field('uri')}`;
    case 'EntryReleased':
      return `the entry of ${who('entrant')} ended without a claim`;
    case 'Claimed':
      return `${who('claimant')} made ${claim}, to be accepted from ${utc(field('acceptFrom'))}`;
    case 'Attested':
      return `attesters found ${claim} ${e.fields['valid'] === true ? 'valid' : 'invalid'}`;
    case 'Accepted':
      return `${claim} was accepted; its key is due by ${utc(field('revealBy'))}`;
    case 'Rejected':
      return `${claim} was rejected: ${REASONS[Number(field('reason'))] ?? field('reason')}`;
    case 'Challenged':
      return `${who('challenger')} refuted ${claim} at position ${field('position')} of its trace`;
    case 'Demanded':
      return `${who('demander')} asked for ${node()} of ${claim}, by ${utc(field('answerBy'))}`;
    case 'Answered':
      return `${node()} of ${claim} was shown`;
    case 'Defaulted':
      return `${node()} of ${claim} was not shown in time`;
    case 'Reclaimed':
      return `the fee for ${node()} of ${claim} went back`;
    case 'Revealed':
      return `the key of ${claim} was revealed; complaints until ${utc(field('complainBy'))}`;
    case 'Complained':
      return `row ${field('index')} of ${claim} was shown to be wrong`;
    case 'Paid':
      return `${claim} of ${who('claimant')} was paid`;
    case 'Refunded':
      return 'the bounty was refunded';
    case 'Collected':
      return `the attesters of ${claim} were credited with their fees`;
    case 'Released':
      return `the bond of ${claim} was released`;
    default:
      return visible(e.name);
  }
}

/** Attesters', ours, trace, and why, for one claim. */
export const judgement = (c: AuditedClaim): string =>
  `${c.status}; attesters: ${verdict(c.attested)}; verified again: ${c.valid === false ? 'INVALID' : again(c.valid)} (${visible(c.reason)}; ${c.bytes} bytes, ${c.seconds.toFixed(1)} s)`;
