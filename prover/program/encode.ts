/**
 * Writes the canonical encoding of a program: whatever the forms of verifier/program/decode.ts read back. Errors are `InputError`s that name the
 * field; validity is not judged here.
 */
import { InputError } from '../../verifier/input.ts';
import { inside, type Codec } from '../../verifier/program/codec.ts';
import { cellCount, CONSTANTS, MAGIC, programCodec, widthOf } from '../../verifier/program/decode.ts';
import type { Program } from '../../verifier/program/types.ts';

const refuse = (field: string, what: string): never => {
  throw new InputError('program', field, what, 'correct the program');
};

/** Bytes on their way out. */
class Output {
  #bytes = new Uint8Array(1 << 12);
  #length = 0;

  put(bytes: ArrayLike<number>): void {
    const end = this.#length + bytes.length;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(2 * end);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = end;
  }

  /** A whole number: 7 bits a byte, least significant first, the top bit set on all but the last. */
  number(value: unknown, max: number, field: string): void {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > max)
      return refuse(field, `${String(value)} is not a whole number up to ${max}`);
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.put([0x80 | (rest % 128)]);
    this.put([rest]);
  }

  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}

function writeInteger(out: Output, value: bigint, field: string): void {
  let rest = value < 0n ? -value : value;
  if (rest >> 253n) refuse(field, `|${value}| is not below 2^253`);
  const bytes: number[] = [];
  for (; rest > 0n; rest >>= 8n) bytes.push(Number(rest & 0xffn));
  out.put([2 * bytes.length + (value < 0n ? 1 : 0), ...bytes]);
}

function write<T>(out: Output, { form }: Codec<T>, value: T, field: string): void {
  switch (form.kind) {
    case 'none':
      return;
    case 'unsigned':
      return out.number(value, form.max, field);
    case 'signed': {
      const v = value as number;
      return out.number(v < 0 ? -2 * v - 1 : 2 * v, 2 * form.max, field);
    }
    case 'integer':
      return writeInteger(out, value as bigint, field);
    case 'text': {
      if (!form.pattern.test(value as string)) refuse(field, `${JSON.stringify(value)} is not a permitted text`);
      const bytes = new TextEncoder().encode(value as string);
      out.number(bytes.length, form.maxBytes, field);
      return out.put(bytes);
    }
    case 'choice': {
      const at = form.values().indexOf(value);
      if (at < 0) refuse(field, `there is no ${String(value)}`);
      return out.number(at, form.values().length - 1, field);
    }
    case 'list': {
      const items = value as readonly unknown[];
      out.number(items.length, form.max, `${field}.length`);
      return items.forEach((v, i) => write(out, form.item, v, `${field}[${i}]`));
    }
    case 'pair':
      return (value as readonly unknown[]).forEach((v) => write(out, form.item, v, field));
    case 'optional':
      out.put([value === undefined ? 0 : 1]);
      if (value !== undefined) write(out, form.item, value, field);
      return;
    case 'record':
      for (const [name, codec] of form.entries) write(out, codec, (value as Record<string, unknown>)[name], inside(field, name));
      return;
    case 'mapped':
      return write(out, form.codec, form.from(value as never), field);
    case 'union': {
      const kinds = Object.keys(form.codecs);
      const kind = form.kindOf(value as never);
      if (!kinds.includes(kind)) refuse(`${field}.kind`, `there is no ${kind}`);
      out.number(kinds.indexOf(kind), kinds.length - 1, `${field}.kind`);
      return write(out, form.codecs[kind] as Codec<unknown>, value, field);
    }
    case 'named':
      form.known(value as readonly { readonly name: string }[]);
      return write(out, form.codec, value, field);
  }
}

function writeConstants(out: Output, program: Program): void {
  const own = program.tensors.filter((t) => t.poly === CONSTANTS);
  for (const key of Object.keys(program.constants))
    if (!own.some((t) => t.name === key)) refuse('constants', `${key} is no tensor of ${CONSTANTS}`);
  for (const t of own) {
    const values = Object.hasOwn(program.constants, t.name) ? (program.constants[t.name] as ArrayLike<number>) : [];
    if (values.length !== cellCount(t)) refuse(`constants.${t.name}`, `${values.length} values for ${cellCount(t)} cells`);
    const bytes = widthOf(values);
    const cells = new Uint8Array(values.length * bytes);
    for (let i = 0; i < values.length; i++) {
      let v = values[i] as number;
      if (!Number.isSafeInteger(v)) refuse(`constants.${t.name}[${i}]`, `${v} is not an exact integer`);
      for (let k = 0; k < bytes; k++, v = Math.floor(v / 256)) cells[bytes * i + k] = v - 256 * Math.floor(v / 256);
    }
    out.put([bytes]);
    out.put(cells);
  }
}

/** Encodes a program. Throws if a name or number is outside the format's limits. */
export function encodeProgram(program: Program): Uint8Array {
  const out = new Output();
  out.put(MAGIC);
  write(out, programCodec(), program, '');
  writeConstants(out, program);
  return out.bytes();
}
