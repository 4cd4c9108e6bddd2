/** Bounties that pay in an ERC-20, through the commands, each in a process of its own: posting, showing, paying, withdrawing, auditing. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { zeroAddress } from 'viem';
import { auditPage } from '../../scripts/lib/audit/page/page.ts';
import type { Audit, EscrowAudit } from '../../scripts/lib/audit/types.ts';
import { connect, deploy, type Chain } from '../../scripts/lib/chain.ts';
import { readCoin, short } from '../../scripts/lib/coins.ts';
import { localAccount, startLocalChain, type LocalChain } from '../../scripts/lib/local-chain.ts';
import { fineproof } from './support/fineproof.ts';
import { parties } from './support/parties.ts';
import { text, writeTinyModel } from './support/tiny-model.ts';
import { deployToken, type Token } from './support/tokens.ts';

const folder = mkdtempSync(join(tmpdir(), 'fineproof-tokens-'));
const at = (...names: readonly string[]): string => join(folder, ...names);
const [poster, contributor, attester] = [1, 2, 3];
const ATTESTER = localAccount(attester).address;
const POSTER = localAccount(poster).address;

let local: LocalChain;
let chain: Chain;
let escrow: `0x${string}`;
let env: Record<string, string>;
/** With permits, 18 decimals; without, 6 decimals, and a symbol that would turn a line around. */
let plain: Token;
let stubborn: Token;
const { ok, refused, as } = parties(() => env);

before(async () => {
  local = await startLocalChain();
  chain = await connect(local.rpc);
  ({ escrow } = await deploy(chain, localAccount(0), { window: 3600n, reaction: 1800n }));
  env = { FINEPROOF_RPC: local.rpc, FINEPROOF_ESCROW: escrow, FINEPROOF_STORE: at('store') };
  plain = await deployToken(chain, localAccount(0), 'PlainToken');
  stubborn = await deployToken(chain, localAccount(0), 'StubbornToken', ['US\u202eD', 6]);
  await plain.write(localAccount(0), 'mint', POSTER, 10n ** 19n);
  await stubborn.write(localAccount(0), 'mint', POSTER, 10_000_000n);
  await stubborn.write(localAccount(0), 'mint', localAccount(30).address, 10_000_000n);
  writeTinyModel(at('base'));
  writeFileSync(at('text'), text);
  await ok(['model', 'commit', at('base'), '--out', at('model')]);
  await ok(['data', 'commit', at('text'), '--batch', '1', '--sequence', '8', '--batches', '1', '--out', at('data')]);
});
after(() => {
  local.stop();
  rmSync(folder, { recursive: true, force: true });
});

const post = (out: string, ...more: string[]): string[] => [
  ...['bounty', 'post', '--model', at('model'), '--data', at('data'), '--rank', '1', '--targets', 'q_proj', '--optimizer', 'momentum'],
  ...['--window', '1h', '--attester', ATTESTER, '--attester-fee', '0.01', '--bond', '0.1', '--out', at(out), ...more],
];
const pass = async (seconds: number): Promise<void> => {
  for (const [method, params] of [
    ['evm_increaseTime', [seconds]],
    ['evm_mine', []],
  ] as const)
    await chain.client.request({ method, params } as never);
};
const [first, second] = [{ bounty: '' }, { bounty: '' }];

test('a token with permits: one transaction, and no allowance is left', async () => {
  const posted = await ok(
    post('first', '--token', plain.address, '--reward', '1.5', '--claim-within', '1d', '--reserve-for', '1h'),
    poster,
  );
  first.bounty = posted['bounty'] as string;
  assert.deepEqual(
    [posted['reward'], posted['token'], posted['symbol'], posted['decimals'], posted['allowed'], posted['approvals']],
    [String(15n * 10n ** 17n), plain.address, 'PLN', 18, 'permit', []],
  );
  assert.equal(await plain.read('balanceOf', escrow), 15n * 10n ** 17n);
  assert.equal(await plain.read('allowance', POSTER, escrow), 0n);
  const { checked } = await ok(['bounty', 'check', at('first')]);
  assert.match((checked as string[]).join(), /open, with a reward of 1\.5 PLN \(0x/);
});

test('another one: an approval of exactly the reward, over 0 where an allowance is in the way', async () => {
  await stubborn.write(localAccount(poster), 'approve', escrow, 1n);
  const args = post('second', '--token', stubborn.address, '--claim-within', '2h', '--reward');
  await refused([...args, '0.0000001'], /^--reward: is 0\.0000001, but US\\u\{202e\}D has 6 decimals/, poster);
  await refused([...args, '10.000001'], /^--reward: needs 10\.000001 US\\u\{202e\}D \(0x.*has 10 /, poster);
  await refused([...args, '1'], /^--attester-fee: needs 0\.01 ETH, 0x.* has 0 ETH/, 30);
  assert.ok(!existsSync(at('second')), 'refused before any work');
  const posted = await ok([...args, '2.5'], poster);
  second.bounty = posted['bounty'] as string;
  assert.equal(posted['reward'], '2500000');
  assert.deepEqual([posted['allowed'], (posted['approvals'] as unknown[]).length], ['approval', 2]);
  assert.equal(await stubborn.read('allowance', POSTER, escrow), 0n);
});

test('what cannot pay a reward is refused: a fee of transfers by the escrow, the rest before any work', async () => {
  const fee = await deployToken(chain, localAccount(0), 'FeeToken');
  await fee.write(localAccount(0), 'mint', POSTER, 10n ** 19n);
  await refused(
    post('fee', '--token', fee.address, '--reward', '1'),
    /InexactTransfer\(990000000000000000, 1000000000000000000\).*fee of transfers/,
    poster,
  );
  await refused(post('none', '--token', ATTESTER, '--reward', '1'), /^--token: there is no contract at 0x/, poster);
  await refused(post('none', '--token', escrow, '--reward', '1'), /^--token: 0x.* is no ERC-20/, poster);
  assert.ok(!existsSync(at('none')));
});

test('list and show name coin and decimals; a reservation is shown', async () => {
  const { out } = await fineproof(['bounty', 'list'], as());
  assert.match(out, new RegExp(`1\\.5 PLN \\(${short(plain.address)}\\)`));
  assert.match(out, /2\.5 US\\u\{202e\}D \(0x/);
  const listed = (await ok(['bounty', 'list']))['bounties'] as Record<string, unknown>[];
  assert.deepEqual(
    listed.map((b) => [b['reward'], b['symbol'], b['decimals']]),
    [
      [String(15n * 10n ** 17n), 'PLN', 18],
      ['2500000', 'US\\u{202e}D', 6],
    ],
  );
  await refused(['reserve', second.bounty], /NoReservations/, contributor);
  await ok(['reserve', first.bounty], contributor);
  const shown = await fineproof(['bounty', 'show', first.bounty], as());
  assert.match(shown.out, new RegExp(`token +${plain.address}, which says of itself: PLN, 18 decimals`));
  assert.match(shown.out, /reservations +hold 3600 s\nreserved +by 0x/);
  const { reservation } = await ok(['bounty', 'show', first.bounty]);
  const { cautions } = await ok(['bounty', 'check', at('first')]);
  assert.match((cautions as string[]).join(), /keeps others from claiming until/);
  assert.equal((reservation as { holder: string }).holder, localAccount(contributor).address);
});

test('reservations need a bond, and end before the claims do', async () => {
  const args = ['--reward', '1', '--reserve-for'];
  await refused(post('none', ...args, '1h', '--bond', '0'), /^--bond: is 0: a reservation would cost nothing/, poster);
  await refused(
    post('none', ...args, '2d', '--claim-within', '1d'),
    /^--reserve-for: is 172800 s, but claims are taken for 86400 s/,
    poster,
  );
  await refused(post('none', ...args, '0s'), /^--reserve-for: is 0/, poster);
});

test('trained, claimed, attested, paid: the reward in the token, bond and fee in ether, each to whom it is due', async () => {
  await ok(['train', at('first'), '--out', at('run')], contributor);
  const { claim } = await ok(['claim', at('run'), '--package', at('first'), '--publish'], contributor);
  await ok(['attest', at('first'), '--records', at('verdicts')], attester);
  const accepted = await fineproof(['accept', claim as string], as(poster));
  assert.match(accepted.out, new RegExp(`^paid: 1\\.5 PLN .* fetch it with .fineproof withdraw --token ${plain.address}`));
  await refused(['withdraw', '--token', stubborn.address], /NothingToWithdraw/, contributor);
  const withdrawn = await ok(['withdraw', '--bounty', first.bounty], contributor);
  const more = withdrawn['more'] as Record<string, unknown>[];
  assert.deepEqual([withdrawn['amount'], withdrawn['token'], withdrawn['symbol']], [String(10n ** 17n), zeroAddress, 'ETH']);
  assert.deepEqual(
    more.map((m) => [m['amount'], m['token'], m['symbol'], m['decimals']]),
    [[String(15n * 10n ** 17n), plain.address, 'PLN', 18]],
  );
  assert.equal(await plain.read('balanceOf', localAccount(contributor).address), 15n * 10n ** 17n);
  const fee = await ok(['withdraw', '--bounty', first.bounty], attester);
  assert.deepEqual([fee['amount'], fee['more']], [String(10n ** 16n), undefined]);
});

test('an unclaimed bounty gives its tokens back', async () => {
  await pass(7200);
  const { out } = await fineproof(['bounty', 'refund', second.bounty], as(contributor));
  assert.match(out, new RegExp(`^refunded: 2\\.5 .* --token ${stubborn.address}`));
  const { out: said } = await fineproof(['withdraw', '--token', stubborn.address], as(poster));
  assert.match(said, /^2\.5 US\\u\{202e\}D \(0x.* sent to/);
  assert.equal(await stubborn.read('balanceOf', POSTER), 10_000_000n);
});

test('the audit follows both coins, in text, page and JSON; a token that no longer answers does not end it', async () => {
  const audit = (await ok(['audit', at('first'), '--html', at('audit.html')])) as unknown as Audit;
  assert.deepEqual(
    audit.coins.map((c) => [c.symbol, c.decimals]),
    [
      ['ETH', 18],
      ['PLN', 18],
    ],
  );
  const page = readFileSync(at('audit.html'), 'utf8');
  assert.equal(page, auditPage(audit));
  assert.match(page, /it says of itself: PLN, 18 decimals/);
  assert.match(page, /A bounty of 1\.5 PLN \(0x/);
  const { out } = await fineproof(['audit', at('first')], as());
  assert.match(out, /paid, 1 steps, reward 1\.5 PLN \(0x/);
  assert.match(out, /holder of a reservation +0\.1 ETH, 0 PLN \(0x[0-9a-f]+…[0-9a-f]+\) +0\.1 ETH, 1\.5 PLN/i);
  const all = (await ok(['audit'])) as unknown as EscrowAudit;
  assert.deepEqual(
    all.liabilities?.map((l) => [l.token, l.held, l.credits, l.balance].map(String)),
    [
      // The fee that no attester earned waits for the poster.
      [zeroAddress, '0', String(10n ** 16n), String(10n ** 16n)],
      [plain.address, '0', '0', '0'],
      [stubborn.address, '0', '0', '0'],
    ],
  );
  // A token that is gone: its code is taken away, as a proxy's owner could.
  await chain.client.request({ method: 'hardhat_setCode', params: [stubborn.address, '0x'] } as never);
  assert.deepEqual(await readCoin(chain, stubborn.address), { token: stubborn.address, symbol: '', decimals: null });
  const gone = (await ok(['audit'])) as unknown as EscrowAudit;
  assert.equal(gone.liabilities?.[2]?.balance, null);
  assert.match((await fineproof(['bounty', 'list'], as())).out, /2,500,000 units of \(0x/);
});
