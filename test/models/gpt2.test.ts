/** GPT-2: forward pass against a plainly written one, gradients against differences, validity, integer against float training. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Walker } from '../../prover/trainer/walk.ts';
import { buildEvaluation, buildPretraining, buildTraining } from '../../verifier/models/build.ts';
import { meanLoss } from '../../verifier/models/loss.ts';
import { decodeRecipe, encodeRecipe } from '../../verifier/models/recipe-file.ts';
import { BALANCED, LINEAR_LAYERS, REAL, type Gpt2Layer, type Recipe } from '../../verifier/models/recipe.ts';
import { checkProgram } from '../../verifier/validity/check.ts';
import { assertFollows } from '../fixtures/curves.ts';
import { compare } from '../fixtures/differences.ts';
import { tinyGpt2, type Gpt2Recipe } from '../fixtures/gpt2.ts';
import { calibrated, randomInputs } from '../fixtures/llama.ts';

const everywhere: Gpt2Recipe = { ...tinyGpt2, lora: { ...tinyGpt2.lora, targets: LINEAR_LAYERS.gpt2 } };
const single: Gpt2Recipe = { ...everywhere, steps: 1, perProof: 1 };
const deep: Gpt2Recipe = { ...single, batch: 3, model: { ...single.model, heads: 5, headWidth: 2, width: 10, layers: 3 } };
const wide: Gpt2Recipe = { ...single, model: { ...single.model, vocab: 300 } };

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((s, x, i) => s + x * (b[i] as number), 0);
const add = (...rows: readonly (readonly number[])[]): number[] =>
  (rows[0] as number[]).map((_, i) => rows.reduce((s, r) => s + (r[i] as number), 0));

/** Mean loss of one batch, as the model hub's GPT-2 computes it; weights and adapters as real values, in the file's layouts. */
function plainLoss(recipe: Gpt2Recipe, real: ReadonlyMap<string, Float64Array>): number {
  const m = recipe.model;
  const { rank, alpha, targets, firstLayer } = recipe.lora;
  const cells = (name: string): Float64Array => real.get(name) as Float64Array;
  const rows = (name: string, size: number, count: number, from = 0): number[][] =>
    Array.from({ length: count }, (_, r) => [...cells(name).subarray((from + r) * size, (from + r + 1) * size)]);
  const norm = (name: string, l: number, x: readonly number[]): number[] => {
    const mean = x.reduce((s, v) => s + v, 0) / x.length;
    const variance = x.reduce((s, v) => s + (v - mean) ** 2, 0) / x.length;
    const [gain] = rows(`${name}.weight`, x.length, 1, l) as [number[]];
    const [bias] = rows(`${name}.bias`, x.length, 1, l) as [number[]];
    return x.map((v, i) => ((v - mean) / Math.sqrt(variance + m.normEps)) * (gain[i] as number) + (bias[i] as number));
  };
  /** Conv1D: weights [in, out], then a bias. */
  const conv = (name: string, l: number, x: readonly number[], out: number): number[] => {
    const w = rows(`transformer.h.${name}.weight`, out, x.length, l * x.length);
    const [bias] = rows(`transformer.h.${name}.bias`, out, 1, l) as [number[]];
    return bias.map((v, o) => v + x.reduce((s, xi, i) => s + xi * ((w[i] as number[])[o] as number), 0));
  };
  const adapter = (target: Gpt2Layer, l: number, x: readonly number[], out: number): number[] => {
    if (!targets.includes(target) || l < firstLayer) return new Array<number>(out).fill(0);
    const low = rows(`state.in.${target}.A`, x.length, rank, (l - firstLayer) * rank).map((a) => dot(a, x));
    return rows(`state.in.${target}.B`, rank, out, (l - firstLayer) * out).map((b) => (alpha / rank) * dot(b, low));
  };
  const gelu = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
  const [ids, labels] = [cells('data.inputs'), cells('data.labels')];
  const wte = rows('transformer.wte.weight', m.width, m.vocab);
  const wpe = rows('transformer.wpe.weight', m.width, m.positions);
  const heads = (x: readonly number[]): number[][] =>
    Array.from({ length: m.heads }, (_, h) => x.slice(h * m.headWidth, (h + 1) * m.headWidth));
  let total = 0;
  for (let b = 0; b < recipe.batch; b++) {
    const at = (i: number): number => b * recipe.sequence + i;
    let xs = Array.from({ length: recipe.sequence }, (_, i) => add(wte[ids[at(i)] as number] as number[], wpe[i] as number[]));
    for (let l = 0; l < m.layers; l++) {
      const ys = xs.map((x) => norm('transformer.h.ln_1', l, x));
      const qkv = ys.map((y) => conv('attn.c_attn', l, y, 3 * m.width));
      const [q, k, v] = (['attn.q', 'attn.k', 'attn.v'] as const).map((target, third) =>
        ys.map((y, i) => heads(add((qkv[i] as number[]).slice(third * m.width, (third + 1) * m.width), adapter(target, l, y, m.width)))),
      ) as [number[][][], number[][][], number[][][]];
      xs = xs.map((x, i) => {
        const o = Array.from({ length: m.heads }, (_, h) => {
          const scores = Array.from(
            { length: i + 1 },
            (_, j) => dot(q[i]?.[h] as number[], k[j]?.[h] as number[]) / Math.sqrt(m.headWidth),
          );
          const e = scores.map((s) => Math.exp(s - Math.max(...scores)));
          const sum = e.reduce((s, z) => s + z, 0);
          return Array.from({ length: m.headWidth }, (_, c) => e.reduce((s, p, j) => s + (p / sum) * (v[j]?.[h]?.[c] as number), 0));
        }).flat();
        const middle = add(x, conv('attn.c_proj', l, o, m.width), adapter('attn.c_proj', l, o, m.width));
        const y = norm('transformer.h.ln_2', l, middle);
        const h = add(conv('mlp.c_fc', l, y, m.ffn), adapter('mlp.c_fc', l, y, m.ffn)).map(gelu);
        return add(middle, conv('mlp.c_proj', l, h, m.width), adapter('mlp.c_proj', l, h, m.width));
      });
    }
    xs.forEach((x, i) => {
      const y = norm('transformer.ln_f', 0, x);
      const logits = wte.map((row) => dot(row, y));
      const top = Math.max(...logits);
      total += Math.log(logits.reduce((s, z) => s + Math.exp(z - top), 0)) + top - (logits[labels[at(i)] as number] as number);
    });
  }
  return total / (recipe.batch * recipe.sequence);
}

describe('GPT-2’s forward pass against a plainly written one', () => {
  for (const [title, recipe] of [
    ['3 heads of 4, adapters everywhere', single],
    ['5 heads of 2, 3 layers, 3 sequences', deep],
    ['adapters from layer 1 on', { ...deep, lora: { ...deep.lora, firstLayer: 1, alpha: 5 } }],
    ['a vocabulary of two chunks', wide],
  ] as const)
    it(title, () => {
      const { program } = buildEvaluation(recipe);
      const inputs = randomInputs(program, 11);
      const walked = new Walker(program).walkFloat(0, inputs);
      const loss = meanLoss(program, walked);
      const real = new Map(
        [...inputs].map(([name, cells]) => [name, cells.map((x) => x * 2 ** -(program.tensors.find((t) => t.name === name)?.f ?? 0))]),
      );
      const expected = plainLoss(recipe, real);
      // 1/d, 1/√h and alpha/rank have 16 bits.
      assert.ok(Math.abs(loss - expected) < 2e-4, `${loss}, plainly ${expected}`);
      assert.ok(
        walked.get('logits')?.every((z, i) => i % recipe.model.vocab !== 0 || z === 0),
        'scores are relative to token 0’s',
      );
    });
});

describe('GPT-2’s backward rules against central differences', () => {
  const both = (t: Gpt2Layer) => ['A', 'B'].map((m) => [`state.in.${t}.${m}`, `grad.${t}.${m}`] as const);
  for (const [title, recipe] of [
    ['3 heads', single],
    ['5 heads of 2, 3 layers', deep],
    ['a vocabulary of two chunks', wide],
  ] as const)
    it(`adapters on every linear layer, ${title}`, () => compare(buildTraining(recipe).program, recipe, LINEAR_LAYERS.gpt2.flatMap(both)));
  for (const target of LINEAR_LAYERS.gpt2)
    it(`adapter on ${target} from layer 1 on: the backward pass that remains is right`, () => {
      const partial: Recipe = { ...deep, lora: { ...deep.lora, targets: [target], firstLayer: 1 } };
      compare(buildTraining(partial).program, partial, both(target));
    });
  it('base weights are not trained', () =>
    assert.throws(() => buildPretraining(single), /model.family: base weights are trained only for LLaMA/));
  it('no gradient of the lowest layer’s input is built', () => {
    const sizes = new Map(buildTraining(deep).program.tensors.map((t) => [t.name, t.axes.find((a) => a.name === 'layer')?.size]));
    assert.equal(sizes.get('grad.hidden'), 3);
    assert.equal(sizes.get('grad.residual.in'), 2);
    assert.equal(sizes.get('grad.ln_1.y'), 2);
  });
});

describe('programs of GPT-2 are valid, and can be walked', () => {
  for (const [title, recipe] of [
    ['AdamW', tinyGpt2],
    ['momentum', { ...tinyGpt2, optimizer: { kind: 'momentum', momentum: 0.9 } }],
    ['adapters everywhere, all steps in one proof', { ...everywhere, perProof: 4 }],
    ['balanced widths', { ...everywhere, precision: BALANCED }],
    ['widths of real models', { ...everywhere, precision: REAL }],
    ['one layer', { ...tinyGpt2, model: { ...tinyGpt2.model, layers: 1 } }],
    ['a vocabulary of two chunks', wide],
    ['an odd power of two of a head’s width', { ...tinyGpt2, model: { ...tinyGpt2.model, heads: 2, headWidth: 8, width: 16 } }],
  ] as const)
    it(title, () => {
      const { recipe: calibratedRecipe, program, inputs } = calibrated(recipe as Recipe, 3);
      checkProgram(program);
      new Walker(program).walk(0, inputs);
      assert.deepEqual(decodeRecipe(encodeRecipe(calibratedRecipe), 'recipe.json'), calibratedRecipe);
    });
});

describe('GPT-2’s integer training follows float training', () => {
  const base: Recipe = { ...everywhere, steps: 20, perProof: 2 };
  for (const [title, recipe] of [
    ['AdamW', base],
    ['AdamW with balanced widths', { ...base, precision: BALANCED }],
    ['AdamW with the widths of real models', { ...base, precision: REAL }],
    [
      'SGD with momentum',
      { ...base, optimizer: { kind: 'momentum', momentum: 0.9 }, rate: { learningRate: 0.03, warmupSteps: 2, decay: 'linear' } },
    ],
  ] as const)
    it(title, () => assertFollows(recipe as Recipe, 0.01));
  // As in trained models: the first position has one component hundreds of times as large as all others, from the first layer to the last.
  it('AdamW with balanced widths and an outlier in the residual stream', () => {
    const outlier = { ...base, precision: BALANCED, model: { ...base.model, width: 48, headWidth: 16 } } as Recipe;
    assertFollows(outlier, 0.01, (inputs, program) => {
      const name = 'transformer.wpe.weight';
      const cells = inputs.get(name) as Float64Array;
      cells[5] = (cells[5] as number) + 300 * 2 ** (program.tensors.find((t) => t.name === name)?.f ?? NaN);
    });
  });
});

describe('recipes of GPT-2', () => {
  for (const [field, change] of [
    ['model.width', { model: { ...tinyGpt2.model, heads: 2 } }],
    ['model.positions', { model: { ...tinyGpt2.model, positions: 0 } }],
    ['sequence', { sequence: 8 }],
    ['lora.targets', { lora: { ...tinyGpt2.lora, targets: ['q_proj'] } }],
  ] as const)
    it(`with a wrong ${field} are refused by name`, () =>
      assert.throws(() => buildTraining({ ...tinyGpt2, ...change } as Recipe), new RegExp(`recipe\\.${field.replace('.', '\\.')}`)));
});
