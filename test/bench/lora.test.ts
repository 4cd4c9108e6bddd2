/** The bench of LoRA modules on tiny shapes: proofs verify, integers are near the real module, wrong options are named. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createWasmBackend } from '../../prover/backend/wasm/index.ts';
import { benchModule } from '../../scripts/bench/lora.ts';
import { ZKLORA } from '../../scripts/bench/zklora.ts';
import { plain } from '../../verifier/engine.ts';
import { bench, benchJson } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'fineproof-bench-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const backend = await createWasmBackend({ workers: 1 });
after(() => backend.close());

test('a module is proven and verified, cold and warm, near its real values', async () => {
  const shape = { modules: 2, tokens: 5, in: 24, rank: 3, out: 10 };
  const m = await benchModule(backend, plain, shape, { bits: 10, runs: 1, seed: 5, clock: 'wall' });
  assert.deepEqual(m.shape, shape);
  assert.ok(m.error < 0.02, `error ${m.error}`);
  assert.ok(m.shifts.u <= 10 && m.shifts.delta <= 10);
  assert.ok(m.bytes > 0 && m.warm.prove.wall > 0 && m.first.verify.wall > 0);
  assert.deepEqual(Object.keys(m.warm.phases), ['inputs', 'walk and witness', 'commit', 'look-ups', 'forms', 'opening', 'closing']);
  // Narrow values are further from the real ones.
  const coarse = await benchModule(backend, plain, shape, { bits: 7, runs: 1, seed: 5, clock: 'wall' });
  assert.ok(coarse.error > m.error);
});

test('from the command line, as JSON with a picture, and as text', async () => {
  const svg = join(folder, 'lora.svg');
  const args = ['lora', '--shape', '40x2x24', '--tokens', '3', '--bits', '9', '--runs', '1', '--workers', '1'];
  const r = await benchJson<{ modules: { shape: unknown; bytes: number }[]; zklora: unknown[]; peak: { process: number } }>(
    ...args,
    '--svg',
    svg,
  );
  assert.deepEqual(
    r.modules.map((m) => m.shape),
    [{ modules: 1, tokens: 3, in: 40, rank: 2, out: 24 }],
  );
  assert.deepEqual(r.zklora, []);
  assert.ok(r.peak.process > 0 && existsSync(svg));
  const { code, out } = await bench(...args);
  assert.equal(code, 0);
  assert.match(out, /40x2x24 .*\n\nPhases/);
});

test('ZKLoRA’s table is complete', () => {
  assert.deepEqual(
    ZKLORA.map((r) => [r.model, r.rank, r.modules, r.shapes.length]),
    [
      ['distilgpt2', 8, 24, 4],
      ['gpt2', 16, 48, 4],
      ['Llama-3.2-1B', 8, 32, 2],
      ['Llama-3.3-70B', 16, 80, 1],
      ['Llama-3.1-8B', 32, 32, 1],
      ['Mixtral-8x7B', 64, 32, 1],
    ],
  );
});

test('wrong options are named with a cure', async () => {
  for (const [args, wanted] of [
    [['--shape', '768x8'], /in x rank x out, such as 768x8x2304/],
    [['--rows', 'gpt3'], /There is no row gpt3; choose among distilgpt2, gpt2,/],
    [['--bits', '17'], /whole number from 6 to 16/],
    [['--shape', '0x1x1'], /module\.in: 0 is not a whole number/],
  ] as const) {
    const { code, err } = await bench('lora', ...args);
    assert.notEqual(code, 0, args.join(' '));
    assert.match(err, wanted);
  }
});
