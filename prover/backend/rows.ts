/** Which rows of cells a commitment is asked for. */
import type { Cells } from './types.ts';

/** The rows to commit: those listed, or all in order, one blind each. Errors: another number of blinds, rows that are not there. */
export function rowsOf(cells: Cells, columns: number, blinds: readonly bigint[], rows?: readonly number[]): readonly number[] {
  const all = cells.length / columns;
  const list = rows ?? Array.from({ length: all }, (_, i) => i);
  if (!Number.isInteger(all) || list.length !== blinds.length || list.some((row) => !(row >= 0 && row < all)))
    throw new Error(`commitRows: ${cells.length} cells in rows of ${columns}, ${list.length} rows asked for, ${blinds.length} blinds`);
  return list;
}
