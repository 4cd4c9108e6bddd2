/**
 * Indexed Merkle trees over cells (a, b) of two words: leaf H(TAG, 0, a, b), node keccak(l ‖ r), of a pinned depth. The bits of the index choose
 * the sides of a path, and its length is the depth, so that a path proves a position and an inner node cannot pass as a leaf. Where cells
 * end, (0, 0) go on; their subtrees are known by height alone and take no room.
 * A tree of instructions is the same over other leaves, padded with the word 0 (no preimage of it is known, and lengths are pinned).
 */
import { keccak_256 } from '@noble/hashes/sha3.js';
import { hashWords, keccakWords, readWord, tagNumber, WORD_BYTES, writeWord, type Keccak } from '../words.ts';

export const CELL_BYTES = 2 * WORD_BYTES;
export type TreeTag = 'BUNDLE' | 'TRACE' | 'CIPHER' | 'ROW';

/** What a path, an answer or a walk needs of a tree. Level 0 are the leaves, node `depth` is the root. */
export interface Nodes {
  readonly depth: number;
  node(level: number, index: number): bigint;
}

/** The leaf of a cell. */
export const cellLeaf = (tag: TreeTag, [a, b]: readonly [bigint, bigint], keccak: Keccak = keccak_256): bigint =>
  hashWords(keccak, [tagNumber(tag), 0n, a, b]);

/** By height: the root of a subtree of pads. */
export function padRoots(pad: bigint, depth: number): bigint[] {
  const roots = [pad];
  for (let l = 0; l < depth; l++) roots.push(keccakWords(roots[l] as bigint, roots[l] as bigint));
  return roots;
}

/** A tree whose nodes are held in memory, 64 bytes a leaf; `leaves` are `32·n` bytes. */
export class MerkleTree implements Nodes {
  readonly depth: number;
  private readonly levels: Uint8Array[] = [];
  private readonly pads: readonly bigint[];

  constructor(leaves: Uint8Array, depth: number, pad: bigint, keccak: Keccak = keccak_256) {
    const count = leaves.length / WORD_BYTES;
    if (count > 2 ** depth) throw new Error(`a tree of depth ${depth} cannot hold ${count} leaves`);
    this.depth = depth;
    this.pads = padRoots(pad, depth);
    let level = leaves;
    this.levels.push(level);
    for (let l = 0; l < depth; l++) {
      const half = Math.ceil(level.length / CELL_BYTES);
      const next = new Uint8Array(WORD_BYTES * half);
      for (let i = 0; i < half; i++) {
        const pair = level.subarray(i * CELL_BYTES, (i + 1) * CELL_BYTES);
        const whole = pair.length === CELL_BYTES ? pair : withPad(pair, this.pads[l] as bigint);
        next.set(keccak(whole), i * WORD_BYTES);
      }
      this.levels.push((level = next));
    }
  }

  /** The tree of `64·n` bytes of cells. */
  static ofCells(tag: TreeTag, cells: Uint8Array, depth: number, keccak: Keccak = keccak_256): MerkleTree {
    return new MerkleTree(cellLeaves(tag, cells, keccak), depth, cellLeaf(tag, [0n, 0n]), keccak);
  }

  get root(): bigint {
    return this.node(this.depth, 0);
  }

  node(level: number, index: number): bigint {
    const nodes = this.levels[level];
    if (nodes === undefined || index < 0 || index >= 2 ** (this.depth - level)) throw new Error(`no node ${index} on level ${level}`);
    return index < nodes.length / WORD_BYTES ? readWord(nodes, index) : (this.pads[level] as bigint);
  }
}

function withPad(half: Uint8Array, pad: bigint): Uint8Array {
  const whole = new Uint8Array(CELL_BYTES);
  whole.set(half);
  writeWord(whole, 1, pad);
  return whole;
}

/** Leaves of `64·n` bytes of cells. */
export function cellLeaves(tag: TreeTag, cells: Uint8Array, keccak: Keccak = keccak_256): Uint8Array {
  const count = cells.length / CELL_BYTES;
  const leaves = new Uint8Array(count * WORD_BYTES);
  const input = new Uint8Array(2 * CELL_BYTES);
  writeWord(input, 0, tagNumber(tag));
  for (let i = 0; i < count; i++) {
    input.set(cells.subarray(i * CELL_BYTES, (i + 1) * CELL_BYTES), CELL_BYTES);
    leaves.set(keccak(input), i * WORD_BYTES);
  }
  return leaves;
}

/** Trees of one depth side by side under a common root; where they end, trees of pads follow. */
export class Forest implements Nodes {
  readonly depth: number;
  private readonly trees: readonly Nodes[];
  private readonly height: number;
  private readonly top: MerkleTree;
  private readonly pads: readonly bigint[];

  constructor(trees: readonly Nodes[], height: number, depth: number, pad: bigint, keccak: Keccak = keccak_256) {
    this.depth = depth;
    this.trees = trees;
    this.height = height;
    this.pads = padRoots(pad, height);
    const roots = new Uint8Array(trees.length * WORD_BYTES);
    trees.forEach((tree, i) => writeWord(roots, i, tree.node(height, 0)));
    this.top = new MerkleTree(roots, depth - height, this.pads[height] as bigint, keccak);
  }

  get root(): bigint {
    return this.top.root;
  }

  node(level: number, index: number): bigint {
    if (level >= this.height) return this.top.node(level - this.height, index);
    const below = 2 ** (this.height - level);
    if (index < 0 || index >= 2 ** (this.depth - level)) throw new Error(`no node ${index} on level ${level}`);
    const tree = this.trees[Math.floor(index / below)];
    return tree === undefined ? (this.pads[level] as bigint) : tree.node(level, index % below);
  }
}

const above = (index: number, level: number): number => Math.floor(index / 2 ** level);
const sibling = (index: number): number => (index % 2 === 0 ? index + 1 : index - 1);

/** Siblings from node `index` of a level up to the root. */
export const pathOf = (tree: Nodes, index: number, level = 0): bigint[] =>
  Array.from({ length: tree.depth - level }, (_, l) => tree.node(level + l, sibling(above(index, l))));

/** The root to which a node and its path lead. */
export function climb(node: bigint, index: number, path: readonly bigint[], keccak: Keccak = keccak_256): bigint {
  return path.reduce((hash, other, l) => hashWords(keccak, above(index, l) % 2 === 0 ? [hash, other] : [other, hash]), node);
}

/** Whether a path proves that leaf `index` of the tree with this root and depth is `leaf`. */
export const verifyPath = (root: bigint, depth: number, index: number, leaf: bigint, path: readonly bigint[]): boolean =>
  path.length === depth && Number.isSafeInteger(index) && index >= 0 && index < 2 ** depth && climb(leaf, index, path) === root;

/** Height below a demanded node that an answer covers, and the highest level whose answer is cells. */
export const ANSWER_HEIGHT = 8;
const CELLS_UP_TO = 7;

/**
 * The answer to a demand for node `index` of a level: up to level 7 the cells below it, two words each; above that the 256 nodes eight levels
 * below. `cell` gives the cell of a leaf. The path leads from the node to the root.
 */
export function answerOf(
  tree: Nodes,
  cell: (leaf: number) => readonly [bigint, bigint],
  level: number,
  index: number,
): { words: bigint[]; path: bigint[] } {
  const below = level <= CELLS_UP_TO ? level : ANSWER_HEIGHT;
  const from = index * 2 ** below;
  const indices = Array.from({ length: 2 ** below }, (_, i) => from + i);
  const words = level <= CELLS_UP_TO ? indices.flatMap((i) => [...cell(i)]) : indices.map((i) => tree.node(level - ANSWER_HEIGHT, i));
  return { words, path: pathOf(tree, index, level) };
}

/** The nodes that an answer brings: the leaves of its cells, or the nodes themselves. */
export function answeredNodes(tag: TreeTag, level: number, words: readonly bigint[], keccak: Keccak = keccak_256): readonly bigint[] {
  const cells = level <= CELLS_UP_TO;
  const count = cells ? 2 ** (level + 1) : 2 ** ANSWER_HEIGHT;
  if (words.length !== count) throw new Error(`an answer of level ${level} has ${count} words, not ${words.length}`);
  if (!cells) return words;
  return Array.from({ length: count / 2 }, (_, i) => cellLeaf(tag, [words[2 * i] as bigint, words[2 * i + 1] as bigint], keccak));
}
