/**
 * The primitive fields of the program's encoding, and a strict reader of them. Every value has one encoding; the reader refuses
 * all others, names the field, and allocates nothing that the remaining bytes could not fill.
 */
import { InputError } from '../input.ts';
import { LIMITS } from './limits.ts';

const CURE = 'the file is damaged or not a program; get it again from its publisher';

/** Largest magnitude of an encoded integer. Integers past it would not fit the field F anyway. */
const MAX_MAGNITUDE = 1n << 253n;

/** Appends fields to a growing buffer. */
export class Writer {
  #bytes = new Uint8Array(1 << 12);
  #length = 0;

  #reserve(n: number): number {
    const at = this.#length;
    if (at + n > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(2 * this.#bytes.length, at + n));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
    }
    this.#length += n;
    return at;
  }

  raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  byte(value: number): void {
    const at = this.#reserve(1);
    this.#bytes[at] = value;
  }

  /** LEB128: 7 bits a byte, least significant first, top bit set on all but the last. */
  unsigned(value: number, max: number, field: string): void {
    if (!Number.isSafeInteger(value) || value < 0 || value > max)
      throw new Error(`program: ${field}: ${value} is not a whole number up to ${max}`);
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.byte(0x80 | (rest % 128));
    this.byte(rest);
  }

  /** 2v for v >= 0, −2v − 1 for v < 0, as unsigned. */
  signed(value: number, max: number, field: string): void {
    if (!Number.isSafeInteger(value) || Math.abs(value) > max)
      throw new Error(`program: ${field}: ${value} is not an integer up to ${max}`);
    this.unsigned(value < 0 ? -2 * value - 1 : 2 * value, 2 * max, field);
  }

  /** Sign and length: 2·n + (1 if negative) as one byte, then n bytes of the magnitude, least significant first, the last not 0. */
  integer(value: bigint, field: string): void {
    const magnitude = value < 0n ? -value : value;
    if (magnitude >= MAX_MAGNITUDE) throw new Error(`program: ${field}: |${value}| is not below 2^253`);
    const bytes: number[] = [];
    for (let rest = magnitude; rest > 0n; rest >>= 8n) bytes.push(Number(rest & 0xffn));
    this.byte(2 * bytes.length + (value < 0n ? 1 : 0));
    this.raw(Uint8Array.from(bytes));
  }

  /** Length in bytes, then UTF-8. */
  text(value: string, pattern: RegExp, field: string): void {
    if (!pattern.test(value)) throw new Error(`program: ${field}: ${JSON.stringify(value)} is not a permitted text`);
    const bytes = new TextEncoder().encode(value);
    this.unsigned(bytes.length, LIMITS.textBytes, field);
    this.raw(bytes);
  }

  /** Length, then the items. */
  list<T>(items: readonly T[], max: number, field: string, write: (item: T, field: string) => void): void {
    this.unsigned(items.length, max, `${field}.length`);
    items.forEach((item, i) => write(item, `${field}[${i}]`));
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}

/** Reads what `Writer` wrote; every error is an `InputError` naming the source and the field. */
export class Reader {
  readonly source: string;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array, source: string) {
    this.source = source;
    this.#bytes = bytes;
  }

  refuse(field: string, what: string): never {
    throw new InputError(this.source, field, what, CURE);
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  raw(length: number, field: string): Uint8Array {
    if (length > this.remaining) this.refuse(field, `needs ${length} bytes at byte ${this.#at}, the file has ${this.remaining} left`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  byte(field: string): number {
    return this.raw(1, field)[0] as number;
  }

  unsigned(max: number, field: string): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte(field);
      if (byte === 0 && scale > 1) this.refuse(field, 'is not in its shortest form');
      value += (byte & 0x7f) * scale;
      if (value > max) this.refuse(field, `is larger than ${max}`);
      if (byte < 0x80) return value;
      if (scale > max) this.refuse(field, `is longer than ${max} needs`);
    }
  }

  signed(max: number, field: string): number {
    const value = this.unsigned(2 * max, field);
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  integer(field: string): bigint {
    const head = this.byte(field);
    const length = head >> 1;
    if (length > 32) this.refuse(field, `has ${length} bytes, more than 32`);
    const bytes = this.raw(length, field);
    if (length > 0 && bytes[length - 1] === 0) this.refuse(field, 'is not in its shortest form');
    let magnitude = 0n;
    for (let i = length - 1; i >= 0; i--) magnitude = (magnitude << 8n) | BigInt(bytes[i] as number);
    if (magnitude >= MAX_MAGNITUDE) this.refuse(field, 'is not below 2^253');
    if (head & 1 && magnitude === 0n) this.refuse(field, 'is a negative zero');
    return head & 1 ? -magnitude : magnitude;
  }

  flag(field: string): boolean {
    const byte = this.byte(field);
    if (byte > 1) this.refuse(field, `is ${byte}, must be 0 or 1`);
    return byte === 1;
  }

  /** An index into a list of `length` items. */
  index(length: number, field: string): number {
    if (length === 0) this.refuse(field, 'refers to an empty list');
    return this.unsigned(length - 1, field);
  }

  text(pattern: RegExp, maxBytes: number, field: string): string {
    const bytes = this.raw(this.unsigned(maxBytes, `${field}.length`), field);
    let value: string;
    try {
      value = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return this.refuse(field, 'is not UTF-8');
    }
    if (!pattern.test(value)) this.refuse(field, 'is not a permitted text');
    return value;
  }

  /** A list of at most `max` items; each takes at least one byte, so a count past the remaining bytes is refused at once. */
  list<T>(max: number, field: string, read: (field: string, i: number) => T): T[] {
    const count = this.unsigned(max, `${field}.length`);
    if (count > this.remaining) this.refuse(field, `has ${count} items in ${this.remaining} bytes`);
    const items: T[] = [];
    for (let i = 0; i < count; i++) items.push(read(`${field}[${i}]`, i));
    return items;
  }

  end(): void {
    if (this.remaining > 0) this.refuse('', `has ${this.remaining} bytes after its end`);
  }
}
