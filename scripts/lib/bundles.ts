/**
 * Bundles, named by their Merkle root, from folders, web servers, buckets and the URIs of a claim. Every content is checked against the root
 * here, so no store is trusted.
 *
 * The root does not bind the length: cells of zeros at the end are the padding of the tree. A store could append such cells (or leave them out)
 * and make a good bundle one of a wrong length. So the caller says how long the bundle must be, and a content of another length whose
 * zeros explain the difference is brought to it.
 */
import { bundleBytes, bundleRoot, CELL } from '../../verifier/bundle.ts';
import { wordHex, type OpenBounty } from '../../verifier/bounty.ts';
import { InputError, type Hex } from '../../verifier/input.ts';
import type { Keccak } from '../../verifier/words.ts';
import { openStore, type Store } from './store.ts';
import { StoreError, type BundleStore } from './stores/types.ts';

const rootOf = (bytes: Uint8Array, keccak?: Keccak): Hex => wordHex(bundleRoot(bytes, keccak));

/** A folder of bundles. */
export const openBundles = (folder: string, keccak?: Keccak): Store => openStore(folder, (bytes) => rootOf(bytes, keccak));

/** Sizes of a bounty's bundles, in bytes. */
export interface BundleSize {
  /** What a good bundle has. */
  readonly exact: number;
  /** More is not read. */
  readonly limit: number;
}

/** The limit is what the terms allow, and no more than a tree of the bundle's depth holds: all beyond is not a bundle of this program. */
export function bundleSize(bounty: Pick<OpenBounty, 'compiled' | 'terms'>): BundleSize {
  const exact = bundleBytes(bounty.compiled);
  const tree = CELL * 2 ** Math.ceil(Math.log2(exact / CELL));
  return { exact, limit: Math.min(tree, Number(bounty.terms.maxBundle)) };
}

/** What a claim says about its bundle. */
export interface Wanted {
  readonly bundleRoot: Hex;
  readonly uris: readonly string[];
}

/** Where bundles come from. */
export interface BundleSource {
  /** Errors: InputError that says of every store why it gave nothing; the signal's reason when it is aborted. */
  fetch(wanted: Wanted, size: BundleSize, keccak?: Keccak, signal?: AbortSignal): Promise<Uint8Array>;
}

function checked(bytes: Uint8Array, root: Hex, exact: number, keccak?: Keccak): Uint8Array {
  if (bytes.length === 0 || bytes.length % CELL !== 0 || rootOf(bytes, keccak) !== root)
    throw new StoreError('gave another content than the root says', false);
  if (bytes.length === exact) return bytes;
  const other = new Uint8Array(exact);
  other.set(bytes.subarray(0, exact));
  return rootOf(other, keccak) === root ? other : bytes;
}

/** A content by its root: asks `stores` in order, `check` refuses what is another content. Errors: InputError that says of every store why it gave nothing. */
export async function askStores(
  stores: readonly BundleStore[],
  what: string,
  root: Hex,
  limit: number,
  check: (bytes: Uint8Array) => Uint8Array,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const failures: string[] = [];
  for (const store of stores) {
    signal?.throwIfAborted();
    try {
      return check(await store.get(root, limit, signal));
    } catch (e) {
      if (!(e instanceof StoreError)) throw e;
      failures.push(e.message.includes(store.name) ? e.message : `${store.name} ${e.message}`);
    }
  }
  throw new InputError(
    `${what} ${root}`,
    '',
    failures.join('; ').slice(0, 1500) || 'there is no store to ask',
    'get it from the claimant, or name a store that has it with --store',
  );
}

/** Asks `stores` in order, then those that `hints` makes of the claim's URIs. */
export const bundleSource = (stores: readonly BundleStore[], hints: (uris: readonly string[]) => readonly BundleStore[]): BundleSource => ({
  fetch: ({ bundleRoot: root, uris }, { exact, limit }, keccak, signal) =>
    askStores([...stores, ...hints(uris)], 'bundle', root, limit, (bytes) => checked(bytes, root, exact, keccak), signal),
});

/** Writes a content to every store and reads it back from there. Errors: a store that cannot be written, or gives back what `right` refuses. */
export async function publish(
  stores: readonly BundleStore[],
  what: string,
  root: Hex,
  bytes: Uint8Array,
  right: (read: Uint8Array) => void,
): Promise<void> {
  for (const store of stores) {
    if (store.put === undefined)
      throw new InputError('--store', '', `${store.name} cannot be written`, `publish the ${what} there by other means`);
    try {
      await store.put(root, bytes);
      right(await store.get(root, bytes.length));
    } catch (e) {
      if (!(e instanceof StoreError)) throw e;
      throw new InputError('--store', '', `the ${what} was not published: ${store.name}: ${e.message}`, 'check address and credentials');
    }
  }
}

/** Publishes a bundle; returns its root. */
export async function publishBundle(stores: readonly BundleStore[], bytes: Uint8Array): Promise<Hex> {
  const root = rootOf(bytes);
  await publish(stores, 'bundle', root, bytes, (read) => void checked(read, root, bytes.length));
  return root;
}

/** Publishes a trace's file under the trace's root. */
export const publishTrace = (stores: readonly BundleStore[], root: Hex, bytes: Uint8Array): Promise<void> =>
  publish(stores, 'trace', root, bytes, (read) => {
    if (read.length !== bytes.length || read.some((b, i) => b !== bytes[i])) throw new StoreError('gave back another content', false);
  });
