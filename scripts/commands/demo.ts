import { join } from 'node:path';
import { Command } from 'commander';
import { auditPage } from '../lib/audit/page/page.ts';
import { action, example } from '../lib/command.ts';
import { writeReport } from '../lib/demo/report.ts';
import { runDemo } from '../lib/demo/run.ts';
import { auditFile, commands, summaryJson, summaryText } from '../lib/demo/summary.ts';
import { writeAtomic } from '../lib/files.ts';
import { integerOption } from '../lib/options.ts';
import { progressBar } from '../lib/progress.ts';

interface Options {
  readonly out?: string;
  readonly steps: number;
  readonly stepsPerProof: number;
  readonly keep?: true;
}

/** `fineproof demo` */
export function demoCommand(): Command {
  const command = new Command('demo')
    .description('the whole life of a bounty on a local chain: post, train, prove, claim, verify, pay, audit')
    .option('--out <folder>', 'empty folder for all files (default: a new temporary one)')
    .option('--steps <n>', 'training steps', integerOption(1, 1024), 8)
    .option('--steps-per-proof <n>', 'steps in one proof, a power of two', integerOption(1, 1024), 2)
    .option('--keep', 'leave the chain’s node running');
  example(command, 'npm run demo -- --out demo/');
  return action<Options>(command, async (_args, options) => {
    const bar = progressBar('demo');
    try {
      const result = await runDemo({
        ...(options.out === undefined ? {} : { out: options.out }),
        steps: options.steps,
        stepsPerProof: options.stepsPerProof,
        keep: options.keep === true,
        onProgress: (what, part) => bar.update(part, what),
      });
      bar.update(1, 'done');
      bar.stop();
      const report = join(result.folder, 'report.html');
      writeReport(report, result);
      const { audit } = result;
      const made = { ...audit.made, command: commands(result).audit };
      writeAtomic(auditFile(result), auditPage({ ...audit, made }));
      return { json: summaryJson(result, report), text: summaryText(result, report), failed: !result.paid || !result.audit.ok };
    } finally {
      bar.stop();
    }
  });
}
