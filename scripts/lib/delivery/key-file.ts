/**
 * The poster's delivery key in a file: d, from which D = d·G follows, the point that the Terms name. Whoever has d and the claimant's K opens what was
 * delivered; without d nobody does. So a file is never written over.
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { wordHex } from '../../../verifier/bounty.ts';
import { R } from '../../../verifier/field.ts';
import { BASE, keyPair, multiplySecret, type KeyPair, type RandomBytes } from '../../../verifier/delivery/keys.ts';
import { canonicalJson, decodeCanonical, hexBytes, InputError } from '../../../verifier/input.ts';
import type { Point } from '../../../verifier/statement.ts';
import { writeOnce } from '../files.ts';
import { encryptSecret, loadSecret } from '../secrets.ts';

/** From the system's generator. */
export const systemBytes: RandomBytes = (count) => randomBytes(count);

/** What every command says that makes or moves d. */
export const LOSING_D =
  'Losing d loses the delivery: neither the claimant nor anybody else can open it for you. Keep a copy on another machine: `fineproof keys export`.';

const MAX_KEY = 4096;
const keySchema = z.strictObject({ version: z.literal(1), kind: z.literal('delivery-key'), d: hexBytes(32) });

export const encodeKey = ({ secret }: Pick<KeyPair, 'secret'>): Uint8Array =>
  canonicalJson({ version: 1, kind: 'delivery-key', d: wordHex(secret) });

/** Reads a key's bytes. Errors: malformed, d out of [1, r). */
export function decodeKey(bytes: Uint8Array, source: string): KeyPair {
  const secret = BigInt(decodeCanonical(keySchema, bytes, source).d);
  if (secret === 0n || secret >= R) throw new InputError(source, 'd', 'is not in [1, r)', 'restore the file from a copy');
  return { secret, point: multiplySecret(secret, BASE) };
}

/** Draws a key and writes it to a file of mode 0600, encrypted where there is a passphrase. Errors: the file exists. */
export function makeKeyFile(path: string, word?: string, random: RandomBytes = systemBytes): KeyPair {
  const key = keyPair(random);
  writeNew(path, encodeKey(key), word);
  return key;
}

/** Writes a secret that must not replace another one. Errors: the file exists. */
export function writeNew(path: string, bytes: Uint8Array, word?: string): void {
  if (!writeOnce(path, word === undefined ? bytes : encryptSecret(bytes, word), 0o600))
    throw new InputError(path, '', 'exists; a secret is never written over', 'give another name, or move the file away');
}

export const loadKey = async (path: string): Promise<KeyPair> => decodeKey(await loadSecret(path, MAX_KEY), path);

/** D as `keys show` prints it, and `bounty post --delivery-key` reads it. */
export const pointJson = ({ x, y }: Point): { readonly x: string; readonly y: string } => ({ x: x.toString(), y: y.toString() });
