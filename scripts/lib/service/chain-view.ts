/** What the verifier service asks of the chain: few questions, so that tests can answer them, and answers that a reorganisation does not undo. */
import { BaseError } from 'viem';
import { bountyEscrowAbi } from '../../../deploy/artifacts.ts';
import { InputError, type Hex } from '../../../verifier/input.ts';
import { claimId } from '../../../verifier/statement.ts';
import type { PostedClaim } from '../bounties.ts';
import { CLAIM_STATUS, type Escrow } from '../chain.ts';
import { LOCAL_CHAIN_ID } from '../local-chain.ts';
import { unreachable } from '../sending.ts';
import type { BlockRef } from './cursor.ts';

export type SeenClaim = Pick<PostedClaim, 'id' | 'claimant' | 'body' | 'acceptFrom' | 'block'>;

export interface Head {
  readonly number: bigint;
  /** Seconds. */
  readonly time: bigint;
  /** The newest block that stays. */
  readonly settled: bigint;
}

/** The node refuses so many blocks, or logs, at once. */
export class TooWide extends Error {}

export interface ChainView {
  head(): Promise<Head>;
  /** Null: the node does not have it (yet). */
  block(number: bigint): Promise<BlockRef | null>;
  /** Claims of the bounty in blocks from … to. Errors: TooWide; InputError if the contract is not Fineproof's. */
  claims(from: bigint, to: bigint): Promise<readonly SeenClaim[]>;
  /** A claim at the head; `attested`: there is a verdict, a valid one or not. */
  state(claim: Hex): Promise<{ readonly status: PostedClaim['status']; readonly attested: boolean }>;
}

/** Blocks behind the head that count as settled on chains without finality. */
export const CONFIRMATIONS = 64;

/** What nodes say that don't know the tag. */
const NO_FINALITY = new Set(['BlockNotFoundError', 'InvalidParamsRpcError', 'InvalidInputRpcError', 'InvalidRequestRpcError']);

/** `confirmations`: blocks behind the head that count as settled; missing: what the node calls finalized. */
export function chainView(escrow: Escrow, bounty: Hex, confirmations?: number, notice: (text: string) => void = () => {}): ChainView {
  const { client, id } = escrow.chain;
  // A node that has known finality once is not believed when it forgets it.
  let mode: 'unknown' | 'finalized' | bigint = confirmations === undefined ? 'unknown' : BigInt(confirmations);
  const finalized = async (): Promise<bigint | null> => {
    try {
      return (await client.getBlock({ blockTag: 'finalized' })).number;
    } catch (e) {
      if (mode === 'finalized' || !(e instanceof BaseError) || e.walk((x) => NO_FINALITY.has((x as Error).name)) === null) throw e;
      return null;
    }
  };
  return {
    async head() {
      const latest = await client.getBlock();
      let settled: bigint;
      const final = typeof mode === 'bigint' ? null : await finalized();
      if (final !== null) {
        mode = 'finalized';
        settled = final;
      } else {
        if (typeof mode !== 'bigint') {
          mode = BigInt(id === LOCAL_CHAIN_ID ? 0 : CONFIRMATIONS);
          notice(`the node knows no finalized block: blocks count as settled ${mode} blocks behind the head (--confirmations)`);
        }
        settled = latest.number - mode;
      }
      return { number: latest.number, time: latest.timestamp, settled };
    },
    async block(number) {
      try {
        const { hash } = await client.getBlock({ blockNumber: number });
        return { number, hash };
      } catch (e) {
        if (e instanceof BaseError && e.name === 'BlockNotFoundError') return null;
        throw e;
      }
    },
    async claims(fromBlock, toBlock) {
      const events = await client
        .getContractEvents({
          address: escrow.address,
          abi: bountyEscrowAbi,
          eventName: 'Claimed',
          args: { bountyId: bounty },
          fromBlock,
          toBlock,
          strict: true,
        })
        .catch((e: unknown) => {
          throw unreachable(e) ? e : new TooWide(e instanceof BaseError ? e.shortMessage : String(e));
        });
      return events.map(({ args, blockNumber }) => {
        const { claimId: said, bountyId: of, claimant, body, acceptFrom } = args;
        if (of !== bounty || claimId(of, claimant, body) !== said)
          throw new InputError('Claimed', 'claimId', `${said} does not fit its body`, 'the contract at --escrow is not Fineproof’s');
        return { id: said, claimant, body, acceptFrom: BigInt(acceptFrom), block: blockNumber };
      });
    },
    async state(claim) {
      const { status, attesters, barred } = await escrow.claimOf(claim);
      return { status: CLAIM_STATUS[status] ?? 'none', attested: attesters !== 0 || barred };
    },
  };
}
