/** Runs the Mocha and the Solidity suites under test/contracts in this process; sends each suite's tally to the parent. */
import hre from 'hardhat';

interface Outcome {
  readonly success: boolean;
  readonly value?: { summary: { passed: number; failed: number } };
  readonly error?: { summary: { passed: number; failed: number } };
}

await hre.tasks.getTask('build').run({ quiet: true });
let failed = false;
for (const suite of ['mocha', 'solidity']) {
  const outcome = (await hre.tasks.getTask(['test', suite]).run({ noCompile: true })) as Outcome;
  const summary = (outcome.value ?? outcome.error)?.summary ?? { passed: 0, failed: 1 };
  process.send?.({ passed: summary.passed, failed: outcome.success ? summary.failed : Math.max(summary.failed, 1) });
  failed ||= !outcome.success;
}
process.exit(failed ? 1 : 0);
