/**
 * The ciphertext of an adapter: 2^depth rows of 544 bytes, one after the other; block j (32 bytes) of row i is masked by keccak(K ‖ S ‖ nonce ‖ i ‖ j). Rows
 * beyond the adapter's are masked pads. cipherRoot is the root over leaves H(CIPHER, 0, keccak(masked row), 0), adapterRoot the one over the rows'
 * commitments, leaves H(ROW, 0, x, y), (0, 0) for a pad; both trees have the same depth.
 *
 * K, S and nonce together serve one claim: two rows under one mask would give away their difference.
 */
import { keccak_256 } from '@noble/hashes/sha3.js';
import type { Affine } from '../curve.ts';
import { bitsOf } from '../program/types.ts';
import { cellLeaf, MerkleTree } from '../record/indexed-merkle.ts';
import { hashWords, readWord, WORD_BYTES, writeWord, type Keccak } from '../words.ts';
import { encodeRow, PAD_ROW, ROW_BYTES, type PlainRow } from './row.ts';

export interface MaskKey {
  /** K. */
  readonly key: bigint;
  /** S. */
  readonly secret: bigint;
  readonly nonce: bigint;
}

/** Masks row i, or takes its mask off. */
export function maskRow(row: Uint8Array, { key, secret, nonce }: MaskKey, i: number, keccak: Keccak = keccak_256): Uint8Array {
  if (row.length !== ROW_BYTES) throw new RangeError(`a row has ${ROW_BYTES} bytes, not ${row.length}`);
  const out = new Uint8Array(ROW_BYTES);
  for (let j = 0; j < ROW_BYTES / WORD_BYTES; j++)
    writeWord(out, j, readWord(row, j) ^ hashWords(keccak, [key, secret, nonce, BigInt(i), BigInt(j)]));
  return out;
}

/** The ciphertext of these rows, pads included: 544 · 2^depth bytes. */
export function encryptRows(rows: readonly PlainRow[], mask: MaskKey, keccak: Keccak = keccak_256): Uint8Array {
  const count = 2 ** bitsOf(rows.length);
  const out = new Uint8Array(count * ROW_BYTES);
  for (let i = 0; i < count; i++) out.set(maskRow(encodeRow(rows[i] ?? PAD_ROW), mask, i, keccak), i * ROW_BYTES);
  return out;
}

/** Masked row i of a ciphertext. */
export const cipherRow = (ciphertext: Uint8Array, i: number): Uint8Array => ciphertext.subarray(i * ROW_BYTES, (i + 1) * ROW_BYTES);

/** The tree of a ciphertext. Throws if that is no power of two of whole rows. */
export function cipherTree(ciphertext: Uint8Array, keccak: Keccak = keccak_256): MerkleTree {
  const count = ciphertext.length / ROW_BYTES;
  const depth = bitsOf(count);
  if (count !== 2 ** depth)
    throw new RangeError(`a ciphertext is a power of two of ${ROW_BYTES}-byte rows; this one has ${ciphertext.length} bytes`);
  const leaves = new Uint8Array(count * WORD_BYTES);
  for (let i = 0; i < count; i++) writeWord(leaves, i, cellLeaf('CIPHER', [readWord(keccak(cipherRow(ciphertext, i)), 0), 0n], keccak));
  return new MerkleTree(leaves, depth, cellLeaf('CIPHER', [0n, 0n]), keccak);
}

/** The tree of the rows' commitments; null, the commitment of a pad, is (0, 0). */
export function adapterTree(commitments: readonly (Affine | null)[], keccak: Keccak = keccak_256): MerkleTree {
  const leaves = new Uint8Array(commitments.length * WORD_BYTES);
  commitments.forEach((p, i) => writeWord(leaves, i, cellLeaf('ROW', p === null ? [0n, 0n] : [p.x, p.y], keccak)));
  return new MerkleTree(leaves, bitsOf(commitments.length), cellLeaf('ROW', [0n, 0n]), keccak);
}
