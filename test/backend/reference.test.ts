import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createReferenceBackend } from '../../prover/backend/reference.ts';
import type { ContractDim, LeafBlock, SumcheckRounds } from '../../prover/backend/types.ts';
import { add, multiply, same, type Affine } from '../../verifier/curve.ts';
import { R, mod } from '../../verifier/field.ts';
import { H, generators } from '../../verifier/generators.ts';
import { Random } from './random.ts';

const backend = createReferenceBackend();

/** eq(point, bits of index), the most significant bit first. */
const eq = (point: readonly bigint[], index: number): bigint =>
  point.reduce((z, p, i) => mod(z * ((index >> (point.length - 1 - i)) & 1 ? p : 1n - p)), 1n);

/** Multilinear extension of a table, by its definition. */
const mle = (table: readonly bigint[], point: readonly bigint[]): bigint => mod(table.reduce((z, v, i) => z + v * eq(point, i), 0n));

/** The polynomial with values ys at 0, 1, 2, … at x. */
function lagrange(ys: readonly bigint[], x: bigint): bigint {
  const inverse = (v: bigint): bigint => {
    let z = 1n;
    for (let e = R - 2n, b = mod(v); e > 0n; e >>= 1n, b = mod(b * b)) if (e & 1n) z = mod(z * b);
    return z;
  };
  return mod(
    ys.reduce((sum, y, i) => sum + ys.reduce((t, _, j) => (j === i ? t : mod(t * (x - BigInt(j)) * inverse(BigInt(i - j)))), y), 0n),
  );
}

/** Runs a sumcheck as a verifier would; returns the challenges, the end value and what `finish` returned. */
async function verify(rounds: SumcheckRounds, claim: bigint, variables: number, degree: number, random: Random) {
  const challenges: bigint[] = [];
  let expected = claim;
  for (let i = 0; i < variables; i++) {
    const s = await rounds.round(i === 0 ? null : (challenges[i - 1] as bigint));
    assert.equal(s.length, degree + 1);
    assert.equal(mod((s[0] as bigint) + (s[1] as bigint)), expected, `round ${i}: s(0) + s(1) is the claim`);
    const challenge = random.field();
    challenges.push(challenge);
    expected = lagrange(s, challenge);
  }
  return { challenges, end: expected, values: await rounds.finish(challenges[variables - 1] as bigint) };
}

describe('reference backend: commitments', () => {
  it('commits rows of signed integers over G_0 … and blinds over H', async () => {
    const random = new Random(1);
    const cells = random.integers(12, 40);
    const blinds = random.fields(3);
    const rows = await backend.commitRows(cells, 4, blinds);
    assert.equal(rows.length, 3);
    rows.forEach((row, i) => {
      let expected: Affine | null = multiply(H, blinds[i] as bigint);
      generators(4).forEach((g, j) => (expected = add(expected, multiply(g, mod(BigInt(cells[4 * i + j] as number))))));
      assert.ok(same(row, expected));
    });
  });

  it('commits full-width scalars and multiplies points', async () => {
    const random = new Random(2);
    const values = random.fields(5);
    const blind = random.field();
    const direct = [...generators(5), H].map((g, i) => multiply(g, [...values, blind][i] as bigint)).reduce(add, null);
    assert.ok(same(await backend.commit(values, blind), direct));
    assert.ok(same(await backend.msm([...values, blind, 3n], [...generators(5), H, null]), direct));
    assert.equal(await backend.msm([1n, R - 1n], [H, H]), null);
  });

  it('refuses infinity, non-canonical scalars and inexact cells', async () => {
    await assert.rejects(backend.commitRows(new Float64Array(4), 4, [0n]), /infinity/);
    await assert.rejects(backend.commit([R], 1n), /canonical/);
    await assert.rejects(backend.commitRows(Float64Array.of(0.5, 0), 2, [1n]), /exact integer/);
    await assert.rejects(backend.commitRows(new Float64Array(3), 2, [1n]), /3 cells/);
  });
});

describe('reference backend: vectors', () => {
  it('tabulates eq, most significant bit first', async () => {
    const point = new Random(3).fields(4);
    const table = await backend.toField(await backend.eqTable(point, 7n));
    table.forEach((v, i) => assert.equal(v, mod(7n * eq(point, i))));
    assert.deepEqual(await backend.toField(await backend.eqTable([], 5n)), [5n]);
  });

  it('contracts summed dimensions and moves kept ones', async () => {
    const random = new Random(4);
    // T[a][i][j] with a: 2 bits, i: 2 bits, j: 3 bits, at offset 5 of its polynomial.
    const block = { cells: random.integers(5 + 128, 45), offset: 5 };
    const weights = random.fields(3);
    const dims: ContractDim[] = [
      { bits: 2, kind: 'sum', weights },
      { bits: 2, kind: 'keep', size: 3, shift: 1, limit: 3, stride: 8 },
      { bits: 3, kind: 'keep', size: 7, shift: -2, limit: 8, stride: 1 },
    ];
    const out = backend.fromField(new Array(32).fill(1n));
    await backend.contract(block, dims, 9n, out);
    const expected: bigint[] = new Array(32).fill(1n);
    for (let a = 0; a < 3; a++)
      for (let i = 0; i < 2; i++)
        for (let j = 2; j < 7; j++) {
          const at = (i + 1) * 8 + j - 2;
          const cell = BigInt(block.cells[5 + a * 32 + i * 8 + j] as number);
          expected[at] = mod((expected[at] as bigint) + 9n * (weights[a] as bigint) * cell);
        }
    assert.deepEqual(await backend.toField(out), expected);
  });

  it('reads 0 above the diagonal of a causal block', async () => {
    const random = new Random(5);
    const block = { cells: random.integers(64, 30), offset: 0, causal: [0, 2] as const };
    const weights = random.fields(4);
    const dims: ContractDim[] = [
      { bits: 2, kind: 'keep', size: 4, shift: 0, limit: 4, stride: 4 },
      { bits: 2, kind: 'keep', size: 4, shift: 0, limit: 4, stride: 1 },
      { bits: 2, kind: 'sum', weights },
    ];
    const out = backend.zeros(16);
    await backend.contract(block, dims, 1n, out);
    const expected = Array.from({ length: 16 }, (_, at) => {
      const i = at >> 2;
      let sum = 0n;
      for (let j = 0; j <= i; j++) sum += (weights[j] as bigint) * BigInt(block.cells[at * 4 + j] as number);
      return mod(sum);
    });
    assert.deepEqual(await backend.toField(out), expected);
  });

  it('contracting over eq gives the multilinear extension', async () => {
    const random = new Random(6);
    const cells = random.integers(32, 20);
    const [high, low] = [random.fields(2), random.fields(3)];
    const table = async (p: bigint[]) => backend.toField(await backend.eqTable(p, 1n));
    const out = backend.zeros(1);
    const dims: ContractDim[] = [
      { bits: 2, kind: 'sum', weights: await table(high) },
      { bits: 3, kind: 'sum', weights: await table(low) },
    ];
    await backend.contract({ cells, offset: 0 }, dims, 1n, out);
    const field = await backend.toField(await backend.fromInts(cells));
    assert.deepEqual(await backend.toField(out), [mle(field, [...high, ...low])]);
  });

  it('accumulates outer products, missing weights are 0, causal cells are skipped', async () => {
    const out = backend.fromField(new Array(20).fill(2n));
    await backend.accumulateOuter(out, 4, [[2n, 3n, 5n], [7n], [1n, 1n, 1n, 1n]], [2, 0, 2], 10n, [0, 2]);
    const expected = new Array(20).fill(2n);
    [2n, 3n, 5n].forEach((w, i) => {
      for (let j = 0; j <= i; j++) expected[4 + 4 * i + j] = 2n + 70n * w;
    });
    assert.deepEqual(await backend.toField(out), expected);
  });

  it('refuses freed and consumed vectors', async () => {
    const v = backend.zeros(2);
    backend.free(v);
    await assert.rejects(backend.toField(v), /freed/);
    const pair = [backend.zeros(2), backend.zeros(2)] as const;
    await backend.productSum([pair]);
    await assert.rejects(backend.toField(pair[0]), /consumed/);
  });
});

describe('reference backend: product sumchecks', () => {
  for (const count of [1, 2, 3])
    it(`${count} factors: every round sums to the claim, the final values are the tables' extensions`, async () => {
      const random = new Random(10 + count);
      const tables = Array.from({ length: count }, () => random.fields(16));
      const coef = random.field();
      const claim = mod(coef * tables[0]!.reduce((z, _, i) => z + tables.reduce((t, table) => mod(t * table[i]!), 1n), 0n));
      const factors = tables.map((t) => ({ table: backend.fromField(t), on: [true, true, true, true] }));
      const rounds = await backend.formProduct(factors, [], coef);
      const { challenges, end, values } = await verify(rounds, claim, 4, count, random);
      assert.deepEqual(
        values,
        tables.map((t) => mle(t, challenges)),
      );
      assert.equal(end, mod(values.reduce((z, v) => mod(z * v), coef)));
    });

  for (const count of [1, 3])
    it(`${count} pairs: every round sums to the claim, the final values are the tables' extensions`, async () => {
      const random = new Random(20 + count);
      const pairs = Array.from({ length: count }, () => [random.fields(32), random.fields(32)] as const);
      const claim = mod(pairs.reduce((z, [u, v]) => z + u.reduce((s, x, i) => s + x * v[i]!, 0n), 0n));
      const rounds = await backend.productSum(pairs.map(([u, v]) => [backend.fromField(u), backend.fromField(v)] as const));
      const { challenges, end, values } = await verify(rounds, claim, 5, 2, random);
      assert.deepEqual(
        values,
        pairs.flat().map((t) => mle(t, challenges)),
      );
      assert.equal(end, mod(pairs.reduce((z, _, k) => z + values[2 * k]! * values[2 * k + 1]!, 0n)));
    });
});

describe('reference backend: fraction tree', () => {
  const random = new Random(30);
  const [alpha, beta] = [random.field(), random.field()] as [bigint, bigint];
  const blocks: LeafBlock[] = [
    {
      offset: 0,
      domain: { sizes: [2, 2], causal: [0, 1] },
      numerators: 'ones',
      values: [Int16Array.of(3, -9, 5, 3), Float64Array.of(1, 4, 2, 3)],
      id: 64,
    },
    { offset: 4, domain: { sizes: [2] }, numerators: Float64Array.of(2, 7), values: [Uint16Array.of(0, 1)], id: 1 },
    {
      offset: 8,
      domain: { sizes: [2, 3] },
      numerators: Float64Array.of(5, 1, 0, 4, 3, 2),
      values: [Float64Array.of(2, 3, 0, 1, 1, 9), Float64Array.of(4, 5, 0, 1, 2, 9), Float64Array.of(-6, 7, 0, 1, 3, -9)],
      id: 65,
    },
  ];
  const q = (id: bigint, ...v: bigint[]): bigint => mod(alpha - v.reduce((z, x, i) => z + beta ** BigInt(i + 1) * x, id));
  const leaves: [bigint, bigint][] = [
    [1n, q(64n, 3n, 1n)],
    [0n, q(0n, -9n, 4n)],
    [1n, q(64n, 5n, 2n)],
    [1n, q(64n, 3n, 3n)],
    [R - 2n, q(1n, 0n)],
    [R - 7n, q(1n, 1n)],
    [0n, 1n],
    [0n, 1n],
    [R - 5n, q(65n, 2n, 4n, -6n)],
    [R - 1n, q(65n, 3n, 5n, 7n)],
    [0n, q(65n, 0n, 0n, 0n)],
    [0n, alpha],
    [R - 4n, q(65n, 1n, 1n, 1n)],
    [R - 3n, q(65n, 1n, 2n, 3n)],
    [R - 2n, q(65n, 9n, 9n, -9n)],
    [0n, alpha],
  ];
  const up = (layer: [bigint, bigint][]): [bigint, bigint][] =>
    Array.from({ length: layer.length / 2 }, (_, i) => {
      const [[a, b], [c, d]] = [layer[2 * i]!, layer[2 * i + 1]!];
      return [mod(a * d + b * c), mod(b * d)];
    });
  const layers: [bigint, bigint][][] = [[], up(up(up(leaves))), up(up(leaves)), up(leaves), leaves];

  it('adds fractions up to layer 1', async () => {
    const tree = await backend.fractionTree(4, blocks, alpha, beta);
    const [a, b] = layers[1] as [bigint, bigint][];
    assert.deepEqual(await tree.root(), [a![0], b![0], a![1], b![1]]);
  });

  it('reduces layer by layer to the leaves', async () => {
    const tree = await backend.fractionTree(4, blocks, alpha, beta);
    const p = (l: number): bigint[] => layers[l]!.map((x) => x[0]);
    const d = (l: number): bigint[] => layers[l]!.map((x) => x[1]);
    let point = [random.field()];
    for (let l = 1; l < 4; l++) {
      const lambda = random.field();
      const claim = mod(mle(p(l), point) + lambda * mle(d(l), point));
      const { challenges, end, values } = await verify(await tree.layer(l, point, lambda), claim, l, 3, random);
      const [p0, p1, q0, q1] = values as [bigint, bigint, bigint, bigint];
      const weight = point.reduce((z, x, i) => mod(z * (1n - x - challenges[i]! + 2n * x * challenges[i]!)), 1n);
      assert.equal(end, mod(weight * (p0 * q1 + p1 * q0 + lambda * q0 * q1)));
      const mu = random.field();
      point = [...challenges, mu];
      assert.equal(mod(p0 + mu * (p1 - p0)), mle(p(l + 1), point));
      assert.equal(mod(q0 + mu * (q1 - q0)), mle(d(l + 1), point));
    }
    tree.free();
    await assert.rejects(tree.root(), /not there/);
  });

  it('refuses blocks past the end and layers out of range', async () => {
    await assert.rejects(backend.fractionTree(3, blocks, alpha, beta), /past leaf 8/);
    const tree = await backend.fractionTree(4, blocks, alpha, beta);
    await assert.rejects(tree.layer(4, [1n, 1n, 1n, 1n], 1n), /layer 4/);
  });
});
