/**
 * The leaves of the fraction tree, and nodes made of them. Leaves stay the integers of their columns, in their own width, dense as the blocks give
 * them: an invocation finds its leaf's indices and from them its cell. Fractions exist a chunk of the tree at a time, in the caller's room.
 *
 * Integers are read unsigned, 2^(width − 1) above their value; what that adds is in a constant of the block. Their products with powers of beta take
 * five rows of limbs instead of all.
 */
import { mod } from '../../../verifier/field.ts';
import { bitsOf } from '../../../verifier/program/types.ts';
import { checkBlock, leafBits, leafCount } from '../leaf-domain.ts';
import type { LeafBlock, LeafCells, LeafDomain } from '../types.ts';
import { items, whole, type Argument, type Device, type Words } from './device.ts';
import { invocations, type Kernel } from './kernel.ts';
import type { Region } from './regions.ts';
import { constants } from './sums.ts';
import { shortRadix } from './wgsl/field.ts';

/** Bytes of a node: p, q. */
export const NODE = 64;
/** Leaves are numbered by words. */
const MOST_DEPTH = 31;

/** Bytes of columns that wait in the host's memory for their way to the device. */
const UNDERWAY = 2 ** 28;

/** Words of LEAVES before the axes. */
const AXES = 71;

const LEAVES = invocations(
  'leaves',
  ['F'],
  [
    { name: 'v1', type: 'u32', access: 'read' },
    { name: 'v2', type: 'u32', access: 'read' },
    { name: 'v3', type: 'u32', access: 'read' },
    { name: 'counts', type: 'u32', access: 'read' },
    { name: 'out', type: 'vec4u', access: 'write' },
  ],
  `
  var rest = word(0u) + parameter(1u) + item;
  var cell = 0u;
  var stride = 1u;
  var inside = true;
  var limit = 0u;
  var bounded = 0u;
  for (var d = 0u; d < word(2u); d++) {
    let bits = word(${AXES}u + 2u * d);
    let size = word(${AXES + 1}u + 2u * d);
    let index = rest & ((1u << bits) - 1u);
    rest >>= bits;
    inside = inside && index < size;
    if (d == word(3u)) { limit = index; }
    if (d == word(4u)) { bounded = index; }
    cell += index * stride;
    stride *= size;
  }
  let on = inside && bounded <= limit;
  let at = cell - word(1u);
  var q = constantF(23u);
  for (var k = 0u; k < word(5u); k++) {
    let v = integer(k, at, inside);
    q = subF(q, mulShortF(constantF(31u + 8u * k), v.x, v.y));
  }
  q = subF(q, selectF(zeroF(), constantF(15u), on));
  var p = oneF();
  if (word(14u) == 0u) {
    let v = integer(3u, at, inside);
    p = subF(constantF(63u), mulShortF(constantF(55u), v.x, v.y));
  }
  let node = at_out + item;
  storeF_out(2u * node, selectF(zeroF(), p, on));
  storeF_out(2u * node + 1u, q);`,
  `
fn raw(k: u32, i: u32) -> u32 {
  switch k {
    case 0u: { return v1[i]; }
    case 1u: { return v2[i]; }
    case 2u: { return v3[i]; }
    default: { return counts[i]; }
  }
}
// Integer i of column k, above its smallest possible value; 0 where there is none.
fn integer(k: u32, i: u32, there: bool) -> vec2u {
  let width = word(6u + 2u * k);
  let sign = word(7u + 2u * k);
  var v = vec2u();
  if (there) {
    if (width == 3u) {
      v = vec2u(raw(k, 2u * i), raw(k, 2u * i + 1u));
    } else {
      let byte = i << width;
      v.x = (raw(k, byte >> 2u) >> (8u * (byte & 3u))) & (0xffffffffu >> (32u - (8u << width)));
    }
  }
  return select(vec2u(v.x ^ sign, v.y), vec2u(v.x, v.y ^ sign), width == 3u);
}`,
);

/** Nodes 0/1. */
const NOTHING = invocations(
  'nodes without a block',
  ['F'],
  [{ name: 'out', type: 'vec4u', access: 'write' }],
  'storeF_out(2u * (at_out + item), zeroF()); storeF_out(2u * (at_out + item) + 1u, oneF());',
);

/** Sums of two neighbouring nodes; word: nodes, beyond which there is 0/1. */
const PARENTS = invocations(
  'parents of nodes',
  ['F'],
  [
    { name: 'nodes', type: 'vec4u', access: 'read' },
    { name: 'out', type: 'vec4u', access: 'write' },
  ],
  `
  var p = zeroF();
  var q = oneF();
  if (parameter(1u) + item < word(0u)) {
    let i = 4u * (at_nodes + item);
    let q0 = loadF_nodes(i + 1u);
    let q1 = loadF_nodes(i + 3u);
    p = addF(mulF(loadF_nodes(i), q1), mulF(loadF_nodes(i + 2u), q0));
    q = mulF(q0, q1);
  }
  storeF_out(2u * (at_out + item), p);
  storeF_out(2u * (at_out + item) + 1u, q);`,
);

/** Writes nodes [0, count) above `below`, of whose nodes those beyond `stored` are 0/1 and not there, to node `at` of a region. */
export function writeParents(device: Device, below: Region, stored: number, count: number, to: Region, at = 0): void {
  device.run(PARENTS, count, [items(below, 2 * NODE), items(to, NODE, at)], [stored / 2]);
}

/** A column as it lies on the device: log2 of its cells' bytes, and what is subtracted from its unsigned cells. */
interface Column {
  readonly cells: Int8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;
  /** log2 of the bytes of a cell; 3: pairs of words. */
  readonly width: number;
  readonly signed: boolean;
}

const SIGN = [0x80, 0x8000, 0x80000000, 0x80000000];
const bias = ({ width, signed }: Column): bigint => (signed ? 1n << BigInt(8 * 2 ** width - 1) : 0n);

/** Narrows what comes as numbers. */
function column(cells: LeafCells): Column {
  if (!(cells instanceof Float64Array))
    return { cells, width: Math.log2(cells.BYTES_PER_ELEMENT), signed: !(cells instanceof Uint16Array) };
  let [low, high] = [0, 0];
  for (let i = 0; i < cells.length; i++) {
    const v = cells[i] as number;
    if (!Number.isSafeInteger(v)) throw new Error(`fraction tree: cell ${i} of a column is not an exact integer: ${v}`);
    if (v < low) low = v;
    else if (v > high) high = v;
  }
  const within = (bits: number): boolean => low >= -(2 ** (bits - 1)) && high < 2 ** (bits - 1);
  if (low >= 0 && high < 2 ** 16) return column(Uint16Array.from(cells));
  if (within(16)) return column(Int16Array.from(cells));
  if (within(32)) return column(Int32Array.from(cells));
  const pairs = new Uint32Array(2 * cells.length);
  for (let i = 0; i < cells.length; i++) {
    const v = cells[i] as number;
    const upper = Math.floor(v / 2 ** 32);
    pairs[2 * i] = v - upper * 2 ** 32;
    pairs[2 * i + 1] = upper;
  }
  return { cells: pairs, width: 3, signed: true };
}

/** Cells [from, to) of a column as bytes, their number a multiple of 4. */
function bytesOfCells({ cells, width }: Column, from: number, to: number): Uint8Array {
  const bytes = new Uint8Array(cells.buffer, cells.byteOffset + from * 2 ** width, (to - from) * 2 ** width);
  if (bytes.length % 4 === 0) return bytes;
  const padded = new Uint8Array(4 * Math.ceil(bytes.length / 4));
  padded.set(bytes);
  return padded;
}

interface Axis {
  bits: number;
  size: number;
  /** The axis of the domain. */
  readonly position: number;
}

/** The domain's axes, the most significant first; axes without pads are part of the one before, where no causal pair tells them apart. */
function axesOf({ sizes, causal }: LeafDomain): Axis[] {
  const axes: Axis[] = [];
  for (const [position, size] of sizes.entries()) {
    const bits = bitsOf(size);
    const last = axes.at(-1);
    if (last && size === 2 ** bits && !causal?.includes(position) && !causal?.includes(last.position)) {
      last.bits += bits;
      last.size *= size;
    } else axes.push({ bits, size, position });
  }
  return axes;
}

/** Cells of the dense arrays that come before a leaf of the block. */
function cellsBefore(axes: readonly Axis[], leaf: number): number {
  let leaves = axes.reduce((n, { bits }) => n * 2 ** bits, 1);
  let cells = axes.reduce((n, { size }) => n * size, 1);
  let [rest, before] = [leaf, 0];
  for (const { bits, size } of axes) {
    leaves /= 2 ** bits;
    cells /= size;
    const index = Math.floor(rest / leaves);
    if (index >= size) return before + size * cells;
    before += index * cells;
    rest -= index * leaves;
  }
  return before;
}

/** Leaves [first, first + count), of one block, whose columns each lie in one buffer. */
interface Piece {
  readonly first: number;
  readonly count: number;
  /** The block's first leaf. */
  readonly offset: number;
  readonly columns: readonly Argument[];
  readonly words: Words;
}

export class Leaves {
  private readonly device: Device;
  /** Leaves up to the last block's end. */
  private readonly end: number;
  private readonly pieces: Piece[] = [];
  private regions: Region[] = [];
  private holders = 1;
  /** Bytes on their way to the device. */
  private underway = 0;

  private constructor(device: Device, end: number) {
    this.device = device;
    this.end = end;
  }

  /** Checks the blocks and brings them to the device. */
  static async open(device: Device, depth: number, blocks: readonly LeafBlock[], alpha: bigint, beta: bigint): Promise<Leaves> {
    if (depth > MOST_DEPTH) throw new Error(`fraction tree: depth ${depth} is above ${MOST_DEPTH}`);
    for (const block of blocks) checkBlock(block, depth);
    const end = blocks.reduce((most, { offset, domain }) => Math.max(most, offset + 2 ** leafBits(domain)), 1);
    const leaves = new Leaves(device, end);
    try {
      for (const block of blocks) await leaves.place(block, alpha, beta);
    } catch (error) {
      leaves.release();
      throw error;
    }
    return leaves;
  }

  private async upload(bytes: Uint8Array): Promise<Region> {
    const region = this.device.upload(bytes);
    this.regions.push(region);
    this.underway += bytes.length;
    if (this.underway > UNDERWAY) {
      await this.device.idle();
      this.underway = 0;
    }
    return region;
  }

  private async place({ offset, domain, numerators, values, id }: LeafBlock, alpha: bigint, beta: bigint): Promise<void> {
    const { device } = this;
    const axes = axesOf(domain);
    const tuple = values.map(column);
    const counts = numerators === 'ones' ? null : column(numerators);
    const stored = counts ? [...tuple, counts] : tuple;
    const powers = [1n, 2n, 3n].map((k) => mod(beta ** k));
    const base = tuple.reduce((sum, c, k) => sum + (powers[k] as bigint) * bias(c), alpha);
    const short = shortRadix(device.limbBits);
    const fields = [BigInt(id), base, ...powers.map((b) => b * short), short, counts ? bias(counts) : 0n];
    const [i, j] = (domain.causal ?? [-1, -1]).map((at) => axes.findIndex(({ position }) => position === at));
    const fromLeast = (axis: number | undefined): number => (axis === undefined || axis < 0 ? axes.length : axes.length - 1 - axis);
    const formats = [0, 1, 2, 3].flatMap((k) => {
      const c = k === 3 ? counts : tuple[k];
      return c ? [c.width, c.signed ? (SIGN[c.width] as number) : 0] : [0, 0];
    });
    const shape = axes.toReversed().flatMap(({ bits, size }) => [bits, size]);
    const total = 2 ** leafBits(domain);
    const widest = Math.max(...stored.map(({ width }) => width));
    const most = Math.min(total, device.memory.partBytes / 2 ** widest);
    for (let from = 0; from < total; from += most) {
      const [first, last] = [cellsBefore(axes, from), from + most === total ? leafCount(domain) : cellsBefore(axes, from + most)];
      const regions: Region[] = [];
      for (const c of stored) regions.push(await this.upload(bytesOfCells(c, first, last)));
      // Columns that are not there are not read.
      const at = [0, 1, 2, 3].map((k) => regions[k === 3 ? regions.length - 1 : Math.min(k, tuple.length - 1)] as Region);
      const words = [first, axes.length, fromLeast(i), fromLeast(j), tuple.length, ...formats, counts ? 0 : 1];
      this.pieces.push({
        first: offset + from,
        count: most,
        offset,
        columns: at.map(whole),
        words: [...words, ...constants(device, fields.map(mod)), ...shape],
      });
    }
  }

  /** Nodes of the layer `level` above the leaves up to the last that is not 0/1, an even number of at least 2. */
  nodes(level: number): number {
    return 2 * Math.ceil(this.end / 2 ** (level + 1));
  }

  /** Room for `write` of at most so many nodes. */
  rooms(level: number, count: number): Region[] {
    return Array.from({ length: level }, (_, below) => this.device.memory.alloc(NODE * count * 2 ** (level - below)));
  }

  /** Writes nodes [first, first + count) of the layer `level` above the leaves to node `at` of a region. */
  write(level: number, first: number, count: number, to: Region, at: number, rooms: readonly Region[]): void {
    const { device } = this;
    if (level > 0) {
      const room = rooms[level - 1] as Region;
      this.write(level - 1, 2 * first, 2 * count, room, 0, rooms);
      writeParents(device, room, 2 * count, count, to, at);
      return;
    }
    const end = first + count;
    const parts = this.pieces.flatMap((piece) => {
      const [from, stop] = [Math.max(first, piece.first), Math.min(end, piece.first + piece.count)];
      return from < stop ? [{ piece, from, length: stop - from }] : [];
    });
    if (parts.reduce((n, { length }) => n + length, 0) < count) device.run(NOTHING, count, [items(to, NODE, at)]);
    for (const { piece, from, length } of parts) {
      const args = [...piece.columns, items(to, NODE, at + from - first)];
      device.run(LEAVES, length, args, [from - piece.offset, ...piece.words]);
    }
  }

  retain(): this {
    this.holders++;
    return this;
  }

  /** Gives the columns up when the last holder does. */
  release(): void {
    if (--this.holders > 0) return;
    this.device.memory.release(...this.regions);
    this.regions = [];
  }
}

export const KERNELS: readonly Kernel[] = [LEAVES, NOTHING, PARENTS];
