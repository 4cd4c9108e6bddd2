/** Words of 32 bytes, big endian: what is hashed, and what a bundle consists of. */
import { keccak_256 } from '@noble/hashes/sha3.js';

export const WORD_BYTES = 32;

function put(view: DataView, word: number, value: bigint): void {
  const at = word * WORD_BYTES;
  for (let i = 0; i < 4; i++) view.setBigUint64(at + 8 * i, value >> BigInt(192 - 64 * i));
}

function get(view: DataView, word: number): bigint {
  const quad = (i: number): bigint => view.getBigUint64(word * WORD_BYTES + 8 * i);
  return (((quad(0) << 64n) | quad(1)) << 128n) | ((quad(2) << 64n) | quad(3));
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export const writeWord = (out: Uint8Array, word: number, value: bigint): void => put(viewOf(out), word, value);
export const readWord = (bytes: Uint8Array, word: number): bigint => get(viewOf(bytes), word);

/** An ASCII string as a number, big-endian. */
export const tagNumber = (tag: string): bigint => {
  let n = 0n;
  for (let i = 0; i < tag.length; i++) n = (n << 8n) | BigInt(tag.charCodeAt(i));
  return n;
};

/** keccak-256: 32 bytes. */
export type Keccak = (bytes: Uint8Array) => Uint8Array;

const block = new Uint8Array(5 * WORD_BYTES);
const blockView = viewOf(block);

/** The hash of up to five words, as a number. */
export function hashWords(keccak: Keccak, words: readonly bigint[]): bigint {
  words.forEach((w, i) => put(blockView, i, w));
  block.set(keccak(block.subarray(0, WORD_BYTES * words.length)));
  return get(blockView, 0);
}

/** keccak-256 of words, as a number. */
export const keccakWords = (...words: readonly bigint[]): bigint => hashWords(keccak_256, words);

/** The narrowest array for integers of a width in bits. */
export const cellArray = ({ bits, signed }: { readonly bits: number; readonly signed: boolean }) => {
  const width = bits + (signed ? 0 : 1);
  return width <= 8 ? Int8Array : width <= 16 ? Int16Array : width <= 32 ? Int32Array : Float64Array;
};

/** A little-endian integer of `size` bytes, two's complement when signed; not exact from 2^53. */
export function readInteger(bytes: Uint8Array, at: number, size: number, signed: boolean): number {
  const top = bytes[at + size - 1] as number;
  let v = signed && top >= 128 ? top - 256 : top;
  for (let k = size - 2; k >= 0; k--) v = 256 * v + (bytes[at + k] as number);
  return v;
}
