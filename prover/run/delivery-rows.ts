/** The delivered rows of a run: drawn before the statement is made, which names their root, and kept as a secret until they are sold. */
import type { Content } from '../../verifier/cards.ts';
import { decodeRow, encodeRow, ROW_BYTES, type PlainRow } from '../../verifier/delivery/row.ts';
import { InputError } from '../../verifier/input.ts';
import type { Compiled } from '../../verifier/program/compile.ts';
import { limbsOfRows, rowsOfState } from '../prove/delivered.ts';
import type { RandomSource } from '../prove/random.ts';
import type { RunStorage } from './storage.ts';

/** Name of the file: row after row. */
export const DELIVERY_ROWS = 'delivery-rows.bin';

export function encodeDeliveryRows(rows: readonly PlainRow[]): Uint8Array {
  const bytes = new Uint8Array(rows.length * ROW_BYTES);
  rows.forEach((row, i) => bytes.set(encodeRow(row), i * ROW_BYTES));
  return bytes;
}

/** Reads the file of a run of this program. */
export function decodeDeliveryRows(c: Compiled, bytes: Uint8Array, source: string): PlainRow[] {
  const limbs = limbsOfRows(c);
  const refuse = (what: string): never => {
    throw new InputError(source, '', what, 'it belongs to another run, or is damaged; start over in an empty folder');
  };
  if (bytes.length !== limbs.length * ROW_BYTES) refuse(`has ${bytes.length} bytes, ${limbs.length} rows have ${limbs.length * ROW_BYTES}`);
  return limbs.map(({ tensor }, i) => {
    try {
      return decodeRow(bytes.subarray(i * ROW_BYTES, (i + 1) * ROW_BYTES), tensor.signed);
    } catch (e) {
      return refuse(`row ${i}: ${e instanceof Error ? e.message : String(e)}`);
    }
  });
}

/** The rows of the final state: those kept, else with blinds drawn now, and then kept. Errors: a file of another state. */
export async function deliveryRows(c: Compiled, state: Content, storage: RunStorage, random: RandomSource): Promise<readonly PlainRow[]> {
  const stored = await storage.load(DELIVERY_ROWS);
  if (stored === null) {
    const rows = rowsOfState(c, state, random.fields(limbsOfRows(c).length));
    storage.save(DELIVERY_ROWS, encodeDeliveryRows(rows), true);
    return rows;
  }
  const rows = decodeDeliveryRows(c, stored, DELIVERY_ROWS);
  const own = rowsOfState(
    c,
    state,
    rows.map((r) => r.blind),
  );
  if (rows.some((row, i) => row.limbs.some((limb, j) => limb !== (own[i] as PlainRow).limbs[j])))
    throw new InputError(DELIVERY_ROWS, '', 'is not of the state that this run ends in', 'start over in an empty folder');
  return rows;
}
