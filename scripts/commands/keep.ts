import { Command } from 'commander';
import type { LocalAccount } from 'viem';
import { action, example } from '../lib/command.ts';
import { withEngine } from '../lib/engine.ts';
import { contributorOf } from '../lib/keep/contributor.ts';
import type { KeepEvent } from '../lib/keep/keeper.ts';
import { keepParty } from '../lib/keep/party.ts';
import { signingAccount } from '../lib/keys.ts';
import { durationOption, integerOption } from '../lib/options.ts';
import { openPackage } from '../lib/package.ts';

interface KeepOptions {
  readonly rpc: string;
  readonly state: string;
  readonly once?: true;
  readonly every: number;
  readonly confirmations?: number;
  readonly json?: true;
}

const keepOptions = (command: Command): Command =>
  command
    .option('--rpc <url>', 'JSON-RPC of a node (FINEPROOF_RPC)', process.env['FINEPROOF_RPC'] ?? 'http://127.0.0.1:8545')
    .option('--state <folder>', 'folder of what is signed and not yet mined, and of the lock', '.fineproof/keep')
    .option('--once', 'do what is due now, and end')
    .option('--every <time>', 'how often to look', durationOption, 10)
    .option(
      '--confirmations <blocks>',
      'blocks behind the head that count as settled, if not those that the node calls finalized',
      integerOption(0, 1_000_000),
    );

function eventText(e: KeepEvent): string {
  switch (e.event) {
    case 'sent':
      return `${e.duty}: ${e.transaction}, ${e.gas} gas`;
    case 'failed':
      return `${e.duty}: failed, is tried again (${e.failures}): ${e.reason}`;
    default:
      return e.text;
  }
}

/** Events as lines on standard error: for people, or with --json one object each. */
const sayer =
  (json: boolean) =>
  (event: KeepEvent): void => {
    const line = json ? JSON.stringify(event, (_key, v: unknown) => (typeof v === 'bigint' ? v.toString() : v)) : eventText(event);
    process.stderr.write(`${line}\n`);
  };

/** A signal that SIGINT and SIGTERM abort; a second one kills. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort(new Error(name)));
  return stop.signal;
}

function contributorCommand(): Command {
  const command = keepOptions(
    new Command('contributor')
      .description('do what a claimant must: answer demands, accept when the window allows, settle, withdraw; until all is paid out')
      .argument('<run>', 'folder of `train` and `claim`')
      .requiredOption('--package <folder>', 'the bounty’s package'),
  );
  example(command, 'FINEPROOF_KEYSTORE=contributor.json fineproof keep contributor run/ --package bounty/ --rpc https://node');
  return action<KeepOptions & { readonly package: string }>(command, async ([run], options) => {
    const signal = stopSignal();
    const account: LocalAccount = await signingAccount();
    return withEngine('wasm', async (engine) => {
      const opened = await openPackage(options.package, engine);
      const party = contributorOf(run as string, opened, account, engine);
      const { rpc, state, every } = options;
      const kept = await keepParty({
        ...{ rpc, state, every, posting: opened.posting, account, party, role: 'contributor', signal },
        ...{ once: options.once === true, say: sayer(options.json === true) },
        ...(options.confirmations === undefined ? {} : { confirmations: options.confirmations }),
      });
      // What still waits for a node that hangs must not keep the process.
      setTimeout(() => process.exit(), 2000).unref();
      return {
        json: { bounty: opened.bounty.id, role: 'contributor', ...kept },
        text: kept.over ? 'nothing is left to do' : kept.sent.length === 0 ? 'nothing was due' : `${kept.sent.length} transactions sent`,
        failed: options.once === true && kept.failing.length > 0,
      };
    });
  });
}

/** `fineproof keep contributor` */
export function keepCommand(): Command {
  return new Command('keep')
    .description('do a party’s duties until a bounty is over; may be killed and started again at any time')
    .addCommand(contributorCommand());
}
