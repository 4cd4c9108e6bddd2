import { join } from 'node:path';
import { Command } from 'commander';
import { claimId } from '../../verifier/statement.ts';
import { verifyClaim } from '../../verifier/bounty.ts';
import { InputError } from '../../verifier/input.ts';
import { escrowOf } from '../lib/bounties.ts';
import { publishBundle, publishTrace } from '../lib/bundles.ts';
import { withChain } from '../lib/chain.ts';
import { action, example, table } from '../lib/command.ts';
import { readBounded, writeAtomic } from '../lib/files.ts';
import { withEngine } from '../lib/engine.ts';
import { signingAccount } from '../lib/keys.ts';
import { chainOptions, repeated, type ChainOptions } from '../lib/options.ts';
import { checkedVerifier, traceOf } from '../lib/optimistic.ts';
import { openPackage } from '../lib/package.ts';
import { bodyOf, readClaim, TRACE_FILE } from '../lib/run-folder.ts';
import { nothingUnderWay } from '../lib/sending.ts';
import { openStores, storesOption, type StoresOptions } from '../lib/stores/open.ts';

interface Options extends ChainOptions, StoresOptions {
  readonly package: string;
  readonly publish?: true;
  readonly uri?: readonly string[];
}

/** `fineproof claim` */
export function claimCommand(): Command {
  const command = storesOption(
    chainOptions(
      new Command('claim').description('verify a run’s bundle, publish it and claim the bounty').argument('<run>', 'folder of `train`'),
    ),
  )
    .requiredOption('--package <folder>', 'the bounty’s package')
    .option('--publish', 'put the bundle (and the trace, if the claim can be challenged) into the stores first')
    .option('--uri <uri>', 'hint where the bundle lies; may be repeated', repeated);
  example(command, 'fineproof claim run/ --package bounty/ --publish');
  return action<Options>(command, ([run], options) =>
    withEngine('wasm', async (engine) => {
      const file = join(run as string, 'claim.json');
      const claim = readClaim(file);
      const { bounty, posting } = await openPackage(options.package, engine);
      if (claim.bounty !== bounty.id)
        throw new InputError(file, 'bounty', `is ${claim.bounty}, the package’s ${bounty.id}`, 'give the package that was trained');
      const account = await signingAccount();
      if (account.address !== claim.claimant)
        throw new InputError(
          'FINEPROOF_PRIVATE_KEY',
          '',
          `belongs to ${account.address}, the proof to ${claim.claimant}`,
          'sign with the key that trained',
        );
      const bytes = readBounded(join(run as string, 'bundle.bin'), Number(bounty.terms.maxBundle));
      // A bad bundle would cost time at best: the claimant checks it first.
      await verifyClaim(bounty, claim.claimant, bodyOf(claim), bytes, engine);
      // And what could cost the bond: a key that is not the verifier's, or a trace that it does not give.
      const verifier = checkedVerifier(bounty, engine);
      const trace = verifier && (await traceOf(bounty, verifier, claim.claimant, bodyOf(claim), bytes, engine));
      if (trace !== null) writeAtomic(join(run as string, TRACE_FILE), trace.bytes);
      const body = bodyOf(claim, options.uri ?? [], trace?.root);
      const stores = options.publish === true ? openStores(options) : [];
      await publishBundle(stores, bytes);
      if (trace !== null) await publishTrace(stores, trace.root, trace.bytes);
      return withChain(options.rpc, async (chain) => {
        const escrow = await escrowOf(chain, options.escrow, posting);
        const id = claimId(bounty.id, account.address, body);
        await nothingUnderWay(chain, account);
        const already = (await escrow.claimOf(id)).status !== 0;
        const sent = already ? null : await escrow.claim(account, bounty.terms, body);
        return {
          json: {
            claim: id,
            bounty: bounty.id,
            traceRoot: body.traceRoot,
            already,
            transaction: sent?.hash ?? null,
            gas: sent?.gas ?? null,
            published: options.publish === true,
          },
          text: table([
            ['claim', id],
            ['transaction', sent === null ? 'none: it is claimed already' : `${sent.hash}, ${sent.gas} gas`],
            ...(verifier === null
              ? []
              : [['demands', `keep \`fineproof answer ${run} --package ${options.package} --watch\` running until it is paid`]]),
            ['bundle', stores.map((s) => s.name).join(', ') || 'not published'],
          ]),
        };
      });
    }),
  );
}
