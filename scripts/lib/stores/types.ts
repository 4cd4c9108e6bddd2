/**
 * Where bundles lie. A store is asked for a root and trusted with nothing: who reads from it checks the content against the root
 * (`bundles.ts`), so a store can withhold a bundle and never change one.
 */
import type { Hex } from '../../../verifier/input.ts';

export interface BundleStore {
  /** For messages; without credentials. */
  readonly name: string;
  /** At most `limit` bytes, unchecked. Errors: StoreError; the signal's reason when it is aborted. */
  get(root: Hex, limit: number, signal?: AbortSignal): Promise<Uint8Array>;
  /** Writes a bundle under its root; missing where a store cannot be written. */
  put?(root: Hex, bytes: Uint8Array, signal?: AbortSignal): Promise<void>;
}

/** A store did not give what it was asked for. `again`: it may, if asked once more right away (a broken connection, a server's 5xx). */
export class StoreError extends Error {
  readonly again: boolean;

  constructor(message: string, again: boolean) {
    super(message);
    this.name = 'StoreError';
    this.again = again;
  }
}

/** Path of a bundle below a store's base, the same in folders, on servers and in buckets: `ab/abcd…`. */
export const bundlePath = (root: Hex): string => `${root.slice(2, 4)}/${root.slice(2)}`;
