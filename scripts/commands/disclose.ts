import { Command } from 'commander';
import type { Hex } from '../../verifier/input.ts';
import { escrowOf, findBounty } from '../lib/bounties.ts';
import { withChain } from '../lib/chain.ts';
import { action, example } from '../lib/command.ts';
import { signingAccount } from '../lib/keys.ts';
import { chainOptions, digestArgument, type ChainOptions } from '../lib/options.ts';

interface Options extends ChainOptions {
  readonly digest: Hex;
  readonly salt: Hex;
  readonly uri: string;
}

/** `fineproof disclose` */
export function discloseCommand(): Command {
  const command = chainOptions(
    new Command('disclose')
      .description('show the inputs that your bounty’s terms commit to, once entries are closed')
      .argument('<bounty>', 'bounty id', digestArgument),
  )
    .requiredOption('--digest <digest>', 'digest of the inputs', digestArgument)
    .requiredOption('--salt <salt>', 'salt of the commitment', digestArgument)
    .requiredOption('--uri <uri>', 'where the inputs lie');
  example(command, 'fineproof disclose 0x5f…e1 --digest 0x21…9c --salt 0x08…d4 --uri https://…/inputs.bin --escrow 0x…');
  return action<Options>(command, ([id], options) =>
    withChain(options.rpc, async (chain) => {
      const escrow = await escrowOf(chain, options.escrow);
      const bounty = await findBounty(escrow, id as Hex);
      const { digest, salt, uri } = options;
      const sent = await escrow.disclose(await signingAccount(), bounty.terms, { digest, salt, uri });
      return {
        json: { bounty: bounty.id, digest, uri, transaction: sent.hash, gas: sent.gas },
        text: `disclosed ${digest} at ${uri}`,
      };
    }),
  );
}
