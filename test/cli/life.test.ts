/** The life of a bounty through the commands, each in a process of its own, with hidden model and hidden data. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { auditPage, escrowPage } from '../../scripts/lib/audit/page/page.ts';
import type { Audit, EscrowAudit } from '../../scripts/lib/audit/types.ts';
import { connect, deploy } from '../../scripts/lib/chain.ts';
import { localAccount, recordChain, startLocalChain, type LocalChain } from '../../scripts/lib/local-chain.ts';
import { fineproof, fineproofJson, startFineproof } from './support/fineproof.ts';
import { parties } from './support/parties.ts';
import { text, writeTinyModel } from './support/tiny-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'fineproof-life-'));
const at = (...names: readonly string[]): string => join(folder, ...names);
const [poster, contributor, attester, second] = [1, 2, 3, 4];
const asked = { steps: 2 };

let chain: LocalChain;
let env: Record<string, string>;
const { as, ok, refused } = parties(() => env);

before(async () => {
  chain = await startLocalChain();
  const connection = await connect(chain.rpc);
  const { escrow, registry } = await deploy(connection, localAccount(0), { window: 3600n, reaction: 1800n });
  env = {
    FINEPROOF_RPC: chain.rpc,
    FINEPROOF_ESCROW: escrow,
    FINEPROOF_STORE: at('store'),
    FINEPROOF_REGISTRY: registry,
    FINEPROOF_PASSPHRASE: 'a word',
  };
  writeTinyModel(at('base'));
  writeFileSync(at('text'), text);
});
after(() => {
  chain.stop();
  rmSync(folder, { recursive: true, force: true });
});

const claim = { id: '', bounty: '' };

test('cards: hidden ones keep their content in an opening of mode 0600', async () => {
  const model = await ok(['model', 'commit', at('base'), '--hidden', '--encrypt', '--columns', '8', '--out', at('model')], poster);
  const shape = ['--batch', '1', '--sequence', '8', '--batches', String(asked.steps), '--columns', '8'];
  const data = await ok(['data', 'commit', at('text'), '--hidden', ...shape, '--out', at('data')], poster);
  for (const card of [model, data]) assert.match(card['announced'] as string, /^0x[0-9a-f]{64}$/);
  for (const opening of [model['opening'], data['opening']] as string[]) assert.equal(statSync(opening).mode & 0o777, 0o600);
  assert.ok(!existsSync(at('data', 'held-out.card.json')));
});

test('post, list, show, check', async () => {
  const openings = ['--opening', at('model', 'model.opening'), '--opening', at('data', 'data.opening')];
  const money = [
    '--reward',
    '1.5',
    '--bond',
    '0.1',
    '--attester-fee',
    '0.01',
    '--attester',
    localAccount(attester).address,
    '--attester',
    localAccount(second).address,
  ];
  const recipe = ['--rank', '2', '--claim-within', '2h', '--window', '1h'];
  const args = ['bounty', 'post', '--model', at('model'), '--data', at('data'), '--out', at('bounty'), ...openings, ...money, ...recipe];
  await refused([...args, '--steps', '3'], /^--steps: is 3, the data card has 2 batches/, poster);
  const posted = await ok(args, poster);
  claim.bounty = posted['bounty'] as string;
  // The same command, as after a kill: the same bounty, and no second one. Other terms need a folder of their own.
  const terms = readFileSync(at('bounty', 'bounty.json'));
  const again = await ok(args, poster);
  assert.deepEqual([again['bounty'], again['already'], again['transaction']], [claim.bounty, true, null]);
  await refused([...args, '--bond', '0.2'], /terms\.bond: is of bounty 0x.*not what is asked for now.*--out/, poster);
  await refused([...args, '--alpha', '3'], /terms\.recipeHash/, poster);
  await refused(args, /terms\.poster/, contributor);
  assert.deepEqual(readFileSync(at('bounty', 'bounty.json')), terms);
  const listed = (await ok(['bounty', 'list']))['bounties'] as { bounty: string; status: string }[];
  assert.deepEqual(
    listed.map((b) => [b.bounty, b.status]),
    [[claim.bounty, 'open']],
  );
  assert.equal(((await ok(['bounty', 'show', claim.bounty]))['terms'] as { steps: number }).steps, asked.steps);
  assert.equal((await ok(['bounty', 'check', at('bounty')]))['status'], 'open');
  await refused(['bounty', 'refund', claim.bounty], /TooEarly/, poster);
});

test('T7, R5 check refuses a package whose program, recipe, card or first state was changed', async () => {
  for (const [file, pattern] of [
    ['program.bin', /program/],
    ['recipe.json', /recipe/],
    ['model.card.json', /model\.card\.json/],
    ['start.bin', /start\.bin/],
  ] as const) {
    const copy = at('changed');
    cpSync(at('bounty'), copy, { recursive: true });
    const bytes = readFileSync(join(copy, file));
    const place = Math.floor(bytes.length * 0.6);
    bytes[place] = (bytes[place] as number) ^ 1;
    writeFileSync(join(copy, file), bytes);
    await refused(['bounty', 'check', copy, '--offline'], pattern);
    rmSync(copy, { recursive: true });
  }
});

test('train needs the openings, proves, and goes on where it was', async () => {
  const train = ['train', at('bounty'), '--out', at('run'), '--opening', at('model', 'model.opening')];
  await refused(train, /data\.card\.json: is hidden.*--opening/, contributor);
  const first = await ok([...train, '--opening', at('data', 'data.opening')], contributor);
  assert.equal((first['losses'] as number[]).length, asked.steps);
  // As if the run had been killed while its last proof was written.
  rmSync(at('run', 'after-000002'));
  const bundle = readFileSync(at('run', 'bundle.bin'));
  // The missing proof is made from files this time, which are gone afterwards.
  const again = await ok([...train, '--opening', at('data', 'data.opening'), '--stream'], contributor);
  assert.equal(again['adapterRoot'], first['adapterRoot']);
  assert.deepEqual(
    readdirSync(at('run')).filter((name) => name.startsWith('cells-')),
    [],
  );
  assert.notDeepEqual(readFileSync(at('run', 'bundle.bin')), bundle);
  // Called again, it leaves bundle and claim as they are: another nonce would be another claim. What a killed process left half written goes.
  const made = ['bundle.bin', 'claim.json'].map((name) => readFileSync(at('run', name)));
  writeFileSync(at('run', '.state-000001.0123456789ab'), 'half');
  await ok([...train, '--opening', at('data', 'data.opening')], contributor);
  assert.deepEqual(
    ['bundle.bin', 'claim.json'].map((name) => readFileSync(at('run', name))),
    made,
  );
  assert.ok(!existsSync(at('run', '.state-000001.0123456789ab')));
  await refused(
    ['train', at('bounty'), '--out', at('run'), '--opening', at('model', 'model.opening'), '--opening', at('data', 'data.opening')],
    /belongs to bounty/,
    poster,
  );
});

test('verify: a good bundle passes; another claimant, a flipped bit, a truncated bundle do not', async () => {
  const bundle = at('run', 'bundle.bin');
  const verify = ['verify', bundle, '--package', at('bounty')];
  for (const engine of ['wasm', 'plain']) {
    const said = await ok([...verify, ...(engine === 'plain' ? ['--engine', engine] : [])]);
    assert.deepEqual([said['ok'], said['engine']], [true, engine]);
  }
  const claimText = readFileSync(at('run', 'claim.json'), 'utf8');
  const other = at('other.json');
  writeFileSync(other, claimText.replace(localAccount(contributor).address, localAccount(poster).address));
  await refused([...verify, '--claim', other], /another statement/);
  const bytes = readFileSync(bundle);
  for (const [change, pattern] of [
    [(b: Buffer) => b.subarray(0, b.length - 64), /truncated/],
    [(b: Buffer) => (b.writeUInt8(b.readUInt8(b.length - 40) ^ 1, b.length - 40), b), /⟨Z, G⟩|canonical/],
    [() => Buffer.alloc(0), /truncated|bytes/],
  ] as const) {
    writeFileSync(at('bad.bin'), change(Buffer.from(bytes)));
    await refused(['verify', at('bad.bin'), '--package', at('bounty'), '--claim', at('run', 'claim.json')], pattern);
  }
});

test('claim, attest, accept, withdraw', async () => {
  const claimed = await ok(['claim', at('run'), '--package', at('bounty'), '--publish'], contributor);
  claim.id = claimed['claim'] as string;
  const again = await ok(['claim', at('run'), '--package', at('bounty'), '--publish'], contributor);
  assert.deepEqual([again['claim'], again['already'], again['transaction']], [claim.id, true, null]);
  await refused(['accept', claim.id], /NotAttested/, contributor);
  await refused(['attest', at('bounty'), '--records', at('verdicts')], /is no attester/, poster);
  // Two of two: the first signature waits in the shared folder, the second one sends both.
  // The second attester has no copy of the store, and gets the bundle from a web server.
  const server = createServer((request, response) => {
    const file = at('store', request.url ?? '');
    if (existsSync(file)) response.end(readFileSync(file));
    else response.writeHead(404).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const web = ['--store', at('empty'), '--store', `http://127.0.0.1:${(server.address() as AddressInfo).port}`];
  const alone = (await ok(['attest', at('bounty'), '--records', at('verdicts'), ...web], second))['verdicts'] as {
    valid: boolean;
    sent: unknown;
  }[];
  assert.deepEqual(
    alone.map((v) => [v.valid, v.sent]),
    [[true, null]],
  );
  server.close();
  const watch = startFineproof(
    ['attest', at('bounty'), '--records', at('verdicts'), '--watch', '--every', '1s', '--health', '0', '--json'],
    as(attester),
  );
  const claims = async (): Promise<{ attested: boolean }[]> =>
    (await ok(['bounty', 'show', claim.bounty]))['claims'] as { attested: boolean }[];
  for (let i = 0; !(await claims())[0]?.attested; i++) assert.ok(i < 60, 'no verdict within a minute');
  await refused(['attest', at('bounty'), '--records', at('verdicts')], /is held by process \d+/, attester);
  watch.stop();
  const { code, out, err } = await watch.ended;
  assert.equal(code, 0);
  assert.match(err, /^http:\/\/127\.0\.0\.1:\d+\/healthz and \/metrics$/m);
  // What the service remembers stays, its lock does not.
  const kept = readdirSync(at('verdicts')).filter((name) => name.startsWith('attest-'));
  assert.deepEqual(kept, [`attest-${claim.bounty}-${localAccount(attester).address.toLowerCase()}.cursor.json`]);
  const { verdicts } = JSON.parse(out) as { verdicts: { claim: string; valid: boolean; sent: unknown }[] };
  assert.deepEqual(
    verdicts.map((v) => [v.claim, v.valid, v.sent !== null]),
    [[claim.id, true, true]],
  );
  assert.deepEqual((await ok(['attest', at('bounty'), '--records', at('verdicts')], attester))['verdicts'], []);
  // A second claim, which the first one outruns: its bond comes back with the rest.
  writeFileSync(at('run', 'claim.json'), readFileSync(at('run', 'claim.json'), 'utf8').replace(/"nonce":"0x.{8}/, '"nonce":"0x00000000'));
  const outrun = (await ok(['claim', at('run'), '--package', at('bounty')], contributor))['claim'];
  await ok(['accept', claim.id], poster);
  const accepted = await ok(['accept', claim.id], contributor);
  assert.deepEqual([accepted['paid'], accepted['already'], accepted['transaction']], [true, true, null]);
  const withdrawn = await ok(['withdraw', '--bounty', claim.bounty], contributor);
  assert.deepEqual([withdrawn['released'], withdrawn['collected'], withdrawn['amount']], [[outrun], [], String(17n * 10n ** 17n)]);
  await refused(['withdraw'], /NothingToWithdraw/, contributor);
  // A fee waits until one of the signers collects it, for all of them.
  await refused(['withdraw'], /NothingToWithdraw/, attester);
  const fees = await ok(['withdraw', '--bounty', claim.bounty], attester);
  assert.deepEqual([fees['collected'], fees['amount']], [[claim.id], String(10n ** 16n)]);
});

test('audit agrees, follows the money, and writes a page; also on a replayed chain; without the bundle it says so', async () => {
  const audit = await ok(['audit', at('bounty'), '--html', at('audit.html')]);
  assert.equal(audit['ok'], true);
  assert.equal(audit['status'], 'paid');
  // The page is the JSON's rendering and nothing else.
  assert.equal(readFileSync(at('audit.html'), 'utf8'), auditPage(audit as unknown as Audit));
  const { claims, parties, balances, transactions, gas, made, notes } = audit as unknown as Audit;
  assert.deepEqual([made.code, notes], [{ escrow: true, fraudProof: true, delivery: true }, []]);
  assert.deepEqual(
    claims[0]?.checks.map((c) => [c.name, c.outcome]),
    ['bundle', 'proof 1', 'proof 2', 'decider'].map((name) => [name, 'passed']),
  );
  assert.deepEqual(
    claims.map((c) => [c.status, c.attested, c.signers.length]),
    [
      ['paid', true, 2],
      ['released', null, 0],
    ],
  );
  assert.deepEqual(
    parties.map((p) => [p.name, p.standings[0]?.net, p.standings[0]?.waiting]),
    [
      ['poster', String(-152n * 10n ** 16n), '0'],
      ['claimant', String(15n * 10n ** 17n), '0'],
      ...parties.slice(2).map(({ name, address }) => {
        const withdrew = address === localAccount(attester).address;
        return [name, String(10n ** 16n), withdrew ? '0' : String(10n ** 16n)];
      }),
    ],
  );
  assert.ok(balances.every((b) => String(b.held) === '0'));
  const { client } = await connect(chain.rpc);
  const spent = await Promise.all(transactions.map(({ hash }) => client.getTransactionReceipt({ hash })));
  assert.equal(String(gas), String(spent.reduce((n, { gasUsed }) => n + gasUsed, 0n)));
  // All bounties of the escrow, from events alone.
  const all = (await ok(['audit', '--html', at('escrow.html')])) as unknown as EscrowAudit;
  assert.deepEqual(
    all.bounties.map((b) => [b.bounty, b.package, b.claims.map((c) => c.valid), String(b.gas)]),
    [[claim.bounty, null, [null, null], String(gas)]],
  );
  // What waits for the second attester is all that the escrow holds.
  assert.deepEqual(
    all.liabilities?.map((l) => [l.held, l.credits, l.balance].map(String)),
    [['0', String(10n ** 16n), String(10n ** 16n)]],
  );
  assert.equal(readFileSync(at('escrow.html'), 'utf8'), escrowPage(all));
  const both = (await ok(['audit', at('bounty'), '--all'])) as unknown as EscrowAudit;
  assert.deepEqual([both.replayed, both.bounties[0]?.claims[0]?.valid], [1, true]);
  await recordChain(chain.rpc, at('chain.json'));
  const replayed = await ok(['audit', at('bounty'), '--rpc', at('chain.json')]);
  assert.deepEqual(
    (replayed['claims'] as { valid: boolean }[]).map((c) => c.valid),
    [true, true],
  );
  const { code, json } = await fineproofJson(['audit', at('bounty'), '--store', at('empty')], env);
  assert.equal(code, 1);
  assert.match((json['findings'] as string[])[0] as string, /not to be had/);
});

test('adapter export writes PEFT’s layout', async () => {
  await ok(['adapter', 'export', at('run'), '--package', at('bounty'), '--out', at('adapter')]);
  const config = JSON.parse(readFileSync(at('adapter', 'adapter_config.json'), 'utf8')) as Record<string, unknown>;
  assert.deepEqual(
    [config['peft_type'], config['r'], config['lora_alpha'], config['target_modules']],
    ['LORA', 2, 4, ['q_proj', 'v_proj']],
  );
  const file = readFileSync(at('adapter', 'adapter_model.safetensors'));
  const header = JSON.parse(file.subarray(8, 8 + Number(file.readBigUInt64LE())).toString()) as Record<string, { shape: number[] }>;
  assert.deepEqual(header['base_model.model.model.layers.1.self_attn.v_proj.lora_A.weight']?.shape, [2, 16]);
  assert.deepEqual(header['base_model.model.model.layers.1.self_attn.v_proj.lora_B.weight']?.shape, [8, 2]);
});

test('without --json a command speaks to people', async () => {
  const { code, out } = await fineproof(['audit', at('bounty')], env);
  assert.equal(code, 0);
  assert.match(out, /paid, 2 steps, reward 1\.5[\s\S]*all agrees/);
});
