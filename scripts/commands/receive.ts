import { Command } from 'commander';
import { exportAdapter } from '../../prover/run/adapter.ts';
import { encodeDeliveryRows } from '../../prover/run/delivery-rows.ts';
import type { Hex } from '../../verifier/input.ts';
import { InputError } from '../../verifier/input.ts';
import { writeAdapter } from '../lib/adapter-files.ts';
import { escrowOf, findClaimOf } from '../lib/bounties.ts';
import { withChain } from '../lib/chain.ts';
import { action, example, table, type Report } from '../lib/command.ts';
import { LOSING_D } from '../lib/delivery/key-file.ts';
import { demandOption, receiverOf, receiverOptions, type ReceiverOptions } from '../lib/delivery/receiver-options.ts';
import { complain, demandRows, findCiphertext, openClaim, PUBLISHES_S, sharingE } from '../lib/delivery/receiving.ts';
import { deliveredState } from '../lib/delivery/rows.ts';
import { withEngine } from '../lib/engine.ts';
import { signingAccount } from '../lib/keys.ts';
import { chainOptions, digestArgument, type ChainOptions } from '../lib/options.ts';
import { openPackage, readRecipe } from '../lib/package.ts';
import { saveSecret } from '../lib/secrets.ts';

interface Options extends ChainOptions, ReceiverOptions {
  readonly out: string;
  readonly rows?: string;
  readonly complain?: true;
  readonly demandUpTo: bigint;
}

const time = (seconds: bigint): string => new Date(Number(seconds) * 1000).toISOString().replace('.000Z', 'Z');

/** `fineproof receive` */
export function receiveCommand(): Command {
  const command = receiverOptions(
    chainOptions(
      new Command('receive')
        .description(
          'open the adapter of a revealed claim: fetch, decrypt, check every row against what was proven, write the adapter’s files',
        )
        .argument('<claim>', 'claim id', digestArgument),
    ),
  )
    .requiredOption('--out <folder>', 'folder for adapter_config.json and adapter_model.safetensors')
    .option('--rows <file>', 'also write the opened rows in plain, for your eyes alone: `bounty post --after` starts from them')
    .option('--complain', 'if a row is wrong, complain about it: refund and bond are yours')
    .addOption(demandOption())
    .addHelpText('after', `\n${LOSING_D}`);
  example(command, 'fineproof receive 0x7c…90 --package bounty/ --keys delivery.key --store store/ --out adapter/ --complain');
  return action<Options>(command, ([id], options) =>
    withEngine('wasm', (engine) =>
      withChain(options.rpc, async (chain): Promise<Report> => {
        const opened = await openPackage(options.package, engine);
        const { bounty, posting } = opened;
        const escrow = await escrowOf(chain, options.escrow, posting);
        const receiver = await receiverOf(opened, escrow, options, engine);
        const claim = await findClaimOf(escrow, id as Hex, bounty.id);
        if (options.demandUpTo > 0n) {
          try {
            await findCiphertext(receiver, claim);
          } catch (e) {
            if (!(e instanceof InputError)) throw e;
            const { fresh, open, until } = await demandRows(receiver, await signingAccount(), claim, options.demandUpTo);
            return {
              json: { claim: claim.id, state: 'waiting', demanded: fresh.length, open: open.length, until: Number(until) },
              text: `no store gives the ciphertext: ${fresh.length} demands sent, ${open.length} wait until ${time(until)}; then receive again, or \`fineproof settle ${bounty.id}\``,
              failed: true,
            };
          }
        }
        const result = await openClaim(receiver, claim);
        if ('rows' in result) {
          const state = deliveredState(bounty.compiled, result.rows);
          const files = exportAdapter(bounty.program, readRecipe(options.package), state, bounty.cards.model.name);
          const { config, weights } = writeAdapter(options.out, files);
          if (options.rows !== undefined) saveSecret(options.rows, encodeDeliveryRows(result.rows));
          return {
            json: {
              claim: claim.id,
              state: 'right',
              rows: result.rows.length,
              config,
              weights,
              bytes: files.weights.length,
              ...(options.rows === undefined ? {} : { plain: options.rows }),
              adapterRoot: claim.body.adapterRoot,
            },
            text: table([
              ['rows', `${result.rows.length}, all as proven`],
              ['config', config],
              ['weights', `${weights}, ${files.weights.length} bytes`],
            ]),
          };
        }
        const { index, fault } = result;
        const wrong = `row ${index} is wrong: ${fault === 'WrongRow' ? 'it does not open its commitment' : 'its blind is no field element'}`;
        if (options.complain !== true)
          return {
            json: { claim: claim.id, state: 'wrong', row: index, fault, complained: null },
            text: `${wrong}\n\`fineproof complain ${claim.id}\` gets refund and bond. ${PUBLISHES_S}`,
            failed: true,
          };
        const alsoPublishes = await sharingE(receiver, claim);
        process.stderr.write(`${wrong}. ${PUBLISHES_S}\n`);
        const sent = await complain(receiver, await signingAccount(), claim, result.complaint());
        return {
          json: {
            claim: claim.id,
            state: 'wrong',
            row: index,
            fault,
            complained: sent.hash,
            gas: sent.gas,
            warning: PUBLISHES_S,
            alsoPublishes,
          },
          text: `${wrong}\ncomplained in ${sent.hash}, ${sent.gas} gas: the claim is rejected, its bond is yours`,
          failed: true,
        };
      }),
    ),
  );
}
