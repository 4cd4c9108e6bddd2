/** Integer training against float training of the same program, and the calibration that connects them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LLAMA_1B } from '../../scripts/bench/models.ts';
import { buildTraining } from '../../verifier/models/build.ts';
import { LINEAR_LAYERS, REAL, type Recipe } from '../../verifier/models/recipe.ts';
import { compile } from '../../verifier/program/compile.ts';
import { assertFollows } from '../fixtures/curves.ts';
import { calibrated, tinyRecipe } from '../fixtures/llama.ts';

const STEPS = 20;

describe('integer training follows float training', () => {
  const base: Recipe = { ...tinyRecipe, steps: STEPS, perProof: 2, lora: { ...tinyRecipe.lora, targets: LINEAR_LAYERS.llama } };
  for (const [title, recipe] of [
    ['AdamW', base],
    ['AdamW with the widths of real models', { ...base, precision: REAL }],
    [
      'SGD with momentum',
      { ...base, optimizer: { kind: 'momentum', momentum: 0.9 }, rate: { learningRate: 0.03, warmupSteps: 2, decay: 'linear' } },
    ],
  ] as const)
    it(`${title}, ${STEPS} steps`, () => {
      assertFollows(recipe as Recipe, 0.02);
    });
});

describe('recipes', () => {
  it('give the same program every time', () => {
    const { recipe, program } = calibrated(tinyRecipe, 3);
    assert.deepEqual(buildTraining(recipe).program, program);
    assert.deepEqual(buildTraining(JSON.parse(JSON.stringify(recipe)) as Recipe, program.constants).program, program);
  });
  it('refuse constants of the wrong length', () => {
    const { recipe, program } = calibrated(tinyRecipe, 3);
    assert.throws(() => buildTraining(recipe, { ...program.constants, 'rate.step': [1] }), /rate.step needs 4 values/);
  });
  for (const [field, change] of [
    ['sequence', { sequence: 6 }],
    ['perProof', { perProof: 3 }],
    ['lora.targets', { lora: { ...tinyRecipe.lora, targets: [] } }],
    ['lora.firstLayer', { lora: { ...tinyRecipe.lora, firstLayer: 2 } }],
    ['model.headWidth', { model: { ...tinyRecipe.model, headWidth: 3 } }],
    ['optimizer.beta2', { optimizer: { ...tinyRecipe.optimizer, beta2: 0.999999 } }],
    ['optimizer.beta1', { optimizer: { ...tinyRecipe.optimizer, beta1: 1 } }],
  ] as const)
    it(`with a wrong ${field} are refused by name`, () =>
      assert.throws(() => buildTraining({ ...tinyRecipe, ...change } as Recipe), new RegExp(`recipe\\.${field.replace('.', '\\.')}`)));
});

describe('a model of a billion weights', () => {
  it('compiles, its look-ups and forms no more than those of a tiny one', () => {
    const draft: Recipe = { ...tinyRecipe, model: LLAMA_1B, batch: 1, sequence: 64, precision: REAL, steps: 1, perProof: 1 };
    const units = {
      activation: 10,
      lowRank: 9,
      residual: 12,
      inverseNorm: 13,
      score: 9,
      gate: 9,
      activationGrad: 14,
      residualGrad: 12,
      lowRankGrad: 22,
      adapterGrad: 18,
    };
    const { program, scales } = buildTraining(draft);
    const exponents: Record<string, number> = {};
    for (const t of program.tensors) if (t.poly === 'model') exponents[t.name] = t.name.includes('norm') ? 10 : 14;
    for (const [key, { scaleClass }] of scales) exponents[key] = units[scaleClass];
    const compiled = compile(buildTraining({ ...draft, exponents }).program);
    const tiny = compile(calibrated({ ...tinyRecipe, precision: REAL, steps: 1, perProof: 1 }, 3).program);
    assert.ok(compiled.forms.length <= tiny.forms.length + 8, `${compiled.forms.length} forms, tiny ${tiny.forms.length}`);
    assert.ok(compiled.polys.find((p) => p.role === 'witness')!.bits <= 29);
  });
});
