/**
 * Matrix products in float64. All are exact for integers as long as every partial sum stays below 2^53, which the caller bounds.
 */

const TILE = 32;

/** c[m][n] = Σ_k a[m][k]·b[n][k]: both factors have the contracted index innermost. */
export function matmul(a: Float64Array, b: Float64Array, c: Float64Array, M: number, N: number, K: number): void {
  for (let n0 = 0; n0 < N; n0 += TILE) {
    const n1 = Math.min(N, n0 + TILE);
    let m = 0;
    for (; m + 4 <= M; m += 4) {
      let n = n0;
      for (; n + 2 <= n1; n += 2) block42(a, b, c, m * K, n * K, m * N + n, K, N);
      for (; n < n1; n++) for (let i = 0; i < 4; i++) c[(m + i) * N + n] = dot(a, (m + i) * K, b, n * K, K);
    }
    for (; m < M; m++) for (let n = n0; n < n1; n++) c[m * N + n] = dot(a, m * K, b, n * K, K);
  }
}

function block42(a: Float64Array, b: Float64Array, c: Float64Array, ao: number, bo: number, co: number, K: number, N: number): void {
  let s00 = 0;
  let s01 = 0;
  let s10 = 0;
  let s11 = 0;
  let s20 = 0;
  let s21 = 0;
  let s30 = 0;
  let s31 = 0;
  const a1 = ao + K;
  const a2 = a1 + K;
  const a3 = a2 + K;
  const b1 = bo + K;
  for (let k = 0; k < K; k++) {
    const y0 = b[bo + k];
    const y1 = b[b1 + k];
    const x0 = a[ao + k];
    const x1 = a[a1 + k];
    const x2 = a[a2 + k];
    const x3 = a[a3 + k];
    s00 += x0 * y0;
    s01 += x0 * y1;
    s10 += x1 * y0;
    s11 += x1 * y1;
    s20 += x2 * y0;
    s21 += x2 * y1;
    s30 += x3 * y0;
    s31 += x3 * y1;
  }
  c[co] = s00;
  c[co + 1] = s01;
  c[co + N] = s10;
  c[co + N + 1] = s11;
  c[co + 2 * N] = s20;
  c[co + 2 * N + 1] = s21;
  c[co + 3 * N] = s30;
  c[co + 3 * N + 1] = s31;
}

function dot(a: Float64Array, ao: number, b: Float64Array, bo: number, K: number): number {
  let s = 0;
  for (let k = 0; k < K; k++) s += a[ao + k] * b[bo + k];
  return s;
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
