/** A claimant's answers to demands, from the folder of the run. */
import { join } from 'node:path';
import type { Account } from 'viem';
import type { OpenBounty } from '../../verifier/bounty.ts';
import { rowAnswer } from '../../verifier/delivery/row-answers.ts';
import type { Engine } from '../../verifier/engine.ts';
import { InputError, type Hex } from '../../verifier/input.ts';
import { answerOf, MerkleTree, type Nodes } from '../../verifier/record/indexed-merkle.ts';
import type { Pair } from '../../verifier/record/evaluate.ts';
import type { BountyVerifier } from '../../verifier/record/bounty.ts';
import { bundleCell, traceCell } from '../../verifier/record/trace.ts';
import type { Body } from '../../verifier/statement.ts';
import { listClaims, type PostedClaim } from './bounties.ts';
import type { Escrow, Sent } from './chain.ts';
import { loadCiphertext } from './delivery/sealed-run.ts';
import { NO_KEY, TREE, type AnswerWords, type ClaimRef, type TreeNode } from './dispute.ts';
import { isLive, listDemands, nodeText } from './demands.ts';
import { readBounded } from './files.ts';
import { readClaim, readRun, TRACE_FILE } from './run-folder.ts';
import { unreachable } from './sending.ts';
import { openTrace, traceLimit } from './traces.ts';

/** What a run can answer from: its bundle and trace where claims can be challenged, its ciphertexts where the adapter is delivered. */
export interface Answers {
  /** The answer for a node of one of a claim's trees. Errors: files that are missing, or another claim's. */
  answer(claim: Pick<Body, 'traceRoot' | 'cipherRoot' | 'nonce'>, node: TreeNode): Promise<AnswerWords>;
}

type Tree = readonly [Nodes, (leaf: number) => Pair];

/** Reads bundle and trace of a run, once they are asked for; `verifier` is null where no claim can be challenged. */
export function openAnswers(
  folder: string,
  { terms }: Pick<OpenBounty, 'terms'>,
  verifier: Pick<BountyVerifier, 'recorded'> | null,
  engine: Engine,
): Answers {
  const opened = new Map<string, Promise<unknown>>();
  /** Made once; a failure is not kept, since files may come later. */
  const once = <T>(name: string, make: () => Promise<T>): Promise<T> => {
    const made = (opened.get(name) as Promise<T> | undefined) ?? make();
    opened.set(name, made);
    made.catch(() => opened.delete(name));
    return made;
  };
  const recorded = (node: TreeNode): BountyVerifier['recorded'] => {
    if (verifier === null)
      throw new InputError('demand', '', `asks for ${nodeText(node)}`, 'nothing of the kind can be asked for under Attested');
    return verifier.recorded;
  };
  const bundle = (node: TreeNode) =>
    once('bundle', async (): Promise<Tree> => {
      const { bundleDepth } = recorded(node);
      const bytes = readBounded(join(folder, 'bundle.bin'), Number(terms.maxBundle));
      return [MerkleTree.ofCells('BUNDLE', bytes, bundleDepth, engine.keccak), (leaf) => bundleCell(bytes, leaf)];
    });
  const trace = (node: TreeNode) =>
    once('trace', async (): Promise<Tree> => {
      const own = recorded(node);
      const path = join(folder, TRACE_FILE);
      const { tree, cells } = openTrace(readBounded(path, traceLimit(own)), own, path, engine.keccak);
      return [tree, (leaf) => traceCell(own, cells, leaf)];
    });
  return {
    async answer(claim, node) {
      const { tree, level, index } = node;
      if (tree === TREE.cipher) {
        const rows = await once(claim.cipherRoot, () => loadCiphertext(readRun(folder), claim));
        return rowAnswer(rows.ciphertext, rows.tree, level, Number(index));
      }
      const [nodes, cell] = await (tree === TREE.bundle ? bundle(node) : trace(node));
      if (tree === TREE.trace && BigInt(claim.traceRoot) !== nodes.node(nodes.depth, 0))
        throw new InputError(join(folder, TRACE_FILE), '', 'is not the claim’s trace', 'restore the file that `claim` wrote');
      return answerOf(nodes, cell, level, Number(index));
    },
  };
}

export interface Answered {
  readonly claim: Hex;
  readonly node: TreeNode;
  readonly sent: Sent;
}

/** Answers one demand. */
export const answerDemand = async (
  escrow: Escrow,
  account: Account,
  { terms }: Pick<OpenBounty, 'terms'>,
  verifier: Pick<BountyVerifier, 'key'> | null,
  claim: ClaimRef,
  node: TreeNode,
  answers: Answers,
): Promise<Sent> => escrow.answer(account, terms, claim, node, verifier?.key ?? NO_KEY, await answers.answer(claim.body, node));

/** A demand that could not be answered. */
export interface Unanswered {
  readonly claim: Hex;
  readonly node: TreeNode;
  readonly error: unknown;
}

/**
 * Answers every open demand on the run's live claims, the one whose time ends first before the others; one that fails holds up none, unless it is the node that
 * fails. Errors: the node's, while it lists them.
 */
export async function answerDemands(
  escrow: Escrow,
  account: Account,
  bounty: Pick<OpenBounty, 'id' | 'terms'>,
  verifier: Pick<BountyVerifier, 'key'> | null,
  folder: string,
  answers: Answers,
): Promise<{ readonly answered: readonly Answered[]; readonly failed: readonly Unanswered[] }> {
  const own = readClaim(join(folder, 'claim.json'));
  const { timestamp } = await escrow.chain.client.getBlock();
  const due: { readonly claim: PostedClaim; readonly node: TreeNode; readonly answerBy: bigint }[] = [];
  for (const claim of await listClaims(escrow, bounty.id)) {
    if (claim.claimant !== own.claimant || claim.body.bundleRoot !== own.bundleRoot || !(await isLive(escrow, claim.id))) continue;
    for (const { node, status, answerBy } of await listDemands(escrow, claim))
      if (status === 'open' && answerBy > timestamp) due.push({ claim, node, answerBy });
  }
  const answered: Answered[] = [];
  const failed: Unanswered[] = [];
  for (const { claim, node } of due.sort((a, b) => Number(a.answerBy - b.answerBy)))
    try {
      answered.push({ claim: claim.id, node, sent: await answerDemand(escrow, account, bounty, verifier, claim, node, answers) });
    } catch (error) {
      failed.push({ claim: claim.id, node, error });
      if (unreachable(error)) break;
    }
  return { answered, failed };
}
