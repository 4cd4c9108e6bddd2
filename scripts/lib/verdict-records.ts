/**
 * Verdicts of an attester, on disk. Two files a claim and signer:
 *
 * - the *decision*, made once, before anything is signed: which verdict may be signed. It is made exclusively and never changed, so
 *   of several processes, and across crashes, only one verdict of a claim is ever signed;
 * - the *record*: the signed verdict, which other attesters may read and send.
 *
 * The folder may be shared by attesters who don't trust each other with their keys. So a decision found in it is no reason to sign: who
 * signs has verified the claim itself, and a decision only forbids the other verdict.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { canonicalJson, decodeCanonical, hexBytes, InputError, printable, type Hex } from '../../verifier/input.ts';
import { readBounded, writeAtomic, writeOnce } from './files.ts';

const verdictFields = {
  version: z.literal(1),
  claim: hexBytes(32),
  valid: z.boolean(),
  /** Seconds; the claim's acceptFrom, so that all signers sign the same. */
  expiry: z.int().min(0),
  reason: printable(1000),
};
const decisionSchema = z.strictObject(verdictFields);
const recordSchema = z.strictObject({
  ...verdictFields,
  signature: z.string().regex(/^0x([0-9a-f]{2}){1,4096}$/, 'must be hex'),
});

/** The one verdict of a claim that a signer may sign. */
export type Decision = z.infer<typeof decisionSchema>;

/** A signed verdict. */
export type VerdictRecord = z.infer<typeof recordSchema>;

const LIMIT = 1 << 16;

const pathOf = (folder: string, claim: Hex, signer: string, ending: string): string =>
  join(folder, `${claim}-${signer.toLowerCase()}${ending}`);

function read<T extends Decision>(schema: z.ZodType<T>, path: string, claim: Hex): T | null {
  if (!existsSync(path)) return null;
  const found = decodeCanonical(schema, readBounded(path, LIMIT), path);
  if (found.claim !== claim) throw new InputError(path, 'claim', 'is another claim', 'delete the file');
  return found;
}

/** The signed verdict of a claim, null if there is none. */
export const readRecord = (folder: string, claim: Hex, signer: string): VerdictRecord | null =>
  read(recordSchema, pathOf(folder, claim, signer, '.json'), claim);

/** Keeps a signed verdict. */
export const writeRecord = (folder: string, signer: string, record: VerdictRecord): void =>
  writeAtomic(pathOf(folder, record.claim, signer, '.json'), canonicalJson(record));

/**
 * Makes the decision, or finds the one that was made before: what it returns may be signed. Errors: the claim was decided otherwise.
 */
export function decide(folder: string, signer: string, decision: Decision): Decision {
  const path = pathOf(folder, decision.claim, signer, '.decision.json');
  if (writeOnce(path, canonicalJson(decision))) return decision;
  const before = read(decisionSchema, path, decision.claim);
  if (before === null) throw new InputError(path, '', 'came and went', 'leave the files of the folder alone');
  if (before.valid !== decision.valid)
    throw new InputError(
      path,
      'valid',
      `is ${before.valid} (${before.reason}), verifying now says ${decision.valid} (${decision.reason}); a second verdict is never signed`,
      'find out which one is wrong, and whether the first one was sent',
    );
  return before;
}
