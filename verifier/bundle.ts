/**
 * The bundle of a claim: header cell (format word, digest_0 of the statement), the P proofs, the decider's messages; words of 32 bytes, nothing else.
 * Its length follows from the program. Its identity is the root of an indexed Merkle tree over its cells (a, b) of two words:
 * leaf H(BUNDLE, 0, a, b), node keccak(l ‖ r), padded with (0, 0) to a power of two. Specified in docs/format.md.
 */
import { keccak_256 } from '@noble/hashes/sha3.js';
import type { Affine } from './curve.ts';
import type { Compiled } from './program/compile.ts';
import { fixedPolys } from './protocol/accumulator.ts';
import { rowCount } from './protocol/transition.ts';
import { DecodeError, messageBytes, type MessageCounts } from './wire.ts';
import { hashWords, keccakWords, readWord, tagNumber, WORD_BYTES, type Keccak } from './words.ts';

export const FORMAT = tagNumber('fineproof bundle 1');
export const CELL = 2 * WORD_BYTES;

/** Points and scalars of one proof of the program. */
export function proofCounts(c: Compiled): MessageCounts {
  const hidden = fixedPolys(c).filter((f) => f.hidden).length;
  const sent = ['witness', 'stateOut', 'delivery'] as const;
  const rounds = c.sumchecks.reduce((n, s) => n + 1 + s.n * s.d, 0);
  return {
    points: sent.reduce((n, role) => n + rowCount(c, role), 0) + 1 + c.valueRows.length + c.secretRows.length + 2,
    scalars: rounds + (fixedPolys(c).length - hidden) + c.secretRows.reduce((n, l) => n + l, 0) + c.secretRows.length + 1,
  };
}

/** Points and scalars of the decider's messages. */
export function deciderCounts(c: Compiled): MessageCounts {
  const hidden = fixedPolys(c).filter((f) => f.hidden).length;
  return { points: 2 * hidden, scalars: hidden * (2 ** c.columns + 2) };
}

/** Exact size of a bundle of this program. */
export const bundleBytes = (c: Compiled): number => CELL + c.proofs * messageBytes(proofCounts(c)) + messageBytes(deciderCounts(c));

/** Takes a bundle apart; refuses any other length, format or statement. */
export function decodeBundle(c: Compiled, digest: bigint, bytes: Uint8Array): { proofs: Uint8Array[]; decider: Uint8Array } {
  if (bytes.length !== bundleBytes(c))
    throw new DecodeError(
      `bundle: ${bytes.length} bytes, but ${c.proofs} proofs of this program take ${bundleBytes(c)}; it is truncated, extended or of another program`,
    );
  if (readWord(bytes, 0) !== FORMAT) throw new DecodeError('bundle: not a fineproof bundle of version 1');
  if (readWord(bytes, 1) !== digest)
    throw new DecodeError('bundle: made for another statement (chain, escrow, bounty, claimant, program, cards or adapter differ)');
  const size = messageBytes(proofCounts(c));
  const proofs = Array.from({ length: c.proofs }, (_, t) => bytes.subarray(CELL + t * size, CELL + (t + 1) * size));
  return { proofs, decider: bytes.subarray(CELL + c.proofs * size) };
}

const BUNDLE = tagNumber('BUNDLE');

/** Root of the bundle's Merkle tree. */
export function bundleRoot(bytes: Uint8Array, keccak: Keccak = keccak_256): bigint {
  if (bytes.length === 0 || bytes.length % CELL !== 0)
    throw new DecodeError(`bundle: ${bytes.length} bytes is no whole number of 64-byte cells`);
  const cells = Array.from({ length: bytes.length / CELL }, (_, i) => [readWord(bytes, 2 * i), readWord(bytes, 2 * i + 1)] as const);
  return cellsRoot(BUNDLE, cells, keccak);
}

/** Root of the indexed Merkle tree over cells, one or more: leaf H(tag, 0, a, b), node keccak(l ‖ r), padded with (0, 0) to a power of two. */
function cellsRoot(tag: bigint, cells: readonly (readonly [bigint, bigint])[], keccak: Keccak): bigint {
  let level = cells.map(([a, b]) => hashWords(keccak, [tag, 0n, a, b]));
  let pad = hashWords(keccak, [tag, 0n, 0n, 0n]);
  while (level.length > 1) {
    if (level.length % 2 === 1) level.push(pad);
    level = Array.from({ length: level.length / 2 }, (_, i) => hashWords(keccak, [level[2 * i] as bigint, level[2 * i + 1] as bigint]));
    pad = keccakWords(pad, pad);
  }
  return level[0] as bigint;
}

const ROW = tagNumber('ROW');
const cellOf = ({ x, y }: Affine) => [x, y] as const;

/** Digest of a list of Hyrax rows: the chain h ← H(ROW, h, x, y) from the number of rows. */
export const rowsDigest = (rows: readonly Affine[]): bigint => rows.reduce((h, p) => keccakWords(ROW, h, p.x, p.y), BigInt(rows.length));

/** Root over delivered rows, the tree of `contracts/Delivery.sol`. */
export const rowsRoot = (rows: readonly Affine[]): bigint => cellsRoot(ROW, rows.map(cellOf), keccak_256);
