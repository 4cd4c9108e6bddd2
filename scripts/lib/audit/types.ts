/**
 * What an audit says. This is the JSON of `fineproof audit --json`; text and page are renderings of it, and know nothing else. Amounts are in the
 * smallest unit of their coin (the zero address: wei), times in Unix seconds, durations in seconds. In JSON, bigints are decimal text.
 */
import type { Address } from 'viem';
import type { Hex } from '../../../verifier/input.ts';
import type { Recipe } from '../../../verifier/models/recipe.ts';
import type { Body, Terms } from '../../../verifier/statement.ts';
import type { PostedBounty, PostedClaim } from '../bounties.ts';
import type { Coin } from '../coins.ts';
import type { DemandStatus } from '../dispute.ts';

/** One event of the escrow about the bounty. Its fields are strangers' words where they are text. */
export interface AuditEvent {
  readonly name: string;
  readonly claim: Hex | null;
  /** Fields of the event; without terms and body, which stand elsewhere in the audit. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly time: number;
  readonly block: bigint;
  readonly logIndex: number;
  readonly transaction: Hex;
  /** What the escrow credited to accounts with it. */
  readonly credits: readonly Credit[];
}

export interface Credit {
  readonly account: Address;
  readonly token: Address;
  readonly amount: bigint;
}

/** A transaction that made at least one of the events, or a commitment to a challenge. */
export interface AuditedTransaction {
  readonly hash: Hex;
  readonly block: bigint;
  readonly time: number;
  readonly sender: Address;
  /** False: the sender called another contract, which called the escrow. */
  readonly direct: boolean;
  /** Native coin sent along, in wei. */
  readonly value: bigint;
  /** The bounty's events in it. */
  readonly events: readonly string[];
  readonly gas: bigint;
  /** gas · price, in wei; what an L2 takes for data comes on top of it. */
  readonly fee: bigint;
}

/** What money was for. */
export type Purpose = 'reward' | 'attester fee' | 'bond' | 'demand fee' | 'disclosure bond';

/** Money into the escrow, or a credit that it gave, as the terms say it has to be for the event. */
export interface Flow {
  readonly direction: 'in' | 'out';
  readonly purpose: Purpose;
  readonly why: string;
  readonly account: Address;
  readonly token: Address;
  readonly amount: bigint;
  readonly claim: Hex | null;
  readonly transaction: Hex;
  readonly time: number;
}

/** Sums of flows of one coin and purpose. */
export interface Balance {
  readonly token: Address;
  readonly purpose: Purpose;
  readonly paidIn: bigint;
  readonly credited: bigint;
  /** What the escrow still holds for the bounty: in − out. */
  readonly held: bigint;
}

/** What an account put in and got from the bounty, of one coin. */
export interface Standing {
  readonly token: Address;
  readonly paidIn: bigint;
  readonly credited: bigint;
  /** credited − paidIn, without gas. */
  readonly net: bigint;
  /** Its credit at the escrow now, from all bounties, not yet withdrawn. */
  readonly waiting: bigint;
}

export type Role =
  'poster' | 'claimant' | 'attester' | 'challenger' | 'demander' | 'entrant' | 'holder of a reservation' | 'sender of transactions';

export interface Party {
  readonly address: Address;
  /** Unique in the audit: its first role, with a number where there are several. */
  readonly name: string;
  readonly roles: readonly Role[];
  /** Whether the terms name it as an attester; whether it signed verdicts: claims. */
  readonly signed: readonly Hex[];
  readonly standings: readonly Standing[];
  readonly transactions: number;
  readonly gas: bigint;
  readonly fees: bigint;
}

/** A withdrawal by a party since the bounty was posted: of all its credit in a coin, whatever bounty that came from. */
export interface Withdrawal extends Credit {
  readonly to: Address;
  readonly block: bigint;
  readonly transaction: Hex;
}

/** One check of a claim's replay. */
export interface Check {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'not reached';
  readonly seconds: number;
  /** Why it failed, and what else there is to say. */
  readonly detail: string;
}

export interface AuditedDemand {
  /** In words: node 3 of level 0 of the trace. */
  readonly node: string;
  readonly demander: Address;
  readonly answerBy: number;
  readonly status: DemandStatus;
  readonly demanded: Hex;
  /** The transaction that ended it. */
  readonly ended: Hex | null;
}

export interface AuditedChallenge {
  readonly challenger: Address;
  readonly position: number;
  /** The instruction there, where the package was given. */
  readonly where: string | null;
  readonly fault: string;
  readonly transaction: Hex;
  /** The transaction of the commitment before it; null where it is not found: the challenge went through a contract, or it is older than the bounty. */
  readonly commitment: Hex | null;
}

export interface AuditedClaim {
  readonly claim: Hex;
  readonly claimant: Address;
  readonly body: Body;
  readonly status: PostedClaim['status'];
  /** The attesters' verdict, null without one. */
  readonly attested: boolean | null;
  readonly signers: readonly Address[];
  /** Why it was rejected, in words; null if it was not. */
  readonly rejected: string | null;
  /** What verifying the bundle again says, null where that was not possible. */
  readonly valid: boolean | null;
  /** Whether the claimed trace is the recorded verifier's on this bundle; null where there is none, or the bundle is not valid. */
  readonly trace: boolean | null;
  /** Of `valid` and `trace`. */
  readonly reason: string;
  readonly checks: readonly Check[];
  readonly bundleRoot: Hex;
  /** Of the bundle. */
  readonly bytes: number;
  readonly seconds: number;
  readonly demands: readonly AuditedDemand[];
  readonly challenge: AuditedChallenge | null;
}

/** A card, as far as an audit shows it. */
export interface AuditedCard {
  /** The publisher's. */
  readonly name: string;
  readonly hidden: boolean;
  readonly tensors: number;
  readonly values: number;
}

/** What the package adds to the terms. */
export interface AuditedPackage {
  readonly folder: string;
  /** Whether the program is what the recipe gives, in words. */
  readonly recipe: string;
  readonly training: Recipe;
  readonly model: AuditedCard;
  readonly data: AuditedCard & { readonly tokenizer: string };
  readonly program: Hex;
  readonly proofs: number;
  /** Of every good bundle. */
  readonly bundleBytes: number;
  /** Names of the stores that were asked for bundles, before the claims' URIs. */
  readonly stores: readonly string[];
  /** What the verifier computed with. */
  readonly engine: string;
}

/** When, from what and how the audit was made. */
export interface Making {
  readonly time: number;
  /** The newest block then. */
  readonly block: bigint;
  readonly version: string;
  /** Whether escrow and checkers have this version's code, but for immutables. */
  readonly code: { readonly escrow: boolean; readonly fraudProof: boolean; readonly delivery: boolean };
  /** The command that makes it again; its node is the reader's. */
  readonly command: string;
}

export interface Audit {
  readonly ok: boolean;
  readonly bounty: Hex;
  readonly chainId: number;
  readonly escrow: Address;
  readonly status: PostedBounty['status'];
  readonly terms: Terms;
  /** The coins of its money, as they described themselves after the block `made.block`. */
  readonly coins: readonly Coin[];
  /** The bounty whose paid claim this one starts from, and those that start from this one's. */
  readonly continues: Hex | null;
  readonly continuedBy: readonly Hex[];
  /** Null: the package was not given, and no bundle was verified. */
  readonly package: AuditedPackage | null;
  readonly parties: readonly Party[];
  readonly claims: readonly AuditedClaim[];
  readonly events: readonly AuditEvent[];
  readonly transactions: readonly AuditedTransaction[];
  readonly gas: bigint;
  readonly fees: bigint;
  readonly flows: readonly Flow[];
  readonly balances: readonly Balance[];
  readonly withdrawals: readonly Withdrawal[];
  /** What is wrong. */
  readonly findings: readonly string[];
  /** What was not checked, and why. */
  readonly notes: readonly string[];
  readonly made: Making;
}

/** One coin of the escrow: the balance has to cover what it owes. */
export interface Liability {
  readonly token: Address;
  readonly held: bigint;
  /** Credits not yet withdrawn. */
  readonly credits: bigint;
  /** Null: the token does not tell. */
  readonly balance: bigint | null;
}

/** All bounties of an escrow, or those asked for. */
export interface EscrowAudit {
  readonly ok: boolean;
  readonly chainId: number;
  readonly escrow: Address;
  readonly bounties: readonly Audit[];
  /** The coins of all that is owed, as they described themselves after the block `made.block`. */
  readonly coins: readonly Coin[];
  /** Bounties of which bundles were verified again. */
  readonly replayed: number;
  readonly gas: bigint;
  /** Null where not all bounties were asked for. */
  readonly liabilities: readonly Liability[] | null;
  /** Of the escrow as a whole. */
  readonly findings: readonly string[];
  readonly made: Making;
}
