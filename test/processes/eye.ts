/** How the operators of a trial see the chain: its state at the head and what of it is final. A chain that is down shows nothing (null). */
import { createPublicClient, http, type Address } from 'viem';
import { bountyEscrowAbi } from '../../deploy/artifacts.ts';
import type { Hex } from '../../verifier/input.ts';
import { BOUNTY_STATUS, CLAIM_STATUS } from '../../scripts/lib/chain.ts';

const NATIVE = '0x0000000000000000000000000000000000000000';

export interface SeenClaim {
  readonly id: Hex;
  readonly claimant: Address;
  readonly status: (typeof CLAIM_STATUS)[number];
  readonly attested: boolean;
  /** Bit i is set if signer i of the terms signed the valid verdict. */
  readonly attesters: number;
  /** Their fees wait to be collected. */
  readonly collectable: boolean;
  readonly barred: boolean;
  readonly deadline: number;
  readonly openDemands: number;
}

export interface Seen {
  /** Time of the head, seconds. */
  readonly now: number;
  readonly status: (typeof BOUNTY_STATUS)[number];
  /** Status in the newest final block. */
  readonly final: (typeof BOUNTY_STATUS)[number];
  readonly claims: readonly SeenClaim[];
  /** First live claim of the queue, or 0. */
  readonly first: Hex;
  /** Wei that the escrow holds; in the newest final block too. */
  readonly held: readonly [bigint, bigint];
}

export interface Eye {
  look(bounty: Hex): Promise<Seen | null>;
  credit(account: Address): Promise<bigint | null>;
}

/** Milliseconds that a look serves. */
const FRESH = 400;

export function openEye(url: string, escrow: Address): Eye {
  const client = createPublicClient({ transport: http(url, { retryCount: 0, timeout: 5000 }), cacheTime: 0 });
  const read = { address: escrow, abi: bountyEscrowAbi } as const;
  const orNull = async <T>(job: () => Promise<T>): Promise<T | null> => {
    try {
      return await job();
    } catch {
      return null;
    }
  };
  const see = (bounty: Hex): Promise<Seen | null> =>
    orNull(async () => {
      const [head, final] = await Promise.all([client.getBlock(), client.getBlock({ blockTag: 'finalized' })]);
      const record = (blockNumber: bigint) => client.readContract({ ...read, functionName: 'bountyOf', args: [bounty], blockNumber });
      const [now, then] = await Promise.all([record(head.number), record(final.number)]);
      const events = await client.getContractEvents({
        ...read,
        eventName: 'Claimed',
        args: { bountyId: bounty },
        fromBlock: 0n,
        toBlock: head.number,
        strict: true,
      });
      const claims = await Promise.all(
        events.map(async ({ args: { claimId: id, claimant } }): Promise<SeenClaim> => {
          const c = await client.readContract({ ...read, functionName: 'claimOf', args: [id], blockNumber: head.number });
          const { attesters, barred, openDemands } = c;
          const status = CLAIM_STATUS[c.status] ?? 'none';
          // Escrows before `collect` credited fees with the payment.
          const collectable = status === 'paid' && attesters !== 0 && (c as { readonly collected?: boolean }).collected === false;
          return { id, claimant, status, attested: attesters !== 0, attesters, collectable, barred, deadline: c.deadline, openDemands };
        }),
      );
      const held = [head.number, final.number].map((blockNumber) => client.getBalance({ address: escrow, blockNumber }));
      return {
        now: Number(head.timestamp),
        status: BOUNTY_STATUS[now.status] ?? 'none',
        final: BOUNTY_STATUS[then.status] ?? 'none',
        claims,
        first: now.first,
        held: (await Promise.all(held)) as [bigint, bigint],
      };
    });
  // All scripts look; the chain is asked a few times a second.
  let last: { readonly bounty: Hex; readonly at: number; readonly look: Promise<Seen | null> } | null = null;
  return {
    look(bounty) {
      if (last === null || last.bounty !== bounty || performance.now() - last.at > FRESH)
        last = { bounty, at: performance.now(), look: see(bounty) };
      return last.look;
    },
    credit: (account) => orNull(() => client.readContract({ ...read, functionName: 'credits', args: [NATIVE, account] })),
  };
}
