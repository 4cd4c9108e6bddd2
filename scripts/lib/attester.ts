/**
 * An attester: fetches the bundle of a claim by its root, verifies, signs one verdict a claim (decided on disk before it is signed, kept
 * before it is sent, so that a restart repeats it and never contradicts it), and sends it when enough signers have signed.
 *
 * A bundle that cannot be had gives no verdict; one that does not verify gives an invalid verdict; any other failure is an error and no verdict.
 */
import { recoverTypedDataAddress, type Account, type Address, type LocalAccount } from 'viem';
import { verifyClaim, type OpenBounty } from '../../verifier/bounty.ts';
import type { Engine } from '../../verifier/engine.ts';
import { InputError, type Hex } from '../../verifier/input.ts';
import { VerificationError } from '../../verifier/protocol/machine.ts';
import { DecodeError } from '../../verifier/wire.ts';
import { listClaims, type PostedClaim } from './bounties.ts';
import type { BundleSize, BundleSource } from './bundles.ts';
import type { Escrow, Sent } from './chain.ts';
import { decide, readRecord, writeRecord, type VerdictRecord } from './verdict-records.ts';
import { verdictTypedData } from './verdict.ts';

export interface Attester {
  readonly escrow: Escrow;
  readonly bounty: OpenBounty;
  readonly signer: LocalAccount;
  /** Pays for the transaction. */
  readonly sender: Account;
  readonly source: BundleSource;
  /** Sizes of the bounty's bundles. */
  readonly size: BundleSize;
  /** Folder of verdicts; attesters may share it. */
  readonly records: string;
  readonly engine: Engine;
}

export interface Verdict {
  readonly claim: Hex;
  /** Null: no verdict, for this reason. */
  readonly valid: boolean | null;
  readonly reason: string;
  readonly seconds: number;
  readonly sent: Sent | null;
}

/** What of a claim an attester looks at. */
export type AttestedClaim = Pick<PostedClaim, 'id' | 'claimant' | 'body' | 'acceptFrom'>;

/** The outcome of looking at a claim; without a record there is no verdict, for this reason. */
export interface Judged {
  readonly record: VerdictRecord | null;
  readonly reason: string;
  /** What verifying took; 0 if the verdict was known or there was nothing to verify. */
  readonly seconds: number;
}

/** Refuses a key that is no attester of the bounty. */
export function checkSigner({ bounty: { terms }, signer }: Pick<Attester, 'bounty' | 'signer'>): void {
  if (!terms.signers.includes(signer.address))
    throw new InputError(
      'FINEPROOF_PRIVATE_KEY',
      '',
      `${signer.address} is no attester of this bounty`,
      `its attesters are ${terms.signers.join(', ') || 'nobody'}`,
    );
}

const typedData = ({ escrow }: Attester, claimId: Hex, valid: boolean, expiry: bigint) =>
  verdictTypedData(BigInt(escrow.chain.id), escrow.address, { claimId, valid, expiry });

/** The verdict that this attester has signed before. A record with another signature in a shared folder is an error, not a verdict. */
async function ownRecord(attester: Attester, claim: Hex): Promise<VerdictRecord | null> {
  const { records, signer } = attester;
  const record = readRecord(records, claim, signer.address);
  if (record === null) return null;
  const typed = typedData(attester, claim, record.valid, BigInt(record.expiry));
  const by = await recoverTypedDataAddress({ ...typed, signature: record.signature as Hex }).catch(() => null);
  if (by !== signer.address)
    throw new InputError(records, `verdict of ${claim}`, `is not signed by ${signer.address}`, 'delete the file, and find out who made it');
  return record;
}

/** Verifies a claim and signs the verdict. The signal's reason is thrown between two proofs, or while fetching, and leaves nothing behind. */
export async function judge(attester: Attester, claim: AttestedClaim, signal?: AbortSignal): Promise<Judged> {
  const { bounty, engine, records, signer, source, size } = attester;
  const known = await ownRecord(attester, claim.id);
  if (known !== null) return { record: known, reason: known.reason, seconds: 0 };
  let bundle: Uint8Array;
  try {
    bundle = await source.fetch(claim.body, size, engine.keccak, signal);
  } catch (e) {
    if (!(e instanceof InputError)) throw e;
    signal?.throwIfAborted();
    return { record: null, reason: e.message, seconds: 0 };
  }
  const begin = performance.now();
  let valid = true;
  let reason = 'every step is proven';
  try {
    await verifyClaim(bounty, claim.claimant, claim.body, bundle, engine, () => signal?.throwIfAborted());
  } catch (e) {
    // Only what the verifier refuses is invalid; a failure of this machine (memory, say) gives no verdict.
    if (!(e instanceof DecodeError || e instanceof VerificationError || e instanceof InputError)) throw e;
    valid = false;
    reason = e.message;
  }
  const seconds = (performance.now() - begin) / 1000;
  // Who is told to stop decides nothing any more.
  signal?.throwIfAborted();
  const decision = decide(records, signer.address, {
    version: 1,
    claim: claim.id,
    valid,
    expiry: Number(claim.acceptFrom),
    reason: reason.replace(/[^ -~]/g, '?').slice(0, 1000),
  });
  const signature = await signer.signTypedData(typedData(attester, claim.id, decision.valid, BigInt(decision.expiry)));
  const record: VerdictRecord = { ...decision, signature };
  writeRecord(records, signer.address, record);
  return { record, reason, seconds };
}

/** The signature of another attester under the same verdict, if the folder has one that the escrow will take. */
async function signatureOf(attester: Attester, own: VerdictRecord, address: Address): Promise<Hex | null> {
  let record: VerdictRecord | null;
  try {
    record = readRecord(attester.records, own.claim, address);
  } catch (e) {
    // Another attester's file is that one's business.
    if (e instanceof InputError) return null;
    throw e;
  }
  if (record === null || record.valid !== own.valid || record.expiry !== own.expiry) return null;
  const signature = record.signature as Hex;
  const typed = typedData(attester, own.claim, own.valid, BigInt(own.expiry));
  if ((await recoverTypedDataAddress({ ...typed, signature }).catch(() => null)) === address) return signature;
  const { client } = attester.escrow.chain;
  const isContract = ((await client.getCode({ address })) ?? '0x') !== '0x';
  return isContract && (await client.verifyTypedData({ address, ...typed, signature })) ? signature : null;
}

/** Sends the verdict if `threshold` signers agree; null if they don't yet. */
export async function sendVerdict(attester: Attester, claim: Hex, own: VerdictRecord): Promise<Sent | null> {
  const { terms } = attester.bounty;
  let attesters = 0;
  const signatures: Hex[] = [];
  for (const [i, address] of terms.signers.entries()) {
    if (signatures.length === terms.threshold) break;
    const signature = address === attester.signer.address ? (own.signature as Hex) : await signatureOf(attester, own, address);
    if (signature === null) continue;
    attesters |= 1 << i;
    signatures.push(signature);
  }
  if (signatures.length < terms.threshold) return null;
  return attester.escrow.attest(attester.sender, terms, claim, { valid: own.valid, expiry: BigInt(own.expiry), attesters, signatures });
}

/** Judges every pending claim of the bounty that has no verdict yet, once. */
export async function attestPending(attester: Attester): Promise<Verdict[]> {
  checkSigner(attester);
  const verdicts: Verdict[] = [];
  for (const claim of await listClaims(attester.escrow, attester.bounty.id)) {
    if (claim.status !== 'pending' || claim.attested) continue;
    const { record, reason, seconds } = await judge(attester, claim);
    const sent = record === null ? null : await sendVerdict(attester, claim.id, record);
    verdicts.push({ claim: claim.id, valid: record?.valid ?? null, reason, seconds, sent });
  }
  return verdicts;
}
