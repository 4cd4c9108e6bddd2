/** Hidden cards: what is published of them, what opens them, and that rows, range proof and opening belong to one card. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { zeroAddress } from 'viem';
import { selectBackend } from '../../prover/backend/index.ts';
import { makeDataCards, type PublicCard } from '../../prover/cards/data.ts';
import { readOpening, type Opening } from '../../prover/cards/hidden.ts';
import { makeModelCard } from '../../prover/cards/model.ts';
import type { TextTokenizer } from '../../prover/cards/tokens.ts';
import { weightExponent, type ImportedTensor } from '../../prover/model/import.ts';
import { proveRun } from '../../prover/run/proving.ts';
import { trainRun } from '../../prover/run/training.ts';
import { Walker } from '../../prover/trainer/walk.ts';
import { recipeOf } from '../../scripts/lib/bounty-options.ts';
import { loadCard, saveCard, type LoadedCard } from '../../scripts/lib/card-files.ts';
import { loadOpenings } from '../../scripts/lib/openings.ts';
import { openPackage, packageFiles, writePosting } from '../../scripts/lib/package.ts';
import { makePackage, makeTerms } from '../../scripts/lib/post-bounty.ts';
import { trainAndProve } from '../../scripts/lib/train.ts';
import { plain } from '../../verifier/engine.ts';
import { openBounty, verifyClaim, type BountyFiles, type OpenBounty } from '../../verifier/bounty.ts';
import { cardDigest, encodeCard, type Card } from '../../verifier/cards.ts';
import { R } from '../../verifier/field.ts';
import { digestOf, InputError, toHex } from '../../verifier/input.ts';
import { COMPACT, type Recipe } from '../../verifier/models/recipe.ts';
import { modelTensors } from '../../verifier/models/tensors.ts';
import type { Terms } from '../../verifier/statement.ts';
import { generator, tinyRecipe } from '../fixtures/llama.ts';

const COLUMNS = 8;
const SEED = `0x${'5a'.repeat(32)}` as const;
const ME = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
const shape = tinyRecipe.model;
const folder = mkdtempSync(join(tmpdir(), 'fineproof-hidden-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const refused = (pattern: RegExp) => (e: unknown) => e instanceof InputError && pattern.test(e.message);

function tinyModel(name: string, seed: number): PublicCard {
  const random = generator(seed);
  const tensors = modelTensors(shape, COMPACT).map((t): ImportedTensor => {
    const fan = t.axes.at(-1)?.size ?? 1;
    const exact = Float64Array.from({ length: t.axes.reduce((n, a) => n * a.size, 1) }, () =>
      t.name.includes('norm') ? 0.8 + 0.4 * random() : (2 * random() - 1) * Math.sqrt(3 / fan),
    );
    const f = weightExponent(Math.max(...exact.map(Math.abs)), t.bits);
    const scaled = exact.map((x) => x * 2 ** f);
    return { name: t.name, axes: t.axes, bits: t.bits, f, signed: true, values: Int32Array.from(scaled, Math.round), exact: scaled };
  });
  return makeModelCard(name, tensors);
}

/** Ids below 11: no power of two, so that the range proof also compares with the vocabulary. */
const tokenizer: TextTokenizer = { id: 'bytes', vocabulary: shape.vocab, encode: (text) => text.map((b) => b % shape.vocab) };
const text = new TextEncoder().encode('We hold these truths to be self-evident, that all men are created equal.');
const data = makeDataCards(text, 'text', tokenizer, { name: 'text', batch: 2, sequence: 4, batches: 2, shuffleSeed: SEED });

const hidden = { hidden: true, columns: COLUMNS } as const;
const path = (name: string): string => join(folder, name);
await saveCard(path('hidden/model.card.json'), tinyModel('model', 1), hidden);
await saveCard(path('hidden/data.card.json'), data.training, hidden);
await saveCard(path('other/model.card.json'), tinyModel('model', 2), hidden);
await saveCard(path('public/model.card.json'), tinyModel('model', 1), { columns: COLUMNS });
await saveCard(path('public/data.card.json'), data.training, { columns: COLUMNS });
const card = (where: string, name: 'model' | 'data'): LoadedCard => loadCard(path(`${where}/${name}.card.json`));
const cards = { model: card('hidden', 'model'), data: card('hidden', 'data') };
const openingFiles = [path('hidden/model.opening'), path('hidden/data.opening')];

const options = {
  steps: 2,
  stepsPerProof: 2,
  rank: 2,
  targets: 'q_proj,v_proj',
  firstLayer: 1,
  optimizer: 'momentum',
  learningRate: 0.01,
  weightDecay: 0,
  warmup: 0,
  decay: 'constant',
  precision: 'compact',
} as const;
const recipeFor = (model: Card, dataCard: Card): Recipe => recipeOf(options, shape, model, dataCard);

/** A bounty's package, complete but for the chain. */
async function publish(name: string, of: { model: LoadedCard; data: LoadedCard }, openings: readonly string[]): Promise<string> {
  const target = path(name);
  const opened = await loadOpenings(openings, { model: of.model.card, data: of.data.card });
  const recipe = recipeFor(of.model.card, of.data.card);
  const parts = await makePackage({ folder: target, recipe, cards: { ...of, heldOut: null }, openings: opened, startSeed: SEED });
  const money = { token: zeroAddress, reward: 1n, bond: 0n, attesterFee: 0n };
  const terms = makeTerms(ME, parts, money, { signers: [ME], threshold: 1 }, { claimWithin: 3600, window: 60 }, 0n);
  writePosting(target, { chainId: 31337, escrow: ME, terms });
  return target;
}
const pack = await publish('package', cards, openingFiles);
const { bounty } = await openPackage(pack, plain);

async function trainAs(of: OpenBounty, openings: readonly string[], run: string): Promise<void> {
  const { claim, bundle } = await trainAndProve({
    bounty: of,
    claimant: ME,
    folder: path(run),
    openings: await loadOpenings(openings, of.cards),
    encrypt: false,
    backend: 'wasm',
  });
  const words = { adapterRoot: claim.adapterRoot, announced: [], lastProof: claim.lastProof };
  assert.equal((await verifyClaim(of, ME, words, readFileSync(bundle))).proofs, 1);
}

test('the package of a hidden model and hidden data holds neither content nor blinds, and what it holds is proven', async () => {
  const published = (
    readdirSync(pack, { recursive: true, withFileTypes: true }) as { isFile(): boolean; parentPath: string; name: string }[]
  )
    .filter((f) => f.isFile())
    .map((f) => readFileSync(join(f.parentPath, f.name)));
  const leaked = (secret: Uint8Array): boolean =>
    published.some((file) => file.includes(Buffer.from(secret)) || file.includes(toHex(secret).slice(2)));
  assert.ok(leaked(encodeCard(cards.model.card).subarray(0, 64)), 'the search finds what is there');
  for (const file of openingFiles) {
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const opening = readFileSync(file);
    // Blinds and content in pieces of 16 bytes; pieces of a few different bytes may be anywhere.
    for (let at = 44; at + 16 <= opening.length; at += 16) {
      const piece = opening.subarray(at, at + 16);
      if (new Set(piece).size > 6) assert.ok(!leaked(piece), `bytes ${at} … of an opening are published`);
    }
  }
  assert.deepEqual([bounty.content.model, bounty.content.data], [null, null]);
  assert.deepEqual([...bounty.hiddenRows.keys()].toSorted(), ['data', 'model']);
  await trainAs(bounty, openingFiles, 'run');
});

test('a hidden model with public data, and the other way round', async () => {
  for (const [name, of, opening] of [
    ['hidden model', { model: cards.model, data: card('public', 'data') }, openingFiles[0]],
    ['hidden data', { model: card('public', 'model'), data: cards.data }, openingFiles[1]],
  ] as const) {
    const opened = (await openPackage(await publish(name, of, [opening as string]), plain)).bounty;
    await trainAs(opened, [opening as string], `run of ${name}`);
  }
});

test('openings: missing, of another card, damaged, encrypted', async () => {
  const of = { model: cards.model.card, data: cards.data.card };
  await assert.rejects(loadOpenings([openingFiles[0] as string], of), refused(/^data\.card\.json: is hidden .*--opening/));
  await assert.rejects(
    loadOpenings([path('other/model.opening')], of),
    refused(/opens card 0x[0-9a-f]{64}, which the bounty does not have/),
  );
  await assert.rejects(loadOpenings([path('hidden/model.card.json')], of), refused(/is no opening file/));
  const good = readFileSync(openingFiles[1] as string);
  const backend = await selectBackend();
  try {
    const blinds = good.readUInt32BE(40);
    const change = (edit: (b: Buffer) => Buffer | void): Buffer => {
      const copy = Buffer.from(good);
      return edit(copy) ?? copy;
    };
    for (const [bad, pattern] of [
      [change((b) => b.subarray(0, 60)), /blinds: are/],
      [change((b) => b.subarray(0, b.length - 1)), /truncated/],
      [change((b) => Buffer.concat([b, Buffer.of(0)])), /belongs to another card/],
      [change((b) => void b.writeUInt32BE(0xffffffff, 40)), /blinds: are 4294967295, the card has/],
      [change((b) => void b.write(R.toString(16).padStart(64, '0'), 44, 'hex')), /not canonical/],
      [change((b) => void b.writeUInt8(b.readUInt8(75) ^ 1, 75)), /row 0: does not commit/],
      [change((b) => void b.writeUInt8((b.readUInt8(44 + 32 * blinds) + 1) % 11, 44 + 32 * blinds)), /row 0: does not commit/],
      [change((b) => void b.writeUInt8(11, 44 + 32 * blinds)), /token id 11 is not below the vocabulary 11/],
      [change((b) => void b.writeUInt8(16, 44 + 32 * blinds)), /16 lies outside 0 … 15/],
    ] as const)
      await assert.rejects(readOpening(backend, cards.data.card, bad, 'data.opening'), refused(pattern));
    await assert.rejects(readOpening(backend, cards.model.card, good, 'x'), refused(/opens another card/));
  } finally {
    await backend.close();
  }
  await assert.rejects(saveCard(path('never/data.card.json'), data.training, { columns: COLUMNS, encrypt: true }), refused(/add --hidden/));
  const before = process.env['FINEPROOF_PASSPHRASE'];
  try {
    process.env['FINEPROOF_PASSPHRASE'] = 'open sesame';
    await saveCard(path('encrypted/data.card.json'), data.training, { ...hidden, encrypt: true });
    const file = path('encrypted/data.opening');
    assert.ok(!readFileSync(file).includes(Buffer.from(data.training.bytes.subarray(0, 16))));
    const encrypted = card('encrypted', 'data').card;
    const { content } = (await loadOpenings([file], { data: encrypted })).get('data') as Opening;
    for (const [name, values] of Object.entries(data.training.content))
      assert.deepEqual(Array.from(content[name] ?? []), Array.from(values));
    assert.equal(Object.keys(content).length, Object.keys(data.training.content).length);
    process.env['FINEPROOF_PASSPHRASE'] = 'open barley';
    await assert.rejects(loadOpenings([file], { data: encrypted }), refused(/cannot be decrypted/));
  } finally {
    if (before === undefined) delete process.env['FINEPROOF_PASSPHRASE'];
    else process.env['FINEPROOF_PASSPHRASE'] = before;
  }
});

/** Opens the bounty as posted by somebody who changed a card, its range proof, and the terms' digests with them. */
async function openChanged(name: 'model' | 'data', change: (c: Card) => void, proof?: Uint8Array): Promise<void> {
  const { card: original, rangeProof } = cards[name];
  const changed = structuredClone(original);
  const commitment = changed.commitment as NonNullable<Card['commitment']>;
  if (proof !== undefined) commitment.rangeProof = { digest: digestOf(proof), size: proof.length };
  change(changed);
  const files: BountyFiles = {
    ...packageFiles(pack),
    [`${name}Card`]: encodeCard(changed),
    content: (digest, size) =>
      digest === commitment.rangeProof.digest ? (proof ?? (rangeProof as Uint8Array)) : packageFiles(pack).content(digest, size),
  };
  const terms: Terms = { ...bounty.terms, [`${name}Digest`]: cardDigest(changed) };
  await openBounty(bounty.chainId, bounty.escrow, terms, files);
}
const commitmentOf = (c: Card): NonNullable<Card['commitment']> => c.commitment as NonNullable<Card['commitment']>;

test('R9 a range proof that was changed, or is of another card, or of other rows, is refused', async () => {
  await openChanged('model', () => undefined);
  const own = cards.model.rangeProof as Uint8Array;
  const flipped = (at: number): Uint8Array => own.map((b, i) => (i === at ? b ^ 1 : b));
  const proofOf = /^range proof of model\.card\.json: /;
  for (const at of [80, 64 + 600, Math.floor(own.length / 2), own.length - 80])
    await assert.rejects(
      openChanged('model', () => undefined, flipped(at)),
      refused(proofOf),
    );
  const other = card('other', 'model');
  const statement = /^range proof of model\.card\.json: does not show .*another statement/;
  await assert.rejects(
    openChanged('model', () => undefined, other.rangeProof as Uint8Array),
    refused(statement),
  );
  await assert.rejects(
    openChanged('model', (c) => (commitmentOf(c).rows = commitmentOf(other.card).rows)),
    refused(statement),
  );
  await assert.rejects(
    openChanged('model', (c) => (c.name = 'a better model')),
    refused(statement),
  );
  await assert.rejects(
    openChanged('data', (c) => ((c.tokens as { shuffleSeed: string }).shuffleSeed = `0x${'00'.repeat(32)}`)),
    refused(/another/),
  );
  const missing = (c: Card): void => {
    commitmentOf(c).rangeProof.digest = SEED;
  };
  await assert.rejects(openChanged('model', missing), refused(/range proof|not in the store/));
  await assert.rejects(
    openChanged('model', () => undefined, own.subarray(64)),
    refused(/bytes by the card, a proof of its tensors/),
  );
  await assert.rejects(
    openChanged('model', (c) => (commitmentOf(c).rangeProof.size = 2 ** 50)),
    refused(/bytes by the card/),
  );
  const [row] = commitmentOf(cards.model.card).rows.match(/0x.{128}/) ?? [''];
  await assert.rejects(
    openChanged('model', (c) => (commitmentOf(c).rows = row as string)),
    refused(/does not show/),
  );
});

test('columns: card and program must agree, and so must two hidden cards', async () => {
  await assert.rejects(
    openChanged('model', (c) => (commitmentOf(c).columns = 9)),
    refused(/columns: is 9, the program's is 8 .*--columns 8/),
  );
  await saveCard(path('wide/data.card.json'), data.training, { hidden: true, columns: 9 });
  assert.throws(
    () => recipeFor(cards.model.card, card('wide', 'data').card),
    refused(/commitment\.columns: is 9, the model card’s 8 .*--columns 8/),
  );
});

test('R3 training with other weights than the hidden card commits to gives a bundle that does not verify', async () => {
  const openings = new Map(await loadOpenings(openingFiles, bounty.cards));
  const model = openings.get('model');
  assert.ok(model);
  openings.set('model', { ...model, content: tinyModel('model', 2).content });
  const kept = new Map<string, Uint8Array>();
  const storage = {
    load: async (name: string) => kept.get(name) ?? null,
    save: (name: string, bytes: Uint8Array) => void kept.set(name, bytes),
  };
  const walker = new Walker(bounty.program);
  const fixed = Object.assign({}, ...[...openings.values()].map((o) => o.content)) as Record<string, Float64Array>;
  const states = await trainRun({ program: bounty.program, walker, fixed, first: bounty.start.content, storage });
  const backend = await selectBackend();
  try {
    const run = await proveRun({ bounty, claimant: ME, walker, backend, states, openings, storage });
    await assert.rejects(verifyClaim(bounty, ME, { ...run, announced: [] }, run.bundle), /⟨Z, G⟩ \+ ζH ≠ Q/);
  } finally {
    await backend.close();
  }
});
