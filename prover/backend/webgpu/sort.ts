/**
 * Entries of a multi-exponentiation sorted by bucket, by counting: numbers of entries of each bucket and ranks in it by atomics, prefix sums, a scatter. Scalars above r/2 are
 * replaced by r − s with a sign; an offset added once makes digits of every window but the last signed and free of carries. Digits that are 0 are dropped. The order within
 * a bucket depends on the device.
 */
import { R } from '../../../verifier/field.ts';
import { items, whole, type Device } from './device.ts';
import { invocations, type Kernel } from './kernel.ts';
import type { Region } from './regions.ts';
import { ELEMENT } from './sums.ts';
import { words } from './wgsl/field.ts';

/** Counters of a workgroup of prefix sums. */
const TILE = 2048;

/** How scalars are cut into digits. */
export interface Digits {
  readonly bits: number;
  readonly windows: number;
  /** Of a window, 2^(bits − 1). */
  readonly buckets: number;
}

/** Item i: |s_i| plus the offset, the sign of s_i in the highest bit. Words: the offset, r, (r − 1)/2, eight each. */
const PREPARE = invocations(
  'absolute scalars',
  ['F'],
  [
    { name: 'scalars', type: 'vec4u', access: 'read' },
    { name: 'out', type: 'u32', access: 'write' },
  ],
  `
  let s = fromMontgomeryF(loadF_scalars(at_scalars + item));
  let lo = lowF(s); let hi = highF(s);
  // Whether (r − 1)/2 − s borrows.
  var borrow = 0u;
  for (var k = 0u; k < 8u; k++) {
    let own = select(lo[k & 3u], hi[k & 3u], k > 3u);
    borrow = select(0u, 1u, word(16u + k) < own || (word(16u + k) == own && borrow == 1u));
  }
  let minus = borrow == 1u;
  borrow = 0u;
  var carry = 0u;
  for (var k = 0u; k < 8u; k++) {
    let own = select(lo[k & 3u], hi[k & 3u], k > 3u);
    let difference = word(8u + k) - own - borrow;
    borrow = select(0u, 1u, word(8u + k) < own || (word(8u + k) == own && borrow == 1u));
    let partial = select(own, difference, minus) + word(k);
    let sum = partial + carry;
    carry = select(0u, 1u, partial < word(k) || sum < partial);
    out[8u * (at_out + item) + k] = sum | select(0u, 0x80000000u, minus && k == 7u);
  }`,
);

/**
 * Digit of item (point i, window w), item = w·n + i: its bucket, or NONE, and its sign. Words: n, bits, the first window, windows in all, buckets of a window.
 * The last window's digits are not offset.
 */
const DIGIT = `
const NONE = 0xffffffffu;
struct Digit { bucket: u32, minus: bool }
fn digit(index: u32) -> Digit {
  let n = word(0u); let bits = word(1u);
  let own = index / n;
  let w = word(2u) + own;
  let at = 8u * (index % n);
  let bit = w * bits;
  var v = scalars[at + (bit >> 5u)];
  let shift = bit & 31u;
  if ((bit >> 5u) == 7u) { v &= 0x7fffffffu; }
  v >>= shift;
  if (shift + bits > 32u && (bit >> 5u) < 7u) {
    var next = scalars[at + (bit >> 5u) + 1u];
    if ((bit >> 5u) == 6u) { next &= 0x7fffffffu; }
    v |= next << (32u - shift);
  }
  v &= (1u << bits) - 1u;
  var d = i32(v);
  if (w + 1u < word(3u)) { d -= i32(1u << (bits - 1u)); }
  if (d == 0) { return Digit(NONE, false); }
  return Digit(own * word(4u) + u32(abs(d)) - 1u, (d < 0) != ((scalars[at + 7u] >> 31u) == 1u));
}`;

/** Ranks of entries in their buckets, and numbers of entries of buckets. */
const COUNT: Kernel = invocations(
  'numbers of entries of buckets',
  [],
  [
    { name: 'scalars', type: 'u32', access: 'read' },
    { name: 'counts', type: 'atomic<u32>', access: 'write' },
    { name: 'ranks', type: 'u32', access: 'write' },
  ],
  `
  let d = digit(parameter(1u) + item);
  if (d.bucket != NONE) { ranks[at_ranks + item] = atomicAdd(&counts[d.bucket], 1u); }`,
  DIGIT,
);

/** Item k: prefix sums of a tile, without the tile's own, and the tile's sum. Word: counters. */
const SCAN: Kernel = {
  name: 'prefix sums',
  fields: [],
  slots: [
    { name: 'counts', type: 'u32', access: 'read' },
    { name: 'out', type: 'u32', access: 'write' },
    { name: 'totals', type: 'u32', access: 'write' },
  ],
  size: 256,
  per: 'workgroup',
  code: 'var<workgroup> shared_sums: array<u32, 256>;',
  body: `
  let each = ${TILE / 256}u;
  let first = ${TILE}u * (parameter(1u) + item) + each * local;
  var own = 0u;
  for (var k = first; k < min(first + each, word(0u)); k++) { own += counts[k]; }
  shared_sums[local] = own;
  workgroupBarrier();
  for (var s = 1u; s < 256u; s <<= 1u) {
    var before = 0u;
    if (local >= s) { before = shared_sums[local - s]; }
    workgroupBarrier();
    shared_sums[local] += before;
    workgroupBarrier();
  }
  var sum = shared_sums[local] - own;
  for (var k = first; k < min(first + each, word(0u)); k++) {
    out[k] = sum;
    sum += counts[k];
  }
  if (local == 255u) { totals[parameter(1u) + item] = shared_sums[255]; }`,
};

/** The sorted list: of each entry 2·point + sign, and bucket + 1; where it ends there are zeros. */
const SCATTER: Kernel = invocations(
  'sorted entries',
  [],
  [
    { name: 'scalars', type: 'u32', access: 'read' },
    { name: 'ranks', type: 'u32', access: 'read' },
    { name: 'offsets', type: 'u32', access: 'read' },
    { name: 'tiles', type: 'u32', access: 'read' },
    { name: 'list', type: 'u32', access: 'write' },
  ],
  `
  let index = parameter(1u) + item;
  let d = digit(index);
  if (d.bucket != NONE) {
    let to = tiles[d.bucket / ${TILE}u] + offsets[d.bucket] + ranks[at_ranks + item];
    list[2u * to] = 2u * (index % word(0u)) + select(0u, 1u, d.minus);
    list[2u * to + 1u] = d.bucket + 1u;
  }`,
  DIGIT,
);

/** Scalars of a range of a vector, made ready to be cut into digits. */
export function prepareScalars(device: Device, scalars: Region, first: number, count: number, { bits, windows }: Digits): Region {
  let offset = 0n;
  for (let w = 0; w < windows - 1; w++) offset |= 1n << BigInt(bits * w + bits - 1);
  const prepared = device.memory.alloc(ELEMENT * count);
  const constants = [offset, R, (R - 1n) / 2n].flatMap(words);
  device.run(PREPARE, count, [items(scalars, ELEMENT, first), items(prepared, ELEMENT)], constants);
  return prepared;
}

/** The sorted list of the entries of windows [first, first + some), in runs of `run` entries. */
export function sortedEntries(
  device: Device,
  scalars: Region,
  count: number,
  digits: Digits,
  first: number,
  some: number,
  run: number,
): Region {
  const { memory } = device;
  const keys = count * some;
  const buckets = digits.buckets * some;
  const own = [count, digits.bits, first, digits.windows, digits.buckets];
  const [counts, offsets, ranks] = [memory.alloc(4 * buckets), memory.alloc(4 * buckets), memory.alloc(4 * keys)];
  const tiles = Math.ceil(buckets / TILE);
  const [totals, tileOffsets, all] = [memory.alloc(4 * tiles), memory.alloc(4 * tiles), memory.alloc(4)];
  const list = memory.alloc(8 * run * Math.ceil(keys / run));
  device.clear(counts);
  device.clear(list);
  device.run(COUNT, keys, [whole(scalars), whole(counts), items(ranks, 4)], own);
  device.run(SCAN, tiles, [whole(counts), whole(offsets), whole(totals)], [buckets]);
  device.run(SCAN, 1, [whole(totals), whole(tileOffsets), whole(all)], [tiles]);
  device.run(SCATTER, keys, [whole(scalars), items(ranks, 4), whole(offsets), whole(tileOffsets), whole(list)], own);
  memory.release(counts, offsets, ranks, totals, tileOffsets, all);
  return list;
}

export const KERNELS: readonly Kernel[] = [PREPARE, COUNT, SCAN, SCATTER];
