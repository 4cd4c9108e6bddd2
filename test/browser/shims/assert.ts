/** What the suites that also run in a page use of node:assert/strict. */

const show = (value: unknown): string => {
  const text =
    JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v instanceof Error ? String(v) : v)) ?? String(value);
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
};

function fail(message: string | undefined, fault: string): never {
  throw new Error(message === undefined ? fault : `${message}: ${fault}`);
}

/** Where two values differ, as a path; null where they are equal. */
function difference(a: unknown, b: unknown, at = ''): string | null {
  if (Object.is(a, b)) return null;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || Object.getPrototypeOf(a) !== Object.getPrototypeOf(b))
    return at || 'value';
  if (a instanceof Map && b instanceof Map) {
    if (a.size !== b.size) return `${at}: ${a.size} and ${b.size} entries`;
    for (const [key, value] of a) {
      if (typeof key === 'object') throw new Error('deepEqual of a page compares no maps with objects as keys');
      const found = b.has(key) ? difference(value, b.get(key), `${at}.${key}`) : `${at}.${key}`;
      if (found !== null) return found;
    }
    return null;
  }
  if (a instanceof Set || a instanceof Date) throw new Error(`deepEqual of a page does not compare ${a.constructor.name}`);
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return `${at}: ${keys.length} and ${Object.keys(b).length} entries`;
  for (const key of keys) {
    if (!Object.hasOwn(b, key)) return `${at}.${key}`;
    const found = difference(a[key as keyof typeof a], b[key as keyof typeof b], `${at}.${key}`);
    if (found !== null) return found;
  }
  return null;
}

type Wanted = RegExp | (new (...args: never[]) => Error) | ((error: unknown) => boolean);

/** Whether an error is of a class, matches a pattern or passes a check. */
function fits(error: unknown, wanted: Wanted): boolean {
  if (wanted instanceof RegExp) return wanted.test(String(error));
  if (wanted === Error || wanted.prototype instanceof Error) return error instanceof wanted;
  return (wanted as (error: unknown) => boolean)(error);
}

function expected(error: unknown, wanted: Wanted | undefined, message?: string): void {
  if (wanted !== undefined && !fits(error, wanted)) fail(message, `another error was expected: ${String(error)}`);
}

function ok(value: unknown, message?: string): asserts value {
  if (!value) fail(message, `${show(value)} is not true`);
}

export default Object.assign(ok, {
  ok,
  equal(actual: unknown, wanted: unknown, message?: string): void {
    if (!Object.is(actual, wanted)) fail(message, `${show(actual)} instead of ${show(wanted)}`);
  },
  notEqual(actual: unknown, unwanted: unknown, message?: string): void {
    if (Object.is(actual, unwanted)) fail(message, `${show(actual)} is what it must not be`);
  },
  deepEqual(actual: unknown, wanted: unknown, message?: string): void {
    const found = difference(actual, wanted);
    if (found !== null) fail(message, `differ at ${found}: ${show(actual)} instead of ${show(wanted)}`);
  },
  notDeepEqual(actual: unknown, unwanted: unknown, message?: string): void {
    if (difference(actual, unwanted) === null) fail(message, `${show(actual)} is what it must not be`);
  },
  match(text: string, pattern: RegExp, message?: string): void {
    if (!pattern.test(text)) fail(message, `${show(text)} does not match ${pattern}`);
  },
  fail(message: string): never {
    throw new Error(message);
  },
  throws(run: () => unknown, wanted?: Wanted, message?: string): void {
    let error: unknown;
    try {
      run();
    } catch (e) {
      error = e ?? 'nothing';
    }
    if (error === undefined) fail(message, 'no error');
    expected(error, wanted, message);
  },
  async rejects(given: Promise<unknown> | (() => Promise<unknown>), wanted?: Wanted, message?: string): Promise<void> {
    const error = await (typeof given === 'function' ? given() : given).then(
      () => undefined,
      (e: unknown) => e ?? 'nothing',
    );
    if (error === undefined) fail(message, 'no error');
    expected(error, wanted, message);
  },
});
