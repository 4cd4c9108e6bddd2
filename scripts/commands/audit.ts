import { Command } from 'commander';
import type { Hex } from '../../verifier/input.ts';
import { auditBounty, auditText } from '../lib/audit.ts';
import { escrowOf } from '../lib/bounties.ts';
import { withChain } from '../lib/chain.ts';
import { action, example } from '../lib/command.ts';
import { engineOption, withEngine, type EngineOptions } from '../lib/engine.ts';
import { chainOptions, type ChainOptions } from '../lib/options.ts';
import { readPosting } from '../lib/package.ts';
import { openSource, sourceOptions, type SourceOptions } from '../lib/stores/open.ts';

interface Options extends ChainOptions, EngineOptions, SourceOptions {}

/** `fineproof audit` */
export function auditCommand(): Command {
  const command = engineOption(
    sourceOptions(
      chainOptions(
        new Command('audit')
          .description('rebuild a bounty from the chain and the published files, and verify every claim again')
          .argument('<package>', 'the bounty’s package'),
      ),
    ),
  );
  example(command, 'fineproof audit bounty/ --store store/ --rpc https://node --json');
  return action<Options>(command, ([folder], options) =>
    withEngine(options.engine, (engine) =>
      withChain(options.rpc, async (chain) => {
        const posting = readPosting(folder as string);
        const escrow = await escrowOf(chain, options.escrow, posting);
        const audit = await auditBounty(escrow, posting.id as Hex, folder as string, openSource(options), engine);
        return { json: { ...audit }, text: auditText(audit), failed: !audit.ok };
      }),
    ),
  );
}
