/** What the service makes of a node's answers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPublicClient, custom, encodeAbiParameters, encodeEventTopics, HttpRequestError, type AbiEvent } from 'viem';
import { bountyEscrowAbi } from '../../deploy/artifacts.ts';
import type { Escrow } from '../../scripts/lib/chain.ts';
import { chainView, TooWide } from '../../scripts/lib/service/chain-view.ts';
import { InputError } from '../../verifier/input.ts';
import { body, bountyId, claim, signer } from './support/attester.ts';
import { word } from './support/fake-chain.ts';

type Answer = (method: string, params: readonly unknown[]) => unknown;

const rpcError = (code: number): Error => Object.assign(new Error('the node refuses'), { code });
const block = (number: number): object => ({
  number: `0x${number.toString(16)}`,
  hash: word(number),
  timestamp: '0x64',
  transactions: [],
});

/** A view on a node of chain 1 at block 100 that answers `finalized` so. */
function view(answer: Answer, { id = 1, confirmations }: { id?: number; confirmations?: number } = {}) {
  const notices: string[] = [];
  const request = async ({ method, params }: { method: string; params?: readonly unknown[] }): Promise<unknown> => {
    if (method === 'eth_getBlockByNumber' && params?.[0] === 'latest') return block(100);
    return answer(method, params ?? []);
  };
  const client = createPublicClient({ transport: custom({ request } as never, { retryCount: 0 }) });
  const escrow = { address: signer.address, chain: { id, client } } as unknown as Escrow;
  return { notices, of: chainView(escrow, bountyId, confirmations, (text) => void notices.push(text)) };
}

const unreachable = new HttpRequestError({ url: 'http://node', status: 503 });

test('what the node calls finalized is settled; once known it is not given up', async () => {
  let answers: (() => unknown)[] = [() => block(60), () => block(61)];
  const { of, notices } = view(() => (answers.shift() as () => unknown)());
  assert.deepEqual(await of.head(), { number: 100n, time: 100n, settled: 60n });
  assert.equal((await of.head()).settled, 61n);
  answers = [
    () => {
      throw rpcError(-32602);
    },
  ];
  await assert.rejects(of.head(), /Invalid parameters|the node refuses/);
  assert.deepEqual(notices, []);
});

test('a node without finality is read some blocks behind its head, and that is said once', async () => {
  for (const none of [() => null, () => Promise.reject(rpcError(-32602))]) {
    const { of, notices } = view(none);
    assert.equal((await of.head()).settled, 36n);
    assert.equal((await of.head()).settled, 36n);
    assert.equal(notices.length, 1);
  }
  assert.equal((await view(() => null, { id: 31337 }).of.head()).settled, 100n);
  const asked = view(() => assert.fail('not asked'), { confirmations: 5 });
  assert.equal((await asked.of.head()).settled, 95n);
});

test('a node that cannot be reached, or is busy, is not one without finality', async () => {
  for (const error of [unreachable, rpcError(-32005)]) {
    const { of, notices } = view(() => Promise.reject(error));
    await assert.rejects(of.head());
    assert.deepEqual(notices, []);
  }
});

test('ranges that the node refuses are too wide; an outage is not', async () => {
  await assert.rejects(view(() => Promise.reject(rpcError(-32005))).of.claims(0n, 9n), TooWide);
  await assert.rejects(view(() => Promise.reject(unreachable)).of.claims(0n, 9n), (e) => !(e instanceof TooWide));
});

test('a block that the node does not have is null', async () => {
  assert.equal(await view(() => null).of.block(7n), null);
  assert.deepEqual(await view(() => block(7)).of.block(7n), { number: 7n, hash: word(7) });
});

test('a claim has a verdict if attesters signed one, or barred it', async () => {
  const state = (record: object) =>
    chainView({ chain: { id: 1 }, claimOf: async () => ({ status: 1, ...record }) } as unknown as Escrow, bountyId).state(claim.id);
  for (const [attesters, barred, attested] of [
    [0, false, false],
    [3, false, true],
    [0, true, true],
  ])
    assert.deepEqual(await state({ attesters, barred }), { status: 'pending', attested });
});

test('claims are decoded from their events; an id that its body does not give is refused', async () => {
  const event = bountyEscrowAbi.find((e) => e.type === 'event' && e.name === 'Claimed') as unknown as AbiEvent;
  const log = (claimId: string): object => {
    const args: Record<string, unknown> = { claimId, bountyId, claimant: signer.address, body, acceptFrom: 9n };
    const data = event.inputs.filter((i) => i.indexed !== true);
    return {
      address: signer.address,
      topics: encodeEventTopics({ abi: [event], args } as never),
      data: encodeAbiParameters(data, data.map((i) => args[i.name as string]) as never),
      blockNumber: '0x7',
      blockHash: word(7),
      transactionHash: word(1),
      transactionIndex: '0x0',
      logIndex: '0x0',
      removed: false,
    };
  };
  assert.deepEqual(await view(() => [log(claim.id)]).of.claims(0n, 9n), [{ ...claim, block: 7n }]);
  await assert.rejects(view(() => [log(word(5))]).of.claims(0n, 9n), (e) => e instanceof InputError && /not Fineproof’s/.test(e.message));
});
