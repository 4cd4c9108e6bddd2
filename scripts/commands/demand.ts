import { Command, InvalidArgumentError, Option } from 'commander';
import { rowChunks } from '../../verifier/delivery/row-answers.ts';
import type { Hex } from '../../verifier/input.ts';
import { chunksOf } from '../../verifier/record/chunks.ts';
import { escrowOf, findClaimOf } from '../lib/bounties.ts';
import { withChain } from '../lib/chain.ts';
import { NO_KEY, TREE } from '../lib/dispute.ts';
import { action, example, table } from '../lib/command.ts';
import { nodeText } from '../lib/demands.ts';
import { withEngine } from '../lib/engine.ts';
import { signingAccount } from '../lib/keys.ts';
import { verifierOf } from '../lib/optimistic.ts';
import { chainOptions, digestArgument, integerOption, type ChainOptions } from '../lib/options.ts';
import { openPackage } from '../lib/package.ts';

interface Options extends ChainOptions {
  readonly package: string;
  readonly tree: keyof typeof TREE;
  readonly level?: number;
  readonly index: bigint;
}

const indexOption = (text: string): bigint => {
  if (!/^\d{1,19}$/.test(text)) throw new InvalidArgumentError('It must be a number.');
  return BigInt(text);
};

/** `fineproof demand` */
export function demandCommand(): Command {
  const command = chainOptions(
    new Command('demand')
      .description(
        'ask a claimant for what lies below a node of the bundle, the trace or the encrypted rows; who does not answer in time loses the bond',
      )
      .argument('<claim>', 'claim id', digestArgument),
  )
    .requiredOption('--package <folder>', 'the bounty’s package')
    .addOption(new Option('--tree <name>', 'which tree').choices(Object.keys(TREE)).default('trace'))
    .option(
      '--level <n>',
      'level of the node, 0 the leaves (default: the trace’s root; of the bundle 7, 8,192 bytes; of encrypted rows 3, eight rows)',
      integerOption(0, 63),
    )
    .addOption(new Option('--index <n>', 'index of the node in its level').argParser(indexOption).default(0n, '0'));
  example(
    command,
    'fineproof demand 0x7c…90 --package bounty/ --tree bundle --level 7 --index 3\n  fineproof demand 0x7c…90 --package bounty/ --tree cipher --index 5    # rows 40 to 47, for the poster',
  );
  return action<Options>(command, ([id], options) =>
    withEngine('wasm', (engine) =>
      withChain(options.rpc, async (chain) => {
        const account = await signingAccount();
        const { bounty, posting } = await openPackage(options.package, engine);
        const escrow = await escrowOf(chain, options.escrow, posting);
        const claim = await findClaimOf(escrow, id as Hex, bounty.id);
        const rows = options.tree === 'cipher';
        const key = rows ? NO_KEY : verifierOf(bounty, engine).key;
        const level = rows
          ? rowChunks(bounty.terms.deliveryDepth).level
          : options.tree === 'bundle'
            ? chunksOf(0, key.bundleDepth).level
            : key.traceDepth;
        const node = { tree: TREE[options.tree], level: options.level ?? level, index: options.index };
        const sent = await escrow.demand(account, bounty.terms, claim.id, node, key);
        const { answerBy } = await escrow.demandOf(claim.id, node);
        return {
          json: {
            claim: claim.id,
            tree: options.tree,
            level: node.level,
            index: node.index,
            answerBy,
            transaction: sent.hash,
            gas: sent.gas,
          },
          text: table([
            ['demanded', nodeText(node)],
            ['answer by', new Date(Number(answerBy) * 1000).toISOString()],
            ['transaction', `${sent.hash}, ${sent.gas} gas`],
          ]),
        };
      }),
    ),
  );
}
