/**
 * Refuting a claim: from a claimed bundle and a claimed trace whose nodes can be had (from a file, or answer by answer from the chain), the leftmost
 * position that is provably false, with all that one transaction needs.
 *
 * The lists are run on the bundle up to the first check that fails. Left of it the leftmost leaf that differs from the run's is false: its operands
 * lie further left, where both agree. Without a difference there, the failed check itself is false, whatever was claimed for it.
 */
import { isLoad, judge, operandPositions, Unproven, type Accusation, type Claimed, type Fault, type Opening } from './accusation.ts';
import { MerkleTree, pathOf, type Nodes } from './indexed-merkle.ts';
import { bundleWord, encodeHead } from './instruction.ts';
import { keyOf, listOf, listTrees, partOf, type ListTrees } from './key.ts';
import type { RecordedVerifier } from './record.ts';
import { bundleCell, positionOf, runTrace, traceCell, traceTree, type TraceWork } from './trace.ts';

/** The claimed trace: node `index` of a level, 0 the leaves; may have to be demanded first. */
export interface ClaimedTrace {
  node(level: number, index: number): bigint | Promise<bigint>;
}

export interface Fraud {
  readonly fault: Fault;
  readonly accusation: Accusation;
}

/** Leftmost position below `end` at which the claimed trace is not the honest one; null if there is none. */
async function leftmostDifference(honest: Nodes, claimed: ClaimedTrace, end: number): Promise<number | null> {
  const search = async (level: number, index: number): Promise<number | null> => {
    const [from, to] = [index * 2 ** level, (index + 1) * 2 ** level];
    if (from >= end) return null;
    if (to <= end && honest.node(level, index) === (await claimed.node(level, index))) return null;
    if (level === 0) return from;
    return (await search(level - 1, 2 * index)) ?? (await search(level - 1, 2 * index + 1));
  };
  return search(honest.depth, 0);
}

/** Everything about a position of a claim that a contract asks for. */
export async function accuse(
  recorded: RecordedVerifier,
  trees: ListTrees,
  position: number,
  claimed: ClaimedTrace,
  valueAt: (position: number) => readonly [bigint, bigint],
  bundle: { readonly tree: Nodes; readonly bytes: Uint8Array },
): Promise<Accusation> {
  const pathTo = (at: number): Promise<bigint[]> =>
    Promise.all(
      Array.from({ length: recorded.traceDepth }, async (_, level) => {
        const index = Math.floor(at / 2 ** level);
        return claimed.node(level, index % 2 === 0 ? index + 1 : index - 1);
      }),
    );
  const [leaf, leafPath] = [await claimed.node(0, position), await pathTo(position)];
  const [segment, index] = [Math.floor(position / 2 ** recorded.k), position % 2 ** recorded.k];
  const part = partOf(segment, recorded.proofs);
  if (part === undefined || index >= recorded[part].length)
    return { position, leaf, leafPath, head: 0n, imm0: 0n, imm1: 0n, instructionPath: [], inputs: [] };
  const instruction = recorded[part].at(index);
  const { op, imm0, imm1 } = instruction;
  const base = { position, leaf, leafPath, head: encodeHead(instruction), imm0, imm1, instructionPath: pathOf(trees[part], index) };
  if (isLoad(op)) {
    const cell = Number(bundleWord(segment, recorded.stride, imm0) >> 1n);
    const [a, b] = bundleCell(bundle.bytes, cell);
    return { ...base, inputs: [{ a, b, path: pathOf(bundle.tree, cell) }] };
  }
  const inputs: Opening[] = [];
  for (const at of operandPositions(recorded, position, instruction)) {
    const [a, b] = valueAt(at);
    inputs.push({ a, b, path: await pathTo(at) });
  }
  return { ...base, inputs };
}

/**
 * A provably false position of a claim, or null if the claim is right: every value is, and no check fails. Throws Unproven when bundle or trace
 * are not those whose roots were claimed. `tree` is the bundle's, where its bytes alone do not give it (chunks.ts).
 */
export async function findFraud(
  recorded: RecordedVerifier,
  claim: Claimed,
  bundle: Uint8Array,
  claimed: ClaimedTrace,
  trees?: ListTrees,
  work?: TraceWork,
  tree?: Nodes,
): Promise<Fraud | null> {
  const keccak = work?.keccak;
  const bundleTree = tree ?? MerkleTree.ofCells('BUNDLE', bundle, recorded.bundleDepth, keccak);
  if (bundleTree.node(bundleTree.depth, 0) !== claim.bundleRoot) throw new Unproven('the bundle is not the one whose root was claimed');
  if ((await claimed.node(recorded.traceDepth, 0)) !== claim.traceRoot)
    throw new Unproven('the trace is not the one whose root was claimed');
  const { cells, failed } = await runTrace(recorded, bundle, claim.publicWords, work);
  const honest = traceTree(recorded, cells, keccak);
  const end = failed === null ? 2 ** recorded.traceDepth : positionOf(recorded, failed.segment, failed.index);
  const position = (await leftmostDifference(honest, claimed, end)) ?? (failed === null ? null : end);
  if (position === null) return null;
  const valueAt = (at: number): readonly [bigint, bigint] => traceCell(recorded, cells, at);
  const own = trees ?? listTrees(recorded, keccak);
  // What ends left of the position is known: asking for it would be one more demand.
  const known: ClaimedTrace = {
    node: (level, index) => ((index + 1) * 2 ** level <= position ? honest.node(level, index) : claimed.node(level, index)),
  };
  const accusation = await accuse(recorded, own, position, known, valueAt, { tree: bundleTree, bytes: bundle });
  return { fault: judge(keyOf(recorded, own), claim, accusation), accusation };
}

/** The list that a position lies in, and the index there: for messages. */
export function describe(recorded: RecordedVerifier, position: number): string {
  const [segment, index] = [Math.floor(position / 2 ** recorded.k), position % 2 ** recorded.k];
  const part = partOf(segment, recorded.proofs);
  if (part === undefined || index >= (listOf(recorded, segment)?.length ?? 0)) return `position ${position}, outside all lists`;
  return `instruction ${index} of ${part === 'step' ? `proof ${segment}` : part}`;
}
