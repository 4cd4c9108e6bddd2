/**
 * The outbox of a long-running command: a transaction is signed, written to a file, and only then sent. A process that is killed at any moment finds it
 * there, and sends the same bytes again instead of another transaction: whatever happens, one nonce, one effect.
 *
 *   submit:  sign; write {nonce, call, raw}; send
 *   settle:  mined, or its nonce used by another → drop it, remember the block; else send it again, for a higher fee once it has waited long
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
import type { Call, Chain, Submit } from '../chain.ts';
import { readBounded, writeSecret } from '../files.ts';

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
  /** Unix seconds of the last signature. */
  since: z.int().min(0),
});
const outboxSchema = z.strictObject({ version: z.literal(1), floor: z.int().min(0), pending: pendingSchema.nullable() });
type Pending = z.infer<typeof pendingSchema>;
type State = z.infer<typeof outboxSchema>;

/** Seconds after which a transaction is sent for a higher fee. */
const PATIENCE = 180;
/** Fees grow by at least a quarter; nodes want a tenth or an eighth. */
const raised = (old: bigint, now: bigint): bigint => (old + old / 4n + 1n > now ? old + old / 4n + 1n : now);

/** A transaction is under way: nothing else may be sent before it has ended. */
export class UnderWay extends Error {
  override readonly name = 'UnderWay';
}

export interface Outbox {
  /** Block of the last transaction that was mined: a node that does not have it yet knows too little. */
  readonly floor: bigint;
  readonly submit: Submit;
  /** Ends what is under way. Errors: UnderWay. */
  settle(): Promise<void>;
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
  const prepare = (call: Call, nonce?: number) =>
    wallet.prepareTransactionRequest({ ...call, account, chain: chain.viem, ...(nonce === undefined ? {} : { nonce }) });
  const sign = async (request: object): Promise<{ raw: Hex; hash: Hash }> => {
    const raw = await account.signTransaction(request as Parameters<LocalAccount['signTransaction']>[0]);
    return { raw, hash: keccak256(raw) };
  };

  async function raise(pending: Pending): Promise<Pending> {
    const call = { to: pending.to, data: pending.data, value: BigInt(pending.value) };
    const request = await prepare(call, pending.nonce);
    const old = parseTransaction(pending.raw);
    const fees =
      old.maxFeePerGas === undefined
        ? { gasPrice: raised(old.gasPrice ?? 0n, request.gasPrice ?? 0n) }
        : {
            maxFeePerGas: raised(old.maxFeePerGas, request.maxFeePerGas ?? 0n),
            maxPriorityFeePerGas: raised(old.maxPriorityFeePerGas ?? 0n, request.maxPriorityFeePerGas ?? 0n),
          };
    const { raw, hash } = await sign({ ...request, ...fees });
    return { ...pending, raw, hashes: [...pending.hashes, hash].slice(-100), since: now() };
  }

  return {
    get floor() {
      return BigInt(state.floor);
    },
    async submit(_account: Account, call: Call, what: string): Promise<Hash> {
      if (state.pending !== null) throw new UnderWay(`${state.pending.what} is under way in ${state.pending.hashes.at(-1)}`);
      const request = await prepare(call);
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
        },
      });
      await client.sendRawTransaction({ serializedTransaction: raw });
      return hash;
    },
    async settle() {
      const { pending } = state;
      if (pending === null) return;
      for (const hash of pending.hashes.toReversed()) {
        const receipt = await client.getTransactionReceipt({ hash }).catch((e: unknown) => {
          if (e instanceof TransactionReceiptNotFoundError) return null;
          throw e;
        });
        if (receipt !== null) return write({ ...state, floor: Math.max(state.floor, Number(receipt.blockNumber)), pending: null });
      }
      // Another transaction of this key took its place, so it never will be mined; or it was mined, and the node does not show it yet.
      if ((await client.getTransactionCount({ address: account.address })) > pending.nonce)
        return write({ ...state, floor: Math.max(state.floor, Number(await client.getBlockNumber())), pending: null });
      // Where it can't be prepared anew (the call would fail now, say), the old one stays.
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
