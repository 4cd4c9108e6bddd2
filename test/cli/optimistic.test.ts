/**
 * Bounties whose claims can be challenged, through the commands: a false claim refuted by the watchtower, a valid one whose window passes, a claimant who
 * withholds, answers and defaults; and Both, where a verdict shortens the window. The model is public, the data hidden.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createTestClient, http, type Hex } from 'viem';
import { REASONS } from '../../scripts/lib/audit/money.ts';
import { auditPage } from '../../scripts/lib/audit/page/page.ts';
import type { Audit } from '../../scripts/lib/audit/types.ts';
import { connect, deploy, openEscrow, type Chain, type Escrow } from '../../scripts/lib/chain.ts';
import { findBounty } from '../../scripts/lib/bounties.ts';
import { openBundles } from '../../scripts/lib/bundles.ts';
import { localAccount, startLocalChain, type LocalChain } from '../../scripts/lib/local-chain.ts';
import { bodyOf, readClaim, writeClaim } from '../../scripts/lib/run-folder.ts';
import { claimId } from '../../verifier/statement.ts';
import { readWord, writeWord } from '../../verifier/words.ts';
import { fineproofJson, startFineproof } from './support/fineproof.ts';
import { parties } from './support/parties.ts';
import { text, writeTinyModel } from './support/tiny-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'fineproof-optimistic-'));
const at = (...names: readonly string[]): string => join(folder, ...names);
const [poster, contributor, attester, watcher] = [1, 2, 3, 4];
const HOUR = 3600;
const [REWARD, BOND] = [15n * 10n ** 17n, 10n ** 18n];

let local: LocalChain;
let chain: Chain;
let escrow: Escrow;
let env: Record<string, string>;
const { as, ok, refused } = parties(() => env);
const pass = async (seconds: number): Promise<void> => {
  const clock = createTestClient({ mode: 'hardhat', transport: http(local.rpc) });
  await clock.increaseTime({ seconds });
  await clock.mine({ blocks: 1 });
};
const credit = (account: number): Promise<bigint> =>
  escrow.credit('0x0000000000000000000000000000000000000000', localAccount(account).address);
const statusOf = async (claim: unknown): Promise<number> => (await escrow.claimOf(claim as Hex)).status;
const [PAID, REJECTED] = [4, 5];

before(async () => {
  local = await startLocalChain();
  chain = await connect(local.rpc);
  const deployed = await deploy(chain, localAccount(0), { window: BigInt(HOUR), reaction: BigInt(HOUR / 2) });
  escrow = await openEscrow(chain, deployed.escrow);
  env = {
    FINEPROOF_RPC: local.rpc,
    FINEPROOF_ESCROW: deployed.escrow,
    FINEPROOF_STORE: at('store'),
    FINEPROOF_PASSPHRASE: 'a word',
  };
  writeTinyModel(at('base'));
  writeFileSync(at('text'), text);
  await ok(['model', 'commit', at('base'), '--out', at('model')]);
  await ok([
    'data',
    'commit',
    at('text'),
    '--batch',
    '1',
    '--sequence',
    '8',
    '--batches',
    '2',
    '--hidden',
    '--columns',
    '8',
    '--out',
    at('data'),
  ]);
});
after(() => {
  local.stop();
  rmSync(folder, { recursive: true, force: true });
});

const opening = ['--opening', at('data', 'data.opening')];
const times = ['--claim-within', '100h', '--window', '2h'];
const post = (out: string, ...more: readonly string[]): string[] => [
  ...['bounty', 'post', '--model', at('model'), '--data', at('data'), ...opening, '--out', out, '--rank', '2', '--reward', '1.5'],
  ...times,
  ...more,
];
const doubts = ['--bond', '1', '--answer', '1h', '--react', '30m'];

test('post says what a rule needs, before anything is computed', async () => {
  for (const [more, pattern] of [
    [['--rule', 'optimistic'], /^--bond: is 0/],
    [['--rule', 'optimistic', ...doubts, '--react', '10m'], /^--react: is 600 s, this escrow takes 1800 s and more/],
    [['--rule', 'both', ...doubts], /^--attester: is missing/],
  ] as const)
    await refused(post(at('never'), ...more), pattern, poster);
  await refused(
    post(at('never'), '--rule', 'optimistic', ...doubts, '--demand-fee', '0.1'),
    /^--bond: is 1; with this --demand-fee it must be/,
    poster,
  );
});

const bounty = { id: '' as Hex, run: at('run'), package: at('bounty') };

test('Optimistic: post pins the recorded verifier’s key, check records it anew', async () => {
  const posted = await ok(post(bounty.package, '--rule', 'optimistic', ...doubts), poster);
  bounty.id = posted['bounty'] as Hex;
  const checked = (await ok(['bounty', 'check', bounty.package]))['checked'] as string[];
  assert.ok(checked.includes('the verifier key is that of the verifier, recorded anew'));
  // The same bounty under another key: nobody should train for it, nor claim it.
  const copy = at('bad-key');
  cpSync(bounty.package, copy, { recursive: true });
  const file = join(copy, 'bounty.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace(posted['verifierKey'] as string, `0x${'5a'.repeat(32)}`));
  await refused(['bounty', 'check', copy, '--offline'], /terms\.verifierKey: is not the key/);
  await refused(['train', copy, '--out', at('bad-run'), ...opening], /terms\.verifierKey: is not the key/, contributor);
});

/** Claims what `claim` refuses to: a bundle with one word changed, the trace left as it was. */
async function lie(publish: boolean, nonce: number, of = bounty): Promise<Hex> {
  const { terms } = await findBounty(escrow, of.id);
  const bundle = new Uint8Array(readFileSync(join(of.run, 'bundle.bin')));
  const word = bundle.length / 32 - 10 - nonce;
  writeWord(bundle, word, readWord(bundle, word) ^ 1n);
  const honest = readClaim(join(of.run, 'claim.json'));
  const [known] = (await ok(['bounty', 'show', of.id]))['claims'] as { body: { traceRoot: Hex } }[];
  const bundles = openBundles(publish ? at('store') : at('hidden'));
  const claim = { ...honest, bundleRoot: bundles.put(bundle), nonce: `0x${nonce.toString(16).padStart(64, '0')}` as const };
  const body = bodyOf(claim, [], known?.body.traceRoot);
  await escrow.claim(localAccount(contributor), terms, body);
  return claimId(of.id, localAccount(contributor).address, body);
}

const first = { claim: '' as Hex };

test('claim runs the verifier and stores the trace; the watchtower finds nothing wrong with it', async () => {
  await ok(['train', bounty.package, '--out', bounty.run, ...opening], contributor);
  const claimed = await ok(['claim', bounty.run, '--package', bounty.package, '--publish'], contributor);
  first.claim = claimed['claim'] as Hex;
  assert.notEqual(claimed['traceRoot'], `0x${'00'.repeat(32)}`);
  const watched = await ok(['watch', bounty.package, '--once', '--cursors', at('cursors')], watcher);
  assert.deepEqual(
    (watched['claims'] as { claim: Hex; doubt: { state: string } }[]).map((c) => [c.claim, c.doubt.state]),
    [[first.claim, 'right']],
  );
  const { code, json } = await fineproofJson(['challenge', first.claim, '--package', bounty.package], as(watcher));
  assert.deepEqual([code, json['state']], [1, 'right']);
  await refused(['accept', first.claim], /TooEarly/, contributor);
  assert.deepEqual((await ok(['settle', bounty.id], watcher))['defaulted'], []);
});

test('false claims: the watchtower refutes one as it comes, `challenge` the other; the bond is split', async () => {
  const before = [await credit(watcher), await credit(poster)];
  const watch = startFineproof(['watch', bounty.package, '--cursors', at('cursors'), '--every', '1s', '--json'], as(watcher));
  const false_ = await lie(true, 1);
  for (let i = 0; (await statusOf(false_)) !== REJECTED; i++) {
    assert.ok(i < 600, 'not refuted');
    await new Promise((done) => setTimeout(done, 200));
  }
  watch.stop();
  const { code, out } = await watch.ended;
  assert.equal(code, 0);
  const [said] = (JSON.parse(out) as { claims: { claim: Hex; doubt: { state: string; where: string } }[] }).claims;
  assert.deepEqual([said?.claim, said?.doubt.state], [false_, 'challenged']);
  assert.deepEqual(
    [await credit(watcher), await credit(poster)],
    before.map((c) => c + BOND / 2n),
  );
  const second = await lie(true, 2);
  const challenged = await ok(['challenge', second, '--package', bounty.package], watcher);
  assert.equal(challenged['state'], 'challenged');
  assert.equal(await statusOf(second), REJECTED);
  assert.equal((await ok(['challenge', second, '--package', bounty.package], watcher))['state'], 'over');
  assert.equal((await ok(['withdraw'], watcher))['amount'], String(BOND));
});

test('withheld data: demands, answers from the run’s folder, and who does not answer loses', async () => {
  const tree = ['--package', bounty.package, '--tree'];
  await ok(['demand', first.claim, ...tree, 'trace'], watcher);
  await ok(['demand', first.claim, ...tree, 'bundle', '--level', '7', '--index', '1'], watcher);
  await refused(['demand', first.claim, ...tree, 'bundle', '--level', '40'], /NoSuchNode/, watcher);
  await refused(['accept', first.claim], /OpenDemands|TooEarly/, contributor);
  const answered = (await ok(['answer', bounty.run, '--package', bounty.package], contributor))['answered'] as unknown[];
  assert.equal(answered.length, 2);
  const { terms } = await findBounty(escrow, bounty.id);
  assert.equal(await credit(contributor), 2n * terms.demandFee);
  assert.deepEqual((await ok(['answer', bounty.run, '--package', bounty.package], contributor))['answered'], []);

  const hidden = await lie(false, 3);
  const challenge = ['challenge', hidden, '--package', bounty.package];
  const { code, json } = await fineproofJson(challenge, as(watcher));
  assert.deepEqual([code, json['state']], [1, 'withheld']);
  const waiting = await ok([...challenge, '--demand-up-to', '0.5'], watcher);
  // One chunk first, to see whether anybody answers.
  assert.deepEqual([waiting['state'], (waiting['nodes'] as unknown[]).length], ['waiting', 1]);
  await ok(['demand', hidden, ...tree, 'trace'], watcher);
  await pass(HOUR);
  const before = [await credit(watcher), await credit(poster)];
  const ended = await ok(['settle', bounty.id], attester);
  assert.deepEqual(ended['defaulted'], [hidden]);
  assert.equal((ended['reclaimed'] as unknown[]).length, 1);
  assert.equal(await statusOf(hidden), REJECTED);
  assert.deepEqual(
    [await credit(watcher), await credit(poster)],
    [(before[0] as bigint) + BOND / 2n + 2n * terms.demandFee, (before[1] as bigint) + BOND / 2n],
  );
});

test('a claimant who publishes nothing but answers is refuted by the answers', async () => {
  const hidden = await lie(false, 5);
  const run = at('lying-run');
  cpSync(bounty.run, run, { recursive: true });
  const { body } = ((await ok(['bounty', 'show', bounty.id]))['claims'] as { id: Hex; body: { bundleRoot: Hex; nonce: Hex } }[]).find(
    (c) => c.id === hidden,
  ) as { body: { bundleRoot: Hex; nonce: Hex } };
  writeClaim(run, { ...readClaim(join(run, 'claim.json')), bundleRoot: body.bundleRoot, nonce: body.nonce });
  cpSync(openBundles(at('hidden')).path(body.bundleRoot), join(run, 'bundle.bin'));
  const answers = startFineproof(['answer', run, '--package', bounty.package, '--watch', '--every', '1s', '--json'], as(contributor));
  const challenge = [
    'challenge',
    hidden,
    '--package',
    bounty.package,
    '--demand-up-to',
    '0.5',
    '--wait',
    '--every',
    '1s',
    '--store',
    at('nothing'),
  ];
  const said = await ok(challenge, watcher);
  assert.deepEqual([said['state'], await statusOf(hidden)], ['challenged', REJECTED]);
  answers.stop();
  const { code, out } = await answers.ended;
  assert.equal(code, 0);
  assert.ok((JSON.parse(out) as { answered: unknown[] }).answered.length > 27);
});

test('the window of the valid claim passes: the keeper answers, accepts and withdraws, and may be killed in between', async () => {
  await ok(['demand', first.claim, '--package', bounty.package, '--tree', 'bundle', '--level', '7', '--index', '2'], watcher);
  const keep = ['keep', 'contributor', bounty.run, '--package', bounty.package, '--state', at('keep')];
  await refused(keep, /^FINEPROOF_PRIVATE_KEY: belongs to/, watcher);
  const killed = startFineproof([...keep, '--every', '1s'], as(contributor));
  for (let i = 0; (await escrow.claimOf(first.claim)).openDemands > 0; i++) {
    assert.ok(i < 600, 'not answered');
    await new Promise((done) => setTimeout(done, 100));
  }
  killed.stop('SIGKILL');
  assert.match((await killed.ended).err, /^$|answer node 2 of level 7 of the bundle/);
  await pass(3 * HOUR);
  const due = (await credit(contributor)) + REWARD + BOND;
  const balance = await chain.client.getBalance({ address: localAccount(contributor).address });
  const kept = await ok([...keep, '--every', '1s'], contributor);
  // The answer too, if the killed process left its transaction in the outbox.
  const duties = (kept['sent'] as { duty: string }[]).map((s) => s.duty).filter((duty) => duty !== 'answer');
  assert.deepEqual(duties, [`accept claim ${first.claim}`, 'withdraw the native coin']);
  assert.deepEqual([kept['over'], await statusOf(first.claim), await credit(contributor)], [true, PAID, 0n]);
  const gas = due - ((await chain.client.getBalance({ address: localAccount(contributor).address })) - balance);
  assert.ok(gas > 0n && gas < 10n ** 16n);
  assert.deepEqual((await ok([...keep, '--once'], contributor))['sent'], []);
  const audit = await ok(['audit', bounty.package, '--html', at('audit.html')]);
  assert.deepEqual([audit['ok'], audit['status'], audit['findings']], [true, 'paid', []]);
  assert.equal(readFileSync(at('audit.html'), 'utf8'), auditPage(audit as unknown as Audit));
  assert.deepEqual(
    (audit['claims'] as { valid: boolean | null; trace: boolean | null }[]).map((c) => [c.valid, c.trace]),
    [
      [true, true],
      [false, null],
      [false, null],
      [null, null],
      [null, null],
    ],
  );
  const { claims, parties, balances } = audit as unknown as Audit;
  // How the four false ones ended, and by which position; a commitment came before every challenge.
  assert.deepEqual(
    claims.map((c) => [c.rejected, c.challenge === null, c.challenge?.commitment === null]),
    [
      [null, true, false],
      [REASONS[2], false, false],
      [REASONS[2], false, false],
      [REASONS[3], true, false],
      [REASONS[2], false, false],
    ],
  );
  assert.ok(claims.flatMap((c) => c.challenge ?? []).every((c) => /^(instruction \d+ of|position)/.test(c.where as string)));
  assert.equal(claims[0]?.demands.filter((d) => d.status === 'answered').length, 3);
  assert.deepEqual(new Set(claims[3]?.demands.map((d) => d.status)), new Set(['defaulted', 'reclaimed']));
  // Every bond and fee found an owner: what one lost, others got.
  assert.ok(balances.every((b) => String(b.held) === '0'));
  assert.equal(
    parties.flatMap((p) => p.standings).reduce((n, s) => n + BigInt(s.net), 0n),
    0n,
  );
  // A paid bounty ends the watch.
  assert.deepEqual((await ok(['watch', bounty.package, '--cursors', at('cursors')], watcher))['bounties'], [bounty.id]);
});

test('Both: an invalid verdict leaves a false claim to be refuted, a valid one pays at once, and the attester too', async () => {
  const who = ['--attester', localAccount(attester).address, '--attester-fee', '0.01'];
  const both = { id: '' as Hex, package: at('both'), run: at('both-run') };
  const posted = await ok(post(both.package, '--rule', 'both', ...doubts, ...who), poster);
  both.id = posted['bounty'] as Hex;
  assert.equal(posted['rule'], 'both');
  await ok(['train', both.package, '--out', both.run, ...opening], contributor);
  const { claim } = await ok(['claim', both.run, '--package', both.package, '--publish'], contributor);
  const false_ = await lie(true, 4, both);
  await refused(['accept', claim as string], /TooEarly/, contributor);
  const attest = async (): Promise<boolean[]> =>
    ((await ok(['attest', both.package, '--records', at('verdicts')], attester))['verdicts'] as { valid: boolean }[]).map((v) => v.valid);
  assert.deepEqual(await attest(), [true, false]);
  assert.deepEqual(await attest(), []);
  const watched = await ok(['watch', both.package, '--once', '--cursors', at('cursors')], watcher);
  assert.deepEqual(
    (watched['claims'] as { claim: Hex; doubt: { state: string } }[]).map((c) => [c.claim, c.doubt.state]),
    [
      [claim, 'right'],
      [false_, 'challenged'],
    ],
  );
  await ok(['accept', claim as string], contributor);
  assert.equal(await statusOf(claim), PAID);
  assert.equal((await ok(['withdraw'], contributor))['amount'], String(REWARD + BOND));
  assert.equal((await ok(['withdraw', '--bounty', both.id], attester))['amount'], String(10n ** 16n));
});
