import { createRequire } from 'node:module';
import toolbox from '@nomicfoundation/hardhat-toolbox-mocha-ethers';
import { defineConfig } from 'hardhat/config';

// The compiler comes from npm, so that nothing is downloaded: `path` has to stand in every build profile.
const compiler = {
  version: '0.8.37',
  path: createRequire(import.meta.url).resolve('solc/soljson.js'),
  settings: { evmVersion: 'cancun', optimizer: { enabled: true, runs: 10_000 }, viaIR: true },
};

export default defineConfig({
  plugins: [toolbox],
  solidity: { profiles: { default: { compilers: [compiler] }, production: { compilers: [compiler] } } },
  paths: {
    sources: ['./contracts', './test/contracts/mocks'],
    tests: { mocha: './test/contracts', solidity: './test/contracts/solidity' },
    ignition: './deploy',
  },
  // TypeScript reads the ABIs of deploy/artifacts.ts.
  typechain: { dontOverrideCompile: true },
  test: { mocha: { timeout: 60_000 }, solidity: { fuzz: { runs: 64 }, invariant: { runs: 16, depth: 60 } } },
});
