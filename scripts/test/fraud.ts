/**
 * `npm run test:fraud [-- <cases>]`: so many lies about a real bundle, each refuted on a chain by what the commands do, and as many challenges of true
 * positions, all of which revert; 200 unless told otherwise, instead of the few of `npm test`. Ends with exit code 1 if one failed.
 */
import hre from 'hardhat';

process.env['FINEPROOF_FRAUD_CASES'] = process.argv[2] ?? '200';
await hre.tasks.getTask('build').run({ quiet: true });
const outcome = (await hre.tasks.getTask(['test', 'mocha']).run({ noCompile: true, testFiles: ['test/contracts/refuted.test.ts'] })) as {
  success: boolean;
};
process.exit(outcome.success ? 0 : 1);
