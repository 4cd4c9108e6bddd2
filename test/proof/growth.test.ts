/** Proofs grow with the square root of what is proven: from 2 to 8 layers or steps in one proof, bytes and group operations grow less than 2.3 times. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundleBytes, deciderCounts, proofCounts } from '../../verifier/bundle.ts';
import { messageBytes } from '../../verifier/wire.ts';
import { buildTraining } from '../../verifier/models/build.ts';
import type { Recipe } from '../../verifier/models/recipe.ts';
import { compile, type Compiled } from '../../verifier/program/compile.ts';
import { rowCount } from '../../verifier/protocol/transition.ts';
import { tinyRecipe } from '../fixtures/llama.ts';

/** Points that enter the verifier's multi-exponentiations for a bundle of one proof: Q̄, the decider's, and the last equation. */
function groupOperations(c: Compiled): number {
  const hidden = c.polys.filter((p) => p.role === 'fixed' && p.hidden);
  const rows = (['witness', 'stateIn', 'stateOut'] as const).reduce((n, role) => n + rowCount(c, role), 0);
  const secret = 2 + c.valueRows.length + hidden.length;
  const opened = hidden.reduce((n, p) => n + p.rows.length + 3, 0);
  return 1 + rows + (secret - 1) + secret + 2 + 1 + opened + c.generators + 1;
}

/** The program of a recipe, compiled with the columns that make its bundle smallest. */
function smallest(recipe: Recipe): { bytes: number; operations: number } {
  const { program } = buildTraining(recipe);
  const compiled = [6, 7, 8, 9, 10, 11, 12].map((columns) => compile({ ...program, columns }));
  const best = compiled.reduce((a, b) => (bundleBytes(a) <= bundleBytes(b) ? a : b));
  assert.equal(best.proofs, 1);
  assert.equal(bundleBytes(best), 64 + messageBytes(proofCounts(best)) + messageBytes(deciderCounts(best)));
  return { bytes: bundleBytes(best), operations: groupOperations(best) };
}

/** Four times the work: at most this much more. */
const LIMIT = 2.3;

for (const [what, of] of [
  ['layers', (n: number): Recipe => ({ ...tinyRecipe, model: { ...tinyRecipe.model, layers: n }, steps: 2, perProof: 2 })],
  ['steps in a proof', (n: number): Recipe => ({ ...tinyRecipe, steps: n, perProof: n })],
] as const)
  test(`from 2 to 8 ${what}: bytes and group operations grow less than ${LIMIT} times`, (t) => {
    const [small, large] = [smallest(of(2)), smallest(of(8))];
    const growth = { bytes: large.bytes / small.bytes, operations: large.operations / small.operations };
    t.diagnostic(
      `bytes ${small.bytes} → ${large.bytes} (×${growth.bytes.toFixed(2)}), group operations ${small.operations} → ${large.operations} (×${growth.operations.toFixed(2)})`,
    );
    assert.ok(growth.bytes < LIMIT, `bytes × ${growth.bytes}`);
    assert.ok(growth.operations < LIMIT, `group operations × ${growth.operations}`);
  });
