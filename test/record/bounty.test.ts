/** From a bounty's files to its key and a claim's trace: a real model in miniature, data hidden, model public. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Command } from 'commander';
import { engineOf } from '../../prover/backend/engine.ts';
import { createWasmBackend } from '../../prover/backend/wasm/index.ts';
import { prepare, recipeOptions, type RecipeOptions } from '../../scripts/bench/recipe.ts';
import { trainAndProve } from '../../scripts/bench/training.ts';
import { keyHash } from '../../verifier/record/key.ts';
import { checkVerifierKey, publicWordsFor, recordBounty } from '../../verifier/record/bounty.ts';
import { MAX_CONTENT_CELLS, recordContent } from '../../verifier/record/content.ts';
import { RecordMachine } from '../../verifier/record/machine.ts';
import { RecordError } from '../../verifier/record/tape.ts';
import { runTrace, workOf } from '../../verifier/record/trace.ts';
import { TINY_SHAPE } from '../bench/run.ts';

const backend = await createWasmBackend({ workers: 1 });
after(() => backend.close());
const engine = engineOf(backend);

const options = recipeOptions(new Command())
  .parse([...TINY_SHAPE.filter((x, i, all) => x !== '--workers' && all[i - 1] !== '--workers'), '--steps', '2', '--hidden', 'data'], {
    from: 'user',
  })
  .opts<RecipeOptions>();
const { bounty, claimant, claim } = await trainAndProve(backend, engine, { ...prepare(options), onProgress: () => {} });

test('the recorded verifier of a bounty accepts the claim’s bundle, and refuses it for anybody else', async () => {
  const { recorded } = recordBounty(bounty, engine.keccak);
  const words = { ...claim, announced: [] };
  const run = await runTrace(recorded, claim.bundle, publicWordsFor(bounty, claimant, words), workOf(engine));
  assert.equal(run.failed, null);
  const thief = '0x000000000000000000000000000000000000dEaD';
  const stolen = await runTrace(recorded, claim.bundle, publicWordsFor(bounty, thief, words), workOf(engine));
  assert.equal(stolen.failed?.fault, 'NotEqual');
});

test('a pinned key is recorded anew and compared', () => {
  const { key } = recordBounty(bounty, engine.keccak);
  const pinned = (verifierKey: `0x${string}`) => ({ ...bounty, terms: { ...bounty.terms, verifierKey } });
  assert.deepEqual(checkVerifierKey(pinned(keyHash(key)), engine.keccak).key, key);
  assert.throws(() => checkVerifierKey(pinned(keyHash({ ...key, steps: 1 })), engine.keccak), /terms.verifierKey: is not the key/);
});

test('public content that is too large is refused with what to do instead', () => {
  const poly = bounty.compiled.polys.find((p) => p.name === 'model');
  assert.ok(poly);
  const [placed] = poly.tensors;
  const large = { ...placed, tensor: { ...placed.tensor, axes: [{ name: 'row', size: MAX_CONTENT_CELLS + 1 }] } };
  const o = new RecordMachine();
  assert.throws(
    () => recordContent(o, { ...poly, tensors: [large] }, {}, []),
    (e) => e instanceof RecordError && /model has 4194305 public cells.*hidden card/.test(e.message),
  );
  assert.throws(() => recordContent(o, poly, {}, []), /content of model is missing/);
});
