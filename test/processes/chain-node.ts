/**
 * A chain in a process of its own that may be killed at any moment: Hardhat's EVM behind a JSON-RPC server of ours, which makes a block at every tick and
 * journals it before it is seen. Started again, it replays the journal and compares every block's hash.
 *
 * Environment: CHAIN_JOURNAL the file, CHAIN_PORT, CHAIN_ID, CHAIN_GENESIS (seconds), CHAIN_TICK milliseconds a block, CHAIN_STEP seconds of the chain's time
 * a block, CHAIN_FINALITY blocks behind the head that are final; CHAIN_REORG blocks that this start forgets (fewer than are final), CHAIN_POOL `kept` or
 * `lost`: whether transactions that were not mined are still there after a kill.
 * `fineproof_step [seconds]` changes CHAIN_STEP while it runs.
 */
import { createServer, type IncomingMessage } from 'node:http';
import { createHardhatRuntimeEnvironment } from 'hardhat/hre';
import type { HardhatUserConfig } from 'hardhat/config';
import { keccak256 } from 'viem';
import { chainOf, openJournal } from './journal.ts';

const setting = (name: string): string => {
  const value = process.env[`CHAIN_${name}`];
  if (value === undefined) throw new Error(`CHAIN_${name} is not set`);
  return value;
};
const number = (name: string): number => Number(setting(name));

const journal = openJournal(setting('JOURNAL'));
const before = chainOf(journal.records);
const genesis = before.genesis ?? number('GENESIS');
if (before.genesis === null) journal.append({ genesis });
const finality = number('FINALITY');
let step = number('STEP');

const config: HardhatUserConfig = {
  networks: {
    chain: {
      type: 'edr-simulated',
      chainId: number('ID'),
      initialDate: new Date(genesis * 1000),
      mining: { auto: false, interval: 0, mempool: { order: 'fifo' } },
    },
  },
};
const hre = await createHardhatRuntimeEnvironment(config);
const { provider } = await hre.network.create({ network: 'chain' });
const ask = (method: string, params: readonly unknown[]): Promise<unknown> => provider.request({ method, params: [...params] });

interface Block {
  readonly number: `0x${string}`;
  readonly hash: string;
  readonly timestamp: `0x${string}`;
  readonly transactions: readonly string[];
}
const blockAt = async (tag: string): Promise<Block> => (await ask('eth_getBlockByNumber', [tag, false])) as Block;
const hexOf = (n: number): string => `0x${n.toString(16)}`;

/** Signed transactions by hash: a block names its transactions by theirs. */
const raws = new Map<string, string>();
async function pool(raw: string): Promise<unknown> {
  const hash = await ask('eth_sendRawTransaction', [raw]);
  raws.set(keccak256(raw as `0x${string}`), raw);
  return hash;
}

async function mine(time: number): Promise<Block> {
  await ask('evm_setNextBlockTimestamp', [time]);
  await ask('evm_mine', []);
  return blockAt('latest');
}

// What was: the same blocks again, but those that a reorganisation takes.
const forgotten = Math.min(Number(process.env['CHAIN_REORG'] ?? '0'), finality - 1, before.blocks.length);
const kept = before.blocks.slice(0, before.blocks.length - forgotten);
if (forgotten > 0) journal.append({ dropped: kept.length + 1 });
for (const { block, time, hash, transactions } of kept) {
  for (const raw of transactions) await pool(raw);
  const made = await mine(time);
  if (made.hash !== hash) throw new Error(`block ${block} is ${made.hash} when replayed, was ${hash}`);
}
if (process.env['CHAIN_POOL'] === 'kept')
  for (const raw of [...before.blocks.slice(kept.length).flatMap((b) => b.transactions), ...before.pool])
    // What does not fit the chain any more is dropped, as any node does.
    await pool(raw).catch(() => {});

/** One thing at a time: nobody sees a block before it is journaled. */
let last: Promise<unknown> = Promise.resolve();
function inTurn<T>(job: () => Promise<T>): Promise<T> {
  const result = last.then(job);
  last = result.catch(() => {});
  return result;
}

// Blocks in place of forgotten ones are others, also where both are empty.
let shift = forgotten > 0 ? 1 : 0;

async function tick(): Promise<void> {
  const head = await blockAt('latest');
  const made = await mine(Number(head.timestamp) + step + shift);
  shift = 0;
  const transactions = made.transactions.map((hash) => raws.get(hash) as string);
  journal.append({ block: Number(made.number), time: Number(made.timestamp), hash: made.hash, transactions });
}

/** A block at every tick; a block that cannot be made or written is the end. */
function clock(): void {
  setTimeout(() => {
    void inTurn(tick).then(clock, (e: unknown) => {
      console.error(e);
      process.exit(1);
    });
  }, number('TICK'));
}

/** The journal knows of a transaction before its sender is told. */
async function takeRaw(raw: string): Promise<unknown> {
  const hash = await pool(raw);
  journal.append({ pooled: raw });
  return hash;
}

async function answer(method: string, params: readonly unknown[]): Promise<unknown> {
  if (method === 'fineproof_step') {
    step = Number(params[0]);
    return step;
  }
  if (method === 'eth_sendRawTransaction') return takeRaw(String(params[0]));
  if (method === 'eth_getBlockByNumber' && (params[0] === 'finalized' || params[0] === 'safe')) {
    const head = Number((await blockAt('latest')).number);
    return ask(method, [hexOf(Math.max(0, head - finality)), params[1]]);
  }
  // Nobody but the clock makes blocks or moves time.
  if (/^(evm|hardhat|anvil)_/.test(method)) throw new Error(`${method} is not served`);
  return ask(method, params);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

const server = createServer((request, response) => {
  void (async () => {
    const { id, method, params } = JSON.parse(await bodyOf(request)) as { id: unknown; method: string; params?: unknown[] };
    let said: object;
    try {
      said = { result: await inTurn(() => answer(method, params ?? [])) };
    } catch (e) {
      const { code, message, data } = e as { code?: number; message: string; data?: unknown };
      said = { error: { code: code ?? -32603, message, ...(data === undefined ? {} : { data }) } };
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, ...said }));
  })();
});
server.listen(number('PORT'), '127.0.0.1', () => {
  process.stdout.write('ready\n');
  clock();
});
