/** Hardhat's settings for `local-chain.ts`: nothing but the node, whose first block may lie in the past so that a recorded chain can be replayed. */
import { defineConfig } from 'hardhat/config';

export default defineConfig({
  networks: {
    node: {
      type: 'edr-simulated',
      chainId: 31337,
      ...(process.env['FINEPROOF_GENESIS'] === undefined ? {} : { initialDate: process.env['FINEPROOF_GENESIS'] }),
    },
  },
});
