import { run } from 'node:test';
import { spec } from 'node:test/reporters';

/** Runs node:test files, each in a process of its own, prints the specification, and counts the tests; a cancelled test has failed. `passes`: those that passed. */
export async function runSuites(
  files: readonly string[],
  concurrency: number,
): Promise<{ passed: number; failed: number; skipped: number; failures: string[]; passes: { title: string; file: string | undefined }[] }> {
  const stream = run({ files: [...files], concurrency, timeout: 600_000 });
  const failures: string[] = [];
  const passes: { title: string; file: string | undefined }[] = [];
  const tally = { tests: 0, passed: 0, skipped: 0, todo: 0 };
  stream.on('test:fail', (event) => {
    if (event.details.type !== 'suite') failures.push(`${event.name}${event.file === undefined ? '' : ` (${event.file})`}`);
  });
  stream.on('test:pass', (event) => {
    if (event.details.type !== 'suite' && event.skip === undefined && event.todo === undefined)
      passes.push({ title: event.name, file: event.file });
  });
  stream.on('test:summary', (event) => {
    if (event.file === undefined) Object.assign(tally, event.counts);
  });
  for await (const chunk of stream.compose(new spec())) process.stdout.write(chunk);
  const failed = tally.tests - tally.passed - tally.skipped - tally.todo;
  return { passed: tally.passed, failed: Math.max(failed, failures.length), skipped: tally.skipped, failures, passes };
}
