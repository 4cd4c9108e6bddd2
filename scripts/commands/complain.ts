import { Command } from 'commander';
import { InputError, type Hex } from '../../verifier/input.ts';
import { escrowOf, findClaimOf } from '../lib/bounties.ts';
import { withChain } from '../lib/chain.ts';
import { action, example, table } from '../lib/command.ts';
import { receiverOf, receiverOptions, type ReceiverOptions } from '../lib/delivery/receiver-options.ts';
import { complain, openClaim, PUBLISHES_S, sharingE } from '../lib/delivery/receiving.ts';
import { withEngine } from '../lib/engine.ts';
import { signingAccount } from '../lib/keys.ts';
import { chainOptions, digestArgument, type ChainOptions } from '../lib/options.ts';
import { openPackage } from '../lib/package.ts';

interface Options extends ChainOptions, ReceiverOptions {}

/** `fineproof complain` */
export function complainCommand(): Command {
  const command = receiverOptions(
    chainOptions(
      new Command('complain')
        .description(
          'prove on the chain that a delivered row is not what was proven; refund and bond go to the poster. Right rows are never complained about',
        )
        .argument('<claim>', 'claim id', digestArgument),
    ),
  ).addHelpText('after', `\n${PUBLISHES_S}`);
  example(command, 'FINEPROOF_KEYSTORE=poster.json fineproof complain 0x7c…90 --package bounty/ --keys delivery.key --store store/');
  return action<Options>(command, ([id], options) =>
    withEngine('wasm', (engine) =>
      withChain(options.rpc, async (chain) => {
        const account = await signingAccount();
        const opened = await openPackage(options.package, engine);
        const { bounty, posting } = opened;
        const escrow = await escrowOf(chain, options.escrow, posting);
        const receiver = await receiverOf(opened, escrow, options, engine);
        const claim = await findClaimOf(escrow, id as Hex, bounty.id);
        const result = await openClaim(receiver, claim);
        if ('rows' in result)
          throw new InputError(
            'claim',
            '',
            `every row of ${claim.id} is as proven: nothing was sent`,
            'take the adapter: `fineproof receive`',
          );
        if (claim.status !== 'revealed')
          throw new InputError(
            'claim',
            '',
            `${claim.id} is ${claim.status}: its time for complaints is over or not come`,
            'look with `fineproof bounty show`',
          );
        const alsoPublishes = await sharingE(receiver, claim);
        process.stderr.write(`${PUBLISHES_S}\n`);
        const sent = await complain(receiver, account, claim, result.complaint());
        const { index, fault } = result;
        return {
          json: { claim: claim.id, row: index, fault, transaction: sent.hash, gas: sent.gas, warning: PUBLISHES_S, alsoPublishes },
          text: table([
            ['row', `${index}, ${fault}`],
            ['transaction', `${sent.hash}, ${sent.gas} gas`],
            ['the claim', 'is rejected, its bond is yours'],
            ...(alsoPublishes.length === 0 ? [] : [['under the same E', alsoPublishes.join(' ')]]),
          ]),
        };
      }),
    ),
  );
}
