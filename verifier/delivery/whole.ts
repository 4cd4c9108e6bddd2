/**
 * Opening a whole delivery without the commitments: the program says which reading each row has, so the rows themselves give the commitments, and
 * their root must be adapterRoot. It shows that all rows are right, or that one is not; which one, only the commitments (the bundle) say.
 */
import { plain, type Engine } from '../engine.ts';
import { adapterTree, cipherRow, maskRow, type MaskKey } from './cipher.ts';
import { commitRow, decodeRow, ROW_BYTES, type PlainRow } from './row.ts';

/**
 * The rows, pads included; null if one is not what the root says. `signed`: the reading of each row that is no pad.
 * The caller discharges: the ciphertext is that of the claim's cipherRoot, K hashes to its key hash.
 */
export async function openWhole(
  ciphertext: Uint8Array,
  mask: MaskKey,
  signed: readonly boolean[],
  adapterRoot: bigint,
  engine: Engine = plain,
): Promise<readonly PlainRow[] | null> {
  const rows: PlainRow[] = [];
  for (let i = 0; i < ciphertext.length / ROW_BYTES; i++) {
    try {
      rows.push(decodeRow(maskRow(cipherRow(ciphertext, i), mask, i, engine.keccak), signed[i] ?? false));
    } catch (e) {
      // A blind that is no field element.
      if (e instanceof RangeError) return null;
      throw e;
    }
  }
  const commitments = [];
  for (const row of rows) commitments.push(await commitRow(row, engine));
  return adapterTree(commitments, engine.keccak).root === adapterRoot ? rows : null;
}
