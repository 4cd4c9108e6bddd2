/**
 * A local chain for the demo and for replays: Hardhat's node in a process of its own on a free loopback port, which ends with this process.
 * It forgets everything when it ends; `recordChain` saves its transactions, and `replayChain` makes the same chain again from them.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createPublicClient, http, serializeTransaction, type TransactionSerializable } from 'viem';
import { mnemonicToAccount, type HDAccount } from 'viem/accounts';
import { z } from 'zod';
import { canonicalJson, decodeJson, InputError, type Hex } from '../../verifier/input.ts';
import { readBounded, writeAtomic } from './files.ts';

/** chainid of Hardhat's node. */
export const LOCAL_CHAIN_ID = 31337;

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Accounts of the publicly known test mnemonic, each with 10,000 ETH on a local chain. Never for real money. */
export const localAccount = (index: number): HDAccount =>
  mnemonicToAccount('test test test test test test test test test test test junk', { addressIndex: index });

export interface LocalChain {
  readonly rpc: string;
  readonly pid: number;
  /** Ends the node. */
  stop(): void;
  /** Leaves the node running after this process. */
  detach(): void;
}

const freePort = (): Promise<number> =>
  new Promise((done, fail) => {
    const server = createServer();
    server.once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => done(port));
    });
  });

const call = async (rpc: string, method: string, params: readonly unknown[]): Promise<unknown> => {
  const response = await fetch(rpc, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
  const body = (await response.json()) as { result?: unknown; error?: { message: string } };
  if (body.error !== undefined) throw new Error(`${method}: ${body.error.message}`);
  return body.result;
};

async function answers(rpc: string, node: ChildProcess, seconds: number): Promise<void> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    if (node.exitCode !== null) throw new Error(`the local chain ended with exit code ${node.exitCode}; try \`npx hardhat node\``);
    try {
      await call(rpc, 'eth_chainId', []);
      return;
    } catch {
      if (Date.now() > end) throw new Error(`the local chain did not answer at ${rpc} within ${seconds} s`);
      await new Promise((done) => setTimeout(done, 50));
    }
  }
}

/** Starts the node and waits until it answers. `genesis` is the time of its first block in seconds; now, unless given. */
export async function startLocalChain(genesis?: number): Promise<LocalChain> {
  const port = await freePort();
  const config = join(root, 'scripts', 'lib', 'local-chain.config.ts');
  const program = join(root, 'scripts', 'lib', 'local-chain-node.ts');
  const node = spawn(process.execPath, [program, '--config', config, 'node', '--hostname', '127.0.0.1', '--port', String(port)], {
    cwd: root,
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: { ...process.env, ...(genesis === undefined ? {} : { FINEPROOF_GENESIS: new Date(genesis * 1000).toISOString() }) },
  });
  const rpc = `http://127.0.0.1:${port}`;
  const stop = (): void => {
    if (node.exitCode === null) node.kill();
  };
  try {
    await answers(rpc, node, 60);
  } catch (e) {
    stop();
    throw e;
  }
  // The open pipe must not keep this process; its end ends the node.
  node.unref();
  (node.stdin as Socket).unref();
  return { rpc, pid: node.pid as number, stop, detach: () => void node.stdin.write('stay') };
}

const recordSchema = z.strictObject({
  version: z.literal(1),
  chainId: z.literal(LOCAL_CHAIN_ID),
  blocks: z
    .array(
      z.strictObject({
        timestamp: z
          .int()
          .min(0)
          .max(2 ** 40),
        transactions: z.array(z.string().regex(/^0x([0-9a-f]{2})+$/, 'must be hex')).max(1000),
      }),
    )
    .max(100_000),
});

/** Saves every block of a local chain: time stamps and signed transactions. */
export async function recordChain(rpc: string, path: string): Promise<void> {
  const client = createPublicClient({ transport: http(rpc) });
  const last = await client.getBlockNumber({ cacheTime: 0 });
  const blocks: z.infer<typeof recordSchema>['blocks'] = [];
  for (let n = 1n; n <= last; n++) {
    const block = await client.getBlock({ blockNumber: n, includeTransactions: true });
    const transactions = block.transactions.map((t) => {
      const signature =
        t.type === 'legacy'
          ? { r: t.r as Hex, s: t.s as Hex, v: t.v as bigint }
          : { r: t.r as Hex, s: t.s as Hex, yParity: t.yParity as number };
      return serializeTransaction({ ...t, data: t.input } as unknown as TransactionSerializable, signature);
    });
    blocks.push({ timestamp: Number(block.timestamp), transactions });
  }
  writeAtomic(path, canonicalJson({ version: 1, chainId: LOCAL_CHAIN_ID, blocks }));
}

/** A fresh local chain with the recorded blocks: the same accounts, contracts, events and times. */
export async function replayChain(path: string): Promise<LocalChain> {
  const limits = { size: 256 << 20, depth: 8 };
  const record = decodeJson(recordSchema, readBounded(path, limits.size), path, limits);
  const chain = await startLocalChain((record.blocks[0]?.timestamp ?? 1) - 1);
  try {
    for (const [i, block] of record.blocks.entries()) {
      await call(chain.rpc, 'evm_setNextBlockTimestamp', [block.timestamp]);
      for (const raw of block.transactions) await call(chain.rpc, 'eth_sendRawTransaction', [raw]);
      if (block.transactions.length !== 1)
        throw new InputError(path, `blocks[${i}]`, 'does not hold one transaction', 'record the chain again');
    }
    return chain;
  } catch (e) {
    chain.stop();
    throw e;
  }
}
