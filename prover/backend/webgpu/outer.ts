/**
 * Outer products of weights, added to a vector: many calls' terms at once, in two dispatches.
 *
 * A term's block of cells is a product of two tables, over the high and the low half of its dimensions, of about the square root of its size
 * each. The first dispatch fills the tables of all terms, an invocation a cell of a table, from the lists of weights, each uploaded once however many
 * terms share it. The second adds: the vector is cut into tiles, each with a list of the terms that touch it; a workgroup takes some cells of a tile,
 * and where cells are few and their terms many, several invocations share a cell's terms. So a cell is read and written once however many terms
 * it has, a term costs one product a cell, and no two invocations write one cell.
 */
import { mod } from '../../../verifier/field.ts';
import { items, whole, type Device } from './device.ts';
import { invocations, type Kernel } from './kernel.ts';
import type { Region } from './regions.ts';
import { bytesOf, ELEMENT } from './sums.ts';
import { montgomery } from './wgsl/field.ts';

/** One call of `accumulateOuter`. */
export interface OuterTerm {
  readonly offset: number;
  readonly dims: readonly (readonly bigint[])[];
  readonly bits: readonly number[];
  readonly scale: bigint;
  readonly causal: readonly [number, number] | undefined;
}

/** Where a block's index has a coordinate: base + ((y >> shift) & mask). */
interface Coordinate {
  readonly shift: number;
  readonly mask: number;
  readonly base: number;
}

/** A term, or part of one, all of whose dimensions have bits. Cells whose second coordinate is above the first count 0. */
interface Block {
  readonly offset: number;
  readonly lists: readonly (readonly bigint[])[];
  readonly bits: readonly number[];
  readonly scale: bigint;
  readonly diagonal: readonly [Coordinate, Coordinate];
}

/** Cells of a tile, a power of two. */
const TILE = 256;
/** Invocations of a workgroup. */
const LANES = 64;
/** Invocations that keep a device busy. */
const BUSY = 2 ** 17;
/** Bytes of an array of one batch at most, where terms' own are not larger. */
const BATCH_BYTES = 2 ** 26;
/** Words of a term: offset, bits, bits of the low table, first cell of the high and of the low table, and the diagonal. */
const TERM_WORDS = 11;
/** Words of a table: first cell, index of its factor, first word of its lists, lists. */
const TABLE_WORDS = 4;
/** Words of a list: shift and mask of its coordinate, index of its first weight, weights. */
const LIST_WORDS = 4;

/** Item: a cell of a table. Words: tables, first word of tables, of lists. Weights are canonical, each takes one radix off the factor. */
const TABLES = invocations(
  'tables of outer products',
  ['F'],
  [
    { name: 'weights', type: 'vec4u', access: 'read' },
    { name: 'index', type: 'u32', access: 'read' },
    { name: 'tables', type: 'vec4u', access: 'write' },
  ],
  `
  let cell = at_tables + item;
  var first = 0u;
  for (var end = word(0u); end - first > 1u;) {
    let middle = (first + end) >> 1u;
    if (index[word(1u) + ${TABLE_WORDS}u * middle] <= cell) { first = middle; } else { end = middle; }
  }
  let table = word(1u) + ${TABLE_WORDS}u * first;
  let y = cell - index[table];
  var product = loadF_weights(index[table + 1u]);
  for (var k = 0u; k < index[table + 3u]; k++) {
    let list = word(2u) + ${LIST_WORDS}u * (index[table + 2u] + k);
    let i = (y >> index[list]) & index[list + 1u];
    if (i >= index[list + 3u]) { product = zeroF(); break; }
    product = mulF(product, loadF_weights(index[list + 2u] + i));
  }
  storeF_tables(cell, product);`,
);

/** Item: some cells of a tile. Words: how many, first word of tiles, of their terms, of terms, the first tile. Tile t has the terms from tiles[t] up to tiles[t + 1]. */
const ADD: Kernel = {
  name: 'sum of outer products',
  fields: ['F'],
  slots: [
    { name: 'tables', type: 'vec4u', access: 'read' },
    { name: 'index', type: 'u32', access: 'read' },
    { name: 'out', type: 'vec4u', access: 'write' },
  ],
  size: LANES,
  per: 'workgroup',
  code: `var<workgroup> sums: array<F, ${LANES}>;`,
  body: `
  let cells = word(0u);
  let within = local % cells;
  let near = (parameter(1u) + item) * cells + within;
  let cell = word(4u) * ${TILE}u + near;
  let tile = word(1u) + near / ${TILE}u;
  let first = index[tile];
  let end = index[tile + 1u];
  var sum = zeroF();
  for (var e = first + local / cells; e < end; e += ${LANES}u / cells) {
    let t = word(3u) + ${TERM_WORDS}u * index[word(2u) + e];
    // Cells before the block wrap around.
    let y = cell - index[t];
    if (y >= (1u << index[t + 1u])) { continue; }
    if (index[t + 10u] + ((y >> index[t + 8u]) & index[t + 9u]) > index[t + 7u] + ((y >> index[t + 5u]) & index[t + 6u])) { continue; }
    let low = index[t + 2u];
    sum = addF(sum, mulF(loadF_tables(index[t + 3u] + (y >> low)), loadF_tables(index[t + 4u] + (y & ((1u << low) - 1u)))));
  }
  sums[local] = sum;
  workgroupBarrier();
  for (var s = ${LANES / 2}u; s >= cells; s >>= 1u) {
    if (local < s) { sums[local] = addF(sums[local], sums[local + s]); }
    workgroupBarrier();
  }
  let to = (at_out + item) * cells + within;
  if (local < cells && first < end) { storeF_out(to, addF(loadF_out(to), sums[local])); }`,
};

const total = (xs: readonly number[]): number => xs.reduce((n, x) => n + x, 0);

/** The term without dimensions of no bits and without weights that are beyond its block; null if it adds nothing. */
function blockOf({ offset, dims, bits, scale, causal }: OuterTerm): Block | null {
  const lists = bits.map((b, d) => {
    const list = dims[d] ?? [];
    return list.length > 2 ** b ? list.slice(0, 2 ** b) : list;
  });
  const factor = bits.reduce((f, b, d) => (b > 0 ? f : mod(f * (lists[d]?.[0] ?? 0n))), scale);
  if (factor === 0n || lists.some((list) => list.length === 0)) return null;
  const own = bits.flatMap((b, d) => (b > 0 ? [d] : []));
  const coordinate = (d: number): Coordinate => ({ shift: total(bits.slice(d + 1)), mask: 2 ** (bits[d] as number) - 1, base: 0 });
  const none = { shift: 0, mask: 0, base: 0 };
  return {
    offset,
    lists: own.map((d) => lists[d] as readonly bigint[]),
    bits: own.map((d) => bits[d] as number),
    scale: factor,
    diagonal: causal === undefined ? [none, none] : [coordinate(causal[0]), coordinate(causal[1])],
  };
}

/** How many of the dimensions are the high table's: those that make the two tables smallest. */
function splitOf(bits: readonly number[]): number {
  const cells = (split: number): number => 2 ** total(bits.slice(0, split)) + 2 ** total(bits.slice(split));
  return Array.from({ length: bits.length + 1 }, (_, k) => k).reduce((best, k) => (cells(k) < cells(best) ? k : best), 0);
}

const tableCells = ({ bits }: Block): number => {
  const split = splitOf(bits);
  return 2 ** total(bits.slice(0, split)) + 2 ** total(bits.slice(split));
};

/** Weights and factors of the tables. */
const weightCells = ({ lists }: Block): number => 2 + lists.reduce((n, list) => n + list.length, 0);

/** Blocks whose weights and tables have at most `most` elements. */
function* fitting(block: Block, most: number): Generator<Block> {
  const { bits, lists, offset, scale, diagonal } = block;
  const [first] = bits;
  if (first === undefined || (tableCells(block) <= most && weightCells(block) <= most)) {
    yield block;
    return;
  }
  const half = 2 ** (first - 1);
  const stride = 2 ** total(bits.slice(1));
  const [list] = lists as [readonly bigint[]];
  for (const h of [0, 1]) {
    const own = list.slice(h * half, (h + 1) * half);
    if (own.length === 0) continue;
    const coordinate = (c: Coordinate): Coordinate =>
      c.mask > 0 && 2 ** c.shift === stride ? { shift: c.shift, mask: half - 1, base: c.base + h * half } : c;
    const rest = { offset: offset + h * half * stride, diagonal: diagonal.map(coordinate) as unknown as Block['diagonal'] };
    if (first > 1) yield* fitting({ ...rest, lists: [own, ...lists.slice(1)], bits: [first - 1, ...bits.slice(1)], scale }, most);
    else yield* fitting({ ...rest, lists: lists.slice(1), bits: bits.slice(1), scale: mod(scale * (own[0] as bigint)) }, most);
  }
}

const firstTile = (b: Block): number => Math.floor(b.offset / TILE);
const lastTile = (b: Block): number => Math.floor((b.offset + 2 ** total(b.bits) - 1) / TILE);

/** out += all terms, which lie within its `length` cells. Weights and scales are canonical. */
export function accumulateOuter(device: Device, out: Region, length: number, terms: readonly OuterTerm[]): void {
  const most = device.memory.partBytes;
  const limit = Math.min(most, BATCH_BYTES);
  const empty = Math.ceil(length / TILE) + 1;
  let batch: Block[] = [];
  let [weights, tables, index] = [0, 0, empty];
  const run = (): void => {
    if (batch.length > 0) addBlocks(device, out, length, batch);
    batch = [];
    [weights, tables, index] = [0, 0, empty];
  };
  for (const term of terms) {
    const block = blockOf(term);
    if (block === null) continue;
    for (const b of fitting(block, most / ELEMENT)) {
      const words = TERM_WORDS + 2 * TABLE_WORDS + LIST_WORDS * b.bits.length + 1 + lastTile(b) - firstTile(b);
      if (Math.max(ELEMENT * (weights + weightCells(b)), ELEMENT * (tables + tableCells(b)), 4 * (index + words)) > limit) run();
      batch.push(b);
      weights += weightCells(b);
      tables += tableCells(b);
      index += words;
    }
  }
  run();
}

function addBlocks(device: Device, out: Region, length: number, blocks: readonly Block[]): void {
  const form = montgomery('F', device.limbBits);
  const weights: bigint[] = [];
  const places = new Map<readonly bigint[], number>();
  const placeOf = (list: readonly bigint[]): number => {
    const known = places.get(list);
    if (known !== undefined) return known;
    const at = weights.length;
    places.set(list, at);
    for (const w of list) weights.push(w);
    return at;
  };
  const tableWords: number[] = [];
  const listWords: number[] = [];
  const termWords: number[] = [];
  let cells = 0;
  /** Adds the table of factor · Π lists; its first cell. */
  const table = (lists: readonly (readonly bigint[])[], bits: readonly number[], factor: bigint): number => {
    // A factor in Montgomery form once more for every list, whose weights are not.
    const start = lists.reduce((f) => form.to(f), form.to(factor));
    tableWords.push(cells, weights.length, listWords.length / LIST_WORDS, lists.length);
    weights.push(start);
    for (const [d, list] of lists.entries())
      listWords.push(total(bits.slice(d + 1)), 2 ** (bits[d] as number) - 1, placeOf(list), list.length);
    const at = cells;
    cells += 2 ** total(bits);
    return at;
  };
  // Only tiles from the first that a block touches to the last.
  const start = Math.min(...blocks.map(firstTile));
  const touching: number[][] = Array.from({ length: Math.max(...blocks.map(lastTile)) + 1 - start }, () => []);
  for (const [k, b] of blocks.entries()) {
    const split = splitOf(b.bits);
    const high = table(b.lists.slice(0, split), b.bits.slice(0, split), b.scale);
    const low = table(b.lists.slice(split), b.bits.slice(split), 1n);
    const diagonal = b.diagonal.flatMap(({ shift, mask, base }) => [shift, mask, base]);
    termWords.push(b.offset, total(b.bits), total(b.bits.slice(split)), high, low, ...diagonal);
    for (let t = firstTile(b); t <= lastTile(b); t++) (touching[t - start] as number[]).push(k);
  }

  const entries = touching.flat();
  const tiles = [0];
  for (const list of touching) tiles.push((tiles.at(-1) as number) + list.length);
  const sections = [tableWords, listWords, tiles, entries, termWords];
  const starts: number[] = [];
  let size = 0;
  for (const s of sections) {
    starts.push(size);
    size += s.length;
  }
  const words = new Uint32Array(size);
  for (const [k, s] of sections.entries()) words.set(s, starts[k]);
  const [tablesAt, listsAt, tilesAt, entriesAt, termsAt] = starts as [number, number, number, number, number];

  // Several invocations a cell where there are too few cells to keep the device busy, and terms for all of them.
  const perTile = entries.length / touching.filter((list) => list.length > 0).length;
  let own = Math.min(LANES, out.partBytes / ELEMENT);
  while (own > 1 && (LANES / own) * TILE * touching.length < BUSY && perTile >= (2 * LANES) / own) own /= 2;

  const { memory } = device;
  const uploaded = [device.upload(bytesOf(weights)), device.upload(new Uint8Array(words.buffer))] as const;
  const products = memory.alloc(ELEMENT * cells);
  try {
    const [w, i] = uploaded.map(whole) as [ReturnType<typeof whole>, ReturnType<typeof whole>];
    device.run(TABLES, cells, [w, i, items(products, ELEMENT)], [tableWords.length / TABLE_WORDS, tablesAt, listsAt]);
    const first = (start * TILE) / own;
    const count = Math.min(Math.ceil(length / own) - first, (touching.length * TILE) / own);
    const to = items(out, ELEMENT * own, first);
    device.run(ADD, count, [whole(products), i, to], [own, tilesAt, entriesAt, termsAt, start]);
  } finally {
    memory.release(...uploaded, products);
  }
}

export const KERNELS: readonly Kernel[] = [TABLES, ADD];
