/** Bundles in a store: named by their Merkle root. */
import { bundleRoot } from '../../verifier/bundle.ts';
import { wordHex } from '../../verifier/bounty.ts';
import type { Hex } from '../../verifier/input.ts';
import { openStore, type Store } from './store.ts';

export const openBundles = (folder: string): Store => openStore(folder, (bytes) => wordHex(bundleRoot(bytes)));

/** Reads a bundle of at most `limit` bytes. */
export const readBundle = (store: string, root: Hex, limit: bigint): Uint8Array => openBundles(store).get(root, Number(limit), 'bundle');
