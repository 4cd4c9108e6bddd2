import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { bundleRoot } from '../../verifier/bundle.ts';
import { verifyClaim, wordHex } from '../../verifier/bounty.ts';
import type { Engine } from '../../verifier/engine.ts';
import { InputError } from '../../verifier/input.ts';
import { action, example, table, type Report } from '../lib/command.ts';
import { engineOption, withEngine, type EngineOptions } from '../lib/engine.ts';
import { readBounded } from '../lib/files.ts';
import { openPackage } from '../lib/package.ts';
import { bodyOf, readClaim } from '../lib/run-folder.ts';

interface Options extends EngineOptions {
  readonly package?: string;
  readonly claim?: string;
}

/** `fineproof verify` */
export function verifyCommand(): Command {
  const command = engineOption(
    new Command('verify')
      .description('verify a bundle: exit code 0 if every step is proven')
      .argument('<bundle>', 'bundle file')
      .option('--package <folder>', 'the bounty’s package (default: the folder `bounty` beside the bundle)')
      .option('--claim <file>', 'what the bundle claims (default: claim.json beside the bundle)'),
  );
  example(command, 'fineproof verify run/bundle.bin --package bounty/');
  const verify = async (path: string, options: Options, engine: Engine): Promise<Report> => {
    const { bounty } = await openPackage(options.package ?? join(dirname(path), 'bounty'), engine);
    const claimFile = options.claim ?? join(dirname(path), 'claim.json');
    const claim = readClaim(claimFile);
    const bundle = readBounded(path, Number(bounty.terms.maxBundle));
    if (claim.bounty !== bounty.id)
      throw new InputError(
        claimFile,
        'bounty',
        `is ${claim.bounty}, the package’s ${bounty.id}`,
        'give the package of this claim with --package',
      );
    const begin = performance.now();
    const verified = await verifyClaim(bounty, claim.claimant, bodyOf(claim), bundle, engine);
    if (wordHex(bundleRoot(bundle, engine.keccak)) !== claim.bundleRoot)
      throw new InputError(path, '', 'is not the bundle that the claim names', 'fetch it again');
    const seconds = (performance.now() - begin) / 1000;
    return {
      json: {
        ok: true,
        bounty: bounty.id,
        claimant: claim.claimant,
        proofs: verified.proofs,
        steps: bounty.terms.steps,
        bytes: bundle.length,
        bundleRoot: claim.bundleRoot,
        adapterRoot: claim.adapterRoot,
        engine: engine.name,
        seconds,
      },
      text: [
        `valid: ${bounty.terms.steps} steps in ${verified.proofs} proofs, ${seconds.toFixed(2)} s (${engine.name})`,
        table([
          ['bounty', bounty.id],
          ['claimant', claim.claimant],
          ['bundle', `${claim.bundleRoot}, ${bundle.length} bytes`],
          ['adapter', claim.adapterRoot],
        ]),
      ].join('\n'),
    };
  };
  return action<Options>(command, ([path], options) => withEngine(options.engine, (engine) => verify(path as string, options, engine)));
}
