/**
 * The watchtower: doubts every claim of a bounty once, and goes on with those whose data it had to ask for. It remembers in a file from which block on to
 * look, and which claims are right; what it has under way is on the chain.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { canonicalJson, decodeCanonical, hexBytes, InputError, type Hex } from '../../verifier/input.ts';
import { listClaims } from './bounties.ts';
import { doubtClaim, mayGoOn, type Doubt, type Doubter } from './doubt.ts';
import { readBounded, writeAtomic } from './files.ts';

/** Most claims that a file remembers; those of older blocks are forgotten, because they are not looked at again. */
const MAX_CLAIMS = 100_000;

const cursorSchema = z.strictObject({
  version: z.literal(1),
  bounty: hexBytes(32),
  /** First block whose claims are looked at. */
  from: z.int().min(0),
  /** Claims since then that need no second look. */
  done: z.array(hexBytes(32)).max(MAX_CLAIMS),
});
type Cursor = z.infer<typeof cursorSchema>;

/** Blocks that are read again, since a reorganisation may bring other claims. */
const REORGANISED = 64n;

export interface Watch {
  readonly doubter: Doubter;
  readonly bounty: Hex;
  /** Folder of cursors, one file a bounty. */
  readonly cursors: string;
  /** What claims wait for, by id. */
  readonly waiting: Map<Hex, Doubt & { readonly state: 'waiting' }>;
}

export interface Watched {
  readonly claim: Hex;
  /** Null: it failed for the reason, and is tried again. */
  readonly doubt: Doubt | null;
  readonly reason: string;
}

const cursorPath = (watch: Watch): string => join(watch.cursors, `${watch.bounty}.json`);

function readCursor(watch: Watch): Cursor {
  const path = cursorPath(watch);
  if (!existsSync(path)) return { version: 1, bounty: watch.bounty, from: 0, done: [] };
  const cursor = decodeCanonical(cursorSchema, readBounded(path, 1 << 24), path, { size: 1 << 24, depth: 8 });
  if (cursor.bounty !== watch.bounty) throw new InputError(path, 'bounty', 'is another bounty', 'delete the file');
  return cursor;
}

/** Looks at every claim that needs it, once. */
export async function watchOnce(watch: Watch): Promise<Watched[]> {
  const { doubter, waiting } = watch;
  const { escrow } = doubter;
  const cursor = readCursor(watch);
  const done = new Set(cursor.done);
  const head = await escrow.chain.client.getBlockNumber();
  const claims = await listClaims(escrow, watch.bounty, BigInt(cursor.from));
  const seen: Watched[] = [];
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
    seen.push({ claim: claim.id, doubt, reason });
    if (doubt?.state === 'waiting') waiting.set(claim.id, doubt);
    // What is withheld may be published later, and what failed may work.
    else if (doubt !== null && doubt.state !== 'withheld') done.add(claim.id);
  }
  const open = claims.filter((claim) => !done.has(claim.id)).map((claim) => claim.block);
  const from = [...open, head > REORGANISED ? head - REORGANISED : 0n].reduce((least, block) => (block < least ? block : least));
  const remembered = claims.filter((claim) => done.has(claim.id) && claim.block >= from).map((claim) => claim.id);
  writeAtomic(cursorPath(watch), canonicalJson({ ...cursor, from: Number(from), done: remembered }));
  return seen;
}
