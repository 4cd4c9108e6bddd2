/**
 * The verifier service: reads claims from settled blocks, one range after the other, and deals with one claim at a time until the chain shows
 * that it has ended. What is remembered across restarts is the cursor alone: it stays before the oldest claim that is not dealt with,
 * so a restart reads that claim again, and decisions on disk (verdict-records.ts) keep it from a second verdict.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { InputError, type Hex } from '../../../verifier/input.ts';
import type { Judged } from '../attester.ts';
import type { Sent } from '../chain.ts';
import { backoff } from '../stores/retry.ts';
import type { VerdictRecord } from '../verdict-records.ts';
import { TooWide, type ChainView, type Head, type SeenClaim } from './chain-view.ts';
import { readCursor, writeCursor, type BlockRef } from './cursor.ts';
import type { Health } from './health.ts';
import type { Metrics, RETRIES } from './metrics.ts';

export interface WatcherParts {
  readonly view: ChainView;
  readonly judge: (claim: SeenClaim, signal: AbortSignal) => Promise<Judged>;
  /** Null: other signatures are missing. */
  readonly send: (claim: Hex, record: VerdictRecord) => Promise<Sent | null>;
  /** File of the cursor. */
  readonly cursor: string;
  /** First block to read, without a cursor. */
  readonly from: bigint;
  /** Milliseconds between two looks at the chain. */
  readonly every: number;
  readonly metrics: Metrics;
  readonly log: (line: string) => void;
  /** Milliseconds; for the schedule. */
  readonly clock?: () => number;
}

export interface Watcher {
  /** Works until the signal is aborted. Errors: InputError that no retry can mend. */
  run(signal: AbortSignal): Promise<void>;
  /** Reads what is new. Errors: the node's. */
  poll(): Promise<void>;
  /** Deals with the claim whose turn it is; false if there is none. */
  step(signal: AbortSignal): Promise<boolean>;
  health(): Health;
}

interface Open {
  readonly claim: SeenClaim;
  failures: number;
  /** Clock at which its turn comes. */
  due: number;
  /** Block at which its end was seen first; it is over when that block is settled and the end still stands. */
  endedAt: bigint | null;
  judged: boolean;
}

/** Claims held in memory; further blocks are read when there is room. */
const MOST_OPEN = 1000;
const WIDEST = 50_000n;
/** Seconds before a claim's window ends after which no verdict would be mined in time. */
const MARGIN = 30n;
/** Milliseconds: the first wait after a failure, the longest, and the one for other attesters or for an end to settle. */
const WAIT = { first: 2_000, most: 300_000, others: 15_000 };
/** Seconds after which the work on a claim is held to hang. */
const HANGS = 3600;

/** The promise, or the signal's reason where that comes first: a node that hangs does not hold up the end. */
const until = <T>(signal: AbortSignal, promise: Promise<T>): Promise<T> =>
  new Promise((done, fail) => {
    const stop = (): void => fail(signal.reason as Error);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    void promise.then(done, fail).finally(() => signal.removeEventListener('abort', stop));
  });

const text = (e: unknown): string => (e instanceof Error ? e.message.split('\n')[0] : String(e)) as string;

export function createWatcher(parts: WatcherParts): Watcher {
  const { view, metrics, log, every } = parts;
  /** Seconds without a look at the chain that are no reason to worry. */
  const patience = (3 * every) / 1000 + 30;
  const clock = parts.clock ?? (() => performance.now());
  const open = new Map<Hex, Open>();
  let saved = readCursor(parts.cursor);
  /** The last block read; null: none. */
  let read: BlockRef | null = saved;
  let width = 2_000n;
  let head: Head | null = null;
  let reached = clock();
  let failing: string | null = 'the node has not been asked yet';
  let working: { readonly claim: Hex; readonly since: number } | null = null;

  /** The cursor, before the oldest open claim. */
  async function save(): Promise<void> {
    let target = read;
    for (const { claim } of open.values())
      if (target !== null && claim.block <= target.number) target = claim.block === 0n ? null : { number: claim.block - 1n, hash: '0x' };
    if (target === null || target.number < parts.from || target.number === saved?.number) return;
    const ref = target === read ? read : await view.block(target.number);
    if (ref === null) return;
    writeCursor(parts.cursor, ref);
    saved = ref;
  }

  /** Starts again when the block read last is no longer on the chain. */
  async function checkRead(now: Head): Promise<void> {
    if (read === null) return;
    const there = read.number > now.number ? null : await view.block(read.number);
    if (there === null) throw new Error(`the node is behind: it does not have block ${read.number} yet`);
    if (there.hash === read.hash) return;
    log(`block ${read.number} was reorganised: reading from block ${parts.from} again; verdicts that are decided stay as they are`);
    metrics.reorgs++;
    open.clear();
    read = saved = null;
  }

  async function readOn(now: Head): Promise<void> {
    while (open.size < MOST_OPEN) {
      const from = read === null ? parts.from : read.number + 1n;
      if (from > now.settled) return;
      const to = from + width - 1n < now.settled ? from + width - 1n : now.settled;
      const before = await view.block(to);
      let claims: readonly SeenClaim[];
      try {
        claims = await view.claims(from, to);
      } catch (e) {
        if (!(e instanceof TooWide) || width === 1n) throw e;
        width = width / 2n;
        continue;
      }
      const after = await view.block(to);
      if (before === null || before.hash !== after?.hash) throw new Error(`block ${to} changed while it was read`);
      read = after;
      width = width * 2n < WIDEST ? width * 2n : WIDEST;
      for (const claim of claims) {
        if (open.has(claim.id)) continue;
        metrics.claimsSeen++;
        open.set(claim.id, { claim, failures: 0, due: clock(), endedAt: null, judged: false });
      }
      metrics.lastBlock = to;
    }
  }

  async function poll(): Promise<void> {
    const now = await view.head();
    await checkRead(now);
    await readOn(now);
    await save();
    head = now;
    reached = clock();
    failing = null;
    metrics.headBlock = now.number;
    metrics.pending = open.size;
    metrics.lastPoll = Math.floor(Date.now() / 1000);
  }

  const later = (o: Open, wait: number): void => void (o.due = clock() + wait);
  function failed(o: Open, what: (typeof RETRIES)[number], why: string): void {
    metrics.retries[what]++;
    o.failures++;
    if (o.failures <= 3 || o.failures % 20 === 0) log(`claim ${o.claim.id}: ${why}; tried again (${o.failures})`);
    later(o, backoff(o.failures, WAIT.first, WAIT.most));
  }

  /** Whether there is nothing left to do for a claim, at least for now. */
  async function over(o: Open, now: Head, signal: AbortSignal): Promise<boolean> {
    const { id, acceptFrom } = o.claim;
    const { status, attested } = await until(signal, view.state(id));
    if (status === 'pending' && !attested) {
      o.endedAt = null;
      if (now.time + MARGIN < acceptFrom) return false;
      metrics.missed++;
      log(`claim ${id}: its window ended without ${o.judged ? 'enough signatures' : 'a verdict of this attester'}`);
      open.delete(id);
      return true;
    }
    // Its block is settled, so a node that does not know it lags behind.
    if (status === 'none') o.endedAt = null;
    else o.endedAt ??= now.number;
    if (o.endedAt !== null && now.settled >= o.endedAt) open.delete(id);
    else later(o, WAIT.others);
    return true;
  }

  async function attend(o: Open, now: Head, signal: AbortSignal): Promise<void> {
    const { id } = o.claim;
    let what: (typeof RETRIES)[number] = 'chain';
    try {
      if (await over(o, now, signal)) return;
      what = 'machine';
      const { record, reason, seconds } = await parts.judge(o.claim, signal);
      if (record === null) return failed(o, 'bundle', reason);
      if (!o.judged) {
        o.judged = true;
        log(`claim ${id}: ${record.valid ? 'valid' : 'INVALID'} (${reason}; ${seconds.toFixed(1)} s)`);
        if (seconds > 0) {
          metrics.verified(seconds);
          metrics[record.valid ? 'valid' : 'invalid']++;
        }
      }
      what = 'send';
      const sent = await until(signal, parts.send(id, record));
      o.failures = 0;
      later(o, WAIT.others);
      if (sent === null) return;
      metrics.sent++;
      o.endedAt = sent.block;
      log(`claim ${id}: sent in ${sent.hash}`);
    } catch (e) {
      if (!signal.aborted) failed(o, what, text(e));
    }
  }

  async function step(signal: AbortSignal): Promise<boolean> {
    const now = head;
    const time = clock();
    let next: Open | null = null;
    // Whoever waits longest: neither failures nor a stream of new claims keep one from its turn.
    for (const o of open.values()) if (o.due <= time && (next === null || o.due < next.due)) next = o;
    if (now === null || next === null || signal.aborted) return false;
    working = { claim: next.claim.id, since: time };
    try {
      await attend(next, now, signal);
    } finally {
      working = null;
      metrics.pending = open.size;
    }
    return true;
  }

  return {
    poll,
    step,
    async run(signal) {
      const pause = (ms: number): Promise<void> => sleep(ms, undefined, { signal }).catch(() => {});
      let failures = 0;
      while (!signal.aborted) {
        try {
          await until(signal, poll());
          if (failures > 0) log(`the node answers again, after ${failures} failures`);
          failures = 0;
        } catch (e) {
          if (signal.aborted) break;
          if (e instanceof InputError) throw e;
          metrics.retries.chain++;
          failing = text(e);
          if (failures++ === 0) log(`the chain cannot be read: ${failing}; trying again`);
          await pause(backoff(failures, Math.min(every, 1000), 60_000));
          continue;
        }
        if (!(await step(signal))) await pause(every);
      }
    },
    health() {
      const now = clock();
      const age = (now - reached) / 1000;
      const busy = working === null ? 0 : (now - working.since) / 1000;
      const stale = head === null || (working === null && age > patience);
      const why = failing === null ? '' : `: ${failing}`;
      const reason =
        working !== null && busy > HANGS
          ? `busy with claim ${working.claim} for ${Math.round(busy)} s`
          : stale
            ? `the chain was not read for ${Math.round(age)} s${why}`
            : 'ok';
      return {
        ok: reason === 'ok',
        reason,
        lastPollSeconds: Math.round(age),
        chainReachable: failing === null,
        block: read === null ? null : Number(read.number),
        pending: open.size,
        working: working?.claim ?? null,
      };
    },
  };
}
