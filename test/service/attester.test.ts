/** One verdict a claim: whatever fails, whoever else runs, whenever it is killed. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { privateKeyToAccount } from 'viem/accounts';
import { attestPending, judge, sendVerdict } from '../../scripts/lib/attester.ts';
import { lock } from '../../scripts/lib/service/lock.ts';
import { decide, readRecord } from '../../scripts/lib/verdict-records.ts';
import { verdictTypedData } from '../../scripts/lib/verdict.ts';
import { canonicalJson } from '../../verifier/input.ts';
import { DecodeError } from '../../verifier/wire.ts';
import { attester, claim, signer, storeBundle } from './support/attester.ts';

const folder = mkdtempSync(join(tmpdir(), 'fineproof-attester-'));
const records = join(folder, 'records');
after(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  storeBundle(folder);
});

const truncated = new DecodeError('proof 1: truncated');
const outOfMemory = new RangeError('Array buffer allocation failed');
const decision = (valid: boolean) => ({ version: 1 as const, claim: claim.id, valid, expiry: 9, reason: 'decided before' });

/** A process of support/attester-process.ts, and the line it says next. */
function start(...args: readonly string[]) {
  const program = fileURLToPath(new URL('support/attester-process.ts', import.meta.url));
  const child = spawn(process.execPath, [program, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const said = child.stdout[Symbol.asyncIterator]();
  const line = async (): Promise<string> => String((await said.next()).value).trim();
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  return { child, line, ended };
}

test('a failure of the attester’s own machine gives no verdict', async () => {
  await assert.rejects(attestPending(attester(folder, outOfMemory)), RangeError);
  assert.deepEqual(readdirSync(folder), ['store']);
});

test('what the verifier refuses gives one invalid verdict, and the same again', async () => {
  const [verdict] = await attestPending(attester(folder, truncated));
  assert.deepEqual([verdict?.valid, verdict?.sent], [false, null]);
  const [again] = await attestPending(attester(folder, new RangeError('not verified again')));
  assert.deepEqual([again?.valid, again?.reason], [false, 'proof 1: truncated']);
});

test('a bundle that is not to be had gives no verdict, and leaves nothing', async () => {
  rmSync(join(folder, 'store'), { recursive: true });
  const [verdict] = await attestPending(attester(folder, truncated));
  assert.deepEqual([verdict?.valid, verdict?.sent], [null, null]);
  assert.match(verdict?.reason ?? '', /is not in/);
  assert.deepEqual(readdirSync(folder), []);
});

test('who is told to stop while verifying decides nothing', async () => {
  const stop = new AbortController();
  const own = attester(folder, truncated);
  const engine = { ...own.engine, keccak: (x: Uint8Array) => (stop.abort(new Error('stopped')), own.engine.keccak(x)) };
  await assert.rejects(judge({ ...own, engine } as typeof own, claim, stop.signal), /stopped/);
  assert.deepEqual(readdirSync(folder), ['store']);
});

test('killed between decision and signature: the next one verifies again and signs what was decided', async () => {
  const { child, line, ended } = start('sign', folder);
  assert.equal(await line(), 'signing');
  child.kill('SIGKILL');
  await ended;
  assert.equal(readdirSync(records).length, 1);
  assert.equal(readRecord(records, claim.id, signer.address), null);
  const { record } = await judge(attester(folder, truncated), claim);
  assert.equal(record?.valid, false);
  assert.deepEqual(readRecord(records, claim.id, signer.address), record);
});

test('a decision is no reason to sign: without verifying, or against it, nothing is signed', async () => {
  // As if a killed process, or another attester with whom the folder is shared, had decided that the claim is valid.
  decide(records, signer.address, decision(true));
  await assert.rejects(judge(attester(folder, outOfMemory), claim), RangeError);
  await assert.rejects(judge(attester(folder, truncated), claim), /a second verdict is never signed/);
  assert.equal(readRecord(records, claim.id, signer.address), null);
});

test('the first decision stands, with its expiry: a claim that comes again after a reorganisation is signed the same', async () => {
  const first = await judge(attester(folder, truncated), claim);
  const again = await judge(attester(folder, truncated), { ...claim, acceptFrom: 1000n });
  assert.deepEqual(again.record, first.record);
  rmSync(join(records, `${claim.id}-${signer.address.toLowerCase()}.json`));
  assert.deepEqual((await judge(attester(folder, truncated), { ...claim, acceptFrom: 1000n })).record, first.record);
});

test('a record that this key did not sign is an error', async () => {
  const path = join(records, `${claim.id}-${signer.address.toLowerCase()}.json`);
  mkdirSync(records);
  writeFileSync(path, canonicalJson({ ...decision(true), signature: `0x${'11'.repeat(65)}` }));
  await assert.rejects(judge(attester(folder, truncated), claim), /is not signed by 0x/);
  writeFileSync(path, '{"valid":true}');
  await assert.rejects(judge(attester(folder, truncated), claim), new RegExp(claim.id));
});

test('verdicts of others count if they signed them: what else lies in the folder is passed over', async () => {
  const others = [2, 3, 4].map((n) => privateKeyToAccount(`0x${String(n).repeat(64)}`));
  const signers = [signer, ...others].map((s) => s.address).sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1));
  const own = attester(folder, truncated);
  const calls: { attesters: number; signatures: readonly string[] }[] = [];
  const joint = {
    ...own,
    bounty: { id: own.bounty.id, terms: { ...own.bounty.terms, signers, threshold: 2 } },
    escrow: {
      ...own.escrow,
      chain: { id: 1, client: { getCode: async () => undefined } },
      attest: async (_account: unknown, _terms: unknown, _claim: unknown, call: (typeof calls)[number]) => (
        calls.push(call),
        { hash: '0x' }
      ),
    },
  } as unknown as typeof own;
  const { record } = await judge(own, claim);
  assert.ok(record !== null);
  const put = (of: number, bytes: Uint8Array | string): void =>
    writeFileSync(join(records, `${claim.id}-${(others[of] as typeof signer).address.toLowerCase()}.json`), bytes);
  put(0, 'no record');
  put(1, canonicalJson({ ...record }));
  assert.equal(await sendVerdict(joint, claim.id, record), null);
  const typed = verdictTypedData(1n, signer.address, { claimId: claim.id, valid: false, expiry: 9n });
  const signature = await (others[2] as typeof signer).signTypedData(typed);
  put(2, canonicalJson({ ...record, valid: true, signature }));
  assert.equal(await sendVerdict(joint, claim.id, record), null);
  put(2, canonicalJson({ ...record, signature }));
  assert.notEqual(await sendVerdict(joint, claim.id, record), null);
  const places = [signer.address, (others[2] as typeof signer).address].map((a) => signers.indexOf(a));
  assert.equal(
    calls[0]?.attesters,
    places.reduce((mask, i) => mask | (1 << i), 0),
  );
  assert.deepEqual(new Set(calls[0]?.signatures), new Set([record.signature, signature]));
});

test('two processes decide the same claims otherwise: one verdict each, and only one of them may sign it', async () => {
  const count = 40;
  const both = [start('decide', records, 'true', String(count)), start('decide', records, 'false', String(count))];
  for (const { line } of both) assert.equal(await line(), 'ready');
  for (const { child } of both) child.stdin.write('go');
  const won = await Promise.all(both.map(async ({ line }) => JSON.parse(await line()) as number[]));
  await Promise.all(both.map(({ ended }) => ended));
  assert.deepEqual(
    won.flat().sort((a, b) => a - b),
    Array.from({ length: count }, (_, i) => i),
  );
  assert.equal(readdirSync(records).length, count);
});

test('a lock: one holder, an error that names it, and no trace of holders that have ended', async () => {
  const path = join(records, 'attest.lock');
  const unlock = lock(path, 'attesting');
  assert.throws(() => lock(path, 'attesting'), new RegExp(`attest.lock: attesting is held by process ${process.pid} on`));
  unlock();
  assert.deepEqual(readdirSync(records), []);
  const ended = { ...holder(path), started: '1' };
  writeFileSync(path, canonicalJson(ended));
  lock(path, 'attesting')();
  assert.deepEqual(readdirSync(records), []);
  // On another machine it can't be known whether the holder runs: it is one while it touches the file.
  writeFileSync(path, canonicalJson({ ...ended, host: 'elsewhere' }));
  assert.throws(() => lock(path, 'attesting'), /held by process \d+ on elsewhere/);
  writeFileSync(path, 'x');
  assert.throws(() => lock(path, 'attesting'), /attest.lock: is not JSON/);
});

/** What a lock of this process says. */
function holder(path: string): Record<string, unknown> {
  const copy = `${path}.copy`;
  const unlock = lock(path, 'attesting');
  cpSync(path, copy);
  unlock();
  const held = JSON.parse(readFileSync(copy, 'utf8')) as Record<string, unknown>;
  rmSync(copy);
  return held;
}
