/** A store in a folder: files by their root, two levels deep, written once and whole. */
import { existsSync } from 'node:fs';
import { InputError } from '../../../verifier/input.ts';
import { inside, readBounded, writeAtomic } from '../files.ts';
import { bundlePath, StoreError, type BundleStore } from './types.ts';

export function folderStore(folder: string): BundleStore {
  return {
    name: folder,
    async get(root, limit) {
      try {
        const path = inside(folder, bundlePath(root));
        if (!existsSync(path)) throw new StoreError(`is not in ${folder}`, false);
        return readBounded(path, limit);
      } catch (e) {
        throw e instanceof InputError ? new StoreError(e.message, false) : e;
      }
    },
    async put(root, bytes) {
      const path = inside(folder, bundlePath(root));
      if (!existsSync(path)) writeAtomic(path, bytes);
    },
  };
}
