/** A bounty that goes on where a paid claim ended, through the commands: posted from the delivered state, checked, trained on from it, refused without. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { toHex } from 'viem';
import { deliveryKeyHash } from '../../verifier/delivery/keys.ts';
import type { Hex } from '../../verifier/input.ts';
import { claimId, type Body } from '../../verifier/statement.ts';
import type { EscrowAudit } from '../../scripts/lib/audit/types.ts';
import { connect, deploy, openEscrow, type Chain, type Escrow } from '../../scripts/lib/chain.ts';
import { findBounty } from '../../scripts/lib/bounties.ts';
import { localAccount, startLocalChain, type LocalChain } from '../../scripts/lib/local-chain.ts';
import { bodyOf, readClaim } from '../../scripts/lib/run-folder.ts';
import { verdictTypedData } from '../../scripts/lib/verdict.ts';
import { parties } from './support/parties.ts';
import { text, writeTinyModel } from './support/tiny-model.ts';
import { deployToken, type Token } from './support/tokens.ts';

const folder = mkdtempSync(join(tmpdir(), 'fineproof-milestone-'));
const at = (...names: readonly string[]): string => join(folder, ...names);
const [poster, contributor, attester] = [1, 2, 3];
const HOUR = 3600;

let local: LocalChain;
let chain: Chain;
let escrow: Escrow;
let token: Token;
let env: Record<string, string>;
const { ok, refused } = parties(() => env);

before(async () => {
  local = await startLocalChain();
  chain = await connect(local.rpc);
  escrow = await openEscrow(chain, (await deploy(chain, localAccount(0), { window: BigInt(HOUR), reaction: BigInt(HOUR / 2) })).escrow);
  token = await deployToken(chain, localAccount(0), 'PlainToken');
  await token.write(localAccount(0), 'mint', localAccount(poster).address, 10n ** 19n);
  env = { FINEPROOF_RPC: local.rpc, FINEPROOF_ESCROW: escrow.address };
  writeTinyModel(at('base'));
  writeFileSync(at('text'), text);
  writeFileSync(at('more'), text.split(' ').reverse().join(' '));
  await ok(['model', 'commit', at('base'), '--out', at('model')]);
  for (const [source, out, batches] of [
    ['text', 'data', '2'],
    ['more', 'next', '1'],
  ] as const)
    await ok(['data', 'commit', at(source), '--batch', '1', '--sequence', '8', '--batches', batches, '--out', at(out)]);
});
after(() => {
  local.stop();
  rmSync(folder, { recursive: true, force: true });
});

const recipe = ['--rank', '1', '--targets', 'q_proj'];
const post = (out: string, data: string, ...more: string[]): string[] => [
  ...['bounty', 'post', '--model', at('model'), '--data', at(data), '--out', at(out), '--reward', '1', '--bond', '0.1', '--window', '1h'],
  ...['--attester', localAccount(attester).address, ...more],
];
const delivery = ['--delivery-key', '1,2', '--full-state', '--answer', '1h', '--react', '1h', '--reveal', '1h', '--complain', '1h'];
const pass = async (seconds: number): Promise<void> => {
  for (const [method, params] of [
    ['evm_increaseTime', [seconds]],
    ['evm_mine', []],
  ] as const)
    await chain.client.request({ method, params } as never);
};

const claims = { first: '' as Hex, id: '' as Hex };

/** Claims with what a run says, and a key and a ciphertext of nothing: what is sold is not this suite's matter. */
async function claimAndPay(run: string, bounty: Hex): Promise<Hex> {
  const { terms } = await findBounty(escrow, bounty);
  const by = localAccount(contributor);
  const key = toHex(7n, { size: 32 });
  const keyHash = toHex(deliveryKeyHash(BigInt(bounty), BigInt(by.address), 7n), { size: 32 });
  const plain = bodyOf(readClaim(at(run, 'claim.json')));
  const body: Body = { ...plain, cipherRoot: toHex(8n, { size: 32 }), keyHash, ephemeralKey: { x: 1n, y: 2n } };
  await escrow.claim(by, terms, body);
  const id = claimId(bounty, by.address, body);
  const verdict = { claimId: id, valid: true, expiry: (await chain.client.getBlock()).timestamp + 1000n };
  const signature = await localAccount(attester).signTypedData(verdictTypedData(BigInt(chain.id), escrow.address, verdict));
  await escrow.attest(by, terms, id, { valid: true, expiry: verdict.expiry, attesters: 1, signatures: [signature] });
  await escrow.accept(by, terms, id);
  await escrow.reveal(by, terms, by.address, body, key);
  await pass(HOUR + 60);
  return id;
}

test('a claim is continued only once it is paid', async () => {
  claims.first = (await ok(post('first', 'data', ...recipe, ...delivery), poster))['bounty'] as Hex;
  await ok(['train', at('first'), '--out', at('run')], contributor);
  claims.id = await claimAndPay('run', claims.first);
  const after = ['--after', claims.id, '--previous', at('first'), '--rows', at('run', 'delivery-rows.bin')];
  await refused(post('second', 'next', ...recipe, ...after), /^--after: is revealed, not paid/, poster);
  await ok(['settle', claims.first], contributor);
});

test('what does not fit together is refused before anything is posted', async () => {
  const after = ['--after', claims.id, '--previous', at('first')];
  const rows = ['--rows', at('run', 'delivery-rows.bin')];
  await refused(post('none', 'next', ...recipe, ...rows), /^--rows: is for a milestone/, poster);
  await refused(post('none', 'next', ...recipe, '--after', claims.id, ...rows), /^--previous: is missing/, poster);
  await refused(post('none', 'next', ...recipe, ...after), /^--rows: is missing/, poster);
  const bytes = readFileSync(at('run', 'delivery-rows.bin'));
  writeFileSync(at('other.bin'), Buffer.concat([bytes.subarray(0, -1), Buffer.from([(bytes.at(-1) as number) ^ 1])]));
  await refused(
    post('none', 'next', ...recipe, ...after, '--rows', at('other.bin')),
    /other\.bin: gives the root 0x.*, the claim’s is 0x/,
    poster,
  );
  await refused(
    post('none', 'next', '--rank', '2', '--targets', 'q_proj', ...after, ...rows),
    /the last bounty’s state is another/,
    poster,
  );
  await refused(post('none', 'next', ...recipe, '--alpha', '7', ...after, ...rows), /the last bounty trained otherwise/, poster);
  assert.ok(!existsSync(at('none')));
});

test('a milestone, paid in a token: posted, shown, checked by anybody, trained on from the paid state, and proven', async () => {
  const after = ['--after', claims.id, '--previous', at('first'), '--rows', at('run', 'delivery-rows.bin')];
  const challenged = ['--rule', 'both', '--bond', '1', '--answer', '1h', '--react', '1h'];
  const posted = await ok(post('second', 'next', ...recipe, ...after, ...challenged, '--token', token.address), poster);
  // The escrow takes no permit for a milestone.
  assert.deepEqual([posted['continues'], posted['allowed']], [claims.id, 'approval']);
  const id = posted['bounty'] as Hex;
  const { continues } = await ok(['bounty', 'show', id]);
  assert.deepEqual(continues, { bounty: claims.first, claim: claims.id });
  const { checked } = await ok(['bounty', 'check', at('second')]);
  assert.match((checked as string[]).join(), new RegExp(`the first state is the final one of the paid claim ${claims.id}`));

  const { checked: compared } = await ok(['bounty', 'check', at('second'), '--previous', at('first')]);
  assert.match((compared as string[]).join(), /the state means what it meant .* steps are counted on/);
  await refused(['bounty', 'check', at('first'), '--previous', at('second')], /this one continues none/);

  const trained = await ok(['train', at('second'), '--out', at('run2')], contributor);
  assert.equal((trained['losses'] as unknown[]).length, 1);
  assert.equal((await ok(['verify', at('run2', 'bundle.bin'), '--package', at('second')]))['ok'], true);
  // Runs the recorded verifier under the pinned key, and gives its trace.
  const claimed = await ok(['claim', at('run2'), '--package', at('second')], contributor);
  assert.notEqual(BigInt(claimed['traceRoot'] as Hex), 0n);
  const { bounties } = (await ok(['audit'])) as unknown as EscrowAudit;
  assert.deepEqual(
    bounties.map((b) => [b.continues, b.continuedBy]),
    [
      [null, [id]],
      [claims.first, []],
    ],
  );
});

test('a package with another state, other blinds or none is refused: its first state is not the one paid for', async () => {
  const change = (name: string, edit: (folder: string) => void): string => {
    cpSync(at('second'), at(name), { recursive: true });
    edit(at(name));
    return at(name);
  };
  const flip = (file: string, place: number): void => {
    const bytes = readFileSync(file);
    bytes[place] = (bytes[place] as number) ^ 1;
    writeFileSync(file, bytes);
  };
  const check = (of: string): string[] => ['bounty', 'check', of, '--offline'];
  const size = readFileSync(at('second', 'start.bin')).length;
  await refused(check(change('state', (of) => flip(join(of, 'start.bin'), size - 1))), /start\.bin/);
  await refused(check(change('blinds', (of) => flip(join(of, 'start-blinds.bin'), 31))), /start\.bin: is not the first state/);
  await refused(check(change('none', (of) => rmSync(join(of, 'start-blinds.bin')))), /start\.bin: is not the first state/);
  const cut = (of: string): void => writeFileSync(join(of, 'start-blinds.bin'), readFileSync(join(of, 'start-blinds.bin')).subarray(32));
  await refused(check(change('cut', cut)), /start-blinds\.bin: has \d+ bytes/);
});

test('a bounty whose state was not delivered whole cannot be continued, and says so', async () => {
  const { bounty } = await ok(post('hidden', 'data', ...recipe), poster);
  const { terms } = await findBounty(escrow, bounty as Hex);
  const body: Body = {
    ...{ bundleRoot: toHex(5n, { size: 32 }), traceRoot: toHex(0n, { size: 32 }), lastProof: toHex(6n, { size: 32 }), announced: [] },
    ...{ adapterRoot: toHex(9n, { size: 32 }), cipherRoot: toHex(0n, { size: 32 }), keyHash: toHex(0n, { size: 32 }) },
    ...{ ephemeralKey: { x: 0n, y: 0n }, nonce: toHex(1n, { size: 32 }), uris: [] },
  };
  const by = localAccount(contributor);
  await escrow.claim(by, terms, body);
  const id = claimId(bounty as Hex, by.address, body);
  const verdict = { claimId: id, valid: true, expiry: (await chain.client.getBlock()).timestamp + 1000n };
  const signature = await localAccount(attester).signTypedData(verdictTypedData(BigInt(chain.id), escrow.address, verdict));
  await escrow.attest(by, terms, id, { valid: true, expiry: verdict.expiry, attesters: 1, signatures: [signature] });
  await escrow.accept(by, terms, id);
  const after = ['--after', id, '--previous', at('hidden'), '--rows', at('run', 'delivery-rows.bin')];
  await refused(post('none', 'next', ...recipe, ...after), /^--after: is of a bounty that did not ask for the whole state/, poster);
});
