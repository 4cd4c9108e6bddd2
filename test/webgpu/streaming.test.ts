/** Polynomials that are larger than what the device may hold, and never whole in the host's memory either: read in pieces, with the results of any backend. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { selectBackend } from '../../prover/backend/index.ts';
import type { CellSource } from '../../prover/backend/sources.ts';
import type { Backend, FieldVector } from '../../prover/backend/types.ts';
import type { WebGpuBackend } from '../../prover/backend/webgpu/index.ts';
import { addRows, bindColumns, type Matrix } from '../../prover/prove/rows.ts';
import { Random } from '../backend/random.ts';
import { open, skip } from './support/backend.ts';

/** Bytes of a buffer on the device; a piece of a polynomial is one. */
const PIECE = 2 ** 18;
const [HIGH, COLUMNS] = [11, 11];

describe('a polynomial larger than the device may hold', { skip }, () => {
  let gpu: WebGpuBackend;
  let wasm: Backend;
  /** Cells of the longest read, and reads that were not yet done, at once. */
  let [longest, waiting, most] = [0, 0, 0];
  const source: CellSource = {
    length: 2 ** (HIGH + COLUMNS),
    BYTES_PER_ELEMENT: 1,
    async read(offset, length) {
      longest = Math.max(longest, length);
      most = Math.max(most, ++waiting);
      await new Promise((resolve) => setTimeout(resolve, 1));
      waiting--;
      return Int8Array.from({ length }, (_, i) => Math.imul(offset + i + 1, 0x9e3779b1) >> 24);
    },
  };
  const matrix: Matrix = { cells: source, columns: COLUMNS, rows: Array.from({ length: 2 ** HIGH }, (_, row) => row) };
  before(async () => {
    gpu = await open({ bindingBytes: PIECE });
    wasm = await selectBackend('wasm', { workers: 1 });
  });
  after(async () => {
    await gpu.close();
    await wasm.close();
  });

  const values = async (b: Backend, v: FieldVector): Promise<bigint[]> => {
    const cells = await b.toField(v);
    b.free(v);
    return cells;
  };

  it('sums of rows, and rows at a point', async () => {
    const random = new Random(1);
    const [weights, point] = [random.fields(2 ** HIGH), random.fields(COLUMNS)];
    const run = async (b: Backend): Promise<bigint[][]> => {
      const out = b.zeros(2 ** COLUMNS);
      await addRows(b, matrix, weights, 3n, out);
      return [await values(b, out), await values(b, await bindColumns(b, matrix, point))];
    };
    const expected = await run(wasm);
    [longest, most] = [0, 0];
    assert.deepEqual(await run(gpu), expected);
    assert.ok(longest <= PIECE, `${longest} cells in one read`);
    assert.equal(most, 1, 'one piece is read ahead');
    assert.ok(gpu.peakBytes() < source.length / 2, `${gpu.peakBytes()} bytes on the device for ${source.length}`);
    assert.equal(gpu.device.memory.bytes.used, 0);
  });

  it('a piece that cannot be read ends the pass, and leaves nothing on the device', async () => {
    let reads = 0;
    const { used } = gpu.device.memory.bytes;
    const failing: CellSource = {
      ...source,
      read: (offset, length) => (++reads < 3 ? source.read(offset, length) : Promise.reject(new Error('the disk is gone'))),
    };
    await assert.rejects(bindColumns(gpu, { ...matrix, cells: failing }, new Random(2).fields(COLUMNS)), /the disk is gone/);
    assert.equal(gpu.device.memory.bytes.used, used);
  });
});
