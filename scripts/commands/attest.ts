import { Command } from 'commander';
import { join } from 'node:path';
import { escrowOf } from '../lib/bounties.ts';
import { attestPending, checkSigner, judge, sendVerdict, type Attester, type Verdict } from '../lib/attester.ts';
import { bundleSize } from '../lib/bundles.ts';
import { withChain } from '../lib/chain.ts';
import { action, example } from '../lib/command.ts';
import { engineOption, withEngine, type EngineOptions } from '../lib/engine.ts';
import { signingAccount } from '../lib/keys.ts';
import { chainOptions, durationOption, integerOption, type ChainOptions } from '../lib/options.ts';
import { openPackage } from '../lib/package.ts';
import { chainView } from '../lib/service/chain-view.ts';
import { healthOption, serveHealth, type HealthAddress } from '../lib/service/health.ts';
import { lock } from '../lib/service/lock.ts';
import { createMetrics } from '../lib/service/metrics.ts';
import { createWatcher } from '../lib/service/watcher.ts';
import { openSource, sourceOptions, type SourceOptions } from '../lib/stores/open.ts';

interface Options extends ChainOptions, EngineOptions, SourceOptions {
  readonly records: string;
  readonly watch?: true;
  readonly every: number;
  readonly confirmations?: number;
  readonly fromBlock: number;
  readonly health?: HealthAddress;
}

const line = (v: Verdict): string =>
  `claim ${v.claim}: ${v.valid === null ? 'no verdict' : v.valid ? 'valid' : 'INVALID'} (${v.reason}; ${v.seconds.toFixed(1)} s)${v.sent === null ? '' : `, sent in ${v.sent.hash}`}`;

const log = (text: string): void => void process.stderr.write(`${text}\n`);

/** Verdicts that the report of a service that ends shows: the last ones. */
const SHOWN = 100;

/** Watches until the signal is aborted; the verdicts that were sent. */
async function watch(attester: Attester, base: string, options: Options, signal: AbortSignal): Promise<Verdict[]> {
  const sentVerdicts: Verdict[] = [];
  const metrics = createMetrics();
  const took = { seconds: 0 };
  const watcher = createWatcher({
    view: chainView(attester.escrow, attester.bounty.id, options.confirmations, log),
    async judge(claim, stop) {
      const judged = await judge(attester, claim, stop);
      took.seconds = judged.seconds;
      return judged;
    },
    async send(claim, record) {
      const sent = await sendVerdict(attester, claim, record);
      if (sent === null) return null;
      sentVerdicts.push({ claim, valid: record.valid, reason: record.reason, seconds: took.seconds, sent });
      if (sentVerdicts.length > SHOWN) sentVerdicts.shift();
      return sent;
    },
    cursor: `${base}.cursor.json`,
    from: BigInt(options.fromBlock),
    every: options.every * 1000,
    metrics,
    log,
  });
  const health = options.health === undefined ? null : await serveHealth(options.health, watcher.health, () => metrics.text());
  if (health !== null) log(`${health.url}/healthz and /metrics`);
  try {
    await watcher.run(signal);
  } finally {
    health?.close();
  }
  // What still waits for a node that hangs must not keep the process.
  setTimeout(() => process.exit(), 2000).unref();
  return sentVerdicts;
}

/** `fineproof attest` */
export function attestCommand(): Command {
  const command = engineOption(
    sourceOptions(
      chainOptions(
        new Command('attest')
          .description('verify the pending claims of a bounty and sign a verdict')
          .argument('<package>', 'the bounty’s package'),
      ),
    ),
  )
    .option('--records <folder>', 'folder of verdicts, one a claim; attesters may share it', '.fineproof/verdicts')
    .option('--watch', 'go on with claims that come later, until stopped')
    .option('--every <time>', 'how often to look, with --watch', durationOption, 10)
    .option(
      '--confirmations <blocks>',
      'with --watch: read claims that lie so far behind the head, not those that the node calls finalized',
      integerOption(0, 1_000_000),
    )
    .option('--from-block <number>', 'with --watch: where to begin reading, the first time', integerOption(0, Number.MAX_SAFE_INTEGER), 0)
    .option('--health <host:port>', 'with --watch: serve /healthz and /metrics; a port alone is one of 127.0.0.1', healthOption);
  example(command, 'FINEPROOF_PRIVATE_KEY=0x… fineproof attest bounty/ --store store/ --watch --health 9464');
  return action<Options>(command, async ([folder], options) => {
    const stop = new AbortController();
    if (options.watch === true) for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort(new Error(name)));
    const signer = await signingAccount();
    const source = openSource(options);
    return withEngine(options.engine, (engine) =>
      withChain(options.rpc, async (chain) => {
        const { bounty, posting } = await openPackage(folder as string, engine);
        const { records } = options;
        const escrow = await escrowOf(chain, options.escrow, posting);
        const attester: Attester = { escrow, bounty, signer, sender: signer, source, size: bundleSize(bounty), records, engine };
        checkSigner(attester);
        const base = join(records, `attest-${bounty.id}-${signer.address.toLowerCase()}`);
        const unlock = lock(`${base}.lock`, `attesting this bounty with ${signer.address}`);
        let verdicts: Verdict[];
        try {
          verdicts = await (options.watch === true ? watch(attester, base, options, stop.signal) : attestPending(attester));
        } finally {
          unlock();
        }
        return {
          json: { bounty: bounty.id, engine: engine.name, verdicts },
          text: verdicts.length > 0 ? verdicts.map(line).join('\n') : options.watch === true ? 'no verdict was sent' : 'no pending claim',
        };
      }),
    );
  });
}
