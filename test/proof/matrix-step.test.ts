import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createReferenceBackend } from '../../prover/backend/reference.ts';
import { verifyBundle } from '../../verifier/verify.ts';
import { data, firstState, matrixStep, model, walk } from '../fixtures/matrix-step.ts';
import { proveRun } from '../fixtures/run.ts';

const fixed = new Map([...model, ...data]);

test('a run of two proofs with a hidden model and public data is accepted', async () => {
  const run = await proveRun(createReferenceBackend(), {
    program: matrixStep,
    fixed,
    firstState,
    walk: (t, state) => walk(t, state.get('S') as Float64Array),
  });
  assert.equal((await verifyBundle(run.context, run.bundle)).proofs, 2);
});

test('the prover refuses a wrong but in-range output, whichever proof it is in', async () => {
  for (const wrongAt of [0, 1]) {
    const run = proveRun(createReferenceBackend(), {
      program: matrixStep,
      fixed,
      firstState,
      walk: (t, state) => walk(t, state.get('S') as Float64Array, t === wrongAt ? 1 : 0),
    });
    await assert.rejects(run, new RegExp(`proof ${wrongAt + 1}: the witness does not satisfy`));
  }
});
