/** Matrix products too small or too sparse for the vector kernels. Exact for integers as long as every partial sum stays below 2^53. */
import type { Cells } from '../../verifier/public-content.ts';

/** c[m][n] = Σ_k a[m][k]·b[n][k]: both factors have the contracted index innermost. */
export function matmul(a: Float64Array, b: Float64Array, c: Float64Array, M: number, N: number, K: number): void {
  for (let m = 0; m < M; m++)
    for (let n = 0; n < N; n++) {
      let s = 0;
      for (let k = 0, x = m * K, y = n * K; k < K; k++) s += a[x++] * b[y++];
      c[m * N + n] = s;
    }
}

/** c[at + i] += x · cells[base + i·stride] for i < n. */
export function addMultiples(c: Float64Array, at: number, cells: Cells, base: number, stride: number, n: number, x: number): void {
  for (let i = 0; i < n; i++, base += stride) c[at + i] += x * cells[base];
}
