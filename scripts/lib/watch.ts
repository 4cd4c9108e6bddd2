/**
 * The watchtower: doubts every claim of a bounty once, and goes on with those whose data it had to ask for. It remembers in a file from which block on to
 * look, which claims are right, and which have ended; what it has under way is on the chain. An end that a reorganisation may undo is no end: it is looked
 * at again until the block in which it was seen first is settled.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { canonicalJson, decodeCanonical, hexBytes, InputError, type Hex } from '../../verifier/input.ts';
import { listClaims } from './bounties.ts';
import { BOUNTY_STATUS } from './chain.ts';
import { doubtClaim, mayGoOn, type Doubt, type Doubter } from './doubt.ts';
import { readBounded, writeAtomic } from './files.ts';
import type { ChainView } from './service/chain-view.ts';

/** Most claims that a file remembers; those of older blocks are forgotten, because they are not looked at again. */
const MAX_CLAIMS = 100_000;
const MAX_FILE = 1 << 24;

const cursorSchema = z.strictObject({
  version: z.literal(1),
  bounty: hexBytes(32),
  /** First block whose claims are looked at. */
  from: z.int().min(0),
  /** Claims since then that need no second look. */
  done: z.array(hexBytes(32)).max(MAX_CLAIMS),
  /** Claims whose end is not settled yet, and the block in which it was seen first. */
  ended: z.array(z.strictObject({ claim: hexBytes(32), block: z.int().min(0) })).max(MAX_CLAIMS),
});
type Cursor = z.infer<typeof cursorSchema>;

export interface Watch {
  readonly doubter: Doubter;
  readonly head: ChainView['head'];
  readonly bounty: Hex;
  /** Folder of cursors, one file a bounty. */
  readonly cursors: string;
  /** What claims wait for, by id. */
  readonly waiting: Map<Hex, Doubt & { readonly state: 'waiting' }>;
  /** Block in which the bounty was first seen to be over; null while it is not. */
  overSince: bigint | null;
}

/** How a bounty has ended, and a claim, if it has. */
const OVER: readonly (typeof BOUNTY_STATUS)[number][] = ['paid', 'refunded'];
const END: readonly Doubt['state'][] = ['challenged', 'defaulted', 'over'];

export interface Watched {
  readonly claim: Hex;
  /** Null: it failed for the reason, and is tried again. */
  readonly doubt: Doubt | null;
  readonly reason: string;
}

const cursorPath = (watch: Watch): string => join(watch.cursors, `${watch.bounty}.json`);

function readCursor(watch: Watch): Cursor {
  const path = cursorPath(watch);
  if (!existsSync(path)) return { version: 1, bounty: watch.bounty, from: 0, done: [], ended: [] };
  const cursor = decodeCanonical(cursorSchema, readBounded(path, MAX_FILE), path, { size: MAX_FILE, depth: 8 });
  if (cursor.bounty !== watch.bounty) throw new InputError(path, 'bounty', 'is another bounty', 'delete the file');
  return cursor;
}

/** Looks at every claim that needs it, once; `over`: nothing is left to come. Errors: the node's. */
export async function watchOnce(watch: Watch): Promise<{ readonly seen: readonly Watched[]; readonly over: boolean }> {
  const { doubter, waiting } = watch;
  const { escrow } = doubter;
  const cursor = readCursor(watch);
  const done = new Set(cursor.done);
  const ended = new Map(cursor.ended.map(({ claim, block }) => [claim, BigInt(block)]));
  const { settled } = await watch.head();
  const claims = await listClaims(escrow, watch.bounty, BigInt(cursor.from));
  const seen: Watched[] = [];
  /** Claims that ended since the last look. */
  const fresh: Hex[] = [];
  for (const claim of claims) {
    if (done.has(claim.id)) continue;
    const before = waiting.get(claim.id);
    let doubt: Doubt | null = null;
    let reason = '';
    try {
      if (before !== undefined && !(await mayGoOn(doubter, claim.id, before))) continue;
      waiting.delete(claim.id);
      doubt = await doubtClaim(doubter, claim);
    } catch (e) {
      reason = e instanceof Error ? e.message : String(e);
    }
    const since = ended.get(claim.id);
    if (since === undefined || doubt?.state !== 'over') seen.push({ claim: claim.id, doubt, reason });
    // What is withheld may be published later, what failed may work, and what a node does not know another may.
    if (doubt === null || doubt.state === 'withheld' || doubt.state === 'unseen') continue;
    if (doubt.state === 'waiting') waiting.set(claim.id, doubt);
    // No later block makes it false.
    if (doubt.state === 'right') done.add(claim.id);
    if (!END.includes(doubt.state)) ended.delete(claim.id);
    else if (since === undefined || doubt.state !== 'over') fresh.push(claim.id);
    else if (since <= settled) done.add(claim.id);
  }
  const { status } = await escrow.bounty(watch.bounty);
  // Asked last: what was seen, or sent, may be in a later block than the head was at first.
  const { number: head } = await watch.head();
  for (const id of fresh) ended.set(id, head);
  watch.overSince = OVER.includes(BOUNTY_STATUS[status] ?? 'none') ? (watch.overSince ?? head) : null;
  const open = claims.filter((claim) => !done.has(claim.id));
  // What is not settled is read again, since a reorganisation may bring other claims.
  const from = open.reduce((least, { block }) => (block < least ? block : least), settled > 0n ? settled : 0n);
  const next: Cursor = {
    ...{ version: 1, bounty: watch.bounty, from: Number(from) },
    done: claims.filter((claim) => done.has(claim.id) && claim.block >= from).map((claim) => claim.id),
    ended: open.flatMap(({ id }) => (ended.has(id) ? [{ claim: id, block: Number(ended.get(id)) }] : [])),
  };
  writeAtomic(cursorPath(watch), canonicalJson(next));
  return { seen, over: watch.overSince !== null && watch.overSince <= settled };
}
