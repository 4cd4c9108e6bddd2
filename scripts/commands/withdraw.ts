import { Command } from 'commander';
import { zeroAddress, type Address } from 'viem';
import type { Hex } from '../../verifier/input.ts';
import { escrowOf, findBounty } from '../lib/bounties.ts';
import { withChain } from '../lib/chain.ts';
import { amountOf, readCoin } from '../lib/coins.ts';
import { action, example } from '../lib/command.ts';
import { endWhatIsDue } from '../lib/endings.ts';
import { signingAccount } from '../lib/keys.ts';
import { addressOption, chainOptions, digestArgument, type ChainOptions } from '../lib/options.ts';
import { nothingUnderWay } from '../lib/sending.ts';

interface Options extends ChainOptions {
  readonly to?: Address;
  readonly token?: Address;
  readonly bounty?: Hex;
}

/** `fineproof withdraw` */
export function withdrawCommand(): Command {
  const command = chainOptions(new Command('withdraw').description('send this account’s whole credit in the escrow to an address'))
    .option('--to <address>', 'receiver (default: the account itself)', addressOption)
    .option(
      '--token <address>',
      'ERC-20 (default: the chain’s native coin; with --bounty, both that and the bounty’s token)',
      addressOption,
    );
  command.option('--bounty <id>', 'first end what is due of this bounty, for its bonds and fees, an attester’s among them', digestArgument);
  example(command, 'fineproof withdraw --escrow 0x…');
  return action<Options>(command, (_args, options) =>
    withChain(options.rpc, async (chain) => {
      const account = await signingAccount();
      const escrow = await escrowOf(chain, options.escrow);
      await nothingUnderWay(chain, account);
      const bounty = options.bounty === undefined ? null : await findBounty(escrow, options.bounty);
      const ended = bounty === null ? {} : await endWhatIsDue(escrow, account, bounty);
      const to = options.to ?? account.address;
      const asked = options.token === undefined ? [zeroAddress, ...(bounty === null ? [] : [bounty.terms.token])] : [options.token];
      const credits: { token: Address; amount: bigint }[] = [];
      for (const token of new Set(asked)) credits.push({ token, amount: await escrow.credit(token, account.address) });
      // Without any credit the escrow says so.
      const due = credits.some((c) => c.amount > 0n) ? credits.filter((c) => c.amount > 0n) : credits.slice(0, 1);
      const withdrawn = [];
      for (const { token, amount } of due) {
        const sent = await escrow.withdraw(account, token, to);
        const coin = await readCoin(chain, token);
        // Said at once, in case the other coin cannot be sent.
        if (due.length > 1) process.stderr.write(`${amountOf(amount, coin)} sent to ${to} in ${sent.hash}\n`);
        withdrawn.push({ coin, amount, token, symbol: coin.symbol, decimals: coin.decimals, transaction: sent.hash, gas: sent.gas });
      }
      const [first, ...more] = withdrawn.map(({ coin: _coin, ...rest }) => rest);
      return {
        json: { ...ended, ...first, to, ...(more.length === 0 ? {} : { more }) },
        text: withdrawn.map(({ coin, amount }) => `${amountOf(amount, coin)} sent to ${to}`).join('\n'),
      };
    }),
  );
}
