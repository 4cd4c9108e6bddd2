/** Backward rules against central differences of the loss, by float walks at odd sizes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Walker } from '../../prover/trainer/walk.ts';
import { buildEvaluation, buildLlama, buildPretraining } from '../../verifier/models/llama.ts';
import { meanLoss } from '../../verifier/models/loss.ts';
import { LINEAR_LAYERS, type Recipe } from '../../verifier/models/recipe.ts';
import type { Program } from '../../verifier/program/types.ts';
import { randomInputs, tinyRecipe } from '../fixtures/llama.ts';

const single: Recipe = { ...tinyRecipe, steps: 1, perProof: 1 };
const grouped: Recipe = { ...single, batch: 3, model: { ...single.model, heads: 4, kvHeads: 2, headWidth: 8, width: 10, layers: 3 } };

const exponent = (program: Program, name: string): number => program.tensors.find((t) => t.name === name)?.f ?? NaN;

/** Compares `grad.<…>` with differences of the summed loss for some cells of the tensor `of`. */
function compare(trained: Program, recipe: Recipe, pairs: readonly (readonly [of: string, gradient: string])[]): void {
  const inputs = randomInputs(trained, 7);
  const walked = new Walker(trained).walkFloat(0, inputs);
  const evaluation = buildEvaluation(recipe).program;
  const evaluator = new Walker(evaluation);
  const names = evaluation.tensors.filter((t) => t.poly === 'state.in' || t.poly === 'model' || t.poly === 'data').map((t) => t.name);
  const base = new Map(
    names.map((n) => [
      n,
      inputs.get(n) ?? new Float64Array(evaluation.tensors.find((t) => t.name === n)!.axes.reduce((p, a) => p * a.size, 1)),
    ]),
  );
  const tokens = recipe.batch * recipe.sequence;
  for (const [of, gradient] of pairs) {
    const cells = base.get(of) as Float64Array;
    const got = walked.get(gradient) as Float64Array;
    assert.equal(got.length, cells.length, `${gradient} has the shape of ${of}`);
    const unit = 2 ** exponent(trained, of);
    let largest = 0;
    for (let k = 0; k < 12; k++) {
      const at = (k * 7919) % cells.length;
      const h = 1e-5;
      const lossAt = (x: number): number => {
        const moved = Float64Array.from(cells);
        moved[at] = (moved[at] as number) + x * unit;
        return tokens * meanLoss(evaluation, evaluator.walkFloat(0, new Map([...base, [of, moved]])));
      };
      const difference = (lossAt(h) - lossAt(-h)) / (2 * h);
      const value = (got[at] as number) * 2 ** -exponent(trained, gradient);
      largest = Math.max(largest, Math.abs(value));
      assert.ok(
        Math.abs(value - difference) <= 1e-5 + 1e-4 * Math.abs(difference),
        `${gradient}[${at}]: ${value}, differences give ${difference}`,
      );
    }
    assert.ok(largest > 1e-4, `${gradient} is not all zero`);
  }
}

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
      const full: Recipe = { ...recipe, lora: { ...recipe.lora, targets: LINEAR_LAYERS } };
      const { program } = buildLlama(full);
      compare(
        program,
        full,
        LINEAR_LAYERS.flatMap((t) => ['A', 'B'].map((m) => [`state.in.${t}.${m}`, `grad.${t}.${m}`] as const)),
      );
    });
  }
  for (const target of LINEAR_LAYERS)
    it(`adapter on ${target} from layer 1 on: the backward pass that remains is right`, () => {
      const partial: Recipe = { ...grouped, lora: { ...grouped.lora, targets: [target], firstLayer: 1 } };
      compare(
        buildLlama(partial).program,
        partial,
        ['A', 'B'].map((m) => [`state.in.${target}.${m}`, `grad.${target}.${m}`] as const),
      );
    });
  it('a vocabulary of two chunks', () => {
    const wide: Recipe = { ...single, model: { ...single.model, vocab: 300 } };
    compare(buildLlama(wide).program, wide, [
      ['state.in.q_proj.B', 'grad.q_proj.B'],
      ['state.in.v_proj.A', 'grad.v_proj.A'],
    ]);
  });
});

describe('the backward pass stops at the lowest adapter', () => {
  const names = (targets: Recipe['lora']['targets'], firstLayer: number): string[] =>
    buildLlama({ ...grouped, lora: { ...grouped.lora, targets, firstLayer } }).program.tensors.map(
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
