/**
 * What the prover asks of a backend: vectors over F, rows of small integers over fixed generators, fraction trees and
 * sumcheck rounds. Asynchronous throughout, with vectors resident on the device; only round values come back.
 *
 * Field elements cross this interface as canonical bigints in [0, r); integer cells as exact numbers with |v| < 2^53.
 * `reference` is the oracle: every other backend returns the same values bit for bit.
 * The most significant address bit is bound first: binding pairs cell i with cell i + half.
 */
import type { Affine } from '../../verifier/curve.ts';
import type { Cells } from '../../verifier/public-content.ts';
import type { Keccak } from '../../verifier/words.ts';
import type { AsyncProducts } from '../trainer/batches.ts';
import type { CellSource } from './sources.ts';

export type { Cells, CellSource };

/** A vector of field elements on the device. */
export interface FieldVector {
  readonly length: number;
}

/** How one group of address bits of an integer block enters a partial evaluation. */
export type ContractDim =
  /** Sum over the dimension with field weights; `weights.length <= 2^bits`, missing ones are 0. */
  | { readonly bits: number; readonly kind: 'sum'; readonly weights: readonly bigint[] }
  /** Keep the dimension: cell y goes to output index (y + shift) * stride for 0 <= y + shift < limit, y < size; others are dropped. */
  | {
      readonly bits: number;
      readonly kind: 'keep';
      readonly size: number;
      readonly shift: number;
      readonly limit: number;
      readonly stride: number;
    };

/** A block of integer cells, dimensions most significant first, row-major with power-of-two sizes. */
export interface IntBlock {
  /** The polynomial's cells; of a source, pieces are read while the ones before are worked on. */
  readonly cells: Cells | CellSource;
  /** First cell of the block; its length is 2^(sum of bits). Cells that are dropped, or whose weight is missing, need not be there. */
  readonly offset: number;
  /** Positions [i, j] of two dimensions in `dims` of equal bits: cells with j > i read 0. */
  readonly causal?: readonly [number, number];
}

/** Integers of leaves, in the narrowest array that holds them. */
export type LeafCells = Cells | Uint16Array;

/**
 * The domain of a block of leaves over axes, the most significant first. A leaf's index is row-major over axes padded to powers of two: pads
 * are the leaves whose index on some axis is not below the size.
 */
export interface LeafDomain {
  readonly sizes: readonly number[];
  /** Positions [i, j] of two axes: leaves with index_j > index_i are off the domain too. */
  readonly causal?: readonly [number, number];
}

/** One block of leaves of the fraction tree, 2^(Σ bits of the sizes − 1) of them. */
export interface LeafBlock {
  /** First leaf. */
  readonly offset: number;
  readonly domain: LeafDomain;
  /** Numerators: `ones` (1 on the domain, 0 elsewhere), or minus these counts on the domain; dense over the sizes. */
  readonly numerators: 'ones' | LeafCells;
  /**
   * Entries v1, v2, v3 of the tuple, exact integers, dense over the sizes (also off a causal domain); 0 at pads. Denominator:
   * alpha − (id·[on the domain] + beta·v1 + beta²·v2 + beta³·v3).
   */
  readonly values: readonly LeafCells[];
  readonly id: number;
}

/** A layer's or a product's sumcheck in progress. All values are without masks. */
export interface SumcheckRounds {
  /** Binds the previous round's challenge (null before the first round), then returns s(0), s(1), s(2) … s(degree) of the next round. */
  round(challenge: bigint | null): Promise<bigint[]>;
  /** Binds the last challenge and returns the final value of every table, in order. Frees the tables. */
  finish(challenge: bigint): Promise<bigint[]>;
}

/** logUp-GKR tree over fractions; layer l has 2^l nodes, children of node i are 2i and 2i+1. */
export interface FractionTree {
  readonly depth: number;
  /** p0, p1, q0, q1: the two nodes of layer 1. */
  root(): Promise<readonly [bigint, bigint, bigint, bigint]>;
  /**
   * Sumcheck of `eq(point, x)·(p0·q1 + p1·q0 + lambda·q0·q1)` over the 2^l cells of layer l, where p0, q0 (p1, q1) are the
   * even (odd) nodes of layer l+1; 1 <= l < depth, degree 3. `finish` returns [p0, p1, q0, q1]. Layers are asked for in order 1 … depth−1; a layer's
   * storage may be freed once its sumcheck is finished.
   */
  layer(l: number, point: readonly bigint[], lambda: bigint): Promise<SumcheckRounds>;
  free(): void;
}

/** A factor of a product over variables on only some of which it depends. */
export interface FormFactor {
  /** Its values over the variables on which it depends, first variable most significant. */
  readonly table: FieldVector;
  /** By variable of the product: whether it depends on it. */
  readonly on: readonly boolean[];
}

export interface Backend {
  readonly name: string;
  /** Integer matrix products for the trainer, where the backend has something faster than the calling thread and its helpers. */
  readonly products?: AsyncProducts;
  /** Whether rounds of different sumchecks may be asked for at the same time: a device that is far away answers all at once. */
  readonly together?: boolean;
  /** keccak-256 of bytes, on the calling thread. */
  readonly keccak: Keccak;
  /** Hyrax rows of `cells` (signed integers, row-major, `columns` a row), row rows[i] over G_0… plus blinds[i]·H. Without `rows`: all. */
  commitRows(cells: Cells, columns: number, blinds: readonly bigint[], rows?: readonly number[]): Promise<Affine[]>;
  /** Σ values[k]·G_k + blind·H, full-width scalars. */
  commit(values: readonly bigint[], blind: bigint): Promise<Affine>;
  /** `commit` of some rows at once. */
  commitAll(rows: readonly (readonly bigint[])[], blinds: readonly bigint[]): Promise<Affine[]>;
  /** Σ scalars[k]·points[k], full-width scalars; null is the point at infinity. */
  msm(scalars: readonly bigint[], points: readonly (Affine | null)[]): Promise<Affine | null>;

  zeros(length: number): FieldVector;
  fromField(values: readonly bigint[]): FieldVector;
  fromInts(cells: Cells): Promise<FieldVector>;
  toField(v: FieldVector): Promise<bigint[]>;
  free(v: FieldVector): void;

  /**
   * Says that these cells, which `contract` is about to read several times, do not change until the returned function is called: a copy may be kept where
   * they are worked on. Where cells lie there anyway, it is missing.
   */
  hold?(cells: Cells): () => void;
  /** scale · eq(point, x) for all x, most significant bit first. */
  eqTable(point: readonly bigint[], scale: bigint): Promise<FieldVector>;
  /** out[...] += scale · (partial evaluation of the block). Output index = Σ over keep dims of (y + shift)·stride. */
  contract(block: IntBlock, dims: readonly ContractDim[], scale: bigint, out: FieldVector): Promise<void>;
  /** Σ_y cells[y]·Π_d weights[d][y_d] over a dense array, row-major. */
  weightedSum(cells: Cells, weights: readonly (readonly bigint[])[]): Promise<bigint>;
  /**
   * out[offset + y] += scale · Π_d dims[d][y_d] over the block of 2^(Σ bits) cells, y = (y_0, y_1, …) most significant first, y_d of bits[d] bits;
   * missing weights (dims[d].length < 2^bits[d]) are 0; with `causal` = positions [i, j] of two dims, cells with y_j > y_i are skipped.
   */
  accumulateOuter(
    out: FieldVector,
    offset: number,
    dims: readonly (readonly bigint[])[],
    bits: readonly number[],
    scale: bigint,
    causal?: readonly [number, number],
  ): Promise<void>;

  /** Leaves not covered by a block are the fraction 0/1. */
  fractionTree(depth: number, blocks: readonly LeafBlock[], alpha: bigint, beta: bigint): Promise<FractionTree>;
  /**
   * Sumcheck of coef · eq(point, first variables) · Π factors over all variables (1 … 3 factors, at least one variable), first variable first;
   * s has degree factors + 1, or without a point factors. `finish` returns eq(point, challenges), if there is a point, then the factors' values.
   * Consumes the tables.
   */
  formProduct(factors: readonly FormFactor[], point: readonly bigint[], coef: bigint): Promise<SumcheckRounds>;
  /**
   * Sumcheck of Σ_k a_k·b_k over the cells of at least one pair of tables, all of one power-of-two length of at least 2. `finish` returns
   * a_0, b_0, a_1, b_1, …. Consumes the tables.
   */
  productSum(pairs: readonly (readonly [FieldVector, FieldVector])[]): Promise<SumcheckRounds>;

  close(): Promise<void>;
}
