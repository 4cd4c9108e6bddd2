/** Questions about many blocks or transactions, in pieces that a node answers. */

/**
 * Asks about the blocks `from` to `to`, both included. Nodes limit ranges and answers differently: a range that is refused is halved, down to 16
 * blocks, whose refusal is an error.
 */
export async function overRanges<T>(from: bigint, to: bigint, ask: (from: bigint, to: bigint) => Promise<readonly T[]>): Promise<T[]> {
  if (from > to) return [];
  try {
    return [...(await ask(from, to))];
  } catch (e) {
    if (to - from < 16n) throw e;
    const middle = (from + to) / 2n;
    return [...(await overRanges(from, middle, ask)), ...(await overRanges(middle + 1n, to, ask))];
  }
}

/** Requests that are under way at once. */
const AT_ONCE = 16;

/** `ask` of every item, a few at a time, in order. */
export async function inTurn<T, R>(items: readonly T[], ask: (item: T) => Promise<R>): Promise<R[]> {
  const answers: R[] = [];
  for (let i = 0; i < items.length; i += AT_ONCE) answers.push(...(await Promise.all(items.slice(i, i + AT_ONCE).map(ask))));
  return answers;
}
