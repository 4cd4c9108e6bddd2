/**
 * The words and the path of an answer, read from the calldata of `IBountyEscrow.answer`, which the escrow logs. Solidity takes calldata that no decoder of clients reads (an array
 * of the body may lie before its struct), so only what it does check is read: words and path lie where the call's own heads say. Whether they are the
 * demanded ones is not the call's word, but the tree's: they must lead to its root.
 */
import { hexToBytes, toFunctionSelector, type AbiFunction, type AbiParameter } from 'viem';
import { bountyEscrowAbi } from '../../deploy/artifacts.ts';
import { cipherTree } from '../../verifier/delivery/cipher.ts';
import type { Hex } from '../../verifier/input.ts';
import { answeredNodes, climb, MerkleTree } from '../../verifier/record/indexed-merkle.ts';
import { readWord, WORD_BYTES, writeWord } from '../../verifier/words.ts';
import { TREE, type AnswerWords, type TreeNode } from './dispute.ts';

/** The tree that a node is of, as the claim has it. */
export interface AnsweredRoot {
  readonly root: bigint;
  readonly depth: number;
}

const ANSWER = bountyEscrowAbi.find((entry) => entry.type === 'function' && entry.name === 'answer') as AbiFunction;
const SELECTOR = toFunctionSelector(ANSWER);
const isDynamic = (p: AbiParameter): boolean =>
  /\[\]$|^string$|^bytes$/.test(p.type) || ('components' in p && p.components.some((own) => isDynamic(own)));
/** Words that a parameter has among the heads. */
const headWords = (p: AbiParameter): number =>
  !isDynamic(p) && 'components' in p ? p.components.reduce((n, own) => n + headWords(own), 0) : 1;
/** Where the head of a parameter begins, in words. */
const headOf = (name: string): number => {
  const at = ANSWER.inputs.findIndex((p) => p.name === name);
  return ANSWER.inputs.slice(0, at).reduce((n, p) => n + headWords(p), 0);
};
const [WORDS, PATH] = [headOf('words'), headOf('path')];

/** An array of words whose head is given, or null where the calldata has none. */
function arrayAt(data: Uint8Array, head: number): bigint[] | null {
  const word = (at: bigint): bigint | null => (at + 32n > BigInt(data.length) ? null : readWord(data.subarray(Number(at)), 0));
  const offset = word(BigInt(head * WORD_BYTES));
  const length = offset === null ? null : word(offset);
  if (offset === null || length === null || 32n * length > BigInt(data.length)) return null;
  const end = offset + 32n + length * 32n;
  if (end > BigInt(data.length)) return null;
  return Array.from({ length: Number(length) }, (_, i) => readWord(data.subarray(Number(offset) + WORD_BYTES * (i + 1)), 0));
}

const bytesOf = (words: readonly bigint[]): Uint8Array => {
  const bytes = new Uint8Array(words.length * WORD_BYTES);
  words.forEach((word, i) => writeWord(bytes, i, word));
  return bytes;
};

/** The node that words lie below. Errors: another number of words than the node has. */
function nodeAbove(words: readonly bigint[], { tree, level }: TreeNode): bigint {
  if (tree === TREE.cipher) return cipherTree(bytesOf(words)).root;
  const nodes = answeredNodes(tree === TREE.trace ? 'TRACE' : 'BUNDLE', level, words);
  return new MerkleTree(bytesOf(nodes), Math.log2(nodes.length), 0n).root;
}

/** Whether words and path lead from the node to the root. */
function lead({ words, path }: AnswerWords, node: TreeNode, { root, depth }: AnsweredRoot): boolean {
  if (path.length !== depth - node.level) return false;
  try {
    return climb(nodeAbove(words, node), Number(node.index), path) === root;
  } catch {
    return false;
  }
}

/** The answer for a node that the calldata of a call brings; null if it brings none. */
export function answerIn(input: Hex, node: TreeNode, of: AnsweredRoot): AnswerWords | null {
  if (!input.startsWith(SELECTOR)) return null;
  const data = hexToBytes(`0x${input.slice(SELECTOR.length)}`);
  const [words, path] = [arrayAt(data, WORDS), arrayAt(data, PATH)];
  if (words === null || path === null) return null;
  const answer = { words, path };
  return lead(answer, node, of) ? answer : null;
}
