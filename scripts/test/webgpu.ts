/**
 * `npm run test:webgpu`: the suites of test/webgpu in Node and in headless Chromium, on a software adapter. Without an adapter it fails, unless
 * --allow-skip is given. With --hardware, Node computes on the machine's own adapter.
 */
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { softwareStack } from '../lib/software-stack.ts';
import { runSuites } from './suites.ts';

interface Options {
  readonly allowSkip?: true;
  readonly hardware?: true;
}

const program = new Command('test:webgpu')
  .description('every WebGPU kernel against the reference, and whole proofs, in Node and in headless Chromium')
  .argument('[file...]', 'suites (default: all of test/webgpu)')
  .option('--allow-skip', 'pass where there is no adapter or no browser')
  .option('--hardware', 'in Node, the machine’s own adapter instead of a software one')
  .addHelpText(
    'after',
    `
Examples:
  npm run test:webgpu
  npm run test:webgpu -- test/webgpu/curve.test.ts
  npm run test:webgpu -- --hardware`,
  )
  .parse();
const options = program.opts<Options>();

process.chdir(fileURLToPath(new URL('../..', import.meta.url)));
const stack = await softwareStack();
if (stack === null)
  process.stderr.write(
    'The software adapter that the tests bring is for Linux on x86-64; elsewhere install lavapipe (mesa-vulkan-drivers) or a driver, and Chromium.\n',
  );
if (stack !== null && !options.hardware) Object.assign(process.env, stack.adapter);
if (!options.allowSkip) process.env['FINEPROOF_WEBGPU'] = 'required';

const given = program.args;
const files = given.length > 0 ? given : [...globSync('test/webgpu/**/*.test.ts'), 'test/browser/webgpu.test.ts'];
const { passed, failed, skipped, failures } = await runSuites(files, availableParallelism());
for (const failure of failures) console.log(`failed: ${failure}`);
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed === 0 && (skipped === 0 || options.allowSkip) ? 0 : 1);
