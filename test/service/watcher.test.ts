/** The watcher over a chain in memory: what it reads, what it remembers, what it does when things fail. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Judged } from '../../scripts/lib/attester.ts';
import type { Sent } from '../../scripts/lib/chain.ts';
import type { SeenClaim } from '../../scripts/lib/service/chain-view.ts';
import { readCursor } from '../../scripts/lib/service/cursor.ts';
import { createMetrics, type Metrics } from '../../scripts/lib/service/metrics.ts';
import { createWatcher, type Watcher } from '../../scripts/lib/service/watcher.ts';
import { InputError, type Hex } from '../../verifier/input.ts';
import { FakeChain, word } from './support/fake-chain.ts';

const folder = mkdtempSync(join(tmpdir(), 'fineproof-watcher-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

const never = new AbortController().signal;
const verdict = (claim: SeenClaim, valid = true): Judged => ({
  record: { version: 1, claim: claim.id, valid, expiry: Number(claim.acceptFrom), reason: 'said', signature: '0x11' },
  reason: 'said',
  seconds: 2,
});
const missing: Judged = { record: null, reason: 'the bundle is not there', seconds: 0 };

/** A watcher, and what it did. */
class Service {
  readonly chain: FakeChain;
  readonly cursor: string;
  readonly judged: Hex[] = [];
  readonly sent: Hex[] = [];
  readonly said: string[] = [];
  metrics: Metrics = createMetrics();
  now = 0;
  judge: (claim: SeenClaim, signal: AbortSignal) => Judged | Promise<Judged> = (claim) => verdict(claim);
  /** Sending makes the chain show the verdict. */
  send: (claim: Hex) => Sent | null | Promise<Sent | null> = (claim) => {
    this.chain.states.set(claim, { status: 'pending', attested: true });
    return { hash: word(1), gas: 1n, block: BigInt(this.chain.blocks.length - 1) };
  };
  watcher: Watcher;

  constructor(chain: FakeChain, cursor = join(folder, `cursor-${files++}.json`)) {
    this.chain = chain;
    this.cursor = cursor;
    this.watcher = this.start();
  }

  /** A new process on the same files. */
  start(): Watcher {
    this.metrics = createMetrics();
    return (this.watcher = createWatcher({
      view: this.chain,
      judge: async (claim, signal) => (this.judged.push(claim.id), this.judge(claim, signal)),
      send: async (claim) => {
        const sent = await this.send(claim);
        if (sent !== null) this.sent.push(claim);
        return sent;
      },
      cursor: this.cursor,
      from: 0n,
      every: 1000,
      metrics: this.metrics,
      log: (line) => void this.said.push(line),
      clock: () => this.now,
    }));
  }

  /** A look at the chain, then all work that is due, again after `seconds`. */
  async round(seconds = 600): Promise<void> {
    this.now += seconds * 1000;
    await this.watcher.poll();
    while (await this.watcher.step(never));
  }

  get block(): number | null {
    const cursor = readCursor(this.cursor);
    return cursor === null ? null : Number(cursor.number);
  }
}

test('claims are read from settled blocks alone', async () => {
  const chain = new FakeChain(10);
  chain.behind = 5;
  const service = new Service(chain);
  chain.mine(1, 1);
  await service.round();
  assert.deepEqual([service.judged, service.block], [[], 5]);
  chain.mine(5);
  await service.round();
  assert.deepEqual([service.judged, service.sent], [[word(1)], [word(1)]]);
});

test('the cursor stays before a claim until its end is settled; a restart goes on from there and reads no block twice', async () => {
  const chain = new FakeChain(20);
  chain.mine(1, 1);
  chain.mine(4);
  chain.behind = 3;
  chain.mine(3);
  const service = new Service(chain);
  await service.round();
  assert.deepEqual([service.sent, service.block], [[word(1)], 19]);
  chain.mine(3);
  await service.round();
  await service.watcher.poll();
  assert.deepEqual([service.judged.length, service.block], [1, 27]);
  service.start();
  chain.ranges.length = 0;
  await service.round();
  assert.deepEqual(chain.ranges, []);
  chain.mine(1);
  await service.round();
  assert.deepEqual(chain.ranges, [[28n, 28n]]);
});

test('a claim that a lagging node does not know is not let go', async () => {
  const service = new Service(new FakeChain(5));
  service.chain.mine(1, 1);
  service.chain.states.set(word(1), { status: 'none', attested: false });
  for (let i = 0; i < 5; i++) await service.round();
  assert.deepEqual([service.judged, service.metrics.pending, service.block], [[], 1, 4]);
  service.chain.states.delete(word(1));
  await service.round();
  assert.deepEqual(service.sent, [word(1)]);
});

test('a restart takes up the claims that were not dealt with', async () => {
  const service = new Service(new FakeChain(5));
  service.chain.mine(1, 1, 2);
  service.judge = () => missing;
  await service.round();
  assert.deepEqual([service.judged, service.sent, service.block], [[word(1), word(2)], [], 4]);
  service.start();
  service.judge = (claim) => verdict(claim);
  await service.round();
  assert.deepEqual(service.sent, [word(1), word(2)]);
});

test('a bundle that is not there is asked for until the window nearly ends, less and less often', async () => {
  const service = new Service(new FakeChain(5));
  service.chain.mine(1, 1);
  service.judge = () => missing;
  for (let second = 0; second < 800; second++) {
    service.chain.time++;
    await service.round(1);
  }
  const tries = service.judged.length;
  assert.ok(tries >= 6 && tries <= 14, `${tries} tries in 800 s`);
  assert.equal(service.metrics.retries.bundle, tries);
  service.chain.time = 975n;
  await service.round();
  assert.deepEqual([service.judged.length, service.metrics.missed, service.metrics.pending], [tries, 1, 0]);
  await service.watcher.poll();
  assert.equal(service.block, 5);
  assert.match(service.said.at(-1) ?? '', /window ended without a verdict/);
});

test('a reorganisation before settled blocks is never seen; behind them everything is read again, and claims that are gone are let go', async () => {
  const chain = new FakeChain(10);
  chain.behind = 3;
  chain.mine(1, 1);
  const service = new Service(chain);
  await service.round();
  chain.reorganise(2);
  chain.mine(4);
  await service.round();
  assert.deepEqual([service.judged, service.metrics.reorgs], [[], 0]);

  chain.mine(1, 2);
  chain.mine(3);
  service.judge = () => missing;
  await service.round();
  assert.deepEqual(service.judged, [word(2)]);
  chain.reorganise(6);
  chain.mine(10);
  await service.round();
  assert.deepEqual([service.judged.length, service.metrics.reorgs, service.metrics.pending], [1, 1, 0]);
  assert.match(service.said.join('\n'), /was reorganised: reading from block 0 again/);
  // The claim comes again in another block.
  chain.mine(1, 2);
  chain.mine(3);
  service.judge = (claim) => verdict(claim);
  await service.round();
  assert.deepEqual(service.sent, [word(2)]);
});

test('a cursor of another chain is noticed at the start', async () => {
  const chain = new FakeChain(10);
  const service = new Service(chain);
  await service.round();
  chain.reorganise(10);
  chain.mine(12);
  chain.mine(1, 3);
  service.start();
  await service.round();
  assert.deepEqual([service.metrics.reorgs, service.sent], [1, [word(3)]]);
  // A node that does not have the block yet is not another chain.
  chain.blocks.length = 5;
  await assert.rejects(service.start().poll(), /the node is behind/);
});

test('a verdict whose transaction was reorganised away is sent again', async () => {
  const chain = new FakeChain(5);
  chain.mine(1, 1);
  chain.mine(4);
  chain.behind = 4;
  const service = new Service(chain);
  await service.round();
  chain.states.clear();
  await service.round();
  assert.deepEqual(service.sent, [word(1), word(1)]);
  chain.mine(8);
  await service.round();
  await service.watcher.poll();
  assert.equal(service.metrics.pending, 0);
});

test('ranges are bounded: as wide as the node gives', async () => {
  const chain = new FakeChain(9_000);
  chain.widest = 700n;
  const service = new Service(chain);
  await service.round();
  assert.equal(service.block, 8_999);
  assert.ok(chain.ranges.every(([from, to]) => to - from < 700n));
  let next = 0n;
  for (const [from, to] of chain.ranges) {
    assert.equal(from, next);
    next = to + 1n;
  }
  chain.widest = 0n;
  chain.mine(1);
  await assert.rejects(service.watcher.poll(), /more than 10000 results/);
});

test('no more claims are held than there is room for', async () => {
  const chain = new FakeChain(1);
  for (let i = 0; i < 15; i++) {
    chain.mine(1999);
    chain.mine(1, ...Array.from({ length: 200 }, (_, k) => 1 + 200 * i + k));
  }
  const service = new Service(chain);
  service.judge = () => missing;
  await service.watcher.poll();
  assert.ok(service.metrics.pending >= 1000 && service.metrics.pending < 3000, String(service.metrics.pending));
  const held = service.metrics.pending;
  await service.watcher.poll();
  assert.equal(service.metrics.pending, held);
  // Blocks further on are read when claims have ended.
  chain.time = 2000n;
  while (service.metrics.claimsSeen < 3000) await service.round();
  assert.equal(service.judged.length, 0);
});

test('a failure with one claim does not keep the others waiting', async () => {
  const service = new Service(new FakeChain(5));
  service.chain.mine(1, 1, 2, 3);
  service.judge = (claim) => {
    if (claim.id === word(1)) throw new RangeError('Array buffer allocation failed');
    return verdict(claim, claim.id === word(2));
  };
  await service.round();
  assert.deepEqual(service.sent, [word(2), word(3)]);
  const { valid, invalid, retries } = service.metrics;
  assert.deepEqual([valid, invalid, retries.machine], [1, 1, 1]);
  assert.match(service.said.join('\n'), /Array buffer allocation failed; tried again/);
});

test('a transaction that fails is sent again; a verdict that others complete is left to them', async () => {
  const service = new Service(new FakeChain(5));
  service.chain.mine(1, 1);
  const { send } = service;
  service.send = () => {
    throw new Error('insufficient funds');
  };
  await service.round();
  assert.deepEqual([service.sent, service.metrics.retries.send], [[], 1]);
  service.send = () => null;
  await service.round();
  service.chain.attest(1);
  service.send = send;
  await service.round();
  await service.watcher.poll();
  assert.deepEqual([service.sent, service.metrics.pending, service.metrics.valid], [[], 0, 1]);
});

test('health: not before the first look, well while the node answers or a claim takes long, else not', async () => {
  const service = new Service(new FakeChain(5));
  assert.equal(service.watcher.health().ok, false);
  await service.round();
  assert.deepEqual(service.watcher.health(), {
    ok: true,
    reason: 'ok',
    lastPollSeconds: 0,
    chainReachable: true,
    block: 4,
    pending: 0,
    working: null,
  });
  service.now += 3_600_000;
  assert.match(service.watcher.health().reason, /not read for 3600 s/);
  service.chain.mine(1, 1);
  let during = null as ReturnType<Watcher['health']> | null;
  service.judge = (claim) => {
    service.now += 600_000;
    during = service.watcher.health();
    return verdict(claim);
  };
  await service.round();
  assert.deepEqual([during?.ok, during?.working], [true, word(1)]);
});

test('a node that fails is asked again, and the service goes on by itself', async () => {
  const service = new Service(new FakeChain(5));
  const stop = new AbortController();
  service.chain.down = true;
  const running = service.watcher.run(stop.signal);
  for (let i = 0; service.metrics.retries.chain < 1; i++) await new Promise((done) => setTimeout(done, 1));
  const health = service.watcher.health();
  assert.deepEqual([health.ok, health.chainReachable], [false, false]);
  assert.match(health.reason, /ECONNREFUSED/);
  service.chain.down = false;
  service.chain.mine(1, 1);
  while (service.sent.length === 0) await new Promise((done) => setTimeout(done, 1));
  stop.abort();
  await running;
  assert.match(service.said.join('\n'), /cannot be read: connect ECONNREFUSED[\s\S]*answers again/);
});

test('told to stop, it abandons the claim it works on, sends nothing, and the next start takes it up', async () => {
  const service = new Service(new FakeChain(5));
  service.chain.mine(1, 1);
  const stop = new AbortController();
  service.judge = async (_, signal) => {
    stop.abort(new Error('SIGTERM'));
    signal.throwIfAborted();
    return missing;
  };
  await service.watcher.run(stop.signal);
  assert.deepEqual([service.judged, service.sent, service.metrics.retries.machine, service.block], [[word(1)], [], 0, 4]);
  service.start();
  service.judge = (claim) => verdict(claim);
  await service.round();
  assert.deepEqual(service.sent, [word(1)]);
});

test('a node that hangs does not hold up the end', async () => {
  const service = new Service(new FakeChain(5));
  service.chain.mine(1, 1);
  const stop = new AbortController();
  service.send = () => {
    setImmediate(() => stop.abort());
    return new Promise<never>(() => {});
  };
  await service.watcher.run(stop.signal);
  assert.deepEqual(service.sent, []);
});

test('a contract that is not Fineproof’s ends the service with an error; so does a cursor that is none', async () => {
  const service = new Service(new FakeChain(5));
  service.chain.claims = async () => {
    throw new InputError('Claimed', 'claimId', 'does not fit its body', 'the contract at --escrow is not Fineproof’s');
  };
  await assert.rejects(service.watcher.run(never), /not Fineproof’s/);
  writeFileSync(service.cursor, '{"version":1,"block":-1}');
  assert.throws(() => service.start(), /cursor-\d+\.json: block/);
});
