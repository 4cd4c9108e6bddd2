/** The verifier with the kernels' engine says what it says with plain TypeScript, of honest bundles and of others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { engineOf } from '../../prover/backend/engine.ts';
import { bundleRoot } from '../../verifier/bundle.ts';
import { plain, type Engine } from '../../verifier/engine.ts';
import { R } from '../../verifier/field.ts';
import { publicRows } from '../../verifier/public-content.ts';
import { verifyBundle, type VerifyContext } from '../../verifier/verify.ts';
import { backend, honest, world3 } from '../attacks/support/tiny.ts';
import { generator } from '../fixtures/llama.ts';

const fast = engineOf(backend);

/** What comes of a verification: the digest of the last proof and the final rows, or the error. */
async function outcome(engine: Engine, context: VerifyContext, bundle: Uint8Array): Promise<unknown> {
  try {
    return await verifyBundle(context, bundle, engine);
  } catch (e) {
    assert.ok(e instanceof Error);
    return `${e.name}: ${e.message}`;
  }
}

test('honest and corrupted bundles: both engines agree on the verdict, its reason and the digest', async () => {
  const { context, bundle } = await honest(world3);
  const accepted = await outcome(plain, context, bundle);
  assert.deepEqual(await outcome(fast, context, bundle), accepted);
  assert.equal(typeof accepted, 'object');
  const random = generator(5);
  const reasons = new Set<unknown>();
  for (let i = 0; i < 24; i++) {
    const changed = bundle.slice();
    // Early bytes of a proof are points, most late ones scalars; flips of the low half of a word leave most scalars canonical.
    const at = i % 3 === 0 ? Math.floor(random() * bundle.length) : (Math.floor(random() * (bundle.length / 32)) + 1) * 32 - 1;
    changed[at] ^= 1 << Math.floor(random() * 8);
    const said = await outcome(plain, context, changed);
    assert.equal(typeof said, 'string', `byte ${at} is not checked`);
    assert.deepEqual(await outcome(fast, context, changed), said, `byte ${at}`);
    reasons.add((said as string).split(':')[0]);
  }
  assert.deepEqual([...reasons].sort(), ['DecodeError', 'VerificationError']);
  const other = { ...context, firstState: [...context.firstState].reverse(), finalState: context.finalState + 1n };
  assert.equal(await outcome(fast, other, bundle), await outcome(plain, other, bundle));
});

test('the empty commitment is infinity, and public rows and roots are the same', async () => {
  assert.equal(await fast.commit([0n, 0n, 0n], 0n), null);
  assert.equal(await plain.commit([0n, 0n, 0n], 0n), null);
  assert.deepEqual(await fast.commit([0n, R - 1n, 3n], 5n), await plain.commit([0n, R - 1n, 3n], 5n));
  const cells = Int16Array.from({ length: 32 }, (_, i) => (i < 8 ? 0 : (i % 2 ? -1 : 1) * i * 1000));
  assert.deepEqual(await publicRows(cells, 3, [0, 1, 3], '0x05', fast), await publicRows(cells, 3, [0, 1, 3], '0x05'));
  const bytes = Uint8Array.from({ length: 64 * 5 }, (_, i) => i);
  assert.equal(bundleRoot(bytes, fast.keccak), bundleRoot(bytes));
});
