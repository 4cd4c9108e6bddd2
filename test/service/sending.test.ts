/** Sending through a node that forgets, dies, or already knows: the same bytes, mined once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPublicClient, custom, defineChain, HttpRequestError, keccak256, type Hex } from 'viem';
import { localAccount } from '../../scripts/lib/local-chain.ts';
import { deliver, nothingUnderWay, readable, unreachable, type Node } from '../../scripts/lib/sending.ts';
import { InputError } from '../../verifier/input.ts';

const from = localAccount(1).address;
const raw: Hex = '0x02abcdef';
const hash = keccak256(raw);
const word = (n: number): Hex => `0x${n.toString(16).padStart(64, '0')}`;

/** A node of one account: `mine` takes what the pool holds. */
class FakeNode {
  pool: Hex[] = [];
  mined: Hex[] = [];
  nonce = 3;
  /** Every transaction handed in. */
  sent: Hex[] = [];
  /** Before a call is answered; may throw. */
  before: (method: string) => void = () => {};

  node(): Node {
    const chain = defineChain({
      id: 1,
      name: 'fake',
      nativeCurrency: { name: 'E', symbol: 'E', decimals: 18 },
      rpcUrls: { default: { http: [] } },
    });
    const request = async ({ method, params }: { method: string; params?: readonly unknown[] }): Promise<unknown> => {
      this.before(method);
      return this.answer(method, params ?? []);
    };
    const transport = custom({ request } as never, { retryCount: 0 });
    return { id: 1, viem: chain, transport, client: createPublicClient({ chain, transport, pollingInterval: 1 }) };
  }

  answer(method: string, params: readonly unknown[]): unknown {
    switch (method) {
      case 'eth_sendRawTransaction':
        this.sent.push(params[0] as Hex);
        if (this.pool.includes(params[0] as Hex)) throw Object.assign(new Error('already known'), { code: -32000 });
        this.pool.push(params[0] as Hex);
        return hash;
      case 'eth_getTransactionReceipt':
        return this.mined.includes(raw)
          ? { transactionHash: hash, status: '0x1', gasUsed: '0x5208', blockNumber: '0x7', blockHash: word(7), logs: [] }
          : null;
      case 'eth_getTransactionByHash':
        return this.pool.includes(raw) || this.mined.includes(raw) ? { hash, nonce: '0x3', from, type: '0x2' } : null;
      case 'eth_getTransactionCount':
        return `0x${(params[1] === 'pending' ? this.nonce + this.pool.length : this.nonce).toString(16)}`;
      default:
        throw new Error(`unexpected ${method}`);
    }
  }

  mine(): void {
    this.mined.push(...this.pool);
    this.nonce += this.pool.length;
    this.pool = [];
  }
}

const silence = (): never => {
  throw new HttpRequestError({ url: 'http://node' });
};
const signed = { raw, from, nonce: 3 };

test('a transaction is handed in once and waited for', async () => {
  const fake = new FakeNode();
  let asked = 0;
  fake.before = (method) => {
    if (method === 'eth_getTransactionByHash' && ++asked === 4) fake.mine();
  };
  assert.equal((await deliver(fake.node(), signed, 'post')).transactionHash, hash);
  assert.deepEqual(fake.sent, [raw]);
});

test('a node that has forgotten it gets the same bytes again', async () => {
  const fake = new FakeNode();
  let asked = 0;
  fake.before = (method) => {
    if (method !== 'eth_getTransactionByHash') return;
    asked++;
    if (asked === 3) fake.pool = [];
    if (asked === 6) fake.mine();
  };
  await deliver(fake.node(), signed, 'post');
  assert.deepEqual(fake.sent, [raw, raw]);
});

test('a node that takes it and dies before it says so: found when it answers again, not sent twice', async () => {
  const fake = new FakeNode();
  let dead = 0;
  fake.before = (method) => {
    if (dead > 0 && dead-- > 0) silence();
    if (method === 'eth_sendRawTransaction') {
      fake.answer(method, [raw]);
      dead = 5;
      silence();
    }
    if (fake.sent.length > 0) fake.mine();
  };
  await deliver(fake.node(), signed, 'post');
  assert.deepEqual(fake.sent, [raw]);
});

test('“already known” is no refusal; another transaction with its nonce is', async () => {
  const fake = new FakeNode();
  fake.pool = [raw];
  let hidden = 1;
  const answer = fake.answer.bind(fake);
  // As if another node of a cluster had been asked.
  fake.answer = (method, params) => {
    if (method === 'eth_getTransactionByHash' && hidden-- > 0) return null;
    if (method === 'eth_sendRawTransaction') {
      try {
        return answer(method, params);
      } finally {
        fake.mine();
      }
    }
    return answer(method, params);
  };
  await deliver(fake.node(), signed, 'post');

  const taken = new FakeNode();
  taken.nonce = 4;
  taken.before = (method) => {
    if (method === 'eth_sendRawTransaction') throw Object.assign(new Error('nonce too low'), { code: -32000 });
  };
  await assert.rejects(deliver(taken.node(), signed, 'post'), /another transaction of 0x7099.* was mined in place/);
  const poor = new FakeNode();
  poor.before = (method) => {
    if (method === 'eth_sendRawTransaction') throw Object.assign(new Error('insufficient funds'), { code: -32000 });
  };
  await assert.rejects(deliver(poor.node(), signed, 'post'), /insufficient funds/);
});

test('patience has an end, and the error says that nothing is lost', async () => {
  const silent = new FakeNode();
  silent.before = silence;
  await assert.rejects(
    deliver(silent.node(), signed, 'post', { silent: 20, unmined: 10_000 }),
    (e) => e instanceof InputError && unreachable(e),
  );
  const slow = new FakeNode();
  await assert.rejects(deliver(slow.node(), signed, 'post', { silent: 10_000, unmined: 20 }), /is not mined yet.*nothing is sent twice/);
});

test('what an earlier process sent is waited for before anything else is sent', async () => {
  const fake = new FakeNode();
  fake.pool = ['0x01', '0x02'];
  let asked = 0;
  fake.before = () => {
    if (++asked === 5) fake.mine();
  };
  await nothingUnderWay(fake.node(), { address: from });
  assert.equal(fake.nonce, 5);
  fake.pool = ['0x03'];
  await assert.rejects(nothingUnderWay(fake.node(), { address: from }, { silent: 0, unmined: 10 }), /5 of 0x7099.* is sent, but not mined/);
});

test('only a node’s silence is silence', () => {
  assert.ok(unreachable(new HttpRequestError({ url: 'http://node' })));
  assert.ok(unreachable(readable(new HttpRequestError({ url: 'http://node', status: 503 }), 'post')));
  assert.ok(!unreachable(new HttpRequestError({ url: 'http://node', status: 401 })));
  assert.ok(!unreachable(new InputError('post', '', 'refused', 'look')));
  assert.ok(!unreachable(new Error('other')));
});
