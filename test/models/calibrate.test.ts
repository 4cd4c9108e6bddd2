import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { calibrate } from '../../prover/trainer/calibrate.ts';
import { Walker } from '../../prover/trainer/walk.ts';
import { buildTraining } from '../../verifier/models/build.ts';
import type { Recipe } from '../../verifier/models/recipe.ts';
import { calibrated, randomInputs, tinyRecipe } from '../fixtures/llama.ts';

describe('calibration', () => {
  const { recipe, program, inputs } = calibrated(tinyRecipe, 3);
  it('leaves every class its headroom, and no more than a bit beyond it unless capped', () => {
    const walked = new Walker(program).walk(0, inputs).tensors;
    const { scales } = buildTraining(recipe);
    for (const [key, { scaleClass, tensors }] of scales) {
      const { bits, headroom, cap } = recipe.precision[scaleClass];
      const max = Math.max(...tensors.map((n) => (walked.get(n) as Float64Array).reduce((m, v) => Math.max(m, Math.abs(v)), 0)));
      // Twice the calibrated maximum is far more than the first of the calibrated steps can reach.
      assert.ok(max <= 2 ** (bits - headroom), `${key}: ${max}`);
      if (cap !== undefined) assert.ok((recipe.exponents[key] as number) <= cap, key);
    }
  });
  it('shares the exponents of the residual stream, its gradient and the scores', () => {
    const f = (name: string): number | undefined => program.tensors.find((t) => t.name === name)?.f;
    assert.equal(f('embedding'), f('residual.out'));
    assert.equal(f('residual.middle'), f('residual.out'));
    assert.equal(f('grad.residual.top'), f('grad.residual.in'));
    assert.equal(f('attention.score'), f('logits'));
  });
  it('is deterministic', () => assert.deepEqual(calibrated(tinyRecipe, 3).recipe, recipe));
  it('takes a run of one step, in which the gradients of A vanish', () => {
    const one: Recipe = { ...recipe, steps: 1, perProof: 1 };
    const start = calibrate(one, (p) => {
      const x = randomInputs(p, 3);
      for (const [name, cells] of x) if (name.endsWith('.B')) cells.fill(0);
      return x;
    });
    assert.equal(start.exponents['grad.q_proj.A'], 0);
    assert.ok((start.exponents['grad.q_proj.B'] as number) > 0);
  });
  it('refuses values that are no numbers, naming the tensors', () => {
    const broken = (p: Parameters<typeof randomInputs>[0]): Map<string, Float64Array> => {
      const x = randomInputs(p, 3);
      (x.get('model.embed_tokens.weight') as Float64Array).fill(NaN);
      return x;
    };
    assert.throws(() => calibrate(recipe, broken), /calibration: embedding.* is not a number/);
  });
});
