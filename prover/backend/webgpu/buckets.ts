/**
 * Sums of buckets. They are taken over the sorted list in runs of fixed length, one an invocation, whatever bucket they belong to: a bucket that begins and ends inside a run
 * goes to memory as it is; a run's first and last bucket, which may go on in other runs, become two entries of a shorter sorted list, which is
 * summed the same way, down to one run. So skewed scalars, all of whose digits share a bucket, are as fast as random ones.
 */
import { items, whole, type Device } from './device.ts';
import { invocations, type Kernel } from './kernel.ts';
import type { Region } from './regions.ts';
import { POINT, POINT_CODE, pointAccess } from './wgsl/point.ts';

/** Entries of a run of the shorter lists. */
const EDGE_RUN = 8;
/** Buckets of a chunk: few, where there are few, since its additions wait for each other. */
const LEAST_CHUNK = 4;
export const MOST_CHUNK = 16;
const CHUNKS = 2 ** 14;

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

/** Sums of the buckets of a sorted list of `runs` runs of `run` entries, which it releases. */
export function sumBuckets(device: Device, points: Region, list: Region, runs: number, run: number, buckets: number): Region {
  const { memory } = device;
  const sums = memory.alloc(POINT * buckets);
  device.clear(sums);
  let source: { list: Region; points: Region | null } = { list, points: null };
  let [count, length] = [runs, run];
  for (;;) {
    const next = Math.ceil((2 * count) / EDGE_RUN);
    const [edges, keys] = [memory.alloc(POINT * EDGE_RUN * next), memory.alloc(4 * EDGE_RUN * next)];
    device.clear(keys);
    const args = [whole(sums), items(edges, 2 * POINT), items(keys, 8)];
    const last = count === 1 ? 1 : 0;
    if (source.points === null) device.run(SUM_POINTS, count, [items(source.list, 8 * length), whole(points), ...args], [length, last]);
    else device.run(SUM_EDGES, count, [items(source.list, 4 * length), items(source.points, POINT * length), ...args], [length, last]);
    memory.release(source.list, ...(source.points ? [source.points] : []));
    source = { list: keys, points: edges };
    if (count === 1) break;
    [count, length] = [next, EDGE_RUN];
  }
  memory.release(source.list, source.points as Region);
  return sums;
}

/** Parts of Σ_j (j + 1)·B_j of each window's buckets, which it releases; how many of each. */
export function reduceBuckets(
  device: Device,
  sums: Region,
  windows: number,
  buckets: number,
): { readonly parts: Region; readonly each: number } {
  const wanted = 2 ** Math.floor(Math.log2((windows * buckets) / CHUNKS));
  const chunk = Math.min(buckets, MOST_CHUNK, Math.max(LEAST_CHUNK, wanted));
  const each = buckets / chunk;
  const parts = device.memory.alloc(POINT * windows * each);
  device.run(REDUCE, windows * each, [items(sums, POINT * chunk), items(parts, POINT)], [chunk, each]);
  device.memory.release(sums);
  return { parts, each };
}

export const KERNELS: readonly Kernel[] = [SUM_POINTS, SUM_EDGES, REDUCE];
