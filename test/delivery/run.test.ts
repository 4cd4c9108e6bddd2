/** A run that delivers: its rows are drawn before the statement, kept, and sold; the buyer has the adapter that was trained. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { selectBackend } from '../../prover/backend/index.ts';
import { exportAdapter } from '../../prover/run/adapter.ts';
import { DELIVERY_ROWS } from '../../prover/run/delivery-rows.ts';
import { proveRun } from '../../prover/run/proving.ts';
import type { Content } from '../../verifier/cards.ts';
import { adapterTree, encryptRows } from '../../verifier/delivery/cipher.ts';
import { openDelivery } from '../../verifier/delivery/complaint.ts';
import { ROW_BYTES } from '../../verifier/delivery/row.ts';
import { checkDelivery, deliveryDepth } from '../../verifier/delivery/terms.ts';
import { verifyClaim, wordHex } from '../../verifier/bounty.ts';
import { checkProgram } from '../../verifier/validity/check.ts';
import { decodeProgram } from '../../verifier/program/decode.ts';
import { encodeProgram } from '../../prover/program/encode.ts';
import { decodeRecipe, encodeRecipe } from '../../verifier/models/recipe-file.ts';
import { deliveredState, deliveryCommitments, loadDeliveryRows } from '../../scripts/lib/delivery/rows.ts';
import { ME, memoryStorage, tinyBounty } from '../fixtures/tiny-bounty.ts';

const backend = await selectBackend('wasm');
after(() => backend.close());

for (const deliver of ['adapter', 'state'] as const)
  test(`what is sold is what was trained: ${deliver}`, async () => {
    const { bounty, walker, openings, recipe, train } = await tinyBounty(deliver);
    const { compiled: c, program } = bounty;
    checkProgram(decodeProgram(encodeProgram(program)));
    assert.equal(decodeRecipe(encodeRecipe(recipe), 'recipe.json').deliver, deliver);
    const { files, storage } = memoryStorage();
    const states = await train(storage);
    await assert.rejects(loadDeliveryRows(c, storage), /delivery-rows\.bin: does not exist/);
    const prove = () => proveRun({ bounty, claimant: ME, walker, backend, states, openings, storage });
    const run = await prove();
    const verify = (adapterRoot = run.adapterRoot) => verifyClaim(bounty, ME, { ...run, adapterRoot, announced: [] }, run.bundle);
    assert.equal((await verify()).proofs, 2);

    // What the contributor sells: rows, encrypted; what the poster has: commitments from the bundle, and the root from the chain.
    const rows = await loadDeliveryRows(c, storage);
    assert.equal(files.get(DELIVERY_ROWS)?.length, rows.length * ROW_BYTES);
    const commitments = deliveryCommitments(c, run.bundle);
    assert.equal(commitments.length, 2 ** bounty.terms.deliveryDepth);
    assert.equal(wordHex(adapterTree(commitments).root), run.adapterRoot);
    const mask = { key: 5n, secret: 6n, nonce: 7n };
    const opened = await openDelivery({ ciphertext: encryptRows(rows, mask), commitments, mask });
    assert.ok('rows' in opened);
    const bought = deliveredState(c, opened.rows);
    const final = states.at(-1) as Content;
    for (const [name, values] of Object.entries(bought)) assert.deepEqual(Array.from(values), Array.from(final[name]));
    const adapter = Object.keys(final).filter((name) => /\.[AB]$/.test(name));
    assert.deepEqual(Object.keys(bought), deliver === 'state' ? Object.keys(final) : adapter);
    assert.deepEqual(exportAdapter(program, recipe, bought, 'base'), exportAdapter(program, recipe, final, 'base'));

    // A run that goes on keeps the rows that the statement names; a claim names its bundle.
    assert.deepEqual(await prove(), run);
    if (deliver === 'state') return;
    // The last proof lost: made anew over the same rows.
    files.delete(`after-00000${c.proofs}`);
    const again = await prove();
    assert.equal(again.adapterRoot, run.adapterRoot);
    assert.notDeepEqual(again.bundle, run.bundle);
    await verifyClaim(bounty, ME, { ...again, announced: [] }, again.bundle);
    // The rows lost: other blinds, another root, another statement.
    files.delete(DELIVERY_ROWS);
    const fresh = await prove();
    assert.notEqual(fresh.adapterRoot, run.adapterRoot);
    await verifyClaim(bounty, ME, { ...fresh, announced: [] }, fresh.bundle);
    await assert.rejects(verifyClaim(bounty, ME, { ...fresh, adapterRoot: run.adapterRoot, announced: [] }, fresh.bundle));
    // A file of another run, or damaged, stops the run before anything is proven.
    const kept = files.get(DELIVERY_ROWS) as Uint8Array;
    for (const [bytes, why] of [
      [kept.subarray(ROW_BYTES), /has \d+ bytes, \d+ rows have \d+/],
      [kept.map((b, i) => (i === 1 ? b ^ 1 : b)), /is not of the state that this run ends in/],
      [kept.map((b, i) => (i >= 512 && i < 544 ? 0xff : b)), /row 0: a blind lies in \[0, r\)/],
    ] as const) {
      files.set(DELIVERY_ROWS, bytes);
      await assert.rejects(prove(), why);
    }
  });

test('terms and program must agree on what is delivered', async () => {
  const [adapter, state, nothing] = [await tinyBounty('adapter'), await tinyBounty('state'), await tinyBounty()];
  const { terms, compiled } = adapter.bounty;
  const none = { x: 0n, y: 0n };
  const refused = (changes: Partial<typeof terms>, c: typeof compiled, why: RegExp): void =>
    assert.throws(() => checkDelivery({ ...terms, ...changes }, c), why);
  checkDelivery(terms, compiled);
  checkDelivery({ ...terms, fullState: true, deliveryDepth: deliveryDepth(state.bounty.compiled) }, state.bounty.compiled);
  refused({ deliveryKey: none }, compiled, /terms\.deliveryKey: is none, though the program commits/);
  refused({}, nothing.bounty.compiled, /terms\.deliveryKey: asks for a delivery, the program commits to no rows/);
  refused({ deliveryKey: { x: 1n, y: 3n } }, compiled, /terms\.deliveryKey: is no point of the curve/);
  for (const by of [-1, 1])
    refused({ deliveryDepth: terms.deliveryDepth + by }, compiled, /terms\.deliveryDepth: is \d+, the program's rows take \d+/);
  refused({ fullState: true }, compiled, /terms\.fullState: asks for the whole state, the program does not deliver state\.out\..*\.m/);
  refused({ deliveryKey: none, deliveryDepth: 1 }, nothing.bounty.compiled, /terms\.deliveryDepth: is 1, the program's rows take 0/);
  checkDelivery({ ...terms, deliveryKey: none, deliveryDepth: 0, fullState: true }, nothing.bounty.compiled);
});
