/**
 * `npm test`: format, types, lint, the verifier's rules, reproducible WASM, the TypeScript suites and the contracts' suites.
 * Ends in `N passed, N failed`; a failed check counts as a failed test. `npm run lint` runs the checks alone, and
 * `npm test -- <file or folder> …` the TypeScript suites below these paths alone.
 */
import { fork, spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { attacksOf, faultsOf } from './attacks.ts';
import { softwareStack } from '../lib/software-stack.ts';
import { runSuites } from './suites.ts';
import { verifierFaults } from './verifier-rules.ts';

interface Tally {
  passed: number;
  failed: number;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
process.chdir(root);
const total: Tally = { passed: 0, failed: 0 };
const failures: string[] = [];

const args = process.argv.slice(2);
const lintOnly = args[0] === 'lint';

// Beside everything else: the compiler and Mocha keep one core busy for minutes each.
const judged = args.length === 0 ? contracts() : null;
if (args.length === 0 || lintOnly) {
  command('format', 'prettier', ['--check', '--ignore-unknown', '--log-level', 'warn', '.']);
  command('types', 'tsc', ['--noEmit', '--pretty', 'false']);
  command('solhint', 'solhint', ['--disc', '--max-warnings', '0', 'contracts/**/*.sol']);
  check('rules of the verifier', verifierFaults(root));
  if (existsSync('scripts/build-wasm.ts')) command('WASM is what its source gives', process.execPath, ['scripts/build-wasm.ts', '--check']);
}
if (args.length === 0) {
  // Before the suites that look for a browser, and the environment of those that look for an adapter.
  const stack = await softwareStack();
  const titles = await suites(globSync('test/**/*.test.ts', { exclude: ['test/contracts/**', 'test/webgpu/**'] }));
  check('every attack of docs/attacks.md has a passing test', faultsOf(attacksOf(readFileSync('docs/attacks.md', 'utf8')), titles));
  await judged;
  Object.assign(process.env, stack?.adapter);
  // Those of long runs are for `npm run test:webgpu`.
  await suites(globSync('test/webgpu/*.test.ts', { exclude: ['test/webgpu/{curve-buffers,streaming,walk}.test.ts'] }));
} else if (!lintOnly) {
  await suites(args.flatMap((path) => (statSync(path).isDirectory() ? globSync(`${path}/**/*.test.ts`) : [path])));
}

for (const failure of failures) console.log(`failed: ${failure}`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed === 0 ? 0 : 1);

/** One check; `faults` are its error messages. */
function check(name: string, faults: readonly string[]): void {
  if (faults.length === 0) {
    total.passed++;
    console.log(`✔ ${name}`);
    return;
  }
  total.failed++;
  failures.push(name);
  console.log(`✖ ${name}\n${faults.join('\n')}`);
}

/** A check by a program: it passes if the program ends with 0. */
function command(name: string, program: string, parameters: readonly string[]): void {
  const result = spawnSync(program, parameters, { encoding: 'utf8', shell: process.platform === 'win32', maxBuffer: 1 << 26 });
  check(name, result.status === 0 ? [] : [result.error?.message ?? `${result.stdout}${result.stderr}`]);
}

/** Runs them; returns the titles of the attacks' tests that passed. */
async function suites(files: readonly string[]): Promise<readonly string[]> {
  if (files.length === 0) return [];
  const result = await runSuites(files, availableParallelism());
  total.passed += result.passed;
  total.failed += result.failed;
  failures.push(...result.failures);
  return result.passes
    .filter(({ file }) => file !== undefined && relative(root, file).startsWith(join('test', 'attacks')))
    .map(({ title }) => title);
}

/** The suites under test/contracts, in a process of their own, which sends its tally; what it prints is kept until it ends. */
async function contracts(): Promise<void> {
  const child = fork('scripts/test/contracts.ts', { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (said += text));
  const tallies: Tally[] = [];
  child.on('message', (message) => tallies.push(message as Tally));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  process.stdout.write(said);
  for (const { passed, failed } of tallies) {
    total.passed += passed;
    total.failed += failed;
    if (failed > 0) failures.push(`${failed} of test/contracts (see above)`);
  }
  if (tallies.length === 0 || (code !== 0 && tallies.every((tally) => tally.failed === 0))) {
    check('contracts', [`the contracts' suites ended with exit code ${code}`]);
  }
}
