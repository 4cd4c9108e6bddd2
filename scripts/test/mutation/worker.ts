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
import type { Judges } from './plan.ts';
import { CompileError, Compiler, type Bytecodes } from './sources.ts';

/** Without a mutant: run the suites over the unchanged code, compiled the same way. Suites are files under test/contracts, without `.test.ts`. */
export interface Job {
  readonly mutant: Mutant | null;
  readonly judges: Judges;
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

/** Chains of the file that runs; what is not optimised is larger than code may be. */
const open: { close(): Promise<void> }[] = [];
const create = hre.network.create.bind(hre.network) as (...parameters: unknown[]) => Promise<{ close(): Promise<void> }>;
hre.network.create = (async () => {
  const connection = await create({ override: { allowUnlimitedContractSize: true } });
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
      runner.on('fail', (test, error: Error) => failures.push(`${suite}: ${test.fullTitle()}: ${String(error.message).split('\n')[0]}`));
    });
  } catch (e) {
    failures.push(`${suite}: ${(e as Error).message}`);
  } finally {
    for (const connection of open.splice(0)) await connection.close();
  }
  return failures;
}

async function judge({ mutant, judges }: Job): Promise<Outcome> {
  if (mutant === null) {
    mutated = compiler.all();
    const failures: string[] = [];
    for (const suite of [...judges.checkers, ...judges.escrow]) failures.push(...(await failuresOf(suite, false)));
    return { verdict: 'survived', failures };
  }
  const content = applyTo(readFileSync(join(root, mutant.file), 'utf8'), mutant);
  let same = true;
  try {
    for (const part of ['checkers', 'escrow'] as const) {
      mutated = judges[part].length === 0 ? new Map() : compiler.changedBy(part, mutant.file, content);
      if (mutated.size === 0) continue;
      for (const suite of judges[part]) {
        const [failure] = await failuresOf(suite, true);
        if (failure !== undefined) return { verdict: 'killed', by: failure, failures: [failure] };
      }
      // What no test tells from the original may be the same once it is optimised.
      if (part === 'checkers' || compiler.changedBy(part, mutant.file, content, true).size > 0) same = false;
    }
  } catch (e) {
    if (e instanceof CompileError) return { verdict: 'stillborn', by: e.message, failures: [] };
    throw e;
  }
  return { verdict: same ? 'equivalent' : 'survived', failures: [] };
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
process.on('disconnect', () => process.exit());
process.send?.('ready');
