/**
 * Rows of integer cells in pieces that go up to the device, in two's complement of as few bytes as they need. Cells of a Float64Array are looked at a piece at a time, while
 * the device works on those before, and its rows of 1, 2, 4 and 8 bytes go up apart: a few wide rows do not widen the others.
 */
import type { Cells } from '../types.ts';

/** Rows that go up together. */
export interface Piece {
  /** Positions in the list of rows. */
  readonly which: readonly number[];
  /** Bytes of a cell. */
  readonly width: number;
  /** Bits of two's complement, as many as any cell may need. */
  readonly planes: number;
  /** Rows one after another, padded to words. */
  readonly bytes: Uint8Array;
}

/** How many rows make a piece. */
export type RowsOfPiece = (width: number, planes: number) => number;

/** Rows of a Float64Array that are looked at together, as a multiple of those of a piece of 8 bytes a cell. */
const LOOK = 4;

/** Bits of two's complement that integers up to a size need, in bytes. */
const WIDTHS = [
  [2 ** 7, 1],
  [2 ** 15, 2],
  [2 ** 31, 4],
  [Infinity, 8],
] as const;

/** The largest magnitude in a row. Errors: a cell that is no exact integer. */
function largestOf(cells: Float64Array, row: number): number {
  let largest = 0;
  for (let i = 0; i < cells.length; i++) {
    const v = Math.abs(cells[i] as number);
    if (!Number.isSafeInteger(v)) throw new Error(`commitRows: cell ${i} of row ${row} is not an exact integer: ${cells[i]}`);
    if (v > largest) largest = v;
  }
  return largest;
}

/** Writes integers as two's complement of `width` bytes. */
function convert(from: Float64Array, to: ArrayBuffer, at: number, width: number): void {
  if (width === 1) new Int8Array(to, at, from.length).set(from);
  else if (width === 2) new Int16Array(to, at, from.length).set(from);
  else if (width === 4) new Int32Array(to, at, from.length).set(from);
  else {
    const out = new Int32Array(to, at, 2 * from.length);
    for (let i = 0; i < from.length; i++) {
      // Both are taken modulo 2^32.
      out[2 * i] = from[i] as number;
      out[2 * i + 1] = Math.floor((from[i] as number) / 2 ** 32);
    }
  }
}

function pack<T extends Cells>(
  which: readonly number[],
  width: number,
  columns: number,
  row: (k: number) => T,
  write: (from: T, to: ArrayBuffer, at: number) => void,
): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((columns * width * which.length) / 4) * 4);
  which.forEach((k, i) => write(row(k), bytes.buffer, i * columns * width));
  return bytes;
}

/** The rows in pieces. Errors: cells that are no exact integers, when their piece's turn comes. */
export function* piecesOf(cells: Cells, columns: number, rows: readonly number[], most: RowsOfPiece): Generator<Piece> {
  const range = (first: number, count: number): number[] =>
    Array.from({ length: Math.min(count, rows.length - first) }, (_, i) => first + i);
  if (!(cells instanceof Float64Array)) {
    const width = cells.BYTES_PER_ELEMENT;
    const planes = 8 * width;
    const row = (k: number): Cells => cells.subarray((rows[k] as number) * columns, ((rows[k] as number) + 1) * columns);
    const write = (from: Cells, to: ArrayBuffer, at: number): void =>
      new Uint8Array(to).set(new Uint8Array(from.buffer, from.byteOffset, from.byteLength), at);
    for (let first = 0; first < rows.length; first += most(width, planes)) {
      const which = range(first, most(width, planes));
      yield { which, width, planes, bytes: pack(which, width, columns, row, write) };
    }
    return;
  }
  const row = (k: number): Float64Array => cells.subarray((rows[k] as number) * columns, ((rows[k] as number) + 1) * columns);
  const look = LOOK * most(8, 54);
  for (let first = 0; first < rows.length; first += look) {
    const largest = new Map(range(first, look).map((k) => [k, largestOf(row(k), rows[k] as number)]));
    let below = 0;
    for (const [limit, width] of WIDTHS) {
      const all = [...largest].flatMap(([k, v]) => (v >= below && v < limit ? [k] : []));
      below = limit;
      // A bit more than needed, where the logarithm of a large number is rounded up.
      const needed = Math.floor(Math.log2(1 + Math.max(0, ...all.map((k) => largest.get(k) as number)))) + 2;
      const planes = Math.min(8 * width, needed);
      for (let begin = 0; begin < all.length; begin += most(width, planes)) {
        const which = all.slice(begin, begin + most(width, planes));
        yield { which, width, planes, bytes: pack(which, width, columns, row, (from, to, at) => convert(from, to, at, width)) };
      }
    }
  }
}
