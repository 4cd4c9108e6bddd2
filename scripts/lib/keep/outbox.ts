/**
 * The outbox of a long-running command: a transaction is signed, written to a file, and only then sent. A process that is killed at any moment finds it
 * there, and sends the same bytes again instead of another transaction: whatever happens, one nonce, one effect.
 *
 *   submit:  sign; write {nonce, call, raw}; send
 *   settle:  mined, or its nonce used by another → drop it, remember the block; else send it again, for a higher fee once it has waited long
 *            while blocks were made without it
 *
 * The caller discharges: one process uses a file at a time (`lock.ts`), and what is due is decided after `settle`, from a node that has block `floor`.
 */
import { existsSync } from 'node:fs';
import {
  createWalletClient,
  isAddress,
  keccak256,
  parseTransaction,
  TransactionReceiptNotFoundError,
  type Account,
  type Address,
  type Hash,
  type LocalAccount,
} from 'viem';
import { z } from 'zod';
import { canonicalJson, decodeCanonical, hexBytes, printable, type Hex } from '../../../verifier/input.ts';
import type { Call, Chain, Sent, Submit } from '../chain.ts';
import { readBounded, writeSecret } from '../files.ts';
import { UnderWay } from '../sending.ts';

const MAX_FILE = 1 << 20;
const hex = z.custom<Hex>((v) => typeof v === 'string' && /^0x([0-9a-f]{2})*$/.test(v), { error: 'must be 0x and hex digits' });

const pendingSchema = z.strictObject({
  what: printable(100),
  nonce: z.int().min(0),
  to: z.custom<Address>((v) => typeof v === 'string' && isAddress(v, { strict: false }), { error: 'must be an address' }),
  data: hex,
  value: z.string().regex(/^(0|[1-9][0-9]{0,77})$/, 'must be a decimal integer'),
  raw: hex,
  /** Oldest first; more than one where the fee was raised. */
  hashes: z.array(hexBytes(32)).min(1).max(100),
  /** Unix seconds of the last signature, and the newest block then. */
  since: z.int().min(0),
  block: z.int().min(0),
});
const outboxSchema = z.strictObject({ version: z.literal(1), floor: z.int().min(0), pending: pendingSchema.nullable() });
type Pending = z.infer<typeof pendingSchema>;
type State = z.infer<typeof outboxSchema>;

/** Seconds after which a transaction is sent for a higher fee. */
const PATIENCE = 180;
/** Fees are raised up to so many times what the node thinks is right now: what pays that much waits for something else. */
const MOST_TIMES = 4n;
/** Fees grow by at least a quarter; nodes want a tenth or an eighth. */
const raised = (old: bigint, now: bigint): bigint => (old + old / 4n + 1n > now ? old + old / 4n + 1n : now);

/** What was mined of what an outbox sent. */
export interface Mined {
  readonly what: string;
  readonly sent: Sent;
  readonly failed: boolean;
}

export interface Outbox {
  /** Block of the last transaction that was mined: a node that does not have it yet knows too little. */
  readonly floor: bigint;
  readonly submit: Submit;
  /** Ends what is under way; null if nothing was, or another transaction took its nonce. Errors: UnderWay. */
  settle(): Promise<Mined | null>;
}

/** Opens (or makes) the outbox of an account on a chain. `now`: Unix seconds. */
export function openOutbox(
  path: string,
  chain: Pick<Chain, 'viem' | 'transport' | 'client'>,
  account: LocalAccount,
  now: () => number = () => Math.floor(Date.now() / 1000),
): Outbox {
  let state: State = existsSync(path)
    ? decodeCanonical(outboxSchema, readBounded(path, MAX_FILE), path, { size: MAX_FILE, depth: 8 })
    : { version: 1, floor: 0, pending: null };
  // It holds a signed `reveal` until that is sent, and with it the key.
  const write = (next: State): void => {
    writeSecret(path, canonicalJson(next));
    state = next;
  };
  const { client } = chain;
  const wallet = createWalletClient({ account, chain: chain.viem, transport: chain.transport });
  const sign = async (request: object): Promise<{ raw: Hex; hash: Hash }> => {
    const raw = await account.signTransaction(request as Parameters<LocalAccount['signTransaction']>[0]);
    return { raw, hash: keccak256(raw) };
  };

  /** The same transaction for higher fees; unchanged where no block was made since, or the fee is not what it waits for. */
  async function raise(pending: Pending): Promise<Pending> {
    const head = Number(await client.getBlockNumber());
    if (head <= pending.block) return pending;
    // Nothing is estimated: a call that would fail by now has to go out all the same, or its nonce stays taken.
    const { to, data, value, gas, nonce, chainId, gasPrice, maxFeePerGas, maxPriorityFeePerGas } = parseTransaction(pending.raw);
    const common = { to, data, value, gas, nonce, chainId };
    let request: object;
    if (maxFeePerGas === undefined) {
      const now = await client.getGasPrice();
      const price = raised(gasPrice ?? 0n, now);
      if (price > MOST_TIMES * now) return pending;
      request = { ...common, type: 'legacy', gasPrice: price };
    } else {
      const now = await client.estimateFeesPerGas({ chain: chain.viem, type: 'eip1559' });
      const price = raised(maxFeePerGas, now.maxFeePerGas);
      if (price > MOST_TIMES * now.maxFeePerGas) return pending;
      const tip = raised(maxPriorityFeePerGas ?? 0n, now.maxPriorityFeePerGas);
      request = { ...common, type: 'eip1559', maxFeePerGas: price, maxPriorityFeePerGas: tip < price ? tip : price };
    }
    const { raw, hash } = await sign(request);
    return { ...pending, raw, hashes: [...pending.hashes, hash].slice(-100), since: now(), block: head };
  }

  return {
    get floor() {
      return BigInt(state.floor);
    },
    async submit(_account: Account, call: Call, what: string): Promise<Hash> {
      if (state.pending !== null) throw new UnderWay(`${state.pending.what} is under way in ${state.pending.hashes.at(-1)}`);
      const block = Number(await client.getBlockNumber());
      const request = await wallet.prepareTransactionRequest({ ...call, account, chain: chain.viem });
      const { raw, hash } = await sign(request);
      const { to, data, value } = call;
      write({
        ...state,
        pending: {
          what,
          nonce: Number(request.nonce),
          to,
          data: data.toLowerCase() as Hex,
          value: String(value),
          raw,
          hashes: [hash],
          since: now(),
          block,
        },
      });
      await client.sendRawTransaction({ serializedTransaction: raw });
      return hash;
    },
    async settle() {
      const { pending } = state;
      if (pending === null) return null;
      for (const hash of pending.hashes.toReversed()) {
        const receipt = await client.getTransactionReceipt({ hash }).catch((e: unknown) => {
          if (e instanceof TransactionReceiptNotFoundError) return null;
          throw e;
        });
        if (receipt === null) continue;
        const { blockNumber: block, gasUsed: gas, status } = receipt;
        write({ ...state, floor: Math.max(state.floor, Number(block)), pending: null });
        return { what: pending.what, sent: { hash, gas, block }, failed: status !== 'success' };
      }
      // Another transaction of this key took its place, so it never will be mined; or it was mined, and the node does not show it yet.
      if ((await client.getTransactionCount({ address: account.address })) > pending.nonce) {
        write({ ...state, floor: Math.max(state.floor, Number(await client.getBlockNumber())), pending: null });
        return null;
      }
      // Where the node can't say what fees are right, the old one stays.
      const next = now() - pending.since >= PATIENCE ? await raise(pending).catch(() => pending) : pending;
      if (next !== pending) write({ ...state, pending: next });
      // Nodes that have it say so, and others may have lost it: either way it waits on.
      const refused = await client.sendRawTransaction({ serializedTransaction: next.raw }).then(
        () => '',
        (e: unknown) => (e instanceof Error ? `: ${e.message.split('\n')[0]}` : ''),
      );
      throw new UnderWay(`${next.what} waits to be mined in ${next.hashes.at(-1)}${refused.includes('known') ? '' : refused}`);
    },
  };
}
