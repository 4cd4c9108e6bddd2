/**
 * Sending transactions so that being killed, and a node that is killed, cost nothing and send nothing twice.
 *
 * An account has one transaction under way at a time. Who is called again after a kill first waits for what an earlier process sent, so that it sees what
 * that did; a call that is done already then fails its simulation, or its command finds it done. While a transaction is waited for, a node that does not
 * answer is asked again, and one that has forgotten the transaction gets the same signed bytes once more: they can be mined once only.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  BaseError,
  ContractFunctionRevertedError,
  createWalletClient,
  encodeFunctionData,
  HttpRequestError,
  keccak256,
  TimeoutError,
  TransactionNotFoundError,
  TransactionReceiptNotFoundError,
  type Abi,
  type Account,
  type Address,
  type Chain as ViemChain,
  type Hash,
  type PublicClient,
  type TransactionReceipt,
  type Transport,
} from 'viem';
import { InputError, type Hex } from '../../verifier/input.ts';
import { LOCAL_CHAIN_ID } from './local-chain.ts';

/** A node, and what transactions on its chain need. */
export interface Node {
  readonly id: number;
  readonly viem: ViemChain;
  readonly transport: Transport;
  readonly client: PublicClient;
  /** How calls are signed and sent, where that is not left to `submit`: `keep/outbox.ts`. */
  readonly submit?: Submit;
}

/** A call as a transaction has it. */
export interface Call {
  readonly to: Address;
  readonly data: Hex;
  readonly value: bigint;
  readonly gas?: bigint;
}

/** A transaction is under way: nothing else may be sent before it has ended. */
export class UnderWay extends Error {
  override readonly name = 'UnderWay';
}

/** Signs and sends a call; its transaction's hash. Errors: UnderWay. */
export type Submit = (account: Account, call: Call, what: string) => Promise<Hash>;

/** A mined transaction. */
export interface Sent {
  readonly hash: Hash;
  readonly gas: bigint;
  readonly block: bigint;
}

/** Milliseconds that a node may be silent, and that a transaction may take, before its command gives up. */
export interface Patience {
  readonly silent: number;
  readonly unmined: number;
}
const PATIENCE: Patience = { silent: 120_000, unmined: 600_000 };

/** Whether the node did not answer, or could not; it may by and by. */
export const unreachable = (e: unknown): boolean =>
  e instanceof InputError
    ? unreachable(e.cause)
    : e instanceof BaseError &&
      e.walk(
        (x) =>
          x instanceof TimeoutError || (x instanceof HttpRequestError && (x.status === undefined || x.status >= 500 || x.status === 429)),
      ) !== null;

const CURES: Readonly<Record<string, string>> = {
  AlreadyPosted: 'the same terms are posted already',
  AlreadyClaimed: 'the same claim was made already; look with `fineproof bounty show`',
  NotPoster: 'sign with the poster’s key',
  TooLate: 'its time is over',
  TooEarly: 'wait until its time has come',
  BountyNotOpen: 'the bounty is not posted, paid or refunded',
  NotAttested: 'wait for the attesters’ verdict',
  ClaimNotFirst: 'an earlier claim is still undecided',
  LiveClaims: 'a claim is undecided; wait, or lapse it after its window',
  WrongClaimStatus: 'the claim is in another state; look with `fineproof bounty show`',
  NoReservations: 'this bounty takes no reservations',
  IsReserved: 'wait until the reservation has ended',
  NotDisclosed: 'the poster has not shown the inputs yet',
  NotEntered: 'only adapters that were entered in time can be claimed',
  WrongKey: 'this is not the key of the claim',
  WrongInputs: 'digest and salt are not those that the terms commit to',
  OpenDemands: 'a demand is unanswered; answer it, or end the claim after its time',
  NothingToWithdraw: 'this account has no credit here',
  DurationOutOfRange: 'give longer times (--window, --answer, --react)',
  InexactTransfer: 'this token takes a fee of transfers, which the escrow refuses: pay in another one',
  SafeERC20FailedOperation: 'the token refused the transfer: check balance and allowance, or pay in another one',
  ERC20InsufficientBalance: 'the account has too little of the token',
  ERC20InsufficientAllowance: 'the allowance was used elsewhere: post again',
  BondTooSmall: 'give a larger --bond, or a smaller --demand-fee; reservations need a bond',
  RewardTooLarge: 'give less than 2^128 of the token’s smallest units',
  NoSuchNode: 'ask for level 7 of the bundle, level 3 of encrypted rows, or the trace’s root and every eighth level below it',
  NotCommittedBefore: 'wait for a later block, and challenge again',
  TrueRow: 'the row is right: nothing can be complained about it',
  TrueInstruction: 'the position is true: the claim cannot be refuted with it',
  AlreadyDemanded: 'wait for the answer',
  DemandNotOpen: 'it is answered or closed',
  UrisTooLong: 'give at most 4 --uri, of 512 bytes together',
  UriNotAscii: 'write other characters of a --uri as % and hex digits',
  NeverLapses: 'accept it, or challenge it',
  NotAContinuation: 'the claim’s bounty asked for no full state, or model or first state are others',
};

/** The revert's name and arguments, with a cure; other errors as they are. */
export function readable(e: unknown, what: string): unknown {
  if (!(e instanceof BaseError)) return e;
  const revert = e.walk((x) => x instanceof ContractFunctionRevertedError);
  if (revert instanceof ContractFunctionRevertedError) {
    const name = revert.data?.errorName ?? revert.reason ?? revert.signature ?? 'reverted';
    const values = (revert.data?.args ?? []).map(String).join(', ');
    return new InputError(
      what,
      '',
      `refused by the contract: ${name}(${values})`,
      CURES[name] ?? 'check the arguments and the state with `fineproof bounty show`',
    );
  }
  const said = [e.shortMessage, e.details].filter((x) => x !== undefined && x !== '').join(' ');
  return Object.assign(new InputError(what, '', said, 'check the node, the account and its balance'), { cause: e });
}

/** Waits until the node has mined every transaction of the account that it knows. Errors: that takes too long; the node's. */
export async function nothingUnderWay({ client }: Node, { address }: Pick<Account, 'address'>, patience = PATIENCE): Promise<void> {
  const end = performance.now() + patience.unmined;
  for (;;) {
    const [mined, all] = await Promise.all([
      client.getTransactionCount({ address, blockTag: 'latest' }),
      client.getTransactionCount({ address, blockTag: 'pending' }),
    ]);
    if (all <= mined) return;
    if (performance.now() > end)
      throw new InputError(
        'transaction',
        '',
        `${mined} of ${address} is sent, but not mined`,
        'wait until it is, or replace it with your wallet by one that pays more; then try again',
      );
    await sleep(client.pollingInterval);
  }
}

/** Whether the node has a transaction, mined or not. */
async function known({ client }: Node, hash: Hash): Promise<boolean> {
  try {
    await client.getTransaction({ hash });
    return true;
  } catch (e) {
    if (e instanceof TransactionNotFoundError) return false;
    throw e;
  }
}

async function receiptOf({ client }: Node, hash: Hash): Promise<TransactionReceipt | null> {
  try {
    return await client.getTransactionReceipt({ hash });
  } catch (e) {
    if (e instanceof TransactionReceiptNotFoundError) return null;
    throw e;
  }
}

/** Signed bytes, and whose nonce they use. */
export interface Signed {
  readonly raw: Hex;
  readonly from: Address;
  readonly nonce: number;
}

/** Hands signed bytes to the node until they are mined. Errors: the node refuses them; another transaction took their nonce; patience. */
export async function deliver(node: Node, { raw, from, nonce }: Signed, what: string, patience = PATIENCE): Promise<TransactionReceipt> {
  const hash = keccak256(raw);
  const { client } = node;
  const begin = performance.now();
  let answered = begin;
  for (;;) {
    try {
      const receipt = await receiptOf(node, hash);
      if (receipt !== null) return receipt;
      if (!(await known(node, hash)))
        try {
          await client.sendRawTransaction({ serializedTransaction: raw });
          continue;
        } catch (e) {
          // It may have been taken all the same, or have been mined by now.
          if (unreachable(e)) throw e;
          if (!(await known(node, hash)) && (await receiptOf(node, hash)) === null) {
            if ((await client.getTransactionCount({ address: from, blockTag: 'latest' })) <= nonce) throw readable(e, what);
            throw new InputError(
              what,
              '',
              `another transaction of ${from} was mined in place of ${hash}`,
              'try again: what is done is found',
            );
          }
        }
      answered = performance.now();
    } catch (e) {
      if (!unreachable(e) || performance.now() - answered > patience.silent) throw readable(e, what);
    }
    if (performance.now() - begin > patience.unmined)
      throw new InputError(
        what,
        '',
        `transaction ${hash} is not mined yet`,
        'try again later: it is waited for, and nothing is sent twice',
      );
    await sleep(client.pollingInterval);
  }
}

/** Milliseconds that a transaction of an outbox is waited for, before the outbox has to look after it: it sends it again, and raises its fee. */
const OUTBOX_WAIT = 30_000;

/** Waits for a transaction that an outbox sent. Errors: UnderWay, if it is not mined yet; the node's. */
export async function minedOf(node: Node, hash: Hash, what: string, patience = OUTBOX_WAIT): Promise<TransactionReceipt> {
  for (const begin = performance.now(); ;) {
    const receipt = await receiptOf(node, hash);
    if (receipt !== null) return receipt;
    if (performance.now() - begin > patience) throw new UnderWay(`${what} waits to be mined in ${hash}`);
    await sleep(node.client.pollingInterval);
  }
}

/** What an estimate is raised by: a claim costs more gas behind another one, and either may be mined first. */
const withMargin = (gas: bigint): bigint => gas + gas / 4n;

/** Signs and sends a transaction and waits until it is mined. Errors: it failed, or could not be sent. */
export async function submit(
  node: Node,
  account: Account,
  what: string,
  transaction: { readonly to?: Address; readonly data: Hex; readonly value?: bigint; readonly gas?: bigint },
): Promise<TransactionReceipt> {
  if (account.type !== 'local') throw new InputError(what, '', `${account.address} has no key here`, 'sign with a key of your own');
  await nothingUnderWay(node, account);
  const wallet = createWalletClient({ account, chain: node.viem, transport: node.transport });
  const nonce = await node.client.getTransactionCount({ address: account.address, blockTag: 'latest' });
  const request = await wallet.prepareTransactionRequest({ ...transaction, nonce });
  const raw = await wallet.signTransaction(request as Parameters<typeof wallet.signTransaction>[0]);
  return successful(await deliver(node, { raw, from: account.address, nonce }, what), what);
}

function successful(receipt: TransactionReceipt, what: string): TransactionReceipt {
  if (receipt.status === 'success') return receipt;
  throw new InputError(
    what,
    '',
    `transaction ${receipt.transactionHash} failed`,
    'its state changed before it was mined; look with `fineproof bounty show` and try again',
  );
}

/** Calls a contract: simulated first, so that a refusal costs nothing and names its reason. */
export async function send(
  node: Node,
  account: Account,
  what: string,
  call: {
    readonly address: Address;
    readonly abi: Abi;
    readonly functionName: string;
    readonly args: readonly unknown[];
    readonly value?: bigint;
  },
): Promise<Sent> {
  try {
    await nothingUnderWay(node, account);
    // A local chain makes no block until somebody sends something: there the next block's time counts, not the last one's.
    const blockTag = node.id === LOCAL_CHAIN_ID ? 'pending' : 'latest';
    await node.client.simulateContract({ ...call, account, blockTag } as Parameters<PublicClient['simulateContract']>[0]);
    // Here, not in `submit`, since a refusal is told in the contract's words: somebody else may just have made the call.
    const gas = await node.client.estimateContractGas({ ...call, account, blockTag } as Parameters<PublicClient['estimateContractGas']>[0]);
    const transaction = { to: call.address, data: encodeFunctionData(call), value: call.value ?? 0n, gas: withMargin(gas) };
    const receipt =
      node.submit === undefined
        ? await submit(node, account, what, transaction)
        : successful(await minedOf(node, await node.submit(account, transaction, what), what), what);
    return { hash: receipt.transactionHash, gas: receipt.gasUsed, block: receipt.blockNumber };
  } catch (e) {
    throw readable(e, what);
  }
}
