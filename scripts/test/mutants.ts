/**
 * `npm run test:mutants`: changes the contracts in one place at a time and counts the changes that some contract test notices. Ends with exit code 1 if fewer
 * than nine of ten are noticed, or if the list of equivalent mutants is wrong.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import hre from 'hardhat';
import { EQUIVALENT } from './mutation/equivalent.ts';
import { mutantsOf, type Mutant } from './mutation/mutants.ts';
import { PLAN, type Judges } from './mutation/plan.ts';
import { Results, hashOf, type Result } from './mutation/results.ts';
import { astOf } from './mutation/sources.ts';
import type { Job, Outcome } from './mutation/worker.ts';

/** Part of the mutants that must be noticed. */
const LEAST = 0.9;
/** A mutant that keeps the tests busy for longer counts as noticed. Every call ends when its gas does, so this is far above what a loaded machine takes. */
const TIMEOUT_MS = 1_800_000;
/** The compiler's memory grows, and modules are never unloaded. */
const MUTANTS_PER_WORKER = 60;

interface Options {
  readonly sample: number;
  readonly seed: string;
  readonly all?: true;
  readonly file?: string;
  readonly jobs: number;
  readonly again?: true;
  readonly json?: true;
}

const count = (value: string): number => {
  if (!/^[1-9]\d*$/.test(value)) throw new InvalidArgumentError('A positive number is needed.');
  return Number(value);
};
const options = new Command('test:mutants')
  .description('mutation tests of the contracts; verdicts are kept in cache/mutants.jsonl, and a run goes on where the last one was')
  .option('--sample <count>', 'how many mutants, drawn by the seed', count, 250)
  .option('--seed <text>', 'seed of the sample', '1')
  .option('--all', 'every mutant')
  .option('--file <part>', 'only of files whose path contains this')
  .option('--jobs <count>', 'processes', count, availableParallelism())
  .option('--again', 'judge those again that survived')
  .option('--json', 'print one JSON object')
  .addHelpText(
    'after',
    `
Examples:
  npm run test:mutants -- --sample 50 --file escrow/
  npm run test:mutants -- --all --jobs 1`,
  )
  .parse()
  .opts<Options>();

const root = fileURLToPath(new URL('../..', import.meta.url));
process.chdir(root);
const results = new Results(`${root}cache/mutants.jsonl`);
const sources = new Map<string, string>();
const everything: Mutant[] = [];
for (const file of Object.keys(PLAN)) {
  const source = readFileSync(file, 'utf8');
  sources.set(file, source);
  everything.push(...mutantsOf(file, source, astOf(root, file)));
}
const chosen = sampleOf(everything.filter(({ file }) => options.file === undefined || file.includes(options.file)));
const sourceOf = (mutant: Mutant): string => hashOf(sources.get(mutant.file) as string);
const known = (mutant: Mutant): Result | undefined => results.get(mutant.id, sourceOf(mutant));
const todo = chosen.filter((mutant) => {
  const own = known(mutant);
  return own === undefined || (own.verdict === 'survived' && options.again === true);
});

// What the workers deploy but don't mutate.
await hre.tasks.getTask('build').run({ quiet: true });
let done = chosen.length - todo.length;
await Promise.all(Array.from({ length: Math.min(options.jobs, todo.length) }, work));
process.exitCode = report() ? 0 : 1;

/** The first mutants in an order that the seed gives, the same whatever else changes. */
function sampleOf(mutants: readonly Mutant[]): Mutant[] {
  const rank = ({ id }: Mutant): string => createHash('sha256').update(`${options.seed}\0${id}`).digest('hex');
  const ranked = mutants.map((mutant) => [rank(mutant), mutant] as const).sort(([a], [b]) => (a < b ? -1 : 1));
  return ranked.slice(0, options.all === true ? undefined : options.sample).map(([, mutant]) => mutant);
}

async function work(): Promise<void> {
  let worker: Judge | undefined;
  for (let mutant = todo.shift(); mutant !== undefined; mutant = todo.shift()) {
    if (worker === undefined || worker.uses === MUTANTS_PER_WORKER) {
      worker?.stop();
      worker = await startWorker();
    }
    const start = performance.now();
    const outcome = await worker.judge({ mutant, judges: PLAN[mutant.file] as Judges });
    if (outcome === 'timeout') worker = undefined;
    const { verdict, by } = outcome === 'timeout' ? { verdict: outcome, by: undefined } : outcome;
    const seconds = Math.round((performance.now() - start) / 100) / 10;
    results.add({ id: mutant.id, file: mutant.file, source: sourceOf(mutant), verdict, seconds, ...(by === undefined ? {} : { by }) });
    done++;
    if (options.json !== true)
      console.log(`${done}/${chosen.length} ${verdict} ${seconds} s ${describe(mutant)}${by === undefined ? '' : `\n    ${by}`}`);
  }
  worker?.stop();
}

/** A worker process. */
interface Judge {
  uses: number;
  judge(job: Job): Promise<Outcome | 'timeout'>;
  stop(): void;
}

async function startWorker(): Promise<Judge> {
  const child: ChildProcess = fork('scripts/test/mutation/worker.ts', { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const next = (): Promise<unknown> =>
    new Promise((resolve, reject) => {
      child.once('message', resolve);
      child.once('exit', (code) => reject(new Error(`a worker ended with exit code ${code}`)));
    });
  await next();
  const worker: Judge = {
    uses: 0,
    async judge(job) {
      worker.uses++;
      const answer = next() as Promise<Outcome>;
      child.send(job);
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<'timeout'>((resolve) => (timer = setTimeout(() => resolve('timeout'), TIMEOUT_MS)));
      const outcome = await Promise.race([answer, late]);
      clearTimeout(timer);
      child.removeAllListeners('exit').removeAllListeners('message');
      if (outcome === 'timeout') worker.stop();
      return outcome;
    },
    stop: () => void child.kill('SIGKILL'),
  };
  return worker;
}

interface Row {
  mutants: number;
  killed: number;
  timeout: number;
  survived: number;
  equivalent: number;
  stillborn: number;
}

/** Prints the table; whether all is well. */
function report(): boolean {
  const rows = new Map<string, Row>();
  const survivors: Mutant[] = [];
  const faults = Object.keys(EQUIVALENT)
    .filter((id) => !everything.some((mutant) => mutant.id === id))
    .map((id) => `${id} is listed as equivalent, but there is no such mutant`);
  for (const mutant of chosen) {
    const row = rows.get(mutant.file) ?? { mutants: 0, killed: 0, timeout: 0, survived: 0, equivalent: 0, stillborn: 0 };
    rows.set(mutant.file, row);
    const { verdict } = known(mutant) as Result;
    row.mutants++;
    if (mutant.id in EQUIVALENT) {
      if (verdict === 'survived') row.equivalent++;
      else faults.push(`${mutant.id} is listed as equivalent, but was ${verdict}`);
    } else {
      row[verdict]++;
      if (verdict === 'survived') survivors.push(mutant);
    }
  }
  const total = [...rows.values()].reduce(
    (a, b) => Object.fromEntries(Object.entries(a).map(([key, n]) => [key, n + b[key as keyof Row]])) as unknown as Row,
  );
  const score = scoreOf(total);
  if (options.json === true) {
    const files = Object.fromEntries([...rows].map(([file, row]) => [file, { ...row, score: scoreOf(row) }]));
    console.log(JSON.stringify({ of: everything.length, seed: options.seed, files, total: { ...total, score }, survivors, faults }));
  } else {
    for (const mutant of survivors) console.log(`survived: ${describe(mutant)}`);
    for (const fault of faults) console.log(`✖ ${fault}`);
    console.log(`\n| file | mutants | killed | timeout | survived | equivalent | don't compile | score |\n| --- |${' ---: |'.repeat(7)}`);
    for (const [file, row] of [...rows].sort(([a], [b]) => (a < b ? -1 : 1)))
      console.log(lineOf(`\`${file.slice('contracts/'.length)}\``, row));
    console.log(lineOf('total', total));
    console.log(`\n${chosen.length} of ${everything.length} mutants, seed ${options.seed}`);
  }
  return score >= LEAST && faults.length === 0;
}

/** Those noticed, of those that can be. */
function scoreOf({ killed, timeout, survived }: Row): number {
  const judged = killed + timeout + survived;
  return judged === 0 ? 1 : (killed + timeout) / judged;
}

function lineOf(name: string, row: Row): string {
  const { mutants, killed, timeout, survived, equivalent, stillborn } = row;
  return `| ${[name, mutants, killed, timeout, survived, equivalent, stillborn, `${(100 * scoreOf(row)).toFixed(1)} %`].join(' | ')} |`;
}

function describe({ id, file, line, before, after }: Mutant): string {
  const short = (own: string): string => own.replaceAll(/\s+/g, ' ').slice(0, 60);
  return `${id} ${file}:${line} ${short(before)} → ${short(after)}`;
}
