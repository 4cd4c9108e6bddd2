import { Command } from 'commander';
import { setTimeout as sleep } from 'node:timers/promises';
import { escrowOf } from '../lib/bounties.ts';
import { attestPending, type Verdict } from '../lib/attester.ts';
import { withChain } from '../lib/chain.ts';
import { action, example } from '../lib/command.ts';
import { engineOption, withEngine, type EngineOptions } from '../lib/engine.ts';
import { signingAccount } from '../lib/keys.ts';
import { chainOptions, durationOption, storeOption, type ChainOptions } from '../lib/options.ts';
import { openPackage } from '../lib/package.ts';

interface Options extends ChainOptions, EngineOptions {
  readonly store: string;
  readonly records: string;
  readonly watch?: true;
  readonly every: number;
}

const line = (v: Verdict): string =>
  `claim ${v.claim}: ${v.valid === null ? 'no verdict' : v.valid ? 'valid' : 'INVALID'} (${v.reason}; ${v.seconds.toFixed(1)} s)${v.sent === null ? '' : `, sent in ${v.sent.hash}`}`;

/** `fineproof attest` */
export function attestCommand(): Command {
  const command = engineOption(
    storeOption(
      chainOptions(
        new Command('attest')
          .description('verify the pending claims of a bounty and sign a verdict')
          .argument('<package>', 'the bounty’s package'),
      ),
    ),
  )
    .option('--records <folder>', 'folder of signed verdicts, one a claim; attesters may share it', '.fineproof/verdicts')
    .option('--watch', 'go on with claims that come later, until stopped')
    .option('--every <time>', 'how often to look, with --watch', durationOption, 10);
  example(command, 'FINEPROOF_PRIVATE_KEY=0x… fineproof attest bounty/ --store store/ --watch');
  return action<Options>(command, async ([folder], options) => {
    const signer = await signingAccount();
    return withEngine(options.engine, (engine) =>
      withChain(options.rpc, async (chain) => {
        const { bounty, posting } = await openPackage(folder as string, engine);
        const attester = {
          escrow: await escrowOf(chain, options.escrow, posting),
          bounty,
          signer,
          sender: signer,
          store: options.store,
          records: options.records,
          engine,
        };
        const verdicts: Verdict[] = [];
        let stopped = false;
        if (options.watch === true) for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (stopped = true));
        for (;;) {
          const fresh = await attestPending(attester);
          for (const v of fresh) if (options.watch === true && (v.sent !== null || v.seconds > 0)) process.stderr.write(`${line(v)}\n`);
          verdicts.push(...fresh.filter((v) => v.sent !== null || options.watch !== true));
          if (options.watch !== true || stopped) break;
          for (let waited = 0; waited < options.every && !stopped; waited++) await sleep(1000);
        }
        return {
          json: { bounty: bounty.id, engine: engine.name, verdicts },
          text: verdicts.length === 0 ? 'no pending claim' : verdicts.map(line).join('\n'),
        };
      }),
    );
  });
}
