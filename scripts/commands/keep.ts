import { join } from 'node:path';
import { Command } from 'commander';
import type { LocalAccount } from 'viem';
import { delivers } from '../../verifier/delivery/terms.ts';
import { InputError } from '../../verifier/input.ts';
import { action, example, type Report } from '../lib/command.ts';
import { loadKey, LOSING_D } from '../lib/delivery/key-file.ts';
import { demandOption } from '../lib/delivery/receiver-options.ts';
import { checkKey, PUBLISHES_S } from '../lib/delivery/receiving.ts';
import { withEngine } from '../lib/engine.ts';
import { contributorOf } from '../lib/keep/contributor.ts';
import type { KeepEvent } from '../lib/keep/keeper.ts';
import { keepParty, type Keeping } from '../lib/keep/party.ts';
import { posterOf, readInputs } from '../lib/keep/poster.ts';
import { signingAccount } from '../lib/keys.ts';
import { durationOption, integerOption } from '../lib/options.ts';
import { openPackage, readPosting, type OpenPackage } from '../lib/package.ts';
import { openClaimStores, sourceOptions, type SourceOptions } from '../lib/stores/open.ts';

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
    case 'done':
      return `${e.duty}: ${e.text}`;
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

/** Runs a keeper and reports. */
async function run(
  role: string,
  options: KeepOptions,
  posting: OpenPackage['posting'],
  account: LocalAccount,
  party: Keeping,
  signal: AbortSignal,
): Promise<Report> {
  const { rpc, state, every } = options;
  const kept = await keepParty({
    ...{ rpc, state, every, posting, account, party, role, signal },
    ...{ once: options.once === true, say: sayer(options.json === true) },
    ...(options.confirmations === undefined ? {} : { confirmations: options.confirmations }),
  });
  // What still waits for a node that hangs must not keep the process.
  setTimeout(() => process.exit(), 2000).unref();
  return {
    json: { bounty: posting.id, role, ...kept },
    text: kept.over ? 'nothing is left to do' : kept.sent.length === 0 ? 'nothing was due' : `${kept.sent.length} transactions sent`,
    failed: options.once === true && kept.failing.length > 0,
  };
}

function contributorCommand(): Command {
  const command = keepOptions(
    new Command('contributor')
      .description(
        'do what a claimant must: answer demands, accept when the window allows, reveal, settle, withdraw; until all is paid out. Start it before or after `claim`',
      )
      .argument('<run>', 'folder of `train` and `claim`')
      .requiredOption('--package <folder>', 'the bounty’s package'),
  );
  example(command, 'FINEPROOF_KEYSTORE=contributor.json fineproof keep contributor run/ --package bounty/ --rpc https://node');
  return action<KeepOptions & { readonly package: string }>(command, async ([folder], options) => {
    const signal = stopSignal();
    const account = await signingAccount();
    return withEngine('wasm', async (engine) => {
      const opened = await openPackage(options.package, engine);
      return run('contributor', options, opened.posting, account, await contributorOf(folder as string, opened, account, engine), signal);
    });
  });
}

interface PosterOptions extends KeepOptions, SourceOptions {
  readonly keys?: string;
  readonly out?: string;
  readonly inputs?: string;
  readonly demandUpTo: bigint;
}

function posterCommand(): Command {
  const command = sourceOptions(
    keepOptions(
      new Command('poster')
        .description(
          'do what a poster must: disclose inputs, take in the adapter and check it, complain about a wrong row, end what is overdue, refund, withdraw',
        )
        .argument('<package>', 'the bounty’s package'),
    ),
  )
    .option('--keys <file>', 'the bounty’s delivery key, from `keys new`')
    .option('--out <folder>', 'with --keys: folder of the adapter')
    .option('--inputs <file>', 'what to disclose: {"digest", "salt", "uri"}')
    .addOption(demandOption())
    .addHelpText('after', `\n${LOSING_D}\n${PUBLISHES_S}`);
  example(
    command,
    'FINEPROOF_KEYSTORE=poster.json fineproof keep poster bounty/ --keys delivery.key --out adapter/ --store store/ --demand-up-to 0.1',
  );
  return action<PosterOptions>(command, async ([folder], options) => {
    const signal = stopSignal();
    const account = await signingAccount();
    const posting = readPosting(folder as string);
    const inputs = options.inputs === undefined ? null : readInputs(options.inputs);
    if (!delivers(posting.terms)) return run('poster', options, posting, account, posterOf(posting, account, null, inputs), signal);
    const { keys, out } = options;
    for (const [name, value] of [
      ['--keys', keys],
      ['--out', out],
    ] as const)
      if (value === undefined) throw new InputError(name, '', 'is missing', 'this bounty delivers: say with which key, and where to');
    return withEngine('wasm', async (engine) => {
      const { bounty } = await openPackage(folder as string, engine);
      const key = await loadKey(keys as string);
      checkKey(bounty, key, keys as string);
      const opening = {
        ...{ receiver: { bounty, key, stores: openClaimStores(options), engine }, package: folder as string },
        ...{ out: out as string, content: join(options.state, 'content'), spend: options.demandUpTo },
      };
      return run('poster', options, posting, account, posterOf(posting, account, opening, inputs), signal);
    });
  });
}

/** `fineproof keep contributor|poster` */
export function keepCommand(): Command {
  return new Command('keep')
    .description('do a party’s duties until a bounty is over; may be killed and started again at any time')
    .addCommand(contributorCommand())
    .addCommand(posterCommand());
}
