/** Backward rules against central differences of the loss, by float walks at odd sizes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildPretraining, buildTraining } from '../../verifier/models/build.ts';
import { LINEAR_LAYERS, type Recipe } from '../../verifier/models/recipe.ts';
import { compare } from '../fixtures/differences.ts';
import { tinyRecipe, type LlamaRecipe } from '../fixtures/llama.ts';

const single: LlamaRecipe = { ...tinyRecipe, steps: 1, perProof: 1 };
const grouped: Recipe = { ...single, batch: 3, model: { ...single.model, heads: 4, kvHeads: 2, headWidth: 8, width: 10, layers: 3 } };

describe('backward rules against central differences', () => {
  for (const [title, recipe] of [
    ['3 heads', single],
    ['grouped heads, 3 layers', grouped],
  ] as const) {
    it(`base weights, ${title}`, () => {
      const { program } = buildPretraining(recipe);
      const of = program.tensors.filter((t) => t.poly === 'model').map((t) => t.name);
      compare(
        program,
        recipe,
        of.map((n) => [n, `grad.${n}`]),
      );
    });
    it(`adapters on every linear layer, ${title}`, () => {
      const full: Recipe = { ...recipe, lora: { ...recipe.lora, targets: LINEAR_LAYERS.llama } };
      const { program } = buildTraining(full);
      compare(
        program,
        full,
        LINEAR_LAYERS.llama.flatMap((t) => ['A', 'B'].map((m) => [`state.in.${t}.${m}`, `grad.${t}.${m}`] as const)),
      );
    });
  }
  for (const target of LINEAR_LAYERS.llama)
    it(`adapter on ${target} from layer 1 on: the backward pass that remains is right`, () => {
      const partial: Recipe = { ...grouped, lora: { ...grouped.lora, targets: [target], firstLayer: 1 } };
      compare(
        buildTraining(partial).program,
        partial,
        ['A', 'B'].map((m) => [`state.in.${target}.${m}`, `grad.${target}.${m}`] as const),
      );
    });
  it('a vocabulary of two chunks', () => {
    const wide: Recipe = { ...single, model: { ...single.model, vocab: 300 } };
    compare(buildTraining(wide).program, wide, [
      ['state.in.q_proj.B', 'grad.q_proj.B'],
      ['state.in.v_proj.A', 'grad.v_proj.A'],
    ]);
  });
});

describe('the backward pass stops at the lowest adapter', () => {
  const names = (targets: Recipe['lora']['targets'], firstLayer: number): string[] =>
    buildTraining({ ...grouped, lora: { ...grouped.lora, targets, firstLayer } }).program.tensors.map(
      (t) => `${t.name}:${t.axes.find((a) => a.name === 'layer')?.size ?? ''}`,
    );
  it('needs no gradient of the lowest layer’s input', () => {
    const all = names(['q_proj', 'v_proj'], 0);
    assert.ok(all.includes('grad.q_proj.out:3'));
    assert.ok(all.includes('grad.residual.in:2'));
  });
  it('builds nothing for layers below the first with an adapter', () => {
    const all = names(['down_proj'], 2);
    assert.ok(all.includes('grad.down_proj.A:1'));
    for (const absent of ['grad.hidden', 'grad.residual.in', 'grad.residual.middle', 'grad.attention.out'])
      assert.ok(!all.some((n) => n.startsWith(`${absent}:`)), absent);
  });
  it('an adapter on values alone needs no gradients of scores in the lowest layer', () => {
    const all = names(['v_proj'], 0);
    assert.ok(all.includes('grad.v_proj.out:3'));
    assert.ok(all.includes('grad.attention.score:2'));
  });
});
