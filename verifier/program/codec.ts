/**
 * Codecs: how each kind of field is read. Every value has one encoding; reading refuses all others, names the field, and allocates
 * nothing that the remaining bytes could not fill. `form` tells a writer (prover/program/encode.ts) what reading expects.
 */
import { InputError } from '../input.ts';

/** Bytes on their way in. Errors name the source and the field; `cure` ends them. */
export class Bytes {
  readonly source: string;
  readonly #cure: string;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(source: string, cure: string, bytes: Uint8Array) {
    this.source = source;
    this.#cure = cure;
    this.#bytes = bytes;
  }

  refuse(field: string, what: string): never {
    throw new InputError(this.source, field, what, this.#cure);
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  take(length: number, field: string): Uint8Array {
    if (length > this.remaining) this.refuse(field, `needs ${length} bytes at byte ${this.#at}, the file has ${this.remaining} left`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  byte(field: string): number {
    return this.take(1, field)[0] as number;
  }
}

export type Form =
  | { readonly kind: 'none' | 'integer' }
  | { readonly kind: 'unsigned' | 'signed'; readonly max: number }
  | { readonly kind: 'text'; readonly pattern: RegExp; readonly maxBytes: number }
  | { readonly kind: 'choice'; readonly values: () => readonly unknown[] }
  | { readonly kind: 'list'; readonly max: number; readonly item: Codec<unknown> }
  | { readonly kind: 'pair' | 'optional'; readonly item: Codec<unknown> }
  | { readonly kind: 'record'; readonly entries: readonly (readonly [string, Codec<unknown>])[] }
  | { readonly kind: 'mapped'; readonly codec: Codec<unknown>; readonly from: (value: never) => unknown }
  | { readonly kind: 'union'; readonly kindOf: (value: never) => string; readonly codecs: Readonly<Record<string, Codec<unknown>>> }
  | { readonly kind: 'named'; readonly codec: Codec<unknown>; readonly known: (items: readonly { readonly name: string }[]) => void };

export interface Codec<T> {
  readonly form: Form;
  read(b: Bytes, field: string): T;
}

/** A whole number up to `max` < 2^53, LEB128: 7 bits a byte, least significant first, the top bit set on all but the last. */
export const unsigned = (max: number): Codec<number> => ({
  form: { kind: 'unsigned', max },
  read(b, field) {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = b.byte(field);
      if (byte === 0 && scale > 1) b.refuse(field, 'is not in its shortest form');
      value += (byte & 0x7f) * scale;
      if (value > max) b.refuse(field, `is larger than ${max}`);
      if (byte < 0x80) return value;
      if (scale > max) b.refuse(field, `is longer than ${max} needs`);
    }
  },
});

/** An integer of magnitude at most `max`: 2v for v >= 0, −2v − 1 for v < 0, as unsigned. */
export const signed = (max: number): Codec<number> => ({
  form: { kind: 'signed', max },
  read(b, field) {
    const value = unsigned(2 * max).read(b, field);
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  },
});

/** An integer of magnitude below 2^253: one byte 2n + (1 if negative), then n bytes of the magnitude, least significant first, the last not 0. */
export const integer: Codec<bigint> = {
  form: { kind: 'integer' },
  read(b, field) {
    const head = b.byte(field);
    if (head > 65) b.refuse(field, `has ${head >> 1} bytes, more than 32`);
    const magnitude = b.take(head >> 1, field).reduceRight((z, byte) => (z << 8n) | BigInt(byte), 0n);
    if (magnitude >> 253n) b.refuse(field, 'is not below 2^253');
    const length = Math.ceil((magnitude === 0n ? 0 : magnitude.toString(2).length) / 8);
    if (length !== head >> 1 || head === 1) b.refuse(field, 'is not in its shortest form');
    return head & 1 ? -magnitude : magnitude;
  },
};

/** UTF-8 text of a pattern: its length in bytes, then the bytes. */
export const text = (pattern: RegExp, maxBytes: number): Codec<string> => ({
  form: { kind: 'text', pattern, maxBytes },
  read(b, field) {
    const bytes = b.take(unsigned(maxBytes).read(b, `${field}.length`), field);
    let value: string;
    try {
      value = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return b.refuse(field, 'is not UTF-8');
    }
    if (!pattern.test(value)) b.refuse(field, 'is not a permitted text');
    return value;
  },
});

/** One of several values, by its position among them. */
export const choice = <T extends string | boolean>(values: () => readonly T[]): Codec<T> => ({
  form: { kind: 'choice', values },
  read(b, field) {
    if (values().length === 0) b.refuse(field, 'refers to an empty list');
    return values()[unsigned(values().length - 1).read(b, field)] as T;
  },
});

export const flag: Codec<boolean> = choice<boolean>(() => [false, true]);

/** At most `max` items: their number, then each. An item takes at least one byte, so a number past the remaining bytes is refused at once. */
export const list = <T>(max: number, item: Codec<T>): Codec<readonly T[]> => ({
  form: { kind: 'list', max, item },
  read(b, field) {
    const count = unsigned(max).read(b, `${field}.length`);
    if (count > b.remaining) b.refuse(field, `has ${count} items in ${b.remaining} bytes`);
    const items: T[] = [];
    for (let i = 0; i < count; i++) items.push(item.read(b, `${field}[${i}]`));
    return items;
  },
});

/** Two values of one kind. */
export const pair = <T>(item: Codec<T>): Codec<readonly [T, T]> => ({
  form: { kind: 'pair', item },
  read: (b, field) => [item.read(b, field), item.read(b, field)],
});

/** A flag, then the value if it is there. */
export const optional = <T>(item: Codec<T>): Codec<T | undefined> => ({
  form: { kind: 'optional', item },
  read: (b, field) => (flag.read(b, field) ? item.read(b, field) : undefined),
});

export const inside = (field: string, name: string): string => (field === '' ? name : `${field}.${name}`);

/** The codec of each field of T. */
export type Fields<T> = { readonly [K in keyof T]-?: object extends Pick<T, K> ? Codec<T[K] | undefined> : Codec<T[K]> };

/** Fields one after the other, in the order given; an undefined field is left out of the object. */
export const record = <T extends object>(fields: Fields<T>): Codec<T> => {
  const entries = Object.entries(fields) as [string, Codec<unknown>][];
  return {
    form: { kind: 'record', entries },
    read(b, field) {
      const value = entries.map(([name, codec]) => [name, codec.read(b, inside(field, name))] as const);
      return Object.fromEntries(value.filter(([, v]) => v !== undefined)) as T;
    },
  };
};

/** The same bytes, another value. */
export const mapped = <A, B>(codec: Codec<A>, to: (a: A) => B, from: (b: B) => A): Codec<B> => ({
  form: { kind: 'mapped', codec, from },
  read: (b, field) => to(codec.read(b, field)),
});

/** One of several kinds of record, by the position of its kind: `kindOf` a value is a key of `codecs`, each a codec of its kind. */
export const union = <T>(kindOf: (value: T) => string, codecs: Readonly<Record<string, Codec<unknown>>>): Codec<T> => {
  const kind = choice(() => Object.keys(codecs));
  return { form: { kind: 'union', kindOf, codecs }, read: (b, field) => (codecs[kind.read(b, field)] as Codec<T>).read(b, field) };
};
