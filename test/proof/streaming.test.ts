/** Fixed polynomials from files: the prover reads them in pieces, and its proofs are the ones that it makes from memory. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { selectBackend } from '../../prover/backend/index.ts';
import type { CellSource } from '../../prover/backend/sources.ts';
import type { Backend, ContractDim } from '../../prover/backend/types.ts';
import { CellFile, writeCellFile } from '../../prover/prove/cell-file-node.ts';
import { addRows, bindColumns, commitRows, evaluate, type Matrix } from '../../prover/prove/rows.ts';
import { placeTensors } from '../../prover/prove/witness.ts';
import { compile, type PolyLayout } from '../../verifier/program/compile.ts';
import { verifyBundle } from '../../verifier/verify.ts';
import { Walker } from '../../prover/trainer/walk.ts';
import { Random } from '../backend/random.ts';
import { data, firstState, matrixStep, model, walk } from '../fixtures/matrix-step.ts';
import { proveRun } from '../fixtures/run.ts';
import { seededRandom } from '../fixtures/seeded.ts';
import * as tiny from '../fixtures/tiny-training.ts';

const folder = mkdtempSync(join(tmpdir(), 'fineproof-cells-'));
const files: CellFile[] = [];
after(async () => {
  for (const file of files) await file.close();
  rmSync(folder, { recursive: true });
});

/** A polynomial's file, from dense tensors. */
async function fileOf(name: string, poly: PolyLayout, content: ReadonlyMap<string, ArrayLike<number>>): Promise<CellFile> {
  const path = join(folder, name);
  await writeCellFile(path, poly, async (tensor) => content.get(tensor) as ArrayLike<number>);
  const file = await CellFile.open(path, poly);
  files.push(file);
  return file;
}

describe('files of cells', () => {
  const poly = compile(matrixStep).polys.find((p) => p.role === 'fixed') as PolyLayout;
  const content = new Map<string, ArrayLike<number>>([...model, ...data]);

  test('hold what memory would', async () => {
    const file = await fileOf('placed', poly, content);
    const cells = placeTensors(poly.tensors, content, poly.bits);
    assert.equal(file.length, cells.length);
    assert.deepEqual(await file.read(0, file.length), cells);
    assert.deepEqual(await file.read(1, 5), cells.subarray(1, 6));
    assert.equal((await file.read(file.length, 0)).length, 0);
    await assert.rejects(file.read(1, file.length), /cells 1 …/);
  });

  test('are written whole or not at all, and refused where they have another size', async () => {
    const path = join(folder, 'wrong');
    await assert.rejects(
      writeCellFile(path, poly, async () => [1e6]),
      /does not fit|values, its shape/,
    );
    await assert.rejects(
      writeCellFile(path, poly, async (name) => Array.from(content.get(name) as ArrayLike<number>, () => 2 ** 40)),
      /does not fit/,
    );
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('wrong')),
      [],
    );
    await writeCellFile(path, poly, async (name) => content.get(name) as ArrayLike<number>);
    truncateSync(path, 3);
    await assert.rejects(CellFile.open(path, poly), /has 3 bytes instead of/);
  });
});

for (const name of ['reference', 'wasm'])
  describe(`${name}: cells of a source`, () => {
    let backend: Backend;
    before(async () => {
      backend = await selectBackend(name, name === 'wasm' ? { workers: 2 } : {});
    });
    after(() => backend.close());

    test('partial evaluations, rows and values', async () => {
      const random = new Random(3);
      const [high, columns] = [5, 3];
      for (const Of of [Int8Array, Int16Array, Int32Array, Float64Array]) {
        const cells = Of.from(random.integers(2 ** (high + columns), Of === Float64Array ? 53 : 8 * Of.BYTES_PER_ELEMENT - 1));
        const source: CellSource = {
          length: cells.length,
          BYTES_PER_ELEMENT: Of.BYTES_PER_ELEMENT as CellSource['BYTES_PER_ELEMENT'],
          read: async (offset, length) => cells.slice(offset, offset + length),
        };
        const rows = [0, 1, 2, 7, 8, 30];
        const [held, read] = [cells, source].map((x): Matrix => ({ cells: x, columns, rows })) as [Matrix, Matrix];
        const blinds = random.fields(rows.length);
        assert.deepEqual(await commitRows(backend, read, blinds), await commitRows(backend, held, blinds));
        await assert.rejects(commitRows(backend, read, blinds.slice(1)), /6 rows, 5 blinds/);
        const point = random.fields(high + columns);
        assert.equal(await evaluate(backend, read, point), await evaluate(backend, held, point));
        const weights = random.fields(2 ** high);
        const causal: ContractDim[] = [
          { bits: 4, kind: 'sum', weights: random.fields(13) },
          { bits: 4, kind: 'keep', size: 15, shift: -1, limit: 14, stride: 1 },
        ];
        const results = [];
        for (const m of [held, read]) {
          const out = backend.zeros(16);
          await addRows(backend, m, weights, 3n, out);
          await backend.contract({ cells: m.cells, offset: 0, causal: [0, 1] }, causal, 5n, out);
          results.push(await backend.toField(out), await backend.toField(await bindColumns(backend, m, point.slice(high))));
        }
        assert.deepEqual(results.slice(2), results.slice(0, 2));
      }
    });

    test('what goes wrong in a source is thrown', async () => {
      const source: CellSource = { length: 64, BYTES_PER_ELEMENT: 1, read: () => Promise.reject(new Error('the disk is gone')) };
      const m = { cells: source, columns: 3, rows: [0, 5] };
      await assert.rejects(commitRows(backend, m, [1n, 2n]), /the disk is gone/);
      await assert.rejects(bindColumns(backend, m, [1n, 2n, 3n]), /the disk is gone/);
    });
  });

test('rows of a source far larger than memory are committed some at a time', async () => {
  const backend = await selectBackend('wasm', { workers: 1 });
  const columns = 12;
  let most = 0;
  const source: CellSource = {
    length: 2 ** 40,
    BYTES_PER_ELEMENT: 1,
    read: async (offset, length) => {
      most = Math.max(most, length);
      return Int8Array.from({ length }, (_, i) => (i % 4096 === 7 ? (offset + i) / 4096 : 0));
    },
  };
  const rows = [0, 1, 5, 2 ** 20, 2 ** 20 + 1, 2 ** 20 + 9000, 2 ** 28 - 1];
  const found = await commitRows(
    backend,
    { cells: source, columns, rows },
    rows.map((_, k) => BigInt(k + 1)),
  );
  for (const [k, row] of rows.entries()) {
    const cells = await source.read(row * 4096, 4096);
    assert.deepEqual([found[k]], await backend.commitRows(cells, 4096, [BigInt(k + 1)]));
  }
  assert.ok(most <= 2 ** 25);
  await backend.close();
});

test('a run proven from files is the run proven from memory', async () => {
  const backend = await selectBackend('wasm', { workers: 2 });
  const small = { program: matrixStep, fixed: new Map([...model, ...data]), firstState };
  const run = { ...small, walk: (t: number, state: ReadonlyMap<string, Float64Array>) => walk(t, state.get('S') as Float64Array) };
  const walker = new Walker(tiny.tinyTraining());
  const fixed = new Map([...tiny.content].map(([key, cells]) => [key, Float64Array.from(cells)] as const));
  const training = {
    program: tiny.tinyTraining(),
    fixed,
    firstState: tiny.firstState,
    walk: (t: number, state: ReadonlyMap<string, Float64Array>) => walker.walk(t, new Map([...fixed, ...state]), { leaves: true }),
  };
  for (const [k, own] of [run, training].entries()) {
    const from = await proveRun(backend, {
      ...own,
      random: seededRandom(5n),
      source: (poly, content) => fileOf(`${k} ${poly.name}`, poly, content),
    });
    const memory = await proveRun(backend, { ...own, random: seededRandom(5n) });
    assert.deepEqual(from.bundle, memory.bundle);
    await verifyBundle(from.context, from.bundle);
  }
  await backend.close();
});
