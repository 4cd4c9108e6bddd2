/**
 * The poster's side of a delivery: takes bundle and ciphertext from stores or from answers on the chain, and K from the chain, opens every row, and holds it
 * against its commitment. Checked here, so that nothing that was fetched is trusted: the bundle against its root, its rows against adapterRoot, the
 * ciphertext against cipherRoot, K against keyHash, d against the terms' D.
 */
import type { LocalAccount } from 'viem';
import { bundleBytes } from '../../../verifier/bundle.ts';
import { wordHex, type OpenBounty } from '../../../verifier/bounty.ts';
import type { Affine } from '../../../verifier/curve.ts';
import { adapterTree, type MaskKey } from '../../../verifier/delivery/cipher.ts';
import { complaintOf, openDelivery, type Complaint } from '../../../verifier/delivery/complaint.ts';
import { deliveryKeyHash, multiplySecret, sharedSecret, type KeyPair } from '../../../verifier/delivery/keys.ts';
import { ciphertextFromAnswers, rowChunks } from '../../../verifier/delivery/row-answers.ts';
import type { PlainRow, RowFault } from '../../../verifier/delivery/row.ts';
import { delivers } from '../../../verifier/delivery/terms.ts';
import { openWhole } from '../../../verifier/delivery/whole.ts';
import type { Engine } from '../../../verifier/engine.ts';
import { InputError, type Hex } from '../../../verifier/input.ts';
import { bundleFromAnswers, chunksOf } from '../../../verifier/record/chunks.ts';
import type { PostedClaim } from '../bounties.ts';
import { bundleSize, type BundleSource } from '../bundles.ts';
import type { Escrow, Sent } from '../chain.ts';
import type { AnsweredRoot } from '../answer-words.ts';
import { readAnswer } from '../demands.ts';
import { NO_KEY, TREE, type AnswerWords, type TreeNode } from '../dispute.ts';
import { inTurn } from '../scan.ts';
import type { BundleStore } from '../stores/types.ts';
import { fetchCiphertext } from './ciphertexts.ts';
import { systemBytes } from './key-file.ts';
import { deliveryCommitments, readingsOfRows } from './rows.ts';

/** Who receives, with what. */
export interface Receiver {
  readonly escrow: Escrow;
  readonly bounty: OpenBounty;
  readonly key: KeyPair;
  readonly bundles: BundleSource;
  /** Of a claim's URIs. */
  readonly stores: (uris: readonly string[]) => readonly BundleStore[];
  readonly engine: Engine;
}

/** What of a claim is looked at. */
export type ReceivedClaim = Pick<PostedClaim, 'id' | 'bountyId' | 'claimant' | 'body' | 'block' | 'status'>;

/** Refuses a bounty without delivery, and a key that is not its. */
export function checkKey({ terms }: Pick<OpenBounty, 'terms'>, { point }: KeyPair, source: string): void {
  if (!delivers(terms))
    throw new InputError(
      'bounty.json',
      'terms.deliveryKey',
      'is none: this bounty delivers nothing',
      'ask the contributor for the adapter',
    );
  if (point.x !== terms.deliveryKey.x || point.y !== terms.deliveryKey.y)
    throw new InputError(source, '', 'is not the delivery key of this bounty', 'give the file whose `keys show` is terms.deliveryKey');
}

/** K of a claim, as it was revealed; null before. Errors: a node that does not keep old events. */
export async function revealedKey(
  escrow: Escrow,
  { id, bountyId, claimant, body, block }: Omit<ReceivedClaim, 'status'>,
): Promise<Hex | null> {
  for (const { args } of await escrow.events('Revealed', { claimId: id }, block))
    if (wordHex(deliveryKeyHash(BigInt(bountyId), BigInt(claimant), BigInt(args.key))) === body.keyHash) return args.key;
  return null;
}

/** The answers that the chain has for these nodes; null while one is missing. */
async function answersFor(
  escrow: Escrow,
  claim: ReceivedClaim,
  nodes: readonly TreeNode[],
  of: AnsweredRoot,
): Promise<AnswerWords[] | null> {
  const answers: AnswerWords[] = [];
  for (const node of nodes) {
    if ((await escrow.demandOf(claim.id, node)).status !== 'answered') return null;
    answers.push(await readAnswer(escrow, claim, node, of));
  }
  return answers;
}

/** The nodes whose answers bring the whole ciphertext. */
export function rowNodes({ terms }: Pick<OpenBounty, 'terms'>): TreeNode[] {
  const { level, count } = rowChunks(terms.deliveryDepth);
  return Array.from({ length: count }, (_, i) => ({ tree: TREE.cipher, level, index: BigInt(i) }));
}

/** From a store, else from answers on the chain. Errors: InputError that says why neither gave it. */
export async function findCiphertext({ escrow, bounty, stores, engine }: Receiver, claim: ReceivedClaim): Promise<Uint8Array> {
  const { cipherRoot, uris } = claim.body;
  try {
    return await fetchCiphertext(stores(uris), cipherRoot, bounty.terms, engine.keccak);
  } catch (e) {
    if (!(e instanceof InputError)) throw e;
    const of = { root: BigInt(cipherRoot), depth: bounty.terms.deliveryDepth };
    const answers = await answersFor(escrow, claim, rowNodes(bounty), of);
    if (answers === null) throw e;
    return ciphertextFromAnswers(of.root, of.depth, answers, engine.keccak);
  }
}

/** The rows' commitments from the claim's bundle, checked against adapterRoot. Errors: no store has the bundle, nor was all of it answered. */
export async function findCommitments({ escrow, bounty, bundles, engine }: Receiver, claim: ReceivedClaim): Promise<(Affine | null)[]> {
  const { compiled } = bounty;
  let bundle: Uint8Array;
  try {
    bundle = await bundles.fetch(claim.body, bundleSize(bounty), engine.keccak);
  } catch (e) {
    if (!(e instanceof InputError)) throw e;
    const exact = bundleBytes(compiled);
    const depth = Math.ceil(Math.log2(exact / 64));
    const { level, count } = chunksOf(exact, depth);
    const nodes = Array.from({ length: count }, (_, i): TreeNode => ({ tree: TREE.bundle, level, index: BigInt(i) }));
    const root = BigInt(claim.body.bundleRoot);
    const answers = await answersFor(escrow, claim, nodes, { root, depth });
    if (answers === null) throw e;
    bundle = bundleFromAnswers(root, exact, depth, answers, engine.keccak).bytes;
  }
  const commitments = deliveryCommitments(compiled, bundle);
  if (wordHex(adapterTree(commitments, engine.keccak).root) !== claim.body.adapterRoot)
    throw new InputError(
      'bundle',
      '',
      'has other rows than the claim’s adapterRoot says',
      'the claim is false: no attester should have passed it',
    );
  return commitments;
}

/** A delivery that was opened: its rows, or the first one that is wrong and the complaint about it. */
export type Opened =
  { readonly rows: readonly PlainRow[] } | { readonly index: number; readonly fault: RowFault; readonly complaint: () => Complaint };

/** The masks of a revealed claim. Errors: not revealed, too few events. */
async function maskOfClaim({ escrow, key }: Receiver, claim: ReceivedClaim): Promise<MaskKey> {
  const revealed = await revealedKey(escrow, claim);
  if (revealed === null)
    throw new InputError(
      'claim',
      '',
      `${claim.id} is ${claim.status}; its key is not shown`,
      claim.status === 'accepted' ? 'wait until the claimant reveals it' : 'receive once it is accepted and revealed',
    );
  const { ephemeralKey, nonce } = claim.body;
  return { key: BigInt(revealed), secret: sharedSecret(multiplySecret(key.secret, ephemeralKey)), nonce: BigInt(nonce) };
}

/** Fetches, opens and checks everything. */
export async function openClaim(receiver: Receiver, claim: ReceivedClaim): Promise<Opened> {
  const { bounty, engine } = receiver;
  const mask = await maskOfClaim(receiver, claim);
  const ciphertext = await findCiphertext(receiver, claim);
  let commitments: (Affine | null)[];
  try {
    commitments = await findCommitments(receiver, claim);
  } catch (e) {
    if (!(e instanceof InputError)) throw e;
    // Without the bundle all rows can still be seen to be right, though not which one is wrong.
    const rows = await openWhole(ciphertext, mask, readingsOfRows(bounty.compiled), BigInt(claim.body.adapterRoot), engine);
    if (rows === null) throw new InputError('delivery', '', `has a wrong row; which one, only the bundle says: ${e.message}`, e.cure);
    return { rows };
  }
  const opened = await openDelivery({ ciphertext, commitments, mask }, engine);
  if ('rows' in opened) return opened;
  const { index, fault } = opened;
  const complaint = (): Complaint =>
    complaintOf({ ciphertext, commitments }, index, BigInt(claim.id), receiver.key.secret, claim.body.ephemeralKey, systemBytes);
  return { index, fault, complaint };
}

/** What a complaint gives away. */
export const PUBLISHES_S =
  'A complaint publishes S: with the revealed K and the public ciphertext anybody can then read what was delivered under this claim.';

/** Other claims under the same D and E, of any bounty: the S of one is that of all, and opens them once their K is shown. */
export async function sharingE(
  { escrow, bounty }: Pick<Receiver, 'escrow' | 'bounty'>,
  { id, body: { ephemeralKey: e } }: ReceivedClaim,
): Promise<Hex[]> {
  const { deliveryKey: d } = bounty.terms;
  const found: Hex[] = [];
  for (const { args, blockNumber } of await escrow.events('Posted')) {
    const own = args.terms.deliveryKey;
    if (own.x !== d.x || own.y !== d.y) continue;
    for (const { args: other } of await escrow.events('Claimed', { bountyId: args.bountyId }, blockNumber)) {
      const { x, y } = other.body.ephemeralKey;
      if (other.claimId !== id && x === e.x && y === e.y) found.push(other.claimId);
    }
  }
  return found;
}

/** Sends the complaint about a wrong row: the poster's call. Errors: another sender. */
export async function complain(
  { escrow, bounty }: Pick<Receiver, 'escrow' | 'bounty'>,
  account: LocalAccount,
  claim: ReceivedClaim,
  complaint: Complaint,
): Promise<Sent> {
  // Before S gets to a node.
  if (account.address !== bounty.terms.poster)
    throw new InputError(
      'FINEPROOF_PRIVATE_KEY',
      '',
      `belongs to ${account.address}, the bounty to ${bounty.terms.poster}`,
      'only the poster can complain',
    );
  const key = (await revealedKey(escrow, claim)) as Hex;
  return escrow.complain(account, bounty.terms, claim, key, complaint);
}

/** Demands all rows that nobody asked for yet, one after the other; those that are open. Errors: more than `spend` wei. */
export async function demandRows(
  { escrow, bounty }: Pick<Receiver, 'escrow' | 'bounty'>,
  account: LocalAccount,
  claim: ReceivedClaim,
  spend: bigint,
): Promise<{ readonly fresh: readonly Sent[]; readonly open: readonly TreeNode[]; readonly until: bigint }> {
  const { terms } = bounty;
  const nodes = rowNodes(bounty);
  const states = await inTurn(nodes, (node) => escrow.demandOf(claim.id, node));
  const missing = nodes.filter((_, i) => states[i]?.status === 'none');
  const cost = BigInt(nodes.length) * terms.demandFee;
  if (missing.length > 0 && cost > spend)
    throw new InputError(
      '--demand-up-to',
      '',
      `is ${spend} wei; asking for all rows costs ${cost}`,
      'allow more, or get the ciphertext from a store',
    );
  const fresh: Sent[] = [];
  for (const node of missing) fresh.push(await escrow.demand(account, terms, claim.id, node, NO_KEY));
  const now = await inTurn(nodes, (node) => escrow.demandOf(claim.id, node));
  const open = nodes.filter((_, i) => now[i]?.status === 'open');
  const until = now.reduce((last, d) => (d.status === 'open' && d.answerBy > last ? d.answerBy : last), 0n);
  return { fresh, open, until };
}
