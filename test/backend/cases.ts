/** Random cases of the backends' operations, the same for every backend, and how two sumchecks are compared. */
import assert from 'node:assert/strict';
import type { Backend, Cells, ContractDim, FormFactor, IntBlock, SumcheckRounds } from '../../prover/backend/types.ts';
import type { Random } from './random.ts';

const sum = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0);

/** Runs both sumchecks with the same challenges, which it returns, and compares every round and the end. */
export async function sameRounds(
  expected: SumcheckRounds,
  actual: SumcheckRounds,
  variables: number,
  random: Random,
  what: string,
): Promise<bigint[]> {
  const challenges: bigint[] = [];
  let challenge: bigint | null = null;
  for (let i = 0; i < variables; i++) {
    assert.deepEqual(await actual.round(challenge), await expected.round(challenge), `${what}: round ${i}`);
    challenge = random.field();
    challenges.push(challenge);
  }
  assert.deepEqual(await actual.finish(challenge as bigint), await expected.finish(challenge as bigint), `${what}: end`);
  return challenges;
}

/** Integers in an array of any width. */
export function randomCells(n: number, random: Random): Cells {
  const kind = random.below(5);
  if (kind === 0) return Int8Array.from(random.integers(n, 7));
  if (kind === 1) return Int16Array.from(random.integers(n, 15));
  if (kind === 2) return Int32Array.from(random.integers(n, 31));
  return random.integers(n, kind === 3 ? 52 : 16);
}

/** Bits of some dimensions, and now and then two equal ones as a causal pair. */
function dimensions(random: Random, most: number, more: readonly number[]) {
  const bits = [...Array.from({ length: 1 + random.below(4) }, () => random.below(most)), ...more];
  const equal = bits.flatMap((b, i) => bits.flatMap((c, j) => (b === c && i !== j ? [[i, j] as const] : [])));
  const causal = equal.length > 0 && random.below(2) ? equal[random.below(equal.length)] : undefined;
  return { bits, causal };
}

const json = (x: unknown): string => JSON.stringify(x, (_, v: unknown) => (typeof v === 'bigint' ? `${v}` : v));

/** An outer product that is added to a vector with content: missing weights, causal pairs, offsets. */
export function outerCase(k: number, random: Random) {
  const { bits, causal } = dimensions(random, 4, k % 10 === 0 ? [6] : []);
  const dims = bits.map((n) => random.fields(random.below(2 ** n + 1)));
  const offset = random.below(30);
  const start = random.fields(offset + 2 ** sum(bits) + random.below(5));
  const scale = random.field();
  return {
    what: `case ${k}: bits ${bits.join(' ')}, causal ${causal?.join(' ')}`,
    run: async (b: Backend): Promise<bigint[]> => {
      const out = b.fromField(start);
      await b.accumulateOuter(out, offset, dims, bits, scale, causal);
      const values = await b.toField(out);
      b.free(out);
      return values;
    },
  };
}

/** A partial evaluation, twice into a vector with content: sums, moved dimensions, causal blocks, missing weights. */
export function contractCase(k: number, random: Random) {
  const { bits, causal } = dimensions(random, 5, k % 10 === 0 ? [7] : []);
  const offset = random.below(20);
  const block: IntBlock = { cells: randomCells(offset + 2 ** sum(bits) + 3, random), offset, ...(causal ? { causal } : {}) };
  let stride = 1;
  const dims = bits.map((n): ContractDim => {
    const size = 2 ** n;
    if (random.below(2)) return { bits: n, kind: 'sum', weights: random.fields(random.below(size + 1)) };
    const limit = 1 + random.below(size + 2);
    const dim: ContractDim = { bits: n, kind: 'keep', size: 1 + random.below(size), shift: random.below(5) - 2, limit, stride };
    stride *= random.below(3) === 0 ? limit + 1 : limit;
    return dim;
  });
  const start = random.fields(stride);
  const scale = random.field();
  return {
    what: `case ${k}: ${json({ dims, causal, cell: block.cells.BYTES_PER_ELEMENT })}`,
    bits: sum(bits),
    run: async (b: Backend): Promise<bigint[]> => {
      const out = b.fromField(start);
      await b.contract(block, dims, scale, out);
      await b.contract(block, dims, 1n, out);
      const values = await b.toField(out);
      b.free(out);
      return values;
    },
  };
}

/** A product whose factors depend on some of the variables: field elements and integers, coordinates and tables of zeros among them. */
export function formCase(k: number, random: Random) {
  const variables = k % 15 === 0 ? 11 + random.below(2) : 1 + random.below(7);
  const batch = random.below(3) === 0 ? 0 : random.below(variables + 1);
  const point = random.fields(batch);
  if (k % 7 === 0) point.fill(0n);
  if (k % 7 === 1) point.fill(1n);
  const factors = Array.from({ length: 1 + random.below(3) }, () => {
    const on = Array.from({ length: variables }, () => random.below(4) > 0);
    const length = 2 ** on.filter((x) => x).length;
    const bits = [6, 16, 24, 50, 0][random.below(5)] as number;
    return { on, ints: bits === 0 ? null : random.integers(length, bits), cells: random.fields(length) };
  });
  for (const f of k % 9 === 0 ? factors.slice(0, 1 + (k % 2) * 2) : []) {
    f.ints?.fill(0);
    f.cells.fill(0n);
  }
  const coef = random.field();
  const shapes = factors.map((f) => f.on.map(Number).join('') + (f.ints ? ' integers' : ''));
  return {
    what: `case ${k}: ${variables} variables, ${batch} with eq, ${shapes.join(', ')}`,
    variables,
    start: async (b: Backend): Promise<SumcheckRounds> => {
      const own: FormFactor[] = [];
      for (const { on, ints, cells } of factors) own.push({ on, table: ints ? await b.fromInts(ints) : b.fromField(cells) });
      return b.formProduct(own, point, coef);
    },
  };
}
