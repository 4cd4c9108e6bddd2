import { Command } from 'commander';
import { action, example, table } from '../lib/command.ts';
import { examine } from '../lib/doctor.ts';
import { chainOptions, storeOption, type ChainOptions } from '../lib/options.ts';

/** `fineproof doctor` */
export function doctorCommand(): Command {
  const command = storeOption(chainOptions(new Command('doctor').description('check this machine, the kernels, the chain and the keys')));
  example(command, 'fineproof doctor --rpc http://127.0.0.1:8545');
  return action<ChainOptions & { readonly store: string }>(command, async (_args, options) => {
    const findings = await examine(options);
    const failed = findings.some((f) => f.state === 'failed');
    return { json: { ok: !failed, findings }, text: table(findings.map((f) => [f.state, f.what, f.detail])), failed };
  });
}
