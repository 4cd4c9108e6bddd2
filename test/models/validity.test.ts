/** What the builder makes passes the compiler's validity checks, and a tiny run satisfies every relation. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Walker } from '../../prover/trainer/walk.ts';
import { LINEAR_LAYERS, REAL, type Recipe } from '../../verifier/models/recipe.ts';
import { checkProgram } from '../../verifier/validity/check.ts';
import { calibrated, tinyRecipe } from '../fixtures/llama.ts';

const momentum: Recipe = { ...tinyRecipe, optimizer: { kind: 'momentum', momentum: 0.9 } };
const grouped: Recipe = { ...tinyRecipe, model: { ...tinyRecipe.model, heads: 4, kvHeads: 2, headWidth: 8, layers: 3 } };

describe('programs of recipes are valid, and can be walked', () => {
  const recipes: readonly (readonly [string, Recipe])[] = [
    ['AdamW', tinyRecipe],
    ['momentum', momentum],
    ['one step in a proof', { ...tinyRecipe, perProof: 1 }],
    ['all steps in one proof', { ...tinyRecipe, perProof: 4 }],
    ['real widths', { ...tinyRecipe, precision: REAL }],
    ['grouped heads of 8, adapters everywhere', { ...grouped, lora: { ...grouped.lora, targets: LINEAR_LAYERS.llama } }],
    ['one layer', { ...tinyRecipe, model: { ...tinyRecipe.model, layers: 1 } }],
    ['a tied head', { ...tinyRecipe, model: { ...tinyRecipe.model, tied: true } }],
    ['a vocabulary of two chunks', { ...tinyRecipe, model: { ...tinyRecipe.model, vocab: 300 } }],
    ...LINEAR_LAYERS.llama.map(
      (t) => [`an adapter on ${t} from layer 1 on`, { ...grouped, lora: { ...grouped.lora, targets: [t], firstLayer: 1 } }] as const,
    ),
  ];
  for (const [title, recipe] of recipes)
    it(title, () => {
      const { program, inputs } = calibrated(recipe, 3);
      checkProgram(program);
      const { tensors } = new Walker(program).walk(0, inputs);
      assert.ok(tensors.size >= program.tensors.length);
    });
});
