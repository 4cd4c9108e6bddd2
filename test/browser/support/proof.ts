/** One small proof, made and verified: the same code in Node and in a page. */
import type { Backend } from '../../../prover/backend/types.ts';
import { Walker } from '../../../prover/trainer/walk.ts';
import { toHex, type Hex } from '../../../verifier/input.ts';
import { verifyBundle } from '../../../verifier/verify.ts';
import { proveRun } from '../../fixtures/run.ts';
import { seededRandom } from '../../fixtures/seeded.ts';
import { content, firstState, tinyTraining } from '../../fixtures/tiny-training.ts';

/**
 * The bundle of three training steps (or another tiny training's) with a hidden model; the prover's randomness comes from the seed. Throws where it does
 * not verify, or does with a bit changed.
 */
export async function provenBundle(backend: Backend, seed: bigint, program = tinyTraining()): Promise<Hex> {
  const walker = new Walker(program);
  const fixed = new Map([...content].map(([name, cells]) => [name, Float64Array.from(cells)] as const));
  const { context, bundle } = await proveRun(backend, {
    program,
    fixed,
    firstState,
    walk: (proof, state) => walker.walk(proof, new Map([...fixed, ...state]), { leaves: true }),
    random: seededRandom(seed),
  });
  await verifyBundle(context, bundle);
  const changed = bundle.slice();
  changed[changed.length - 40] = (changed[changed.length - 40] as number) ^ 1;
  let refused = false;
  try {
    await verifyBundle(context, changed);
  } catch {
    refused = true;
  }
  if (!refused) throw new Error('a changed bundle was accepted');
  return toHex(bundle);
}
