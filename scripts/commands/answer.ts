import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { delivers } from '../../verifier/delivery/terms.ts';
import { InputError } from '../../verifier/input.ts';
import { answerDemands, openAnswers, type Answered } from '../lib/answering.ts';
import { escrowOf } from '../lib/bounties.ts';
import { withChain } from '../lib/chain.ts';
import { action, example } from '../lib/command.ts';
import { nodeText } from '../lib/demands.ts';
import { withEngine } from '../lib/engine.ts';
import { signingAccount } from '../lib/keys.ts';
import { checkedVerifier } from '../lib/optimistic.ts';
import { chainOptions, durationOption, type ChainOptions } from '../lib/options.ts';
import { openPackage } from '../lib/package.ts';
import { unreachable } from '../lib/sending.ts';

interface Options extends ChainOptions {
  readonly package: string;
  readonly watch?: true;
  readonly every: number;
}

const line = ({ claim, node, sent }: Answered): string => `claim ${claim}: answered ${nodeText(node)} in ${sent.hash}, ${sent.gas} gas`;

/** `fineproof answer` */
export function answerCommand(): Command {
  const command = chainOptions(
    new Command('answer')
      .description(
        'answer the open demands on a run’s claim, from bundle, trace and encrypted rows in its folder; the fees are the claimant’s',
      )
      .argument('<run>', 'folder of `train` and `claim`'),
  )
    .requiredOption('--package <folder>', 'the bounty’s package')
    .option('--watch', 'go on with demands that come later, until stopped')
    .option('--every <time>', 'how often to look, with --watch', durationOption, 10);
  example(command, 'FINEPROOF_PRIVATE_KEY=0x… fineproof answer run/ --package bounty/ --watch');
  return action<Options>(command, ([run], options) =>
    withEngine('wasm', (engine) =>
      withChain(options.rpc, async (chain) => {
        const account = await signingAccount();
        const { bounty, posting } = await openPackage(options.package, engine);
        const escrow = await escrowOf(chain, options.escrow, posting);
        const verifier = checkedVerifier(bounty, engine);
        if (verifier === null && !delivers(bounty.terms))
          throw new InputError('bounty.json', 'terms.rule', 'is Attested, without delivery', 'nothing can be demanded of its claims');
        const answers = openAnswers(run as string, bounty, verifier, engine);
        const answered: Answered[] = [];
        let stopped = false;
        if (options.watch === true) for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (stopped = true));
        /** What was said last, by what it was about. */
        const said = new Map<string, string>();
        const say = (about: string, error: unknown): void => {
          const text = `${about}: ${(error as Error).message}; trying again`;
          if (said.get(about) !== text) process.stderr.write(`${text}\n`);
          said.set(about, text);
        };
        for (let looked = false; ;) {
          let fresh: readonly Answered[] = [];
          try {
            const { answered: now, failed } = await answerDemands(escrow, account, bounty, verifier, run as string, answers);
            looked = true;
            fresh = now;
            if (options.watch !== true && failed[0] !== undefined) throw failed[0].error;
            for (const { claim, node, error } of failed) say(`claim ${claim}: ${nodeText(node)} is not answered`, error);
          } catch (e) {
            // Whoever owes answers outlives the node, whatever that says; but what fails at once may be a wrong option.
            if (options.watch !== true || (!looked && !unreachable(e))) throw e;
            say('demands cannot be read', e);
          }
          if (options.watch === true) for (const one of fresh) process.stderr.write(`${line(one)}\n`);
          answered.push(...fresh);
          if (options.watch !== true || stopped) break;
          for (let waited = 0; waited < options.every && !stopped; waited++) await sleep(1000);
        }
        return {
          json: { bounty: bounty.id, answered },
          text: answered.length === 0 ? 'no open demand' : answered.map(line).join('\n'),
        };
      }),
    ),
  );
}
