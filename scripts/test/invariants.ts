/** `npm run test:invariants`: the escrow's invariants under long random games, 20,000 calls each, and its fuzz tests with many runs. */
import { fileURLToPath } from 'node:url';
import { createHardhatRuntimeEnvironment } from 'hardhat/hre';
import config from '../../hardhat.config.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const solidity = { fuzz: { runs: 1_000 }, invariant: { runs: 200, depth: 100 } };
const hre = await createHardhatRuntimeEnvironment(
  { ...config, test: { ...config.test, solidity } },
  { config: `${root}hardhat.config.ts` },
  root,
);
await hre.tasks.getTask('build').run({ quiet: true });
const files = ['Invariants', 'Escrow'].map((name) => `test/contracts/solidity/${name}.t.sol`);
const outcome = (await hre.tasks.getTask(['test', 'solidity']).run({ noCompile: true, testFiles: files })) as { readonly success: boolean };
process.exitCode = outcome.success ? 0 : 1;
