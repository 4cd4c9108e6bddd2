/** Everything that the chain tells about a finished trial: its blocks, receipts, events and balances, and the transactions that passed the gates. */
import { createPublicClient, http, parseEventLogs, type Address, type TransactionReceipt } from 'viem';
import { bountyEscrowAbi } from '../../deploy/artifacts.ts';
import { CLAIM_STATUS } from '../../scripts/lib/chain.ts';
import type { Hex } from '../../verifier/input.ts';

export interface Mined {
  readonly from: Address;
  readonly to: Address | null;
  readonly nonce: number;
  readonly input: Hex;
  readonly value: bigint;
  readonly hash: Hex;
  readonly success: boolean;
  /** Wei paid for gas. */
  readonly fee: bigint;
}

export interface Balance {
  readonly before: bigint;
  readonly after: bigint;
  /** Next nonce. */
  readonly nonce: number;
}

const parse = (receipts: readonly TransactionReceipt[], escrow: Address) =>
  parseEventLogs({
    abi: bountyEscrowAbi,
    logs: receipts.flatMap((r) => r.logs).filter((l) => same(l.address, escrow)),
    strict: true,
  });
export type EscrowEvent = ReturnType<typeof parse>[number];

export interface Facts {
  readonly mined: readonly Mined[];
  readonly events: readonly EscrowEvent[];
  /** Status of every claim that was made, by its id. */
  readonly statuses: ReadonlyMap<Hex, (typeof CLAIM_STATUS)[number]>;
  readonly balances: ReadonlyMap<Address, Balance>;
  /** Wei that the escrow holds. */
  readonly held: bigint;
}

export const same = (a: Address | null, b: Address): boolean => a?.toLowerCase() === b.toLowerCase();

/** Reads all blocks, and the balances of these people. */
export async function readFacts(url: string, escrow: Address, people: readonly Address[]): Promise<Facts> {
  const client = createPublicClient({ transport: http(url), cacheTime: 0 });
  const last = await client.getBlockNumber();
  const receipts: TransactionReceipt[] = [];
  const mined: Mined[] = [];
  for (let n = 1n; n <= last; n++) {
    const block = await client.getBlock({ blockNumber: n, includeTransactions: true });
    for (const { from, to, nonce, input, value, hash } of block.transactions) {
      const receipt = await client.getTransactionReceipt({ hash });
      receipts.push(receipt);
      const success = receipt.status === 'success';
      mined.push({ from, to, nonce, input, value, hash, success, fee: receipt.gasUsed * receipt.effectiveGasPrice });
    }
  }
  const events = parse(receipts, escrow);
  const statuses = new Map<Hex, (typeof CLAIM_STATUS)[number]>();
  for (const event of events)
    if (event.eventName === 'Claimed') {
      const { claimId } = event.args;
      const { status } = await client.readContract({ address: escrow, abi: bountyEscrowAbi, functionName: 'claimOf', args: [claimId] });
      statuses.set(claimId, CLAIM_STATUS[status] ?? 'none');
    }
  const balances = new Map<Address, Balance>();
  for (const address of people)
    balances.set(address, {
      before: await client.getBalance({ address, blockNumber: 0n }),
      after: await client.getBalance({ address }),
      nonce: await client.getTransactionCount({ address }),
    });
  return { mined, events, statuses, balances, held: await client.getBalance({ address: escrow }) };
}
