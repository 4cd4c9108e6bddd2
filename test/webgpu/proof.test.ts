/** Whole proofs with kernels on the device: the reference's bytes, nothing left behind, and a device that is lost on the way. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createReferenceBackend } from '../../prover/backend/reference.ts';
import { kernelsOf } from '../../prover/backend/webgpu/kernels.ts';
import { provenBundle } from '../browser/support/proof.ts';
import { tinyDelivery } from '../fixtures/tiny-training.ts';
import { configurations, open, skip, thorough } from './support/backend.ts';

describe('proofs by the device', { skip }, () => {
  it('three steps with a hidden model have the reference’s bytes', async () => {
    const expected = await provenBundle(createReferenceBackend(), 3n);
    const backend = await open();
    assert.equal(await provenBundle(backend, 3n), expected);
    // Else equality would say little. In `npm test` the suite of the page tells that seeds differ, without a second proof by the device.
    if (thorough) assert.notEqual(await provenBundle(backend, 4n), expected, 'other randomness');
    const listed = new Set(kernelsOf(backend.device.limbBits));
    const forgotten = backend.device.compiled().filter((kernel) => !listed.has(kernel));
    assert.deepEqual(
      forgotten.map((kernel) => kernel.name),
      [],
      'kernels that a proof runs are compiled beforehand',
    );
    await backend.close();
  });

  if (thorough)
    it('a step that is delivered has the reference’s bytes: rows of 256 beside the program’s of 8', async () => {
      const backend = await open();
      assert.equal(await provenBundle(backend, 6n, tinyDelivery()), await provenBundle(createReferenceBackend(), 6n, tinyDelivery()));
      await backend.close();
    });

  for (const options of configurations([{}, { bindingBytes: 2 ** 15, limbBits: 14 }, { limbBits: 15 }] as const).slice(1))
    it(`and with ${JSON.stringify(options)}`, async () => {
      const backend = await open(options);
      assert.equal(await provenBundle(backend, 5n), await provenBundle(createReferenceBackend(), 5n));
      await backend.close();
    });
});
