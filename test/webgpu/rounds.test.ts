/**
 * eq tables, outer products and sumchecks of products on the device give the reference's values bit for bit: for every width of limbs, for arrays
 * in one buffer and over several, and all memory is given back.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createReferenceBackend } from '../../prover/backend/reference.ts';
import type { Backend, FieldVector } from '../../prover/backend/types.ts';
import type { WebGpuBackend } from '../../prover/backend/webgpu/index.ts';
import { R } from '../../verifier/field.ts';
import { formCase, outerCase, sameRounds } from '../backend/cases.ts';
import { Random } from '../backend/random.ts';
import { configurations, open, skip } from './support/backend.ts';

const sum = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0);

for (const { limbBits, bindingBytes } of configurations([
  { limbBits: 13, bindingBytes: undefined },
  { limbBits: 14, bindingBytes: 4096 },
  { limbBits: 15, bindingBytes: 16384 },
] as const))
  describe(`webgpu with limbs of ${limbBits} bits, bindings of ${bindingBytes ?? 'any'} bytes equals reference`, { skip }, () => {
    const reference = createReferenceBackend();
    let webgpu: WebGpuBackend;
    before(async () => {
      webgpu = await open({ limbBits, ...(bindingBytes ? { bindingBytes } : {}) });
    });
    after(() => webgpu.close());

    /** Runs an operation on both backends. */
    const both = async <T>(run: (b: Backend) => Promise<T>, what: string): Promise<void> => {
      const [expected, actual] = [await run(reference), await run(webgpu)];
      assert.deepEqual(actual, expected, what);
    };
    const values = async (b: Backend, v: FieldVector): Promise<bigint[]> => {
      const cells = await b.toField(v);
      b.free(v);
      return cells;
    };
    const nothingLeft = (): void => assert.equal(webgpu.device.memory.bytes.used, 0, 'bytes in use');

    it('eqTable', async () => {
      const random = new Random(500 + limbBits);
      for (let n = 0; n <= 9; n++) {
        const point = n === 3 ? [0n, 1n, R - 1n] : random.fields(n);
        for (const scale of [0n, 1n, random.field()]) await both(async (b) => values(b, await b.eqTable(point, scale)), `${n} variables`);
      }
      nothingLeft();
    });

    it('accumulateOuter: missing weights, causal pairs, offsets', async () => {
      const random = new Random(800 + limbBits);
      for (let k = 0; k < 60; k++) {
        const { run, what } = outerCase(k, random);
        await both(run, what);
      }
      nothingLeft();
    });

    it('accumulateOuter: lists longer than a buffer, a long list after another, with a causal pair', async () => {
      const random = new Random(850 + limbBits);
      const long = random.fields(2 ** 9 - 3);
      const cases: [readonly (readonly bigint[])[], readonly number[], (readonly [number, number])?][] = [
        [[long], [9]],
        [
          [random.fields(4), long],
          [2, 9],
        ],
        [
          [random.fields(64), random.fields(2), random.fields(64)],
          [6, 1, 6],
          [0, 2],
        ],
        [
          [random.fields(4), random.fields(256), random.fields(4)],
          [2, 8, 2],
          [2, 0],
        ],
      ];
      for (const [dims, bits, causal] of cases)
        await both(
          async (b) => {
            const out = b.zeros(2 ** sum(bits) + 7);
            await b.accumulateOuter(out, 5, dims, bits, 3n, causal);
            return values(b, out);
          },
          `bits ${bits.join(' ')}`,
        );
      nothingLeft();
    });

    it('accumulateOuter: many terms before the vector is read, over one another, over few cells, then more', async () => {
      const random = new Random(870 + limbBits);
      const shared = [2, 3, 1, 4].map((b) => ({ b, list: random.fields(2 ** b) }));
      for (const [length, count] of [
        [600, 150],
        [40, 400],
      ] as const) {
        const terms = Array.from({ length: count }, () => {
          const own = Array.from({ length: 1 + random.below(2) }, () => shared[random.below(4)] as (typeof shared)[number]);
          const bits = own.map((x) => x.b).filter((_, k, all) => 2 ** sum(all.slice(0, k + 1)) <= length);
          return {
            bits,
            dims: own.slice(0, bits.length).map((x) => x.list),
            offset: random.below(length - 2 ** sum(bits) + 1),
            scale: random.field(),
          };
        });
        await both(async (b) => {
          const out = b.fromField(new Random(length).fields(length));
          for (const t of terms) await b.accumulateOuter(out, t.offset, t.dims, t.bits, t.scale);
          const first = await b.toField(out);
          await b.accumulateOuter(out, length - 4, [[2n, R - 1n]], [2], 3n);
          return [first, await values(b, out)];
        }, `${count} terms over ${length} cells`);
      }
      nothingLeft();
    });

    it('sums of products of pairs of tables', async () => {
      const random = new Random(950 + limbBits);
      for (const count of [1, 2, 3, 7, 40])
        for (const n of [1, 2, 3, 5, 8, 10]) {
          const length = 2 ** n;
          // What workgroups leave must fit one buffer, also the smallest of these tests.
          if (count * length > 2 ** 12) continue;
          const pairs = Array.from({ length: count }, () => [random.fields(length), random.fields(length)] as const);
          const [[first, second]] = pairs as [readonly [bigint[], bigint[]]];
          if (n === 2) first.fill(0n);
          if (n === 3) second.fill(R - 1n);
          const start = (b: Backend) => b.productSum(pairs.map(([u, v]) => [b.fromField(u), b.fromField(v)] as const));
          await sameRounds(await start(reference), await start(webgpu), n, random, `${count} pairs of 2^${n}`);
        }
      nothingLeft();
    });

    it('a sum of products of tables to which outer products were added', async () => {
      const random = new Random(960 + limbBits);
      const weights = random.fields(8);
      const start = async (b: Backend) => {
        const table = b.zeros(64);
        await b.accumulateOuter(table, 0, [weights, weights], [3, 3], 5n, [0, 1]);
        return b.productSum([[table, await b.eqTable(weights.slice(0, 6), 7n)]]);
      };
      await sameRounds(await start(reference), await start(webgpu), 6, random, 'rounds');
      nothingLeft();
    });

    it('products whose factors depend on some of the variables', async () => {
      const random = new Random(970 + limbBits);
      for (let k = 0; k < 60; k++) {
        const { start, variables, what } = formCase(k, random);
        await sameRounds(await start(reference), await start(webgpu), variables, random, what);
      }
      nothingLeft();
    });

    it('products over 2^12 cells: eq of all variables and of some, coordinates 0 and 1 among them, alternating variables', async () => {
      const random = new Random(980 + limbBits);
      const n = 12;
      const patterns = ['111111111111', '101010101010', '010101010101', '111111000000', '000000111111', '000000000000'].map((x) =>
        [...x].map((c) => c === '1'),
      );
      for (const [batch, own] of [
        [12, [0, 1, 2]],
        [12, [0]],
        [5, [3, 4, 0]],
        [12, [0, 5]],
        [0, [4, 3]],
      ] as const) {
        const point = random.fields(batch);
        if (batch > 3) [point[1], point[2], point[3]] = [0n, 1n, R - 1n];
        const factors = own
          .map((k) => patterns[k] as boolean[])
          .map((on) => ({ on, cells: random.fields(2 ** on.filter((x) => x).length) }));
        const start = async (b: Backend) =>
          b.formProduct(
            factors.map(({ on, cells }) => ({ on, table: b.fromField(cells) })),
            point,
            3n,
          );
        await sameRounds(await start(reference), await start(webgpu), n, random, `${batch} with eq, patterns ${own.join()}`);
      }
      nothingLeft();
    });

    it('formProduct refuses other sizes, and keeps nothing of a factor given twice', async () => {
      for (const b of [reference, webgpu]) {
        const on = [true, true];
        const table = b.fromField([1n, 2n, 3n, 4n]);
        await assert.rejects(b.formProduct([], [], 1n), /formProduct/);
        await assert.rejects(b.formProduct([{ table, on: [] }], [], 1n), /formProduct/);
        await assert.rejects(b.formProduct([{ table, on }], [1n, 2n, 3n], 1n), /formProduct/);
        await assert.rejects(
          b.formProduct(
            [
              { table, on },
              { table, on: [true] },
            ],
            [],
            1n,
          ),
          /formProduct/,
        );
        const short = b.fromField([1n, 2n]);
        await assert.rejects(b.formProduct([{ table: short, on }], [], 1n), /a table of 2 cells/);
        if (b === webgpu) b.free(short);
        await assert.rejects(
          b.formProduct(
            [
              { table, on },
              { table, on },
            ],
            [],
            1n,
          ),
          /after it was freed or consumed/,
        );
      }
      nothingLeft();
    });

    it('refuses what the reference refuses, and keeps nothing of it', async () => {
      for (const b of [reference, webgpu]) {
        const out = b.zeros(8);
        await assert.rejects(b.accumulateOuter(out, 1, [[1n], [1n]], [1, 2], 1n), /accumulateOuter/);
        await assert.rejects(b.accumulateOuter(out, 0, [[R, 1n]], [1], 1n), /not a canonical field element/);
        await assert.rejects(b.accumulateOuter(out, 0, [[1n]], [1], -1n), /not a canonical field element/);
        await assert.rejects(b.eqTable([R], 1n), /not a canonical field element/);
        assert.throws(() => b.fromField([1n, R]), /not a canonical field element/);
        assert.deepEqual(await b.toField(out), new Array(8).fill(0n));
        await b.accumulateOuter(out, 0, [[1n]], [3], 1n);
        b.free(out);
        await assert.rejects(b.accumulateOuter(out, 0, [[1n]], [1], 1n), /after it was freed or consumed/);
      }
      nothingLeft();
    });
  });

describe('webgpu sumchecks', { skip }, () => {
  it('sumchecks refuse calls out of order, tables of other sizes and twice the same', async () => {
    const own = await open();
    for (const b of [createReferenceBackend(), own]) {
      const start = () => b.productSum([[b.fromField([1n, 2n, 3n, 4n]), b.fromField([5n, 6n, 7n, 8n])]]);
      const rounds = await start();
      const [s] = [await rounds.round(null)];
      assert.deepEqual(await rounds.round(null), s);
      await assert.rejects(rounds.round(R), /challenge is not canonical/);
      await rounds.round(2n);
      await assert.rejects(rounds.round(3n), /no round is left/);
      await assert.rejects(rounds.round(3n), /no variable is left to bind/);
      await assert.rejects((await start()).finish(1n), /finished before the last round/);
      for (const lengths of [[1, 1], [3, 3], [2, 4], []] as const) {
        const pair = lengths.map((n) => b.fromField(new Array<bigint>(n).fill(1n)));
        await assert.rejects(
          b.productSum(pair.length > 0 ? [pair as unknown as [FieldVector, FieldVector]] : []),
          /must be one power of two, at least 2/,
        );
        if (b === own) for (const v of pair) b.free(v);
      }
      const twice = b.fromField([1n, 2n]);
      await assert.rejects(b.productSum([[twice, twice]]), /after it was freed or consumed/);
    }
    await own.close();
  });
});
