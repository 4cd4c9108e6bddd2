/** The commitments of delivered rows as they stand in a bundle. */
import { CELL, proofCounts } from '../bundle.ts';
import type { Affine } from '../curve.ts';
import type { Compiled } from '../program/compile.ts';
import { rowCount } from '../protocol/transition.ts';
import { messageBytes } from '../wire.ts';
import { readWord, WORD_BYTES } from '../words.ts';

/** The delivered rows of the last proof, of a bundle that has its program's length. Not checked: whoever relies on them compares their root. */
export function deliveredRows(c: Compiled, bundle: Uint8Array): Affine[] {
  const first = CELL + (c.proofs - 1) * messageBytes(proofCounts(c)) + CELL * (rowCount(c, 'witness') + rowCount(c, 'stateOut'));
  const at = (i: number): number => first / WORD_BYTES + 2 * i;
  return Array.from({ length: rowCount(c, 'delivery') }, (_, i) => ({ x: readWord(bundle, at(i)), y: readWord(bundle, at(i) + 1) }));
}
