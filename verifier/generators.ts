/**
 * Generators G_0, G_1, … and H of BN254 G1 by try-and-increment from keccak-256: nobody knows a relation among them.
 * x = keccak(DOMAIN ‖ index ‖ counter) mod q, counter = 0, 1, …; the first x on the curve, with the even y. H has index 2^32 − 1.
 */
import { keccak_256 } from '@noble/hashes/sha3.js';
import type { Affine } from './curve.ts';
import { power, Q } from './field.ts';
import { readWord, type Keccak } from './words.ts';

const DOMAIN = new TextEncoder().encode('fineproof/generators/v1');
const H_INDEX = 0xffffffff;

/** keccak(DOMAIN ‖ index ‖ counter), big-endian; index and counter of 32 bits. */
export function candidate(index: number, counter: number, keccak: Keccak = keccak_256): Uint8Array {
  const input = new Uint8Array(DOMAIN.length + 8);
  input.set(DOMAIN);
  new DataView(input.buffer).setBigUint64(DOMAIN.length, (BigInt(index) << 32n) | BigInt(counter));
  return keccak(input);
}

function derive(index: number): Affine {
  for (let counter = 0; ; counter++) {
    const x = readWord(candidate(index, counter), 0) % Q;
    const square = (((x * x) % Q) * x + 3n) % Q;
    const root = power(square, (Q + 1n) / 4n, Q);
    if ((root * root) % Q === square) return { x, y: root & 1n ? Q - root : root };
  }
}

const cache: Affine[] = [];

/** G_0 … G_{count−1}. */
export function generators(count: number): readonly Affine[] {
  while (cache.length < count) cache.push(derive(cache.length));
  return cache.slice(0, count);
}

/** The generator of blinds. */
export const H: Affine = derive(H_INDEX);
