import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { zeroAddress } from 'viem';
import { selectBackend } from '../../prover/backend/index.ts';
import { proveRun, type ProvenRun } from '../../prover/run/proving.ts';
import { trainRun } from '../../prover/run/training.ts';
import { multiplyBatch, type AsyncProducts } from '../../prover/trainer/batches.ts';
import { sharedProducts } from '../../prover/trainer/kernels/products.ts';
import { Walker } from '../../prover/trainer/walk.ts';
import { makeTerms } from '../../scripts/lib/post-bounty.ts';
import { verifyClaim, wordHex, ZERO_WORD, type OpenBounty } from '../../verifier/bounty.ts';
import { rowsDigest } from '../../verifier/bundle.ts';
import type { Content } from '../../verifier/cards.ts';
import { compile, type PolyLayout } from '../../verifier/program/compile.ts';
import { placeContent, polyOfRole, publicBlinds, publicRows } from '../../verifier/public-content.ts';
import { calibrated, tinyRecipe } from '../fixtures/llama.ts';

const ME = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
// Some products are large enough for a kernel.
const model = { ...tinyRecipe.model, ffn: 23 };
const { program, inputs } = calibrated({ ...tinyRecipe, model, steps: 2, perProof: 1, modelHidden: false }, 3);
const compiled = compile(program);
const contentOf = (poly: string): Content =>
  Object.fromEntries(program.tensors.filter((t) => t.poly === poly).map((t) => [t.name, inputs.get(t.name) as Float64Array]));
const content = { model: contentOf('model'), data: contentOf('data') };
const start = contentOf('state.in');
const cells = placeContent(polyOfRole(compiled, 'stateIn'), start);
const rows = await publicRows(cells, compiled.columns, polyOfRole(compiled, 'stateIn').rows, ZERO_WORD);
const data = compiled.polys.find((p) => p.name === 'data') as PolyLayout;
const dataRows = await publicRows(placeContent(data, content.data), compiled.columns, data.rows, ZERO_WORD);
const openings = new Map([['data', { content: content.data, rows: dataRows, blinds: publicBlinds(ZERO_WORD, data.rows) }]]);
const parts = {
  modelDigest: ZERO_WORD,
  dataDigest: ZERO_WORD,
  recipeHash: ZERO_WORD,
  steps: 2,
  stepsPerProof: 1,
  startDigest: wordHex(rowsDigest(rows)),
  maxBundle: 1n << 30n,
};
const money = { token: zeroAddress, reward: 1n, bond: 0n, attesterFee: 0n } as const;
/** What `openBounty` would give, but for the cards, which neither proving nor verifying reads. */
const bounty = {
  chainId: 1n,
  escrow: ME,
  terms: makeTerms(ME, parts, money, { signers: [ME], threshold: 1 }, { claimWithin: 1, window: 1 }, 0n),
  program,
  compiled,
  content: { model: content.model, data: null },
  start: { content: start, digest: ZERO_WORD, cells, rows },
  publicContent: { ...content.model, ...program.constants },
  hiddenRows: new Map([['data', dataRows]]),
} as unknown as OpenBounty;

const files = new Map<string, Uint8Array>();
const storage = {
  load: async (name: string) => files.get(name) ?? null,
  save: (name: string, bytes: Uint8Array) => void files.set(name, bytes),
};
const walker = new Walker(program);
const backend = await selectBackend();
after(() => backend.close());
const states = await trainRun({ program, walker, fixed: { ...content.model, ...content.data }, first: start, storage });
const prove = async (more: { readonly products?: AsyncProducts } = {}): Promise<ProvenRun> => {
  const run = await proveRun({ bounty, claimant: ME, walker, backend, states, openings, storage, ...more });
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

test('a run is proven with products that are waited for', async () => {
  files.clear();
  let batches = 0;
  const multiply: AsyncProducts['multiply'] = async (batch) => {
    batches++;
    multiplyBatch(sharedProducts(), batch);
  };
  await prove({ products: { least: 0, multiply } });
  assert.ok(batches > 0);
});
