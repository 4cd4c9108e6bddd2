/** What the suites that also run in a page use of node:test: they are gathered when a file is loaded, and run one after another. */

type Body = () => void | Promise<void>;

interface Group {
  readonly name: string;
  readonly tests: { readonly name: string; readonly body: Body }[];
  readonly groups: Group[];
  readonly before: Body[];
  readonly after: Body[];
}

export interface Outcome {
  readonly name: string;
  /** The error; null where the test has passed. */
  readonly error: string | null;
}

const group = (name: string): Group => ({ name, tests: [], groups: [], before: [], after: [] });
let current = group('');

interface Options {
  /** Why the tests are left out. */
  readonly skip?: boolean | string;
}

export function describe(name: string, ...[first, second]: [body: () => void] | [options: Options, body: () => void]): void {
  const [options, body] = typeof first === 'function' ? [{}, first] : [first, second as () => void];
  if (options.skip) return;
  const outer = current;
  current = group(name);
  outer.groups.push(current);
  body();
  current = outer;
}

export const it = (name: string, body: Body): void => void current.tests.push({ name, body });
export const test = it;
export const before = (body: Body): void => void current.before.push(body);
export const after = (body: Body): void => void current.after.push(body);

const attempt = async (name: string, body: Body): Promise<Outcome> => {
  try {
    await body();
    return { name, error: null };
  } catch (error) {
    return { name, error: error instanceof Error ? (error.stack ?? String(error)) : String(error) };
  }
};

async function run({ name, tests, groups, before, after }: Group): Promise<Outcome[]> {
  const title = (own: string): string => (name === '' ? own : `${name}: ${own}`);
  const outcomes: Outcome[] = [];
  for (const body of before) {
    const outcome = await attempt(title('before'), body);
    if (outcome.error !== null) return [outcome];
  }
  for (const t of tests) outcomes.push(await attempt(title(t.name), t.body));
  for (const inner of groups) outcomes.push(...(await run(inner)));
  for (const body of after) {
    const outcome = await attempt(title('after'), body);
    if (outcome.error !== null) outcomes.push(outcome);
  }
  return outcomes;
}

/** Loads a file of tests and runs them. */
export async function runSuite(url: string): Promise<Outcome[]> {
  current = group('');
  await import(url);
  return run(current);
}
