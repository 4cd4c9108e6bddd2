/**
 * The safetensors file format: 8 bytes of header length (little endian), a JSON header, then the tensors' data without gaps.
 *
 * Files are strangers': everything is bounded before it is allocated, tensors must tile the data exactly, and values must be finite.
 * Source: github.com/huggingface/safetensors, "Format".
 */
import { z } from 'zod';
import { checkShape, InputError, parseJson } from '../../verifier/input.ts';

export type FloatType = 'F32' | 'F16' | 'BF16';

export interface FileTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Tensors of a file, decoded one by one. */
export interface TensorFile {
  readonly names: readonly string[];
  /** Errors: no such tensor, a type that is not floating point, a value that is NaN or infinite. */
  read(name: string): FileTensor;
}

const HEADER_LIMITS = { size: 64 << 20, depth: 8 };
const BYTES: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
};

const entrySchema = z.strictObject({
  dtype: z.enum(Object.keys(BYTES) as [string, ...string[]]),
  shape: z
    .array(
      z
        .int()
        .min(0)
        .max(2 ** 40),
    )
    .max(8),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
});
type Entry = z.infer<typeof entrySchema>;

const damaged = 'the file is damaged or not a safetensors file; get it again';

/** Opens a file's bytes; `source` names it in errors. */
export function openSafetensors(bytes: Uint8Array, source: string): TensorFile {
  if (bytes.length < 8) throw new InputError(source, 'header', `has only ${bytes.length} bytes`, damaged);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerSize = view.getBigUint64(0, true);
  if (headerSize > BigInt(Math.min(HEADER_LIMITS.size, bytes.length - 8)))
    throw new InputError(source, 'header', `is said to have ${headerSize} bytes`, damaged);
  const start = 8 + Number(headerSize);
  const json = parseJson(bytes.subarray(8, start), source, HEADER_LIMITS);
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new InputError(source, 'header', 'is not a JSON object', damaged);
  const entries = new Map<string, Entry>();
  for (const [name, value] of Object.entries(json)) {
    if (name === '__metadata__') continue;
    entries.set(name, checkShape(entrySchema, value, `${source}: ${name.slice(0, 120)}`, damaged));
  }
  checkTiling(entries, bytes.length - start, source);
  return {
    names: [...entries.keys()],
    read: (name) => {
      const entry = entries.get(name);
      if (!entry) throw new InputError(source, name, 'is missing', 'check that config.json and the weights belong together');
      const [from, to] = entry.data_offsets;
      const values = decodeFloats(bytes.subarray(start + from, start + to), entry.dtype, `${source}: ${name}`);
      return { name, shape: entry.shape, values };
    },
  };
}

function checkTiling(entries: ReadonlyMap<string, Entry>, size: number, source: string): void {
  let end = 0;
  for (const [name, e] of [...entries].sort(
    ([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1],
  )) {
    const [from, to] = e.data_offsets;
    const cells = e.shape.reduce((n, s) => n * s, 1);
    if (from !== end) throw new InputError(source, name, from < end ? 'overlaps the tensor before it' : 'leaves a gap before it', damaged);
    if (!Number.isSafeInteger(cells) || to - from !== cells * (BYTES[e.dtype] as number))
      throw new InputError(
        source,
        name,
        `has ${to - from} bytes, its shape [${e.shape.join(', ')}] needs ${cells * (BYTES[e.dtype] as number)}`,
        damaged,
      );
    end = to;
  }
  if (end !== size) throw new InputError(source, 'data', `has ${size} bytes, the tensors ${end}`, damaged);
}

function decodeFloats(bytes: Uint8Array, dtype: string, source: string): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out = new Float32Array(bytes.length / (BYTES[dtype] as number));
  const bits = new Uint32Array(out.buffer);
  switch (dtype) {
    case 'F32':
      for (let i = 0; i < out.length; i++) out[i] = view.getFloat32(4 * i, true);
      break;
    case 'BF16':
      for (let i = 0; i < out.length; i++) bits[i] = view.getUint16(2 * i, true) << 16;
      break;
    case 'F16':
      for (let i = 0; i < out.length; i++) out[i] = halfToNumber(view.getUint16(2 * i, true));
      break;
    default:
      throw new InputError(source, 'dtype', `${dtype} is not supported`, 'convert the weights to F32, F16 or BF16');
  }
  for (let i = 0; i < out.length; i++)
    if (!Number.isFinite(out[i]))
      throw new InputError(source, `value ${i}`, 'is not a finite number', 'use weights without NaN or infinity');
  return out;
}

function halfToNumber(h: number): number {
  const sign = h & 0x8000 ? -1 : 1;
  const exponent = (h >> 10) & 31;
  const fraction = h & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** Nearest bfloat16, ties to even. */
function toBfloat16(x: number): number {
  const u = new Uint32Array(Float32Array.of(x).buffer)[0] as number;
  return ((u + 0x7fff + ((u >>> 16) & 1)) >>> 16) & 0xffff;
}

/** A file of the given tensors in the given order. Values must be finite; BF16 rounds to nearest. */
export function encodeSafetensors(
  tensors: readonly { readonly name: string; readonly shape: readonly number[]; readonly values: ArrayLike<number> }[],
  dtype: 'F32' | 'BF16',
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const size = BYTES[dtype] as number;
  const header: Record<string, unknown> = { __metadata__: metadata };
  let end = 0;
  for (const t of tensors) {
    if (t.name in header) throw new Error(`${t.name}: given twice`);
    if (t.values.length !== t.shape.reduce((n, s) => n * s, 1))
      throw new Error(`${t.name}: ${t.values.length} values for shape [${t.shape.join(', ')}]`);
    header[t.name] = { dtype, shape: t.shape, data_offsets: [end, end + size * t.values.length] };
    end += size * t.values.length;
  }
  let text = JSON.stringify(header);
  // Data starts at a multiple of 8.
  text += ' '.repeat((8 - (text.length % 8)) % 8);
  const json = new TextEncoder().encode(text);
  const out = new Uint8Array(8 + json.length + end);
  const view = new DataView(out.buffer);
  view.setBigUint64(0, BigInt(json.length), true);
  out.set(json, 8);
  let at = 8 + json.length;
  for (const t of tensors)
    for (let i = 0; i < t.values.length; i++) {
      const v = t.values[i] as number;
      if (!Number.isFinite(v)) throw new Error(`${t.name}: value ${i} is not finite`);
      if (dtype === 'F32') view.setFloat32(at, v, true);
      else view.setUint16(at, toBfloat16(v), true);
      at += size;
    }
  return out;
}
