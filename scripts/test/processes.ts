/**
 * `npm run test:processes`: bounties end to end over JSON-RPC, chain, poster, contributor and verifier each in a process that is killed and started again at
 * random moments. Leaves `report.json` and the folders of runs that failed in a folder that it names; exit code 1 if one failed.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { integerOption } from '../lib/options.ts';
import { TICK } from '../../test/processes/chain.ts';
import { prepare } from '../../test/processes/material.ts';
import { planOf } from '../../test/processes/plan.ts';
import { report, summary } from '../../test/processes/report.ts';
import { runTrial, type TrialResult } from '../../test/processes/trial.ts';

interface Options {
  readonly runs: number;
  readonly seed: number;
  readonly from: number;
  readonly jobs: number;
  readonly tick: number;
  readonly out?: string;
  readonly json?: true;
  readonly verbose?: true;
}

const options = new Command('test:processes')
  .description('bounties end to end, every process of them killed and started again at random moments')
  .option('--runs <n>', 'how many', integerOption(1, 10_000), 50)
  .option('--seed <n>', 'seed of the plans', integerOption(0, 2 ** 32), 1)
  .option('--from <n>', 'the first run', integerOption(0, 10_000), 0)
  .option('--jobs <n>', 'runs at a time', integerOption(1, 64), 2)
  .option('--tick <ms>', 'a block; longer on a busy machine', integerOption(1, 60_000), TICK)
  .option('--out <folder>', 'where the report and the files of failed runs go (default: a new one)')
  .option('--json', 'print one JSON object')
  .option('--verbose', 'say what happens in each run')
  .addHelpText(
    'after',
    `
Examples:
  npm run test:processes
  npm run test:processes -- --from 13 --runs 1 --verbose`,
  )
  .parse()
  .opts<Options>();
const { runs, seed, from, jobs, tick } = options;
// Ending runs the handlers of exit, which end all processes.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));

const out = options.out === undefined ? mkdtempSync(join(tmpdir(), 'fineproof-processes-')) : resolve(options.out);
mkdirSync(out, { recursive: true });
const say = (text: string): void => void process.stderr.write(`${text}\n`);
const material = await prepare(mkdtempSync(join(out, 'material-')), tick);
const results: TrialResult[] = [];

async function trial(run: number): Promise<void> {
  const plan = planOf(seed, run);
  const name = `run ${run} (${plan.rule}, ${plan.scenario})`;
  const folder = mkdtempSync(join(out, `run-${run}-`));
  const lines: string[] = [];
  const result = await runTrial(plan, material, folder, (text) => {
    lines.push(text);
    if (options.verbose === true) say(`  ${run}: ${text}`);
  });
  results.push(result);
  say(`${name} ${summary(result)}`);
  if (result.faults.length === 0) rmSync(folder, { recursive: true, force: true });
  else {
    writeFileSync(join(folder, 'trial.log'), `${lines.join('\n')}\n`);
    for (const fault of result.faults) say(`  FAULT: ${fault}`);
    say(`  its files are in ${folder}`);
  }
  // After each run, so that an interruption leaves what was found.
  writeFileSync(join(out, 'report.json'), `${JSON.stringify(report(seed, results), null, 2)}\n`);
}

let next = from;
const worker = async (): Promise<void> => {
  while (next < from + runs) await trial(next++);
};
await Promise.all(Array.from({ length: jobs }, worker));
const said = report(seed, results);
if (options.json === true) process.stdout.write(`${JSON.stringify(said)}\n`);
else
  process.stdout.write(
    `${said.text}\nreport: ${join(out, 'report.json')}\n${results.length - said.failed} passed, ${said.failed} failed\n`,
  );
process.exit(said.failed === 0 ? 0 : 1);
