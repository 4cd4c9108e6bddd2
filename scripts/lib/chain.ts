/** The chain through JSON-RPC (viem): deploying, the calls of the contracts, scanning events. */
import {
  BaseError,
  createPublicClient,
  defineChain,
  encodeDeployData,
  getAddress,
  http,
  isAddressEqual,
  parseAbi,
  type Abi,
  type Account,
  type Address,
  type ContractEventName,
  type GetContractEventsReturnType,
  type Hash,
  type Transport,
} from 'viem';
import {
  bountyEscrowAbi,
  bountyEscrowBytecode,
  commitmentRegistryAbi,
  commitmentRegistryBytecode,
  deliveryAbi,
  deliveryBytecode,
  fraudProofAbi,
  fraudProofBytecode,
  generatorsAbi,
  generatorsBytecode,
} from '../../deploy/artifacts.ts';
import { InputError, type Hex } from '../../verifier/input.ts';
import type { Complaint } from '../../verifier/delivery/complaint.ts';
import type { Accusation } from '../../verifier/record/accusation.ts';
import type { VerifierKey } from '../../verifier/record/key.ts';
import { bountyId, type Body, type Terms } from '../../verifier/statement.ts';
import {
  accusationAbi,
  complaintAbi,
  DEMAND_STATUS,
  hexes,
  type AnswerWords,
  type ClaimRef,
  type DemandStatus,
  type TreeNode,
} from './dispute.ts';
import { signingAccount } from './keys.ts';
import { LOCAL_CHAIN_ID, replayChain } from './local-chain.ts';
import type { RegistryOptions } from './options.ts';
import { overRanges } from './scan.ts';
import { readable, send, submit, type Node, type Sent } from './sending.ts';

export type { Call, Sent, Submit } from './sending.ts';

export interface Chain extends Node {
  readonly rpc: string;
  /** Ends a node that was started for this connection. */
  close(): void;
}

/** Connects to a node. A file instead of a URL is a recorded local chain: it is replayed on a node that ends with `close`. */
export async function connect(rpc: string): Promise<Chain> {
  const local = /^https?:\/\//.test(rpc) ? null : await replayChain(rpc);
  const url = local?.rpc ?? rpc;
  const probe = createPublicClient({ transport: http(url, { retryCount: 1, timeout: 20_000 }) });
  let id: number;
  try {
    id = await probe.getChainId();
  } catch (e) {
    local?.stop();
    throw new InputError(
      '--rpc',
      '',
      `no node answers at ${url}${e instanceof BaseError ? `: ${e.shortMessage}` : ''}`,
      'start a node, or give its address with --rpc or FINEPROOF_RPC',
    );
  }
  return chainOver(http(url, { timeout: 60_000 }), id, url, () => local?.stop());
}

/** A chain that is reached through a transport. */
export function chainOver(transport: Transport, id: number, rpc: string, close: () => void = () => {}): Chain {
  const viem = defineChain({
    id,
    name: `chain ${id}`,
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [rpc] } },
  });
  const pollingInterval = id === LOCAL_CHAIN_ID ? 25 : 1_000;
  return { rpc, id, viem, transport, client: createPublicClient({ chain: viem, transport, pollingInterval, cacheTime: 0 }), close };
}

/** Runs `use` with a connection and closes it. */
export async function withChain<T>(rpc: string, use: (chain: Chain) => Promise<T>): Promise<T> {
  const chain = await connect(rpc);
  try {
    return await use(chain);
  } finally {
    chain.close();
  }
}

/** Shortest times that an escrow takes in terms, in seconds: `window`; and `reaction`, to answer, react, reveal and complain. */
export interface Minimums {
  readonly window: bigint;
  readonly reaction: bigint;
}

export interface Deployed {
  readonly registry: Address;
  readonly escrow: Address;
  readonly sent: readonly (Sent & { readonly contract: string })[];
}

/** Deploys registry, checkers and escrow. */
export async function deploy(chain: Chain, account: Account, minimums: Minimums): Promise<Deployed> {
  const sent: (Sent & { readonly contract: string })[] = [];
  const one = async (contract: string, abi: readonly unknown[], bytecode: Hex, args: readonly unknown[]): Promise<Address> => {
    const receipt = await submit(chain, account, 'deploy', { data: encodeDeployData({ abi: abi as Abi, bytecode, args }) });
    sent.push({ contract, hash: receipt.transactionHash, gas: receipt.gasUsed, block: receipt.blockNumber });
    return getAddress(receipt.contractAddress as Address);
  };
  const registry = await one('registry', commitmentRegistryAbi, commitmentRegistryBytecode, []);
  const fraudProof = await one('fraud proof', fraudProofAbi, fraudProofBytecode, []);
  const generators = await one('generators', generatorsAbi, generatorsBytecode, []);
  const delivery = await one('delivery', deliveryAbi, deliveryBytecode, [generators]);
  const escrow = await one('escrow', bountyEscrowAbi, bountyEscrowBytecode, [minimums.window, minimums.reaction, fraudProof, delivery]);
  return { registry, escrow, sent };
}

const SUBJECT = { model: 0, data: 1, key: 2 } as const;

/** The calls of one escrow. */
export interface Escrow {
  readonly address: Address;
  readonly chain: Chain;
  post(account: Account, terms: Terms): Promise<Sent>;
  postWithPermit(account: Account, terms: Terms, permit: Permit): Promise<Sent>;
  /** Posts a bounty that starts where a paid claim ended. */
  postMilestone(account: Account, terms: Terms, previous: PaidClaim): Promise<Sent>;
  /** With the bond, unless the account's reservation or entry holds one. */
  claim(account: Account, terms: Terms, body: Body): Promise<Sent>;
  attest(
    account: Account,
    terms: Terms,
    claimId: Hex,
    verdict: { valid: boolean; expiry: bigint; attesters: number; signatures: readonly Hex[] },
  ): Promise<Sent>;
  accept(account: Account, terms: Terms, claimId: Hex): Promise<Sent>;
  /** Rejects a claim without a verdict in its time; its bond goes back. */
  lapse(account: Account, terms: Terms, claimId: Hex): Promise<Sent>;
  /** Gives back the bond of a claim that was pending when another one was paid. */
  release(account: Account, terms: Terms, claimId: Hex): Promise<Sent>;
  /** Credits the signers of a paid claim's verdict with their fees. */
  collect(account: Account, terms: Terms, claimId: Hex): Promise<Sent>;
  /** Records a commitment to a challenge. */
  commit(account: Account, commitment: Hex): Promise<Sent>;
  /** When a commitment was made, in seconds; 0n if it was not. */
  committedAt(commitment: Hex): Promise<bigint>;
  /** Rejects a claim by a false position that the account committed to at an earlier time. */
  challenge(account: Account, terms: Terms, of: ClaimRef, salt: Hex, key: VerifierKey, accusation: Accusation): Promise<Sent>;
  /** Asks for what lies below a node, for the terms' demand fee. */
  demand(account: Account, terms: Terms, claimId: Hex, node: TreeNode, key: VerifierKey): Promise<Sent>;
  answer(account: Account, terms: Terms, of: ClaimRef, node: TreeNode, key: VerifierKey, answer: AnswerWords): Promise<Sent>;
  /** Rejects a claim whose demand was not answered in time. */
  defaulted(account: Account, terms: Terms, claimId: Hex, node: TreeNode): Promise<Sent>;
  /** Gives the fee of an open demand back, once the claim has ended. */
  reclaim(account: Account, terms: Terms, claimId: Hex, node: TreeNode): Promise<Sent>;
  demandOf(claimId: Hex, node: TreeNode): Promise<{ readonly demander: Address; readonly answerBy: bigint; readonly status: DemandStatus }>;
  refund(account: Account, terms: Terms): Promise<Sent>;
  /** Keeps others from claiming for a while, for the bond. */
  reserve(account: Account, terms: Terms): Promise<Sent>;
  /** Enters a bounty that judges by hidden inputs with one adapter, for the bond. */
  enter(account: Account, terms: Terms, adapterRoot: Hex): Promise<Sent>;
  disclose(account: Account, terms: Terms, inputs: { digest: Hex; salt: Hex; uri: string }): Promise<Sent>;
  /** Refunds a bounty whose inputs were not disclosed in time. */
  undisclosed(account: Account, terms: Terms): Promise<Sent>;
  /** Gives back the bond of an entry that no claim used. */
  releaseEntry(account: Account, terms: Terms, entrant: Address): Promise<Sent>;
  /** Shows the key of an accepted claim. */
  reveal(account: Account, terms: Terms, claimant: Address, body: Body, key: Hex): Promise<Sent>;
  /** Rejects an accepted claim whose key was not shown in time. */
  unrevealed(account: Account, terms: Terms, claimId: Hex): Promise<Sent>;
  /** Rejects a revealed claim by a row that is not what it promised; the poster's call. */
  complain(account: Account, terms: Terms, of: ClaimRef, key: Hex, complaint: Complaint): Promise<Sent>;
  /** Pays a revealed claim that nobody complained about in time. */
  settle(account: Account, terms: Terms, claimId: Hex): Promise<Sent>;
  withdraw(account: Account, token: Address, to: Address): Promise<Sent>;
  /** Reads of state take a block: as it was after it, where the node still knows. */
  credit(token: Address, account: Address, block?: bigint): Promise<bigint>;
  bounty(
    id: Hex,
    block?: bigint,
  ): Promise<{
    readonly status: number;
    readonly first: Hex;
    readonly last: Hex;
    readonly disclosed: boolean;
    readonly reservedBy: Address;
    readonly reservedUntil: number;
  }>;
  entryOf(bountyId: Hex, entrant: Address): Promise<{ readonly adapterRoot: Hex; readonly holdsBond: boolean }>;
  claimOf(
    id: Hex,
    block?: bigint,
  ): Promise<{
    readonly bountyId: Hex;
    readonly claimant: Address;
    /** Seconds: acceptFrom while pending, revealBy once accepted, complainBy once revealed. */
    readonly deadline: bigint;
    readonly status: number;
    readonly attesters: number;
    /** Whether these have been credited with their fees. */
    readonly collected: boolean;
    /** Attesters found it invalid under Both. */
    readonly barred: boolean;
    /** Until when demands are taken, seconds: of bundle and trace while pending; of encrypted rows once revealed. */
    readonly demandsBy: bigint;
    readonly openDemands: number;
    readonly openRowDemands: number;
  }>;
  minimumWindow(): Promise<bigint>;
  minimumReaction(): Promise<bigint>;
  events<N extends ContractEventName<typeof bountyEscrowAbi>>(
    name: N,
    args?: Readonly<Record<string, unknown>>,
    fromBlock?: bigint,
  ): Promise<GetContractEventsReturnType<typeof bountyEscrowAbi, N, true>>;
}

/** A paid claim, as `postMilestone` takes it. */
export interface PaidClaim extends ClaimRef {
  readonly terms: Terms;
}

/** An ERC-2612 approval of the reward. */
export interface Permit {
  readonly deadline: bigint;
  readonly v: number;
  readonly r: Hex;
  readonly s: Hex;
}

/** Errors of ERC-6093. */
const tokenErrors = parseAbi([
  'error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed)',
  'error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed)',
]);

const atBlock = (block?: bigint): { blockNumber?: bigint } => (block === undefined ? {} : { blockNumber: block });

/** Native coin that `post` takes: fees, disclosure bond, and a native reward. */
export const postValue = (t: Terms): bigint =>
  t.attesterFee * BigInt(t.threshold) + t.disclosureBond + (BigInt(t.token) === 0n ? t.reward : 0n);

/** Opens an escrow; refuses an address without code. */
export async function openEscrow(chain: Chain, address: Address): Promise<Escrow> {
  const code = await chain.client.getCode({ address });
  if (code === undefined || code === '0x')
    throw new InputError('--escrow', '', `there is no contract at ${address} on chain ${chain.id}`, 'check --escrow and --rpc');
  const abi = bountyEscrowAbi;
  // Errors of checkers and tokens pass through the escrow.
  const withErrors = [...abi, ...[...fraudProofAbi, ...deliveryAbi].filter((item) => item.type === 'error'), ...tokenErrors] as Abi;
  const call = (account: Account, functionName: string, args: readonly unknown[], value = 0n): Promise<Sent> =>
    send(chain, account, functionName, { address, abi: withErrors, functionName, args, value });
  return {
    address,
    chain,
    post: (account, terms) => call(account, 'post', [terms], postValue(terms)),
    postWithPermit: (account, terms, permit) => call(account, 'postWithPermit', [terms, permit], postValue(terms)),
    postMilestone: (account, terms, { terms: previous, claimant, body }) =>
      call(account, 'postMilestone', [terms, previous, claimant, body], postValue(terms)),
    async claim(account, terms, body) {
      const id = bountyId(BigInt(chain.id), address, terms);
      const read = { address, abi } as const;
      const [{ reservedBy, reservedUntil }, { holdsBond }, { timestamp }] = await Promise.all([
        chain.client.readContract({ ...read, functionName: 'bountyOf', args: [id] }),
        chain.client.readContract({ ...read, functionName: 'entryOf', args: [id, account.address] }),
        chain.client.getBlock(),
      ]);
      const reserved = isAddressEqual(reservedBy, account.address) && timestamp < BigInt(reservedUntil);
      return call(account, 'claim', [terms, body], reserved || holdsBond ? 0n : terms.bond);
    },
    attest: (account, terms, claimId, v) => call(account, 'attest', [terms, claimId, v.valid, v.expiry, v.attesters, v.signatures]),
    accept: (account, terms, claimId) => call(account, 'accept', [terms, claimId]),
    lapse: (account, terms, claimId) => call(account, 'lapse', [terms, claimId]),
    release: (account, terms, claimId) => call(account, 'release', [terms, claimId]),
    collect: (account, terms, claimId) => call(account, 'collect', [terms, claimId]),
    commit: (account, commitment) => call(account, 'commit', [commitment]),
    committedAt: (commitment) => chain.client.readContract({ address, abi, functionName: 'committedAt', args: [commitment] }),
    challenge: (account, terms, { claimant, body }, salt, key, accusation) =>
      call(account, 'challenge', [terms, claimant, body, salt, key, accusationAbi(accusation)]),
    demand: (account, terms, claimId, node, key) => call(account, 'demand', [terms, claimId, node, key], terms.demandFee),
    answer: (account, terms, { claimant, body }, node, key, { words, path }) =>
      call(account, 'answer', [terms, claimant, body, node, key, hexes(words), hexes(path)]),
    defaulted: (account, terms, claimId, node) => call(account, 'defaulted', [terms, claimId, node]),
    reclaim: (account, terms, claimId, node) => call(account, 'reclaim', [terms, claimId, node]),
    async demandOf(claimId, node) {
      const d = await chain.client.readContract({ address, abi, functionName: 'demandOf', args: [claimId, node] });
      return { demander: d.demander, answerBy: BigInt(d.answerBy), status: DEMAND_STATUS[d.status] ?? 'none' };
    },
    refund: (account, terms) => call(account, 'refund', [terms]),
    reserve: (account, terms) => call(account, 'reserve', [terms], terms.bond),
    enter: (account, terms, adapterRoot) => call(account, 'enter', [terms, adapterRoot], terms.bond),
    disclose: (account, terms, { digest, salt, uri }) => call(account, 'disclose', [terms, digest, salt, uri]),
    undisclosed: (account, terms) => call(account, 'undisclosed', [terms]),
    releaseEntry: (account, terms, entrant) => call(account, 'releaseEntry', [terms, entrant]),
    reveal: (account, terms, claimant, body, key) => call(account, 'reveal', [terms, claimant, body, key]),
    complain: (account, terms, { claimant, body }, key, complaint) =>
      call(account, 'complain', [terms, claimant, body, key, complaintAbi(complaint)]),
    unrevealed: (account, terms, claimId) => call(account, 'unrevealed', [terms, claimId]),
    settle: (account, terms, claimId) => call(account, 'settle', [terms, claimId]),
    withdraw: (account, token, to) => call(account, 'withdraw', [token, to]),
    credit: (token, account, block) =>
      chain.client.readContract({ address, abi, functionName: 'credits', args: [token, account], ...atBlock(block) }),
    bounty: (id, block) => chain.client.readContract({ address, abi, functionName: 'bountyOf', args: [id], ...atBlock(block) }),
    entryOf: (id, entrant) => chain.client.readContract({ address, abi, functionName: 'entryOf', args: [id, entrant] }),
    async claimOf(id, block) {
      const record = await chain.client.readContract({ address, abi, functionName: 'claimOf', args: [id], ...atBlock(block) });
      return { ...record, deadline: BigInt(record.deadline), demandsBy: BigInt(record.demandsBy) };
    },
    minimumWindow: () => chain.client.readContract({ address, abi, functionName: 'MINIMUM_WINDOW' }),
    minimumReaction: () => chain.client.readContract({ address, abi, functionName: 'MINIMUM_REACTION' }),
    async events(eventName, args = {}, fromBlock = 0n) {
      const scan = (from: bigint, to: bigint): Promise<unknown[]> =>
        chain.client.getContractEvents({ address, abi, eventName, args, fromBlock: from, toBlock: to, strict: true } as never);
      try {
        return (await overRanges(fromBlock, await chain.client.getBlockNumber(), scan)) as never;
      } catch (e) {
        throw readable(e, 'events');
      }
    },
  };
}

/** Announces a card's digest in the registry. */
export const publishCard = (
  chain: Chain,
  account: Account,
  registry: Address,
  subject: keyof typeof SUBJECT,
  digest: Hex,
  uri: string,
): Promise<Sent> =>
  send(chain, account, 'publish', {
    address: registry,
    abi: commitmentRegistryAbi as Abi,
    functionName: 'publish',
    args: [SUBJECT[subject], digest, uri],
  });

export const BOUNTY_STATUS = ['none', 'open', 'paid', 'refunded'] as const;
export const CLAIM_STATUS = ['none', 'pending', 'accepted', 'revealed', 'paid', 'rejected', 'superseded', 'released'] as const;

/** Announces a card if the options name a registry; the transaction's hash, or null. */
export async function announce(options: RegistryOptions, subject: 'model' | 'data', digest: Hex): Promise<Hash | null> {
  const { registry } = options;
  if (registry === undefined) return null;
  return withChain(
    options.rpc,
    async (chain) => (await publishCard(chain, await signingAccount(), registry, subject, digest, options.uri)).hash,
  );
}
