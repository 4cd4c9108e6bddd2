import { join } from 'node:path';
import { Command } from 'commander';
import { claimId } from '../../verifier/statement.ts';
import { verifyClaim } from '../../verifier/bounty.ts';
import { delivers } from '../../verifier/delivery/terms.ts';
import { InputError, type Hex } from '../../verifier/input.ts';
import { escrowOf, listClaims, type PostedClaim } from '../lib/bounties.ts';
import { publishBundle, publishTrace } from '../lib/bundles.ts';
import { withChain } from '../lib/chain.ts';
import { action, example, table } from '../lib/command.ts';
import { publishCiphertext } from '../lib/delivery/ciphertexts.ts';
import { systemBytes } from '../lib/delivery/key-file.ts';
import { checkSealed, makeClaim } from '../lib/delivery/sealed-run.ts';
import { readBounded, writeAtomic } from '../lib/files.ts';
import { withEngine } from '../lib/engine.ts';
import { signingAccount } from '../lib/keys.ts';
import { chainOptions, urisOption, type ChainOptions } from '../lib/options.ts';
import { checkedVerifier, traceOf } from '../lib/optimistic.ts';
import { openPackage } from '../lib/package.ts';
import { bodyOf, isEncryptedRun, openRun, readClaim, TRACE_FILE, writeClaim } from '../lib/run-folder.ts';
import { nothingUnderWay } from '../lib/sending.ts';
import { openStores, storesOption, type StoresOptions } from '../lib/stores/open.ts';

interface Options extends ChainOptions, StoresOptions {
  readonly package: string;
  readonly publish?: true;
  readonly anew?: true;
  readonly uri?: readonly string[];
}

/** States of a claim that leads to no payment. */
const ENDED: readonly PostedClaim['status'][] = ['rejected', 'superseded', 'released'];

/** `fineproof claim` */
export function claimCommand(): Command {
  const command = storesOption(
    chainOptions(
      new Command('claim').description('verify a run’s bundle, publish it and claim the bounty').argument('<run>', 'folder of `train`'),
    ),
  )
    .requiredOption('--package <folder>', 'the bounty’s package')
    .option(
      '--publish',
      'put the bundle (and the trace, if the claim can be challenged; the ciphertext, if it is delivered) into the stores first',
    )
    .option('--anew', 'claim once more, after a claim of this run that has ended, say: with a fresh nonce, and fresh keys of the delivery')
    .option('--uri <uri>', 'hint where the bundle lies; may be repeated', urisOption);
  example(command, 'fineproof claim run/ --package bounty/ --publish');
  return action<Options>(command, ([run], options) =>
    withEngine('wasm', async (engine) => {
      const file = join(run as string, 'claim.json');
      const known = readClaim(file);
      const { bounty, posting } = await openPackage(options.package, engine);
      if (known.bounty !== bounty.id)
        throw new InputError(file, 'bounty', `is ${known.bounty}, the package’s ${bounty.id}`, 'give the package that was trained');
      const account = await signingAccount();
      if (account.address !== known.claimant)
        throw new InputError(
          'FINEPROOF_PRIVATE_KEY',
          '',
          `belongs to ${account.address}, the proof to ${known.claimant}`,
          'sign with the key that trained',
        );
      return withChain(options.rpc, async (chain) => {
        const escrow = await escrowOf(chain, options.escrow, posting);
        /** The claim that was made with a nonce, whatever its hints. */
        const made = async (nonce: Hex): Promise<PostedClaim | null> => {
          await nothingUnderWay(chain, account);
          const claims = await listClaims(escrow, bounty.id);
          return claims.find((c) => c.claimant === account.address && c.body.nonce === nonce) ?? null;
        };
        const storage = await openRun(run as string, bounty.id, account.address, isEncryptedRun(run as string));
        // Only what has ended is claimed once more: the same command, after it was killed, goes on with the claim that it drew.
        const ended = async (nonce: Hex): Promise<boolean> => ENDED.includes((await made(nonce))?.status ?? 'none');
        const claim =
          options.anew === true && (await ended(known.nonce)) ? await makeClaim(storage, bounty, known, null, systemBytes) : known;
        if (claim !== known) writeClaim(run as string, claim);
        const bytes = readBounded(join(run as string, 'bundle.bin'), Number(bounty.terms.maxBundle));
        // A bad bundle would cost time at best: the claimant checks it first.
        await verifyClaim(bounty, claim.claimant, bodyOf(claim), bytes, engine);
        // And what could cost the bond: a key that is not the verifier's, or a trace that it does not give.
        const verifier = checkedVerifier(bounty, engine);
        const trace = verifier && (await traceOf(bounty, verifier, claim.claimant, bodyOf(claim), bytes, engine));
        if (trace !== null) writeAtomic(join(run as string, TRACE_FILE), trace.bytes);
        const body = bodyOf(claim, options.uri ?? [], trace?.root);
        const ciphertext = delivers(bounty.terms) ? await checkSealed(storage, bounty, claim, bytes, body, engine) : null;
        const stores = options.publish === true ? openStores(options) : [];
        await publishBundle(stores, bytes);
        if (trace !== null) await publishTrace(stores, trace.root, trace.bytes);
        if (ciphertext !== null) await publishCiphertext(stores, body.cipherRoot, ciphertext);
        // The same command again finds its claim made, and has published what it was told to.
        const before = await made(claim.nonce);
        const id = before?.id ?? claimId(bounty.id, account.address, body);
        if (before !== null && ENDED.includes(before.status))
          throw new InputError(file, '', `is claimed already: ${id} is ${before.status}`, 'claim once more with --anew');
        const sent = before !== null ? null : await escrow.claim(account, bounty.terms, body);
        return {
          json: {
            claim: id,
            bounty: bounty.id,
            traceRoot: body.traceRoot,
            ...(ciphertext === null ? {} : { cipherRoot: body.cipherRoot, keyHash: body.keyHash }),
            already: sent === null,
            transaction: sent?.hash ?? null,
            gas: sent?.gas ?? null,
            published: options.publish === true,
          },
          text: table([
            ['claim', id],
            ['transaction', sent === null ? 'none: it is claimed already' : `${sent.hash}, ${sent.gas} gas`],
            ...(verifier === null
              ? []
              : [['demands', `keep \`fineproof keep contributor ${run} --package ${options.package}\` running until it is paid`]]),
            [ciphertext === null ? 'bundle' : 'bundle, ciphertext', stores.map((s) => s.name).join(', ') || 'not published'],
            ...(ciphertext === null
              ? []
              : [
                  ['delivery', `once accepted: \`fineproof reveal ${id} --run ${run}\`; \`keep contributor\` does it by itself`],
                  ['secrets', `${run} holds K; who does not reveal it in time loses the bond. Copy: \`fineproof keys export\``],
                ]),
          ]),
        };
      });
    }),
  );
}
