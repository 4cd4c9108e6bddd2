/**
 * Secrets on their way between machines: one file, always encrypted (secrets.ts), that holds
 *
 *   "FPVAULT1" ‖ length of the header (4 bytes, big endian) ‖ header ‖ contents, one after the other
 *
 * The header is canonical JSON {version: 1, items: [{kind, name, size}]}. Everything is decoded strictly: another version, a wrong size, a name that
 * leads elsewhere or occurs twice is refused, and each content must be what its kind says.
 */
import { z } from 'zod';
import { openingDigest } from '../../../prover/cards/hidden.ts';
import { canonicalJson, decodeCanonical, InputError } from '../../../verifier/input.ts';
import { decodeKey } from './key-file.ts';
import { decodeSecrets, SECRETS_NAME } from './secrets.ts';

const MAGIC = new TextEncoder().encode('FPVAULT1');
const MAX_HEADER = 1 << 20;
const MAX_ITEMS = 1000;
/** What fits one buffer. */
export const MAX_VAULT = 2 ** 31 - 1;

export const KINDS = ['delivery-key', 'delivery-secrets', 'opening'] as const;

/** One secret; `name` is that of its file. */
export interface VaultItem {
  readonly kind: (typeof KINDS)[number];
  readonly name: string;
  readonly bytes: Uint8Array;
}

const headerSchema = z.strictObject({
  version: z.literal(1),
  items: z
    .array(
      z.strictObject({
        kind: z.enum(KINDS),
        name: z.string().regex(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,119}$/, 'must be the name of a file'),
        size: z.int().min(1).max(MAX_VAULT),
      }),
    )
    .min(1)
    .max(MAX_ITEMS),
});

/** Refuses what is not of its kind. */
function checkItem({ kind, name, bytes }: VaultItem, source: string): void {
  const file = `${source}: ${name}`;
  if (kind === 'delivery-key') decodeKey(bytes, file);
  else if (kind === 'opening') openingDigest(bytes, file);
  else if (!SECRETS_NAME.test(name) || decodeSecrets(bytes, file).nonce !== `0x${name.slice(9, 73)}`)
    throw new InputError(source, `items.${name}`, 'is not named by its nonce', 'export the run again');
}

export function encodeVault(items: readonly VaultItem[]): Uint8Array {
  const names = new Set(items.map((i) => i.name));
  if (names.size !== items.length) throw new InputError('export', '', 'two secrets have one name', 'rename one of the files');
  const header = canonicalJson({ version: 1, items: items.map(({ kind, name, bytes }) => ({ kind, name, size: bytes.length })) });
  const parts = [MAGIC, new Uint8Array(4), header, ...items.map((i) => i.bytes)];
  new DataView((parts[1] as Uint8Array).buffer).setUint32(0, header.length);
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  decodeVault(out, 'export');
  return out;
}

export function decodeVault(bytes: Uint8Array, source: string): VaultItem[] {
  const wrong = (what: string): InputError => new InputError(source, '', what, 'export again on the other machine');
  const start = MAGIC.length + 4;
  if (bytes.length < start || MAGIC.some((b, i) => bytes[i] !== b)) throw wrong('is no file of `fineproof keys export`, version 1');
  const length = new DataView(bytes.buffer, bytes.byteOffset + MAGIC.length, 4).getUint32(0);
  if (length > MAX_HEADER || start + length > bytes.length) throw wrong('is truncated');
  const { items } = decodeCanonical(headerSchema, bytes.subarray(start, start + length), source);
  if (new Set(items.map((i) => i.name)).size !== items.length) throw wrong('names a secret twice');
  let at = start + length;
  if (items.reduce((n, i) => n + i.size, at) !== bytes.length) throw wrong('is truncated or extended');
  return items.map(({ kind, name, size }) => {
    const item = { kind, name, bytes: bytes.subarray(at, (at += size)) };
    checkItem(item, source);
    return item;
  });
}
