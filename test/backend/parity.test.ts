/** Every operation of the WebAssembly backend gives the reference's values bit for bit: random inputs, extremes, all numbers of workers. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { selectBackend } from '../../prover/backend/index.ts';
import type { Backend, ContractDim, FieldVector, LeafBlock } from '../../prover/backend/types.ts';
import type { Affine } from '../../verifier/curve.ts';
import { Q, R } from '../../verifier/field.ts';
import { H, generators } from '../../verifier/generators.ts';
import { contractCase, formCase, outerCase, sameRounds } from './cases.ts';
import { Random, randomBlocks } from './random.ts';

for (const workers of [1, 3])
  describe(`wasm with ${workers} workers equals reference`, () => {
    let reference: Backend;
    let wasm: Backend;
    before(async () => {
      reference = await selectBackend('reference');
      wasm = await selectBackend('wasm', { workers });
    });
    after(async () => {
      await wasm.close();
      await reference.close();
    });

    /** Runs an operation on both backends. */
    const both = async <T>(run: (b: Backend) => Promise<T>, what: string): Promise<T> => {
      const [expected, actual] = [await run(reference), await run(wasm)];
      assert.deepEqual(actual, expected, what);
      return expected;
    };
    const values = async (b: Backend, v: FieldVector): Promise<bigint[]> => {
      const cells = await b.toField(v);
      b.free(v);
      return cells;
    };

    it('keccak: around blocks of 136 bytes, around a copy of 480 of them, in a row', async () => {
      for (const length of [0, 1, 32, 128, 135, 136, 137, 271, 272, 273, 65279, 65280, 65281, 65416, 140_000]) {
        const bytes = Uint8Array.from({ length: length + 3 }, (_, i) => 7 * i + (i >> 8)).subarray(3);
        for (let k = 0; k < 2; k++) await both(async (b) => b.keccak(bytes), `${length} bytes`);
      }
    });

    it('weightedSum: arrays of every width, shapes from one cell to rows longer than a tile', async () => {
      const random = new Random(900 + workers);
      for (const sizes of [[], [1], [5], [1, 7, 1], [3, 70], [130, 33], [2, 3, 4, 5], [3, 9000]])
        for (const [Of, bits] of [
          [Int8Array, 7],
          [Int16Array, 15],
          [Int32Array, 31],
          [Float64Array, 53],
        ] as const) {
          const cells = Of.from(
            random.integers(
              sizes.reduce((n, s) => n * s, 1),
              bits,
            ),
          );
          const weights = sizes.map((n) => [R - 1n, ...random.fields(n)].slice(0, n));
          await both((b) => b.weightedSum(cells, weights), `${Of.name} of ${sizes.join(' × ')}`);
        }
      for (const wrong of [NaN, Infinity, 0.5])
        for (const b of [reference, wasm])
          await assert.rejects(b.weightedSum(Float64Array.of(1, wrong), [[3n, 5n]]), /cell 1 is not an exact integer/);
    });

    it('commitRows: small, wide, negative, equal and zero cells', async () => {
      const random = new Random(100 + workers);
      for (const columns of [1, 2, 5, 64, 300])
        for (const bits of [1, 8, 16, 33, 52]) {
          const rows = columns > 64 ? 2 : 3;
          const cells = random.integers(columns * rows, bits);
          if (bits === 8) cells.fill(-77);
          if (bits === 16) cells.fill(0, columns);
          const blinds = Array.from({ length: rows }, (_, i) => (i === 0 ? 1n : i === 1 ? R - 1n : random.field() || 5n));
          await both((b) => b.commitRows(cells, columns, blinds), `${columns} columns of ${bits} bits`);
        }
    });

    it('commit: full-width scalars', async () => {
      const random = new Random(200 + workers);
      for (const length of [1, 2, 7, 33, 200])
        await both((b) => b.commit(random.fields(0).concat(new Random(length).fields(length)), 9n), `${length} scalars`);
      await both((b) => b.commit([R - 1n, R - 1n, 1n, 0n], R - 1n), 'extremes');
      const rows = [3, 0, 40, 15, 16, 3, 1].map((length) => random.fields(length));
      await both(
        (b) =>
          b.commitAll(
            rows,
            rows.map((_, i) => BigInt(i + 1)),
          ),
        'rows',
      );
    });

    it('msm: repeated, opposite and infinite points, zero scalars', async () => {
      const random = new Random(300 + workers);
      const g = generators(40);
      const minus = (p: Affine): Affine => ({ x: p.x, y: Q - p.y });
      const cases: [readonly bigint[], readonly (Affine | null)[]][] = [
        [[], []],
        [[0n], [H]],
        [[5n], [null]],
        [
          [1n, R - 1n],
          [H, H],
        ],
        [
          [1n, 1n],
          [H, minus(H)],
        ],
        [
          [7n, 7n, 7n, 7n],
          [H, H, H, minus(H)],
        ],
        [
          [R - 1n, 1n, R - 1n],
          [g[0] as Affine, null, g[1] as Affine],
        ],
      ];
      for (let k = 0; k < 4; k++) {
        const points = Array.from({ length: 1 + random.below(90) }, () => (random.below(9) === 0 ? null : (g[random.below(40)] as Affine)));
        cases.push([random.fields(points.length), points.map((p) => (p && random.below(4) === 0 ? minus(p) : p))]);
      }
      for (const [k, [scalars, points]] of cases.entries()) await both((b) => b.msm(scalars, points), `case ${k}`);
    });

    it('vectors from and to numbers', async () => {
      const random = new Random(400 + workers);
      const field = [0n, 1n, R - 1n, ...random.fields(500)];
      await both((b) => values(b, b.fromField(field)), 'field');
      await both((b) => values(b, b.zeros(77)), 'zeros');
      const ints = Float64Array.of(0, -0, 1, -1, 2 ** 53 - 1, -(2 ** 53 - 1), ...random.integers(500, 52));
      await both(async (b) => values(b, await b.fromInts(ints)), 'integers');
    });

    it('cells of every width', async () => {
      const random = new Random(450 + workers);
      for (const [Kind, bits] of [
        [Int8Array, 7],
        [Int16Array, 15],
        [Int32Array, 31],
        [Float64Array, 52],
      ] as const) {
        const cells = Kind.from(random.integers(64, bits));
        if (Kind !== Float64Array) cells[5] = -(2 ** bits);
        await both((b) => b.commitRows(cells, 32, [3n, 5n]), `${Kind.name}: rows`);
        await both(async (b) => values(b, await b.fromInts(cells)), `${Kind.name}: integers`);
        const dims: ContractDim[] = [
          { bits: 2, kind: 'sum', weights: random.fields(4) },
          { bits: 3, kind: 'keep', size: 8, shift: 0, limit: 8, stride: 1 },
        ];
        await both(async (b) => {
          const out = b.zeros(8);
          await b.contract({ cells, offset: 32 }, dims, 7n, out);
          return values(b, out);
        }, `${Kind.name}: partial evaluation`);
      }
    });

    it('eqTable', async () => {
      const random = new Random(500 + workers);
      for (let n = 0; n <= 9; n++) {
        const point = n === 3 ? [0n, 1n, R - 1n] : random.fields(n);
        for (const scale of [0n, 1n, random.field()]) await both(async (b) => values(b, await b.eqTable(point, scale)), `${n} variables`);
      }
    });

    it('contract: sums, moved dimensions, causal blocks, accumulation', async () => {
      const random = new Random(600 + workers);
      for (let k = 0; k < 120; k++) {
        const { run, what } = contractCase(k, random);
        await both(run, what);
      }
    });

    it('accumulateOuter: missing weights, causal pairs, offsets', async () => {
      const random = new Random(800 + workers);
      for (let k = 0; k < 60; k++) {
        const { run, what } = outerCase(k, random);
        await both(run, what);
      }
    });

    it('products whose factors depend on some of the variables', async () => {
      const random = new Random(970 + workers);
      for (let k = 0; k < 90; k++) {
        const { start, variables, what } = formCase(k, random);
        await sameRounds(await start(reference), await start(wasm), variables, random, what);
      }
    });

    it('sums of products of pairs of tables', async () => {
      const random = new Random(950 + workers);
      for (const count of [1, 2, 3, 7, 40])
        for (const n of [1, 2, 3, 5, 8, 9]) {
          const length = 2 ** n;
          const pairs = Array.from({ length: count }, () => [random.fields(length), random.fields(length)] as const);
          const [[first, second]] = pairs as [readonly [bigint[], bigint[]]];
          if (n === 2) first.fill(0n);
          if (n === 3) second.fill(R - 1n);
          const ints = n === 5 ? random.integers(length, 52) : null;
          const start = async (b: Backend) => {
            const own = pairs.map(([u, v]) => [b.fromField(u), b.fromField(v)] as [FieldVector, FieldVector]);
            if (ints) own.push([await b.fromInts(ints), await b.fromInts(ints)]);
            return b.productSum(own);
          };
          await sameRounds(await start(reference), await start(wasm), n, random, `${count} pairs of 2^${n}`);
        }
    });

    it('fraction trees: root and every layer', async () => {
      const random = new Random(1000 + workers);
      for (const depth of [1, 2, 3, 4, 5, 6, 7, 8, 9, 11]) {
        for (let k = 0; k < (depth < 9 ? 6 : 2); k++) {
          const blocks = k === 0 && depth < 3 ? [] : randomBlocks(depth, random);
          const [alpha, beta] = [random.field(), random.field()];
          const [expected, actual] = [
            await reference.fractionTree(depth, blocks, alpha, beta),
            await wasm.fractionTree(depth, blocks, alpha, beta),
          ];
          assert.equal(actual.depth, depth);
          const tree = `depth ${depth}, blocks ${blocks.map((b) => `${b.offset}: ${b.domain.sizes.join('×')}`).join(', ')}`;
          assert.deepEqual(await actual.root(), await expected.root(), `${tree}: root`);
          let point = [random.field()];
          for (let l = 1; l < depth; l++) {
            const lambda = random.field();
            const what = `${tree}, layer ${l}`;
            const rounds = [await expected.layer(l, point, lambda), await actual.layer(l, point, lambda)] as const;
            const challenges = await sameRounds(rounds[0], rounds[1], l, random, what);
            // Where the layer before says, and where it says nothing.
            point = k % 3 === 2 ? random.fields(l + 1) : [...challenges, random.field()];
          }
          expected.free();
          actual.free();
        }
      }
    });

    it('fraction trees: far apart blocks, whole rows of pads', async () => {
      const random = new Random(1050 + workers);
      const depth = 12;
      const block = (offset: number, sizes: readonly number[], tuple: number, causal?: readonly [number, number]): LeafBlock => {
        const count = sizes.reduce((n, size) => n * size, 1);
        const values = Array.from({ length: tuple }, () => Int32Array.from(random.integers(count, 18)));
        return { offset, domain: { sizes, ...(causal ? { causal } : {}) }, numerators: 'ones', values, id: tuple };
      };
      // Rows of 96 of 128, two of four times; then nearly nothing.
      const blocks = [block(0, [2, 3, 96], 1), block(1024, [3, 5, 5], 2, [1, 2]), block(1280, [9, 16], 3), block(3072, [1], 1)];
      // The largest integers that kernels add up unreduced, and what is larger by one.
      const extremes = [2 ** 19, -(2 ** 19), 2 ** 19 + 1].map((v) => new Float64Array(128).fill(v));
      for (const k of [0, 1, 2])
        blocks.push({ offset: 2048 + 128 * k, domain: { sizes: [128] }, numerators: 'ones', values: extremes.slice(k), id: k });
      const [alpha, beta] = [random.field(), random.field()];
      const [expected, actual] = [
        await reference.fractionTree(depth, blocks, alpha, beta),
        await wasm.fractionTree(depth, blocks, alpha, beta),
      ];
      assert.deepEqual(await actual.root(), await expected.root());
      let point = [random.field()];
      for (let l = 1; l < depth; l++) {
        const rounds = [await expected.layer(l, point, 7n), await actual.layer(l, point, 7n)] as const;
        point = [...(await sameRounds(rounds[0], rounds[1], l, random, `layer ${l}`)), random.field()];
      }
    });

    it('sizes that are split among workers', async () => {
      const random = new Random(1100 + workers);
      const n = 13;
      const cells = random.integers(2 ** n, 17);
      await both((b) => b.commitRows(cells, 2 ** 11, [1n, 2n, 3n, 4n]), 'rows');
      await both(async (b) => values(b, await b.fromInts(cells)), 'integers');
      const point = random.fields(n);
      await both(async (b) => values(b, await b.eqTable(point, 3n)), 'eq');
      const weights = random.fields(2 ** 6);
      for (const outer of [true, false]) {
        const sums: ContractDim = { bits: 6, kind: 'sum', weights };
        const kept: ContractDim = { bits: 7, kind: 'keep', size: 100, shift: 1, limit: 99, stride: 1 };
        await both(
          async (b) => {
            const out = b.zeros(99);
            await b.contract({ cells, offset: 0 }, outer ? [sums, kept] : [kept, sums], 5n, out);
            return values(b, out);
          },
          `contract, sum ${outer ? 'outside' : 'inside'}`,
        );
      }
      await both(async (b) => {
        const out = b.zeros(2 ** n);
        await b.accumulateOuter(out, 0, [weights, weights], [6, 6], 7n, [0, 1]);
        await b.accumulateOuter(out, 2 ** 12, [weights, weights], [6, 6], 7n);
        return values(b, out);
      }, 'outer');
      for (const count of [1, 3]) {
        const pairs = Array.from({ length: count }, () => [random.fields(2 ** n), random.fields(2 ** n)] as const);
        const start = (b: Backend) => b.productSum(pairs.map(([u, v]) => [b.fromField(u), b.fromField(v)] as const));
        await sameRounds(await start(reference), await start(wasm), n, random, `${count} pairs of 2^${n}`);
      }
      const blocks = randomBlocks(n, random);
      const trees = [
        await reference.fractionTree(n, blocks, point[0] as bigint, point[1] as bigint),
        await wasm.fractionTree(n, blocks, point[0] as bigint, point[1] as bigint),
      ] as const;
      assert.deepEqual(await trees[1].root(), await trees[0].root());
      for (let l = 1; l < n; l++) {
        const at = random.fields(l);
        await sameRounds(await trees[0].layer(l, at, 11n), await trees[1].layer(l, at, 11n), l, random, `layer ${l} of ${n}`);
      }
    });
  });

describe('selectBackend', () => {
  it('refuses other names', async () => {
    await assert.rejects(selectBackend('cuda'), /"cuda" is unknown; choose one of auto, wasm, webgpu, reference/);
  });
});
