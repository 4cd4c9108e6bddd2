/** Hardhat's settings for `coverage.ts`: instrumented contracts are built beside the others, and mocks don't count. */
import { defineConfig } from 'hardhat/config';
import config from '../../hardhat.config.ts';

export default defineConfig({
  ...config,
  paths: { ...config.paths, artifacts: './cache/coverage/artifacts', cache: './cache/coverage/cache' },
  coverage: { skipFiles: ['test/**'] },
  typechain: { dontOverrideCompile: true, outDir: './cache/coverage/types' },
});
