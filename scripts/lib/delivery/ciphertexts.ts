/**
 * Ciphertexts of delivered adapters, named by their root, in the stores of bundles: the terms' depth gives their exact length, and content of another
 * length or root is as good as none, so no store is trusted.
 */
import { wordHex } from '../../../verifier/bounty.ts';
import { cipherTree } from '../../../verifier/delivery/cipher.ts';
import { ROW_BYTES } from '../../../verifier/delivery/row.ts';
import { InputError, type Hex } from '../../../verifier/input.ts';
import type { Terms } from '../../../verifier/statement.ts';
import type { Keccak } from '../../../verifier/words.ts';
import { askStores, publish } from '../bundles.ts';
import { StoreError, type BundleStore } from '../stores/types.ts';

/** What one buffer holds. */
const MOST = 2 ** 31 - 1;

/** Bytes of a ciphertext. Errors: more than this machine reads at once. */
export function ciphertextBytes({ deliveryDepth }: Pick<Terms, 'deliveryDepth'>): number {
  const bytes = ROW_BYTES * 2 ** deliveryDepth;
  if (bytes > MOST)
    throw new InputError(
      'bounty.json',
      'terms.deliveryDepth',
      `is ${deliveryDepth}: ${bytes} bytes of rows`,
      `at most ${MOST} can be read`,
    );
  return bytes;
}

function checked(bytes: Uint8Array, root: Hex, exact: number, keccak?: Keccak): Uint8Array {
  if (bytes.length !== exact) throw new StoreError(`gave ${bytes.length} bytes, the rows have ${exact}`, false);
  if (wordHex(cipherTree(bytes, keccak).root) !== root) throw new StoreError('gave another content than the root says', false);
  return bytes;
}

/** Asks the stores in order. Errors: InputError that says of every store why it gave nothing. */
export function fetchCiphertext(
  stores: readonly BundleStore[],
  root: Hex,
  terms: Pick<Terms, 'deliveryDepth'>,
  keccak?: Keccak,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const exact = ciphertextBytes(terms);
  return askStores(stores, 'ciphertext', root, exact, (bytes) => checked(bytes, root, exact, keccak), signal);
}

/** Writes a ciphertext to every store and reads it back. */
export const publishCiphertext = (stores: readonly BundleStore[], root: Hex, bytes: Uint8Array): Promise<void> =>
  publish(stores, 'ciphertext', root, bytes, (read) => void checked(read, root, bytes.length));
