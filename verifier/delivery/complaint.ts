/**
 * The poster's side of a delivery: opens every row with the revealed key, and brings a row that does not open its commitment before
 * `contracts/Delivery.sol`, as `IDelivery.Complaint`.
 *
 * The caller discharges: K hashes to the claim's key hash, the ciphertext to its cipherRoot, the commitments to its adapterRoot; the last is what
 * the claim's proof binds to the training.
 */
import type { Affine } from '../curve.ts';
import { plain, type Engine } from '../engine.ts';
import { pathOf } from '../record/indexed-merkle.ts';
import { adapterTree, cipherRow, cipherTree, maskRow, type MaskKey } from './cipher.ts';
import type { RandomBytes } from './keys.ts';
import { openRow, ROW_BYTES, type PlainRow, type RowFault } from './row.ts';
import { proveSharedPoint, type SharedPointProof } from './shared-point.ts';

/** All that a delivery consists of; as many commitments as the ciphertext has rows. */
export interface Delivery {
  readonly ciphertext: Uint8Array;
  readonly commitments: readonly (Affine | null)[];
  readonly mask: MaskKey;
}

/** `IDelivery.Complaint`. */
export interface Complaint extends SharedPointProof {
  readonly index: number;
  /** Masked, as in the ciphertext. */
  readonly row: Uint8Array;
  readonly rowPath: readonly bigint[];
  /** (0, 0) where it is the point at infinity. */
  readonly commitment: Affine;
  readonly commitmentPath: readonly bigint[];
}

/** The rows, or the first that is wrong. Throws if the numbers of rows and commitments differ. */
export async function openDelivery(
  { ciphertext, commitments, mask }: Delivery,
  engine: Engine = plain,
): Promise<{ readonly rows: readonly PlainRow[] } | { readonly index: number; readonly fault: RowFault }> {
  if (ciphertext.length !== commitments.length * ROW_BYTES)
    throw new RangeError(`${ciphertext.length} bytes of ciphertext for ${commitments.length} rows of ${ROW_BYTES} bytes`);
  const rows: PlainRow[] = [];
  for (const [index, commitment] of commitments.entries()) {
    const opened = await openRow(maskRow(cipherRow(ciphertext, index), mask, index, engine.keccak), commitment, engine);
    if ('fault' in opened) return { index, fault: opened.fault };
    rows.push(opened.row);
  }
  return { rows };
}

/** The complaint about row `index`; d is the poster's secret, e the claimant's E. */
export function complaintOf(
  delivery: Pick<Delivery, 'ciphertext' | 'commitments'>,
  index: number,
  claimId: bigint,
  d: bigint,
  e: Affine,
  random: RandomBytes,
): Complaint {
  const commitment = delivery.commitments[index];
  if (commitment === undefined) throw new RangeError(`there is no row ${index}`);
  return {
    index,
    row: cipherRow(delivery.ciphertext, index),
    rowPath: pathOf(cipherTree(delivery.ciphertext), index),
    commitment: commitment ?? { x: 0n, y: 0n },
    commitmentPath: pathOf(adapterTree(delivery.commitments), index),
    ...proveSharedPoint(claimId, d, e, random),
  };
}
