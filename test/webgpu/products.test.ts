import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { WebGpuBackend } from '../../prover/backend/webgpu/index.ts';
import { chooseCuts, DEPTH, type Cut } from '../../prover/backend/webgpu/limbs.ts';
import { GpuProducts } from '../../prover/backend/webgpu/products.ts';
import { multiplyBatch, type Batch } from '../../prover/trainer/batches.ts';
import { Products } from '../../prover/trainer/kernels/products.ts';
import type { Cells } from '../../verifier/public-content.ts';
import { random } from '../trainer/helpers.ts';
import { configurations, open, skip } from './support/backend.ts';

const ARRAYS = [Int8Array, Int16Array, Int32Array, Float64Array] as const;
/** Bytes of a binding: as many as there may be, and so few that everything is cut. */
const BINDINGS = [undefined, 4096] as const;
const alone = new Products(0);

type Shape = readonly [count: number, M: number, N: number, K: number];
/** Odd sizes, one tile and several, one run of terms and several; small ones, since a software adapter computes whole tiles. */
const SHAPES: readonly Shape[] = [
  [1, 1, 1, 1],
  [3, 5, 7, 9],
  [1, 65, 66, 16],
  [2, 13, 35, 70],
  [1, 2, 9, 515],
];
/** The same for bindings so small that these are cut along rows, columns and terms. */
const CUT_SHAPES: readonly Shape[] = [
  [9, 5, 7, 9],
  [2, 33, 17, 23],
  [1, 3, 9, 400],
];

/** Strides of the right factor, with gaps between its lines or without. */
const layouts = (N: number, K: number): readonly (readonly [strideK: number, strideN: number])[] => [
  [1, K],
  [1, K + 3],
  [N, 1],
  [N + 5, 1],
];

/** `count` matrices behind one another, behind cells that are not part of any. */
function batchOf(
  [count, M, N, K]: Shape,
  left: Float64Array,
  make: (cells: number) => Cells,
  [strideK, strideN]: readonly [number, number],
): Batch {
  const base = 7;
  const size = (K - 1) * strideK + (N - 1) * strideN + 1;
  const cells = make(base + count * size);
  const right = (i: number): ReturnType<Batch['right']> => ({ cells, base: base + i * size, strideK, strideN });
  return { count, left, right, out: new Float64Array(count * M * N).fill(NaN), M, N, K };
}

function filled(make: (typeof ARRAYS)[number], length: number, next: () => number): Cells {
  const cells = new make(length);
  for (let i = 0; i < length; i++) cells[i] = next();
  return cells;
}

/** What the processor's products give. */
function onProcessor(batch: Batch): Float64Array {
  const out = new Float64Array(batch.out.length);
  multiplyBatch(alone, { ...batch, out });
  return out;
}

/** The definition in exact integers. */
function defined({ count, left, right, M, N, K }: Batch): bigint[] {
  return Array.from({ length: count * M * N }, (_, at) => {
    const [row, n] = [Math.floor(at / N), at % N];
    const { cells, base, strideK, strideN } = right(Math.floor(row / M));
    let sum = 0n;
    for (let k = 0; k < K; k++) sum += BigInt(left[row * K + k] as number) * BigInt(cells[base + k * strideK + n * strideN] as number);
    return sum;
  });
}

test('cuts: every magnitude is held, and the limb products of a run add up in 32 bits', () => {
  const magnitudes = [0, 1, 2, 3, 127, 128, 2 ** 15, 2 ** 19 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 52, 2 ** 52 + 1, 2 ** 53 - 1];
  for (const left of magnitudes)
    for (const [right, whole] of [...magnitudes.map((m) => [m, false] as const), [2 ** 7, true] as const, [2 ** 15, true] as const]) {
      const cuts = chooseCuts(left, right, whole);
      for (const [cut, reach] of [
        [cuts.left, left],
        [cuts.right, right],
      ] as const)
        if (cut.limbs === 1) assert.equal(cut.reach, reach);
        else assert.ok(cut.reach === 2 ** (cut.bits - 1) && reach <= 2 ** (cut.limbs * cut.bits - 1));
      if (whole) assert.equal(cuts.right.limbs, 1);
      assert.ok(cuts.runs >= 1 && BigInt(cuts.runs * DEPTH) * BigInt(cuts.left.reach) * BigInt(cuts.right.reach) < 2n ** 31n);
    }
  assert.equal(chooseCuts(2 ** 19, 2 ** 7, true).left.limbs, 1);
  assert.equal(chooseCuts(2 ** 20, 2 ** 15, true).left.limbs, 2);
});

for (const bindingBytes of configurations(BINDINGS))
  describe(`integer matrix products, ${bindingBytes ? `bindings of ${bindingBytes} bytes` : 'bindings of any size'}`, { skip }, () => {
    let backend: WebGpuBackend;
    let gpu: GpuProducts;
    before(async () => {
      backend = await open(bindingBytes ? { bindingBytes } : {});
      gpu = new GpuProducts(backend.device);
    });
    after(async () => {
      gpu.release();
      assert.equal(backend.device.memory.bytes.used, 0);
      await backend.close();
    });

    test('are those of the processor at every shape, type and layout', async () => {
      const rnd = random(11);
      for (const shape of bindingBytes ? CUT_SHAPES : SHAPES) {
        const [count, M, N, K] = shape;
        for (const make of ARRAYS)
          for (const layout of bindingBytes ? layouts(N, K).slice(1, 3) : layouts(N, K)) {
            const limit = make === Float64Array ? 2 ** 24 : Math.min(2 ** (8 * make.BYTES_PER_ELEMENT - 1) - 1, 2 ** 24);
            const left = Float64Array.from({ length: count * M * K }, () => rnd(-(2 ** 19), 2 ** 19));
            const batch = batchOf(shape, left, (cells) => filled(make, cells, () => rnd(-limit, limit)), layout);
            await gpu.multiply(batch);
            assert.deepEqual(batch.out, onProcessor(batch), `${shape.join(' × ')}, ${make.name}, strides ${layout.join()}`);
          }
      }
    });

    test('are exact at the ends of every type, and for left factors up to 2^52', async () => {
      const rnd = random(12);
      const [M, N, K] = [5, 9, 40];
      for (const make of ARRAYS)
        for (const leftBits of bindingBytes ? [20, 52] : [0, 1, 11, 20, 31, 32, 44, 52]) {
          // Σ_k |left·right| < 2^53.
          const rightBits = Math.min(make === Float64Array ? 52 : 8 * make.BYTES_PER_ELEMENT - 1, Math.max(0, 52 - leftBits));
          const [l, r] = [2 ** leftBits, 2 ** rightBits];
          const full = leftBits + rightBits >= 47;
          for (const [strideK, strideN] of [
            [1, K],
            [N, 1],
          ] as const) {
            const left = new Float64Array(M * K);
            // Where one product may already reach 2^52, a row has one cell; else all are full.
            for (let m = 0; m < M; m++)
              for (let k = 0; k < K; k++) if (!full || k === (7 * m) % K) left[m * K + k] = rnd(0, 1) ? -l : l - (l > 1 ? rnd(0, 1) : 0);
            const ends = make === Float64Array ? [-r, r] : [-r, r - 1];
            const batch = batchOf([1, M, N, K], left, (cells) => filled(make, cells, () => ends[rnd(0, 1)] as number), [strideK, strideN]);
            await gpu.multiply(batch);
            assert.deepEqual(
              [...batch.out].map(BigInt),
              defined(batch),
              `${make.name}, 2^${leftBits} · 2^${rightBits}, strides ${strideK}, ${strideN}`,
            );
          }
        }
    });

    test('do not outgrow 32 bits where all limbs are at their ends', async () => {
      const [M, N, K] = [2, 3, 400];
      for (const make of ARRAYS)
        for (const bits of [8, 17, 20, 25]) {
          const whole = make === Int8Array || make === Int16Array;
          const right = whole ? 2 ** (8 * make.BYTES_PER_ELEMENT - 1) : 2 ** 24;
          const cuts = chooseCuts(2 ** bits, right, whole);
          const least = ({ limbs, bits, reach }: Cut): number => (limbs === 1 ? -reach : -(2 ** (bits - 1)));
          // The second row and column fix the cuts; the others' lowest limbs are as far from 0 as they may be, all of one sign.
          const left = new Float64Array(M * K).fill(least(cuts.left));
          left[K] = 2 ** bits;
          const cells = filled(make, N * K, () => least(cuts.right));
          cells[K] = -right;
          const stored = { cells, base: 0, strideK: 1, strideN: K };
          const batch: Batch = { count: 1, left, right: () => stored, out: new Float64Array(M * N), M, N, K };
          await gpu.multiply(batch);
          assert.deepEqual([...batch.out].map(BigInt), defined(batch), `${make.name}, 2^${bits}`);
        }
    });

    test('hold sums up to 2^53 − 1, over many runs of terms', async () => {
      const [M, N, K] = [2, 5, 300];
      const rows = new Float64Array(M * K).fill(2 ** 22);
      const cells = new Float64Array(N * K).fill(2 ** 21);
      for (let n = 0; n < N; n++) cells[n * K] = 1;
      // 299 · 2^43, and what is left of 2^53 − 1.
      rows[0] = 2 ** 53 - 1 - (K - 1) * 2 ** 43;
      for (let k = 0; k < K; k++) rows[K + k] = -(rows[k] as number);
      const batch: Batch = {
        count: 1,
        left: rows,
        right: () => ({ cells, base: 0, strideK: 1, strideN: K }),
        out: new Float64Array(M * N),
        M,
        N,
        K,
      };
      await gpu.multiply(batch);
      assert.deepEqual([...batch.out], [...new Array<number>(N).fill(2 ** 53 - 1), ...new Array<number>(N).fill(1 - 2 ** 53)]);
    });

    test('a zero is +0', async () => {
      const left = Float64Array.of(-0, 3, -3, 3);
      const batch = batchOf([1, 2, 1, 2], left, (cells) => new Float64Array(cells).fill(-0), [1, 2]);
      await gpu.multiply({
        ...batch,
        right: () => ({ cells: Float64Array.of(5, 5), base: 0, strideK: 1, strideN: 2 }),
        left: Float64Array.of(-0, 0, -3, 3),
      });
      assert.ok(batch.out.every((v) => Object.is(v, 0)));
      await gpu.multiply(batch);
      assert.ok(batch.out.every((v) => Object.is(v, 0)));
    });

    test('fixed factors stay on the device, and serve both orientations', async () => {
      const rnd = random(13);
      const [M, N, K] = [6, 60, 41];
      const weights = Int16Array.from({ length: 3 * N * K }, () => rnd(-32768, 32767));
      const products = new GpuProducts(backend.device, { keep: 2 ** 14 });
      const used = backend.device.memory.bytes.used;
      const check = async (matrix: number, transposed: boolean): Promise<number> => {
        const base = matrix * N * K;
        const [n, k] = transposed ? [K, N] : [N, K];
        const [strideK, strideN] = transposed ? [K, 1] : [1, K];
        const left = Float64Array.from({ length: M * k }, () => rnd(-(2 ** 17), 2 ** 17));
        const right = { cells: weights, base, strideK, strideN, fixed: true };
        const batch: Batch = { count: 1, left, right: () => right, out: new Float64Array(M * n), M, N: n, K: k };
        await products.multiply(batch);
        assert.deepEqual(batch.out, onProcessor(batch));
        return backend.device.memory.bytes.used - used;
      };
      const one = await check(0, false);
      assert.ok(one > 0);
      assert.equal(await check(0, true), one);
      const two = await check(1, true);
      assert.ok(two > one);
      assert.equal(await check(1, false), two);
      for (let i = 0; i < 20; i++) assert.ok((await check(i % 3, i % 2 === 0)) <= 2 ** 14);
      products.release();
      assert.equal(backend.device.memory.bytes.used, used);
      assert.equal(await check(0, false), one);
      products.release();
    });

    test('what is no integer below 2^53 is refused, and nothing stays behind', async () => {
      const { used } = backend.device.memory.bytes;
      for (const bad of [0.5, 2 ** 53, -Infinity, NaN])
        for (const inLeft of [true, false]) {
          const [left, cells] = inLeft
            ? [Float64Array.of(1, bad), Float64Array.of(1, 1)]
            : [Float64Array.of(1, 1), Float64Array.of(1, bad)];
          const right = { cells, base: 0, strideK: 1, strideN: 2 };
          const batch: Batch = { count: 1, left, right: () => right, out: new Float64Array(1), M: 1, N: 1, K: 2 };
          await assert.rejects(gpu.multiply(batch), /is no integer below 2\^53/);
        }
      assert.equal(backend.device.memory.bytes.used, used);
    });

    test('over a hundred products, several at a time, take no more memory than the first ones', async () => {
      const rnd = random(14);
      const batches = (): Batch[] =>
        SHAPES.slice(0, 2).map((shape) => {
          const [count, M, , K] = shape;
          const left = Float64Array.from({ length: count * M * K }, () => rnd(-1000, 1000));
          return batchOf(shape, left, (cells) => Int32Array.from({ length: cells }, () => rnd(-(2 ** 31), 2 ** 31 - 1)), [1, K]);
        });
      const round = async (): Promise<void> => {
        const all = batches();
        await Promise.all(all.map((b) => gpu.multiply(b)));
        for (const b of all) assert.deepEqual(b.out, onProcessor(b));
      };
      await round();
      const { used } = backend.device.memory.bytes;
      const peak = backend.peakBytes();
      for (let i = 0; i < 40; i++) await round();
      assert.equal(backend.device.memory.bytes.used, used);
      assert.equal(backend.peakBytes(), peak);
    });
  });
