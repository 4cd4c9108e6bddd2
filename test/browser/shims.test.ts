/** The page's stand-ins for Node's modules judge as those do. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import shim from './shims/assert.ts';
import { runSuite } from './shims/test.ts';

const refuses = async (run: () => unknown): Promise<boolean> => {
  try {
    await run();
    return false;
  } catch {
    return true;
  }
};

it('assert: the same verdicts as node:assert/strict', async () => {
  class Point {
    x = 1n;
  }
  const values = [
    ...[0, -0, 1, NaN, 1n, 2n, '1', true, null, undefined],
    ...[[], [1], [1n], [1n, 2n], [1n, [2n]], [undefined], {}, { x: 1n }, { x: 1n, y: 2 }, { y: 2, x: 1n }, new Point()],
    ...[Float64Array.of(1, -0), Float64Array.of(1, 0), Float64Array.of(1), Int32Array.of(1, 0), { length: 0 }],
    ...[
      new Map(),
      new Map([['a', [1n]]]),
      new Map([['a', [2n]]]),
      new Map([['b', [1n]]]),
      new Map<string, unknown>([
        ['a', [1n]],
        ['b', undefined],
      ]),
    ],
  ];
  const checks = ['equal', 'notEqual', 'deepEqual', 'notDeepEqual'] as const;
  for (const check of checks)
    for (const [i, a] of values.entries())
      for (const [j, b] of [...values, structuredClone(values[i])].entries())
        assert.equal(await refuses(() => shim[check](a, b)), await refuses(() => assert[check](a, b)), `${check} of values ${i} and ${j}`);
  for (const value of values) assert.equal(await refuses(() => shim.ok(value)), await refuses(() => assert.ok(value)), String(value));
  for (const pattern of [/seven/, /eight/])
    assert.equal(await refuses(() => shim.match('seven', pattern)), await refuses(() => assert.match('seven', pattern)));
  assert.ok(await refuses(() => shim.fail('always')));
  for (const wanted of [undefined, /seven/, /^Error: seven$/, /eight/, Error, TypeError, (e: unknown) => e instanceof Error, () => false])
    for (const thrown of [new Error('seven'), new TypeError('seven'), null]) {
      const run = () => {
        if (thrown) throw thrown;
      };
      const later = () => (thrown ? Promise.reject(thrown) : Promise.resolve());
      const check = (a: typeof shim) =>
        Promise.all([
          refuses(() => (wanted ? a.throws(run, wanted) : a.throws(run))),
          refuses(() => (wanted ? a.rejects(later(), wanted) : a.rejects(later()))),
        ]);
      assert.deepEqual(await check(shim), await check(assert as unknown as typeof shim), `${wanted} for ${thrown}`);
    }
});

it('test: groups, hooks in their order, errors', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fineproof-shims-'));
  try {
    const file = join(folder, 'suite.mjs');
    const shims = new URL('./shims/test.ts', import.meta.url).href;
    writeFileSync(
      file,
      `import { after, before, describe, it, test } from '${shims}';
      const log = [];
      test('outside', () => {});
      describe('group', () => {
        before(async () => log.push('before'));
        after(() => { throw new Error(log.join(' ')); });
        it('one', async () => { await null; log.push('one'); });
        it('two', async () => { throw new Error('two fails'); });
      });
      describe('broken', () => {
        before(() => { throw new Error('no start'); });
        it('never', () => {});
      });`,
    );
    const outcomes = (await runSuite(pathToFileURL(file).href)).map(({ name, error }) => [name, error?.split('\n')[0] ?? null]);
    assert.deepEqual(outcomes, [
      ['outside', null],
      ['group: one', null],
      ['group: two', 'Error: two fails'],
      ['group: after', 'Error: before one'],
      ['broken: before', 'Error: no start'],
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
