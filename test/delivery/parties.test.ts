/** What the parties keep and move in a delivery: keys, secrets, the file they travel in, sealing, ciphertexts in stores and in answers. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fetchCiphertext, ciphertextBytes, publishCiphertext } from '../../scripts/lib/delivery/ciphertexts.ts';
import { decodeKey, encodeKey, loadKey, makeKeyFile, pointJson, systemBytes } from '../../scripts/lib/delivery/key-file.ts';
import { loadCiphertext, loadRevealedKey, makeClaim, type Proven } from '../../scripts/lib/delivery/sealed-run.ts';
import {
  decodeSecrets,
  drawSecrets,
  encodeSecrets,
  maskOf,
  seal,
  secretsName,
  ciphertextName,
} from '../../scripts/lib/delivery/secrets.ts';
import { readingsOfRows } from '../../scripts/lib/delivery/rows.ts';
import { decodeVault, encodeVault, type VaultItem } from '../../scripts/lib/delivery/vault.ts';
import { readDeliveryKey } from '../../scripts/lib/delivery/options.ts';
import { bodyOf } from '../../scripts/lib/run-folder.ts';
import { decryptSecret, encryptSecret } from '../../scripts/lib/secrets.ts';
import { folderStore } from '../../scripts/lib/stores/folder.ts';
import { httpStore } from '../../scripts/lib/stores/http.ts';
import { StoreError, type BundleStore } from '../../scripts/lib/stores/types.ts';
import { encodeDeliveryRows } from '../../prover/run/delivery-rows.ts';
import { rowsOfState } from '../../prover/prove/delivered.ts';
import type { RunStorage } from '../../prover/run/storage.ts';
import { wordHex } from '../../verifier/bounty.ts';
import { adapterTree, cipherTree, encryptRows } from '../../verifier/delivery/cipher.ts';
import { keyPair, multiplySecret, sharedSecret } from '../../verifier/delivery/keys.ts';
import { ciphertextFromAnswers, rowAnswer, rowChunks } from '../../verifier/delivery/row-answers.ts';
import { commitRow, PAD_ROW, ROW_BYTES, type PlainRow } from '../../verifier/delivery/row.ts';
import { openWhole } from '../../verifier/delivery/whole.ts';
import { canonicalJson, type Hex } from '../../verifier/input.ts';
import { compile } from '../../verifier/program/compile.ts';
import { polyOfRole } from '../../verifier/public-content.ts';
import { delivering, firstState } from '../fixtures/delivering.ts';
import { startServer } from '../service/support/server.ts';

const folder = mkdtempSync(join(tmpdir(), 'fineproof-parties-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const word = (n: number): Hex => wordHex(BigInt(n));
const poster = keyPair(systemBytes);
const claimant = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC';
const compiled = compile(delivering());
const terms = { deliveryKey: poster.point, deliveryDepth: 3 } as never;
const bounty = { id: word(77), terms, compiled };
const blinds = (from: number): bigint[] => polyOfRole(compiled, 'delivery').rows.map((_, i) => BigInt(from + i));
const rowsFrom = (from: number): PlainRow[] => rowsOfState(compiled, Object.fromEntries(firstState), blinds(from));
const rows = rowsFrom(1);

test('a key file is decoded strictly, and gives the point that `bounty post` reads', async () => {
  const path = join(folder, 'key');
  const made = makeKeyFile(path, 'word');
  process.env['FINEPROOF_PASSPHRASE'] = 'word';
  assert.deepEqual(await loadKey(path), made);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.throws(() => makeKeyFile(path), /exists; a secret is never written over/);
  const { x, y } = pointJson(made.point);
  assert.deepEqual(readDeliveryKey(`${x},${y}`), made.point);
  const text = new TextDecoder().decode(encodeKey(made));
  for (const [bytes, message] of [
    [text.replace('"version":1', '"version":2'), /version/],
    [text.replace('{', '{ '), /canonical/],
    [text.replace('{', '{"a":1,'), /a|nrecognized/i],
    [text.replace(/"d":"0x[0-9a-f]{64}"/, `"d":"${word(0)}"`), /not in \[1, r\)/],
    [text.replace(/"d":"0x[0-9a-f]{64}"/, `"d":"0x${'f'.repeat(64)}"`), /not in \[1, r\)/],
    ['', /empty/],
  ] as const)
    assert.throws(() => decodeKey(new TextEncoder().encode(bytes), 'key'), message);
});

const secrets = drawSecrets(bounty.id, claimant, rows, systemBytes);
const items: VaultItem[] = [
  { kind: 'delivery-key', name: 'delivery.key', bytes: encodeKey(poster) },
  { kind: 'delivery-secrets', name: secretsName(secrets.nonce), bytes: encodeSecrets(secrets) },
];

test('what is exported comes out as it went in, and nothing else is believed', () => {
  const vault = encodeVault(items);
  assert.deepEqual(
    decodeVault(vault, 'vault').map((i) => ({ ...i, bytes: new Uint8Array(i.bytes) })),
    items,
  );
  const sealed = encryptSecret(vault, 'word');
  assert.deepEqual(new Uint8Array(decryptSecret(sealed, 'word', 'vault')), vault);
  assert.throws(() => decryptSecret(sealed, 'another', 'vault'), /cannot be decrypted/);
  for (const at of [0, 9, 20, sealed.length - 1]) {
    const changed = new Uint8Array(sealed);
    changed[at] = (changed[at] as number) ^ 1;
    assert.throws(() => decryptSecret(changed, 'word', 'vault'));
  }
  for (let n = 0; n < vault.length; n += 7) assert.throws(() => decodeVault(vault.subarray(0, n), 'vault'));
  assert.throws(() => decodeVault(new Uint8Array([...vault, 0]), 'vault'), /truncated or extended/);
  const renamed = (name: string): Uint8Array => encodeVault([{ ...(items[0] as VaultItem), name }, items[1] as VaultItem]);
  for (const name of ['../delivery.key', '.hidden', 'a/b', '', 'x'.repeat(121), 'a\\b']) assert.throws(() => renamed(name), /name/);
  assert.throws(() => encodeVault([items[0] as VaultItem, items[0] as VaultItem]), /two secrets have one name/);
  assert.throws(() => encodeVault([]), /items/);
  const other = { ...(items[1] as VaultItem), name: secretsName(word(5)) };
  assert.throws(() => encodeVault([other]), /not named by its nonce/);
  assert.throws(() => encodeVault([{ ...(items[0] as VaultItem), kind: 'delivery-secrets' }]), /kind|nonce|must|nrecognized/);
  assert.throws(() => encodeVault([{ ...(items[0] as VaultItem), kind: 'opening' }]), /no opening file/);
  // A header with another version, or with a field more.
  for (const header of [
    { version: 2, items: [] },
    { version: 1, items: [{ kind: 'delivery-key', name: 'a', size: 1, mode: 7 }] },
  ]) {
    const bytes = canonicalJson(header);
    assert.throws(() => decodeVault(new Uint8Array([...vault.subarray(0, 8), 0, 0, 0, bytes.length, ...bytes]), 'vault'));
  }
});

test('D3 secrets seal the rows that they were drawn for, and no others; the poster has the same masks', () => {
  const { ciphertext, sealing } = seal(rows, secrets, bounty);
  const { ciphertext: again, sealing: same } = seal(rows, decodeSecrets(encodeSecrets(secrets), 'secrets'), bounty);
  assert.deepEqual([again, same], [ciphertext, sealing]);
  const secret = sharedSecret(multiplySecret(poster.secret, sealing.ephemeralKey));
  assert.equal(secret, maskOf(secrets, bounty).secret);
  assert.deepEqual(ciphertext, encryptRows(rows, { key: BigInt(secrets.key), secret, nonce: BigInt(secrets.nonce) }));
  assert.throws(() => seal(rowsFrom(2), secrets, bounty), /no mask may serve twice/);
  assert.throws(() => seal(rows.slice(1), secrets, bounty), /no mask may serve twice/);
  assert.throws(() => seal(rows, secrets, { ...bounty, id: word(78) }), /is 0x.*4d, not/);
  const fresh = drawSecrets(bounty.id, claimant, rows, systemBytes);
  for (const field of ['nonce', 'key', 'ephemeral'] as const) assert.notEqual(fresh[field], secrets[field]);
});

/** A run's files in memory. */
class Files implements RunStorage {
  readonly files = new Map<string, Uint8Array>();
  readonly secret = new Set<string>();
  load = async (name: string): Promise<Uint8Array | null> => this.files.get(name) ?? null;
  save(name: string, bytes: Uint8Array, secret: boolean): void {
    this.files.set(name, new Uint8Array(bytes));
    if (secret) this.secret.add(name);
  }
}

test('U3 a run that goes on claims the same bytes, or draws everything anew; old secrets stay', async () => {
  const files = new Files();
  files.save('delivery-rows.bin', encodeDeliveryRows(rows), true);
  const proven: Proven = { bounty: bounty.id, claimant, bundleRoot: word(1), lastProof: word(2), adapterRoot: word(3) };
  const first = await makeClaim(files, bounty, proven, null, systemBytes);
  const [secretFile, cipherFile] = [secretsName(first.nonce), ciphertextName(first.nonce)];
  assert.deepEqual([files.secret.has(secretFile), files.secret.has(cipherFile)], [true, false]);
  const ciphertext = files.files.get(cipherFile);
  files.files.delete(cipherFile);
  assert.deepEqual(await makeClaim(files, bounty, proven, first, systemBytes), first);
  assert.deepEqual(files.files.get(cipherFile), ciphertext);
  const body = bodyOf(first);
  assert.deepEqual((await loadCiphertext(files, body)).ciphertext, ciphertext);
  assert.equal(await loadRevealedKey(files, body, 'run'), decodeSecrets(files.files.get(secretFile) as Uint8Array, '').key);
  await assert.rejects(loadRevealedKey(files, { ...body, keyHash: word(9) }, 'run'), /is not the key that the claim names/);
  await assert.rejects(loadRevealedKey(files, { ...body, nonce: word(9) }, 'run'), /has no delivery-0{63}9\.secret.*keys import/);
  await assert.rejects(loadCiphertext(files, { ...body, cipherRoot: word(9) }), /is not the claim’s ciphertext/);

  // Another bundle, other rows, or secrets that are gone: nothing of the first claim is used again.
  const differs = async (now: Proven): Promise<void> => {
    const next = await makeClaim(files, bounty, now, first, systemBytes);
    assert.notEqual(next.nonce, first.nonce);
    assert.notEqual(next.delivery?.keyHash, first.delivery?.keyHash);
    assert.notEqual(next.delivery?.ephemeralKey.x, first.delivery?.ephemeralKey.x);
    assert.ok(files.files.has(secretFile));
  };
  await differs({ ...proven, bundleRoot: word(4) });
  const kept = files.files.get(secretFile) as Uint8Array;
  files.files.delete(secretFile);
  const next = await makeClaim(files, bounty, proven, first, systemBytes);
  assert.notEqual(next.nonce, first.nonce);
  files.files.set(secretFile, kept);
  files.save('delivery-rows.bin', encodeDeliveryRows(rowsFrom(50)), true);
  await assert.rejects(makeClaim(files, bounty, proven, first, systemBytes), /no mask may serve twice/);
  await differs({ ...proven, adapterRoot: word(5) });
});

test('a claim without delivery keeps its nonce too', async () => {
  const plain = { ...bounty, terms: { deliveryKey: { x: 0n, y: 0n } } as never };
  const proven: Proven = { bounty: bounty.id, claimant, bundleRoot: word(1), lastProof: word(2), adapterRoot: word(3) };
  const first = await makeClaim(new Files(), plain, proven, null, systemBytes);
  assert.equal(first.delivery, undefined);
  assert.deepEqual(await makeClaim(new Files(), plain, proven, first, systemBytes), first);
  assert.notEqual((await makeClaim(new Files(), plain, proven, null, systemBytes)).nonce, first.nonce);
});

const mask = { key: 1n, secret: 2n, nonce: 3n };

test('answers bring a ciphertext of every depth; a changed one is not of it', () => {
  for (const depth of [0, 1, 3, 4, 6]) {
    const ciphertext = encryptRows(
      Array.from({ length: 2 ** depth }, () => PAD_ROW),
      mask,
    );
    const tree = cipherTree(ciphertext);
    const { level, count } = rowChunks(depth);
    const answers = Array.from({ length: count }, (_, i) => rowAnswer(ciphertext, tree, level, i));
    assert.deepEqual(ciphertextFromAnswers(tree.root, depth, answers), ciphertext);
    const last = answers.at(-1) as (typeof answers)[number];
    const changed = { ...last, words: last.words.with(0, 5n) };
    assert.throws(() => ciphertextFromAnswers(tree.root, depth, [...answers.slice(0, -1), changed]), /not of this ciphertext/);
    assert.throws(() => ciphertextFromAnswers(tree.root, depth, answers.slice(1)), /answers for/);
    assert.throws(
      () => ciphertextFromAnswers(tree.root, depth, [...answers.slice(0, -1), { ...last, words: last.words.slice(1) }]),
      /size/,
    );
    if (count > 1) assert.throws(() => ciphertextFromAnswers(tree.root, depth, answers.toReversed()), /not of this ciphertext/);
  }
  const ciphertext = encryptRows(rows, mask);
  assert.throws(() => rowAnswer(ciphertext, cipherTree(ciphertext), 4, 0), /up to level 3/);
});

test('without the bundle the rows’ own commitments show that all are right, or that one is not', async () => {
  const ciphertext = encryptRows(rows, mask);
  const commitments = await Promise.all(rows.map((row) => commitRow(row)));
  const pads = new Array<null>(ciphertext.length / ROW_BYTES - rows.length).fill(null);
  const { root } = adapterTree([...commitments, ...pads]);
  const readings = readingsOfRows(compiled);
  assert.equal(readings.length, rows.length);
  assert.ok(readings.includes(true) && readings.includes(false));
  assert.deepEqual(await openWhole(ciphertext, mask, readings, root), [...rows, ...pads.map(() => PAD_ROW)]);
  assert.equal(await openWhole(ciphertext, { ...mask, key: 9n }, readings, root), null);
  assert.equal(await openWhole(ciphertext, mask, readings, root ^ 1n), null);
  // A bit of the first row, of its blind (beyond r too), and of the last pad.
  for (const at of [1, 512, 543, ciphertext.length - 40]) {
    const changed = new Uint8Array(ciphertext);
    changed[at] = (changed[at] as number) ^ 0x80;
    assert.equal(await openWhole(changed, mask, readings, root), null);
  }
});

test('stores are believed for the exact ciphertext alone', async () => {
  const ciphertext = encryptRows(rows, mask);
  const depth = Math.log2(ciphertext.length / ROW_BYTES);
  const root = wordHex(cipherTree(ciphertext).root);
  const store = (name: string, bytes: Uint8Array | null): BundleStore => ({
    name,
    async get(_root, limit) {
      if (bytes === null || bytes.length > limit) throw new StoreError('does not have it', false);
      return bytes;
    },
    async put() {},
  });
  const flipped = new Uint8Array(ciphertext);
  flipped[100] = (flipped[100] as number) ^ 1;
  const liars = [store('none', null), store('short', ciphertext.subarray(ROW_BYTES)), store('flipped', flipped)];
  assert.deepEqual(await fetchCiphertext([...liars, store('good', ciphertext)], root, { deliveryDepth: depth }), ciphertext);
  await assert.rejects(
    fetchCiphertext(liars, root, { deliveryDepth: depth }),
    /ciphertext 0x.*none does not have it; short gave \d+ bytes, the rows have \d+; flipped gave another content/,
  );
  // The same content is another delivery's under other terms.
  await assert.rejects(fetchCiphertext([store('good', ciphertext)], root, { deliveryDepth: depth + 1 }), /the rows have/);
  await assert.rejects(
    publishCiphertext([store('flipped', flipped)], root, ciphertext),
    /was not published: flipped: gave another content/,
  );
  assert.throws(() => ciphertextBytes({ deliveryDepth: 32 }), /can be read/);
});

test('a ciphertext goes to a folder and to a web server, and comes back', async () => {
  const ciphertext = encryptRows(rows, mask);
  const deliveryDepth = Math.log2(ciphertext.length / ROW_BYTES);
  const root = wordHex(cipherTree(ciphertext).root);
  const kept = new Map<string, Buffer>();
  const server = await startServer(({ method, url, body }, response) => {
    if (method === 'PUT') kept.set(url, body);
    const there = kept.get(url);
    if (there === undefined) response.writeHead(404).end();
    else response.end(method === 'PUT' ? '' : there);
  });
  try {
    const stores = [folderStore(join(folder, 'store')), httpStore(`${server.url}/base`, new Set())];
    await publishCiphertext(stores, root, ciphertext);
    for (const one of stores) assert.deepEqual(new Uint8Array(await fetchCiphertext([one], root, { deliveryDepth })), ciphertext);
  } finally {
    server.close();
  }
});
