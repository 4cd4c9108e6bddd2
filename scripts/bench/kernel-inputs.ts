/** What the kernels' bench gives to all libraries, and how their results are compared. */
import { normalizeZ } from '@noble/curves/abstract/curve.js';
import { bn254 } from '@noble/curves/bn254.js';
import { same, type Affine } from '../../verifier/curve.ts';
import { R } from '../../verifier/field.ts';
import { H } from '../../verifier/generators.ts';
import type { Cells } from '../../verifier/public-content.ts';
import type { Clock } from './report.ts';

const Point = bn254.G1.Point;

/** A reproducible stream of field elements. */
function stream(): () => bigint {
  let state = 88172645463325252n;
  return () => {
    let x = 0n;
    for (let k = 0; k < 4; k++) {
      state = (state * 6364136223846793005n + 1442695040888963407n) & ((1n << 64n) - 1n);
      x = (x << 64n) | state;
    }
    return x % R;
  };
}

/** `count` distinct points: H, 2H, 3H … */
function multiplesOfH(count: number): Affine[] {
  const step = Point.fromAffine(H);
  const points = [step];
  while (points.length < count) points.push((points[points.length - 1] as typeof step).add(step));
  return normalizeZ(Point, points).map((p) => p.toAffine());
}

/** Inputs that all libraries get. */
export interface Inputs {
  readonly clock: Clock;
  /** log2 of the cells. */
  readonly size: number;
  /** log2 of the points of multi-exponentiations, ascending. */
  readonly logs: readonly number[];
  readonly next: () => bigint;
  readonly points: readonly Affine[];
  readonly scalars: ReadonlyMap<number, readonly bigint[]>;
  /** Cells by their width: unsigned of one bit, else signed. */
  readonly cells: ReadonlyMap<number, Cells>;
  /** Those of 16 bits. */
  readonly wide: Int16Array;
  readonly columns: number;
  readonly blinds: readonly bigint[];
}

/** log2 of the cells that the targets speak of. */
export const SIZE = 20;
/** log2 of the points; mcl-wasm has no room for more. */
const SMALL = 12;
const WIDTHS = [16, 254] as const;

export function makeInputs(size: number, log: number, clock: Clock): Inputs {
  const next = stream();
  const points = multiplesOfH(2 ** log);
  const wide = Int16Array.from({ length: 2 ** size }, () => Number(next() & 0xffffn) - 32768);
  return {
    clock,
    size,
    logs: [...new Set([Math.min(SMALL, log), log])],
    next,
    points,
    scalars: new Map(WIDTHS.map((bits) => [bits, points.map(() => (bits === 16 ? next() & 0xffffn : next()))] as const)),
    cells: new Map<number, Cells>([
      [1, Int8Array.from({ length: 2 ** size }, () => Number((next() >> 100n) & 1n))],
      [8, Int8Array.from({ length: 2 ** size }, () => Number((next() >> 100n) & 0xffn) - 128)],
      [16, wide],
    ]),
    wide,
    columns: 2 ** Math.ceil(size / 2),
    blinds: Array.from({ length: 2 ** Math.floor(size / 2) }, next),
  };
}

export const names = (size: number) => ({
  product: `F product, 2^${size} in memory`,
  msm: (log: number, bits: number): string => `multi-exponentiation, 2^${log} points, ${bits} bits`,
  rows: (bits: number): string => `rows of 2^${size} cells of ${bits} ${bits === 1 ? 'bit' : 'bits'}, 2^${Math.ceil(size / 2)} columns`,
  tree: `fraction tree of 2^${size} leaves, all layers`,
  sumcheck: `product sumcheck of two tables of 2^${size}, made from integers and a point`,
});

/** Nanoseconds an item, by name of the kernel. */
export type Times = Readonly<Record<string, number>>;

/** Sums of points that several libraries computed, to be compared. */
export type Sums = Map<string, Affine | null>;

/** All libraries must have computed the same. */
export function compare(sums: Sums, name: string, sum: Affine | null): void {
  const other = sums.get(name);
  if (other === undefined) sums.set(name, sum);
  else if (!same(other, sum)) throw new Error(`${name}: two libraries disagree on the sum`);
}
