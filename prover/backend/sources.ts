/** Integers that are read when they are needed: contents larger than what memory should hold. */
import type { Cells } from '../../verifier/public-content.ts';

/** Cells that lie elsewhere, as in a file. What a range holds never changes; reads may overlap. */
export interface CellSource {
  readonly length: number;
  /** Bytes of a cell in the array that `read` returns. */
  readonly BYTES_PER_ELEMENT: 1 | 2 | 4 | 8;
  /** `length` cells from the `offset`-th on, which are there, in an array that nobody else writes to. */
  read(offset: number, length: number): Promise<Cells>;
}

export const isSource = (cells: Cells | CellSource): cells is CellSource => 'read' in cells;

/** A range of cells in memory. */
export const cellsAt = async (cells: Cells | CellSource, offset: number, length: number): Promise<Cells> =>
  isSource(cells) ? cells.read(offset, length) : cells.subarray(offset, offset + length);
