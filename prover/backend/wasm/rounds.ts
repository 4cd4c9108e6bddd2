/** Sumcheck of a product of two to four tables. */
import { R, mod, inverse } from '../../../verifier/field.ts';
import type { SumcheckRounds } from '../types.ts';
import { SUM_BYTES, chunksOf, cut, type Engine } from './engine.ts';
import { RADIX_X, factorTable } from './memory.ts';

const HALF = inverse(2n);
const SIXTH = inverse(6n);

/** Σ c_k t^k. */
export const horner = (c: readonly bigint[], t: bigint): bigint => c.reduceRight((sum, x) => (sum * t + x) % R, 0n);

/** Coefficients of a polynomial of degree 2 from its values at 0, 1, ∞; 3: at 0, 1, −1, ∞; 4: at 0, 1, −1, 2, ∞. */
export function coefficients(v: readonly bigint[]): bigint[] {
  const [s0, s1, s2, s3, s4] = v as [bigint, bigint, bigint, bigint, bigint];
  if (v.length === 3) return [s0, s1 - s0 - s2, s2];
  const even = (s1 + s2) * HALF;
  const odd = (s1 - s2) * HALF;
  if (v.length === 4) return [s0, odd - s3, even - s0, s3];
  const a2 = even - s0 - s4;
  const a3 = mod(s3 - s0 - 4n * a2 - 16n * s4 - 2n * odd) * SIXTH;
  return [s0, odd - a3, a2, a3, s4];
}

/** Tables being bound: `length` cells each, in blocks whose first half pairs with the second. */
export class Tables {
  readonly engine: Engine;
  at: number[];
  length: number;
  block: number;

  /** A table whose cells are still integers. */
  ints: { readonly table: number; readonly at: number } | null;

  constructor(
    engine: Engine,
    at: readonly number[],
    length: number,
    inner: number,
    ints: { readonly table: number; readonly at: number } | null = null,
  ) {
    this.engine = engine;
    this.at = [...at];
    this.length = length;
    this.block = inner > 1 ? inner : length;
    this.ints = ints;
  }

  /** log2 of half a block. */
  get half(): number {
    return 30 - Math.clz32(this.block);
  }

  async bind(challenge: bigint): Promise<void> {
    const { engine, ints } = this;
    const count = this.length / 2;
    const inPlace = this.block === this.length;
    const tables = this.at.map((_, t) => t).filter((t) => t !== ints?.table);
    const from = tables.map((t) => this.at[t] as number);
    const to = inPlace ? from : from.map(() => engine.vector(count));
    const job = cut(count, 16 * tables.length);
    const pad = (a: readonly number[]): number[] => [...a, 0, 0, 0, 0].slice(0, 4);
    await engine.run('bind', job, [this.half, count, job.chunk, tables.length, ...pad(from), ...pad(to)], factorTable(challenge));
    if (!inPlace) engine.release(...from);
    tables.forEach((t, k) => (this.at[t] = to[k] as number));
    if (ints !== null) {
      const bound = engine.vector(count);
      const small = cut(count, 14);
      const factors = [RADIX_X, (challenge * RADIX_X) % R];
      await engine.run('bindInts', small, [this.half, count, small.chunk, ints.at, bound], factors);
      engine.release(ints.at);
      this.at[ints.table] = bound;
      this.ints = null;
    }
    this.length = count;
    this.block /= 2;
    if (this.block === 1) this.block = count;
  }

  /** The tables' cells, the k-th ones of all tables after the (k − 1)-th ones. Frees the tables. */
  finish(): bigint[] {
    const values = Array.from({ length: this.length }, (_, k) => this.at.map((at) => this.engine.element(at + 32 * k))).flat();
    this.engine.release(...this.at);
    return values;
  }
}

/**
 * Takes over the tables. With `ints`, the first round's cells of that table are integers below 2^48 at this address. `finish` returns `finals`
 * values: without the rounds of the outer variables, all cells that are left.
 */
export function productRounds(
  engine: Engine,
  at: readonly number[],
  length: number,
  inner: number,
  coef: bigint,
  ints: { readonly table: number; readonly at: number } | null = null,
  finals = at.length,
): SumcheckRounds {
  const tables = new Tables(engine, at, length, inner, ints);
  const n = at.length;
  /** The sum of the tables' product so far: s(0) + s(1), known from the second round on. */
  let claim: bigint | null = null;
  let round: readonly bigint[] = [];
  return {
    async round(challenge) {
      if (challenge !== null) {
        claim = mod(horner(round, challenge));
        await tables.bind(challenge);
      }
      const pairs = tables.length / 2;
      const job = cut(pairs, n === 2 ? 30 : 55 * n);
      const chunks = chunksOf(job);
      const sums = engine.memory.alloc(chunks * (n + 1) * SUM_BYTES);
      const integers = tables.ints;
      if (integers !== null) {
        const other = tables.at[1 - integers.table] as number;
        await engine.run('productRoundInts', job, [tables.half, pairs, job.chunk, integers.at, other, 0, 0, 0, sums]);
      } else {
        const padded = [...tables.at, 0, 0].slice(0, 4);
        await engine.run('productRound', job, [tables.half, pairs, job.chunk, n, ...padded, sums, claim === null ? 0 : 1]);
      }
      const stride = (n + 1) * SUM_BYTES;
      const lanes = pairs === 1 ? 1 : 2;
      const sum = (k: number): bigint => engine.sum(sums + k * SUM_BYTES, chunks, stride, lanes, integers !== null);
      const values = Array.from({ length: n + 1 }, (_, k) => (k === 1 && claim !== null ? 0n : sum(k)));
      if (claim !== null) values[1] = claim - (values[0] as bigint);
      engine.release(sums);
      round = coefficients(values).map(mod);
      const scaled = round.map((x) => mod(x * coef));
      return Array.from({ length: n + 1 }, (_, t) => mod(horner(scaled, BigInt(t))));
    },
    async finish(challenge) {
      await tables.bind(challenge);
      return tables.finish().slice(0, finals);
    },
  };
}
