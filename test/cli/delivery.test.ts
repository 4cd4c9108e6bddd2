/**
 * A delivery through the commands, each in a process of its own: from a key that is drawn to files that are, byte for byte, those that the contributor
 * trained; and what dishonest parties try (D1–D3), as far as commands see it.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createTestClient, http, type Hex } from 'viem';
import { findBounty, findClaim } from '../../scripts/lib/bounties.ts';
import { connect, deploy, openEscrow, type Chain, type Escrow } from '../../scripts/lib/chain.ts';
import { withEngine } from '../../scripts/lib/engine.ts';
import { publishCiphertext } from '../../scripts/lib/delivery/ciphertexts.ts';
import { systemBytes } from '../../scripts/lib/delivery/key-file.ts';
import { loadDeliveryRows } from '../../scripts/lib/delivery/rows.ts';
import { drawSecrets, encodeSecrets, maskOf, seal, secretsName, type Sealing } from '../../scripts/lib/delivery/secrets.ts';
import { decryptSecret } from '../../scripts/lib/secrets.ts';
import { localAccount, startLocalChain, type LocalChain } from '../../scripts/lib/local-chain.ts';
import { openPackage } from '../../scripts/lib/package.ts';
import { bodyOf, readClaim, readRun } from '../../scripts/lib/run-folder.ts';
import { folderStore } from '../../scripts/lib/stores/folder.ts';
import { verdictTypedData } from '../../scripts/lib/verdict.ts';
import { wordHex } from '../../verifier/bounty.ts';
import { cipherTree, maskRow, type MaskKey } from '../../verifier/delivery/cipher.ts';
import { R } from '../../verifier/field.ts';
import { ROW_BYTES, type PlainRow } from '../../verifier/delivery/row.ts';
import { claimId, type Terms } from '../../verifier/statement.ts';
import { writeWord } from '../../verifier/words.ts';
import { fineproofJson, startFineproof } from './support/fineproof.ts';
import { parties } from './support/parties.ts';
import { text, writeTinyModel } from './support/tiny-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'fineproof-delivery-'));
const at = (...names: readonly string[]): string => join(folder, ...names);
const [poster, contributor, attester] = [1, 2, 3];
const HOUR = 3600;
const BOND = 10n ** 17n;
const [PENDING, REVEALED, PAID, REJECTED] = [1, 3, 4, 5];

let local: LocalChain;
let chain: Chain;
let escrow: Escrow;
let env: Record<string, string>;
const { as, ok, refused } = parties(() => env);
const clock = () => createTestClient({ mode: 'hardhat', transport: http(local.rpc) });
const pass = async (seconds: number): Promise<void> => {
  await clock().increaseTime({ seconds });
  await clock().mine({ blocks: 1 });
};
const credit = (account: number): Promise<bigint> =>
  escrow.credit('0x0000000000000000000000000000000000000000', localAccount(account).address);
const statusOf = async (claim: Hex): Promise<number> => (await escrow.claimOf(claim)).status;
/** Transactions of an account so far. */
const sentBy = (account: number): Promise<number> => chain.client.getTransactionCount({ address: localAccount(account).address });
/** Waits until something is so. */
async function seen(what: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; !(await what()); i++) {
    assert.ok(i < 3000, 'not seen within a minute');
    await new Promise((done) => setTimeout(done, 20));
  }
}

before(async () => {
  local = await startLocalChain();
  chain = await connect(local.rpc);
  const deployed = await deploy(chain, localAccount(0), { window: BigInt(HOUR), reaction: BigInt(HOUR / 2) });
  escrow = await openEscrow(chain, deployed.escrow);
  env = {
    ...{ FINEPROOF_RPC: local.rpc, FINEPROOF_ESCROW: deployed.escrow, FINEPROOF_STORE: at('store') },
    FINEPROOF_PASSPHRASE: 'a word',
  };
  writeTinyModel(at('base'));
  writeFileSync(at('text'), text);
  await ok(['model', 'commit', at('base'), '--out', at('model')]);
  await ok(['data', 'commit', at('text'), '--batch', '1', '--sequence', '8', '--batches', '2', '--out', at('data')]);
});
const running: { stop(signal: NodeJS.Signals): void }[] = [];
after(() => {
  for (const one of running) one.stop('SIGKILL');
  local.stop();
  rmSync(folder, { recursive: true, force: true });
});

const keys = at('delivery.key');
const bounty = { id: '' as Hex, terms: {} as Terms };

test('keys: a key is encrypted, of mode 0600, never written over; its public part goes into the terms', async () => {
  const made = await ok(['keys', 'new', '--out', keys, '--encrypt']);
  assert.match(made['warning'] as string, /Losing d loses the delivery/);
  assert.equal(statSync(keys).mode & 0o777, 0o600);
  assert.equal(readFileSync(keys).subarray(0, 8).toString(), 'FPSECRT1');
  await refused(['keys', 'new', '--out', keys], /exists; a secret is never written over/);
  const shown = await ok(['keys', 'show', keys]);
  assert.deepEqual(shown, made['deliveryKey']);
  writeFileSync(at('delivery.pub.json'), JSON.stringify(shown));
  const args = ['bounty', 'post', '--model', at('model'), '--data', at('data'), '--out', at('bounty'), '--rank', '2', '--reward', '1.5'];
  const who = ['--attester', localAccount(attester).address, '--bond', '0.1', '--claim-within', '100h', '--window', '2h'];
  const times = ['--reveal', '2h', '--complain', '2h', '--answer', '1h', '--react', '30m', '--demand-fee', '0.001'];
  const posted = await ok([...args, ...who, ...times, '--delivery-key', at('delivery.pub.json')], poster);
  bounty.id = posted['bounty'] as Hex;
  bounty.terms = (await findBounty(escrow, bounty.id)).terms;
  assert.deepEqual(bounty.terms.deliveryKey, { x: BigInt(shown['x'] as string), y: BigInt(shown['y'] as string) });
});

test('train seals what it proved; going on with the run replays the same bytes', async () => {
  const train = ['train', at('bounty'), '--out', at('run'), '--encrypt'];
  await ok(train, contributor);
  const claim = readFileSync(at('run', 'claim.json'));
  const { nonce, delivery } = readClaim(at('run', 'claim.json'));
  const ciphertext = at('run', `delivery-${nonce.slice(2)}.bin`);
  const secret = at('run', secretsName(nonce));
  assert.notEqual(delivery, undefined);
  assert.equal(statSync(secret).mode & 0o777, 0o600);
  assert.equal(readFileSync(secret).subarray(0, 8).toString(), 'FPSECRT1');
  const bytes = readFileSync(ciphertext);
  assert.equal(bytes.length, ROW_BYTES * 2 ** bounty.terms.deliveryDepth);
  rmSync(ciphertext);
  await ok(train, contributor);
  assert.deepEqual([readFileSync(at('run', 'claim.json')), readFileSync(ciphertext)], [claim, bytes]);
});

/** The verdict of an attester who did look. */
async function attest(claim: Hex): Promise<void> {
  const expiry = (await chain.client.getBlock()).timestamp + 1000n;
  const verdict = verdictTypedData(BigInt(chain.id), escrow.address, { claimId: claim, valid: true, expiry });
  const signature = await localAccount(attester).signTypedData(verdict);
  await escrow.attest(localAccount(attester), bounty.terms, claim, { valid: true, expiry, attesters: 1, signatures: [signature] });
}

/** Claims the honest run under a delivery of these rows, or what `change` makes of it; its folder holds the secrets. */
async function lie(
  name: string,
  rows: (honest: PlainRow[]) => PlainRow[],
  change: (sealing: Sealing) => Sealing = (s) => s,
  spoil: (ciphertext: Uint8Array, mask: MaskKey) => void = () => {},
): Promise<Hex> {
  process.env['FINEPROOF_PASSPHRASE'] = 'a word';
  const { bounty: opened } = await withEngine('wasm', (engine) => openPackage(at('bounty'), engine));
  const account = localAccount(contributor);
  const stored = { ...readRun(at('run')), save: () => assert.fail('only read') };
  const sold = rows(await loadDeliveryRows(opened.compiled, stored));
  const secrets = drawSecrets(bounty.id, account.address, sold, systemBytes);
  const { ciphertext, sealing } = seal(sold, secrets, opened);
  spoil(ciphertext, maskOf(secrets, opened));
  const said = change({ ...sealing, cipherRoot: wordHex(cipherTree(ciphertext).root) });
  const own = wordHex(cipherTree(ciphertext).root) === said.cipherRoot;
  if (own) await publishCiphertext([folderStore(at('store'))], said.cipherRoot, ciphertext);
  cpSync(at('run'), at(name), { recursive: true });
  writeFileSync(at(name, secretsName(secrets.nonce)), encodeSecrets(secrets));
  const body = { ...bodyOf(readClaim(at('run', 'claim.json'))), ...said };
  await escrow.claim(account, bounty.terms, body);
  const id = claimId(bounty.id, account.address, body);
  await attest(id);
  await escrow.accept(account, bounty.terms, id);
  return id;
}

const opening = ['--package', at('bounty'), '--keys', keys];
const receive = (claim: Hex, out: string, ...more: readonly string[]): string[] => [
  'receive',
  claim,
  ...opening,
  '--out',
  at(out),
  ...more,
];

test('D3 rows other than those proven: receive names the row and writes nothing, the complaint ends the claim', async () => {
  // The bundle must be there: a complaint shows what the row should have been.
  await ok(['claim', at('run'), '--package', at('bounty'), '--publish'], contributor);
  await pass(2 * HOUR);
  await ok(['settle', bounty.id], attester);
  const claim = await lie('liar', (rows) =>
    rows.map((row, i) => (i === 1 ? { ...row, limbs: row.limbs.map((v, j) => (j === 7 ? v ^ 1 : v)) } : row)),
  );
  await refused(receive(claim, 'wrong'), /is accepted; its key is not shown/, poster);
  await ok(['reveal', claim, '--run', at('liar')], contributor);
  const { code, json } = await fineproofJson(receive(claim, 'wrong'), as(poster));
  assert.deepEqual([code, json['state'], json['row'], json['complained']], [1, 'wrong', 1, null]);
  assert.ok(!existsSync(at('wrong')));
  await refused(['complain', claim, ...opening], /belongs to .*only the poster/, attester);
  const before = await credit(poster);
  const complained = await ok(['complain', claim, ...opening], poster);
  assert.match(complained['warning'] as string, /publishes S/);
  assert.deepEqual([complained['row'], complained['fault'], await statusOf(claim)], [1, 'WrongRow', REJECTED]);
  assert.equal((await credit(poster)) - before, BOND);
});

test('D3 another claim’s ciphertext opens nothing: received with --complain, the bond is the poster’s', async () => {
  const copied = (await lastClaims())[0] as Hex;
  const { body } = await findClaim(escrow, copied);
  const claim = await lie(
    'thief',
    (rows) => rows,
    ({ keyHash, nonce }) => ({ ...{ cipherRoot: body.cipherRoot, ephemeralKey: body.ephemeralKey }, keyHash, nonce }),
  );
  await ok(['reveal', claim, '--run', at('thief')], contributor);
  const { code, json } = await fineproofJson(receive(claim, 'wrong', '--complain'), as(poster));
  assert.deepEqual([code, json['state'], json['row'], await statusOf(claim)], [1, 'wrong', 0, REJECTED]);
  // It named the other claim’s E too, whose S is out with it.
  assert.deepEqual(json['alsoPublishes'], [copied]);
  assert.ok(!existsSync(at('wrong')));
});

test('D2 a blind that is no field element is found by the poster’s keeper, which complains by itself', async () => {
  const claim = await lie(
    'unreadable',
    (rows) => rows,
    undefined,
    (ciphertext, mask) => {
      const row = maskRow(ciphertext.subarray(2 * ROW_BYTES, 3 * ROW_BYTES), mask, 2);
      writeWord(row, 16, R);
      ciphertext.set(maskRow(row, mask, 2), 2 * ROW_BYTES);
    },
  );
  await ok(['reveal', claim, '--run', at('unreadable')], contributor);
  const { json, err } = await fineproofJson(
    ['keep', 'poster', at('bounty'), '--keys', keys, '--out', at('wrong'), '--state', at('keep'), '--once'],
    as(poster),
  );
  assert.deepEqual(
    (json['sent'] as { duty: string }[]).map((s) => s.duty),
    [`complain claim ${claim}`],
  );
  assert.match(err, /"text":"row 2 is wrong: BlindOutOfField\. A complaint publishes S/);
  assert.deepEqual([await statusOf(claim), existsSync(at('wrong'))], [REJECTED, false]);
});

const lastClaims = async (): Promise<Hex[]> => ((await ok(['bounty', 'show', bounty.id]))['claims'] as { id: Hex }[]).map((c) => c.id);

test('D1 a key that is not the claim’s is refused before it is sent; one shown too late costs the bond', async () => {
  const other = await lie('late', (rows) => rows);
  const sent = await sentBy(contributor);
  await refused(['reveal', other, '--run', at('run')], /has no delivery-.*keys import/, contributor);
  writeFileSync(at('other.key'), `0x${'11'.repeat(32)}`);
  await refused(['reveal', other, '--key', at('other.key')], /is not the key that the claim names.*nothing was sent/, contributor);
  assert.equal(await sentBy(contributor), sent);
  await pass(2 * HOUR);
  await refused(['reveal', other, '--run', at('late')], /TooLate/, contributor);
  assert.deepEqual((await ok(['settle', bounty.id], attester))['unrevealed'], [other]);
});

const honest = { claim: '' as Hex, before: '0x' as Hex };

test('claim --anew draws nonce and keys afresh; what is claimed already is refused without it', async () => {
  await refused(['claim', at('run'), '--package', at('bounty')], /is claimed already.*--anew/, contributor);
  const before = readClaim(at('run', 'claim.json'));
  // Nothing is published: the poster has to ask for the rows.
  const claimed = await ok(['claim', at('run'), '--package', at('bounty'), '--anew'], contributor);
  honest.claim = claimed['claim'] as Hex;
  const now = readClaim(at('run', 'claim.json'));
  assert.equal(now.adapterRoot, before.adapterRoot);
  for (const [a, b] of [
    [now.nonce, before.nonce],
    [now.delivery?.keyHash, before.delivery?.keyHash],
    [now.delivery?.cipherRoot, before.delivery?.cipherRoot],
    [now.delivery?.ephemeralKey.x, before.delivery?.ephemeralKey.x],
  ])
    assert.notEqual(a, b);
  // The same command again, as after a kill, makes no third claim, whatever the hints.
  const again = await ok(['claim', at('run'), '--package', at('bounty'), '--anew', '--uri', 'https://elsewhere.example'], contributor);
  assert.deepEqual([again['claim'], again['already']], [honest.claim, true]);
  assert.deepEqual(readClaim(at('run', 'claim.json')), now);
  assert.equal(readdirSync(at('run')).filter((name) => name.endsWith('.secret')).length, 2);
});

test('D1 a reveal at the last second leaves the poster all the time; rows that no store gives come from the chain', async () => {
  const { claim } = honest;
  honest.before = await clock().snapshot();
  await attest(claim);
  await ok(['accept', claim], contributor);
  const { deadline } = await escrow.claimOf(claim);
  await clock().setNextBlockTimestamp({ timestamp: deadline - 1n });
  // On another machine, which has nothing of the run but its secrets.
  await ok(['keys', 'export', at('moved.vault'), '--run', at('run'), '--key', keys]);
  await ok(['keys', 'import', at('moved.vault'), '--out', at('moved')]);
  await ok(['reveal', claim, '--run', at('moved')], contributor);
  assert.equal((await escrow.claimOf(claim)).deadline, deadline - 1n + 2n * BigInt(HOUR));

  await refused(receive(claim, 'adapter'), /ciphertext 0x.*is not in/, poster);
  await refused(receive(claim, 'adapter', '--demand-up-to', '0.0001'), /asking for all rows costs/, poster);
  const { code, json } = await fineproofJson(receive(claim, 'adapter', '--demand-up-to', '1'), as(poster));
  const nodes = Math.ceil(2 ** bounty.terms.deliveryDepth / 8);
  assert.deepEqual([code, json['state'], json['demanded'], json['open']], [1, 'waiting', nodes, nodes]);
  await refused(['demand', claim, '--package', at('bounty'), '--tree', 'cipher'], /AlreadyDemanded/, poster);
  await refused(['demand', claim, '--package', at('bounty'), '--tree', 'cipher', '--level', '1'], /NoSuchNode.*ask for level 7/, poster);
  await refused(['demand', claim, '--package', at('bounty'), '--tree', 'cipher', '--level', '0'], /NotPoster/, attester);
  const answered = (await ok(['answer', at('run'), '--package', at('bounty')], contributor))['answered'] as unknown[];
  assert.equal(answered.length, nodes);
});

test('what was received is what was trained, byte for byte; D2 nothing can be complained about it', async () => {
  const { claim } = honest;
  // The rows are the chain's, and no store has the bundle: their own commitments show that all are right.
  const received = await ok(receive(claim, 'adapter', '--store', at('empty'), '--rows', at('opened.bin')), poster);
  const kept = decryptSecret(readFileSync(at('run', 'delivery-rows.bin')), 'a word', 'delivery-rows.bin');
  assert.deepEqual(readFileSync(at('opened.bin')), kept, 'the rows that were delivered');
  assert.equal(statSync(at('opened.bin')).mode & 0o777, 0o600);
  assert.equal(received['state'], 'right');
  await ok(['adapter', 'export', at('run'), '--package', at('bounty'), '--out', at('trained')]);
  for (const file of ['adapter_config.json', 'adapter_model.safetensors'])
    assert.deepEqual(readFileSync(at('adapter', file)), readFileSync(at('trained', file)));
  const sent = await sentBy(poster);
  await refused(['complain', claim, ...opening], /every row of .* is as proven: nothing was sent/, poster);
  assert.equal(await sentBy(poster), sent);
  await ok(['keys', 'new', '--out', at('another.key')]);
  await refused(['receive', claim, '--package', at('bounty'), '--keys', at('another.key'), '--out', at('no')], /is not the delivery key/);
  assert.equal(await statusOf(claim), REVEALED);
});

test('two keepers, killed in between, bring a claim to its payment, and the adapter to the poster; nothing is sent twice', async () => {
  // Back to when nobody had judged the honest claim, which falls to a demand that is left open now, so that the bounty goes on.
  await clock().revert({ id: honest.before });
  await ok(['demand', honest.claim, '--package', at('bounty'), '--tree', 'cipher'], poster);
  await pass(HOUR);
  assert.deepEqual((await ok(['settle', bounty.id], poster))['defaulted'], [honest.claim]);
  const claim = (await ok(['claim', at('run'), '--package', at('bounty'), '--publish', '--anew'], contributor))['claim'] as Hex;
  const before = await Promise.all([poster, contributor].map(sentBy));
  const state = ['--state', at('keep'), '--every', '1s', '--json'];
  const posters = ['keep', 'poster', at('bounty'), '--keys', keys, '--out', at('kept'), ...state];
  const contributors = ['keep', 'contributor', at('run'), '--package', at('bounty'), ...state];
  const start = () => {
    const both = [startFineproof(posters, as(poster)), startFineproof(contributors, as(contributor))] as const;
    running.push(...both);
    return both;
  };
  const first = start();
  await attest(claim);
  await seen(async () => (await statusOf(claim)) > PENDING);
  for (const one of first) one.stop('SIGKILL');
  const second = start();
  await Promise.race([
    seen(() => existsSync(at('kept', 'delivery.json'))),
    Promise.race(second.map((p) => p.ended)).then(({ out, err }) => assert.fail(`ended early: ${out}${err}`)),
  ]);
  await pass(2 * HOUR);
  for (const { code, out, err } of await Promise.all(second.map((p) => p.ended))) {
    assert.equal(code, 0, err);
    assert.equal((JSON.parse(out) as { over: boolean }).over, true);
  }
  assert.equal(await statusOf(claim), PAID);
  assert.deepEqual(await Promise.all([credit(poster), credit(contributor)]), [0n, 0n]);
  // The contributor accepted, revealed, settled and withdrew, the poster withdrew.
  assert.deepEqual(await Promise.all([poster, contributor].map(sentBy)), [(before[0] as number) + 1, (before[1] as number) + 4]);
  for (const file of ['adapter_config.json', 'adapter_model.safetensors'])
    assert.deepEqual(readFileSync(at('kept', file)), readFileSync(at('trained', file)));
});
