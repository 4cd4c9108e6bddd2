import { existsSync, statSync } from 'node:fs';
import { Command } from 'commander';
import { InputError } from '../../verifier/input.ts';
import { auditBounty } from '../lib/audit/audit.ts';
import { auditEscrow } from '../lib/audit/escrow.ts';
import { repeatWith } from '../lib/audit/repeat.ts';
import { auditPage, escrowPage } from '../lib/audit/page/page.ts';
import { auditText, escrowText } from '../lib/audit/text.ts';
import { escrowOf } from '../lib/bounties.ts';
import { withChain } from '../lib/chain.ts';
import { action, example } from '../lib/command.ts';
import { engineOption, withEngine, type EngineOptions } from '../lib/engine.ts';
import { writeAtomic } from '../lib/files.ts';
import { chainOptions, type ChainOptions } from '../lib/options.ts';
import { readPosting } from '../lib/package.ts';
import { openSource, sourceOptions, type SourceOptions } from '../lib/stores/open.ts';

interface Options extends ChainOptions, EngineOptions, SourceOptions {
  readonly html?: string;
  readonly all?: true;
}

/** `fineproof audit` */
export function auditCommand(): Command {
  const command = engineOption(
    sourceOptions(
      chainOptions(
        new Command('audit')
          .description(
            'rebuild bounties from the chain and the published files, verify every claim again, and follow the money; without packages: all bounties of an escrow, from events alone',
          )
          .argument('[packages...]', 'packages of bounties'),
      ),
    ),
  )
    .option('--all', 'all bounties of the escrow; those whose packages are not given from events alone')
    .option('--html <file>', 'write the audit as one page that needs nothing else');
  example(command, 'fineproof audit bounty/ --store store/ --rpc https://node --html audit.html');
  return action<Options>(command, (folders, options) => {
    checkTarget(options.html);
    return withEngine(options.engine, (engine) =>
      withChain(options.rpc, async (chain) => {
        const source = openSource(options);
        const packages = folders.map((folder) => ({ ...readPosting(folder), folder, source, engine }));
        const [first] = packages;
        const escrow = await escrowOf(chain, options.escrow, first);
        const elsewhere = packages.find((p) => p.chainId !== chain.id || p.escrow !== escrow.address);
        if (elsewhere !== undefined)
          throw new InputError(elsewhere.folder, '', `is of the escrow ${elsewhere.escrow}`, 'audit it by itself');
        const repeat = repeatWith(folders, escrow, options);
        const write = (page: string): void => {
          if (options.html !== undefined) writeAtomic(options.html, page);
        };
        if (first !== undefined && packages.length === 1 && options.all !== true) {
          const audit = await auditBounty(escrow, first.id, first, repeat);
          write(auditPage(audit));
          return { json: { ...audit }, text: auditText(audit), failed: !audit.ok };
        }
        const all = options.all === true || packages.length === 0;
        const audit = await auditEscrow(escrow, packages, all, repeat);
        write(escrowPage(audit));
        return { json: { ...audit }, text: escrowText(audit), failed: !audit.ok };
      }),
    );
  });
}

/** Refuses a page's path that is a folder now, not after the work. */
function checkTarget(path: string | undefined): void {
  if (path !== undefined && existsSync(path) && statSync(path).isDirectory())
    throw new InputError('--html', '', `${path} is a folder`, 'give the name of a file');
}
