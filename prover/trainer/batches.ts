/**
 * How a walk gets its matrix products. What computes values is a generator that yields batches of products and goes on when their results are
 * there: the same code is driven by products on the calling thread, or by products elsewhere that are waited for.
 */
import type { Products } from './kernels/products.ts';
import type { Right } from './kernels/right.ts';

/** For i < count: out[i][m][n] = Σ_k left[i][m][k]·right(i)(k, n), out and left row-major. */
export interface Batch {
  readonly count: number;
  readonly left: Float64Array;
  readonly right: (i: number) => Right;
  readonly out: Float64Array;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** What comes to a T once its products are done. */
export type Computation<T> = Generator<Batch, T, void>;

/** Matrix products elsewhere than on the calling thread, exact for integers whose partial sums stay below 2^53. */
export interface AsyncProducts {
  /** Multiply-adds of a batch from which it is worth sending there. */
  readonly least: number;
  multiply(batch: Batch): Promise<void>;
}

/** A batch on the calling thread and its helpers. */
export function multiplyBatch(products: Products, { count, left, right, out, M, N, K }: Batch): void {
  for (let i = 0; i < count; i++)
    products.multiply(left.subarray(i * M * K, (i + 1) * M * K), right(i), out.subarray(i * M * N, (i + 1) * M * N), M, N, K);
}

export function completed<T>(computation: Computation<T>, products: Products): T {
  for (;;) {
    const { done, value } = computation.next();
    if (done) return value;
    multiplyBatch(products, value);
  }
}

/** Small batches are computed here, large ones elsewhere. */
export async function completedWith<T>(computation: Computation<T>, here: Products, elsewhere: AsyncProducts): Promise<T> {
  for (;;) {
    const { done, value } = computation.next();
    if (done) return value;
    if (value.count * value.M * value.N * value.K < elsewhere.least) multiplyBatch(here, value);
    else await elsewhere.multiply(value);
  }
}
