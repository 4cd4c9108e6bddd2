import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { bundleRoot } from '../../verifier/bundle.ts';
import { verifyClaim, wordHex } from '../../verifier/bounty.ts';
import { InputError } from '../../verifier/input.ts';
import { action, example, table } from '../lib/command.ts';
import { readBounded } from '../lib/files.ts';
import { openPackage } from '../lib/package.ts';
import { bodyOf, readClaim } from '../lib/run-folder.ts';

interface Options {
  readonly package?: string;
  readonly claim?: string;
}

/** `fineproof verify` */
export function verifyCommand(): Command {
  const command = new Command('verify')
    .description('verify a bundle: exit code 0 if every step is proven')
    .argument('<bundle>', 'bundle file')
    .option('--package <folder>', 'the bounty’s package (default: the folder `bounty` beside the bundle)')
    .option('--claim <file>', 'what the bundle claims (default: claim.json beside the bundle)');
  example(command, 'fineproof verify run/bundle.bin --package bounty/');
  return action<Options>(command, async ([file], options) => {
    const path = file as string;
    const { bounty } = openPackage(options.package ?? join(dirname(path), 'bounty'));
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
    const verified = verifyClaim(bounty, claim.claimant, bodyOf(claim), bundle);
    if (wordHex(bundleRoot(bundle)) !== claim.bundleRoot)
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
        seconds,
      },
      text: [
        `valid: ${bounty.terms.steps} steps in ${verified.proofs} proofs, ${seconds.toFixed(2)} s`,
        table([
          ['bounty', bounty.id],
          ['claimant', claim.claimant],
          ['bundle', `${claim.bundleRoot}, ${bundle.length} bytes`],
          ['adapter', claim.adapterRoot],
        ]),
      ].join('\n'),
    };
  });
}
