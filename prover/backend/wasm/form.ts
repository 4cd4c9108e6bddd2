/** Sumcheck of a product whose factors depend on some of the variables each: none is widened, and eq is but a table of the coordinates to come. */
import { R, mod } from '../../../verifier/field.ts';
import type { SumcheckRounds } from '../types.ts';
import { coefficients, horner } from '../univariate.ts';
import { modInverse } from './constants.ts';
import { combinations } from '../axes.ts';
import { eqTable } from './contract.ts';
import { SUM_BYTES, chunksOf, cut, type Engine } from './engine.ts';
import { RADIX_X, factorTable } from './memory.ts';

/** Bounds of products of integers in a round, of values between −1 and 1 times 3. */
export const SMALL_PRODUCT = 2 ** 50;
export const REACH = 3;
/** Pairs of a round below which its value at 1 is summed. */
const FEW = 256;
/** Fewest and most variables of a block that shares one value of eq. */
const BLOCK = [3, 8] as const;

/** A factor: cells at an address, whether they are integers, and on which variables it depends. */
export interface FormTable {
  at: number;
  length: number;
  ints: boolean;
  readonly on: readonly boolean[];
}

interface Active extends FormTable {
  /** Offset tables of pairs: cell = high[pair >> low bits] + low[pair & mask]. */
  readonly high: number;
  readonly low: number;
}

const log2 = (n: number): number => 31 - Math.clz32(n);

/** Where the bits of a pair put a cell: weights of the variables after the first, most significant first, split at `lowBits`. */
function offsets(engine: Engine, on: readonly boolean[], lowBits: number): { high: number; low: number } {
  let stride = 1;
  const lists = [...on]
    .reverse()
    .map((own) => {
      if (!own) return [0, 0];
      stride *= 2;
      return [0, stride / 2];
    })
    .reverse()
    .slice(1);
  const split = lists.length - lowBits;
  return { high: engine.upload(combinations(lists.slice(0, split))), low: engine.upload(combinations(lists.slice(split))) };
}

/** Takes over the tables; one variable or more. `finish` returns eq(point, ·) at the challenges, if there is a point, then the factors' values. */
export async function formRounds(
  engine: Engine,
  tables: readonly FormTable[],
  variables: number,
  point: readonly bigint[],
  coef: bigint,
): Promise<SumcheckRounds> {
  const batch = point.length;
  const lowBits = Math.ceil((variables - 1) / 2);
  const all: Active[] = tables.map((t) => ({ ...t, ...offsets(engine, t.on, lowBits) }));
  const eqOffsets = offsets(
    engine,
    Array.from({ length: variables }, (_, v) => v > 0 && v < batch),
    lowBits,
  );
  const eq = engine.vector(batch === 0 ? 1 : 2 ** (batch - 1));
  if (batch > 1) await eqTable(engine, eq, point.slice(1), 1n);
  let active = all;
  /** What stands outside the sum: coef, eq of the bound variables, factors without variables. */
  let outside = coef;
  let eqBound = 1n;
  let variable = 0;
  /** The sum of the round at hand without `outside`, known from the second round on. */
  let claim: bigint | null = null;
  let round: readonly bigint[] = [];

  const value = (t: FormTable): bigint => (t.ints ? mod(BigInt(engine.memory.floats[t.at >>> 3] as number)) : engine.element(t.at));

  /** Takes factors without variables out of the sum. */
  const takeOut = (): void => {
    for (const t of active) {
      if (t.length > 1 || active.length === 1) continue;
      active = active.filter((x) => x !== t);
      const v = value(t);
      outside = mod(outside * v);
      if (claim !== null) claim = v === 0n ? null : mod(claim * modInverse(v, R));
    }
  };

  const bind = async (challenge: bigint): Promise<void> => {
    const r = point[variable];
    claim = mod(horner(round, challenge));
    if (r !== undefined) {
      const e = mod(1n - r + challenge * (2n * r - 1n));
      eqBound = mod(eqBound * e);
      outside = mod(outside * e);
    }
    const own = all.filter((t) => t.on[variable]);
    const bySize = new Map<number, FormTable[]>();
    for (const t of own) if (!t.ints) bySize.set(t.length, [...(bySize.get(t.length) ?? []), t]);
    for (const t of own.filter((x) => x.ints)) {
      const count = t.length / 2;
      const bound = engine.vector(count);
      const job = cut(count, 14);
      const factors = [RADIX_X, (challenge * RADIX_X) % R];
      await engine.run('bindInts', job, [log2(count), count, job.chunk, t.at, bound], factors);
      engine.release(t.at);
      t.at = bound;
      t.ints = false;
    }
    for (const [size, same] of bySize) {
      const count = size / 2;
      const job = cut(count, 16 * same.length);
      const at = [...same.map((t) => t.at), 0, 0, 0, 0].slice(0, 4);
      await engine.run('bind', job, [log2(count), count, job.chunk, same.length, ...at, ...at], factorTable(challenge));
    }
    for (const t of own) t.length /= 2;
    const half = 2 ** (batch - 2 - variable);
    if (half >= 1) {
      const job = cut(half, 8);
      await engine.run('foldHalves', job, [eq, half, job.chunk]);
    }
    variable++;
    takeOut();
  };

  takeOut();
  return {
    async round(challenge) {
      if (challenge !== null) await bind(challenge);
      const r = point[variable];
      const pairs = 2 ** (variables - 1 - variable);
      const own = active.filter((t) => t.on[variable]).length;
      // The value at 1 follows from the claim, but not where eq is 0 there; for few pairs, dividing by eq takes longer than the sum.
      const derived = claim !== null && (r === undefined || (r !== 0n && pairs >= FEW));
      const points = 1 | (own > 0 && !derived ? 2 : 0) | (own === 3 ? 4 : 0) | (own > 1 ? 8 : 0);
      const count = [1, 2, 4, 8].filter((p) => points & p).length;
      const withEq = variable < batch - 1;
      const job = cut(pairs, (20 * active.length + 25) * count);
      const ints = active.reduce((bits, t, k) => bits | (t.ints ? 1 << k : 0), 0);
      const block = withEq && ints === 0 ? Math.min(variables - batch, BLOCK[1], log2(job.chunk)) : 0;
      const chunks = chunksOf(job);
      const sums = engine.memory.alloc(chunks * count * SUM_BYTES);
      await engine.run('formRound', job, [
        pairs,
        job.chunk,
        active.length,
        lowBits,
        sums,
        points,
        ints,
        withEq ? eq : 0,
        eqOffsets.high,
        eqOffsets.low,
        block < BLOCK[0] ? 0 : block,
        ...active.flatMap((t) => [t.at, t.high, t.low, t.on[variable] ? 16 * t.length : 0]),
      ]);
      const values = Array.from({ length: count }, (_, k) =>
        mod(engine.sum(sums + k * SUM_BYTES, chunks, count * SUM_BYTES, pairs === 1 ? 1 : 2, ints !== 0)),
      );
      engine.release(sums);
      const s0 = values[0] as bigint;
      if (own === 0) round = [s0];
      else {
        if (derived) {
          const rest = claim as bigint;
          values.splice(1, 0, r === undefined ? mod(rest - s0) : mod((rest - (1n - r) * s0) * modInverse(r, R)));
        }
        round = own === 1 ? [s0, mod((values[1] as bigint) - s0)] : coefficients(values).map(mod);
      }
      return Array.from({ length: tables.length + (batch > 0 ? 2 : 1) }, (_, k) => {
        const t = BigInt(k);
        const line = r === undefined ? 1n : 1n - r + t * (2n * r - 1n);
        return mod(mod(outside * line) * horner(round, t));
      });
    },
    async finish(challenge) {
      await bind(challenge);
      const finals = all.map(value);
      engine.release(eq, eqOffsets.high, eqOffsets.low, ...all.flatMap((t) => [t.at, t.high, t.low]));
      return batch > 0 ? [eqBound, ...finals] : finals;
    },
  };
}
