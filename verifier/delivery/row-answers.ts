/**
 * Encrypted rows on the chain: the answer to a demand is what `IFraudProof.checkAnswer` takes for the tree Cipher, 17 words a row below the node; and a
 * ciphertext that no store gives is put together from such answers. A node up to level 3 can be asked for: 8 rows at once.
 */
import { keccak_256 } from '@noble/hashes/sha3.js';
import { WrongAnswer } from '../record/answers.ts';
import { climb, pathOf, type Nodes } from '../record/indexed-merkle.ts';
import { readWord, WORD_BYTES, writeWord, type Keccak } from '../words.ts';
import { cipherRow, cipherTree } from './cipher.ts';
import { ROW_BYTES } from './row.ts';

const ROW_WORDS = ROW_BYTES / WORD_BYTES;
const ROWS_UP_TO = 3;

/** Level and number of the nodes whose answers bring a whole ciphertext. */
export function rowChunks(depth: number): { readonly level: number; readonly count: number } {
  const level = Math.min(ROWS_UP_TO, depth);
  return { level, count: 2 ** (depth - level) };
}

/** The answer for a node of level 3 or less. `tree` is the ciphertext's. */
export function rowAnswer(ciphertext: Uint8Array, tree: Nodes, level: number, index: number): { words: bigint[]; path: bigint[] } {
  if (level > ROWS_UP_TO) throw new RangeError(`rows are asked for up to level ${ROWS_UP_TO}, not ${level}`);
  const rows = Array.from({ length: 2 ** level }, (_, i) => cipherRow(ciphertext, index * 2 ** level + i));
  const words = rows.flatMap((row) => Array.from({ length: ROW_WORDS }, (_, w) => readWord(row, w)));
  return { words, path: pathOf(tree, index, level) };
}

/** The ciphertext with this root, from the answers for all nodes of `rowChunks`, in order. Throws WrongAnswer where one does not lead to the root. */
export function ciphertextFromAnswers(
  root: bigint,
  depth: number,
  answers: readonly { readonly words: readonly bigint[]; readonly path: readonly bigint[] }[],
  keccak: Keccak = keccak_256,
): Uint8Array {
  const { level, count } = rowChunks(depth);
  if (answers.length !== count) throw new WrongAnswer(`${answers.length} answers for ${count} nodes of encrypted rows`);
  const whole = new Uint8Array(2 ** depth * ROW_BYTES);
  answers.forEach(({ words, path }, i) => {
    const own = whole.subarray(i * 2 ** level * ROW_BYTES, (i + 1) * 2 ** level * ROW_BYTES);
    if (words.length * WORD_BYTES !== own.length || path.length !== depth - level)
      throw new WrongAnswer(`rows of node ${i} have another size`);
    words.forEach((word, w) => writeWord(own, w, word));
    if (climb(cipherTree(own, keccak).root, i, path, keccak) !== root)
      throw new WrongAnswer(`rows of node ${i} are not of this ciphertext`);
  });
  return whole;
}
