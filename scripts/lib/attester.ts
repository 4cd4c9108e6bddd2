/**
 * The verifier service: sees claims in the escrow's events, fetches their bundles by root, verifies, signs one verdict a claim
 * (recorded before it is sent, so that a restart repeats it and never contradicts it), and sends it when enough signers have signed.
 *
 * A bundle that cannot be had gives no verdict; one that does not verify gives an invalid verdict; any other failure is an error and no verdict.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Account, LocalAccount } from 'viem';
import { z } from 'zod';
import { verifyClaim, type OpenBounty } from '../../verifier/bounty.ts';
import type { Engine } from '../../verifier/engine.ts';
import { canonicalJson, decodeCanonical, hexBytes, InputError, printable, type Hex } from '../../verifier/input.ts';
import { VerificationError } from '../../verifier/protocol/machine.ts';
import { verdictTypedData } from './verdict.ts';
import { DecodeError } from '../../verifier/wire.ts';
import { listClaims, type PostedClaim } from './bounties.ts';
import { readBundle } from './bundles.ts';
import type { Escrow, Sent } from './chain.ts';
import { readBounded, writeAtomic } from './files.ts';

const recordSchema = z.strictObject({
  version: z.literal(1),
  claim: hexBytes(32),
  valid: z.boolean(),
  /** Seconds; the claim's acceptFrom, so that all signers sign the same. */
  expiry: z.int().min(0),
  signature: z.string().regex(/^0x([0-9a-f]{2}){1,4096}$/, 'must be hex'),
  reason: printable(1000),
});

/** A signed verdict, kept in a file that may be shown to other attesters. */
export type VerdictRecord = z.infer<typeof recordSchema>;

export interface Attester {
  readonly escrow: Escrow;
  readonly bounty: OpenBounty;
  readonly signer: LocalAccount;
  /** Pays for the transaction. */
  readonly sender: Account;
  /** Folder of bundles. */
  readonly store: string;
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

const recordPath = (attester: Attester, claim: Hex, signer: string): string =>
  join(attester.records, `${claim}-${signer.toLowerCase()}.json`);

function readRecord(attester: Attester, claim: Hex, signer: string): VerdictRecord | null {
  const path = recordPath(attester, claim, signer);
  if (!existsSync(path)) return null;
  const record = decodeCanonical(recordSchema, readBounded(path, 1 << 16), path);
  if (record.claim !== claim) throw new InputError(path, 'claim', 'is another claim', 'delete the file');
  return record;
}

async function judge(attester: Attester, claim: PostedClaim): Promise<{ record: VerdictRecord | null; reason: string; seconds: number }> {
  const known = readRecord(attester, claim.id, attester.signer.address);
  if (known !== null) return { record: known, reason: known.reason, seconds: 0 };
  let bundle: Uint8Array;
  try {
    bundle = readBundle(attester.store, claim.body.bundleRoot, attester.bounty.terms.maxBundle, attester.engine.keccak);
  } catch (e) {
    return { record: null, reason: e instanceof Error ? e.message : String(e), seconds: 0 };
  }
  const begin = performance.now();
  let valid = true;
  let reason = 'every step is proven';
  try {
    await verifyClaim(attester.bounty, claim.claimant, claim.body, bundle, attester.engine);
  } catch (e) {
    // Only what the verifier refuses is invalid; a failure of this machine (memory, say) gives no verdict.
    if (!(e instanceof DecodeError || e instanceof VerificationError || e instanceof InputError)) throw e;
    valid = false;
    reason = e.message;
  }
  const seconds = (performance.now() - begin) / 1000;
  const verdict = { claimId: claim.id, valid, expiry: claim.acceptFrom };
  const signature = await attester.signer.signTypedData(
    verdictTypedData(BigInt(attester.escrow.chain.id), attester.escrow.address, verdict),
  );
  const record: VerdictRecord = {
    version: 1,
    claim: claim.id,
    valid,
    expiry: Number(claim.acceptFrom),
    signature,
    reason: reason.replace(/[^ -~]/g, '?').slice(0, 1000),
  };
  writeAtomic(recordPath(attester, claim.id, attester.signer.address), canonicalJson(record));
  return { record, reason, seconds };
}

/** Sends the verdict if `threshold` signers agree. */
async function sendVerdict(attester: Attester, claim: PostedClaim, own: VerdictRecord): Promise<Sent | null> {
  const { terms } = attester.bounty;
  let attesters = 0;
  const signatures: Hex[] = [];
  for (const [i, signer] of terms.signers.entries()) {
    const record = readRecord(attester, claim.id, signer);
    if (record === null || record.valid !== own.valid || record.expiry !== own.expiry || signatures.length === terms.threshold) continue;
    attesters |= 1 << i;
    signatures.push(record.signature as Hex);
  }
  if (signatures.length < terms.threshold) return null;
  return attester.escrow.attest(attester.sender, terms, claim.id, { valid: own.valid, expiry: BigInt(own.expiry), attesters, signatures });
}

/** Judges every pending claim of the bounty that has no verdict yet. */
export async function attestPending(attester: Attester): Promise<Verdict[]> {
  const { terms } = attester.bounty;
  if (!terms.signers.includes(attester.signer.address))
    throw new InputError(
      'FINEPROOF_PRIVATE_KEY',
      '',
      `${attester.signer.address} is no attester of this bounty`,
      `its attesters are ${terms.signers.join(', ')}`,
    );
  const verdicts: Verdict[] = [];
  for (const claim of await listClaims(attester.escrow, attester.bounty.id)) {
    if (claim.status !== 'pending' || claim.attested) continue;
    const { record, reason, seconds } = await judge(attester, claim);
    const sent = record === null ? null : await sendVerdict(attester, claim, record);
    verdicts.push({ claim: claim.id, valid: record?.valid ?? null, reason, seconds, sent });
  }
  return verdicts;
}
