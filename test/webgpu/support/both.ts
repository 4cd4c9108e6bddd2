/** The backend on the device beside the reference. */
import assert from 'node:assert/strict';
import { createReferenceBackend } from '../../../prover/backend/reference.ts';
import type { Backend, Cells } from '../../../prover/backend/types.ts';
import type { WebGpuBackend } from '../../../prover/backend/webgpu/index.ts';
import type { Affine } from '../../../verifier/curve.ts';

export const reference = createReferenceBackend();

/** Commitments and sums of points, the same on both backends. */
export class Both {
  readonly gpu: WebGpuBackend;
  constructor(gpu: WebGpuBackend) {
    this.gpu = gpu;
  }
  async same<T>(run: (b: Backend) => Promise<T>, what: string): Promise<void> {
    assert.deepEqual(await run(this.gpu), await run(reference), what);
  }
  commitRows(cells: Cells, columns: number, blinds: readonly bigint[], rows?: readonly number[]): Promise<void> {
    return this.same((b) => b.commitRows(cells, columns, blinds, rows), `${cells.constructor.name}, ${columns} columns`);
  }
  /** Through the device's kernels, however few points there are. */
  async msm(scalars: readonly bigint[], points: readonly (Affine | null)[], what: string): Promise<void> {
    const resident = this.gpu.curve.resident(points);
    assert.deepEqual(await resident.sum(scalars), await reference.msm(scalars, points), what);
    resident.free();
  }
  /** Nothing but tables is left on the device. */
  clean(): void {
    assert.equal(this.gpu.device.memory.bytes.used, this.gpu.curve.tableBytes);
  }
}
