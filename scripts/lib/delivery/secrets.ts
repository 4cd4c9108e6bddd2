/**
 * A claimant's secrets of one delivery, K and e, with the nonce that they belong to: drawn together, for one claim and for one list of rows. They
 * lie in the run's folder as `delivery-<nonce>.secret`; the ciphertext beside them, as `delivery-<nonce>.bin`, is public.
 *
 * Masks are keccak(K ‖ S ‖ nonce ‖ i ‖ j): two lists of rows under one of them would give away their difference. So what is stored names its rows,
 * and is used for these or not at all.
 */
import { z } from 'zod';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { wordHex } from '../../../verifier/bounty.ts';
import { R } from '../../../verifier/field.ts';
import { cipherTree, encryptRows, type MaskKey } from '../../../verifier/delivery/cipher.ts';
import {
  BASE,
  deliveryKeyHash,
  keyPair,
  multiplySecret,
  randomWord,
  sharedSecret,
  type RandomBytes,
} from '../../../verifier/delivery/keys.ts';
import { encodeRow, type PlainRow } from '../../../verifier/delivery/row.ts';
import { canonicalJson, decodeCanonical, digestOf, hexBytes, InputError, type Hex } from '../../../verifier/input.ts';
import type { Body, Terms } from '../../../verifier/statement.ts';
import type { Keccak } from '../../../verifier/words.ts';

const secretsSchema = z.strictObject({
  version: z.literal(1),
  kind: z.literal('delivery-secrets'),
  bounty: hexBytes(32),
  claimant: z.string().regex(/^0x[0-9a-fA-F]{40}$/, 'must be an address'),
  nonce: hexBytes(32),
  /** K. */
  key: hexBytes(32),
  ephemeral: hexBytes(32),
  /** keccak-256 of the plain rows, one after the other. */
  rows: hexBytes(32),
});

/** K, e and the nonce of one claim. */
export type DeliverySecrets = Omit<z.infer<typeof secretsSchema>, 'version' | 'kind'>;

/** Names of a delivery's files in the run's folder. */
export const secretsName = (nonce: Hex): string => `delivery-${nonce.slice(2)}.secret`;
export const ciphertextName = (nonce: Hex): string => `delivery-${nonce.slice(2)}.bin`;
export const SECRETS_NAME = /^delivery-[0-9a-f]{64}\.secret$/;

export const encodeSecrets = (secrets: DeliverySecrets): Uint8Array => canonicalJson({ version: 1, kind: 'delivery-secrets', ...secrets });

export function decodeSecrets(bytes: Uint8Array, source: string): DeliverySecrets {
  const { version: _, kind: __, ...secrets } = decodeCanonical(secretsSchema, bytes, source);
  if (BigInt(secrets.ephemeral) === 0n || BigInt(secrets.ephemeral) >= R)
    throw new InputError(source, 'ephemeral', 'is not in [1, r)', 'restore the file from a copy');
  return secrets;
}

/** Which bounty a delivery is for, and who delivers. */
export interface DeliveredTo {
  readonly id: Hex;
  readonly terms: Pick<Terms, 'deliveryKey'>;
}

/** The digest of rows that secrets name. */
export function rowsKey(rows: readonly PlainRow[], keccak: Keccak = keccak_256): Hex {
  const encoded = rows.map(encodeRow);
  const bytes = new Uint8Array(encoded.reduce((n, r) => n + r.length, 0));
  let at = 0;
  for (const row of encoded) {
    bytes.set(row, at);
    at += row.length;
  }
  return digestOf(bytes, keccak);
}

/** Fresh secrets for these rows. */
export const drawSecrets = (bounty: Hex, claimant: Hex, rows: readonly PlainRow[], random: RandomBytes): DeliverySecrets => ({
  bounty,
  claimant,
  nonce: wordHex(randomWord(random)),
  key: wordHex(randomWord(random)),
  ephemeral: wordHex(keyPair(random).secret),
  rows: rowsKey(rows),
});

/** What masks the rows: S is of e·D. */
export const maskOf = ({ key, ephemeral, nonce }: DeliverySecrets, { terms }: Pick<DeliveredTo, 'terms'>): MaskKey => ({
  key: BigInt(key),
  secret: sharedSecret(multiplySecret(BigInt(ephemeral), terms.deliveryKey)),
  nonce: BigInt(nonce),
});

/** What a claim's Body says of its delivery. */
export type Sealing = Pick<Body, 'cipherRoot' | 'keyHash' | 'ephemeralKey' | 'nonce'>;

/** The ciphertext of these rows and what a claim says of it. Errors: secrets of another bounty, or of other rows. */
export function seal(
  rows: readonly PlainRow[],
  secrets: DeliverySecrets,
  bounty: DeliveredTo,
  keccak: Keccak = keccak_256,
): { readonly ciphertext: Uint8Array; readonly sealing: Sealing } {
  const source = secretsName(secrets.nonce);
  if (secrets.bounty !== bounty.id)
    throw new InputError(source, 'bounty', `is ${secrets.bounty}, not ${bounty.id}`, 'use the run’s own file');
  if (secrets.rows !== rowsKey(rows, keccak))
    throw new InputError(source, 'rows', 'are others than this run’s: no mask may serve twice', 'claim anew: `fineproof claim --anew`');
  const ciphertext = encryptRows(rows, maskOf(secrets, bounty), keccak);
  return {
    ciphertext,
    sealing: {
      cipherRoot: wordHex(cipherTree(ciphertext, keccak).root),
      keyHash: keyHashOf(secrets),
      ephemeralKey: multiplySecret(BigInt(secrets.ephemeral), BASE),
      nonce: secrets.nonce,
    },
  };
}

/** What a claim says of K. */
export const keyHashOf = ({ bounty, claimant, key }: Pick<DeliverySecrets, 'bounty' | 'claimant' | 'key'>): Hex =>
  wordHex(deliveryKeyHash(BigInt(bounty), BigInt(claimant), BigInt(key)));
