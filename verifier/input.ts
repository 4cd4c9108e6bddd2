/**
 * Reading of strangers' JSON: size and depth are bounded before parsing, shapes are strict (zod; unknown fields and `__proto__`
 * are refused), and every error names the file, the field and a cure. Content-addressed files are canonical: their bytes must
 * be what `canonicalJson` gives for what they say. Works in browsers.
 */
import { keccak_256 } from '@noble/hashes/sha3.js';
import { z } from 'zod';
import type { Keccak } from './words.ts';

/** Something read from outside is wrong. The message is one line: `source: field: what (cure)`. */
export class InputError extends Error {
  readonly source: string;
  readonly field: string;
  readonly cure: string;

  constructor(source: string, field: string, what: string, cure: string) {
    super(`${source}${field === '' ? '' : `: ${field}`}: ${what} (${cure})`);
    this.name = 'InputError';
    this.source = source;
    this.field = field;
    this.cure = cure;
  }
}

/** 0x and lower-case digits. */
export type Hex = `0x${string}`;

export const toHex = (bytes: Uint8Array): Hex => {
  let s = '0x';
  for (const b of bytes) s += b.toString(16).padStart(2, '0');
  return s as Hex;
};

/** Bytes of 0x-hex that a schema has already accepted. */
export const fromHex = (hex: Hex): Uint8Array =>
  Uint8Array.from({ length: (hex.length - 2) / 2 }, (_, i) => parseInt(hex.slice(2 + 2 * i, 4 + 2 * i), 16));

/** keccak-256 as hex: the identity of every published file. */
export const digestOf = (bytes: Uint8Array, keccak: Keccak = keccak_256): Hex => toHex(keccak(bytes));

/** Limits of JSON text: bytes, and nested brackets. */
export interface JsonLimits {
  readonly size: number;
  readonly depth: number;
}

export const JSON_LIMITS: JsonLimits = { size: 1 << 20, depth: 24 };

/** Schema of exactly n bytes as lower-case hex. */
export const hexBytes = (n: number) =>
  z.custom<Hex>((v) => typeof v === 'string' && v.length === 2 + 2 * n && /^0x[0-9a-f]*$/.test(v), {
    error: `must be 0x and ${2 * n} lower-case hex digits`,
  });

/** Schema of printable text without control characters. */
export const printable = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[^\u0000-\u001f\u007f]*$/, 'must be printable text');

function checkDepth(text: string, source: string, limit: number): void {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (inString) {
      if (c === 0x5c) i++;
      else if (c === 0x22) inString = false;
    } else if (c === 0x22) inString = true;
    else if (c === 0x7b || c === 0x5b) {
      if (++depth > limit)
        throw new InputError(source, '', `is nested deeper than ${limit}`, 'no file of this kind is; check that it is the right one');
    } else if (c === 0x7d || c === 0x5d) depth--;
  }
}

/** Parses UTF-8 JSON. Errors: empty, too large, not UTF-8, too deep, truncated or malformed. */
export function parseJson(bytes: Uint8Array, source: string, limits: JsonLimits = JSON_LIMITS): unknown {
  if (bytes.length === 0) throw new InputError(source, '', 'is empty', 'get it again from its publisher');
  if (bytes.length > limits.size)
    throw new InputError(source, '', `has ${bytes.length} bytes, more than ${limits.size}`, 'check that this is the right file');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new InputError(source, '', 'is not UTF-8 text', 'check that this is the right file');
  }
  checkDepth(text, source, limits.depth);
  try {
    return JSON.parse(text);
  } catch (e) {
    throw new InputError(source, '', `is not JSON: ${e instanceof Error ? e.message : String(e)}`, 'it may be truncated; get it again');
  }
}

/** A value that JSON.parse gave, held against a schema; the error names the first field that is wrong. */
export function checkShape<T>(schema: z.ZodType<T>, value: unknown, source: string, cure = 'correct the field'): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = (issue?.path ?? []).map((p) => (typeof p === 'number' ? `[${p}]` : `.${String(p)}`)).join('');
  throw new InputError(source, path.replace(/^\./, '').slice(0, 200), (issue?.message ?? 'is wrong').slice(0, 300), cure);
}

export const decodeJson = <T>(schema: z.ZodType<T>, bytes: Uint8Array, source: string, limits: JsonLimits = JSON_LIMITS): T =>
  checkShape(schema, parseJson(bytes, source, limits), source);

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, v]) => v !== undefined)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([k, v]) => [k, sorted(v)]),
    );
  return value;
};

/** The one text of a JSON value: keys in code-unit order, no spaces, numbers as JSON.stringify writes them, no newline at the end. */
export const canonicalJson = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(sorted(value)));

/** Decodes a content-addressed JSON file; other spellings of the same value (spaces, key order, repeated keys) are refused. */
export function decodeCanonical<T>(schema: z.ZodType<T>, bytes: Uint8Array, source: string, limits: JsonLimits = JSON_LIMITS): T {
  const value = decodeJson(schema, bytes, source, limits);
  const again = canonicalJson(value);
  if (again.length !== bytes.length || again.some((b, i) => b !== bytes[i]))
    throw new InputError(source, '', 'is not in canonical form', 'use the file that its publisher made, byte for byte');
  return value;
}
