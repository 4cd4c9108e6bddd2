/**
 * What verifying spends its time on: hashes, sums of points, weighted sums of public content. `plain` is their plain TypeScript; a caller may bring an engine that computes
 * the same faster (the commands bring the WebAssembly kernels). All judging stays in verifier/: an engine is part of the verifier's own machine, as its
 * processor is, and nothing that comes from a prover chooses it.
 */
import { keccak_256 } from '@noble/hashes/sha3.js';
import { add, msm, multiply, type Affine } from './curve.ts';
import { weightedSum } from './evaluate.ts';
import { generators, H } from './generators.ts';
import type { Cells } from './public-content.ts';
import type { Keccak } from './words.ts';

export interface Engine {
  readonly name: string;
  readonly keccak: Keccak;
  /** Σ scalars[i]·points[i], scalars in [0, r); null is the point at infinity. */
  msm(scalars: readonly bigint[], points: readonly (Affine | null)[]): Promise<Affine | null>;
  /** Σ values[k]·G_k + blind·H, all in [0, r); null is the point at infinity. */
  commit(values: readonly bigint[], blind: bigint): Promise<Affine | null>;
  /** By row of `columns` cells, for these rows: Σ cells[k]·G_k + blind·H. An error where that is the point at infinity. */
  commitRows(cells: Cells, columns: number, blinds: readonly bigint[], rows: readonly number[]): Promise<Affine[]>;
  /** Σ_y values[y]·Π_d weights[d][y_d] over a dense array of exact integers, row-major; weights in [0, r). */
  weightedSum(values: ArrayLike<number>, weights: readonly (readonly bigint[])[]): Promise<bigint>;
}

/** The default: @noble/curves and @noble/hashes. */
export const plain: Engine = {
  name: 'plain',
  keccak: keccak_256,
  msm: async (scalars, points) => msm(scalars, points),
  commit: async (values, blind) => msm([...values, blind], [...generators(values.length), H]),
  weightedSum: async (values, weights) => weightedSum(values, weights),
  commitRows: async (cells, columns, blinds, rows) =>
    rows.map((row, i) => {
      const values = Array.from(cells.subarray(row * columns, (row + 1) * columns), BigInt);
      const point = add(msm(values, generators(columns)), multiply(H, blinds[i] as bigint));
      if (point === null) throw new Error(`row ${row} is the point at infinity`);
      return point;
    }),
};
