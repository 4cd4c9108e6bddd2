/**
 * Integer cells on the device: int8, int16 and int32 as they are, doubles in the narrowest of these that holds a piece's cells, or as 64-bit two's
 * complement words. Cells of one or two bytes lie several in a word, the first in the lowest bits.
 */
import type { Cells, FieldVector } from '../types.ts';
import { items, whole, type Device } from './device.ts';
import { invocations, type Kernel } from './kernel.ts';
import type { Region } from './regions.ts';
import { ELEMENT } from './sums.ts';
import type { Vectors } from './vectors.ts';

/** Bits of a cell on the device. */
export type Kind = 8 | 16 | 32 | 64;
export const KINDS: readonly Kind[] = [8, 16, 32, 64];

/** Bytes of cells that are uploaded at a time. */
export const PIECE = 2 ** 25;

/** Cells of a word, at least 1. */
export const cellsOfWord = (kind: Kind): number => Math.max(1, 32 / kind);

/** `low`, `high`: the 64-bit two's complement words of cell `at` of an argument. */
export const readCell = (kind: Kind, slot: string, at: string): string =>
  kind === 64
    ? `let low = ${slot}[2u * (${at})]; let high = ${slot}[2u * (${at}) + 1u];`
    : `let low = ${word(kind, slot, at)}; let high = 0u - (low >> 31u);`;

const word = (kind: 8 | 16 | 32, slot: string, at: string): string => {
  if (kind === 32) return `${slot}[${at}]`;
  const [shift, mask] = kind === 8 ? [2, 3] : [1, 1];
  return `bitcast<u32>(extractBits(bitcast<i32>(${slot}[(${at}) >> ${shift}u]), ${kind}u * ((${at}) & ${mask}u), ${kind}u))`;
};

/** Cells as they go to the device. */
export interface Packed {
  readonly kind: Kind;
  /** A multiple of 4. */
  readonly bytes: number;
  /** Writes them to the start of `bytes` bytes. */
  fill(target: Uint8Array<ArrayBuffer>): void;
}

const LIMITS: readonly (readonly [Kind, number])[] = [
  [8, 2 ** 7],
  [16, 2 ** 15],
  [32, 2 ** 31],
];

/** The narrowest kind of doubles. `wrong` is told of every cell that is no exact integer; where it returns, the cell counts for nothing. */
export function kindOf(cells: Float64Array, wrong: (cell: number) => void): Kind {
  let [least, most] = [0, 0];
  for (let i = 0; i < cells.length; i++) {
    const v = cells[i] as number;
    if (!Number.isSafeInteger(v)) wrong(i);
    else if (v < least) least = v;
    else if (v > most) most = v;
  }
  return LIMITS.find(([, limit]) => least >= -limit && most < limit)?.[0] ?? 64;
}

const ARRAYS = { 8: Int8Array, 16: Int16Array, 32: Int32Array } as const;

/** Cells as they go up; of doubles, in the narrowest kind, or in the given one. `wrong` is told of every cell that is no exact integer. */
export function packed(cells: Cells, wrong: (cell: number) => void, given?: Kind): Packed {
  if (!(cells instanceof Float64Array)) {
    const own = new Uint8Array(cells.buffer, cells.byteOffset, cells.byteLength);
    return { kind: (8 * cells.BYTES_PER_ELEMENT) as Kind, bytes: padded(own.length), fill: (target) => target.set(own) };
  }
  const kind = given ?? kindOf(cells, wrong);
  const bytes = padded((cells.length * kind) / 8);
  if (kind !== 64) return { kind, bytes, fill: (target) => new ARRAYS[kind](target.buffer, target.byteOffset, cells.length).set(cells) };
  return {
    kind,
    bytes,
    fill(target) {
      const words = new Uint32Array(target.buffer, target.byteOffset, 2 * cells.length);
      for (let i = 0; i < cells.length; i++) {
        const v = cells[i] as number;
        words[2 * i] = v;
        words[2 * i + 1] = Math.floor(v / 2 ** 32);
      }
    },
  };
}

const padded = (bytes: number): number => 4 * Math.ceil(bytes / 4);

/** Throws that a cell is no exact integer. */
export function refuse(cell: number, value: number): never {
  throw new Error(`webgpu: cell ${cell} is not an exact integer: ${value}`);
}

const intKernel = (kind: Kind): Kernel =>
  invocations(
    `${kind}-bit integers to field elements`,
    ['F'],
    [
      { name: 'source', type: 'u32', access: 'read' },
      { name: 'out', type: 'vec4u', access: 'write' },
    ],
    `let cell = parameter(1u) + item; ${readCell(kind, 'source', 'cell')} storeF_out(at_out + item, intF(low, high));`,
  );

const TO_FIELD = new Map(KINDS.map((kind) => [kind, intKernel(kind)]));

/** A vector of integers. Throws if one is not exact. */
export async function fromInts(device: Device, vectors: Vectors, cells: Cells): Promise<FieldVector> {
  const out = vectors.make(cells.length);
  const most = Math.min(PIECE, device.memory.partBytes) / cells.BYTES_PER_ELEMENT;
  try {
    for (let first = 0; first < cells.length; first += most) {
      const own = cells.subarray(first, first + most);
      const { kind, bytes, fill } = packed(own, (i) => refuse(first + i, own[i] as number));
      const region = device.memory.alloc(bytes);
      try {
        await device.stage(region, bytes, fill);
        device.run(TO_FIELD.get(kind) as Kernel, own.length, [whole(region), items(out.region, ELEMENT, first)]);
      } finally {
        device.memory.release(region);
      }
    }
  } catch (error) {
    vectors.free(out);
    throw error;
  }
  return out;
}

/** Word w of cells, from the block's cell `first`: those with digit j above digit i are made 0. Words: first (low, high), digits' mask, shifts of i and j. */
const clearKernel = (kind: Kind): Kernel => {
  const each = cellsOfWord(kind);
  const clear =
    kind === 64
      ? 'source[2u * item] = 0u; source[2u * item + 1u] = 0u;'
      : kind === 32
        ? 'source[item] = 0u;'
        : `kept &= ~(${2 ** kind - 1}u << (${kind}u * k));`;
  return {
    name: `clear ${kind}-bit cells above the diagonal`,
    fields: [],
    slots: [{ name: 'source', type: 'u32', access: 'write' }],
    size: 64,
    code: `
fn digit(low: u32, high: u32, shift: u32) -> u32 {
  if (shift >= 32u) { return (high >> (shift - 32u)) & word(2u); }
  return ((low >> shift) | select(high << (32u - shift), 0u, shift == 0u)) & word(2u);
}`,
    body: `
  ${kind < 32 ? 'var kept = source[item];' : ''}
  for (var k = 0u; k < ${each}u; k++) {
    let low = word(0u) + ${each}u * item + k;
    let high = word(1u) + select(0u, 1u, low < word(0u));
    if (digit(low, high, word(4u)) > digit(low, high, word(3u))) { ${clear} }
  }
  ${kind < 32 ? 'source[item] = kept;' : ''}`,
  };
};

const CLEAR = new Map(KINDS.map((kind) => [kind, clearKernel(kind)]));

/** Zeroes, of `count` cells from the block's cell `first` on, those whose address digit j is larger than digit i. */
export function clearAbove(
  device: Device,
  kind: Kind,
  source: Region,
  first: number,
  count: number,
  { bits, shifts: [i, j] }: { readonly bits: number; readonly shifts: readonly [number, number] },
): void {
  const caller = [first % 2 ** 32, Math.floor(first / 2 ** 32), 2 ** bits - 1, i, j];
  device.run(CLEAR.get(kind) as Kernel, Math.ceil(count / cellsOfWord(kind)), [whole(source)], caller);
}

export const KERNELS: readonly Kernel[] = [...TO_FIELD.values()];
