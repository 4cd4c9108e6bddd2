/**
 * Points between host and device, and how sums end: partial sums are folded on the device, Σ 2^(step·i) by Horner's rule, there too where results
 * are many, and on the host where they are few, since a chain of dependent additions is what a single lane of a GPU is slowest at.
 */
import { normalizeZ } from '@noble/curves/abstract/curve.js';
import { bn254 } from '@noble/curves/bn254.js';
import type { Affine } from '../../../verifier/curve.ts';
import { Q } from '../../../verifier/field.ts';
import { items, type Device } from './device.ts';
import { invocations, type Kernel } from './kernel.ts';
import type { Region } from './regions.ts';
import { bigintsOf, bytesOf, ELEMENT } from './sums.ts';
import { montgomery, radix, words } from './wgsl/field.ts';
import { AFFINE, POINT, POINT_CODE, pointAccess } from './wgsl/point.ts';

const Point = bn254.G1.Point;
export type HostPoint = InstanceType<typeof Point>;

/** An addition by a lane that waits for each takes about as long as so many on the host, and an inversion with its dispatches as so many. */
const HOST_CHAIN = 4;
const HOST_INVERSION = 200;
/** Points that an invocation adds up, where more than one might. */
const FOLD_RUN = 8;
/** Points that share an inversion on the device. */
export const INVERSION_RUN = 32;

const TO_MONTGOMERY = invocations(
  'coordinates into Montgomery form',
  ['Q'],
  [{ name: 'values', type: 'vec4u', access: 'write' }],
  'let i = at_values + item; storeQ_values(i, toMontgomeryQ(loadQ_values(i)));',
);

/**
 * Item r: Σ_i 2^(step·i) Σ_s points[r][i][s], plus extra[r] if asked for. Words: positions i, splits s, step, whether there is an extra point. One
 * call of the addition, which doubles too.
 */
const FOLD: Kernel = invocations(
  'sums of points',
  ['Q'],
  [
    { name: 'points', type: 'vec4u', access: 'read' },
    { name: 'extra', type: 'vec4u', access: 'read' },
    { name: 'out', type: 'vec4u', access: 'write' },
  ],
  `
  let positions = word(0u); let splits = word(1u); let step = word(2u);
  let base = (at_points + item) * positions * splits;
  var sum = identityP();
  for (var left = positions + word(3u); left > 0u; left--) {
    // The extra point comes last.
    let last = left <= word(3u);
    let doublings = select(step, 0u, last || left == positions + word(3u));
    let count = select(doublings + splits, 1u, last);
    for (var k = 0u; k < count; k++) {
      var other = sum;
      if (last) { other = loadP_extra(at_extra + item); }
      else if (k >= doublings) { other = loadP_points(base + (left - 1u - word(3u)) * splits + k - doublings); }
      sum = addP(sum, other);
    }
  }
  storeP_out(at_out + item, sum);`,
  POINT_CODE + pointAccess('points', false) + pointAccess('extra', false) + pointAccess('out', true),
);

/**
 * Item k: affine coordinates of a run of points, which share an inversion. Words: points of a run, points in all, whether coordinates leave Montgomery form,
 * the inversion's exponent q − 2. A point's fourth element holds the product of the Z before it.
 */
const NORMALISE: Kernel = invocations(
  'affine coordinates',
  ['Q'],
  [
    { name: 'points', type: 'vec4u', access: 'write' },
    { name: 'out', type: 'vec4u', access: 'write' },
  ],
  `
  let length = word(0u);
  let begin = (at_points + item) * length;
  let to = (at_out + item) * length;
  let count = min(length, word(1u) - (parameter(1u) + item) * length);
  var product = oneQ();
  for (var k = begin; k < begin + count; k++) {
    storeQ_points(4u * k + 3u, product);
    product = mulQ(product, selectQ(loadQ_points(4u * k + 2u), oneQ(), isZeroQ(loadQ_points(4u * k + 2u))));
  }
  var inverse = oneQ();
  for (var i = 256u; i > 0u; i--) {
    inverse = mulQ(inverse, inverse);
    if (((word(3u + ((i - 1u) >> 5u)) >> ((i - 1u) & 31u)) & 1u) == 1u) { inverse = mulQ(inverse, product); }
  }
  for (var k = count; k > 0u; k--) {
    let p = begin + k - 1u;
    let z = loadQ_points(4u * p + 2u);
    var own = mulQ(inverse, loadQ_points(4u * p + 3u));
    inverse = mulQ(inverse, selectQ(z, oneQ(), isZeroQ(z)));
    if (word(2u) == 1u) { own = fromMontgomeryQ(own); }
    // Infinity becomes zeros.
    own = selectQ(own, zeroQ(), isZeroQ(z));
    for (var c = 0u; c < 2u; c++) { storeQ_out(2u * (to + k - 1u) + c, mulQ(loadQ_points(4u * p + c), own)); }
  }`,
);

/** Words of the exponents of an inverse and of a square root (q = 3 modulo 4). */
export const INVERSE_EXPONENT = words(Q - 2n);
export const ROOT_EXPONENT = words((Q + 1n) / 4n);

/** A point of homogeneous coordinates on the host; a common factor, such as that of Montgomery form, does not matter. */
const hostPoint = (x: bigint, y: bigint, z: bigint): HostPoint => (z === 0n ? Point.ZERO : new Point(x, y, z));

export const toAffine = (p: HostPoint): Affine | null => (p.is0() ? null : p.toAffine());
export const fromAffine = (p: Affine): HostPoint => Point.fromAffine(p);

/** Σ 2^(step·i)·points[i]. */
export const horner = (points: readonly HostPoint[], step: number): HostPoint =>
  points.reduceRight((sum, p) => {
    for (let k = 0; k < step; k++) sum = sum.double();
    return sum.add(p);
  }, Point.ZERO);

/** Coordinates one point after another; zeros for infinity. */
export const affineBytes = (points: readonly (Affine | null)[]): Uint8Array =>
  bytesOf(points.flatMap((p) => (p === null ? [0n, 0n] : [p.x, p.y])));

export class Points {
  readonly device: Device;

  constructor(device: Device) {
    this.device = device;
  }

  /** Canonical coordinates, which become Montgomery form. */
  upload(bytes: Uint8Array): Region {
    const region = this.device.upload(bytes);
    this.device.run(TO_MONTGOMERY, bytes.length / ELEMENT, [items(region, ELEMENT)]);
    return region;
  }

  /** Affine coordinates of finite points on the host, in Montgomery form. */
  montgomeryBytes(points: readonly HostPoint[]): Uint8Array {
    const { to } = montgomery('Q', this.device.limbBits);
    return affineBytes(normalizeZ(Point, [...points]).map((p) => ({ x: to(p.x), y: to(p.y) })));
  }

  /** The finite affine point with these coordinates in Montgomery form. */
  fromMontgomery(bytes: Uint8Array): HostPoint {
    const [x, y] = bigintsOf(bytes) as [bigint, bigint];
    return hostPoint(x, y, radix(this.device.limbBits) % Q);
  }

  /** Item r of `results`: the sum of `splits` neighbouring points, which it releases, plus `extra`, also released. */
  fold(points: Region, results: number, splits: number, extra: Region | null = null): Region {
    let [region, left] = [points, splits];
    while (left > 1 || extra !== null) {
      const run = Math.min(left, FOLD_RUN);
      if (left % run !== 0) throw new Error(`webgpu: ${left} partial sums in runs of ${run}`);
      const count = (results * left) / run;
      const own = left === run ? extra : null;
      const out = this.device.memory.alloc(POINT * count);
      const args = [items(region, POINT * run), items(own ?? region, own ? POINT : POINT * run), items(out, POINT)];
      this.device.run(FOLD, count, args, [1, run, 0, own ? 1 : 0]);
      this.device.memory.release(region);
      if (own !== null) {
        this.device.memory.release(own);
        extra = null;
      }
      [region, left] = [out, left / run];
    }
    return region;
  }

  /**
   * Affine results Σ_i 2^(step·i)·sums[r][i] + extra[r], from `positions` sums each. Releases both. On the host, where that is sooner,
   * or where the sums lie in several buffers.
   */
  async finish(sums: Region, results: number, positions: number, step: number, extra: Region | null): Promise<(Affine | null)[]> {
    const { device } = this;
    const chain = positions * (1 + (positions > 1 ? step : 0));
    if (results * chain <= HOST_CHAIN * chain + HOST_INVERSION || sums.parts.length > 1) {
      const [own, others] = [await this.read(sums, results * positions), extra ? await this.read(extra, results) : null];
      this.device.memory.release(sums, ...(extra ? [extra] : []));
      const points = Array.from({ length: results }, (_, r) => {
        const sum = horner(own.slice(r * positions, (r + 1) * positions), step);
        return others ? sum.add(others[r] as HostPoint) : sum;
      });
      return normalizeZ(Point, points).map(toAffine);
    }
    let total = sums;
    if (positions > 1 || extra !== null) {
      total = device.memory.alloc(POINT * results);
      const args = [items(sums, POINT * positions), extra ? items(extra, POINT) : items(sums, POINT * positions), items(total, POINT)];
      device.run(FOLD, results, args, [positions, 1, step, extra ? 1 : 0]);
      this.device.memory.release(sums, ...(extra ? [extra] : []));
    }
    const affine = device.memory.alloc(AFFINE * results);
    this.normalise(total, results, affine, true);
    this.device.memory.release(total);
    const coordinates = bigintsOf(await device.read(affine, 0, AFFINE * results));
    this.device.memory.release(affine);
    return Array.from({ length: results }, (_, i) => {
      const [x, y] = [coordinates[2 * i] as bigint, coordinates[2 * i + 1] as bigint];
      return x === 0n && y === 0n ? null : { x, y };
    });
  }

  /** Affine coordinates of points, in Montgomery form or canonical, from the point `first` of `out` on, a multiple of the power of two that holds `count`. */
  normalise(points: Region, count: number, out: Region, canonical: boolean, first = 0): void {
    const run = Math.min(INVERSION_RUN, 2 ** Math.ceil(Math.log2(count)));
    const own = [run, count, canonical ? 1 : 0, ...INVERSE_EXPONENT];
    this.device.run(NORMALISE, Math.ceil(count / run), [items(points, POINT * run), items(out, AFFINE * run, first / run)], own);
  }

  /** The first points of a region, on the host. */
  async read(points: Region, count: number): Promise<HostPoint[]> {
    const values = bigintsOf(await this.device.read(points, 0, POINT * count));
    return Array.from({ length: count }, (_, i) => hostPoint(...(values.slice(4 * i, 4 * i + 3) as [bigint, bigint, bigint])));
  }
}

export const KERNELS: readonly Kernel[] = [TO_MONTGOMERY, FOLD, NORMALISE];
