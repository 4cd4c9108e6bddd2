/** Words of 32 bytes, big endian: what is hashed, and what a bundle consists of. */
import { keccak_256 } from '@noble/hashes/sha3.js';

export const WORD_BYTES = 32;

export function writeWord(out: Uint8Array, word: number, value: bigint): void {
  const view = new DataView(out.buffer, out.byteOffset + word * WORD_BYTES, WORD_BYTES);
  for (let i = 0; i < 4; i++) view.setBigUint64(8 * i, (value >> BigInt(192 - 64 * i)) & 0xffffffffffffffffn);
}

export function readWord(bytes: Uint8Array, word: number): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset + word * WORD_BYTES, WORD_BYTES);
  let v = 0n;
  for (let i = 0; i < 4; i++) v = (v << 64n) | view.getBigUint64(8 * i);
  return v;
}

/** An ASCII string as a number, big-endian. */
export const tagNumber = (tag: string): bigint => {
  let n = 0n;
  for (let i = 0; i < tag.length; i++) n = (n << 8n) | BigInt(tag.charCodeAt(i));
  return n;
};

/** keccak-256: 32 bytes. */
export type Keccak = (bytes: Uint8Array) => Uint8Array;

/** The hash of words, as a number. */
export function hashWords(keccak: Keccak, words: readonly bigint[]): bigint {
  const bytes = new Uint8Array(WORD_BYTES * words.length);
  words.forEach((w, i) => writeWord(bytes, i, w));
  return readWord(keccak(bytes), 0);
}

/** keccak-256 of words, as a number. */
export const keccakWords = (...words: readonly bigint[]): bigint => hashWords(keccak_256, words);

/** A little-endian integer of `size` bytes, two's complement when signed; not exact from 2^53. */
export function readInteger(bytes: Uint8Array, at: number, size: number, signed: boolean): number {
  const top = bytes[at + size - 1] as number;
  let v = signed && top >= 128 ? top - 256 : top;
  for (let k = size - 2; k >= 0; k--) v = 256 * v + (bytes[at + k] as number);
  return v;
}
