/** The calldata of answers, as clients write it and as they don't. */
import { decodeFunctionData, encodeFunctionData, type Hex } from 'viem';
import { bountyEscrowAbi } from '../../../deploy/artifacts.ts';
import type { PostedClaim } from '../../../scripts/lib/bounties.ts';
import { hexes, type AnswerWords, type TreeNode } from '../../../scripts/lib/dispute.ts';
import type { VerifierKey } from '../../../verifier/record/key.ts';
import type { Terms } from '../../../verifier/statement.ts';

export const answerData = (
  terms: Terms,
  claim: Pick<PostedClaim, 'claimant' | 'body'>,
  node: TreeNode,
  key: VerifierKey,
  { words, path }: AnswerWords,
): Hex =>
  encodeFunctionData({
    abi: bountyEscrowAbi,
    functionName: 'answer',
    args: [terms, claim.claimant, claim.body, node, key, hexes(words), hexes(path)],
  });

const WORD = 64;
const word = (value: bigint): string => BigInt.asUintN(256, value).toString(16).padStart(WORD, '0');

/**
 * The same call with the body's URIs before its struct: their offset is negative, which Solidity takes, since it compares offsets inside structs as
 * signed numbers. Errors: a client can decode it after all.
 */
export function urisAhead(data: Hex): Hex {
  const [selector, call] = [data.slice(0, 10), data.slice(10)];
  const words = Array.from({ length: call.length / WORD }, (_, i) => BigInt(`0x${call.slice(WORD * i, WORD * (i + 1))}`));
  const at = (i: number): number => Number(words[i]) / 32;
  // Heads: terms, claimant, body, node (3 words), key (11 words), words, path.
  const [terms, body, answer, path, heads] = [0, 2, 17, 18, 19] as const;
  const uris = at(body) + 10;
  const begin = at(body) + at(uris);
  // What lies behind the URIs are the words of the answer.
  const blob = words.slice(begin, at(answer));
  const shift = BigInt(32 * blob.length);
  for (const head of [terms, body, answer, path]) (words[head] as bigint) += shift;
  words[uris] = BigInt(32 * heads) - (words[body] as bigint);
  const moved = `${selector}${[...words.slice(0, heads), ...blob, ...words.slice(heads)].map(word).join('')}` as Hex;
  let read: unknown = null;
  try {
    read = decodeFunctionData({ abi: bountyEscrowAbi, data: moved });
  } catch {
    return moved;
  }
  throw new Error(`a client reads it: ${String(read)}`);
}
