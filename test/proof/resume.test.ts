import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { selectBackend } from '../../prover/backend/index.ts';
import type { Backend } from '../../prover/backend/types.ts';
import { proveRun, type ProvenRun } from '../../prover/run/proving.ts';
import { multiplyBatch } from '../../prover/trainer/batches.ts';
import { sharedProducts } from '../../prover/trainer/kernels/products.ts';
import { verifyClaim } from '../../verifier/bounty.ts';
import { bounty, ME, memoryStorage, openings, train, walker } from '../fixtures/tiny-bounty.ts';

const { files, storage } = memoryStorage();
const backend = await selectBackend();
after(() => backend.close());
const states = await train(storage);
const prove = async (own: Backend = backend): Promise<ProvenRun> => {
  const run = await proveRun({ bounty, claimant: ME, walker, backend: own, states, openings, storage });
  assert.equal((await verifyClaim(bounty, ME, { ...run, announced: [] }, run.bundle)).proofs, 2);
  return run;
};

test('U3 going on with a finished run gives the same bundle, which a claim may already name', async () => {
  const run = await prove();
  assert.deepEqual(await prove(), run);
});

test('U3 what was stored for a chain of proofs that is no longer the run’s is made anew', async () => {
  const whole = new Map(files);
  // A first proof lost, its successors of the old chain still there: as left by a process killed after it made the first one anew.
  files.delete('after-000001');
  const again = await prove();
  for (const name of ['proof-000002', 'after-000002', 'decider']) files.set(name, whole.get(name) as Uint8Array);
  assert.notDeepEqual((await prove()).bundle, again.bundle);
  // A proof made anew whose state was not stored before the process was killed.
  files.set('proof-000002', whole.get('proof-000002') as Uint8Array);
  await prove();
  // Other blinds of the final state make another statement.
  files.delete('final-blinds');
  await prove();
});

test('a run is proven with products that the backend brings and that are waited for', async () => {
  files.clear();
  let batches = 0;
  const products: Backend['products'] = {
    least: 0,
    multiply: async (batch) => {
      batches++;
      multiplyBatch(sharedProducts(), batch);
    },
  };
  await prove({ ...backend, products });
  assert.ok(batches > 0);
});
