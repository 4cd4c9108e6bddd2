/** The bench of growth on tiny shapes, and the lines that it fits. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fitLine } from '../../scripts/bench/fit.ts';
import { bench, benchJson, TINY_SHAPE } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'fineproof-bench-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const TINY = [...TINY_SHAPE, '--tokens', '4', '--layers', '1', '--rank', '2'];

interface Result {
  readonly series: readonly {
    readonly series: string;
    readonly points: readonly { readonly x: number; readonly work: number; readonly bundleBytes: number }[];
    readonly prove: { readonly growth: number; readonly fit: { readonly b: number; readonly residuals: readonly number[] } };
    readonly bytes: { readonly growth: number };
  }[];
}

test('series over layers and steps; a list of one value is no series', async () => {
  const svg = join(folder, 'scaling.svg');
  const lists = ['--over-tokens', '4', '--over-layers', '2,1', '--over-steps', '1,2', '--over-per-proof', '1,2'];
  const r = await benchJson<Result>('scaling', ...TINY, ...lists, '--svg', svg);
  assert.deepEqual(
    r.series.map((s) => [s.series, s.points.map((p) => p.x)]),
    [
      ['layers', [1, 2]],
      ['steps', [1, 2]],
      ['steps in a proof', [1, 2]],
    ],
  );
  const [layers, steps, together] = r.series as [Result['series'][number], Result['series'][number], Result['series'][number]];
  assert.ok(r.series.every((s) => s.prove.growth > 0 && s.prove.fit.residuals.length === 2));
  const work = (s: Result['series'][number]): number => (s.points[1]?.work ?? NaN) / (s.points[0]?.work ?? NaN);
  assert.ok(work(layers) > 1 && work(layers) < 2);
  // Calibration over two steps may choose other tables.
  assert.ok(Math.abs(work(steps) - 2) < 0.1);
  assert.ok(together.bytes.growth < steps.bytes.growth);
  assert.match(readFileSync(svg, 'utf8'), /^<svg .*verifying, seconds.*<\/svg>\n$/s);
});

test('lines by least squares', () => {
  const exact = fitLine([
    [1, 5],
    [2, 7],
    [4, 11],
  ]);
  assert.deepEqual([exact.a, exact.b, exact.worst], [3, 2, 0]);
  const bent = fitLine([
    [0, 1],
    [1, 1],
    [2, 4],
  ]);
  assert.ok(Math.abs(bent.a - 0.5) < 1e-12 && Math.abs(bent.b - 1.5) < 1e-12);
  assert.deepEqual(
    bent.residuals.map((r) => Math.round(2 * r)),
    [1, -2, 1],
  );
  assert.equal(bent.worst, 1);
  assert.throws(() => fitLine([[2, 1]]), /two places/);
});

test('wrong lists are named', async () => {
  for (const [args, wanted] of [
    [['--over-layers', '3,x'], /whole number from 1/],
    [
      ['--over-per-proof', '1,3', '--over-tokens', '4', '--over-layers', '1', '--over-steps', '1', ...TINY],
      /recipe\.perProof: 3 is not a power of two/,
    ],
    [['--clock', 'sun'], /Allowed choices are wall, cpu/],
  ] as const) {
    const { code, err } = await bench('scaling', ...args);
    assert.notEqual(code, 0);
    assert.match(err, wanted);
  }
});
