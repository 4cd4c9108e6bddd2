/**
 * Hardhat's node, ending when the process that started it ends, however that happens: its standard input closes then. Anything written
 * there before means that it shall stay.
 */
import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

let stay = false;
process.stdin.on('data', () => (stay = true));
process.stdin.on('end', () => {
  if (!stay) process.exit(0);
});

// Hardhat's command line takes this process's arguments.
const hardhat = dirname(createRequire(import.meta.url).resolve('hardhat/package.json'));
await import(pathToFileURL(join(hardhat, 'dist', 'src', 'cli.js')).href);
