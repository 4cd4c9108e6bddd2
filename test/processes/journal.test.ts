/** The chain that may be killed: what its journal keeps, and that a restart gives the same blocks. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createPublicClient, http, parseTransaction } from 'viem';
import { localAccount } from '../../scripts/lib/local-chain.ts';
import { CHAIN_ID, startChain } from './chain.ts';
import { chainOf, openJournal, readJournal, type BlockRecord } from './journal.ts';
import type { ChainKill } from './plan.ts';

const folder = mkdtempSync(join(tmpdir(), 'fineproof-journal-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('a line that a kill cut short is dropped, whole ones stay', () => {
  const path = join(folder, 'torn');
  const journal = openJournal(path);
  journal.append({ genesis: 5 });
  journal.append({ pooled: '0x01' });
  journal.close();
  const whole = readFileSync(path);
  appendFileSync(path, '{"block":1,"ti');
  const again = openJournal(path);
  assert.deepEqual(again.records, [{ genesis: 5 }, { pooled: '0x01' }]);
  again.append({ dropped: 1 });
  again.close();
  assert.deepEqual(readFileSync(path), Buffer.concat([whole, Buffer.from('{"dropped":1}\n')]));
});

test('what was dropped is no longer of the chain, and its transactions are in the pool again', () => {
  const block = (n: number, ...transactions: string[]): BlockRecord => ({ block: n, time: n, hash: '0x00', transactions });
  const records = [{ genesis: 0 }, { pooled: '0x01' }, { pooled: '0x02' }, block(1, '0x01'), block(2, '0x02'), { dropped: 2 }, block(2)];
  const { blocks, pool } = chainOf(records);
  assert.deepEqual(blocks, [block(1, '0x01'), block(2)]);
  assert.deepEqual(pool, ['0x02']);
});

const account = localAccount(1);
const other = localAccount(2).address;

/** A transfer, signed; its price follows no base fee. */
const transfer = (nonce: number, value: bigint): Promise<`0x${string}`> =>
  account.signTransaction({
    type: 'eip1559',
    chainId: CHAIN_ID,
    nonce,
    to: other,
    value,
    gas: 21_000n,
    maxFeePerGas: 10n ** 10n,
    maxPriorityFeePerGas: 1n,
  });

for (const { pool, reorg } of [
  { pool: 'kept', reorg: 0 },
  { pool: 'kept', reorg: 3 },
  { pool: 'lost', reorg: 3 },
] as const)
  test(`killed with a transaction it has just taken, pool ${pool}, ${reorg} blocks forgotten: final blocks stay as they were`, async () => {
    const path = join(folder, `${pool}-${reorg}`);
    const kill: ChainKill = { trigger: { at: 'sent' }, down: 0, reorg };
    const chain = await startChain(path, pool, [kill]);
    try {
      const client = createPublicClient({ transport: http(chain.url, { retryCount: 0 }), cacheTime: 0 });
      const until = async (holds: () => Promise<boolean>): Promise<void> => {
        // A chain that is starting does not answer.
        for (let i = 0; !(await holds().catch(() => false)); i++) {
          assert.ok(i < 2000, 'does not come');
          await sleep(50);
        }
      };
      const received = async (): Promise<bigint> => (await client.getBalance({ address: other })) - 10n ** 22n;
      await client.sendRawTransaction({ serializedTransaction: await transfer(0, 5n) });
      // Until it is final.
      const { number: mined } = await client.getBlock();
      await until(async () => (await client.getBlock({ blockTag: 'finalized' })).number > mined + 1n);
      const final = await client.getBlock({ blockTag: 'finalized' });
      assert.equal(await received(), 5n);
      await client.sendRawTransaction({ serializedTransaction: await transfer(1, 7n) });
      const before = chainOf(readJournal(path)).blocks;
      assert.ok(chain.strike('sent'));
      await until(async () => (await client.getBlockNumber()) > BigInt(before.length));
      assert.equal(chain.failed(), null);
      assert.equal((await client.getBlock({ blockNumber: final.number })).hash, final.hash);
      const kept = before.length - reorg;
      assert.deepEqual(chainOf(readJournal(path)).blocks.slice(0, kept), before.slice(0, kept));
      if (reorg > 0) assert.notEqual((await client.getBlock({ blockNumber: BigInt(before.length) })).hash, before.at(-1)?.hash);
      if (pool === 'kept') await until(async () => (await received()) === 12n);
      else {
        assert.equal(await received(), 5n);
        const again = await transfer(1, 7n);
        assert.equal(parseTransaction(again).nonce, await client.getTransactionCount({ address: account.address }));
        await client.sendRawTransaction({ serializedTransaction: again });
        await until(async () => (await received()) === 12n);
      }
      // Nobody moves this chain's clock.
      await assert.rejects(client.request({ method: 'evm_mine', params: [] } as never), /not served/);
    } finally {
      await chain.end();
    }
  });
