import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunStorage } from '../../prover/run/storage.ts';
import { finalState, trainRun, type TrainingInput } from '../../prover/run/training.ts';
import { multiplyBatch, type AsyncProducts } from '../../prover/trainer/batches.ts';
import { sharedProducts } from '../../prover/trainer/kernels/products.ts';
import { Walker } from '../../prover/trainer/walk.ts';
import type { Recipe } from '../../verifier/models/recipe.ts';
import { calibrated, tinyRecipe } from '../fixtures/llama.ts';

class Killed extends Error {}

/** Files in memory; the process dies at save number `dieAt`, before or after the file is there. */
function storage(files: Map<string, Uint8Array>, dieAt: number, after: boolean): RunStorage {
  let saves = 0;
  return {
    load: (name) => Promise.resolve(files.get(name) ?? null),
    save(name, bytes) {
      const dies = ++saves === dieAt;
      if (dies && !after) throw new Killed();
      files.set(name, Uint8Array.from(bytes));
      if (dies) throw new Killed();
    },
  };
}

function inputOf(recipe: Recipe): Omit<TrainingInput, 'storage'> {
  const { program, inputs } = calibrated({ ...recipe, perProof: 1 }, 3);
  const of = (...polys: string[]): Record<string, Float64Array> =>
    Object.fromEntries(
      program.tensors
        .filter((t) => polys.includes(t.poly))
        .flatMap((t) => (inputs.has(t.name) ? [[t.name, inputs.get(t.name) as Float64Array]] : [])),
    );
  return { program, walker: new Walker(program), fixed: of('model', 'data'), first: of('state.in') };
}

test('training that is killed at any moment goes on to the same bits, walking only what is missing', async () => {
  const input = inputOf(tinyRecipe);
  const { program } = input;
  const whole = new Map<string, Uint8Array>();
  const losses: (number | null)[] = [];
  await trainRun({ ...input, storage: storage(whole, 0, false), onGroup: (_, __, loss) => losses.push(loss) });
  assert.equal(losses.length, 4);
  assert.ok(losses.every((l) => l !== null && l > 0));
  for (let dieAt = 1; dieAt <= 4; dieAt++)
    for (const after of [false, true]) {
      const files = new Map<string, Uint8Array>();
      await assert.rejects(trainRun({ ...input, storage: storage(files, dieAt, after) }), Killed);
      const resumed: (number | null)[] = [];
      await trainRun({ ...input, storage: storage(files, 0, false), onGroup: (_, __, loss) => resumed.push(loss) });
      assert.deepEqual(files, whole);
      const kept = dieAt - (after ? 0 : 1);
      assert.deepEqual(resumed, [...new Array<null>(kept).fill(null), ...losses.slice(kept)]);
    }
  await assert.rejects(finalState(program, storage(new Map(), 0, false)), /not trained to its end/);
});

test('training with products that are waited for ends in the same files', async () => {
  // Products too small for a kernel are computed on the spot; these are not.
  const input = inputOf({ ...tinyRecipe, model: { ...tinyRecipe.model, ffn: 23 } });
  const whole = new Map<string, Uint8Array>();
  await trainRun({ ...input, storage: storage(whole, 0, false) });
  let batches = 0;
  const products: AsyncProducts = {
    least: 0,
    multiply: async (batch) => {
      batches++;
      multiplyBatch(sharedProducts(), batch);
    },
  };
  const waiting = new Map<string, Uint8Array>();
  await trainRun({ ...input, products, storage: storage(waiting, 0, false) });
  assert.ok(batches > 0);
  assert.deepEqual(waiting, whole);
});
