/** The bench of training steps on tiny shapes: it runs through proof and verification, counts every cell once, and says what is wrong with its options. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { countParts, partOf, PARTS } from '../../scripts/bench/parts.ts';
import { prepare, type RecipeOptions } from '../../scripts/bench/recipe.ts';
import { buildTraining } from '../../verifier/models/build.ts';
import { outputsOf, viewsRead } from '../../verifier/validity/reads.ts';
import { compile } from '../../verifier/program/compile.ts';
import { tinyLlama } from '../fixtures/llama.ts';
import { bench, benchJson, TINY_SHAPE } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'fineproof-bench-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const TINY = [...TINY_SHAPE, '--tokens', '8', '--batch', '2', '--rank', '3'];

const OPTIONS: RecipeOptions = {
  model: 'custom',
  family: 'llama',
  width: 12,
  heads: 3,
  vocab: 300,
  tokens: 8,
  batch: 1,
  rank: 2,
  target: 'q,v',
  optimizer: 'adamw',
  learningRate: 0.001,
  precision: 'compact',
  steps: 1,
  perProof: 1,
  hidden: '',
  seed: 1,
};

interface Result {
  readonly cells: number;
  readonly leaves: number;
  readonly losses: readonly number[];
  readonly proofBytes: number;
  readonly bundleBytes: number;
  readonly proving: Readonly<Record<string, { wall: number; cpu: number }>>;
  readonly verifying: Readonly<Record<string, unknown>>;
  readonly peak: Readonly<Record<string, number>>;
  readonly program: { readonly proofs: number; readonly parts: Readonly<Record<string, { cells: number; leaves: number }>> };
}

test('steps of a custom shape: trained, proven, verified, with hidden model and data', async () => {
  const svg = join(folder, 'pictures', 'step.svg');
  const r = await benchJson<Result>('step', ...TINY, '--steps', '4', '--per-proof', '2', '--hidden', 'model,data', '--svg', svg);
  assert.equal(r.program.proofs, 2);
  assert.equal(r.losses.length, 2);
  assert.ok(r.losses.every((l) => Math.abs(l - Math.log(11)) < 1));
  assert.deepEqual(Object.keys(r.proving), [
    'final state',
    'walk and witness',
    'commit',
    'look-ups',
    'forms',
    'opening',
    'closing',
    'decider',
  ]);
  assert.deepEqual(Object.keys(r.verifying), ['transitions', 'decider']);
  assert.ok(r.proofBytes * 2 < r.bundleBytes);
  assert.deepEqual(Object.keys(r.program.parts), [...PARTS]);
  assert.ok(Object.values(r.program.parts).every((p) => p.cells > 0 && p.leaves > 0));
  assert.ok(Object.values(r.peak).every((p) => p > 0));
  assert.ok(existsSync(svg));
  assert.match(readFileSync(svg, 'utf8'), /^<svg .*look-ups.*<\/svg>\n$/s);
});

test('a custom model of GPT-2’s family', async () => {
  const r = await benchJson<Result>('step', ...TINY, '--family', 'gpt2', '--target', 'q,mlp.c_fc');
  assert.ok(r.losses.length === 1 && Object.values(r.program.parts).every((p) => p.cells > 0));
});

test('the same seed gives the same weights and tokens, another seed others', () => {
  const [a, b, c] = [1, 1, 2].map((seed) => prepare({ ...OPTIONS, seed }));
  assert.deepEqual([a?.model, a?.data], [b?.model, b?.data]);
  assert.notDeepEqual(a?.model, c?.model);
  assert.notDeepEqual(a?.data, c?.data);
  // Normal with deviation 0.02, and tokens over the whole vocabulary.
  const embedding = a?.model.find((t) => t.name === 'model.embed_tokens.weight');
  const values = Array.from(embedding?.values ?? [], (v) => v * 2 ** -(embedding?.f ?? 0));
  const moment = (k: number): number => values.reduce((z, v) => z + v ** k, 0) / values.length;
  assert.ok(Math.abs(moment(1)) < 0.001 && Math.abs(Math.sqrt(moment(2)) - 0.02) < 0.001 && Math.abs(moment(4) / moment(2) ** 2 - 3) < 0.5);
  assert.ok(a?.data.every((t) => t.values.every((id) => id >= 0 && id < OPTIONS.vocab)));
});

test('real weights from a folder, as text', async () => {
  const { code, out, err } = await bench('step', '--weights', 'examples/base', '--tokens', '4', '--rank', '1', '--target', 'v');
  assert.equal(code, 0, err);
  for (const word of ['look-ups', 'backward', 'decider', 'peak memory', 'loss']) assert.ok(out.includes(word), word);
  assert.match(err, /verifying/);
});

test('cells and look-ups are counted once, and every part has its own', () => {
  const c = compile(tinyLlama().program);
  const parts = countParts(c);
  // Without causal tensors a part's cells would be the product of its axes.
  const rectangles = (c.polys.find((p) => p.role === 'witness')?.tensors ?? [])
    .filter((t) => t.tensor.causal === undefined)
    .reduce((n, t) => n + t.tensor.axes.reduce((m, a) => m * a.size, 1), 0);
  // Step, layer, batch, head; j ≤ i of four positions; two causal tensors in each of the passes, and the maxima's selector.
  const causal = c.polys.flatMap((p) => p.tensors).filter((t) => t.tensor.causal !== undefined).length * (2 * 2 * 2 * 3) * 10;
  assert.equal(
    PARTS.reduce((n, p) => n + parts[p].cells, 0),
    rectangles + causal,
  );
  assert.ok(PARTS.reduce((n, p) => n + parts[p].leaves, 0) <= 2 ** c.depth);
  assert.deepEqual(
    ['q_proj.out', 'logits.max', 'grad.q_proj.A', 'v_proj.du', 'norm.dot.r2', 'q_proj.A.root', 'lora.v_proj.B', 'state.out.v_proj.B.m'].map(
      partOf,
    ),
    ['forward', 'forward', 'backward', 'backward', 'backward', 'update', 'update', 'update'],
  );
});

test('nothing of the forward pass reads a gradient, in either family', () => {
  for (const family of ['llama', 'gpt2'] as const) {
    const { program } = buildTraining(prepare({ ...OPTIONS, family }).recipe);
    const seen = new Set<string>();
    for (const relation of program.relations)
      for (const { view } of outputsOf(relation)) {
        const part = partOf(view.tensor);
        seen.add(part);
        const read = viewsRead(relation).map((v) => v.tensor);
        if (part === 'forward')
          assert.deepEqual(
            read.filter((t) => partOf(t) === 'backward'),
            [],
            view.tensor,
          );
      }
    assert.deepEqual([...seen].sort(), ['backward', 'forward', 'update']);
  }
});

test('wrong options are named with a cure', async () => {
  for (const [change, wanted] of [
    [{ target: 'q,x' }, /--target: there is no linear layer x \(choose among q_proj, k_proj,/],
    [{ family: 'gpt2', kvHeads: 2 }, /--kv-heads: GPT-2 has as many as heads/],
    [{ heads: 5 }, /--heads: 5 does not divide the width/],
    [{ batch: 3 }, /--batch: 3 does not divide 8 tokens/],
    [{ hidden: 'adapter' }, /--hidden: there is no card adapter/],
  ] as const)
    assert.throws(() => prepare({ ...OPTIONS, ...change }), wanted);
  for (const [args, wanted] of [
    [['--tokens', '12'], /recipe\.sequence: 12 is not a power of two/],
    [['--backend', 'gpu'], /backend "gpu" is unknown; choose one of auto, wasm/],
    [['--precision', 'half'], /Allowed choices are compact, balanced, real/],
    [['--workers', '0'], /whole number from 1 to 256/],
  ] as const) {
    const { code, err } = await bench('step', ...args);
    assert.notEqual(code, 0, args.join(' '));
    assert.match(err, wanted);
  }
});

test('every bench shows help with examples; an unknown one is refused', async () => {
  for (const name of ['kernels', 'step', 'scaling', 'lora']) {
    const { code, out } = await bench(name, '--help');
    assert.equal(code, 0);
    assert.match(out, new RegExp(`Examples:\\n  npm run bench -- ${name}`));
  }
  const { code, err } = await bench('nothing');
  assert.notEqual(code, 0);
  assert.match(err, /unknown command 'nothing'/);
});
