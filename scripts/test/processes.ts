/**
 * `npm run test:processes [-- <options>]`: bounties end to end over JSON-RPC, chain, poster, contributor and verifier each in a process that is killed and
 * started again at random moments. Leaves `report.json` and the folders of runs that failed in a folder that it names; exit code 1 if one failed.
 *
 * --runs <n> (50), --seed <n> (1), --from <n> the first run (0), --jobs <n> runs at a time (2), --tick <ms> a block (200; longer on a busy machine),
 * --out <folder>, --json, --verbose
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { TICK } from '../../test/processes/chain.ts';
import { prepare } from '../../test/processes/material.ts';
import { planOf } from '../../test/processes/plan.ts';
import { report, summary } from '../../test/processes/report.ts';
import { runTrial, type TrialResult } from '../../test/processes/trial.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
    jobs: { type: 'string', default: '2' },
    tick: { type: 'string', default: String(TICK) },
    out: { type: 'string' },
    json: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});
const whole = (name: 'runs' | 'seed' | 'from' | 'jobs' | 'tick', least: number): number => {
  const n = Number(values[name]);
  if (Number.isSafeInteger(n) && n >= least) return n;
  process.stderr.write(`--${name} must be a whole number from ${least} on\n`);
  process.exit(2);
};
const [runs, seed, from, jobs, tick] = [whole('runs', 1), whole('seed', 0), whole('from', 0), whole('jobs', 1), whole('tick', 1)];
// Ending runs the handlers of exit, which end all processes.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));

const out = values.out === undefined ? mkdtempSync(join(tmpdir(), 'fineproof-processes-')) : resolve(values.out);
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
    if (values.verbose) say(`  ${run}: ${text}`);
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
if (values.json) process.stdout.write(`${JSON.stringify(said)}\n`);
else
  process.stdout.write(
    `${said.text}\nreport: ${join(out, 'report.json')}\n${results.length - said.failed} passed, ${said.failed} failed\n`,
  );
process.exit(said.failed === 0 ? 0 : 1);
