/** A training step of a tiny GPT-2, proven and verified; a step with one wrong cell is refused. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { selectBackend } from '../../prover/backend/index.ts';
import { Walker } from '../../prover/trainer/walk.ts';
import { compile } from '../../verifier/program/compile.ts';
import { checkProgram } from '../../verifier/validity/check.ts';
import { verifyBundle } from '../../verifier/verify.ts';
import { tinyGpt2 } from '../fixtures/gpt2.ts';
import { calibrated } from '../fixtures/llama.ts';
import { proveRun, type SmallRun } from '../fixtures/run.ts';

// 3 heads of 4, no size but the sequence a power of two; ids above 256 have two one-hot chunks.
const { program, inputs } = calibrated({ ...tinyGpt2, model: { ...tinyGpt2.model, vocab: 300 }, steps: 2, perProof: 1 }, 3);
const isState = (name: string): boolean => program.tensors.some((t) => t.name === name && t.poly === 'state.in');
const walker = new Walker(program);
const run: SmallRun = {
  program,
  fixed: new Map([...inputs].filter(([name]) => !isState(name))),
  firstState: new Map([...inputs].filter(([name]) => isState(name))),
  walk: (proof, state) => walker.walk(proof, new Map([...inputs, ...state]), { leaves: true }),
};
const backend = await selectBackend();
after(() => backend.close());

test('two steps of a tiny GPT-2 are proven and verified', async () => {
  checkProgram(program);
  const proven = await proveRun(backend, run);
  await verifyBundle(proven.context, proven.bundle);
});

test('one wrong cell of any kind of tensor is refused', async () => {
  const { tensors } = compile(program);
  for (const name of [
    'ln_1.mean',
    'ln_2.r',
    'ln_f.y',
    'attn.k.out',
    'gelu',
    'gelu.slope',
    'logits.exp',
    'logits.reciprocal',
    'grad.hidden',
  ]) {
    const placed = tensors.get(name);
    assert.ok(placed, name);
    const tampered = proveRun(backend, {
      ...run,
      tamper: (proof, witness) => {
        const cells = witness.polys.get('witness') as Float64Array;
        if (proof === 1) cells[placed.offset] = (cells[placed.offset] as number) + 1;
      },
    });
    const refused = tampered.then((proven) => verifyBundle(proven.context, proven.bundle));
    await assert.rejects(refused, name);
  }
});
