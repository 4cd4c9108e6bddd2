/** Exponential backoff with jitter. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds before attempt `attempt` (1, 2, …): half of base · 2^(attempt − 1), at most `most`, and a random part of the other half. */
export function backoff(attempt: number, base: number, most: number, random: () => number = Math.random): number {
  const full = Math.min(most, base * 2 ** Math.min(attempt - 1, 30));
  return Math.round(full / 2 + (random() * full) / 2);
}

/** Calls `run` up to `tries` times while its errors satisfy `again`. */
export async function withRetries<T>(
  run: () => Promise<T>,
  again: (error: unknown) => boolean,
  { tries, base, signal }: { tries: number; base: number; signal?: AbortSignal | undefined },
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (e) {
      if (attempt >= tries || signal?.aborted === true || !again(e)) throw e;
      await sleep(backoff(attempt, base, 10_000), undefined, signal === undefined ? {} : { signal });
    }
  }
}
