/**
 * Matrix products in float64. All are exact for integers as long as every partial sum stays below 2^53, which the caller bounds.
 */

import { simdMatmul } from './simd.ts';

/** Products below which copying into the kernel's memory doesn't pay. */
const SMALL = 512;

/** c[m][n] = Σ_k a[m][k]·b[n][k]: both factors have the contracted index innermost. */
export function matmul(a: Float64Array, b: Float64Array, c: Float64Array, M: number, N: number, K: number): void {
  if (M > 1 && N > 1 && M * N * K >= SMALL) return simdMatmul(a, b, c, M, N, K);
  for (let m = 0; m < M; m++)
    for (let n = 0; n < N; n++) {
      let s = 0;
      for (let k = 0, x = m * K, y = n * K; k < K; k++) s += a[x++] * b[y++];
      c[m * N + n] = s;
    }
}

/** c[m][n] = Σ_k a[m][k]·b[k][n], for `a` with few non-zero cells (one-hot rows). */
export function sparseMatmul(a: Float64Array, b: Float64Array, c: Float64Array, M: number, N: number, K: number): void {
  c.fill(0);
  for (let m = 0; m < M; m++)
    for (let k = 0; k < K; k++) {
      const x = a[m * K + k];
      if (x === 0) continue;
      const bo = k * N;
      const co = m * N;
      for (let n = 0; n < N; n++) c[co + n] += x * b[bo + n];
    }
}
