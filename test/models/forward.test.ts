/** The program's forward pass against a decoder written out plainly, as the model hub's LLaMA computes it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Walker } from '../../prover/trainer/walk.ts';
import { buildEvaluation } from '../../verifier/models/build.ts';
import { meanLoss } from '../../verifier/models/loss.ts';
import { LINEAR_LAYERS, type LlamaLayer } from '../../verifier/models/recipe.ts';
import { randomInputs, tinyRecipe, type LlamaRecipe } from '../fixtures/llama.ts';

type Matrix = number[][];

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((s, x, i) => s + x * (b[i] as number), 0);
const add = (a: readonly number[], b: readonly number[]): number[] => a.map((x, i) => x + (b[i] as number));

/** Mean loss of one batch; weights and adapters as real values by tensor name, stacked tensors whole. */
function plainLoss(recipe: LlamaRecipe, real: ReadonlyMap<string, Float64Array>): number {
  const m = recipe.model;
  const matrix = (name: string, rows: number, columns: number, layer = 0): Matrix => {
    const cells = real.get(name) as Float64Array;
    return Array.from({ length: rows }, (_, r) =>
      Array.from({ length: columns }, (_, c) => cells[(layer * rows + r) * columns + c] as number),
    );
  };
  const norm = (x: readonly number[], gain: readonly number[]): number[] => {
    const r = 1 / Math.sqrt(dot(x, x) / x.length + m.normEps);
    return x.map((v, i) => v * r * (gain[i] as number));
  };
  const parents: Record<LlamaLayer, string> = {
    q_proj: 'self_attn',
    k_proj: 'self_attn',
    v_proj: 'self_attn',
    o_proj: 'self_attn',
    gate_proj: 'mlp',
    up_proj: 'mlp',
    down_proj: 'mlp',
  };
  const linear = (name: LlamaLayer, x: readonly number[], out: number, layer: number): number[] => {
    const w = matrix(`model.layers.${parents[name]}.${name}.weight`, out, x.length, layer);
    const y = w.map((row) => dot(row, x));
    const { targets, firstLayer, rank, alpha } = recipe.lora;
    if (!targets.includes(name) || layer < firstLayer) return y;
    const low = matrix(`state.in.${name}.A`, rank, x.length, layer - firstLayer).map((row) => dot(row, x));
    return add(
      y,
      matrix(`state.in.${name}.B`, out, rank, layer - firstLayer).map((row) => (alpha / rank) * dot(row, low)),
    );
  };
  const rotate = (x: number[], position: number): number[] => {
    const half = m.headWidth / 2;
    return x.map((v, i) => {
      const angle = position * m.ropeTheta ** ((-2 * (i % half)) / m.headWidth);
      const other = i < half ? -(x[i + half] as number) : (x[i - half] as number);
      return v * Math.cos(angle) + other * Math.sin(angle);
    });
  };
  const heads = (x: readonly number[], n: number): Matrix =>
    Array.from({ length: n }, (_, h) => x.slice(h * m.headWidth, (h + 1) * m.headWidth));
  const embed = matrix('model.embed_tokens.weight', m.vocab, m.width);
  const head = m.tied ? embed : matrix('lm_head.weight', m.vocab, m.width);
  const ids = real.get('data.inputs') as Float64Array;
  const labels = real.get('data.labels') as Float64Array;
  let total = 0;
  for (let b = 0; b < recipe.batch; b++) {
    let xs = Array.from({ length: recipe.sequence }, (_, i) => embed[ids[b * recipe.sequence + i] as number] as number[]);
    for (let l = 0; l < m.layers; l++) {
      const gain1 = matrix('model.layers.input_layernorm.weight', 1, m.width, l)[0] as number[];
      const gain2 = matrix('model.layers.post_attention_layernorm.weight', 1, m.width, l)[0] as number[];
      const ys = xs.map((x) => norm(x, gain1));
      const q = ys.map((y, i) => heads(linear('q_proj', y, m.heads * m.headWidth, l), m.heads).map((h) => rotate(h, i)));
      const k = ys.map((y, i) => heads(linear('k_proj', y, m.kvHeads * m.headWidth, l), m.kvHeads).map((h) => rotate(h, i)));
      const v = ys.map((y) => heads(linear('v_proj', y, m.kvHeads * m.headWidth, l), m.kvHeads));
      xs = xs.map((x, i) => {
        const o = Array.from({ length: m.heads }, (_, h) => {
          const g = Math.floor(h / (m.heads / m.kvHeads));
          const scores = Array.from(
            { length: i + 1 },
            (_, j) => dot(q[i]?.[h] as number[], k[j]?.[g] as number[]) / Math.sqrt(m.headWidth),
          );
          const top = Math.max(...scores);
          const e = scores.map((s) => Math.exp(s - top));
          const sum = e.reduce((s, x) => s + x, 0);
          return Array.from({ length: m.headWidth }, (_, c) => e.reduce((s, p, j) => s + (p / sum) * (v[j]?.[g]?.[c] as number), 0));
        }).flat();
        const middle = add(x, linear('o_proj', o, m.width, l));
        const y = norm(middle, gain2);
        const gate = linear('gate_proj', y, m.ffn, l);
        const up = linear('up_proj', y, m.ffn, l);
        return add(
          middle,
          linear(
            'down_proj',
            gate.map((g, c) => (g / (1 + Math.exp(-g))) * (up[c] as number)),
            m.width,
            l,
          ),
        );
      });
    }
    const gain = matrix('model.norm.weight', 1, m.width)[0] as number[];
    xs.forEach((x, i) => {
      const y = norm(x, gain);
      const logits = head.slice(0, m.vocab).map((row) => dot(row, y));
      const top = Math.max(...logits);
      const label = labels[b * recipe.sequence + i] as number;
      total += Math.log(logits.reduce((s, z) => s + Math.exp(z - top), 0)) + top - (logits[label] as number);
    });
  }
  return total / (recipe.batch * recipe.sequence);
}

describe('forward pass against a plainly written decoder', () => {
  const one: LlamaRecipe = { ...tinyRecipe, steps: 1, perProof: 1, lora: { ...tinyRecipe.lora, targets: LINEAR_LAYERS.llama } };
  for (const [title, recipe] of [
    ['3 heads of 4, adapters everywhere', one],
    ['grouped heads of 8', { ...one, model: { ...one.model, heads: 4, kvHeads: 2, headWidth: 8, layers: 3 } }],
    ['3 queries share one key', { ...one, batch: 3, model: { ...one.model, kvHeads: 1 } }],
    ['adapters from layer 1 on', { ...one, lora: { ...one.lora, firstLayer: 1, alpha: 5 } }],
    ['head tied to the embedding', { ...one, model: { ...one.model, tied: true } }],
    ['vocabulary of two chunks', { ...one, model: { ...one.model, vocab: 300 } }],
  ] as const)
    it(title, () => {
      const { program } = buildEvaluation(recipe as LlamaRecipe);
      const inputs = randomInputs(program, 11);
      const loss = meanLoss(program, new Walker(program).walkFloat(0, inputs));
      const real = new Map(
        [...inputs].map(([name, cells]) => [name, cells.map((x) => x * 2 ** -(program.tensors.find((t) => t.name === name)?.f ?? 0))]),
      );
      const expected = plainLoss(recipe as LlamaRecipe, real);
      // The rotations are 14-bit constants, and alpha/rank has 16 bits.
      assert.ok(Math.abs(loss - expected) < 2e-4, `${loss}, plainly ${expected}`);
    });
});
