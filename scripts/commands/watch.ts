import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { escrowOf } from '../lib/bounties.ts';
import { challengeCaution } from '../lib/cautions.ts';
import { withChain } from '../lib/chain.ts';
import { action, example } from '../lib/command.ts';
import { doubterOf, doubtOptions, doubtText, type DoubtOptions } from '../lib/doubters.ts';
import { withEngine } from '../lib/engine.ts';
import { signingAccount } from '../lib/keys.ts';
import { chainOptions, durationOption, integerOption, type ChainOptions } from '../lib/options.ts';
import { openPackage } from '../lib/package.ts';
import { unreachable } from '../lib/sending.ts';
import { chainView } from '../lib/service/chain-view.ts';
import { watchOnce, type Watch, type Watched } from '../lib/watch.ts';

interface Options extends ChainOptions, DoubtOptions {
  readonly cursors: string;
  readonly once?: true;
  readonly every: number;
  readonly confirmations?: number;
}

/** Most outcomes that the report at the end has; earlier ones were printed. */
const MAX_REPORTED = 1000;

const line = ({ claim, doubt, reason }: Watched): string =>
  doubt === null ? `claim ${claim}: failed, is tried again: ${reason}` : doubtText(claim, doubt);

/** `fineproof watch` */
export function watchCommand(): Command {
  const command = doubtOptions(
    chainOptions(
      new Command('watch')
        .description('watchtower: challenge every false claim of bounties that can be challenged, until they are settled')
        .argument('<packages...>', 'packages of the bounties'),
    ),
  )
    .option('--cursors <folder>', 'folder that remembers which claims were looked at', '.fineproof/watch')
    .option('--once', 'look once')
    .option('--every <time>', 'how often to look', durationOption, 10)
    .option(
      '--confirmations <blocks>',
      'blocks behind the head that count as settled, if not those that the node calls finalized',
      integerOption(0, 1_000_000),
    );
  example(command, 'FINEPROOF_PRIVATE_KEY=0x… fineproof watch bounty/ --store store/ --demand-up-to 0.05');
  return action<Options>(command, async (folders, options) =>
    withEngine('wasm', (engine) =>
      withChain(options.rpc, async (chain) => {
        const account = await signingAccount();
        const watches: Watch[] = [];
        for (const folder of folders) {
          const { bounty, posting } = await openPackage(folder, engine);
          const escrow = await escrowOf(chain, options.escrow, posting);
          const doubter = doubterOf(bounty, escrow, account, options, engine);
          const caution = challengeCaution(bounty.terms, await chain.client.getGasPrice());
          if (caution !== null) process.stderr.write(`bounty ${bounty.id}: ${caution}\n`);
          const { head } = chainView(escrow, bounty.id, options.confirmations, (text) => void process.stderr.write(`${text}\n`));
          watches.push({ doubter, head, bounty: bounty.id, cursors: options.cursors, waiting: new Map(), overSince: null });
        }
        const reported: Watched[] = [];
        const last = new Map<string, string>();
        /** What fails, by bounty; the empty string: nothing. */
        const troubles = new Map<Watch, string>();
        let stopped = options.once === true;
        const stop = (): void => void (stopped = true);
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
        for (;;) {
          let ended = 0;
          for (const watch of watches) {
            let seen: readonly Watched[];
            try {
              const now = await watchOnce(watch);
              seen = now.seen;
              ended += now.over ? 1 : 0;
              if (troubles.get(watch)) process.stderr.write(`bounty ${watch.bounty}: the node answers again\n`);
              troubles.set(watch, '');
            } catch (e) {
              // A watchtower outlives its node, whatever that says; but what fails at once may be a wrong option.
              if (options.once === true || (!troubles.has(watch) && !unreachable(e))) throw e;
              const trouble = (e as Error).message;
              if (troubles.get(watch) !== trouble) process.stderr.write(`bounty ${watch.bounty}: trying again: ${trouble}\n`);
              troubles.set(watch, trouble);
              continue;
            }
            for (const one of seen) {
              const text = line(one);
              if (last.get(one.claim) === text) continue;
              last.set(one.claim, text);
              reported.push(one);
              if (options.once !== true) process.stderr.write(`${text}\n`);
            }
            if (reported.length > MAX_REPORTED) reported.splice(0, reported.length - MAX_REPORTED);
          }
          if (stopped || ended === watches.length) break;
          for (let waited = 0; waited < options.every && !stopped; waited++) await sleep(1000);
        }
        return {
          json: { bounties: watches.map((w) => w.bounty), claims: reported },
          text: reported.length === 0 ? 'no claim to look at' : reported.map(line).join('\n'),
        };
      }),
    ),
  );
}
