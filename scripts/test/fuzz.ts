/**
 * `npm run test:fuzz [-- <cases>]`: the differential suites of the checkers with many cases an opcode and depth instead of the few of `npm test`; ends with
 * exit code 1 if one failed.
 */
import hre from 'hardhat';

process.env['FINEPROOF_FUZZ_CASES'] = process.argv[2] ?? '500';
await hre.tasks.getTask('build').run({ quiet: true });
const outcome = (await hre.tasks
  .getTask(['test', 'mocha'])
  .run({ noCompile: true, testFiles: ['test/contracts/fraud.test.ts', 'test/contracts/delivery.test.ts'] })) as { success: boolean };
process.exit(outcome.success ? 0 : 1);
