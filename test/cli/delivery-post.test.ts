/** Posting bounties with delivery, through the commands: what the escrow takes, what `check` compares, and what is refused before any work. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect, deploy } from '../../scripts/lib/chain.ts';
import { localAccount, startLocalChain, type LocalChain } from '../../scripts/lib/local-chain.ts';
import { readDeliveryKey } from '../../scripts/lib/delivery/options.ts';
import { multiplySecret, BASE } from '../../verifier/delivery/keys.ts';
import { canonicalJson } from '../../verifier/input.ts';
import { parties } from './support/parties.ts';
import { text, writeTinyModel } from './support/tiny-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'fineproof-delivery-post-'));
const at = (...names: readonly string[]): string => join(folder, ...names);
const [poster, attester] = [1, 3];
const key = multiplySecret(77n, BASE);
const HOUR = 3600;

let local: LocalChain;
let env: Record<string, string>;
const { ok, refused } = parties(() => env);

before(async () => {
  local = await startLocalChain();
  const chain = await connect(local.rpc);
  const { escrow } = await deploy(chain, localAccount(0), { window: BigInt(HOUR), reaction: BigInt(HOUR / 2) });
  env = { FINEPROOF_RPC: local.rpc, FINEPROOF_ESCROW: escrow };
  writeTinyModel(at('base'));
  writeFileSync(at('text'), text);
  writeFileSync(at('key.json'), JSON.stringify({ x: `0x${key.x.toString(16)}`, y: String(key.y) }));
  await ok(['model', 'commit', at('base'), '--out', at('model')]);
  await ok(['data', 'commit', at('text'), '--batch', '1', '--sequence', '8', '--batches', '2', '--out', at('data')]);
});
after(() => {
  local.stop();
  rmSync(folder, { recursive: true, force: true });
});

const post = (out: string, ...more: string[]): string[] => [
  ...['bounty', 'post', '--model', at('model'), '--data', at('data'), '--rank', '2', '--steps-per-proof', '1'],
  ...['--reward', '1', '--window', '2h', '--attester', localAccount(attester).address, '--out', at(out), ...more],
];
const times = ['--answer', '1h', '--react', '1h', '--reveal', '1h', '--complain', '1h'];

test('an attested bounty that delivers the whole state: posted, shown, checked', async () => {
  const posted = await ok(post('whole', '--delivery-key', at('key.json'), '--full-state', ...times), poster);
  assert.deepEqual([posted['fullState'], posted['demandFee']], [true, '2000000000000000']);
  const shown = await ok(['bounty', 'show', posted['bounty'] as string]);
  const terms = shown['terms'] as Record<string, unknown>;
  assert.deepEqual(terms['deliveryKey'], { x: String(key.x), y: String(key.y) });
  assert.equal(terms['deliveryDepth'], posted['deliveryDepth']);
  assert.equal(terms['revealFor'], String(HOUR));
  const { checked, cautions } = await ok(['bounty', 'check', at('whole')]);
  assert.deepEqual(cautions, []);
  assert.match((checked as string[]).join(), /what the terms ask to be delivered, the program commits to/);
  assert.match((checked as string[]).join(), /the program is the recipe’s/);
});

test('one that may be challenged, and delivers the adapter: its recorded verifier is pinned', async () => {
  const given = ['--rule', 'both', '--bond', '1', '--delivery-key', `${key.x},0x${key.y.toString(16)}`, ...times];
  const posted = await ok(post('adapter', ...given), poster);
  assert.equal(posted['fullState'], false);
  const { checked } = await ok(['bounty', 'check', at('adapter')]);
  assert.match((checked as string[]).join(), /the verifier key is that of the verifier, recorded anew/);

  // What a stranger's package may not say: terms of another depth, of no key, of the whole state.
  const change = (name: string, edit: (terms: Record<string, unknown>) => void): string => {
    cpSync(at('adapter'), at(name), { recursive: true });
    const file = at(name, 'bounty.json');
    const json = JSON.parse(readFileSync(file, 'utf8')) as { terms: Record<string, unknown> };
    edit(json.terms);
    writeFileSync(file, canonicalJson(json));
    return at(name);
  };
  const check = (name: string, edit: (terms: Record<string, unknown>) => void, why: RegExp): Promise<void> =>
    refused(['bounty', 'check', change(name, edit), '--offline'], why);
  await check('deeper', (t) => (t['deliveryDepth'] = 20), /terms\.deliveryDepth: is 20, the program's rows take \d/);
  await check('keyless', (t) => (t['deliveryKey'] = { x: '0', y: '0' }), /terms\.deliveryKey: is none, though the program/);
  await check('state', (t) => (t['fullState'] = true), /terms\.fullState: asks for the whole state/);
  // A recipe that delivers more or less than the terms say: not even where its program is posted.
  const withRecipe = (folder: string, deliver: string): string => {
    const recipe = JSON.parse(readFileSync(join(folder, 'recipe.json'), 'utf8')) as Record<string, unknown>;
    writeFileSync(join(folder, 'recipe.json'), canonicalJson({ ...recipe, deliver }));
    return folder;
  };
  await refused(
    [
      'bounty',
      'check',
      withRecipe(
        change('more', () => undefined),
        'state',
      ),
      '--offline',
    ],
    /deliver: is state, the terms ask for adapter/,
  );
  cpSync(at('whole'), at('less'), { recursive: true });
  await refused(['bounty', 'check', withRecipe(at('less'), 'adapter'), '--offline'], /deliver: is adapter, the terms ask for state/);
});

test('options that mean nothing, or too little, are refused before any work', async () => {
  for (const option of [['--full-state'], ['--reveal', '1h'], ['--complain', '1h']])
    await refused(post('none', ...option), /is for a delivery/, poster);
  await refused(post('none', '--answer', '1h'), /--answer: is for claims that can be challenged, or a delivery/, poster);
  await refused(post('none', '--delivery-key', at('key.json'), '--reveal', '1m'), /--reveal: is 60 s, this escrow takes 1800 s/, poster);
  await refused(post('none', '--delivery-key', at('nowhere')), /--delivery-key: there is no file/, poster);
});

test('delivery keys: files and x,y; points of the curve alone', () => {
  assert.deepEqual(readDeliveryKey(at('key.json')), key);
  assert.deepEqual(readDeliveryKey('1,2'), BASE);
  for (const [given, why] of [
    ['1,3', /is no point of the curve/],
    ['0,0', /is no point of the curve/],
    ['x,y', /has no x and y/],
  ] as const)
    assert.throws(() => readDeliveryKey(given), why);
  writeFileSync(at('bad.json'), '{"x":"1"}');
  assert.throws(() => readDeliveryKey(at('bad.json')), /has no x and y/);
  writeFileSync(at('bad.json'), 'x');
  assert.throws(() => readDeliveryKey(at('bad.json')), /is not JSON/);
});
