/** Bundles in a store: named by their Merkle root. */
import { bundleRoot } from '../../verifier/bundle.ts';
import { wordHex } from '../../verifier/bounty.ts';
import type { Hex } from '../../verifier/input.ts';
import type { Keccak } from '../../verifier/words.ts';
import { openStore, type Store } from './store.ts';

export const openBundles = (folder: string, keccak?: Keccak): Store => openStore(folder, (bytes) => wordHex(bundleRoot(bytes, keccak)));

/** Reads a bundle of at most `limit` bytes. */
export const readBundle = (store: string, root: Hex, limit: bigint, keccak?: Keccak): Uint8Array =>
  openBundles(store, keccak).get(root, Number(limit), 'bundle');
