/** Integer training against float training of the same program, and the calibration that connects them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Walker } from '../../prover/trainer/walk.ts';
import { buildLlama } from '../../verifier/models/llama.ts';
import { meanLoss } from '../../verifier/models/loss.ts';
import { LINEAR_LAYERS, type Recipe } from '../../verifier/models/recipe.ts';
import { calibrated, tinyRecipe } from '../fixtures/llama.ts';

const STEPS = 20;

/** Losses of every group of steps, integer and float, from the same integers. */
function curves(recipe: Recipe): { integer: number[]; float: number[] } {
  const { program, inputs } = calibrated(recipe, 5);
  const walker = new Walker(program);
  // One batch again and again: a curve that falls.
  for (const name of ['data.inputs', 'data.labels']) {
    const cells = inputs.get(name) as Float64Array;
    const tokens = recipe.batch * recipe.sequence;
    for (let i = tokens; i < cells.length; i++) cells[i] = cells[i % tokens] as number;
  }
  const run = (walk: (proof: number, x: Map<string, Float64Array>) => Map<string, Float64Array>): number[] => {
    const state = new Map(inputs);
    return Array.from({ length: recipe.steps / recipe.perProof }, (_, proof) => {
      const out = walk(proof, state);
      for (const name of state.keys())
        if (name.startsWith('state.in.')) state.set(name, out.get(name.replace('state.in.', 'state.out.')) as Float64Array);
      return meanLoss(program, out);
    });
  };
  return { integer: run((proof, x) => walker.walk(proof, x).tensors), float: run((proof, x) => walker.walkFloat(proof, x)) };
}

describe('integer training follows float training', () => {
  const base: Recipe = { ...tinyRecipe, steps: STEPS, perProof: 2, lora: { ...tinyRecipe.lora, targets: LINEAR_LAYERS } };
  for (const [title, recipe] of [
    ['AdamW', base],
    [
      'SGD with momentum',
      { ...base, optimizer: { kind: 'momentum', momentum: 0.9 }, rate: { learningRate: 0.05, warmupSteps: 2, decay: 'linear' } },
    ],
  ] as const)
    it(`${title}, ${STEPS} steps`, () => {
      const { integer, float } = curves(recipe as Recipe);
      const fall = (x: readonly number[]): number => (x[0] as number) - (x.at(-1) as number);
      assert.ok(fall(float) > 0.05, `float loss falls: ${float.map((x) => x.toFixed(4)).join(' ')}`);
      assert.ok(Math.abs(fall(integer) / fall(float) - 1) < 0.1, `falls ${fall(integer)} and ${fall(float)}`);
      integer.forEach((x, i) => assert.ok(Math.abs(x / (float[i] as number) - 1) < 0.02, `group ${i}: ${x}, float ${float[i]}`));
    });
});

describe('recipes', () => {
  it('give the same program every time', () => {
    const { recipe, program } = calibrated(tinyRecipe, 3);
    assert.deepEqual(buildLlama(recipe).program, program);
    assert.deepEqual(buildLlama(JSON.parse(JSON.stringify(recipe)) as Recipe, program.constants).program, program);
  });
  it('refuse constants of the wrong length', () => {
    const { recipe, program } = calibrated(tinyRecipe, 3);
    assert.throws(() => buildLlama(recipe, { ...program.constants, 'rate.step': [1] }), /rate.step needs 4 values/);
  });
  for (const [field, change] of [
    ['sequence', { sequence: 6 }],
    ['perProof', { perProof: 3 }],
    ['lora.targets', { lora: { ...tinyRecipe.lora, targets: [] } }],
    ['lora.firstLayer', { lora: { ...tinyRecipe.lora, firstLayer: 2 } }],
    ['model.headWidth', { model: { ...tinyRecipe.model, headWidth: 3 } }],
    ['optimizer.beta1', { optimizer: { ...tinyRecipe.optimizer, beta1: 1 } }],
  ] as const)
    it(`with a wrong ${field} are refused by name`, () =>
      assert.throws(() => buildLlama({ ...tinyRecipe, ...change } as Recipe), new RegExp(`recipe\\.${field.replace('.', '\\.')}`)));
});
