/** Fraction trees on the device give the reference's roots, rounds, ends and errors. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createReferenceBackend } from '../../prover/backend/reference.ts';
import type { FractionTree, LeafBlock, LeafCells } from '../../prover/backend/types.ts';
import type { WebGpuBackend } from '../../prover/backend/webgpu/index.ts';
import { sameRounds } from '../backend/cases.ts';
import { Random, randomBlocks } from '../backend/random.ts';
import { configurations, open, skip } from './support/backend.ts';

const reference = createReferenceBackend();

const describeBlocks = (blocks: readonly LeafBlock[]): string =>
  blocks.map((b) => `${b.offset}: ${b.domain.sizes.join('×')}${b.domain.causal ? ' causal' : ''}`).join(', ');

/** Compares everything of two trees; `points`: whether a layer's point continues the challenges of the one before. */
async function sameTree(
  backend: WebGpuBackend,
  depth: number,
  blocks: readonly LeafBlock[],
  random: Random,
  { continues = true, alpha = random.field(), beta = random.field() } = {},
) {
  const trees: [FractionTree, FractionTree] = [
    await reference.fractionTree(depth, blocks, alpha, beta),
    await backend.fractionTree(depth, blocks, alpha, beta),
  ];
  const [expected, actual] = trees;
  const what = `depth ${depth}, blocks ${describeBlocks(blocks)}`;
  assert.equal(actual.depth, depth);
  assert.deepEqual(await actual.root(), await expected.root(), `${what}: root`);
  let point = [random.field()];
  for (let l = 1; l < depth; l++) {
    const lambda = random.field();
    const rounds = [await expected.layer(l, point, lambda), await actual.layer(l, point, lambda)] as const;
    const challenges = await sameRounds(rounds[0], rounds[1], l, random, `${what}, layer ${l}`);
    point = continues ? [...challenges, random.field()] : random.fields(l + 1);
  }
  actual.free();
  assert.equal(backend.device.memory.bytes.used, 0, `${what}: memory`);
}

/** A block whose columns are these arrays. */
const block = (offset: number, sizes: readonly number[], values: readonly LeafCells[], more: Partial<LeafBlock> = {}): LeafBlock => ({
  offset,
  domain: { sizes },
  numerators: 'ones',
  values,
  id: 7,
  ...more,
});

for (const [limbBits, bindingBytes] of configurations([
  [13, undefined],
  [14, 4096],
  [15, 2 ** 14],
] as const))
  describe(`fraction trees, limbs of ${limbBits} bits${bindingBytes ? `, bindings of ${bindingBytes} bytes` : ''}`, { skip }, () => {
    let backend: WebGpuBackend;
    before(async () => {
      backend = await open({ limbBits, ...(bindingBytes ? { bindingBytes } : {}) });
    });
    after(() => backend.close());

    it('random blocks: root and every layer', async () => {
      const random = new Random(2000 + limbBits);
      for (const depth of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
        for (let k = 0; k < (depth < 8 ? 4 : 2); k++)
          await sameTree(backend, depth, k === 0 && depth < 4 ? [] : randomBlocks(depth, random), random, { continues: k % 3 !== 2 });
    });

    it('columns of every width, at their extremes', async () => {
      const random = new Random(2100 + limbBits);
      const most = 2 ** 53 - 1;
      const columns: LeafCells[] = [
        Int8Array.of(-128, 127, 0, -1, 1),
        Int16Array.of(-32768, 32767, 0, -1, 1),
        Uint16Array.of(65535, 0, 1, 32768, 32767),
        Int32Array.of(-(2 ** 31), 2 ** 31 - 1, 0, -1, 1),
        Float64Array.of(-most, most, -0, -1, 2 ** 32),
        Float64Array.of(0, 65535, 1, 2, 3),
        Float64Array.of(-32768, 32767, 0, 1, 2),
        Float64Array.of(-32769, 2 ** 31 - 1, 0, 1, 2),
        Float64Array.of(2 ** 31, -1, -(2 ** 32), 2 ** 52, 5),
      ];
      const blocks = columns.map((own, k) => {
        const values = [own, columns[(k + 1) % columns.length] as LeafCells, columns[(k + 4) % columns.length] as LeafCells];
        return block(8 * k, [5], values.slice(0, 1 + (k % 3)), k % 2 ? { numerators: columns[(k + 2) % columns.length] as LeafCells } : {});
      });
      await sameTree(backend, 7, blocks, random);
      // Columns that begin anywhere in their buffer.
      const shifted = Int8Array.from({ length: 70 }, (_, i) => 3 * i - 90);
      await sameTree(backend, 7, [block(0, [9, 7], [shifted.subarray(3, 66), shifted.subarray(6, 69)])], random);
    });

    it('causal pairs of axes beside others, neighbours in any order', async () => {
      const random = new Random(2200 + limbBits);
      for (const [sizes, causal] of [
        [
          [4, 4],
          [0, 1],
        ],
        [
          [5, 5],
          [1, 0],
        ],
        [
          [2, 3, 3],
          [1, 2],
        ],
        [
          [3, 4, 3, 2],
          [0, 2],
        ],
        [
          [4, 2, 4, 1],
          [2, 0],
        ],
        [
          [1, 6, 5],
          [1, 2],
        ],
      ] as const) {
        const count = sizes.reduce((n: number, size) => n * size, 1);
        const counts = Int32Array.from(random.integers(count, 20));
        for (const numerators of ['ones', counts] as const) {
          const values = [random.integers(count, 18), random.integers(count, 40)];
          await sameTree(backend, 8, [{ offset: 64, domain: { sizes, causal }, numerators, values, id: 3 }], random);
        }
      }
    });

    it('denominators of zero, alpha and beta at their extremes', async () => {
      const random = new Random(2300 + limbBits);
      const values = [new Int16Array(37).fill(5)];
      for (const [alpha, beta] of [
        [12n, 1n],
        [0n, 0n],
        [7n, 0n],
        [17n, 2n],
      ] as const)
        for (const depth of [6, 8]) await sameTree(backend, depth, [block(0, [37], values)], random, { alpha, beta });
    });

    it('points at 0 and 1, and a round asked for twice', async () => {
      const random = new Random(2400 + limbBits);
      const blocks = [block(3, [2, 40], [random.integers(80, 17)])];
      for (const corner of [0n, 1n]) {
        const trees = [await reference.fractionTree(8, blocks, 5n, 9n), await backend.fractionTree(8, blocks, 5n, 9n)] as const;
        let point = [corner];
        for (let l = 1; l < 8; l++) {
          const [expected, actual] = [await trees[0].layer(l, point, 11n), await trees[1].layer(l, point, 11n)];
          assert.deepEqual(await actual.round(null), await expected.round(null));
          point = [...(await sameRounds(expected, actual, l, random, `layer ${l} at ${corner}`)), corner];
        }
        trees[1].free();
      }
    });

    it('refuses what the reference refuses', async () => {
      const bad = [block(0, [5], [new Int8Array(4)]), block(13, [3], [new Int8Array(3)]), block(0, [2], [])];
      for (const b of [backend, reference]) {
        await assert.rejects(async () => b.fractionTree(0, [], 1n, 1n), /depth 0, must be at least 1/);
        for (const [k, one] of bad.entries())
          await assert.rejects(
            async () => b.fractionTree(4, [one], 1n, 1n),
            k === 1 ? /a block ends at leaf 17, past leaf 16/ : /it needs 1 to 3 of/,
          );
        const tree = await b.fractionTree(4, [], 1n, 1n);
        await assert.rejects(tree.layer(4, [1n, 2n, 3n, 4n], 1n), /layer 4 of 4 with 4 coordinates/);
        await assert.rejects(tree.layer(2, [1n], 1n), /layer 2 of 4 with 1 coordinates/);
        const rounds = await tree.layer(2, [3n, 4n], 1n);
        await rounds.round(null);
        await assert.rejects(rounds.round(-1n), /challenge is not canonical/);
        await rounds.round(3n);
        await assert.rejects(rounds.round(3n), /no round is left/);
        tree.free();
        await assert.rejects(tree.layer(3, [3n, 4n, 5n], 1n), /is not there/);
      }
      const wrong = block(0, [2], [Float64Array.of(1, 0.5)]);
      await assert.rejects(backend.fractionTree(4, [wrong], 1n, 1n), /cell 1 of a column is not an exact integer: 0.5/);
      assert.equal(backend.device.memory.bytes.used, 0);
    });

    it('gives all memory back when it is freed, at any time', async () => {
      const random = new Random(2500 + limbBits);
      const depth = 9;
      const blocks = [block(0, [3, 80], [random.integers(240, 17)]), block(256, [128], [random.integers(128, 30)])];
      for (let stop = 1; stop < depth; stop++)
        for (const rounds of [0, 1, 2]) {
          const tree = await backend.fractionTree(depth, blocks, 3n, 5n);
          for (let l = 1; l < stop; l++) {
            const done = await tree.layer(l, random.fields(l), 7n);
            for (let i = 0; i < l; i++) await done.round(i === 0 ? null : 9n);
            await done.finish(8n);
          }
          const last = await tree.layer(stop, random.fields(stop), 7n);
          const pending = [];
          for (let i = 0; i < Math.min(rounds, stop); i++) {
            const round = last.round(i === 0 ? null : 9n);
            if (i === rounds - 1) pending.push(round);
            else await round;
          }
          tree.free();
          assert.ok((await Promise.allSettled(pending)).every(({ status }) => status === 'rejected'));
          await assert.rejects(last.round(5n), /the layer was freed/);
          tree.free();
          await backend.device.idle();
          assert.equal(backend.device.memory.bytes.used, 0, `layer ${stop} after ${rounds} rounds`);
        }
    });
  });

describe('larger fraction trees', { skip }, () => {
  it('mostly constant leaves, blocks far apart', async () => {
    const backend = await open({ bindingBytes: 2 ** 16 });
    const random = new Random(2600);
    const blocks = [
      block(0, [3, 96], [random.integers(288, 18)]),
      block(2048, [9, 16], [random.integers(144, 17), random.integers(144, 45)]),
      block(6000, [1], [Int8Array.of(-3)]),
    ];
    await sameTree(backend, 13, blocks, random);
    await sameTree(backend, 14, blocks.slice(0, 1), random);
    await backend.close();
  });
});
