import { createRequire } from 'node:module';
import toolbox from '@nomicfoundation/hardhat-toolbox-mocha-ethers';
import { defineConfig } from 'hardhat/config';

// The compiler comes from npm, so that nothing is downloaded: `path` has to stand in every build profile.
const compiler = (runs: number) => ({
  version: '0.8.37',
  path: createRequire(import.meta.url).resolve('solc/soljson.js'),
  settings: { evmVersion: 'cancun', optimizer: { enabled: true, runs }, viaIR: true },
});
// The escrow fits into the 24,576 bytes that code may have; with more runs it does not. What is deployed is compiled source by source, so that its code
// does not depend on tests; these, and what else creates an escrow, are compiled in one go.
const FEW_RUNS = 200;
const profile = {
  compilers: [compiler(FEW_RUNS)],
  overrides: {
    'contracts/BountyEscrow.sol': compiler(FEW_RUNS),
    ...Object.fromEntries(
      ['CommitmentRegistry', 'Delivery', 'FraudProof', 'Generators'].map((name) => [`contracts/${name}.sol`, compiler(10_000)]),
    ),
  },
};

export default defineConfig({
  plugins: [toolbox],
  solidity: { profiles: { default: profile, production: profile } },
  paths: {
    sources: ['./contracts', './test/contracts/mocks'],
    tests: { mocha: './test/contracts', solidity: './test/contracts/solidity' },
    ignition: './deploy',
  },
  // TypeScript reads the ABIs of deploy/artifacts.ts.
  typechain: { dontOverrideCompile: true },
  test: { mocha: { timeout: 60_000 }, solidity: { fuzz: { runs: 64 }, invariant: { runs: 32, depth: 100 } } },
});
