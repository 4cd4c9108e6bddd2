/** Polynomials that are larger than what the device may hold, and never whole in the host's memory either: read in pieces, with the results of any backend. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { selectBackend } from '../../prover/backend/index.ts';
import type { CellSource } from '../../prover/backend/sources.ts';
import type { Backend, FieldVector } from '../../prover/backend/types.ts';
import type { WebGpuBackend } from '../../prover/backend/webgpu/index.ts';
import { OpeningRounds, type KernelTerm } from '../../prover/prove/opening.ts';
import { addRows, bindColumns, commitRows, evaluate, type Matrix } from '../../prover/prove/rows.ts';
import { mod } from '../../verifier/field.ts';
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

  it('is committed and opened with the results of memory', async () => {
    const random = new Random(3);
    const rows = [0, 1, 1000, 2 ** HIGH - 1];
    const blinds = random.fields(rows.length);
    const held = { ...matrix, cells: await source.read(0, source.length) };
    const commit = (b: Backend, m: Matrix): Promise<unknown> => commitRows(b, { ...m, rows }, blinds);
    assert.deepEqual(await commit(gpu, matrix), await commit(wasm, held));

    const running = random.fields(HIGH + COLUMNS).map((x) => ({ bits: 1, weights: [mod(1n - x), x] }));
    const terms: KernelTerm[] = [
      { offset: 0, dims: running, scale: random.field() },
      { offset: 5 * 2 ** (COLUMNS + 2), dims: [4, 5, 4].map((bits) => ({ bits, weights: random.fields(2 ** bits - 3) })), scale: 7n },
      { offset: 96, dims: [{ bits: 5, weights: random.fields(31) }], scale: 9n },
    ];
    const challenges = random.fields(HIGH + COLUMNS);
    const opened = async (b: Backend, m: Matrix): Promise<bigint[][]> => {
      const rounds = await OpeningRounds.start(b, m, terms);
      const out: bigint[][] = [];
      for (let k = 0; k < challenges.length; k++) out.push(await rounds.round(k === 0 ? null : (challenges[k - 1] as bigint)));
      out.push(await rounds.finish(challenges.at(-1) as bigint));
      return [...out, [await evaluate(b, m, [...challenges.slice(COLUMNS), ...challenges.slice(0, COLUMNS)])]];
    };
    longest = 0;
    const found = await opened(gpu, matrix);
    assert.ok(longest <= PIECE, `${longest} cells in one read`);
    assert.deepEqual(found, await opened(wasm, held));
    assert.equal(found.at(-1)?.[0], found.at(-2)?.[0], 'the value that the sumcheck ends in');
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
