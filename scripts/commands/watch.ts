import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { escrowOf } from '../lib/bounties.ts';
import { withChain } from '../lib/chain.ts';
import { action, example } from '../lib/command.ts';
import { doubterOf, doubtOptions, doubtText, type DoubtOptions } from '../lib/doubters.ts';
import { withEngine } from '../lib/engine.ts';
import { signingAccount } from '../lib/keys.ts';
import { chainOptions, durationOption, type ChainOptions } from '../lib/options.ts';
import { openPackage } from '../lib/package.ts';
import { unreachable } from '../lib/sending.ts';
import { watchOnce, type Watch, type Watched } from '../lib/watch.ts';

interface Options extends ChainOptions, DoubtOptions {
  readonly cursors: string;
  readonly once?: true;
  readonly every: number;
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
    .option('--every <time>', 'how often to look', durationOption, 10);
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
          watches.push({ doubter, bounty: bounty.id, cursors: options.cursors, waiting: new Map() });
        }
        const reported: Watched[] = [];
        const last = new Map<string, string>();
        let stopped = options.once === true;
        const stop = (): void => void (stopped = true);
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
        for (;;) {
          const open: boolean[] = [];
          for (const watch of watches) {
            let seen: Watched[];
            try {
              seen = await watchOnce(watch);
              open.push((await watch.doubter.escrow.bounty(watch.bounty)).status === 1);
            } catch (e) {
              // A watchtower outlives its node.
              if (options.once === true || !unreachable(e)) throw e;
              process.stderr.write(`the node does not answer; trying again: ${(e as Error).message}\n`);
              open.push(true);
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
          if (stopped || !open.includes(true)) break;
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
