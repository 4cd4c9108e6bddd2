/** Runs a party's keeper over a chain: the node may be away at first, and at any time. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LocalAccount } from 'viem';
import { InputError } from '../../../verifier/input.ts';
import { connect, openEscrow, type Chain, type Escrow, type Sent } from '../chain.ts';
import type { Posting } from '../package.ts';
import { chainView } from '../service/chain-view.ts';
import { lock } from '../service/lock.ts';
import { backoff } from '../stores/retry.ts';
import type { Duty, Plan } from './duties.ts';
import { keep, type Kept, type KeepEvent } from './keeper.ts';
import { openOutbox } from './outbox.ts';
import { postedIn, readView, type View } from './view.ts';

/** What a party does, from a view of the chain. */
export interface Keeping {
  plan(view: View): Plan;
  perform(escrow: Escrow, view: View, duty: Duty): Promise<Sent | string>;
}

export interface PartyOptions {
  readonly rpc: string;
  readonly posting: Posting & { readonly id: `0x${string}` };
  readonly account: LocalAccount;
  readonly party: Keeping;
  /** `contributor` or `poster`. */
  readonly role: string;
  /** Folder of outbox and lock. */
  readonly state: string;
  /** Seconds. */
  readonly every: number;
  readonly once: boolean;
  readonly confirmations?: number;
  readonly say: (event: KeepEvent) => void;
  readonly signal: AbortSignal;
}

/** Connects, again and again unless once; null when stopped before. Errors: another chain than the bounty's. */
async function reach({ rpc, posting, once, say, signal }: PartyOptions): Promise<Chain | null> {
  for (let failures = 0; !signal.aborted;) {
    try {
      const chain = await connect(rpc);
      if (chain.id === posting.chainId) return chain;
      chain.close();
      throw new RangeError(`is ${posting.chainId}, the node’s chain is ${chain.id}`);
    } catch (e) {
      if (e instanceof RangeError) throw new InputError('bounty.json', 'chainId', e.message, 'give the right node with --rpc');
      if (once) throw e;
      if (failures++ === 0) say({ event: 'chain', text: `${(e as Error).message}; trying again` });
      await sleep(backoff(failures, 1000, 60_000), undefined, { signal }).catch(() => {});
    }
  }
  return null;
}

/** Keeps until the signal is aborted or nothing is left to come. Errors: another process keeps the same; wrong files. */
export async function keepParty(options: PartyOptions): Promise<Kept> {
  const { posting, account, party, role, state, say, signal } = options;
  const base = join(state, `${role}-${posting.id}-${account.address.toLowerCase()}`);
  const unlock = lock(`${base}.lock`, `keeping this bounty’s ${role} ${account.address}`);
  let chain: Chain | null = null;
  try {
    chain = await reach(options);
    if (chain === null) return { sent: [], over: false, failing: [] };
    const outbox = openOutbox(`${base}.json`, chain, account);
    let escrow: Escrow | null = null;
    let from: bigint | null = null;
    let view: View | null = null;
    const { head } = chainView({ chain } as Escrow, posting.id, options.confirmations, (text) => say({ event: 'chain', text }));
    const own: Chain = { ...chain, submit: outbox.submit };
    const parts = {
      async look() {
        const mined = await outbox.settle();
        escrow ??= await openEscrow(own, posting.escrow);
        const now = await head();
        if (now.number < outbox.floor) throw new Error(`the node is behind: it does not have block ${outbox.floor} yet`);
        from ??= await postedIn(escrow, posting.id);
        if (from === null) throw new Error(`bounty ${posting.id} is not posted at ${posting.escrow}`);
        view = await readView({ escrow, head: async () => now, bounty: posting, account: account.address }, from);
        return { plan: party.plan(view), mined, head: view.head, settled: view.settled };
      },
      perform: (duty: Duty) => party.perform(escrow as Escrow, view as View, duty),
      say,
      every: 1000 * options.every,
      once: options.once,
    };
    return await keep(parts, signal);
  } finally {
    chain?.close();
    unlock();
  }
}
