/**
 * Content-addressed folder: every file is named by its digest, written once and checked on every reading, so a store may be
 * copied, shared or served by anybody. Bundles go by their Merkle root, all else by keccak-256.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, hexBytes, InputError, type Hex } from '../../verifier/input.ts';
import { inside, readBounded, writeAtomic } from './files.ts';

export interface Store {
  readonly folder: string;
  has(digest: Hex): boolean;
  path(digest: Hex): string;
  /** Returns the digest. A file that is already there is kept. */
  put(bytes: Uint8Array): Hex;
  /** Reads at most `limit` bytes. Errors: missing, too large, other content than its name says. */
  get(digest: Hex, limit: number, what: string): Uint8Array;
}

/** `address` names a content; keccak-256 unless told otherwise. */
export function openStore(folder: string, address: (bytes: Uint8Array) => Hex = digestOf): Store {
  const path = (digest: Hex): string => {
    if (!hexBytes(32).safeParse(digest).success)
      throw new InputError(folder, '', 'a digest must be 0x and 64 lower-case hex digits', 'check the digest');
    return inside(folder, join(digest.slice(2, 4), digest.slice(2)));
  };
  return {
    folder,
    path,
    has: (digest) => existsSync(path(digest)),
    put(bytes) {
      const digest = address(bytes);
      if (!existsSync(path(digest))) writeAtomic(path(digest), bytes);
      return digest;
    },
    get(digest, limit, what) {
      const file = path(digest);
      if (!existsSync(file))
        throw new InputError(folder, '', `${what} ${digest} is not in the store`, 'fetch it from its publisher and put it there');
      const bytes = readBounded(file, limit);
      if (address(bytes) !== digest)
        throw new InputError(file, '', `is not the ${what} that its name says`, 'delete it and fetch it again');
      return bytes;
    },
  };
}
