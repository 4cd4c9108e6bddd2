/** Sumcheck of a product of two to four tables. */
import { R, mod, inverse } from '../../../verifier/field.ts';
import type { SumcheckRounds } from '../types.ts';
import { SUM_BYTES, chunksOf, cut, type Engine } from './engine.ts';
import { toMontgomery } from './memory.ts';

const HALF = inverse(2n);
const SIXTH = inverse(6n);

/** Σ c_k t^k. */
const horner = (c: readonly bigint[], t: bigint): bigint => c.reduceRight((sum, x) => (sum * t + x) % R, 0n);

/** Coefficients of a polynomial of degree 2 from its values at 0, 1, ∞; 3: at 0, 1, −1, ∞; 4: at 0, 1, −1, 2, ∞. */
function coefficients(v: readonly bigint[]): bigint[] {
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

  constructor(engine: Engine, at: readonly number[], length: number, inner: number) {
    this.engine = engine;
    this.at = [...at];
    this.length = length;
    this.block = inner > 1 ? inner : length;
  }

  /** log2 of half a block. */
  get half(): number {
    return 30 - Math.clz32(this.block);
  }

  async bind(challenge: bigint): Promise<void> {
    const { engine } = this;
    const count = this.length / 2;
    const inPlace = this.block === this.length;
    const to = inPlace ? this.at : this.at.map(() => engine.vector(count));
    const job = cut(count, 32 * this.at.length);
    const pad = (a: readonly number[]): number[] => [...a, 0, 0, 0, 0].slice(0, 4);
    await engine.run('bind', job, [this.half, count, job.chunk, this.at.length, ...pad(this.at), ...pad(to)], [toMontgomery(challenge)]);
    if (!inPlace) engine.release(...this.at);
    this.at = to;
    this.length = count;
    this.block /= 2;
    if (this.block === 1) this.block = count;
  }

  /** The tables' single cells. Frees the tables. */
  finish(): bigint[] {
    const values = this.at.map((at) => this.engine.element(at));
    this.engine.release(...this.at);
    return values;
  }
}

/** Takes over the tables. */
export function productRounds(engine: Engine, at: readonly number[], length: number, inner: number, coef: bigint): SumcheckRounds {
  const tables = new Tables(engine, at, length, inner);
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
      const padded = [...tables.at, 0, 0].slice(0, 4);
      await engine.run('productRound', job, [tables.half, pairs, job.chunk, n, ...padded, sums, claim === null ? 0 : 1]);
      const stride = (n + 1) * SUM_BYTES;
      const sum = (k: number): bigint => engine.sum(sums + k * SUM_BYTES, chunks, stride, pairs === 1 ? 1 : 2);
      const values = Array.from({ length: n + 1 }, (_, k) => (k === 1 && claim !== null ? 0n : sum(k)));
      if (claim !== null) values[1] = claim - (values[0] as bigint);
      engine.release(sums);
      round = coefficients(values).map(mod);
      const scaled = round.map((x) => mod(x * coef));
      return Array.from({ length: n + 1 }, (_, t) => mod(horner(scaled, BigInt(t))));
    },
    async finish(challenge) {
      await tables.bind(challenge);
      return tables.finish();
    },
  };
}
