import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { WebGpuBackend } from '../../prover/backend/webgpu/index.ts';
import { GpuProducts } from '../../prover/backend/webgpu/products.ts';
import { multiplyBatch, type AsyncProducts, type Batch } from '../../prover/trainer/batches.ts';
import { Products } from '../../prover/trainer/kernels/products.ts';
import { Walker, type Walk } from '../../prover/trainer/walk.ts';
import { REAL, type Recipe } from '../../verifier/models/recipe.ts';
import type { Program } from '../../verifier/program/types.ts';
import type { Cells } from '../../verifier/public-content.ts';
import { tinyGpt2 } from '../fixtures/gpt2.ts';
import { calibrated, tinyRecipe } from '../fixtures/llama.ts';
import { open, skip } from './support/backend.ts';

/** Products that take note of their batches. */
class Counted implements AsyncProducts {
  readonly least = 0;
  batches = 0;
  fixed = 0;
  private readonly inner: (batch: Batch) => Promise<void>;

  constructor(inner: (batch: Batch) => Promise<void>) {
    this.inner = inner;
  }

  async multiply(batch: Batch): Promise<void> {
    this.batches++;
    if (batch.right(0).fixed) this.fixed++;
    batch.out.fill(NaN);
    await this.inner(batch);
  }
}

const alone = new Products(0);
const wide = { ...REAL, score: { bits: 12, headroom: 1 }, gate: { bits: 12, headroom: 2 } };

/** Wide enough for products that are not computed on the spot, weights as a card stores them. */
function prepared(recipe: Recipe): { walker: Walker; inputs: ReadonlyMap<string, Cells>; want: Walk } {
  const { program, inputs } = calibrated({ ...recipe, batch: 2, sequence: 8, steps: 2, perProof: 1 }, 7);
  const ofModel = (p: Program, name: string): boolean => p.tensors.some((t) => t.name === name && t.poly === 'model');
  const stored = new Map<string, Cells>([...inputs].map(([name, v]) => [name, ofModel(program, name) ? Int16Array.from(v) : v]));
  const walker = new Walker(program, alone);
  return { walker, inputs: stored, want: walker.walk(0, stored, { leaves: true }) };
}

const MODELS: readonly (readonly [name: string, recipe: Recipe])[] = [
  ['LLaMA', { ...tinyRecipe, model: { ...tinyRecipe.model, vocab: 70, width: 36, headWidth: 16, ffn: 50 }, precision: wide }],
  ['GPT-2', { ...tinyGpt2, model: { ...tinyGpt2.model, vocab: 70, width: 48, headWidth: 16, ffn: 50, positions: 8 }, precision: wide }],
];

for (const [name, recipe] of MODELS)
  describe(`a walk of a tiny ${name} that waits for its products`, () => {
    const { walker, inputs, want } = prepared(recipe);

    test('is the walk that does not, on the same products', async () => {
      const products = new Counted(async (batch) => multiplyBatch(alone, batch));
      const parts: number[] = [];
      const got = await walker.walkAsync(0, inputs, products, { leaves: true, onProgress: (part) => parts.push(part) });
      assert.deepEqual(got, want);
      assert.ok(products.batches > 20 && products.fixed > 10);
      assert.equal(parts.at(-1), 1);
    });

    test('sends only what is worth it', async () => {
      const products = Object.assign(new Counted(() => Promise.reject(new Error('not worth it'))), { least: 2 ** 40 });
      assert.deepEqual(await walker.walkAsync(0, inputs, products, { leaves: true }), want);
      assert.equal(products.batches, 0);
    });

    test('fails as its products do', async () => {
      await assert.rejects(walker.walkAsync(0, inputs, new Counted(() => Promise.reject(new Error('lost')))), /^Error: lost$/);
    });

    describe('on the device', { skip }, () => {
      let backend: WebGpuBackend;
      before(async () => {
        backend = await open();
      });
      after(() => backend.close());

      test('gives the same tensors and leaves to the bit', async () => {
        const gpu = new GpuProducts(backend.device);
        const products = new Counted((batch) => gpu.multiply(batch));
        for (let i = 0; i < 2; i++) assert.deepEqual(await walker.walkAsync(0, inputs, products, { leaves: true }), want);
        assert.ok(products.batches > 40);
        gpu.release();
        assert.equal(backend.device.memory.bytes.used, 0);
      });
    });
  });
