#!/usr/bin/env node
/** The command line `fineproof`: one file a command in commands/. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { adapterCommand } from './commands/adapter.ts';
import { acceptCommand } from './commands/accept.ts';
import { attestCommand } from './commands/attest.ts';
import { auditCommand } from './commands/audit.ts';
import { bountyCommand } from './commands/bounty.ts';
import { claimCommand } from './commands/claim.ts';
import { dataCommand } from './commands/data.ts';
import { demoCommand } from './commands/demo.ts';
import { doctorCommand } from './commands/doctor.ts';
import { modelCommand } from './commands/model.ts';
import { trainCommand } from './commands/train.ts';
import { verifyCommand } from './commands/verify.ts';
import { withdrawCommand } from './commands/withdraw.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

const program = new Command('fineproof')
  .description('Fine-tuning bounties on an EVM chain, every training step proven in zero knowledge')
  .version(version)
  .showHelpAfterError('(--help shows the options)');

for (const make of [
  doctorCommand,
  modelCommand,
  dataCommand,
  bountyCommand,
  trainCommand,
  claimCommand,
  attestCommand,
  acceptCommand,
  withdrawCommand,
  verifyCommand,
  auditCommand,
  adapterCommand,
  demoCommand,
])
  program.addCommand(make());

await program.parseAsync();
