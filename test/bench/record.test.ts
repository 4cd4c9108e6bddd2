/** The bench of the recorded verifier, on a tiny model: what it counts is there, and its run accepts the bundle. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench, benchJson, TINY_SHAPE } from './run.ts';

interface Json {
  readonly key: string;
  readonly traceRoot: string;
  readonly k: number;
  readonly proofs: number;
  readonly traceBytes: number;
  readonly lists: Readonly<Record<string, { readonly instructions: number; readonly opcodes: Readonly<Record<string, number>> }>>;
}

test('lists, key and trace of a run of two steps', async () => {
  const json = await benchJson<Json>('record', ...TINY_SHAPE, '--steps', '2');
  assert.match(json.key, /^0x[0-9a-f]{64}$/);
  assert.match(json.traceRoot, /^0x[0-9a-f]{64}$/);
  const { init, step, last } = json.lists;
  assert.ok(init && step && last);
  assert.equal(json.proofs, 2);
  assert.equal(json.traceBytes, 64 * (init.instructions + 2 * step.instructions + last.instructions));
  for (const { instructions, opcodes } of [init, step, last]) {
    assert.ok(instructions <= 2 ** json.k);
    assert.equal(
      Object.values(opcodes).reduce((n, m) => n + m, 0),
      instructions,
    );
  }
  assert.ok((step.opcodes['LOADP'] as number) > 0 && (last.opcodes['ECMULADD'] as number) > 0);
});

test('as text', async () => {
  const { code, out, err } = await bench('record', ...TINY_SHAPE);
  assert.equal(code, 0, err);
  assert.match(out, /MULADD {2,}\d/);
});
