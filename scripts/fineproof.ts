#!/usr/bin/env node
/** The command line `fineproof`: one file a command in commands/, loaded when it is called. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { runProgram } from './lib/command.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

const commands: Readonly<Record<string, () => Promise<Command>>> = {
  doctor: async () => (await import('./commands/doctor.ts')).doctorCommand(),
  model: async () => (await import('./commands/model.ts')).modelCommand(),
  data: async () => (await import('./commands/data.ts')).dataCommand(),
  bounty: async () => (await import('./commands/bounty.ts')).bountyCommand(),
  train: async () => (await import('./commands/train.ts')).trainCommand(),
  claim: async () => (await import('./commands/claim.ts')).claimCommand(),
  attest: async () => (await import('./commands/attest.ts')).attestCommand(),
  challenge: async () => (await import('./commands/challenge.ts')).challengeCommand(),
  watch: async () => (await import('./commands/watch.ts')).watchCommand(),
  demand: async () => (await import('./commands/demand.ts')).demandCommand(),
  answer: async () => (await import('./commands/answer.ts')).answerCommand(),
  accept: async () => (await import('./commands/accept.ts')).acceptCommand(),
  settle: async () => (await import('./commands/settle.ts')).settleCommand(),
  reserve: async () => (await import('./commands/reserve.ts')).reserveCommand(),
  enter: async () => (await import('./commands/enter.ts')).enterCommand(),
  disclose: async () => (await import('./commands/disclose.ts')).discloseCommand(),
  keys: async () => (await import('./commands/keys.ts')).keysCommand(),
  reveal: async () => (await import('./commands/reveal.ts')).revealCommand(),
  receive: async () => (await import('./commands/receive.ts')).receiveCommand(),
  complain: async () => (await import('./commands/complain.ts')).complainCommand(),
  keep: async () => (await import('./commands/keep.ts')).keepCommand(),
  withdraw: async () => (await import('./commands/withdraw.ts')).withdrawCommand(),
  verify: async () => (await import('./commands/verify.ts')).verifyCommand(),
  audit: async () => (await import('./commands/audit.ts')).auditCommand(),
  adapter: async () => (await import('./commands/adapter.ts')).adapterCommand(),
  demo: async () => (await import('./commands/demo.ts')).demoCommand(),
};

const program = new Command('fineproof')
  .description('Fine-tuning bounties on an EVM chain, every training step proven in zero knowledge')
  .version(version)
  .showHelpAfterError('(--help shows the options)');

await runProgram(program, commands);
