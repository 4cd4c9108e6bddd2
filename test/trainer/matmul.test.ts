import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matmul, sparseMatmul } from '../../prover/trainer/matmul.ts';
import { simdMatmul } from '../../prover/trainer/simd.ts';
import { random } from './helpers.ts';

test('matrix products equal the definition at every shape, also where they are cut into chunks', () => {
  const rnd = random(3);
  const shapes = [
    [1, 1, 1],
    [1, 9, 5],
    [9, 1, 5],
    [4, 2, 2],
    [5, 7, 9],
    [13, 35, 33],
    [37, 70, 64],
    [3, 3, 1031],
    [9, 7, 300001],
  ];
  for (const [M, N, K] of shapes) {
    const limit = K > 1000 ? 2 ** 15 : 2 ** 20;
    const cells = (n: number): Float64Array => Float64Array.from({ length: n }, () => rnd(-limit, limit));
    const [a, b] = [cells(M * K), cells(N * K)];
    const want = new Float64Array(M * N);
    for (let m = 0; m < M; m++) for (let n = 0; n < N; n++) for (let k = 0; k < K; k++) want[m * N + n] += a[m * K + k] * b[n * K + k];
    const got = new Float64Array(M * N).fill(NaN);
    matmul(a, b, got, M, N, K);
    assert.deepEqual(got, want, `${M} × ${N} × ${K}`);
    simdMatmul(a, b, got.fill(NaN), M, N, K);
    assert.deepEqual(got, want, `${M} × ${N} × ${K}`);
    const transposed = Float64Array.from({ length: N * K }, (_, i) => b[(i % N) * K + Math.floor(i / N)]);
    sparseMatmul(a, transposed, got.fill(NaN), M, N, K);
    assert.deepEqual(got, want);
  }
});
