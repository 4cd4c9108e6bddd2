/** The keeper's loop over a chain in memory, and its outbox over a real one. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createTestClient, http, parseGwei, parseTransaction, TransactionReceiptNotFoundError, type Hex } from 'viem';
import { connect, type Chain } from '../../scripts/lib/chain.ts';
import type { Duty, Plan } from '../../scripts/lib/keep/duties.ts';
import { keep, type KeepEvent } from '../../scripts/lib/keep/keeper.ts';
import { openOutbox, type Mined } from '../../scripts/lib/keep/outbox.ts';
import { localAccount, startLocalChain, type LocalChain } from '../../scripts/lib/local-chain.ts';
import { minedOf, UnderWay } from '../../scripts/lib/sending.ts';
import { word } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'fineproof-keep-'));
let local: LocalChain;
let chain: Chain;
before(async () => {
  local = await startLocalChain();
  chain = await connect(local.rpc);
});
after(() => {
  local.stop();
  rmSync(folder, { recursive: true, force: true });
});

const never = new AbortController().signal;
const sent = { hash: word(1), gas: 1n, block: 1n };

/** A chain on which duties are done one after the other. */
class Fake {
  readonly open: Duty[];
  readonly events: KeepEvent[] = [];
  readonly done: string[] = [];
  head = 5n;
  settled = 5n;
  looks = 0;
  now = 0;
  mined: Mined | null = null;
  onLook: () => void = () => {};
  onPerform: (duty: Duty) => void = () => {};

  constructor(...what: ('accept' | 'settle')[]) {
    this.open = what.map((one, i) => ({ what: one, claim: word(i + 1) }));
  }
  get plan(): Plan {
    return { duties: [...this.open], notes: ['said once'], over: this.open.length === 0 };
  }
  readonly run = (once: boolean, signal = never) =>
    keep(
      {
        look: async () => {
          this.looks++;
          // Waits pass at once.
          this.now += 100_000;
          this.onLook();
          return { plan: this.plan, mined: this.mined, head: this.head, settled: this.settled };
        },
        perform: async (duty) => {
          this.onPerform(duty);
          this.done.push(duty.what);
          this.open.splice(this.open.indexOf(duty), 1);
          return sent;
        },
        say: (event) => void this.events.push(event),
        ...{ every: 1, once, clock: () => this.now },
      },
      signal,
    );
}

test('duties are done one after the other, each seen again in between; notes are said once', async () => {
  const fake = new Fake('accept', 'settle');
  const kept = await fake.run(false);
  assert.deepEqual([fake.done, kept.over, fake.looks], [['accept', 'settle'], true, 3]);
  assert.deepEqual(
    fake.events.map((e) => e.event),
    ['note', 'sent', 'sent'],
  );
});

test('a node that is away is asked again; with --once it is an error', async () => {
  const fake = new Fake('accept');
  fake.onLook = () => {
    if (fake.looks <= 3) throw new Error('connect ECONNREFUSED');
  };
  assert.deepEqual((await fake.run(false)).over, true);
  assert.deepEqual(
    fake.events.flatMap((e) => (e.event === 'chain' ? [e.text] : [])),
    ['the chain cannot be read: connect ECONNREFUSED; trying again', 'the node answers again, after 3 failures'],
  );
  fake.looks = 0;
  await assert.rejects(fake.run(true), /ECONNREFUSED/);
});

test('a duty that fails does not hold up the next one, and is tried again', async () => {
  const fake = new Fake('accept', 'settle');
  let failures = 0;
  fake.onPerform = ({ what }) => {
    if (what === 'accept' && failures++ < 2) throw new Error('reverted');
  };
  // Time stands still until the second duty was done.
  fake.onLook = () => void (fake.now -= fake.done.length === 0 ? 100_000 : 0);
  assert.equal((await fake.run(false)).over, true);
  assert.deepEqual([fake.done, failures], [['settle', 'accept'], 3]);
  const stuck = new Fake('accept');
  stuck.onPerform = () => {
    throw new Error('reverted');
  };
  assert.deepEqual((await stuck.run(true)).failing, [{ duty: `accept claim ${word(1)}`, reason: 'reverted' }]);
});

test('a transaction that is not mined for long is no failure of its duty; it is told of once, and again when it is mined', async () => {
  const fake = new Fake('accept', 'settle');
  let waits = 0;
  fake.onPerform = ({ what }) => {
    if (what === 'accept') throw new UnderWay('accept waits');
  };
  fake.onLook = () => {
    fake.mined = null;
    if (fake.looks === 1) return;
    if (waits++ < 3) throw new UnderWay(waits < 3 ? 'accept waits' : 'accept waits: the node refuses it');
    // Mined at last: the chain shows it, and the outbox says so.
    if (fake.open[0]?.what === 'accept') {
      fake.open.shift();
      fake.mined = { what: 'accept', sent: { hash: word(9), gas: 2n, block: 2n }, failed: false };
    } else if (fake.done.length > 0) fake.mined = { what: 'settle', sent, failed: false };
  };
  const kept = await fake.run(false);
  assert.deepEqual(
    fake.events.filter((e) => e.event !== 'note').map((e) => (e.event === 'chain' ? e.text : `${e.event} ${'duty' in e ? e.duty : ''}`)),
    ['accept waits', 'accept waits: the node refuses it', 'sent accept', `sent settle claim ${word(2)}`],
  );
  assert.deepEqual([kept.over, kept.failing, kept.sent.map((s) => s.transaction)], [true, [], [word(9), word(1)]]);
});

test('with --once a transaction that is never mined ends it with an error, but not before ten minutes', async () => {
  const fake = new Fake('accept');
  fake.onLook = () => {
    throw new UnderWay('accept waits');
  };
  await assert.rejects(fake.run(true), UnderWay);
  // A look takes 100 seconds here.
  assert.equal(fake.looks, 8);
});

test('an end that may be undone is waited for', async () => {
  const fake = new Fake();
  fake.settled = 3n;
  fake.onLook = () => {
    fake.head++;
    fake.settled++;
  };
  assert.equal((await fake.run(false)).over, true);
  // First seen in block 6, which is settled three blocks later.
  assert.equal(fake.settled, 6n);
});

test('a stop ends it at once, also while the node hangs', async () => {
  const stop = new AbortController();
  const hanging = keep(
    { look: () => new Promise(() => {}), perform: async () => sent, say: () => {}, every: 1000, once: false },
    stop.signal,
  );
  stop.abort(new Error('SIGTERM'));
  assert.equal((await hanging).over, false);
});

const [payer, payee] = [localAccount(5), localAccount(6)];
const call = { to: payee.address, data: '0x', value: 7n } as const;
const nonce = (): Promise<number> => chain.client.getTransactionCount({ address: payer.address });
const test_ = () => createTestClient({ mode: 'hardhat', transport: http(local.rpc) });

test('the outbox sends the same bytes after a kill between signing and sending', async () => {
  const path = join(folder, 'killed.json');
  const silent = { ...chain, client: { ...chain.client, sendRawTransaction: async () => assert.fail('killed') } } as unknown as Chain;
  const start = await nonce();
  await assert.rejects(openOutbox(path, silent, payer).submit(payer, call, 'pay'), /killed/);
  assert.equal(await nonce(), start);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  // The next process finds it, and sends it once.
  const again = openOutbox(path, chain, payer);
  await assert.rejects(again.submit(payer, call, 'pay'), /pay is under way/);
  await assert.rejects(again.settle(), UnderWay);
  await again.settle();
  assert.equal(await nonce(), start + 1);
  assert.ok(again.floor > 0n);
  await openOutbox(path, chain, payer).settle();
  assert.equal(await nonce(), start + 1);
});

test('the outbox: killed after sending nothing is sent again; a nonce used otherwise ends it', async () => {
  const path = join(folder, 'sent.json');
  await openOutbox(path, chain, payer).submit(payer, call, 'pay');
  const start = await nonce();
  const kept = readFileSync(path);
  await openOutbox(path, chain, payer).settle();
  assert.equal(await nonce(), start);
  // As it was before, for a transaction of this nonce that no node knows.
  const other = JSON.parse(kept.toString()) as { pending: { hashes: string[] } };
  other.pending.hashes = [word(1)];
  writeFileSync(path, JSON.stringify(other));
  await openOutbox(path, chain, payer).settle();
  assert.equal((JSON.parse(readFileSync(path, 'utf8')) as { pending: unknown }).pending, null);
  assert.equal(await nonce(), start);
});

/** What lies in an outbox. */
const pendingOf = (path: string) => {
  const { pending } = JSON.parse(readFileSync(path, 'utf8')) as { pending: { raw: Hex; hashes: Hex[] } };
  const { maxFeePerGas, maxPriorityFeePerGas, gas, nonce: own } = parseTransaction(pending.raw);
  return { fee: maxFeePerGas ?? 0n, tip: maxPriorityFeePerGas ?? 0n, gas, nonce: own, hashes: pending.hashes };
};

test('the outbox raises the fee of what waits too long while blocks are made without it, for the same nonce, and says when it is mined', async () => {
  const clock = test_();
  const path = join(folder, 'slow.json');
  await clock.setAutomine(false);
  let now = 1000;
  const outbox = openOutbox(path, chain, payer, () => now);
  const start = await nonce();
  const first = await outbox.submit(payer, call, 'pay');
  await assert.rejects(outbox.settle(), UnderWay);
  now += 200;
  await assert.rejects(outbox.settle(), UnderWay);
  assert.deepEqual(pendingOf(path).hashes, [first], 'no block was made: the node may lag');
  await clock.setNextBlockBaseFeePerGas({ baseFeePerGas: 3n * pendingOf(path).fee });
  await clock.mine({ blocks: 1 });
  await assert.rejects(outbox.settle(), UnderWay);
  assert.equal(pendingOf(path).hashes.length, 2);
  await clock.mine({ blocks: 1 });
  await clock.setAutomine(true);
  const mined = await outbox.settle();
  assert.deepEqual([mined?.what, mined?.failed], ['pay', false]);
  assert.equal(await nonce(), start + 1);
  assert.equal(await outbox.settle(), null);
  await assert.rejects(chain.client.getTransactionReceipt({ hash: first }), /could not be found/);
});

test('the outbox: fees go no higher than four times what the node thinks is right, and nothing is estimated for them', async () => {
  const path = join(folder, 'dear.json');
  let [now, head, estimate] = [1000, 5n, parseGwei('2')];
  // A node on which nothing is ever mined, and whose estimates would fail.
  const client = {
    ...chain.client,
    getBlockNumber: async () => head,
    getTransactionReceipt: async ({ hash }: { hash: Hex }) => Promise.reject(new TransactionReceiptNotFoundError({ hash })),
    sendRawTransaction: async () => word(1),
    estimateGas: () => assert.fail('nothing is estimated'),
    estimateFeesPerGas: async () => ({ maxFeePerGas: estimate, maxPriorityFeePerGas: 1n }),
  };
  const outbox = openOutbox(path, { ...chain, client } as unknown as Chain, payer, () => now);
  await outbox.submit(payer, { ...call, gas: 50_000n }, 'pay');
  const begin = pendingOf(path);
  const wait = async (): Promise<ReturnType<typeof pendingOf>> => {
    [now, head] = [now + 200, head + 1n];
    await assert.rejects(outbox.settle(), UnderWay);
    return pendingOf(path);
  };
  let last = begin;
  for (let i = 0; i < 30; i++) {
    const next = await wait();
    assert.ok(
      next.fee === last.fee || (8n * next.fee >= 9n * last.fee && 8n * next.tip >= 9n * last.tip),
      'nodes take it in place of the last',
    );
    assert.ok(next.fee <= 4n * estimate && next.tip <= next.fee);
    last = next;
  }
  assert.ok(5n * last.fee > 16n * estimate, 'it went as high as it may');
  assert.deepEqual([last.gas, last.nonce], [begin.gas, begin.nonce]);
  const count = last.hashes.length;
  estimate *= 2n;
  assert.equal((await wait()).hashes.length, count + 1, 'and on, once fees rise');
});

test('who sent by an outbox waits for a while, then lets the outbox look after it', async () => {
  const clock = test_();
  await clock.setAutomine(false);
  const outbox = openOutbox(join(folder, 'waits.json'), chain, payer);
  const hash = await outbox.submit(payer, call, 'pay');
  await assert.rejects(minedOf(chain, hash, 'pay', 0), UnderWay);
  await assert.rejects(minedOf(chain, word(77), 'pay', 0), UnderWay, 'lost by its node: sent again by the outbox');
  await clock.mine({ blocks: 1 });
  await clock.setAutomine(true);
  assert.equal((await minedOf(chain, hash, 'pay', 0)).transactionHash, hash);
  assert.equal((await outbox.settle())?.sent.hash, hash);
});
