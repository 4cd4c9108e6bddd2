/** A claimant's answers to demands, from the folder of the run. */
import { join } from 'node:path';
import type { Account } from 'viem';
import type { OpenBounty } from '../../verifier/bounty.ts';
import type { Engine } from '../../verifier/engine.ts';
import { InputError, type Hex } from '../../verifier/input.ts';
import { answerOf, MerkleTree, type Nodes } from '../../verifier/record/indexed-merkle.ts';
import type { Pair } from '../../verifier/record/evaluate.ts';
import type { BountyVerifier } from '../../verifier/record/bounty.ts';
import { bundleCell, traceCell } from '../../verifier/record/trace.ts';
import { listClaims } from './bounties.ts';
import type { Escrow, Sent } from './chain.ts';
import { TREE, type AnswerWords, type TreeNode } from './dispute.ts';
import { isLive, listDemands, nodeText } from './demands.ts';
import { readBounded } from './files.ts';
import { readClaim, TRACE_FILE } from './run-folder.ts';
import { openTrace, traceLimit } from './traces.ts';

/** What a run can answer from. */
export interface Answers {
  readonly traceRoot: bigint;
  /** The answer for a node of bundle or trace. */
  answer(node: TreeNode): AnswerWords;
}

/** Reads bundle and trace of a run. */
export function openAnswers(
  folder: string,
  { terms }: Pick<OpenBounty, 'terms'>,
  { recorded }: Pick<BountyVerifier, 'recorded'>,
  engine: Engine,
): Answers {
  const bundle = readBounded(join(folder, 'bundle.bin'), Number(terms.maxBundle));
  const path = join(folder, TRACE_FILE);
  const trace = openTrace(readBounded(path, traceLimit(recorded)), recorded, path, engine.keccak);
  const bundleTree = MerkleTree.ofCells('BUNDLE', bundle, recorded.bundleDepth, engine.keccak);
  const trees: readonly (readonly [Nodes, (leaf: number) => Pair])[] = [
    [bundleTree, (leaf) => bundleCell(bundle, leaf)],
    [trace.tree, (leaf) => traceCell(recorded, trace.cells, leaf)],
  ];
  return {
    traceRoot: trace.tree.root,
    answer({ tree, level, index }) {
      const [nodes, cell] = trees[tree] as (typeof trees)[number];
      return answerOf(nodes, cell, level, Number(index));
    },
  };
}

export interface Answered {
  readonly claim: Hex;
  readonly node: TreeNode;
  readonly sent: Sent;
}

/** Answers every open demand on the run's live claims. Errors: a trace that is not the claimed one. */
export async function answerDemands(
  escrow: Escrow,
  account: Account,
  bounty: Pick<OpenBounty, 'id' | 'terms'>,
  { key }: Pick<BountyVerifier, 'key'>,
  folder: string,
  answers: Answers,
): Promise<Answered[]> {
  const own = readClaim(join(folder, 'claim.json'));
  const done: Answered[] = [];
  for (const claim of await listClaims(escrow, bounty.id)) {
    if (claim.claimant !== own.claimant || claim.body.bundleRoot !== own.bundleRoot || !(await isLive(escrow, claim.id))) continue;
    const { timestamp } = await escrow.chain.client.getBlock();
    for (const { node, status, answerBy } of await listDemands(escrow, claim)) {
      if (status !== 'open' || answerBy <= timestamp) continue;
      if (node.tree !== TREE.bundle && node.tree !== TREE.trace)
        throw new InputError('demand', '', `asks for ${nodeText(node)}`, 'this version answers for bundle and trace alone');
      if (node.tree === TREE.trace && BigInt(claim.body.traceRoot) !== answers.traceRoot)
        throw new InputError(join(folder, TRACE_FILE), '', `is not the trace of claim ${claim.id}`, 'restore the file that `claim` wrote');
      const sent = await escrow.answer(account, bounty.terms, claim, node, key, answers.answer(node));
      done.push({ claim: claim.id, node, sent });
    }
  }
  return done;
}
