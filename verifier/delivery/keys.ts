/**
 * Keys of a delivery. The poster's D = d·G stands in the Terms, the claimant's E = e·G in the Body, G = (1, 2); both know S = keccak(x ‖ y) of
 * d·E = e·D. The claimant draws K and a nonce afresh for each claim, publishes the nonce and keyHash = keccak(KEY ‖ bountyId ‖ claimant ‖ K), and
 * reveals K against the payment. Rows are masked under K and S: the ciphertext may be public, since S is the poster's and the claimant's alone,
 * and the poster can read nothing before K.
 *
 * The caller discharges: D and E are finite points of the curve (`isOnCurve`), a nonce and an e never serve two claims.
 * Secret scalars take noble's multiplication without secret-dependent branches; JavaScript's bigints are not constant in time.
 */
import { bn254 } from '@noble/curves/bn254.js';
import { isOnCurve, type Affine } from '../curve.ts';
import { R } from '../field.ts';
import { keccakWords, readWord, tagNumber } from '../words.ts';

/** So many random bytes from the caller's generator, say `crypto.getRandomValues`. */
export type RandomBytes = (count: number) => Uint8Array;

export interface KeyPair {
  /** In [1, r). */
  readonly secret: bigint;
  readonly point: Affine;
}

/** The base point of D and E. */
export const BASE: Affine = { x: 1n, y: 2n };

/** A uniform word. */
export const randomWord = (random: RandomBytes): bigint => readWord(exactly(random, 32), 0);

/** A uniform scalar in [1, r): 64 bytes reduced, bias below 2^-250. */
export function randomScalar(random: RandomBytes): bigint {
  const bytes = exactly(random, 64);
  return (((readWord(bytes, 0) << 256n) | readWord(bytes, 1)) % (R - 1n)) + 1n;
}

function exactly(random: RandomBytes, count: number): Uint8Array {
  const bytes = random(count);
  if (bytes.length !== count) throw new Error(`the random source gave ${bytes.length} bytes instead of ${count}`);
  return bytes;
}

/** secret · point, for a secret in [1, r) and a finite point. */
export function multiplySecret(secret: bigint, point: Affine): Affine {
  if (secret <= 0n || secret >= R) throw new Error('a secret scalar must lie in [1, r)');
  if (!isOnCurve(point)) throw new Error('not a finite point of the curve');
  return bn254.G1.Point.fromAffine(point).multiply(secret).toAffine();
}

/** d and D, or e and E. */
export function keyPair(random: RandomBytes): KeyPair {
  const secret = randomScalar(random);
  return { secret, point: multiplySecret(secret, BASE) };
}

/** S of the shared point d·E = e·D. */
export const sharedSecret = (shared: Affine): bigint => keccakWords(shared.x, shared.y);

const KEY = tagNumber('KEY');

/** What a claim publishes of K; `claimant` is its address as a number. */
export const deliveryKeyHash = (bountyId: bigint, claimant: bigint, key: bigint): bigint => keccakWords(KEY, bountyId, claimant, key);
