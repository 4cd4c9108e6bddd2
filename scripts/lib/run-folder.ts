/** The folder of a training run: which bounty and claimant it belongs to, states and blinds (mode 0600, encrypted on request), proofs, bundle. */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { getAddress, isAddress, type Address } from 'viem';
import { z } from 'zod';
import type { RunStorage } from '../../prover/run/storage.ts';
import { canonicalJson, decodeCanonical, hexBytes, InputError, type Hex } from '../../verifier/input.ts';
import type { Body } from '../../verifier/statement.ts';
import { inside, readBounded, removeTemporaries, writeAtomic } from './files.ts';
import { isEncrypted, loadSecret, passphrase, saveSecret } from './secrets.ts';

const MAX_FILE = 2 ** 31 - 1;
const address = z.custom<Address>((v) => typeof v === 'string' && isAddress(v) && getAddress(v) === v, {
  error: 'must be an address with its checksum',
});

const runSchema = z.strictObject({ version: z.literal(1), bounty: hexBytes(32), claimant: address });
const claimSchema = z.strictObject({
  version: z.literal(1),
  bounty: hexBytes(32),
  claimant: address,
  bundleRoot: hexBytes(32),
  lastProof: hexBytes(32),
  adapterRoot: hexBytes(32),
  nonce: hexBytes(32),
  /** Where the adapter is delivered against the payment. */
  delivery: z
    .strictObject({
      cipherRoot: hexBytes(32),
      keyHash: hexBytes(32),
      ephemeralKey: z.strictObject({ x: hexBytes(32), y: hexBytes(32) }),
    })
    .optional(),
});

/** A secret that every proven run has. */
const BLINDS = 'final-blinds';

/** The trace of a claim that can be challenged: what `answer` answers from. */
export const TRACE_FILE = 'trace.bin';

/** claim.json: what `claim` sends and `verify` checks a bundle against. */
export type ClaimFile = Omit<z.infer<typeof claimSchema>, 'version'>;

const NONE: Hex = `0x${'00'.repeat(32)}`;

/** The body of a claim, with what the attested rule, and terms without delivery, leave empty. */
export const bodyOf = (claim: ClaimFile, uris: readonly string[] = [], traceRoot: Hex = NONE): Body => ({
  bundleRoot: claim.bundleRoot,
  traceRoot,
  lastProof: claim.lastProof,
  adapterRoot: claim.adapterRoot,
  announced: [],
  cipherRoot: claim.delivery?.cipherRoot ?? NONE,
  keyHash: claim.delivery?.keyHash ?? NONE,
  ephemeralKey: { x: BigInt(claim.delivery?.ephemeralKey.x ?? 0), y: BigInt(claim.delivery?.ephemeralKey.y ?? 0) },
  nonce: claim.nonce,
  uris,
});

/** Whether a run keeps its secrets encrypted. */
export const isEncryptedRun = (folder: string): boolean =>
  existsSync(join(folder, BLINDS)) && isEncrypted(readBounded(join(folder, BLINDS), MAX_FILE));

/** Opens (or makes) a run's folder; refuses one that belongs to another bounty or claimant. */
export async function openRun(folder: string, bounty: Hex, claimant: Address, encrypt: boolean): Promise<RunStorage> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const own = join(folder, 'run.json');
  if (existsSync(own)) {
    const known = decodeCanonical(runSchema, readBounded(own, 1 << 16), own);
    if (known.bounty !== bounty || known.claimant !== claimant)
      throw new InputError(own, '', `belongs to bounty ${known.bounty} and claimant ${known.claimant}`, 'give another folder with --out');
  } else writeAtomic(own, canonicalJson({ version: 1, bounty, claimant }));
  removeTemporaries(folder);
  const word = encrypt ? await passphrase('Passphrase for the run’s secrets: ') : undefined;
  return {
    ...readRun(folder),
    save(name, bytes, secret) {
      const path = inside(folder, name);
      if (secret) saveSecret(path, bytes, word);
      else writeAtomic(path, bytes);
    },
  };
}

/** A run's files, for reading. */
export const readRun = (folder: string): Pick<RunStorage, 'load'> => ({
  async load(name) {
    const path = inside(folder, name);
    return existsSync(path) ? loadSecret(path, MAX_FILE) : null;
  },
});

export const writeClaim = (folder: string, claim: ClaimFile): void =>
  writeAtomic(join(folder, 'claim.json'), canonicalJson({ version: 1, ...claim }));

/** claim.json of a run that has been proven to its end before; null if there is none. */
export const knownClaim = (folder: string): ClaimFile | null =>
  existsSync(join(folder, 'claim.json')) ? readClaim(join(folder, 'claim.json')) : null;

export function readClaim(path: string): ClaimFile {
  const { version: _, ...claim } = decodeCanonical(claimSchema, readBounded(path, 1 << 16), path);
  return claim;
}
