/**
 * Multi-exponentiation by Pippenger's buckets. Scalars above r/2 are replaced by r − s with a sign; an offset added once makes digits of every window
 * signed and free of carries. Digits of some windows are sorted by counting: numbers of each bucket and ranks in it by atomics, prefix sums, a scatter; zeros are dropped.
 *
 * Buckets are summed over the sorted list in runs of fixed length, one an invocation, whatever bucket they belong to: a bucket that begins and ends inside a run
 * goes to memory as it is; a run's first and last bucket, which may go on in other runs, become two entries of a shorter sorted list, which is
 * summed the same way, down to one run. So skewed scalars, all of whose digits share a bucket, are as fast as random ones. The order within a bucket depends on
 * the device; sums of points don't.
 *
 * Σ b·B_b over a window's buckets B_b: an invocation takes a chunk of buckets by running sums and a multiple of their sum. Windows are put
 * together on the host.
 */
import { Q } from '../../../verifier/field.ts';
import { msm as hostMsm, type Affine } from '../../../verifier/curve.ts';
import type { FieldVector } from '../types.ts';
import { items, whole, type Device } from './device.ts';
import { invocations, type Kernel } from './kernel.ts';
import { affineBytes, horner, toAffine, type HostPoint, type Points } from './points.ts';
import type { Region } from './regions.ts';
import { ELEMENT } from './sums.ts';
import { canonical, type Vectors } from './vectors.ts';
import { R } from '../../../verifier/field.ts';
import { words } from './wgsl/field.ts';
import { AFFINE, POINT, POINT_CODE, pointAccess } from './wgsl/point.ts';

/** Sums of at most so many points are sooner done on the host. */
const FEW = 16;
/** Bits of |s| for s or r − s, whichever is smaller. */
const SCALAR_BITS = 253;
const LEAST_BITS = 4;
const MOST_BITS = 16;
/** Points that are sorted together at most: numbers of points and signs are words. */
const MOST_POINTS = 2 ** 22;
/** Bytes of a sorted list at most, lest a dispatch take seconds: windows are taken together as far as they fit. */
const MOST_LIST = 2 ** 27;
/** Invocations that fill a device, and entries of a run. */
const BUSY = 2 ** 17;
const LEAST_RUN = 8;
const MOST_RUN = 64;
/** Entries of a run of the shorter lists. */
const EDGE_RUN = 16;
/** Buckets of a chunk. */
const CHUNK = 16;
/** Counters of a workgroup of prefix sums. */
const TILE = 2048;

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

/**
 * Item k: sums of the buckets of a run of a sorted list. `key` is the bucket + 1 of `entry`, or 0 behind the list's end; `add` adds it to `sum`. Words: entries of a run, whether
 * it is the only run. Buckets that begin and end inside the run go to `buckets`; its first and last go to two entries of the next list.
 */
const runs = (key: string, add: string): string => `
  let length = word(0u);
  let first = (at_list + item) * length;
  let edge = 2u * (at_edges + item);
  let to = 2u * (at_keys + item);
  var sum = identityP();
  var current = ${key.replaceAll('entry', 'first')};
  var begun = false;
  for (var entry = first; entry < first + length; entry++) {
    let own = ${key};
    if (own != current) {
      if (begun || word(1u) == 1u) { storeP_buckets(current - 1u, sum); }
      else { storeP_edges(edge, sum); keys[to] = current; }
      begun = true;
      sum = identityP();
      current = own;
    }
    if (own != 0u) { ${add} }
  }
  if (word(1u) == 1u) {
    if (current != 0u) { storeP_buckets(current - 1u, sum); }
  } else {
    if (!begun) { storeP_edges(edge, sum); keys[to] = current; sum = identityP(); }
    storeP_edges(edge + 1u, sum);
    keys[to + 1u] = current;
  }`;
const EDGES = [
  { name: 'buckets', type: 'vec4u', access: 'write' },
  { name: 'edges', type: 'vec4u', access: 'write' },
  { name: 'keys', type: 'u32', access: 'write' },
] as const;
const EDGES_CODE = POINT_CODE + pointAccess('buckets', true) + pointAccess('edges', true);

const SUM_POINTS: Kernel = invocations(
  'sums of buckets',
  ['Q'],
  [{ name: 'list', type: 'u32', access: 'read' }, { name: 'points', type: 'vec4u', access: 'read' }, ...EDGES],
  runs(
    'list[2u * entry + 1u]',
    `
      let p = list[2u * entry] >> 1u;
      let x = loadQ_points(2u * p);
      let y = loadQ_points(2u * p + 1u);
      if (!(isZeroQ(x) && isZeroQ(y))) { sum = addAffineP(sum, x, selectQ(y, negQ(y), (list[2u * entry] & 1u) == 1u)); }`,
  ),
  EDGES_CODE,
);
const SUM_EDGES: Kernel = invocations(
  'sums of parts of buckets',
  ['Q'],
  [{ name: 'list', type: 'u32', access: 'read' }, { name: 'points', type: 'vec4u', access: 'read' }, ...EDGES],
  runs('list[entry]', 'sum = addP(sum, loadP_points(at_points * length + entry - at_list * length));'),
  EDGES_CODE + pointAccess('points', false),
);

/**
 * Item k: Σ_j (j + 1)·B_j over the buckets j of a chunk, j counting within the window. Words: buckets of a chunk, chunks of a window. From the last bucket down, s is the sum
 * of buckets and t that of all s; then m becomes s times the chunk's first j. One call of the addition.
 */
const REDUCE: Kernel = invocations(
  'sums of multiples of buckets',
  ['Q'],
  [
    { name: 'buckets', type: 'vec4u', access: 'read' },
    { name: 'out', type: 'vec4u', access: 'write' },
  ],
  `
  let length = word(0u);
  let chunk = (parameter(1u) + item) % word(1u);
  let bits = 32u - countLeadingZeros(chunk * length);
  var s = identityP(); var t = identityP(); var m = identityP();
  let steps = 2u * (length + bits) + 1u;
  for (var n = 0u; n < steps; n++) {
    var a = m; var b = m;
    let k = n >> 1u;
    let odd = (n & 1u) == 1u;
    if (k < length) {
      if (odd) { a = t; b = s; } else { a = s; b = loadP_buckets((at_buckets + item) * length + length - 1u - k); }
    } else if (n + 1u == steps) {
      a = t;
    } else if (odd) {
      b = selectP(identityP(), s, (((chunk * length) >> (bits - 1u - (k - length))) & 1u) == 1u);
    }
    let sum = addP(a, b);
    if (k >= length) { m = sum; } else if (odd) { t = sum; } else { s = sum; }
  }
  storeP_out(at_out + item, m);`,
  POINT_CODE + pointAccess('buckets', false) + pointAccess('out', true),
);

interface Digits {
  readonly bits: number;
  readonly windows: number;
  /** Of a window, 2^(bits − 1). */
  readonly buckets: number;
}

/** Digits of `count` scalars of `scalarBits` bits: the width with the fewest additions. */
function digitsOf(count: number, scalarBits: number): Digits {
  let best: Digits | null = null;
  let least = Infinity;
  for (let bits = LEAST_BITS; bits <= MOST_BITS; bits++) {
    const windows = Math.ceil((scalarBits + 1) / bits);
    const buckets = 2 ** (bits - 1);
    const additions = windows * (count + buckets * (2 + (2 * bits) / CHUNK));
    if (additions < least) [best, least] = [{ bits, windows, buckets }, additions];
  }
  return best as Digits;
}

interface Range {
  readonly points: Region;
  readonly count: number;
}

export class Resident {
  readonly length: number;
  private readonly msm: Msm;
  private readonly ranges: readonly Range[];

  constructor(msm: Msm, ranges: readonly Range[], length: number) {
    this.msm = msm;
    this.ranges = ranges;
    this.length = length;
  }

  /** Σ scalars[k]·points[k]; as a vector of the device they stay the caller's. */
  async sum(scalars: readonly bigint[] | FieldVector): Promise<Affine | null> {
    if (scalars.length !== this.length) throw new Error(`msm: ${scalars.length} scalars for ${this.length} points`);
    return toAffine(await this.msm.ranges(this.ranges, scalars));
  }

  free(): void {
    this.msm.release(this.ranges);
  }
}

/** Bits of the largest of s and r − s, whichever is smaller. */
function bitsOf(scalars: readonly bigint[]): number {
  let largest = 0n;
  for (const s of scalars) largest |= s > R / 2n ? R - s : s;
  return largest.toString(2).length;
}

export class Msm {
  private readonly device: Device;
  private readonly points: Points;
  private readonly vectors: Vectors;

  constructor(points: Points, vectors: Vectors) {
    this.points = points;
    this.device = points.device;
    this.vectors = vectors;
  }

  async msm(scalars: readonly bigint[], points: readonly (Affine | null)[]): Promise<Affine | null> {
    if (scalars.length !== points.length) throw new Error(`msm: ${scalars.length} scalars for ${points.length} points`);
    scalars.forEach((s, i) => canonical(s, `scalar ${i} of a multi-exponentiation`));
    const used = [...points.keys()].filter((i) => scalars[i] !== 0n && points[i] !== null);
    const [ownScalars, ownPoints] = [used.map((i) => scalars[i] as bigint), used.map((i) => points[i] as Affine)];
    if (used.length <= FEW) return hostMsm(ownScalars, ownPoints);
    const resident = this.resident(ownPoints);
    try {
      return await resident.sum(ownScalars);
    } finally {
      resident.free();
    }
  }

  /** Points that stay on the device; zeros, like null, are infinity. */
  resident(points: readonly (Affine | null)[]): Resident {
    points.forEach((p, i) => {
      if (p !== null && !(p.x >= 0n && p.x < Q && p.y >= 0n && p.y < Q))
        throw new Error(`webgpu: point ${i} has coordinates that are not canonical`);
    });
    const most = Math.min(MOST_POINTS, this.device.memory.partBytes / AFFINE);
    const ranges: Range[] = [];
    for (let first = 0; first < points.length; first += most) {
      const some = points.slice(first, first + most);
      ranges.push({ points: this.points.upload(affineBytes(some)), count: some.length });
    }
    return new Resident(this, ranges, points.length);
  }

  release(ranges: readonly Range[]): void {
    this.device.memory.release(...ranges.map(({ points }) => points));
  }

  /** Σ over ranges of points. */
  async ranges(ranges: readonly Range[], scalars: readonly bigint[] | FieldVector): Promise<HostPoint> {
    const own = Array.isArray(scalars) ? this.vectors.fromField(scalars as readonly bigint[]) : null;
    const vector = own ?? (scalars as FieldVector);
    try {
      const bits = own ? bitsOf(scalars as readonly bigint[]) : SCALAR_BITS;
      let first = 0;
      let total = horner([], 0);
      for (const range of ranges) {
        const { bits: step, sums } = await this.range(range, this.vectors.region(vector), first, bits);
        total = total.add(horner(sums, step));
        first += range.count;
      }
      return total;
    } finally {
      if (own) this.vectors.free(own);
    }
  }

  /** Sums of windows over a range of points. */
  private async range(range: Range, scalars: Region, first: number, scalarBits: number): Promise<{ bits: number; sums: HostPoint[] }> {
    const { device } = this;
    const { count } = range;
    const digits = digitsOf(count, scalarBits);
    const { bits, windows, buckets } = digits;
    let offset = 0n;
    for (let w = 0; w < windows - 1; w++) offset |= 1n << BigInt(bits * w + bits - 1);
    const prepared = device.memory.alloc(ELEMENT * count);
    const constants = [offset, R, (R - 1n) / 2n].flatMap(words);
    device.run(PREPARE, count, [items(scalars, ELEMENT, first), items(prepared, ELEMENT)], constants);
    const part = device.memory.partBytes;
    const together = Math.max(
      1,
      Math.min(windows, Math.floor(Math.min(MOST_LIST, part) / (8 * count)), Math.floor(part / (POINT * buckets))),
    );
    const sums: HostPoint[] = [];
    for (let w = 0; w < windows; w += together)
      sums.push(...(await this.windows(range, prepared, digits, w, Math.min(together, windows - w))));
    this.device.memory.release(prepared);
    return { bits, sums };
  }

  /** Sums of some windows. */
  private async windows(range: Range, scalars: Region, digits: Digits, first: number, some: number): Promise<HostPoint[]> {
    const { device } = this;
    const { memory } = device;
    const keys = range.count * some;
    const buckets = digits.buckets * some;
    const run = Math.min(MOST_RUN, Math.max(LEAST_RUN, 2 ** Math.ceil(Math.log2(keys / BUSY))));
    const own = [range.count, digits.bits, first, digits.windows, digits.buckets];

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
    this.device.memory.release(counts, offsets, ranks, totals, all);

    const sums = memory.alloc(POINT * buckets);
    device.clear(sums);
    this.sumBuckets(range.points, list, Math.ceil(keys / run), run, sums);
    this.device.memory.release(tileOffsets);

    const chunk = Math.min(CHUNK, digits.buckets);
    const chunks = buckets / chunk;
    const parts = memory.alloc(POINT * chunks);
    device.run(REDUCE, chunks, [items(sums, POINT * chunk), items(parts, POINT)], [chunk, digits.buckets / chunk]);
    this.device.memory.release(sums);
    const folded = this.points.fold(parts, some, digits.buckets / chunk);
    const out = await this.points.read(folded, some);
    this.device.memory.release(folded);
    return out;
  }

  /** Sums of the buckets of a sorted list of `runs` runs, which it releases, to `buckets`, which are zeros. */
  private sumBuckets(points: Region, list: Region, runs: number, run: number, buckets: Region): void {
    const { device } = this;
    const { memory } = device;
    let source: { list: Region; points: Region | null } = { list, points: null };
    let [count, length] = [runs, run];
    for (;;) {
      const next = Math.ceil((2 * count) / EDGE_RUN);
      const [edges, keys] = [memory.alloc(POINT * EDGE_RUN * next), memory.alloc(4 * EDGE_RUN * next)];
      device.clear(keys);
      const args = [whole(buckets), items(edges, 2 * POINT), items(keys, 8)];
      const last = count === 1 ? 1 : 0;
      if (source.points === null) device.run(SUM_POINTS, count, [items(source.list, 8 * length), whole(points), ...args], [length, last]);
      else device.run(SUM_EDGES, count, [items(source.list, 4 * length), items(source.points, POINT * length), ...args], [length, last]);
      this.device.memory.release(source.list, ...(source.points ? [source.points] : []));
      source = { list: keys, points: edges };
      if (count === 1) break;
      [count, length] = [next, EDGE_RUN];
    }
    this.device.memory.release(source.list, source.points as Region);
  }
}
