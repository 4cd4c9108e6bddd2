/**
 * Doubting a claim: takes its bundle and trace from the store, or from answers to demands; runs the recorded verifier on the bundle; and where the
 * claim is false, commits to the leftmost false position, and challenges with it once time has passed.
 *
 * One call goes as far as it can without waiting for others. Everything it must remember is on the chain: demands, answers, the commitment, whose
 * salt the signing key gives. So it may be stopped at any time and called again.
 */
import { encodeAbiParameters, keccak256, type LocalAccount } from 'viem';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from '../../verifier/engine.ts';
import { InputError, type Hex } from '../../verifier/input.ts';
import type { Claimed } from '../../verifier/record/accusation.ts';
import { AnsweredTree } from '../../verifier/record/answers.ts';
import { publicWordsFor, type BountyVerifier } from '../../verifier/record/bounty.ts';
import { bundleFromAnswers, chunksOf } from '../../verifier/record/chunks.ts';
import { describe, findFraud, type ClaimedTrace, type Fraud } from '../../verifier/record/fraud.ts';
import { ANSWER_HEIGHT, type Nodes } from '../../verifier/record/indexed-merkle.ts';
import { workOf } from '../../verifier/record/trace.ts';
import type { Terms } from '../../verifier/statement.ts';
import { DecodeError } from '../../verifier/wire.ts';
import type { PostedClaim } from './bounties.ts';
import { openBundles } from './bundles.ts';
import { LOCAL_CHAIN_ID } from './local-chain.ts';
import { CLAIM_STATUS, type Escrow, type Sent } from './chain.ts';
import { SECONDS_EACH, TREE, type AnswerWords, type TreeNode } from './dispute.ts';
import { readBounded } from './files.ts';
import { isLive, listDemands, nodeText, readAnswer, settleDemands, type Overdue } from './demands.ts';
import type { AnsweredRoot } from './answer-words.ts';
import { inTurn } from './scan.ts';
import { openTrace, openTraces, traceLimit } from './traces.ts';

/** Who doubts, with what. */
export interface Doubter {
  readonly escrow: Escrow;
  readonly terms: Terms;
  readonly verifier: BountyVerifier;
  /** Size of a bundle. */
  readonly bundleBytes: number;
  readonly account: LocalAccount;
  /** Folder of bundles and traces. */
  readonly store: string;
  readonly engine: Engine;
  /** Most wei for demands on a claim; what the claim owes for a false answer is half its bond. */
  readonly spend: bigint;
}

/** How far it came. */
export type Doubt =
  /** Every value is right: it cannot be refuted. */
  | { readonly state: 'right' }
  /** Refuted by this account's challenge, or ended because it withheld data. */
  | { readonly state: 'challenged'; readonly fault: Fraud['fault']; readonly position: number; readonly where: string; readonly sent: Sent }
  | { readonly state: 'defaulted'; readonly sent: Sent }
  /** Somebody has to answer until then (seconds). */
  | { readonly state: 'waiting'; readonly until: bigint; readonly what: string; readonly nodes: readonly TreeNode[] }
  /** Data is missing, and may not be asked for. */
  | { readonly state: 'withheld'; readonly what: string }
  /** The node does not know it, though it told of it: it lags behind, or the claim's block is gone. */
  | { readonly state: 'unseen' }
  /** The claim has ended otherwise. */
  | { readonly state: 'over'; readonly status: (typeof CLAIM_STATUS)[number] };

/** Data that is not there yet. */
class Missing extends Error {
  readonly doubt: Doubt;

  constructor(doubt: Doubt) {
    super(doubt.state);
    this.doubt = doubt;
  }
}

/** keccak(abi.encode(claimId, position, sender, salt)), as `commit` wants it. */
export const commitmentOf = (claim: Hex, position: number, sender: Hex, salt: Hex): Hex =>
  keccak256(
    encodeAbiParameters(
      [{ type: 'bytes32' }, { type: 'uint256' }, { type: 'address' }, { type: 'bytes32' }],
      [claim, BigInt(position), sender, salt],
    ),
  );

/** The salt of a commitment: nobody but the key's holder can compute it, who need not remember it. */
export const saltOf = async (account: LocalAccount, claim: Hex, position: number): Promise<Hex> =>
  keccak256(await account.signMessage({ message: `Fineproof: salt of my challenge of claim ${claim} at position ${position}` }));

/** What a claim says, from the chain. */
export const claimedOf = (doubter: Pick<Doubter, 'escrow' | 'terms'>, claim: PostedClaim): Claimed => ({
  bundleRoot: BigInt(claim.body.bundleRoot),
  traceRoot: BigInt(claim.body.traceRoot),
  publicWords: publicWordsFor(
    { chainId: BigInt(doubter.escrow.chain.id), escrow: doubter.escrow.address, terms: doubter.terms },
    claim.claimant,
    claim.body,
  ),
});

/**
 * Asks for nodes of the tree `of` that nobody asked for yet; returns those that are answered. `later`: demands that are sure to come after these, without
 * which these would be paid for in vain. Throws Missing while a node is not answered.
 */
async function askFor(
  doubter: Doubter,
  claim: PostedClaim,
  nodes: readonly TreeNode[],
  of: AnsweredRoot,
  later = 0,
): Promise<AnswerWords[]> {
  const { escrow, terms, account, verifier } = doubter;
  const ask = () => inTurn(nodes, (node) => escrow.demandOf(claim.id, node));
  const states = await ask();
  const { timestamp } = await escrow.chain.client.getBlock();
  // Where one was not answered in time the claim has lost: no more are paid for.
  const lost = states.some(({ status, answerBy }) => status === 'open' && answerBy <= timestamp);
  const fresh = lost ? [] : nodes.filter((_, i) => states[i]?.status === 'none');
  if (fresh.length > 0) {
    const own = (await listDemands(escrow, claim)).filter((d) => d.demander === account.address).length;
    const cost = BigInt(own + fresh.length + later) * terms.demandFee;
    if (cost > doubter.spend)
      throw new Missing({
        state: 'withheld',
        what: `${nodeText(fresh[0] as TreeNode)} has to be asked for; demands would cost ${cost} wei`,
      });
    for (const node of fresh) await escrow.demand(account, terms, claim.id, node, verifier.key);
  }
  const now = fresh.length === 0 ? states : await ask();
  const open = nodes.filter((_, i) => now[i]?.status !== 'answered');
  if (open.length > 0) {
    // Whoever is first to let one default ends the claim.
    const until = now.reduce((first, d) => (d.status !== 'answered' && d.answerBy < first ? d.answerBy : first), 2n ** 64n);
    throw new Missing({ state: 'waiting', until, what: `${open.length} demands are not answered yet`, nodes: open });
  }
  return inTurn(nodes, (node) => readAnswer(escrow, claim, node, of));
}

/**
 * Whether there is time to ask for one chunk first, and for the others once that is answered: who answers nothing loses by one demand, so that many such
 * claims don't keep a doubter busy until one of them is paid. `demands`: of the whole bundle; `steps`: of the trace, one after the other.
 */
async function mayProbe({ escrow, terms }: Doubter, { acceptFrom }: PostedClaim, demands: number, steps: number): Promise<boolean> {
  const { timestamp } = await escrow.chain.client.getBlock();
  const demandsBy = acceptFrom + 3n * (terms.answer + terms.react);
  // Every answer but the last step's comes at its last moment, and is acted upon in half of the time for it.
  return timestamp + SECONDS_EACH * BigInt(demands) + BigInt(steps + 1) * (terms.answer + terms.react / 2n) < demandsBy;
}

/** The bundle from the store, else chunk by chunk from the chain. */
async function bundleOf(doubter: Doubter, claim: PostedClaim): Promise<{ bytes: Uint8Array; tree?: Nodes }> {
  const { verifier, bundleBytes, store, terms, engine } = doubter;
  const root = claim.body.bundleRoot;
  const bundles = openBundles(store, engine.keccak);
  if (bundles.has(root)) {
    try {
      const bytes = bundles.get(root, Number(terms.maxBundle), 'bundle');
      // A file of another size has its root in a tree of another depth, or more cells than are read.
      if (bytes.length === bundleBytes) return { bytes };
    } catch (e) {
      // Not what its name says, or longer than any bundle: then it is asked for.
      if (!(e instanceof InputError || e instanceof DecodeError)) throw e;
    }
  }
  const { bundleDepth, traceDepth } = verifier.recorded;
  const { level, count } = chunksOf(bundleBytes, bundleDepth);
  const nodes = Array.from({ length: count }, (_, i): TreeNode => ({ tree: TREE.bundle, level, index: BigInt(i) }));
  const hasTrace = openTraces(store, verifier.recorded, engine.keccak).has(claim.body.traceRoot);
  const of = { root: BigInt(root), depth: bundleDepth };
  const steps = hasTrace ? 0 : Math.ceil(traceDepth / ANSWER_HEIGHT);
  if (await mayProbe(doubter, claim, count, steps)) await askFor(doubter, claim, nodes.slice(0, 1), of, count - 1 + steps);
  const answers = await askFor(doubter, claim, nodes, of, steps);
  const bundle = bundleFromAnswers(of.root, bundleBytes, bundleDepth, answers, engine.keccak);
  // Other claims may name it, and it was paid for. With cells behind its end it has another root, under which nobody looks for it.
  bundles.put(bundle.bytes);
  return bundle;
}

/** The trace from the store, else node by node from the chain. */
function traceOfClaim(doubter: Doubter, claim: PostedClaim): ClaimedTrace {
  const { verifier, store, engine } = doubter;
  const { recorded } = verifier;
  const root = claim.body.traceRoot;
  const traces = openTraces(store, recorded, engine.keccak);
  if (traces.has(root)) {
    try {
      const path = traces.path(root);
      const { tree } = openTrace(readBounded(path, traceLimit(recorded)), recorded, path, engine.keccak);
      if (tree.root === BigInt(root)) return tree;
    } catch (e) {
      if (!(e instanceof InputError)) throw e;
    }
  }
  return new AnsweredTree(
    'TRACE',
    recorded.traceDepth,
    BigInt(root),
    async (level, index) => {
      const of = { root: BigInt(root), depth: recorded.traceDepth };
      return ((await askFor(doubter, claim, [{ tree: TREE.trace, level, index: BigInt(index) }], of))[0] as AnswerWords).words;
    },
    engine.keccak,
  );
}

/** A provably false position of a claim, from what anybody can have; null if it is right. Throws Missing. */
async function search(doubter: Doubter, claim: PostedClaim): Promise<Fraud | null> {
  const { verifier, engine } = doubter;
  const bundle = await bundleOf(doubter, claim);
  const trace = traceOfClaim(doubter, claim);
  return findFraud(verifier.recorded, claimedOf(doubter, claim), bundle.bytes, trace, verifier.trees, workOf(engine), bundle.tree);
}

/** How long a later block is waited for. */
const LATER_BLOCK_SECONDS = 300;

/** Commits to the position, waits for a block of a later time, and challenges. */
async function refute({ escrow, terms, verifier, account }: Doubter, claim: PostedClaim, fraud: Fraud): Promise<Sent> {
  const { position } = fraud.accusation;
  const salt = await saltOf(account, claim.id, position);
  const commitment = commitmentOf(claim.id, position, account.address, salt);
  if ((await escrow.committedAt(commitment)) === 0n) await escrow.commit(account, commitment);
  const committed = await escrow.committedAt(commitment);
  const { client, id } = escrow.chain;
  // On a local chain the challenge itself makes the later block.
  for (let waited = 0; id !== LOCAL_CHAIN_ID && (await client.getBlock()).timestamp <= committed; waited++) {
    if (waited === LATER_BLOCK_SECONDS)
      throw new InputError('--rpc', '', `the chain made no block for ${waited} s`, 'challenge again once it does: the commitment stands');
    await sleep(1000);
  }
  return escrow.challenge(account, terms, claim, salt, verifier.key, fraud.accusation);
}

/** Whether what a claim waits for may have come, or its time or the claim itself is over. */
export async function mayGoOn(
  { escrow }: Pick<Doubter, 'escrow'>,
  claim: Hex,
  doubt: Doubt & { readonly state: 'waiting' },
): Promise<boolean> {
  if ((await escrow.chain.client.getBlock()).timestamp >= doubt.until || !(await isLive(escrow, claim))) return true;
  const states = await inTurn(doubt.nodes, (node) => escrow.demandOf(claim, node));
  return states.every((d) => d.status !== 'open');
}

/** Goes as far as it can with a claim. Other people's demands are theirs to end, but for one in time: who let it default has lost. */
export async function doubtClaim(doubter: Doubter, claim: PostedClaim): Promise<Doubt> {
  const { escrow, terms, account, verifier } = doubter;
  const settle = (): Promise<Overdue> => settleDemands(escrow, account, terms, claim, account.address);
  const { status } = await escrow.claimOf(claim.id);
  if (status === 0) return { state: 'unseen' };
  if (!(await isLive(escrow, claim.id))) {
    await settle();
    return { state: 'over', status: CLAIM_STATUS[(await escrow.claimOf(claim.id)).status] ?? 'none' };
  }
  let fraud: Fraud | null;
  try {
    // First, and before anybody's demands are read: there may be many, and the window passes.
    fraud = await search(doubter, claim);
  } catch (e) {
    if (!(e instanceof Missing)) throw e;
    const { defaulted } = await settle();
    return defaulted === null ? e.doubt : { state: 'defaulted', sent: defaulted.sent };
  }
  if (fraud === null) return { state: 'right' };
  const sent = await refute(doubter, claim, fraud);
  await settle();
  const { position } = fraud.accusation;
  return { state: 'challenged', fault: fraud.fault, position, where: describe(verifier.recorded, position), sent };
}
