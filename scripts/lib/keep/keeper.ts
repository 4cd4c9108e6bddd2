/**
 * Keeping: looks at the chain, does the most urgent duty, looks again. What is done is never remembered but read from the chain, so the process may
 * be killed at any moment and started again; what was signed and not seen to be mined lies in the outbox. It ends when nothing is left to come, and the
 * block in which that was seen first is settled.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sent } from '../chain.ts';
import { backoff } from '../stores/retry.ts';
import { dutyText, type Duty, type Plan } from './duties.ts';
import { UnderWay } from '../sending.ts';
import type { Mined } from './outbox.ts';

/** What happened; `duty` is its text. */
export type KeepEvent =
  | { readonly event: 'sent'; readonly duty: string; readonly transaction: string; readonly gas: bigint; readonly block: bigint }
  | { readonly event: 'done'; readonly duty: string; readonly text: string }
  | { readonly event: 'failed'; readonly duty: string; readonly reason: string; readonly failures: number }
  | { readonly event: 'note'; readonly text: string }
  | { readonly event: 'chain'; readonly text: string };

/** A look at the chain. */
export interface Look {
  readonly plan: Plan;
  /** What was mined of an earlier duty's transaction, if the look found that. */
  readonly mined: Mined | null;
  readonly head: bigint;
  readonly settled: bigint;
}

export interface KeeperParts {
  /** Ends what is under way, then reads. Errors: the node's; UnderWay. */
  look(): Promise<Look>;
  /** The transaction, or what work on this machine came to. Errors: UnderWay, if the transaction is not mined yet. */
  perform(duty: Duty): Promise<Sent | string>;
  say(event: KeepEvent): void;
  /** Milliseconds between two looks. */
  readonly every: number;
  /** Does what is due, and ends. */
  readonly once: boolean;
  /** Milliseconds; for the schedule. */
  readonly clock?: () => number;
}

export interface Kept {
  readonly sent: readonly { readonly duty: string; readonly transaction: string; readonly gas: bigint }[];
  /** Whether nothing is left to come. */
  readonly over: boolean;
  /** Duties that failed and stayed due. */
  readonly failing: readonly { readonly duty: string; readonly reason: string }[];
}

/** Milliseconds: the first wait after a failure, and the longest. */
const WAIT = { first: 1_000, most: 60_000 };
/** Milliseconds that a transaction may be under way before `once` ends without it. */
const ONCE_WAITS = 600_000;
/** Most transactions that the report at the end has. */
const SHOWN = 1000;

const text = (e: unknown): string => (e instanceof Error ? e.message.split('\n')[0] : String(e)) as string;

/** The promise, or the signal's reason where that comes first. */
const until = <T>(signal: AbortSignal, promise: Promise<T>): Promise<T> =>
  new Promise((done, fail) => {
    const stop = (): void => fail(signal.reason as Error);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    void promise.then(done, fail).finally(() => signal.removeEventListener('abort', stop));
  });

/** Works until the signal is aborted, or nothing is left to come. Errors: with `once`, what the first look meets, and a transaction that is not mined. */
export async function keep(parts: KeeperParts, signal: AbortSignal): Promise<Kept> {
  const { say, every, once } = parts;
  const clock = parts.clock ?? (() => performance.now());
  const sent: Kept['sent'][number][] = [];
  const failing = new Map<string, { failures: number; due: number; reason: string }>();
  const noted = new Set<string>();
  const pause = (ms: number): Promise<void> => sleep(ms, undefined, { signal }).catch(() => {});
  const most = Math.max(WAIT.first, Math.min(WAIT.most, 6 * every));
  let away = 0;
  let overSince: bigint | null = null;
  let over = false;
  /** The transaction that was told of last. */
  let told: string | null = null;
  /** Since when a transaction is under way, by the clock, and what was said of it; null: none is. */
  let waiting: { readonly since: number; said: string } | null = null;
  /** Says what is under way, once each. */
  const wait = async (e: UnderWay): Promise<void> => {
    waiting ??= { since: clock(), said: '' };
    if (waiting.said !== e.message) say({ event: 'chain', text: e.message });
    waiting.said = e.message;
    if (once && clock() - waiting.since > ONCE_WAITS) throw e;
    await pause(Math.min(every, 1000));
  };
  const note = (duty: string, { hash, gas, block }: Sent): void => {
    told = hash;
    sent.push({ duty, transaction: hash, gas });
    if (sent.length > SHOWN) sent.shift();
    say({ event: 'sent', duty, transaction: hash, gas, block });
  };

  while (!signal.aborted) {
    let looked: Look;
    try {
      looked = await until(signal, parts.look());
      if (away > 0) say({ event: 'chain', text: `the node answers again, after ${away} failures` });
      away = 0;
    } catch (e) {
      if (signal.aborted) break;
      if (e instanceof UnderWay) {
        await wait(e);
        continue;
      }
      if (once) throw e;
      if (away++ === 0) say({ event: 'chain', text: `the chain cannot be read: ${text(e)}; trying again` });
      await pause(backoff(away, Math.min(every, WAIT.first), most));
      continue;
    }
    const { plan, mined } = looked;
    // What its duty saw mined, that told of.
    if (mined !== null && mined.sent.hash !== told)
      if (!mined.failed) note(mined.what, mined.sent);
      else if (waiting !== null) say({ event: 'chain', text: `${mined.what}: transaction ${mined.sent.hash} failed` });
    waiting = null;
    for (const text of plan.notes)
      if (!noted.has(text)) {
        noted.add(text);
        say({ event: 'note', text });
      }
    const due = new Set(plan.duties.map(dutyText));
    for (const known of failing.keys()) if (!due.has(known)) failing.delete(known);
    const duty = plan.duties.find((d) => (failing.get(dutyText(d))?.due ?? 0) <= clock() && !(once && failing.has(dutyText(d))));
    if (duty !== undefined) {
      const name = dutyText(duty);
      try {
        const done = await until(signal, parts.perform(duty));
        failing.delete(name);
        if (typeof done === 'string') {
          say({ event: 'done', duty: name, text: done });
          continue;
        }
        note(name, done);
      } catch (e) {
        if (signal.aborted) break;
        if (e instanceof UnderWay) {
          await wait(e);
          continue;
        }
        const failures = (failing.get(name)?.failures ?? 0) + 1;
        const reason = text(e);
        failing.set(name, { failures, due: clock() + backoff(failures, WAIT.first, most), reason });
        if (failures <= 3 || failures % 20 === 0) say({ event: 'failed', duty: name, reason, failures });
      }
      continue;
    }
    // An end that a reorganisation may undo is no end.
    overSince = plan.over ? (overSince ?? looked.head) : null;
    over = overSince !== null && looked.settled >= overSince;
    if (over || once) break;
    const next = Math.min(every, ...[...failing.values()].map((f) => Math.max(50, f.due - clock())));
    await pause(next);
  }
  return { sent, over, failing: [...failing].map(([name, { reason }]) => ({ duty: name, reason })) };
}
