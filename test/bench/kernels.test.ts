/** The bench of kernels on few cells: all libraries agree on the sums, every kernel has a time for every number of workers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench, benchJson } from './run.ts';

interface Result {
  readonly noble: Readonly<Record<string, number>>;
  readonly mcl: Readonly<Record<string, number>>;
  readonly ours: readonly { readonly workers: number; readonly times: Readonly<Record<string, number>> }[];
  readonly targets: readonly unknown[];
  readonly peak: Readonly<Record<string, number>>;
}

test('every kernel is timed with one worker and with two, beside the other libraries', async () => {
  const r = await benchJson<Result>('kernels', '--size', '9', '--workers', '2,1');
  assert.deepEqual(
    r.ours.map((o) => o.workers),
    [1, 2],
  );
  const names = Object.keys(r.noble);
  assert.equal(names.length, 8);
  for (const o of r.ours) assert.deepEqual(Object.keys(o.times).sort(), [...names].sort());
  for (const times of [r.noble, r.mcl, ...r.ours.map((o) => o.times)]) assert.ok(Object.values(times).every((t) => t > 0));
  assert.deepEqual(Object.keys(r.mcl), ['multi-exponentiation, 2^5 points, 16 bits', 'multi-exponentiation, 2^5 points, 254 bits']);
  // Targets speak of 2^20 cells.
  assert.deepEqual(r.targets, []);
  assert.ok(r.peak['process'] !== undefined && r.peak['process'] > 0);
});

test('as text, and wrong numbers of workers', async () => {
  const { code, out } = await bench('kernels', '--size', '8', '--workers', '1');
  assert.equal(code, 0);
  for (const word of ['1 worker', 'mcl-wasm', 'noble', 'peak memory', 'targets are for --size 20']) assert.ok(out.includes(word), word);
  const wrong = await bench('kernels', '--workers', '1,0');
  assert.notEqual(wrong.code, 0);
  assert.match(wrong.err, /whole number from 1 to 256/);
});
