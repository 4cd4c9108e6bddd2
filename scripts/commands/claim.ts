import { join } from 'node:path';
import { Command } from 'commander';
import { claimId } from '../../verifier/statement.ts';
import { verifyClaim } from '../../verifier/bounty.ts';
import { InputError } from '../../verifier/input.ts';
import { escrowOf } from '../lib/bounties.ts';
import { publishBundle } from '../lib/bundles.ts';
import { withChain } from '../lib/chain.ts';
import { action, example, table } from '../lib/command.ts';
import { readBounded } from '../lib/files.ts';
import { withEngine } from '../lib/engine.ts';
import { signingAccount } from '../lib/keys.ts';
import { chainOptions, repeated, type ChainOptions } from '../lib/options.ts';
import { openPackage } from '../lib/package.ts';
import { bodyOf, readClaim } from '../lib/run-folder.ts';
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
    .option('--publish', 'put the bundle into the stores first')
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
      const body = bodyOf(claim, options.uri ?? []);
      // A bad bundle would cost time at best: the claimant checks it first.
      await verifyClaim(bounty, claim.claimant, body, bytes, engine);
      const stores = options.publish === true ? openStores(options) : [];
      await publishBundle(stores, bytes);
      return withChain(options.rpc, async (chain) => {
        const escrow = await escrowOf(chain, options.escrow, posting);
        const sent = await escrow.claim(account, bounty.terms, body);
        const id = claimId(bounty.id, account.address, body);
        return {
          json: { claim: id, bounty: bounty.id, transaction: sent.hash, gas: sent.gas, published: options.publish === true },
          text: table([
            ['claim', id],
            ['transaction', `${sent.hash}, ${sent.gas} gas`],
            ['bundle', stores.map((s) => s.name).join(', ') || 'not published'],
          ]),
        };
      });
    }),
  );
}
