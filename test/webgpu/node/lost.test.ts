/** A device that is lost in the middle of a run: the proof at hand is made again, with all its masks drawn anew, and the run ends well. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeviceLostError } from '../../../prover/backend/errors.ts';
import { Recovery } from '../../../prover/backend/recovery.ts';
import type { WebGpuBackend } from '../../../prover/backend/webgpu/index.ts';
import type { Phase } from '../../../prover/prove/prover.ts';
import { proveRun } from '../../../prover/run/proving.ts';
import { selectBackend } from '../../../prover/backend/index.ts';
import { verifyClaim } from '../../../verifier/bounty.ts';
import { bounty, ME, memoryStorage, openings, train, walker } from '../../fixtures/tiny-bounty.ts';
import { configurations, open, skip } from '../support/backend.ts';

const { storage: trained } = memoryStorage();
const states = await train(trained);

for (const [proof, phase, kind] of configurations([
  [2, 'commit', 'the wasm backend'],
  [1, 'look-ups', 'a new device'],
] as const satisfies readonly (readonly [number, Phase, string])[]))
  test(`lost before ${phase} of proof ${proof}: ${kind} goes on`, { skip }, async () => {
    const { storage, files } = memoryStorage();
    const notices: string[] = [];
    const first = await open();
    const others = (name: string) => {
      if (name === 'webgpu' && kind !== 'a new device') throw new Error('no adapter is left');
      return name === 'webgpu' ? open() : selectBackend(name, { workers: 1 });
    };
    const recovery = new Recovery(
      first,
      (text) => notices.push(text),
      async (name) => others(name),
    );
    let begun = 0;
    const run = await proveRun({
      bounty,
      claimant: ME,
      walker,
      backend: recovery,
      states,
      openings,
      storage,
      onPhase: (t, at) => {
        if (t !== proof || at !== phase) return;
        begun++;
        if (begun === 1) first.device.close(true);
      },
    });
    await recovery.close();
    assert.equal(begun, 2);
    assert.equal(notices.length, 1);
    assert.match(notices[0] as string, new RegExp(`lost .* again with ${kind}`));
    assert.equal((await verifyClaim(bounty, ME, { ...run, announced: [] }, run.bundle)).proofs, 2);
    assert.ok(files.has('decider'));
  });

test('without another backend the loss is the caller’s', { skip }, async () => {
  const backend: WebGpuBackend = await open();
  backend.device.close(true);
  const run = proveRun({ bounty, claimant: ME, walker, backend, states, openings, storage: memoryStorage().storage });
  await assert.rejects(run, DeviceLostError);
  await backend.close();
});
