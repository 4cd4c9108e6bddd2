/** Commands on the escrow's longer ways, each in a process of its own: reservations, entries, delivery, and what time has ended. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { encodeAbiParameters, keccak256, toHex, zeroAddress, type Hex } from 'viem';
import { deliveryKeyHash } from '../../verifier/delivery/keys.ts';
import { bountyId, claimId, KIND, type Body, type Terms } from '../../verifier/statement.ts';
import { REASONS } from '../../scripts/lib/audit/money.ts';
import type { Audit, EscrowAudit } from '../../scripts/lib/audit/types.ts';
import { connect, deploy, openEscrow, type Chain, type Escrow } from '../../scripts/lib/chain.ts';
import { localAccount, startLocalChain, type LocalChain } from '../../scripts/lib/local-chain.ts';
import { writePosting } from '../../scripts/lib/package.ts';
import { verdictTypedData } from '../../scripts/lib/verdict.ts';
import { fineproofJson } from './support/fineproof.ts';

const DAY = 86_400n;
const word = (n: number): Hex => `0x${n.toString(16).padStart(64, '0')}`;
const [poster, contributor, attester] = [localAccount(1), localAccount(2), localAccount(3)];
const folder = mkdtempSync(join(tmpdir(), 'fineproof-escrow-'));
const keyOf = (account: typeof poster): string => toHex(account.getHdKey().privateKey as Uint8Array);

let local: LocalChain;
let chain: Chain;
let escrow: Escrow;
let env: Record<string, string>;
let salt = 0;

before(async () => {
  local = await startLocalChain();
  chain = await connect(local.rpc);
  escrow = await openEscrow(chain, (await deploy(chain, localAccount(0), { window: 3600n, reaction: 1800n })).escrow);
  env = { FINEPROOF_RPC: local.rpc, FINEPROOF_ESCROW: escrow.address };
});
after(() => {
  local.stop();
  rmSync(folder, { recursive: true, force: true });
});

const run = async (by: typeof poster, ...args: string[]): Promise<Record<string, unknown>> => {
  const { code, json, err } = await fineproofJson(args, { ...env, FINEPROOF_PRIVATE_KEY: keyOf(by) });
  assert.equal(code, 0, `${args.join(' ')}: ${JSON.stringify(json)} ${err}`);
  return json;
};
const refused = async (by: typeof poster, pattern: RegExp, ...args: string[]): Promise<void> => {
  const { code, json } = await fineproofJson(args, { ...env, FINEPROOF_PRIVATE_KEY: keyOf(by) });
  assert.equal(code, 1, args.join(' '));
  assert.match((json['error'] as { message: string }).message, pattern);
};
const now = async (): Promise<bigint> => (await chain.client.getBlock()).timestamp;
const pass = async (seconds: bigint): Promise<void> => {
  for (const [method, params] of [
    ['evm_increaseTime', [Number(seconds)]],
    ['evm_mine', []],
  ] as const)
    await chain.client.request({ method, params } as never);
};

/** Posts attested terms with these changes. */
async function posted(changes: Partial<Terms>): Promise<{ terms: Terms; id: Hex }> {
  const terms: Terms = {
    ...{ poster: poster.address, kind: KIND.training, token: zeroAddress, reward: 10n ** 18n, bond: 10n ** 17n, attesterFee: 10n ** 15n },
    ...{ demandFee: 0n, disclosureBond: 0n, rule: 0, signers: [attester.address], threshold: 1, verifierKey: word(0) },
    ...{ modelDigest: word(1), dataDigest: word(2), recipeHash: word(3), steps: 2, stepsPerProof: 1, startDigest: word(4) },
    ...{ inputsCommitment: word(0), announces: [], fullState: false, deliveryKey: { x: 0n, y: 0n }, deliveryDepth: 0 },
    ...{ enterBy: 0n, discloseBy: 0n, claimBy: (await now()) + 7n * DAY, window: DAY, answer: 0n, react: 0n },
    ...{ reserveFor: 0n, revealFor: 0n, complainFor: 0n, maxBundle: 8192n, salt: word(++salt) },
    ...changes,
  };
  await escrow.post(poster, terms);
  return { terms, id: bountyId(BigInt(chain.id), escrow.address, terms) };
}

const body = (changes: Partial<Body> = {}): Body => ({
  ...{ bundleRoot: word(5), traceRoot: word(0), lastProof: word(6), adapterRoot: word(7), announced: [] },
  ...{ cipherRoot: word(0), keyHash: word(0), ephemeralKey: { x: 0n, y: 0n }, nonce: word(0), uris: [] },
  ...changes,
});

async function attest(terms: Terms, claim: Hex): Promise<void> {
  const expiry = (await now()) + 1000n;
  const verdict = { claimId: claim, valid: true, expiry };
  const signature = await attester.signTypedData(verdictTypedData(BigInt(chain.id), escrow.address, verdict));
  await escrow.attest(attester, terms, claim, { valid: true, expiry, attesters: 1, signatures: [signature] });
}

test('reserve keeps others out; unused, its bond goes to the poster with the refund', async () => {
  const { terms, id } = await posted({ reserveFor: DAY });
  const reserved = await run(contributor, 'reserve', id);
  assert.equal(reserved['bond'], String(terms.bond));
  await refused(attester, /IsReserved/, 'reserve', id);
  assert.deepEqual((await run(attester, 'settle', id))['lapsed'], []);
  await pass(8n * DAY);
  await run(attester, 'bounty', 'refund', id);
  const again = await run(attester, 'bounty', 'refund', id);
  assert.deepEqual([again['already'], again['transaction']], [true, null]);
  assert.equal(await escrow.credit(zeroAddress, poster.address), terms.reward + terms.attesterFee + terms.bond);
});

test('enter, disclose; what nobody disclosed is refunded by settle, with every entry’s bond', async () => {
  const inputs = { digest: word(21), salt: word(22) };
  const commitment = keccak256(encodeAbiParameters([{ type: 'bytes32' }, { type: 'bytes32' }], [inputs.digest, inputs.salt]));
  const time = await now();
  const changes = { kind: KIND.outcome, inputsCommitment: commitment, disclosureBond: 1000n };
  const times = { enterBy: time + DAY, discloseBy: time + 2n * DAY, claimBy: time + 4n * DAY };
  const shown = await posted({ ...changes, ...times });
  const hidden = await posted({ ...changes, ...times });
  for (const { id } of [shown, hidden]) await run(contributor, 'enter', id, '--adapter', word(7));
  await refused(contributor, /AlreadyEntered/, 'enter', shown.id, '--adapter', word(8));
  const disclose = ['disclose', shown.id, '--digest', inputs.digest, '--salt', inputs.salt, '--uri', 'https://example.org/inputs'];
  await refused(poster, /TooEarly/, ...disclose);
  await pass(DAY);
  await refused(poster, /WrongInputs/, ...disclose.with(3, word(9)));
  // The poster's keeper needs nothing of the package but its terms.
  writePosting(join(folder, 'shown'), { chainId: chain.id, escrow: escrow.address, terms: shown.terms });
  writeFileSync(join(folder, 'inputs.json'), JSON.stringify({ ...inputs, uri: 'https://example.org/inputs' }));
  const keep = [
    'keep',
    'poster',
    join(folder, 'shown'),
    '--state',
    join(folder, 'keep'),
    '--once',
    '--inputs',
    join(folder, 'inputs.json'),
  ];
  assert.deepEqual(
    ((await run(poster, ...keep))['sent'] as { duty: string }[]).map((sent) => sent.duty),
    ['disclose'],
  );
  await pass(DAY);
  const ended = await run(attester, 'settle', hidden.id);
  assert.deepEqual([ended['undisclosed'], ended['entries']], [[hidden.id], [contributor.address]]);
  assert.deepEqual((await run(attester, 'settle', shown.id))['entries'], []);
  assert.equal(await escrow.credit(zeroAddress, contributor.address), hidden.terms.bond + 1000n);
});

test('accept, reveal and settle hand an adapter over; a key that is never shown costs the bond', async () => {
  const delivery = { deliveryKey: { x: 1n, y: 2n }, deliveryDepth: 1, revealFor: DAY, complainFor: DAY };
  const { terms, id } = await posted({ ...delivery, demandFee: 1n, answer: 1800n, react: 1800n });
  const key = word(0xc0ffee);
  const keyHash = toHex(deliveryKeyHash(BigInt(id), BigInt(contributor.address), BigInt(key)), { size: 32 });
  const claims: Hex[] = [];
  for (const n of [1, 2]) {
    const content = body({ nonce: word(n), cipherRoot: word(8), keyHash, ephemeralKey: { x: 1n, y: 2n } });
    await escrow.claim(contributor, terms, content);
    claims.push(claimId(id, contributor.address, content));
    await attest(terms, claims.at(-1) as Hex);
  }
  const [first, second] = claims as [Hex, Hex];
  const file = join(folder, 'delivery.key');
  writeFileSync(file, `${key}\n`);
  await refused(contributor, /is pending, not accepted/, 'reveal', first, '--key', file);
  assert.equal((await run(attester, 'accept', first))['paid'], false);
  await pass(DAY);
  assert.deepEqual((await run(attester, 'settle', id))['unrevealed'], [first]);
  assert.equal(await escrow.credit(zeroAddress, poster.address).then((c) => c >= terms.bond), true);
  await run(attester, 'accept', second);
  writeFileSync(file, word(1));
  await refused(contributor, /is not the key that the claim names/, 'reveal', second, '--key', file);
  writeFileSync(file, 'nothing');
  await refused(contributor, /is no key/, 'reveal', second, '--key', file);
  writeFileSync(file, key);
  await run(contributor, 'reveal', second, '--key', file);
  assert.deepEqual((await run(attester, 'settle', id))['settled'], []);
  await pass(DAY);
  const before = await escrow.credit(zeroAddress, contributor.address);
  assert.deepEqual((await run(attester, 'settle', id))['settled'], [second]);
  assert.equal((await escrow.credit(zeroAddress, contributor.address)) - before, terms.reward + terms.bond);
});

test('audit tells every bounty of the escrow from its events, and the balance covers what is owed', async () => {
  const audit = (await run(attester, 'audit')) as unknown as EscrowAudit;
  assert.deepEqual([audit.ok, audit.replayed, audit.findings], [true, 0, []]);
  const [reserved, shown, hidden, delivered] = audit.bounties as [Audit, Audit, Audit, Audit];
  assert.equal(audit.bounties.length, 4);
  const held = ({ balances }: Audit): [string, bigint][] =>
    balances.map((b): [string, bigint] => [b.purpose, BigInt(b.held)]).filter(([, n]) => n !== 0n);
  assert.deepEqual([reserved.status, held(reserved)], ['refunded', []]);
  // Disclosed and not yet ended: reward, fees and the entry's bond are there.
  assert.deepEqual(held(shown), [
    ['reward', 10n ** 18n],
    ['attester fee', 10n ** 15n],
    ['bond', 10n ** 17n],
  ]);
  assert.deepEqual([hidden.status, held(hidden)], ['refunded', []]);
  const entrant = hidden.parties.find((p) => p.roles.includes('entrant'));
  assert.deepEqual(
    entrant?.standings.map((s) => String(s.net)),
    ['1000'],
  );
  assert.deepEqual(
    delivered.claims.map((c) => [c.status, c.rejected, c.valid]),
    [
      ['rejected', REASONS[4], null],
      ['paid', null, null],
    ],
  );
  // The verdict's fee waits to be collected, by who signed it.
  assert.deepEqual(held(delivered), [['attester fee', 10n ** 15n]]);
  const paid = delivered.claims[1]?.claim;
  assert.deepEqual((await run(poster, 'settle', delivered.bounty))['collected'], []);
  assert.deepEqual((await run(attester, 'settle', delivered.bounty))['collected'], [paid]);
  const later = (await run(attester, 'audit')) as unknown as EscrowAudit;
  assert.deepEqual([later.ok, held(later.bounties[3] as Audit)], [true, []]);
  // Nobody has withdrawn anything yet.
  assert.deepEqual(
    audit.liabilities?.map((l) => BigInt(l.balance as bigint) - BigInt(l.held) - BigInt(l.credits)),
    [0n],
  );
});
