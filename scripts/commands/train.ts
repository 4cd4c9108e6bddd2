import { Command, Option } from 'commander';
import { BACKENDS } from '../../prover/backend/index.ts';
import { action, example, table } from '../lib/command.ts';
import { signingAccount } from '../lib/keys.ts';
import { loadOpenings } from '../lib/openings.ts';
import { repeated } from '../lib/options.ts';
import { withEngine } from '../lib/engine.ts';
import { checkedVerifier } from '../lib/optimistic.ts';
import { checkRebuild, openPackage } from '../lib/package.ts';
import { progressBar } from '../lib/progress.ts';
import { trainAndProve } from '../lib/train.ts';

interface Options {
  readonly out: string;
  readonly opening?: readonly string[];
  readonly encrypt?: true;
  readonly stream?: true;
  readonly backend: string;
}

/** `fineproof train` */
export function trainCommand(): Command {
  const command = new Command('train')
    .description('train as a bounty asks and prove every step; a killed run goes on where it was')
    .argument('<package>', 'the folder that the poster published')
    .requiredOption('--out <folder>', 'folder of the run: secret states, proofs, bundle')
    .option('--opening <file>', 'secret opening of a hidden card; may be repeated', repeated)
    .option('--encrypt', 'encrypt the secrets (FINEPROOF_PASSPHRASE, or asked for)')
    .addOption(new Option('--stream', 'while proving, read the model from files in the run’s folder, not from memory').conflicts('encrypt'))
    .addOption(
      new Option('--backend <name>', 'what computes the proof; auto: a GPU where there is one, else wasm')
        .choices([...BACKENDS])
        .default(BACKENDS[0]),
    );
  example(command, 'FINEPROOF_PRIVATE_KEY=0x… fineproof train bounty/ --out run/');
  return action<Options>(command, async ([folder], options) => {
    const { address } = await signingAccount();
    const bounty = await withEngine('wasm', async (engine) => {
      const opened = await openPackage(folder as string, engine);
      checkedVerifier(opened.bounty, engine);
      return opened.bounty;
    });
    checkRebuild(folder as string, bounty);
    const openings = await loadOpenings(options.opening ?? [], bounty.cards);
    const bar = progressBar('train');
    try {
      const run = await trainAndProve({
        bounty,
        claimant: address,
        folder: options.out,
        openings,
        encrypt: options.encrypt === true,
        backend: options.backend,
        stream: options.stream === true,
        onProgress: ({ part, what }) => bar.update(part, what),
        onNotice: (text) => bar.log(text),
      });
      return {
        json: {
          bounty: bounty.id,
          claimant: address,
          bundle: run.bundle,
          bundleRoot: run.claim.bundleRoot,
          adapterRoot: run.claim.adapterRoot,
          bytes: run.bytes,
          losses: run.losses,
          trainSeconds: run.trainSeconds,
          proveSeconds: run.proveSeconds,
        },
        text: table([
          ['bundle', run.bundle],
          ['root', run.claim.bundleRoot],
          ['size', `${run.bytes} bytes`],
          ['time', `${run.trainSeconds.toFixed(1)} s training, ${run.proveSeconds.toFixed(1)} s proving`],
        ]),
      };
    } finally {
      bar.stop();
    }
  });
}
