/**
 * A bundle that nobody published, put together from answers to demands: one for each chunk of 128 cells that a bundle of this length has. The paths
 * of the answers bring every node beside them, so that cells behind the bundle's end, whatever they are, need not be asked for.
 */
import { keccak_256 } from '@noble/hashes/sha3.js';
import { WORD_BYTES, writeWord, type Keccak } from '../words.ts';
import { WrongAnswer } from './answers.ts';
import { CELL_BYTES, cellLeaves, climb, MerkleTree, type Nodes } from './indexed-merkle.ts';

/** Highest level whose answer is cells. */
const CHUNK_LEVEL = 7;

/** Level and number of the nodes that cover a bundle of so many bytes in a tree of this depth. */
export function chunksOf(bytes: number, depth: number): { readonly level: number; readonly count: number } {
  const level = Math.min(CHUNK_LEVEL, depth);
  return { level, count: Math.ceil(bytes / CELL_BYTES / 2 ** level) };
}

/** An answer: the words below a node, and the path from the node to the root. */
export interface Answer {
  readonly words: readonly bigint[];
  readonly path: readonly bigint[];
}

/** The nodes of a tree that answers brought. */
class KnownNodes implements Nodes {
  readonly depth: number;
  private readonly nodes = new Map<string, bigint>();

  constructor(depth: number) {
    this.depth = depth;
  }
  set(level: number, index: number, node: bigint): void {
    this.nodes.set(`${level},${index}`, node);
  }
  node(level: number, index: number): bigint {
    const known = this.nodes.get(`${level},${index}`);
    if (known === undefined) throw new Error(`node ${index} of level ${level} was not asked for`);
    return known;
  }
}

/** Bytes and tree of the bundle with this root. `answers`: by chunk. Throws WrongAnswer where one does not lead to the root. */
export function bundleFromAnswers(
  root: bigint,
  bytes: number,
  depth: number,
  answers: readonly Answer[],
  keccak: Keccak = keccak_256,
): { readonly bytes: Uint8Array; readonly tree: Nodes } {
  const { level, count } = chunksOf(bytes, depth);
  if (answers.length !== count) throw new WrongAnswer(`${answers.length} answers for ${count} chunks of the bundle`);
  const tree = new KnownNodes(depth);
  tree.set(depth, 0, root);
  const whole = new Uint8Array(count * 2 ** level * CELL_BYTES);
  answers.forEach(({ words, path }, chunk) => {
    const own = whole.subarray(chunk * 2 ** level * CELL_BYTES, (chunk + 1) * 2 ** level * CELL_BYTES);
    if (words.length * WORD_BYTES !== own.length || path.length !== depth - level) throw new WrongAnswer(`chunk ${chunk} has another size`);
    words.forEach((word, i) => writeWord(own, i, word));
    const below = new MerkleTree(cellLeaves('BUNDLE', own, keccak), level, 0n, keccak);
    if (climb(below.root, chunk, path, keccak) !== root) throw new WrongAnswer(`chunk ${chunk} is not of this bundle`);
    for (let l = 0; l <= level; l++) for (let i = 0; i < 2 ** (level - l); i++) tree.set(l, chunk * 2 ** (level - l) + i, below.node(l, i));
    path.forEach((node, l) => {
      const at = Math.floor(chunk / 2 ** l);
      tree.set(level + l, at % 2 === 0 ? at + 1 : at - 1, node);
    });
  });
  return { bytes: whole.subarray(0, bytes), tree };
}
