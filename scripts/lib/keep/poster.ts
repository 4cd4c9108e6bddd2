/** A poster's keeper: what it fetches lies in a folder, content-addressed; the adapter goes where the poster wants it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LocalAccount } from 'viem';
import { z } from 'zod';
import { exportAdapter } from '../../../prover/run/adapter.ts';
import type { Complaint } from '../../../verifier/delivery/complaint.ts';
import { canonicalJson, decodeCanonical, decodeJson, hexBytes, InputError, printable, type Hex } from '../../../verifier/input.ts';
import { writeAdapter } from '../adapter-files.ts';
import { bundleSize, bundleSource } from '../bundles.ts';
import type { Escrow, Sent } from '../chain.ts';
import { complain, findCiphertext, openClaim, PUBLISHES_S, type Receiver } from '../delivery/receiving.ts';
import { deliveredState } from '../delivery/rows.ts';
import { NO_KEY } from '../dispute.ts';
import { readBounded, writeAtomic } from '../files.ts';
import { readRecipe, type Posting } from '../package.ts';
import { folderStore } from '../stores/folder.ts';
import { bundlePath } from '../stores/types.ts';
import type { Duty, Part } from './duties.ts';
import type { Keeping } from './party.ts';
import { posterPlan } from './poster-plan.ts';
import type { ClaimView, View } from './view.ts';

/** Which claim the adapter in a folder came from. */
const RECEIVED = 'delivery.json';
const receivedSchema = z.strictObject({ version: z.literal(1), claim: hexBytes(32), adapterRoot: hexBytes(32) });

const inputsSchema = z.strictObject({ digest: hexBytes(32), salt: hexBytes(32), uri: printable(512) });
export type Inputs = z.infer<typeof inputsSchema>;

/** What `disclose` shows, from a file {"digest", "salt", "uri"}. */
export const readInputs = (path: string): Inputs => decodeJson(inputsSchema, readBounded(path, 4096), path);

/** What a poster needs to open deliveries. */
export interface Opening {
  readonly receiver: Pick<Receiver, 'bounty' | 'key' | 'stores' | 'engine'>;
  readonly package: string;
  /** Folder of the adapter. */
  readonly out: string;
  /** Folder of bundles and ciphertexts that were fetched. */
  readonly content: string;
  readonly spend: bigint;
}

function receivedClaim(out: string): Hex | null {
  const path = join(out, RECEIVED);
  return existsSync(path) ? decodeCanonical(receivedSchema, readBounded(path, 4096), path).claim : null;
}

/** `opening` is null where nothing is delivered. Errors: another poster's key. */
export function posterOf(posting: Posting, account: LocalAccount, opening: Opening | null, inputs: Inputs | null): Keeping {
  const { terms } = posting;
  if (terms.poster !== account.address)
    throw new InputError(
      'FINEPROOF_PRIVATE_KEY',
      '',
      `belongs to ${account.address}, the bounty to ${terms.poster}`,
      'sign with the poster’s key',
    );
  // Whatever else is called so should be noticed now.
  if (opening !== null) receivedClaim(opening.out);
  const wrong = new Map<Hex, () => Complaint>();
  const claimOf = (view: View, id: Hex): ClaimView => view.claims.find((c) => c.id === id) as ClaimView;
  const rootOf = ({ body }: ClaimView, part: Part): Hex => (part === 'bundle' ? body.bundleRoot : body.cipherRoot);
  const has = (claim: ClaimView, part: Part): boolean =>
    opening !== null && existsSync(join(opening.content, bundlePath(rootOf(claim, part))));
  const needed = (): Opening => {
    if (opening === null) throw new InputError('--keys', '', 'is missing', 'give the bounty’s delivery key');
    return opening;
  };
  /** Asks the own folder first. */
  const receiverOf = (escrow: Escrow): Receiver => {
    const { receiver, content } = needed();
    const stores = (uris: readonly string[]) => [folderStore(content), ...receiver.stores(uris)];
    return { ...receiver, escrow, stores, bundles: bundleSource([], stores) };
  };

  async function fetchPart(escrow: Escrow, claim: ClaimView, part: Part): Promise<string> {
    const receiver = receiverOf(escrow);
    const root = rootOf(claim, part);
    const bytes =
      part === 'bundle'
        ? await receiver.bundles.fetch(claim.body, bundleSize(receiver.bounty), receiver.engine.keccak)
        : await findCiphertext(receiver, claim);
    await folderStore(needed().content).put?.(root, bytes);
    return `${root}, ${bytes.length} bytes`;
  }

  async function receive(escrow: Escrow, claim: ClaimView): Promise<string> {
    const { receiver, out } = needed();
    const { bounty } = receiver;
    const opened = await openClaim(receiverOf(escrow), claim);
    if (!('rows' in opened)) {
      wrong.set(claim.id, opened.complaint);
      return `row ${opened.index} is wrong: ${opened.fault}. ${PUBLISHES_S}`;
    }
    const state = deliveredState(bounty.compiled, opened.rows);
    const { weights } = writeAdapter(out, exportAdapter(bounty.program, readRecipe(needed().package), state, bounty.cards.model.name));
    writeAtomic(join(out, RECEIVED), canonicalJson({ version: 1, claim: claim.id, adapterRoot: claim.body.adapterRoot }));
    return `${opened.rows.length} rows, all as proven: ${weights}`;
  }

  return {
    plan: (view) =>
      posterPlan(view, {
        has,
        received: (claim) => opening !== null && receivedClaim(opening.out) === claim,
        wrong: (claim) => wrong.has(claim),
        inputs: inputs !== null,
        spend: opening?.spend ?? 0n,
      }),
    async perform(escrow, view, duty: Duty): Promise<Sent | string> {
      switch (duty.what) {
        case 'fetch':
          return fetchPart(escrow, claimOf(view, duty.claim), duty.part);
        case 'receive':
          return receive(escrow, claimOf(view, duty.claim));
        case 'complain': {
          const { bounty } = needed().receiver;
          return complain({ escrow, bounty }, account, claimOf(view, duty.claim), (wrong.get(duty.claim) as () => Complaint)());
        }
        case 'demand':
          return escrow.demand(account, terms, duty.claim, duty.node, NO_KEY);
        case 'disclose':
          return escrow.disclose(account, terms, inputs as Inputs);
        case 'refund':
          return escrow.refund(account, terms);
        case 'withdraw':
          return escrow.withdraw(account, duty.token, account.address);
        case 'defaulted':
        case 'reclaim':
          return escrow[duty.what](account, terms, duty.claim, duty.node);
        case 'accept':
        case 'settle':
        case 'lapse':
        case 'unrevealed':
          return escrow[duty.what](account, terms, duty.claim);
        default:
          throw new InputError('claim', '', `cannot ${duty.what}`, 'that is no poster’s duty');
      }
    },
  };
}
