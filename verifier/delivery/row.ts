/**
 * Rows of a delivered adapter: 256 limbs of 16 bits and a blind, 544 bytes, big endian. A row holds low limbs, in [0, 2^16), or top limbs, in
 * [-2^15, 2^15), and never both: 16 bits don't say which, so a receiver tries both readings against the row's commitment
 * Σ limb_j·G_j + blind·H. `contracts/Delivery.sol` judges alike, so a row that is right in one reading cannot be complained about.
 */
import type { Affine } from '../curve.ts';
import { same } from '../curve.ts';
import { plain, type Engine } from '../engine.ts';
import { mod, R } from '../field.ts';
import { readWord, writeWord } from '../words.ts';

export const ROW_LIMBS = 256;
const LIMB_BYTES = 2;
/** 17 words. */
export const ROW_BYTES = ROW_LIMBS * LIMB_BYTES + 32;
const BLIND_WORD = 16;

export interface PlainRow {
  /** 256 integers, all in [0, 2^16) or all in [-2^15, 2^15). */
  readonly limbs: readonly number[];
  /** In [0, r). */
  readonly blind: bigint;
}

/** What is wrong with a row; the names of `IDelivery.Fault`. */
export type RowFault = 'WrongRow' | 'BlindOutOfField';

/** A row that is no part of the adapter; its commitment is the point at infinity. */
export const PAD_ROW: PlainRow = { limbs: new Array<number>(ROW_LIMBS).fill(0), blind: 0n };

const within = (limbs: readonly number[], from: number, to: number): boolean => limbs.every((v) => v >= from && v < to);

/** The 544 bytes of a row. Throws on a wrong number of limbs, on one out of range, on low and top limbs in one row. */
export function encodeRow({ limbs, blind }: PlainRow): Uint8Array {
  if (limbs.length !== ROW_LIMBS) throw new RangeError(`a row has ${ROW_LIMBS} limbs, not ${limbs.length}`);
  if (!limbs.every(Number.isInteger) || !(within(limbs, 0, 2 ** 16) || within(limbs, -(2 ** 15), 2 ** 15)))
    throw new RangeError('the limbs of a row are all in [0, 2^16) or all in [-2^15, 2^15)');
  if (blind < 0n || blind >= R) throw new RangeError('a blind lies in [0, r)');
  const bytes = new Uint8Array(ROW_BYTES);
  const view = new DataView(bytes.buffer);
  limbs.forEach((limb, j) => view.setInt16(LIMB_BYTES * j, limb));
  writeWord(bytes, BLIND_WORD, blind);
  return bytes;
}

/** The row of 544 bytes in one reading. Throws on a wrong length and on a blind that is not canonical. */
export function decodeRow(bytes: Uint8Array, signed: boolean): PlainRow {
  if (bytes.length !== ROW_BYTES) throw new RangeError(`a row has ${ROW_BYTES} bytes, not ${bytes.length}`);
  const blind = readWord(bytes, BLIND_WORD);
  if (blind >= R) throw new RangeError('a blind lies in [0, r)');
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const limb = (j: number): number => (signed ? view.getInt16(LIMB_BYTES * j) : view.getUint16(LIMB_BYTES * j));
  return { limbs: Array.from({ length: ROW_LIMBS }, (_, j) => limb(j)), blind };
}

/** The commitment of a row; null is the point at infinity. */
export const commitRow = ({ limbs, blind }: PlainRow, engine: Engine = plain): Promise<Affine | null> =>
  engine.commit(
    limbs.map((limb) => mod(BigInt(limb))),
    blind,
  );

/** The row that these bytes hold if it opens the commitment, else what is wrong with them. Throws if there aren't 544 bytes. */
export async function openRow(
  bytes: Uint8Array,
  commitment: Affine | null,
  engine: Engine = plain,
): Promise<{ readonly row: PlainRow } | { readonly fault: RowFault }> {
  if (bytes.length !== ROW_BYTES) throw new RangeError(`a row has ${ROW_BYTES} bytes, not ${bytes.length}`);
  if (readWord(bytes, BLIND_WORD) >= R) return { fault: 'BlindOutOfField' };
  for (const signed of [false, true]) {
    const row = decodeRow(bytes, signed);
    if (same(await commitRow(row, engine), commitment)) return { row };
  }
  return { fault: 'WrongRow' };
}
