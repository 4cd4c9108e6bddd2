/**
 * The delivered rows as the parties' commands use them.
 *
 * A contributor's run keeps them in plain in the secret file `delivery-rows.bin` (row after row, 544 bytes each), which `train` writes with the
 * statement: `loadDeliveryRows`. Their commitments, which `adapterRoot` hashes, stand in the bundle's last proof: `deliveryCommitments`, filled up
 * with null, the pads, as `openDelivery`, `complaintOf` and `adapterTree` take them. A poster turns opened rows into the adapter's files with
 * `deliveredState` and `exportAdapter`.
 */
import { limbsOfRows, stateOfRows } from '../../../prover/prove/delivered.ts';
import { decodeDeliveryRows, DELIVERY_ROWS } from '../../../prover/run/delivery-rows.ts';
import type { RunStorage } from '../../../prover/run/storage.ts';
import { bundleBytes } from '../../../verifier/bundle.ts';
import type { Content } from '../../../verifier/cards.ts';
import type { Affine } from '../../../verifier/curve.ts';
import { deliveredRows } from '../../../verifier/delivery/commitments.ts';
import type { PlainRow } from '../../../verifier/delivery/row.ts';
import { deliveryDepth } from '../../../verifier/delivery/terms.ts';
import { InputError } from '../../../verifier/input.ts';
import type { Compiled } from '../../../verifier/program/compile.ts';

/** The rows of a proven run, in the order of the tree, without pads. Errors: not proven yet, another run's file. */
export async function loadDeliveryRows(c: Compiled, storage: RunStorage): Promise<PlainRow[]> {
  const stored = await storage.load(DELIVERY_ROWS);
  if (stored === null) throw new InputError(DELIVERY_ROWS, '', 'does not exist', 'prove the run first: `fineproof train`');
  return decodeDeliveryRows(c, stored, DELIVERY_ROWS);
}

/** The commitments of all 2^deliveryDepth rows; whoever relies on them compares `adapterTree(…).root` with the claim's adapterRoot. */
export function deliveryCommitments(c: Compiled, bundle: Uint8Array): (Affine | null)[] {
  if (bundle.length !== bundleBytes(c))
    throw new InputError('bundle', '', `has ${bundle.length} bytes, one of this program ${bundleBytes(c)}`, 'fetch it again');
  const rows = deliveredRows(c, bundle);
  return Array.from({ length: 2 ** deliveryDepth(c) }, (_, i) => rows[i] ?? null);
}

/** The delivered tensors that opened rows hold, under the names that `exportAdapter` reads. Errors: rows of another bounty. */
export const deliveredState = (c: Compiled, rows: readonly PlainRow[]): Content => stateOfRows(c, rows);

/** Of each row that is no pad: whether its limbs are signed. */
export const readingsOfRows = (c: Compiled): boolean[] => limbsOfRows(c).map(({ tensor }) => tensor.signed);
