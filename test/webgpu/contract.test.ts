/** Partial evaluations, weighted sums and integer vectors on the GPU give the reference's values bit for bit: every kind of cell, every width of limbs, split arrays. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createReferenceBackend } from '../../prover/backend/reference.ts';
import type { Backend, ContractDim, FieldVector } from '../../prover/backend/types.ts';
import type { WebGpuBackend } from '../../prover/backend/webgpu/index.ts';
import { KINDS } from '../../prover/backend/webgpu/ints.ts';
import { digitLimits, MOST_TERMS, termsBetweenCarries } from '../../prover/backend/webgpu/wgsl/dots.ts';
import { LIMB_BITS } from '../../prover/backend/webgpu/wgsl/field.ts';
import { R, mod } from '../../verifier/field.ts';
import { contractCase } from '../backend/cases.ts';
import { Random } from '../backend/random.ts';
import { configurations, open, skip } from './support/backend.ts';

const reference = createReferenceBackend();

const values = async (b: Backend, v: FieldVector): Promise<bigint[]> => {
  const cells = await b.toField(v);
  b.free(v);
  return cells;
};

const keep = (bits: number, stride: number, size = 2 ** bits): ContractDim => ({ bits, kind: 'keep', size, shift: 0, limit: size, stride });
const eq = (point: readonly bigint[]): ContractDim[] => point.map((x) => ({ bits: 1, kind: 'sum', weights: [mod(1n - x), x] }));

it('sums of products of limbs stay below 2^31 between carries, and what is above the radix fits 64 bits', () => {
  for (const bits of LIMB_BITS)
    for (const kind of KINDS) {
      const limits = digitLimits(kind, bits);
      const terms = termsBetweenCarries(kind, bits);
      assert.ok(terms >= 1);
      // What a carry leaves in a limb, a run of products, and the last carry.
      const products = terms * limits.reduce((n, limit) => n + limit * 2 ** (bits - 1), 0);
      assert.ok(2 ** bits - 1 + 2 ** (31 - bits) + products <= 2 ** 31 - 1, `${kind}-bit cells, ${bits}-bit limbs`);
      const magnitude = BigInt(MOST_TERMS) * R * 2n ** BigInt(kind === 64 ? 53 : kind - 1);
      assert.ok(magnitude >> BigInt(bits * Math.ceil(254 / bits)) < 2n ** 63n);
    }
});

for (const [limbBits, bindingBytes] of configurations([
  [13, undefined],
  [14, undefined],
  [15, undefined],
  [15, 4096],
] as const))
  describe(`limbs of ${limbBits} bits${bindingBytes ? `, buffers of ${bindingBytes} bytes` : ''}`, { skip }, () => {
    let gpu: WebGpuBackend;
    const seed = limbBits + (bindingBytes ?? 0);
    before(async () => {
      gpu = await open({ limbBits, ...(bindingBytes ? { bindingBytes } : {}) });
    });
    after(() => gpu.close());

    const both = async (run: (b: Backend) => Promise<unknown>, what: string): Promise<void> => {
      const used = gpu.device.memory.bytes.used;
      assert.deepEqual(await run(gpu), await run(reference), what);
      assert.equal(gpu.device.memory.bytes.used, used, `${what}: memory is given back`);
    };

    it('vectors of integers of every kind', async () => {
      const random = new Random(100 + seed);
      for (const length of [0, 1, 2, 3, 5, 64, 700, 3000])
        for (const [Of, bits] of [
          [Int8Array, 7],
          [Int16Array, 15],
          [Int32Array, 31],
          [Float64Array, 7],
          [Float64Array, 15],
          [Float64Array, 31],
          [Float64Array, 53],
        ] as const) {
          const cells = Of.from(random.integers(length, bits));
          await both(async (b) => values(b, await b.fromInts(cells)), `${length} of ${Of.name}`);
        }
      const extremes = [
        Int8Array.of(-128, 127, 0, -1),
        Int16Array.of(-(2 ** 15), 2 ** 15 - 1, -1),
        Int32Array.of(-(2 ** 31), 2 ** 31 - 1, -1),
        ...[7, 15, 31].flatMap((b) => [Float64Array.of(2 ** b, -(2 ** b)), Float64Array.of(2 ** b - 1, -(2 ** b) - 1)]),
        Float64Array.of(2 ** 53 - 1, 1 - 2 ** 53, -(2 ** 32), 2 ** 32, 2 ** 32 - 1, -0),
      ];
      for (const cells of extremes) await both(async (b) => values(b, await b.fromInts(cells)), cells.join(' '));
    });

    it('weightedSum', async () => {
      const random = new Random(200 + seed);
      for (const sizes of [[], [1], [5], [0], [1, 7, 1], [3, 70], [2, 3, 4, 5], [3, 1500]])
        for (const Of of [Int8Array, Int16Array, Int32Array, Float64Array]) {
          const bits = Of === Float64Array ? 53 : 8 * Of.BYTES_PER_ELEMENT - 1;
          const count = sizes.reduce((n, s) => n * s, 1);
          const cells = Of.from(random.integers(count, bits));
          const weights = sizes.map((n) => [R - 1n, ...random.fields(n)].slice(0, n));
          await both((b) => b.weightedSum(cells, weights), `${Of.name} of ${sizes.join(' × ')}`);
        }
    });

    it('contract: sums, moved dimensions, causal blocks, missing weights, accumulation', async () => {
      const random = new Random(300 + seed);
      for (let k = 0; k < (bindingBytes ? 40 : 100); k++) {
        const { run, what, bits } = contractCase(k, random);
        if (bits <= 13) await both(run, what);
      }
    });

    it('contract: rows summed, columns summed by a point, both, for every kind', async () => {
      const random = new Random(400 + seed);
      for (const Of of [Int8Array, Int16Array, Int32Array, Float64Array])
        for (const [rows, columns] of [
          [3, 6],
          [6, 3],
          [1, 9],
          [9, 1],
        ] as const) {
          const bits = Of === Float64Array ? 53 : 8 * Of.BYTES_PER_ELEMENT - 1;
          const cells = Of.from(random.integers(2 ** (rows + columns) + 5, bits));
          const weights = random.fields(2 ** rows - (rows > 1 ? 1 : 0));
          const moved: ContractDim = { bits: 0, kind: 'keep', size: 1, shift: 2, limit: 2 ** rows + 2, stride: 1 };
          const cases: ContractDim[][] = [
            [{ bits: rows, kind: 'sum', weights }, keep(columns, 1)],
            [moved, keep(rows, 1), ...eq(random.fields(columns))],
            [{ bits: rows, kind: 'sum', weights }, ...eq(random.fields(columns))],
            [keep(rows, 1), keep(columns, 2 ** rows)],
            [...eq(random.fields(rows)), keep(columns, 1, 2 ** columns - 1)],
          ];
          for (const [k, dims] of cases.entries()) {
            const length = Math.max(2 ** (rows + columns), 2 ** rows + 2);
            await both(async (b) => {
              const out = b.zeros(length);
              await b.contract({ cells, offset: 5 }, dims, 7n, out);
              return values(b, out);
            }, `${Of.name}, ${rows} and ${columns} bits, case ${k}`);
          }
        }
    });

    it('contract: cells that share an output are all added', async () => {
      const random = new Random(500 + seed);
      const cells = Int16Array.from(random.integers(64, 15));
      for (const strides of [
        [0, 1],
        [1, 1],
        [2, 3],
      ] as const)
        await both(
          async (b) => {
            const out = b.zeros(64);
            await b.contract({ cells, offset: 0 }, [keep(3, strides[0]), keep(3, strides[1])], 5n, out);
            return values(b, out);
          },
          `strides ${strides.join(' ')}`,
        );
    });

    it('long sums of the widest integers with the largest limbs, over rows, over columns, by words', async () => {
      const bits = bindingBytes ? 10 : 12;
      // Limbs of a half and all ones, so that signed limbs are as large as they may be, and r − 1.
      const limb = 2n ** BigInt(limbBits);
      let halves = 0n;
      for (let k = 0; k < Math.floor(252 / limbBits); k++) halves = halves * limb + limb / 2n;
      const kept = keep(2, 1);
      for (const weight of [R - 1n, halves, halves - 1n, 2n ** 253n - 1n])
        for (const [Of, extremes] of [
          [Int8Array, [127, -128]],
          [Int16Array, [2 ** 15 - 1, -(2 ** 15)]],
          [Int32Array, [2 ** 31 - 1, -(2 ** 31)]],
          [Float64Array, [2 ** 53 - 1, 1 - 2 ** 53]],
        ] as const)
          for (const value of extremes) {
            const dim: ContractDim = { bits, kind: 'sum', weights: new Array<bigint>(2 ** bits).fill(weight) };
            const cells = new Of(2 ** (bits + 2)).fill(value);
            const want = mod(BigInt(value) * (weight << BigInt(bits)));
            for (const [dims, outputs] of [
              [[kept, dim], 4],
              [[dim, kept], 4],
              [[keep(2, 1, 3), dim], 3],
              [[dim, keep(2, 1, 3)], 3],
              [[dim], 1],
            ] as const) {
              const out = gpu.zeros(4);
              await gpu.contract({ cells, offset: 0 }, dims, 1n, out);
              const expected = [0, 1, 2, 3].map((k) => (k < outputs ? want : 0n));
              assert.deepEqual(await values(gpu, out), expected, `${Of.name} ${value} × ${weight}, ${outputs} sums`);
            }
          }
    });
  });

describe('partial evaluations in pieces', { skip }, () => {
  let gpu: WebGpuBackend;
  before(async () => {
    gpu = await open({ bindingBytes: 2 ** 19 });
  });
  after(() => gpu.close());

  /** Mostly zeros, so that the sum can be worked out here. */
  const sparse = (length: number, random: Random): { readonly cells: Int8Array; readonly busy: readonly number[] } => {
    const cells = new Int8Array(length);
    const busy = [...new Set(Array.from({ length: 200 }, () => random.below(length)).concat(0, length - 1))];
    for (const at of busy) cells[at] = random.integer(7);
    return { cells, busy };
  };

  it('rows and columns of many pieces, through the buffers of the host, in little device memory', async () => {
    const random = new Random(7);
    const [rows, columns] = [11, 11];
    const { cells, busy } = sparse(2 ** (rows + columns), random);
    const width = 2 ** columns;
    const point = random.fields(columns);
    const weights = random.fields(2 ** rows);
    const eqTable = await values(reference, await reference.eqTable(point, 1n));
    const [byRow, byColumn] = [new Array<bigint>(2 ** rows).fill(0n), new Array<bigint>(width).fill(0n)];
    for (const at of busy) {
      const [row, column, v] = [Math.floor(at / width), at % width, BigInt(cells[at] as number)];
      byRow[row] = mod((byRow[row] as bigint) + v * (eqTable[column] as bigint));
      byColumn[column] = mod((byColumn[column] as bigint) + v * (weights[row] as bigint));
    }
    const bound = gpu.zeros(2 ** rows);
    await gpu.contract({ cells, offset: 0 }, [keep(rows, 1), ...eq(point)], 1n, bound);
    assert.deepEqual(await values(gpu, bound), byRow);
    const summed = gpu.zeros(width);
    await gpu.contract({ cells, offset: 0 }, [{ bits: rows, kind: 'sum', weights }, keep(columns, 1)], 1n, summed);
    assert.deepEqual(await values(gpu, summed), byColumn);
    assert.ok(gpu.peakBytes() < cells.length, `${gpu.peakBytes()} bytes for ${cells.length} cells`);
    assert.equal(gpu.device.memory.bytes.used, 0);
  });

  it('refuses cells that are no exact integers where they count, and only there; weights and places that are out of range', async () => {
    const dims: ContractDim[] = [{ bits: 2, kind: 'sum', weights: [1n, 0n, 3n] }, keep(1, 1, 1)];
    for (const wrong of [NaN, Infinity, 0.5, 2 ** 53, -(2 ** 53)]) {
      for (const at of [1, 2, 3, 5, 6, 7]) {
        const cells = Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8);
        cells[at] = wrong;
        const out = gpu.zeros(1);
        await gpu.contract({ cells, offset: 0 }, dims, 2n, out);
        assert.deepEqual(await values(gpu, out), [32n], `cell ${at}`);
      }
      const out = gpu.zeros(1);
      const cells = Float64Array.of(1, 2, 3, 4, wrong, 6, 7, 8);
      await assert.rejects(gpu.contract({ cells, offset: 0 }, dims, 2n, out), /cell 4 is not an exact integer/);
      gpu.free(out);
      await assert.rejects(gpu.weightedSum(Float64Array.of(1, wrong), [[3n, 0n]]), /cell 1 is not an exact integer/);
      await assert.rejects(gpu.fromInts(Float64Array.of(1, 2, wrong)), /cell 2 is not an exact integer/);
    }
    const out = gpu.zeros(2);
    const block = { cells: Int8Array.of(1, 2, 3, 4), offset: 0 };
    await assert.rejects(
      gpu
        .contract({ ...block, offset: 1 }, [keep(2, 1, 2), ...[]], 1n, out)
        .then(() => gpu.contract({ ...block, offset: 3 }, [keep(1, 1)], 1n, out)),
      /cell 4 is not an exact integer: undefined/,
    );
    await assert.rejects(gpu.contract(block, [keep(2, 1)], 1n, out), /writes cell 3 of 2/);
    await assert.rejects(gpu.contract(block, [{ bits: 2, kind: 'sum', weights: [R] }], 1n, out), /not a canonical field element/);
    await assert.rejects(gpu.contract(block, [keep(2, 1, 2)], R, out), /not a canonical field element/);
    await assert.rejects(gpu.weightedSum(block.cells, [[1n], [2n, 3n]]), /4 cells/);
    gpu.free(out);
    await assert.rejects(gpu.contract(block, [keep(2, 1)], 1n, out), /freed or consumed/);
    assert.equal(gpu.device.memory.bytes.used, 0);
  });
});
