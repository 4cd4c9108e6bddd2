import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { selectBackend } from '../../prover/backend/index.ts';
import { proveRun, type ProvenRun } from '../../prover/run/proving.ts';
import { verifyClaim } from '../../verifier/bounty.ts';
import { bounty, ME, memoryStorage, openings, train, walker } from '../fixtures/tiny-bounty.ts';

const { files, storage } = memoryStorage();
const backend = await selectBackend();
after(() => backend.close());
const states = await train(storage);
const prove = async (): Promise<ProvenRun> => {
  const run = await proveRun({ bounty, claimant: ME, walker, backend, states, openings, storage });
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
