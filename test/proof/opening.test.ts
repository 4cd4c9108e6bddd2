/** OPENING from half-products gives the rounds of the sumcheck over whole tables: random kernels cut at every place. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { mod } from '../../verifier/field.ts';
import { weightedSum } from '../../verifier/evaluate.ts';
import { selectBackend } from '../../prover/backend/index.ts';
import { createReferenceBackend, eqValues } from '../../prover/backend/reference.ts';
import type { Backend } from '../../prover/backend/types.ts';
import { OpeningRounds, type KernelTerm } from '../../prover/prove/opening.ts';
import { addRows, evaluate } from '../../prover/prove/rows.ts';
import { Random } from '../backend/random.ts';

/** K over all cells, as the terms say. */
function expanded(cells: number, terms: readonly KernelTerm[]): bigint[] {
  const out = new Array<bigint>(cells).fill(0n);
  for (const { offset, dims, scale, causal } of terms) {
    const bits = dims.reduce((n, d) => n + d.bits, 0);
    for (let at = 0; at < 2 ** bits; at++) {
      let rest = bits;
      const y = dims.map((d) => (at >> (rest -= d.bits)) & (2 ** d.bits - 1));
      if (causal && y[causal[1]] > y[causal[0]]) continue;
      out[offset + at] = mod(out[offset + at] + dims.reduce((z, d, k) => mod(z * (d.weights[y[k]] ?? 0n)), scale));
    }
  }
  return out;
}

/** Weights of a dim of `bits` bits: an eq table restricted to a size and shifted, one cell, ones, indices, or anything. */
function weights(bits: number, random: Random): bigint[] {
  const size = 1 + random.below(2 ** bits);
  const kind = random.below(6);
  if (kind === 0) return random.fields(size);
  if (kind === 1) return Array.from({ length: size }, (_, y) => (y === size - 1 ? 1n : 0n));
  if (kind === 2) return Array.from({ length: size }, (_, y) => (size % 2 ? 1n : BigInt(y)));
  const shift = random.below(5) - 2;
  const table = eqValues(random.fields(bits), 1n);
  return Array.from({ length: size }, (_, y) => table[y - shift] ?? 0n);
}

function randomTerm(total: number, random: Random): KernelTerm {
  const bits: number[] = [];
  let left = random.below(total + 1);
  const block = left;
  // A pair of equal dims somewhere, for causality.
  const pair = random.below(2) ? random.below(Math.floor(left / 2) + 1) : 0;
  left -= 2 * pair;
  while (left > 0) {
    bits.push(1 + random.below(left));
    left -= bits.at(-1) as number;
  }
  if (random.below(4) === 0) bits.splice(random.below(bits.length + 1), 0, 0);
  const [first, second] = [random.below(bits.length + 1), random.below(bits.length + 2)].sort((a, b) => a - b) as [number, number];
  if (pair > 0) {
    bits.splice(first, 0, pair);
    bits.splice(second === first ? second + 1 : second, 0, pair);
  }
  const at = [first, second === first ? second + 1 : second] as const;
  const causal = random.below(2) ? at : ([at[1], at[0]] as const);
  return {
    offset: 2 ** block * random.below(2 ** (total - block)),
    dims: bits.map((b) => ({ bits: b, weights: weights(b, random) })),
    scale: random.field(),
    ...(pair > 0 && random.below(4) > 0 ? { causal } : {}),
  };
}

/** The matrix of 2^columns columns, row-major, by columns: their variables come first. */
const columnsFirst = (cells: readonly bigint[], columns: number): bigint[] => {
  const rows = cells.length / 2 ** columns;
  return cells.map((_, i) => cells[(i % rows) * 2 ** columns + Math.floor(i / rows)]);
};

for (const name of ['reference', 'wasm'] as const)
  describe(`OPENING, ${name} backend`, () => {
    const reference = createReferenceBackend();
    let backend: Backend;
    before(async () => {
      backend = await selectBackend(name, { workers: 1 });
    });
    after(() => backend.close());

    test('the rounds and final values of the product sumcheck over whole tables', async () => {
      const random = new Random(77);
      for (let k = 0; k < 150; k++) {
        const bits = 1 + random.below(8);
        const columns = 1 + random.below(bits);
        const cells = [Float64Array, Int16Array, Int8Array][k % 3].from(random.integers(2 ** bits, 7));
        const rows = Array.from({ length: 2 ** (bits - columns) }, (_, row) => row).filter(() => k % 2 === 0 || random.below(2) === 0);
        for (let row = 0; row < 2 ** (bits - columns); row++)
          if (!rows.includes(row)) cells.fill(0, row * 2 ** columns, (row + 1) * 2 ** columns);
        const terms = Array.from({ length: random.below(7) }, () => randomTerm(bits, random));
        // A tensor is read at several points, and several tensors at one.
        for (const t of terms.slice(0, random.below(3))) terms.push({ ...t, scale: random.field() });
        const what = `case ${k}: 2^${bits} cells, 2^${columns} columns`;
        const tables = [Array.from(cells, (v) => mod(BigInt(v))), expanded(2 ** bits, terms)];
        const [p, kernel] = tables.map((t) => reference.fromField(columnsFirst(t, columns)));
        const expected = await reference.productSum([[p, kernel]]);
        const actual = await OpeningRounds.start(backend, { cells, columns, rows }, terms);
        let challenge: bigint | null = null;
        for (let i = 0; i < bits; i++) {
          assert.deepEqual(await actual.round(challenge), await expected.round(challenge), `${what}: round ${i}`);
          challenge = random.field();
        }
        assert.deepEqual(await actual.finish(challenge as bigint), await expected.finish(challenge as bigint), `${what}: end`);
      }
    });

    test('the value of a polynomial is that of the verifier', async () => {
      const random = new Random(78);
      for (const bits of [1, 2, 7, 11]) {
        const cells = Int32Array.from(random.integers(2 ** bits, 31));
        const point = random.fields(bits);
        const [columns, first] = [Math.ceil(bits / 2), random.below(2)];
        const rows = Array.from({ length: 2 ** (bits - columns) - first }, (_, row) => first + row);
        cells.fill(0, 0, first * 2 ** columns);
        assert.equal(await evaluate(backend, { cells, columns, rows }, point), weightedSum(cells, [eqValues(point, 1n)]));
      }
    });

    test('rows far apart are passed over apart, up to the last', async () => {
      const random = new Random(79);
      const columns = 5;
      const rows = [1, 2, 4, 40_000, 65_533, 65_534, 65_535];
      const cells = new Int16Array(2 ** 21);
      for (const row of rows) cells.set(random.integers(32, 15), row * 32);
      const matrix = { cells, columns, rows };
      const point = random.fields(21);
      const [high, low] = [eqValues(point.slice(0, 16), 1n), eqValues(point.slice(16), 1n)];
      const value = (row: number): bigint => mod(low.reduce((z, w, k) => z + w * BigInt(cells[row * 32 + k]), 0n));
      const want = mod(rows.reduce((z, row) => z + high[row] * value(row), 0n));
      assert.equal(await evaluate(backend, matrix, point), want);
      const out = backend.zeros(32);
      await addRows(backend, matrix, high, 3n, out);
      assert.equal(mod((await backend.toField(out)).reduce((z, v, k) => z + v * low[k], 0n)), mod(3n * want));
    });
  });
