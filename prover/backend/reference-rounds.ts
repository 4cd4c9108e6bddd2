/** Sumcheck rounds and the logUp-GKR fraction tree of the reference backend, as their definitions read. */
import { R, mod } from '../../verifier/field.ts';
import { bitsOf } from '../../verifier/program/types.ts';
import { checkBlock, leafBits } from './leaf-domain.ts';
import type { FractionTree, LeafBlock, SumcheckRounds } from './types.ts';

const isPowerOfTwo = (n: number): boolean => n >= 1 && Number.isInteger(Math.log2(n));

/** a(t) on the line through a(0) = low and a(1) = high. */
const line = (low: bigint, high: bigint, t: bigint): bigint => mod(low + t * (high - low));

/**
 * Sumcheck of Σ_x combine(table_0(x), table_1(x), …), `combine` a polynomial of degree `degree`. The most significant bit of
 * the cell's index is bound first.
 */
export class SumOfProducts implements SumcheckRounds {
  private tables: bigint[][];
  private readonly combine: (values: readonly bigint[]) => bigint;
  private readonly degree: number;
  private readonly keep: number;

  /** `keep`: how many tables `finish` returns. Equal power-of-two lengths of at least 2. */
  constructor(tables: readonly bigint[][], combine: (values: readonly bigint[]) => bigint, degree: number, keep = tables.length) {
    const length = tables[0]?.length ?? 0;
    if (length < 2 || !isPowerOfTwo(length) || tables.some((t) => t.length !== length))
      throw new Error(`sumcheck: tables of ${tables.map((t) => t.length).join(', ')} cells, must be one power of two, at least 2`);
    this.tables = tables.map((t) => [...t]);
    this.combine = combine;
    this.degree = degree;
    this.keep = keep;
  }

  private bind(challenge: bigint): void {
    if (challenge < 0n || challenge >= R) throw new Error('sumcheck: challenge is not canonical');
    this.tables = this.tables.map((table) => {
      const half = table.length / 2;
      if (half < 1) throw new Error('sumcheck: no variable is left to bind');
      return table.slice(0, half).map((low, i) => line(low, table[half + i] as bigint, challenge));
    });
  }

  async round(challenge: bigint | null): Promise<bigint[]> {
    if (challenge !== null) this.bind(challenge);
    const half = (this.tables[0] as bigint[]).length / 2;
    if (half < 1) throw new Error('sumcheck: no round is left');
    return Array.from({ length: this.degree + 1 }, (_, t) => {
      let sum = 0n;
      for (let i = 0; i < half; i++)
        sum += this.combine(this.tables.map((table) => line(table[i] as bigint, table[half + i] as bigint, BigInt(t))));
      return mod(sum);
    });
  }

  async finish(challenge: bigint): Promise<bigint[]> {
    this.bind(challenge);
    if (this.tables.some((t) => t.length !== 1)) throw new Error('sumcheck: finished before the last round');
    const values = this.tables.slice(0, this.keep).map((t) => t[0] as bigint);
    this.tables = [];
    return values;
  }
}

interface Layer {
  readonly p: readonly bigint[];
  readonly q: readonly bigint[];
}

/** The leaves: numerator and denominator of every cell; 0/1 where no block lies. */
function leaves(depth: number, blocks: readonly LeafBlock[], alpha: bigint, beta: bigint): Layer {
  const p: bigint[] = new Array(2 ** depth).fill(0n);
  const q: bigint[] = new Array(2 ** depth).fill(1n);
  for (const block of blocks) {
    checkBlock(block, depth);
    const { offset, domain, id, numerators, values } = block;
    const { sizes, causal } = domain;
    for (let leaf = 0; leaf < 2 ** leafBits(domain); leaf++) {
      q[offset + leaf] = mod(alpha);
      // The leaf's index on every axis, and its cell in the dense arrays; pads have none.
      const index: number[] = [];
      for (let d = sizes.length - 1, rest = leaf; d >= 0; d--) {
        const width = 2 ** bitsOf(sizes[d] as number);
        index.unshift(rest % width);
        rest = Math.floor(rest / width);
      }
      if (index.some((i, d) => i >= (sizes[d] as number))) continue;
      const cell = index.reduce((at, i, d) => at * (sizes[d] as number) + i, 0);
      const on = causal && (index[causal[1]] as number) > (index[causal[0]] as number) ? 0n : 1n;
      let tuple = BigInt(id) * on;
      values.forEach((column, k) => {
        tuple += beta ** BigInt(k + 1) * BigInt(column[cell] as number);
      });
      p[offset + leaf] = mod(numerators === 'ones' ? on : -on * BigInt(numerators[cell] as number));
      q[offset + leaf] = mod(alpha - tuple);
    }
  }
  return { p, q };
}

const every = (cells: readonly bigint[], parity: 0 | 1): bigint[] => cells.filter((_, i) => i % 2 === parity);

/** Sums of fractions pairwise, from 2^depth leaves to the two nodes of layer 1. */
export function fractionTree(depth: number, blocks: readonly LeafBlock[], alpha: bigint, beta: bigint): FractionTree {
  if (!Number.isInteger(depth) || depth < 1) throw new Error(`fraction tree: depth ${depth}, must be at least 1`);
  const layers: (Layer | null)[] = new Array(depth + 1).fill(null);
  layers[depth] = leaves(depth, blocks, alpha, beta);
  const layerAt = (l: number): Layer => {
    const layer = layers[l];
    if (!layer) throw new Error(`fraction tree: layer ${l} is not there`);
    return layer;
  };
  for (let l = depth - 1; l >= 1; l--) {
    const { p, q } = layerAt(l + 1);
    const [p0, p1, q0, q1] = [every(p, 0), every(p, 1), every(q, 0), every(q, 1)];
    layers[l] = {
      p: p0.map((a, i) => mod(a * (q1[i] as bigint) + (p1[i] as bigint) * (q0[i] as bigint))),
      q: q0.map((a, i) => mod(a * (q1[i] as bigint))),
    };
  }
  return {
    depth,
    async root() {
      const { p, q } = layerAt(1);
      return [p[0] as bigint, p[1] as bigint, q[0] as bigint, q[1] as bigint];
    },
    async layer(l, point, lambda) {
      if (!(l >= 1 && l < depth) || point.length !== l)
        throw new Error(`fraction tree: layer ${l} of ${depth} with ${point.length} coordinates`);
      const { p, q } = layerAt(l + 1);
      let eq = [1n];
      for (const x of point) eq = eq.flatMap((v) => [mod(v * (1n - x)), mod(v * x)]);
      const combine = ([p0, p1, q0, q1, e]: readonly bigint[]): bigint => {
        const [a, b, c, d, w] = [p0 as bigint, p1 as bigint, q0 as bigint, q1 as bigint, e as bigint];
        return mod(w * mod(a * d + b * c + lambda * mod(c * d)));
      };
      return new SumOfProducts([every(p, 0), every(p, 1), every(q, 0), every(q, 1), eq], combine, 3, 4);
    },
    free() {
      layers.fill(null);
    },
  };
}
