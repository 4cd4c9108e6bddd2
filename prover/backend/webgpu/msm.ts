/**
 * Multi-exponentiation by Pippenger's buckets. Entries, a point with its digit in a window, are sorted by bucket (sort.ts), buckets are summed over the sorted list
 * (buckets.ts), Σ b·B_b over a window's buckets B_b is taken in chunks by running sums, and the host puts windows together. The device decides the order within a
 * bucket; sums of points don't depend on it.
 */
import { msm as hostMsm, type Affine } from '../../../verifier/curve.ts';
import { Q, R } from '../../../verifier/field.ts';
import type { FieldVector } from '../types.ts';
import { MOST_CHUNK, reduceBuckets, sumBuckets } from './buckets.ts';
import type { Device } from './device.ts';
import { affineBytes, horner, toAffine, type HostPoint, type Points } from './points.ts';
import type { Region } from './regions.ts';
import { prepareScalars, sortedEntries, type Digits } from './sort.ts';
import { canonical, type Vectors } from './vectors.ts';
import { AFFINE, POINT } from './wgsl/point.ts';

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

/** Digits of `count` scalars of `scalarBits` bits: the width with the fewest additions. */
function digitsOf(count: number, scalarBits: number): Digits {
  let best: Digits | null = null;
  let least = Infinity;
  for (let bits = LEAST_BITS; bits <= MOST_BITS; bits++) {
    const windows = Math.ceil((scalarBits + 1) / bits);
    const buckets = 2 ** (bits - 1);
    const additions = windows * (count + buckets * (2 + (2 * bits) / MOST_CHUNK));
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
    const prepared = prepareScalars(device, scalars, first, count, digits);
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
    const keys = range.count * some;
    const run = Math.min(MOST_RUN, Math.max(LEAST_RUN, 2 ** Math.ceil(Math.log2(keys / BUSY))));
    const list = sortedEntries(device, scalars, range.count, digits, first, some, run);
    const sums = sumBuckets(device, range.points, list, Math.ceil(keys / run), run, digits.buckets * some);
    const { parts, each } = reduceBuckets(device, sums, some, digits.buckets);
    const folded = this.points.fold(parts, some, each);
    const out = await this.points.read(folded, some);
    this.device.memory.release(folded);
    return out;
  }
}
