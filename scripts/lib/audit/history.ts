/**
 * What the chain tells of a bounty: every event of the escrow about it, in order, with the transactions that made them. A `Credited` names no
 * bounty; it belongs to the event right before it in its transaction, since every call of the escrow says first what happened, and then whom it
 * credits. Nothing can come in between: calls that move money can't be entered again.
 */
import { decodeFunctionData, getAddress, isAddressEqual, parseEventLogs, type Address, type DecodeFunctionDataReturnType } from 'viem';
import { bountyEscrowAbi } from '../../../deploy/artifacts.ts';
import type { Hex } from '../../../verifier/input.ts';
import { claimId } from '../../../verifier/statement.ts';
import { commitmentOf } from '../doubt.ts';
import type { Chain, Escrow } from '../chain.ts';
import { inTurn, overRanges } from '../scan.ts';
import type { AuditEvent, AuditedTransaction, Credit, Withdrawal } from './types.ts';

export interface History {
  readonly events: readonly AuditEvent[];
  readonly transactions: readonly AuditedTransaction[];
  /** Transactions of the commitments that challenges opened, by the challenge's transaction. */
  readonly commitments: ReadonlyMap<Hex, Hex>;
  readonly continues: Hex | null;
  readonly continuedBy: readonly Hex[];
}

interface Mined {
  readonly transaction: Omit<AuditedTransaction, 'events'>;
  readonly input: Hex;
  readonly to: Address | null;
  readonly logs: readonly Log[];
}
type Log = ReturnType<typeof parse>[number];

const parse = (logs: Parameters<typeof parseEventLogs>[0]['logs']) => parseEventLogs({ abi: bountyEscrowAbi, logs, strict: true });

/** A transaction with its receipt, time and the escrow's events. */
async function mined({ client }: Chain, escrow: Address, hash: Hex, times: Map<bigint, Promise<number>>): Promise<Mined> {
  const [receipt, { value, input }] = await Promise.all([client.getTransactionReceipt({ hash }), client.getTransaction({ hash })]);
  const block = receipt.blockNumber;
  if (!times.has(block))
    times.set(
      block,
      client.getBlock({ blockNumber: block }).then((b) => Number(b.timestamp)),
    );
  const direct = receipt.to !== null && isAddressEqual(receipt.to, escrow);
  const [gas, fee] = [receipt.gasUsed, receipt.gasUsed * receipt.effectiveGasPrice];
  const time = await (times.get(block) as Promise<number>);
  return {
    transaction: { hash, block, time, sender: getAddress(receipt.from), direct, value, gas, fee },
    input,
    to: receipt.to,
    logs: parse(receipt.logs.filter((log) => isAddressEqual(log.address, escrow))),
  };
}

/** Transactions with an event that has `id` as its first or second indexed field. */
async function transactionsOf({ chain, address }: Escrow, id: Hex, from: bigint, to: bigint): Promise<Hex[]> {
  const found: { block: bigint; index: number; hash: Hex }[] = [];
  for (const topics of [
    [null, id],
    [null, null, id],
  ])
    await overRanges(from, to, async (fromBlock, toBlock) => {
      const range = { fromBlock: `0x${fromBlock.toString(16)}`, toBlock: `0x${toBlock.toString(16)}` } as const;
      for (const log of await chain.client.request({ method: 'eth_getLogs', params: [{ address, topics, ...range }] }))
        found.push({ block: BigInt(log.blockNumber ?? 0), index: Number(log.logIndex), hash: log.transactionHash as Hex });
      return [];
    });
  found.sort((a, b) => Number(a.block - b.block) || a.index - b.index);
  return [...new Set(found.map((f) => f.hash))];
}

const bountyOf = (log: Log): Hex | undefined => (log.args as { bountyId?: Hex }).bountyId;

/** The bounty's events in a transaction, each with its credits. */
function eventsIn({ transaction, logs }: Mined, id: Hex): AuditEvent[] {
  const events: AuditEvent[] = [];
  let credits: Credit[] | null = null;
  for (const log of logs) {
    if (log.eventName === 'Credited') credits?.push(log.args);
    if (bountyOf(log) === undefined) continue;
    credits = null;
    if (bountyOf(log) !== id) continue;
    credits = [];
    const { bountyId: _id, terms: _terms, body: _body, ...fields } = log.args as Record<string, unknown>;
    events.push({
      name: log.eventName,
      claim: (fields['claimId'] as Hex | undefined) ?? null,
      fields,
      time: transaction.time,
      block: transaction.block,
      logIndex: log.logIndex,
      transaction: transaction.hash,
      credits,
    });
  }
  return events;
}

/** What a challenge committed to before; null where the transaction does not show it. */
function commitmentIn({ input, to, transaction }: Mined, escrow: Address, bounty: Hex): Hex | null {
  if (to === null || !isAddressEqual(to, escrow)) return null;
  let call: DecodeFunctionDataReturnType<typeof bountyEscrowAbi>;
  try {
    call = decodeFunctionData({ abi: bountyEscrowAbi, data: input });
  } catch {
    // Solidity takes encodings that this decoder refuses; what they committed to is not worth failing for.
    return null;
  }
  if (call.functionName !== 'challenge') return null;
  const [, claimant, body, salt, , accusation] = call.args;
  return commitmentOf(claimId(bounty, claimant, body), Number(accusation.position), transaction.sender, salt);
}

/** The history of a bounty from the block that it was posted in, up to block `to`. */
export async function historyOf(escrow: Escrow, id: Hex, from: bigint, to: bigint): Promise<History> {
  const { chain, address } = escrow;
  const times = new Map<bigint, Promise<number>>();
  const all = await inTurn(await transactionsOf(escrow, id, from, to), (hash) => mined(chain, address, hash, times));
  const own = all.map((m) => ({ ...m, events: eventsIn(m, id) })).filter((m) => m.events.length > 0);
  const events = own.flatMap((m) => m.events);
  const transactions = own.map((m): AuditedTransaction => ({ ...m.transaction, events: m.events.map((e) => e.name) }));

  const commitments = new Map<Hex, Hex>();
  for (const m of own.filter((of) => of.events.some((e) => e.name === 'Challenged'))) {
    const commitment = commitmentIn(m, address, id);
    if (commitment === null) continue;
    const [made] = await escrow.events('Committed', { commitment }, from);
    if (made === undefined) continue;
    commitments.set(m.transaction.hash, made.transactionHash);
    transactions.push({ ...(await mined(chain, address, made.transactionHash, times)).transaction, events: ['Committed'] });
  }
  transactions.sort((a, b) => Number(a.block - b.block));
  const continued = all.flatMap((m) => m.logs).filter((log) => log.eventName === 'Continued');
  return {
    events,
    transactions,
    commitments,
    continues: continued.find((log) => log.args.bountyId === id)?.args.previousId ?? null,
    continuedBy: continued.filter((log) => log.args.previousId === id).map((log) => log.args.bountyId),
  };
}

/** Withdrawals of accounts since a block. */
export async function withdrawalsOf(escrow: Escrow, accounts: readonly Address[], from: bigint): Promise<Withdrawal[]> {
  if (accounts.length === 0) return [];
  const events = await escrow.events('Withdrawn', { account: accounts }, from);
  return events.map(({ args, blockNumber, transactionHash }) => ({ ...args, block: blockNumber, transaction: transactionHash }));
}
