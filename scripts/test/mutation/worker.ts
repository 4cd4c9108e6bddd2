/**
 * A process that judges one mutant after the other: compiles it, and runs the contract tests in this process over its code, one file after the other, up to
 * the first failure. Every file gets fresh modules and a fresh chain, as if it ran alone; only Hardhat, the compiler and the product's modules stay loaded.
 */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import hre from 'hardhat';
import Mocha from 'mocha';
import { applyTo, type Mutant } from './mutants.ts';
import { CompileError, Compiler, type Bytecodes } from './sources.ts';

/** Null: run the suites over the unchanged code, compiled the same way. */
export interface Job {
  readonly mutant: Mutant | null;
  /** Names of files under test/contracts, without `.test.ts`. */
  readonly suites: readonly string[];
}
export type Verdict = 'killed' | 'survived' | 'equivalent' | 'stillborn';
export interface Outcome {
  readonly verdict: Verdict;
  /** The first test that failed, and how. */
  readonly by?: string;
  readonly failures: readonly string[];
}

const root = process.cwd();
const tests = pathToFileURL(join(root, 'test/contracts')).href;
const compiler = new Compiler(root);
let run = 0;

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    return resolved.url.startsWith(tests) && !resolved.url.includes('?') ? { ...resolved, url: `${resolved.url}?run=${run}` } : resolved;
  },
});

/** Mutated contracts, in place of those that were built. */
let mutated: Bytecodes = new Map();
const read = hre.artifacts.readArtifact.bind(hre.artifacts);
hre.artifacts.readArtifact = (async (name: string) => {
  const artifact = await read(name);
  return { ...artifact, bytecode: mutated.get(artifact.contractName) ?? artifact.bytecode };
}) as typeof hre.artifacts.readArtifact;

/** Chains of the file that runs. */
const open: { close(): Promise<void> }[] = [];
const create = hre.network.create.bind(hre.network) as (...parameters: unknown[]) => Promise<{ close(): Promise<void> }>;
hre.network.create = (async (...parameters: unknown[]) => {
  const connection = await create(...parameters);
  open.push(connection);
  return connection;
}) as unknown as typeof hre.network.create;

/** Titles and messages of what failed: one, with `bail`. */
async function failuresOf(suite: string, bail: boolean): Promise<string[]> {
  run++;
  const failures: string[] = [];
  const mocha = new Mocha({ ...hre.config.test.mocha, bail, reporter: class {} as unknown as Mocha.ReporterConstructor });
  mocha.addFile(join(root, `test/contracts/${suite}.test.ts`));
  try {
    await mocha.loadFilesAsync();
    await new Promise<void>((resolve) => {
      const runner = mocha.run(() => resolve());
      runner.on('fail', (test, error: Error) => failures.push(`${suite}: ${test.fullTitle()}: ${String(error.message).slice(0, 3000)}`));
    });
  } catch (e) {
    failures.push(`${suite}: ${(e as Error).message}`);
  } finally {
    for (const connection of open.splice(0)) await connection.close();
  }
  return failures;
}

async function judge({ mutant, suites }: Job): Promise<Outcome> {
  try {
    mutated =
      mutant === null ? compiler.all() : compiler.changedBy(mutant.file, applyTo(readFileSync(join(root, mutant.file), 'utf8'), mutant));
  } catch (e) {
    if (e instanceof CompileError) return { verdict: 'stillborn', by: e.message, failures: [] };
    throw e;
  }
  if (mutated.size === 0) return { verdict: 'equivalent', failures: [] };
  const failures: string[] = [];
  for (const suite of suites) {
    failures.push(...(await failuresOf(suite, mutant !== null)));
    if (mutant !== null && failures[0] !== undefined) return { verdict: 'killed', by: failures[0], failures };
  }
  return { verdict: 'survived', failures };
}

// Mocha adds its own each time.
process.setMaxListeners(0);
// A test that was cut short may leave promises behind that fail later.
process.on('unhandledRejection', () => undefined);
process.on('message', (job: Job) => {
  judge(job).then(
    (outcome) => process.send?.(outcome),
    (error: Error) => {
      process.stderr.write(`${error.stack}\n`);
      process.exit(1);
    },
  );
});
process.send?.('ready');
