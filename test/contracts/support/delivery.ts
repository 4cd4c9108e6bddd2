/** Deliveries to complain about: rows, keys, ciphertext, and what `Delivery.check` takes. */
import type { Affine } from '../../../verifier/curve.ts';
import { cipherTree, adapterTree, encryptRows, maskRow, type MaskKey } from '../../../verifier/delivery/cipher.ts';
import { complaintOf, type Complaint } from '../../../verifier/delivery/complaint.ts';
import { type KeyPair, keyPair, multiplySecret, type RandomBytes, randomWord, sharedSecret } from '../../../verifier/delivery/keys.ts';
import { commitRow, type PlainRow, ROW_BYTES } from '../../../verifier/delivery/row.ts';
import { toHex } from '../../../verifier/input.ts';
import { writeWord } from '../../../verifier/words.ts';
import { Draw, hex } from './scene.ts';

export interface Delivered {
  readonly claimId: bigint;
  readonly poster: KeyPair;
  readonly claimant: KeyPair;
  readonly mask: MaskKey;
  readonly ciphertext: Uint8Array;
  /** A pad's is null. */
  readonly commitments: readonly (Affine | null)[];
  readonly random: RandomBytes;
}

/** Bytes from a seed. */
export function seededBytes(seed: string): RandomBytes {
  const draw = new Draw(seed);
  return (count) => {
    const bytes = new Uint8Array(32 * Math.ceil(count / 32));
    for (let i = 0; i < bytes.length / 32; i++) writeWord(bytes, i, draw.word());
    return bytes.slice(0, count);
  };
}

/** An honest delivery of these rows. */
export async function delivery(seed: string, rows: readonly PlainRow[]): Promise<Delivered> {
  const random = seededBytes(seed);
  const [poster, claimant] = [keyPair(random), keyPair(random)];
  const secret = sharedSecret(multiplySecret(claimant.secret, poster.point));
  const mask = { key: randomWord(random), secret, nonce: randomWord(random) };
  const ciphertext = encryptRows(rows, mask);
  const commitments: (Affine | null)[] = [];
  for (let i = 0; i < ciphertext.length / ROW_BYTES; i++) {
    const row = rows[i];
    commitments.push(row === undefined ? null : await commitRow(row));
  }
  return { claimId: randomWord(random), poster, claimant, mask, ciphertext, commitments, random };
}

/** The delivery of a claimant who encrypts these 544 bytes as row i. */
export function replaceRow(d: Delivered, i: number, bytes: Uint8Array): Delivered {
  const ciphertext = d.ciphertext.slice();
  ciphertext.set(maskRow(bytes, d.mask, i), i * ROW_BYTES);
  return { ...d, ciphertext };
}

/** `IDelivery.Delivered`. */
export const deliveredOf = (d: Delivered) => ({
  claimId: hex(d.claimId),
  adapterRoot: hex(adapterTree(d.commitments).root),
  cipherRoot: hex(cipherTree(d.ciphertext).root),
  depth: BigInt(Math.log2(d.commitments.length)),
  key: hex(d.mask.key),
  nonce: hex(d.mask.nonce),
  deliveryKey: d.poster.point,
  ephemeralKey: d.claimant.point,
});

/** The poster's complaint about row i. */
export const complaint = (d: Delivered, i: number): Complaint => complaintOf(d, i, d.claimId, d.poster.secret, d.claimant.point, d.random);

/** `IDelivery.Complaint`. */
export const encodeComplaint = (c: Complaint) => ({
  ...c,
  index: BigInt(c.index),
  row: toHex(c.row),
  rowPath: c.rowPath.map(hex),
  commitmentPath: c.commitmentPath.map(hex),
});

/** What `check` takes for the complaint about row i. */
export const parametersOf = (d: Delivered, i: number) => [deliveredOf(d), encodeComplaint(complaint(d, i))] as const;
