/** Files of strangers and of ours: bounded reading, links that lead outside refused, atomic writing, secrets with mode 0600. */
import { randomBytes } from 'node:crypto';
import {
  constants,
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { InputError } from '../../verifier/input.ts';

const code = (e: unknown): string => (e instanceof Error && 'code' in e ? String(e.code) : '');

/** Reads a regular file of at most `limit` bytes. Errors: missing, no file (folder, pipe, device), too large. */
export function readBounded(path: string, limit: number): Uint8Array {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (e) {
    const what = code(e) === 'ENOENT' ? 'does not exist' : code(e) === 'ELOOP' ? 'is a circle of links' : `cannot be opened: ${code(e)}`;
    throw new InputError(path, '', what, 'check the path');
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new InputError(path, '', 'is not a regular file', 'check the path');
    if (stat.size > limit)
      throw new InputError(path, '', `has ${stat.size} bytes, more than ${limit}`, 'check that this is the right file');
    const bytes = new Uint8Array(stat.size);
    let at = 0;
    while (at < bytes.length) {
      const n = readSync(fd, bytes, at, bytes.length - at, at);
      if (n === 0) throw new InputError(path, '', 'became shorter while it was read', 'wait until it is written');
      at += n;
    }
    return bytes;
  } finally {
    closeSync(fd);
  }
}

/** A path inside a folder; refused when the name, or a link on the way, leads outside. */
export function inside(folder: string, name: string): string {
  const path = resolve(folder, name);
  const leaves = (root: string, p: string): boolean => {
    const r = relative(root, p);
    return isAbsolute(name) || isAbsolute(r) || r === '..' || r.startsWith(`..${sep}`);
  };
  if (leaves(resolve(folder), path)) throw new InputError(name, '', `leads outside of ${folder}`, 'use a name inside of the folder');
  const real = (p: string): string | null => {
    try {
      return realpathSync(p);
    } catch (e) {
      if (code(e) === 'ENOENT') return null;
      throw new InputError(p, '', `cannot be resolved: ${code(e)}`, 'check the path');
    }
  };
  const root = real(folder);
  if (root === null) return path;
  // The nearest part of the path that exists decides where it leads.
  let existing = path;
  let found = real(existing);
  while (found === null) found = real((existing = dirname(existing)));
  if (leaves(root, join(found, relative(existing, path))))
    throw new InputError(path, '', `is a link that leads outside of ${folder}`, 'replace the link by the file');
  return path;
}

/** Writes a temporary file beside `path`, and has `place` give it its name; which outlasts a power failure. */
function throughTemporary(path: string, bytes: Uint8Array | string, mode: number, place: (temporary: string) => void): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  const data = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  try {
    const fd = openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode);
    try {
      for (let at = 0; at < data.length;) at += writeSync(fd, data, at);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    place(temporary);
  } catch (e) {
    rmSync(temporary, { force: true });
    throw e;
  }
  syncFolder(dirname(path));
}

/** Writes through a temporary file in the same folder and a rename: readers see the old file or the new one, never a part. */
export const writeAtomic = (path: string, bytes: Uint8Array | string, mode = 0o644): void =>
  throughTemporary(path, bytes, mode, (temporary) => renameSync(temporary, path));

/** What a process that was killed while it wrote left in a folder that nobody else writes to: temporary files, which nothing reads. */
export function removeTemporaries(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    if (/^\..+\.[0-9a-f]{12}$/.test(basename(name))) rmSync(join(folder, name), { force: true });
}

/** Makes new names in a folder outlast a power failure, where the system can. */
function syncFolder(folder: string): void {
  let fd: number;
  try {
    fd = openSync(folder, constants.O_RDONLY);
  } catch (e) {
    // Windows opens no folders.
    if (['EISDIR', 'EPERM', 'EACCES'].includes(code(e))) return;
    throw e;
  }
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Writes a file whole unless there is one; says whether it did. Of two processes, one does. */
export function writeOnce(path: string, bytes: Uint8Array | string, mode = 0o644): boolean {
  let written = true;
  throughTemporary(path, bytes, mode, (temporary) => {
    try {
      linkSync(temporary, path);
    } catch (e) {
      if (code(e) !== 'EEXIST')
        throw new InputError(path, '', `cannot be made: ${code(e)}`, 'use a folder on a file system that has hard links');
      written = false;
    }
    rmSync(temporary);
  });
  return written;
}

/** Writes a file that only its owner may read. */
export const writeSecret = (path: string, bytes: Uint8Array | string): void => writeAtomic(path, bytes, 0o600);
