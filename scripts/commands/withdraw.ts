import { Command } from 'commander';
import { formatEther, zeroAddress, type Address } from 'viem';
import type { Hex } from '../../verifier/input.ts';
import { escrowOf, findBounty } from '../lib/bounties.ts';
import { withChain } from '../lib/chain.ts';
import { action, example } from '../lib/command.ts';
import { endWhatIsDue } from '../lib/endings.ts';
import { signingAccount } from '../lib/keys.ts';
import { addressOption, chainOptions, digestArgument, type ChainOptions } from '../lib/options.ts';
import { nothingUnderWay } from '../lib/sending.ts';

interface Options extends ChainOptions {
  readonly to?: Address;
  readonly token: Address;
  readonly bounty?: Hex;
}

/** `fineproof withdraw` */
export function withdrawCommand(): Command {
  const command = chainOptions(new Command('withdraw').description('send this account’s whole credit in the escrow to an address'))
    .option('--to <address>', 'receiver (default: the account itself)', addressOption)
    .option('--token <address>', 'ERC-20 (default: the chain’s native coin)', addressOption, zeroAddress);
  command.option('--bounty <id>', 'first end what is due of this bounty, for its bonds and fees, an attester’s among them', digestArgument);
  example(command, 'fineproof withdraw --escrow 0x…');
  return action<Options>(command, (_args, options) =>
    withChain(options.rpc, async (chain) => {
      const account = await signingAccount();
      const escrow = await escrowOf(chain, options.escrow);
      await nothingUnderWay(chain, account);
      const ended = options.bounty === undefined ? {} : await endWhatIsDue(escrow, account, await findBounty(escrow, options.bounty));
      const amount = await escrow.credit(options.token, account.address);
      const to = options.to ?? account.address;
      const sent = await escrow.withdraw(account, options.token, to);
      return {
        json: { ...ended, amount, token: options.token, to, transaction: sent.hash, gas: sent.gas },
        text: `${formatEther(amount)} sent to ${to}`,
      };
    }),
  );
}
