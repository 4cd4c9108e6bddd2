/**
 * Statement: the poster knows d with D = d·G and P = d·E, so P is the point whose hash S masked the rows. Chaum and Pedersen, "Wallet databases with
 * observers" (1992), made non-interactive; the challenge binds the claim, so that a proof for one is none for another.
 *
 *   prover:    k; A = k·G, B = k·E; c = keccak(DLEQ ‖ claimId ‖ D ‖ E ‖ P ‖ A ‖ B) >> 8; z = k + c·d mod r
 *   verifier:  A = z·G − c·D, B = z·E − c·P, and c again
 *
 * The caller discharges: D and E are the Terms' and the Body's. A complaint publishes P, and with it S: the poster can read the delivery anyway.
 */
import { keccak_256 } from '@noble/hashes/sha3.js';
import { add, isOnCurve, multiply, type Affine } from '../curve.ts';
import { R } from '../field.ts';
import { keccakWords, readWord, tagNumber, writeWord } from '../words.ts';
import { BASE, multiplySecret, randomWord, type RandomBytes } from './keys.ts';

export interface SharedPointProof {
  /** d·E. */
  readonly shared: Affine;
  /** c, of 248 bits. */
  readonly challenge: bigint;
  /** z in [0, r). */
  readonly response: bigint;
}

const DLEQ = tagNumber('DLEQ');

function challengeOf(claimId: bigint, points: readonly (Affine | null)[]): bigint {
  const words = [DLEQ, claimId, ...points.flatMap((p) => (p === null ? [0n, 0n] : [p.x, p.y]))];
  const bytes = new Uint8Array(32 * words.length);
  words.forEach((w, i) => writeWord(bytes, i, w));
  return readWord(keccak_256(bytes), 0) >> 8n;
}

/** Proves that d·E is what it is. */
export function proveSharedPoint(claimId: bigint, d: bigint, e: Affine, random: RandomBytes): SharedPointProof {
  const shared = multiplySecret(d, e);
  // The secret and the statement go into k, so that a random source that repeats itself does not give d away.
  const fresh = randomWord(random);
  const wide = (keccakWords(d, claimId, shared.x, fresh, 0n) << 256n) | keccakWords(d, claimId, shared.x, fresh, 1n);
  const k = (wide % (R - 1n)) + 1n;
  const points = [multiplySecret(d, BASE), e, shared, multiplySecret(k, BASE), multiplySecret(k, e)];
  const challenge = challengeOf(claimId, points);
  return { shared, challenge, response: (k + challenge * d) % R };
}

/** Whether the proof shows that its point is d·E. */
export function verifySharedPoint(claimId: bigint, d: Affine, e: Affine, proof: SharedPointProof): boolean {
  const { shared, challenge, response } = proof;
  if (![d, e, shared].every(isOnCurve) || response < 0n || response >= R || challenge < 0n || challenge >> 248n !== 0n) return false;
  const a = add(multiply(BASE, response), multiply(d, R - challenge));
  const b = add(multiply(e, response), multiply(shared, R - challenge));
  return challengeOf(claimId, [d, e, shared, a, b]) === challenge;
}
