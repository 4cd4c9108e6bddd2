/** The right factor of a matrix product, where it lies. */
import type { Cells } from '../../../verifier/public-content.ts';

/** Entry (k, n) is at base + k·strideK + n·strideN, and one of the strides is 1. */
export interface Right {
  readonly cells: Cells;
  readonly base: number;
  readonly strideK: number;
  readonly strideN: number;
  /** The cells are the same in every walk. */
  readonly fixed?: boolean;
}

/** Copies `lines` lines (columns where the terms are contiguous, else terms; from `first` on) of `length` cells, without gaps. */
export function copyLines(
  to: Uint8Array<SharedArrayBuffer | ArrayBuffer>,
  right: Right,
  first: number,
  lines: number,
  length: number,
  alongK: boolean,
): void {
  const { cells } = right;
  const cell = cells.BYTES_PER_ELEMENT;
  const stride = alongK ? right.strideN : right.strideK;
  const from = (line: number): number => cells.byteOffset + cell * (right.base + (first + line) * stride);
  if (stride === length) return to.set(new Uint8Array(cells.buffer, from(0), cell * length * lines));
  for (let i = 0; i < lines; i++) to.set(new Uint8Array(cells.buffer, from(i), cell * length), cell * length * i);
}
