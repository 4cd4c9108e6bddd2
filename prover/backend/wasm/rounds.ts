/** Sumcheck of a sum of products of pairs of tables. */
import { mod } from '../../../verifier/field.ts';
import type { SumcheckRounds } from '../types.ts';
import { coefficients, horner } from '../univariate.ts';
import { SUM_BYTES, chunksOf, cut, type Engine } from './engine.ts';
import { factorTable } from './memory.ts';

/**
 * Sumcheck of Σ over all cells of the first table's times the second's. The tables are blocks of `block` cells, whose first half pairs with the
 * second; takes them over. `finish` returns the first `finals` of the two tables' cells that are left, one a block, by block.
 */
export function productRounds(
  engine: Engine,
  tables: readonly [number, number],
  length: number,
  block: number,
  finals: number,
): SumcheckRounds {
  const blocks = length / block;
  let at: readonly number[] = tables;
  let half = block / 2;
  /** The sum so far: s(0) + s(1), known from the second round on. */
  let claim: bigint | null = null;
  let round: readonly bigint[] = [];
  const bind = async (challenge: bigint): Promise<void> => {
    const count = blocks * half;
    const to = blocks === 1 ? at : at.map(() => engine.vector(count));
    const job = cut(count, 32);
    await engine.run('bind', job, [Math.log2(half), count, job.chunk, 2, ...at, 0, 0, ...to], factorTable(challenge));
    if (blocks > 1) engine.release(...at);
    at = to;
    half /= 2;
  };
  return {
    async round(challenge) {
      if (challenge !== null) {
        claim = mod(horner(round, challenge));
        await bind(challenge);
      }
      const pairs = blocks * half;
      const job = cut(pairs, 30);
      const chunks = chunksOf(job);
      const sums = engine.memory.alloc(chunks * 3 * SUM_BYTES);
      await engine.run('productRound', job, [Math.log2(half), pairs, job.chunk, ...at, sums, claim === null ? 0 : 1]);
      const lanes = pairs === 1 ? 1 : 2;
      const sum = (k: number): bigint => engine.sum(sums + k * SUM_BYTES, chunks, 3 * SUM_BYTES, lanes);
      const s0 = sum(0);
      round = coefficients([s0, claim === null ? sum(1) : claim - s0, sum(2)]).map(mod);
      engine.release(sums);
      return [0n, 1n, 2n].map((t) => mod(horner(round, t)));
    },
    async finish(challenge) {
      await bind(challenge);
      const values = Array.from({ length: blocks }, (_, k) => at.map((table) => engine.element(table + 32 * k))).flat();
      engine.release(...at);
      return values.slice(0, finals);
    },
  };
}
