/** The keeper's loop over a chain in memory, and its outbox over a real one. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createTestClient, http } from 'viem';
import { connect, type Chain } from '../../scripts/lib/chain.ts';
import type { Duty, Plan } from '../../scripts/lib/keep/duties.ts';
import { keep, type KeepEvent } from '../../scripts/lib/keep/keeper.ts';
import { openOutbox, UnderWay } from '../../scripts/lib/keep/outbox.ts';
import { localAccount, startLocalChain, type LocalChain } from '../../scripts/lib/local-chain.ts';
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
          return { plan: this.plan, head: this.head, settled: this.settled };
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

test('the outbox raises the fee of what waits too long, for the same nonce', async () => {
  const clock = test_();
  await clock.setAutomine(false);
  let now = 1000;
  const outbox = openOutbox(join(folder, 'slow.json'), chain, payer, () => now);
  const start = await nonce();
  const first = await outbox.submit(payer, call, 'pay');
  await assert.rejects(outbox.settle(), UnderWay);
  now += 200;
  await assert.rejects(outbox.settle(), UnderWay);
  await clock.mine({ blocks: 1 });
  await clock.setAutomine(true);
  await outbox.settle();
  assert.equal(await nonce(), start + 1);
  await assert.rejects(chain.client.getTransactionReceipt({ hash: first }), /could not be found/);
});
