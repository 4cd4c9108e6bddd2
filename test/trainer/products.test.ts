import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Products } from '../../prover/trainer/kernels/products.ts';
import { addMultiples, matmul } from '../../prover/trainer/matmul.ts';
import type { Cells } from '../../verifier/public-content.ts';
import { random } from './helpers.ts';

const SHAPES = [
  [1, 1, 1],
  [1, 9, 5],
  [9, 1, 5],
  [4, 4, 2],
  [5, 7, 9],
  [13, 35, 33],
  [37, 70, 64],
  [32, 200, 513],
  [3, 3, 1031],
  [130, 131, 257],
] as const;
const ARRAYS = [Int8Array, Int16Array, Int32Array, Float64Array] as const;

const alone = new Products(0);
const helped = [new Products(1), new Products(3)];
after(() => Promise.all(helped.map((p) => p.close())));

/** Σ_k a[m][k]·b(k, n), of integers with sums below 2^53. */
function defined(a: Float64Array, b: (k: number, n: number) => number, M: number, N: number, K: number): Float64Array {
  return Float64Array.from({ length: M * N }, (_, i) => {
    const [m, n] = [Math.floor(i / N), i % N];
    let sum = 0;
    for (let k = 0; k < K; k++) sum += a[m * K + k] * b(k, n);
    return sum;
  });
}

test('matrix products equal the definition at every shape and type of cells, wherever the right factor lies', () => {
  const rnd = random(3);
  for (const [M, N, K] of SHAPES)
    for (const make of ARRAYS) {
      const limit = Math.min(make === Float64Array ? 2 ** 24 : 2 ** (8 * make.BYTES_PER_ELEMENT - 1) - 1, 2 ** 24);
      const a = Float64Array.from({ length: M * K }, () => rnd(-(2 ** 17), 2 ** 17));
      // Lines with a gap, behind cells that are not part of the matrix.
      for (const [strideK, strideN] of [
        [1, K],
        [1, K + 3],
        [N, 1],
        [N + 5, 1],
      ] as const) {
        const base = 7;
        const cells: Cells = new make(base + (K - 1) * strideK + (N - 1) * strideN + 1);
        for (let i = 0; i < cells.length; i++) cells[i] = rnd(-limit, limit);
        const want = defined(a, (k, n) => cells[base + k * strideK + n * strideN], M, N, K);
        for (const products of [alone, ...helped]) {
          const got = new Float64Array(M * N).fill(NaN);
          products.multiply(a, { cells, base, strideK, strideN }, got, M, N, K);
          assert.deepEqual(got, want, `${M} × ${N} × ${K}, ${make.name}, strides ${strideK}, ${strideN}`);
        }
      }
    }
});

test('sums up to 2^53 − 1 are exact', () => {
  const [M, N, K] = [5, 300, 2 ** 10];
  const a = new Float64Array(M * K).fill(2 ** 22);
  a[M * K - 1] = 2 ** 22 - 1;
  const b = new Int32Array(N * K).fill(2 ** 21);
  const want = new Float64Array(M * N).fill(2 ** 53);
  want.fill(2 ** 53 - 2 ** 21, (M - 1) * N);
  const got = new Float64Array(M * N);
  for (const products of [alone, ...helped]) {
    products.multiply(a, { cells: b, base: 0, strideK: 1, strideN: K }, got, M, N, K);
    assert.deepEqual(got, want);
  }
});

test('doubles that are no integers give the same bits for any number of threads and either layout', () => {
  const [M, N, K] = [33, 400, 700];
  const a = Float64Array.from({ length: M * K }, (_, i) => Math.sin(i));
  const rows = Float64Array.from({ length: N * K }, (_, i) => Math.cos(i));
  const columns = Float64Array.from({ length: N * K }, (_, i) => rows[(i % N) * K + Math.floor(i / N)]);
  const run = (products: Products, transposed: boolean): Float64Array => {
    const got = new Float64Array(M * N);
    const right = transposed ? { cells: columns, base: 0, strideK: N, strideN: 1 } : { cells: rows, base: 0, strideK: 1, strideN: K };
    products.multiply(a, right, got, M, N, K);
    return got;
  };
  const want = run(alone, false);
  for (const products of [alone, ...helped]) for (const transposed of [false, true]) assert.deepEqual(run(products, transposed), want);
});

test('factors larger than what is in the shared memory at once go through in slices', () => {
  const rnd = random(5);
  for (const [M, N, K] of [
    [2, 9, 250005],
    [2, 250005, 9],
    [2 ** 19 + 3, 9, 9],
  ] as const) {
    const a = Float64Array.from({ length: M * K }, (_, i) => (i * 7919) % 2003);
    const cells = Float64Array.from({ length: N * K }, (_, i) => (i % 1999) - rnd(0, 1));
    for (const [strideK, strideN] of [
      [1, K],
      [N, 1],
    ] as const) {
      const got = new Float64Array(M * N);
      helped[0].multiply(a, { cells, base: 0, strideK, strideN }, got, M, N, K);
      for (let i = 0; i < M * N; i += Math.max(1, Math.floor((M * N) / 997))) {
        let sum = 0;
        for (let k = 0; k < K; k++) sum += a[Math.floor(i / N) * K + k] * cells[k * strideK + (i % N) * strideN];
        assert.equal(got[i], sum, `${M} × ${N} × ${K} at ${i}`);
      }
    }
  }
});

test('small and sparse products equal the definition', () => {
  const rnd = random(9);
  const [M, N, K] = [3, 5, 7];
  const a = Float64Array.from({ length: M * K }, () => rnd(-9, 9));
  const b = Float64Array.from({ length: N * K }, () => rnd(-9, 9));
  const want = defined(a, (k, n) => b[n * K + k], M, N, K);
  const got = new Float64Array(M * N);
  matmul(a, b, got, M, N, K);
  assert.deepEqual(got, want);
  got.fill(0);
  for (let m = 0; m < M; m++) for (let k = 0; k < K; k++) addMultiples(got, m * N, Int8Array.from(b), k, K, N, a[m * K + k]);
  assert.deepEqual(got, want);
});

test('a kernel that traps on one thread fails the product, and the threads still end', async () => {
  const products = new Products(1);
  const trap = (): never => {
    throw new WebAssembly.RuntimeError('unreachable');
  };
  Object.assign(products, { kernels: { setThread: trap, group: () => {}, product: trap } });
  const [M, N, K] = [16, 512, 512];
  const right = { cells: new Int8Array(N * K), base: 0, strideK: 1, strideN: K };
  // The caller draws the first chunk: a helper is only starting.
  assert.throws(() => products.multiply(new Float64Array(M * K), right, new Float64Array(M * N), M, N, K), /a kernel trapped/);
  await products.close();
});

test('a wrong number of helpers is refused', () => {
  assert.throws(() => new Products(-1), /-1 helpers; give 0 to 64/);
});
