import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, test } from 'node:test';
import { Products } from '../../prover/trainer/kernels/products.ts';
import type { Right } from '../../prover/trainer/kernels/right.ts';
import { Walker } from '../../prover/trainer/walk.ts';
import { REAL, type Recipe } from '../../verifier/models/recipe.ts';
import type { Cells } from '../../verifier/public-content.ts';
import { calibrated, tinyRecipe } from '../fixtures/llama.ts';

/** The definition, term by term. */
class Plain extends Products {
  constructor() {
    super(0);
  }

  override multiply(
    left: Float64Array,
    { cells, base, strideK, strideN }: Right,
    out: Float64Array,
    M: number,
    N: number,
    K: number,
  ): void {
    for (let m = 0; m < M; m++)
      for (let n = 0; n < N; n++) {
        let sum = 0;
        for (let k = 0; k < K; k++) sum += left[m * K + k] * cells[base + k * strideK + n * strideN];
        out[m * N + n] = sum;
      }
  }
}

const threads = [0, 1, 3].map((n) => new Products(n));
after(() => Promise.all(threads.map((p) => p.close())));

/** Odd sizes, products long enough to be shared among threads, ids in two chunks, AdamW. */
const recipe: Recipe = {
  ...tinyRecipe,
  model: {
    family: 'llama',
    vocab: 300,
    width: 204,
    layers: 2,
    heads: 3,
    kvHeads: 3,
    headWidth: 64,
    ffn: 330,
    ropeTheta: 10000,
    normEps: 1e-5,
    tied: true,
  },
  sequence: 16,
  steps: 2,
  perProof: 1,
};

for (const [title, precision] of [
  ['narrow widths', tinyRecipe.precision],
  ['the widths of real models', { ...REAL, score: { bits: 12, headroom: 1 }, gate: { bits: 12, headroom: 2 } }],
] as const)
  test(`${title}: a walk on threads with weights as they are stored equals one term by term in doubles`, () => {
    const { program, inputs } = calibrated({ ...recipe, precision }, 7);
    const narrow = new Map<string, Cells>(
      [...inputs].map(([name, v]) => [name, program.tensors.some((t) => t.name === name && t.poly === 'model') ? Int16Array.from(v) : v]),
    );
    const want = new Walker(program, new Plain()).walk(0, inputs, { leaves: true });
    for (const products of threads)
      for (const given of [inputs, narrow]) {
        const { tensors, leaves } = new Walker(program, products).walk(0, given, { leaves: true });
        for (const [name, cells] of tensors) if (!given.has(name)) assert.deepEqual(cells, want.tensors.get(name), name);
        assert.deepEqual(leaves, want.leaves);
      }
    const floats = threads.map((products) => new Walker(program, products).walkFloat(0, narrow));
    for (const other of floats.slice(1)) assert.deepEqual(other, floats[0]);
  });

test('a process whose walk used threads ends by itself', () => {
  const script = `
    import { Products } from './prover/trainer/kernels/products.ts';
    const [M, N, K] = [16, 512, 512];
    const out = new Float64Array(M * N);
    const right = { cells: new Int8Array(N * K).fill(1), base: 0, strideK: 1, strideN: K };
    new Products(2).multiply(new Float64Array(M * K).fill(1), right, out, M, N, K);
    if (out.some((x) => x !== K)) throw new Error('wrong');
    console.log('done');`;
  const done = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', timeout: 60_000 });
  assert.equal(done, 'done\n');
});
