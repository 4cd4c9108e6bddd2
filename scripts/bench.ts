/** `npm run bench -- <name> [--json]`: the benches, one module each under scripts/bench, loaded when called. */
import { Command } from 'commander';
import { runProgram } from './lib/command.ts';

const benches: Readonly<Record<string, () => Promise<Command>>> = {
  cells: async () => (await import('./bench/cells.ts')).cellsCommand(),
  kernels: async () => (await import('./bench/kernels.ts')).kernelsCommand(),
  scaling: async () => (await import('./bench/scaling.ts')).scalingCommand(),
  lora: async () => (await import('./bench/lora.ts')).loraCommand(),
  record: async () => (await import('./bench/record.ts')).recordCommand(),
  step: async () => (await import('./bench/step.ts')).stepCommand(),
  walk: async () => (await import('./bench/walk.ts')).walkCommand(),
};

const program = new Command('bench')
  .usage('<name> [options]')
  .description('Times, memory and sizes on this machine; --json for programs')
  .showHelpAfterError('(--help shows the options)');

await runProgram(program, benches);
