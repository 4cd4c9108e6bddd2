/**
 * `npm run test:attacks`: runs test/attacks and proves that no attack of docs/attacks.md lacks its test. An attack counts as tested if a test whose
 * title begins with its id has passed. Ends in `N passed, N failed`; every attack without a test counts as failed.
 */
import { globSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

/** Sections whose attacks have TypeScript tests; those on contracts are judged by test/contracts/listed.test.ts. */
const SECTIONS = 'TSLHRU';
const TITLE = /^([A-Z]\d+)\b/;

/** Attacks of the document in its order: id and text. Throws if an id occurs twice. */
export function attacksOf(markdown: string): Map<string, string> {
  const attacks = new Map<string, string>();
  for (const [, id, text] of markdown.matchAll(/^- ([A-Z]\d+) (.+)$/gm) as Iterable<[string, string, string]>) {
    if (attacks.has(id)) throw new Error(`docs/attacks.md: ${id} occurs twice`);
    attacks.set(id, text);
  }
  return attacks;
}

/** Ids of these sections without a passed test, and titles that name an id which the document does not have. */
export function faultsOf(attacks: ReadonlyMap<string, string>, passed: readonly string[], sections = SECTIONS): string[] {
  const tests = passed.map((title) => TITLE.exec(title)?.[1]);
  const missing = [...attacks].filter(([id]) => sections.includes(id.charAt(0)) && !tests.includes(id));
  const unknown = passed.filter((_, i) => tests[i] !== undefined && !attacks.has(tests[i] as string));
  return [
    ...missing.map(([id, text]) => `${id} has no passing test: ${text}`),
    ...unknown.map((title) => `"${title}" tests an attack that docs/attacks.md does not list`),
  ];
}

async function main(): Promise<void> {
  process.chdir(fileURLToPath(new URL('../..', import.meta.url)));
  const attacks = attacksOf(readFileSync('docs/attacks.md', 'utf8'));
  const passed: string[] = [];
  let failed = 0;
  const files = globSync('test/attacks/**/*.test.ts');
  if (files.length > 0) {
    const stream = run({ files, concurrency: availableParallelism(), timeout: 600_000 });
    stream.on('test:pass', (event) => {
      if (event.details.type !== 'suite' && event.skip === undefined && event.todo === undefined) passed.push(event.name);
    });
    stream.on('test:fail', (event) => {
      if (event.details.type !== 'suite') failed++;
    });
    for await (const chunk of stream.compose(new spec())) process.stdout.write(chunk);
  }
  const faults = faultsOf(attacks, passed);
  for (const fault of faults) console.log(`✖ ${fault}`);
  if (faults.length === 0) console.log(`✔ every attack of sections ${[...SECTIONS].join(', ')} has a passing test`);
  console.log(`${passed.length} passed, ${failed + faults.length} failed`);
  process.exitCode = failed + faults.length === 0 ? 0 : 1;
}

if (import.meta.main) await main();
