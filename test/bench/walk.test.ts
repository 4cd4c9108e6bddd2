/** The bench of the trainer alone, on a tiny shape. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench, benchJson } from './run.ts';

const TINY = ['--width', '16', '--heads', '2', '--layers', '1', '--tokens', '4', '--rank', '1', '--runs', '1'];

interface Json {
  readonly bench: string;
  readonly cells: number;
  readonly variants: readonly {
    readonly helpers: number;
    readonly products: readonly unknown[];
    readonly work: number;
    readonly parts: Readonly<Record<string, number>>;
    readonly relations: Readonly<Record<string, number>>;
  }[];
}

test('a walk is timed alone and with helpers, by part and by relation', async () => {
  const json = await benchJson<Json>('walk', ...TINY, '--family', 'gpt2', '--helpers', '2');
  assert.equal(json.bench, 'walk');
  assert.ok(json.cells > 0);
  assert.deepEqual(
    json.variants.map((v) => v.helpers),
    [0, 2],
  );
  for (const v of json.variants) {
    assert.equal(v.products.length, 8);
    assert.ok(v.work > 0);
    const sum = (of: Readonly<Record<string, number>>): number => Object.values(of).reduce((s, x) => s + x, 0);
    assert.ok(Math.abs(sum(v.parts) - sum(v.relations)) < 1e-9);
  }
});

test('wrong options are named', async () => {
  const { code, err } = await bench('walk', '--helpers', '65');
  assert.notEqual(code, 0);
  assert.match(err, /--helpers/);
});
