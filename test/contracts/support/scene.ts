/**
 * A claim's trees of real depth with only a few leaves in them, and accusations of their positions. Everything else is filler: nodes that
 * hash nothing, which no path tells from real ones.
 */
import { keccakWords, tagNumber } from '../../../verifier/words.ts';
import {
  bundleWord,
  encodeHead,
  instructionLeaf,
  isPrevious,
  NONE,
  OP,
  refIndex,
  type Instruction,
} from '../../../verifier/record/instruction.ts';
import type { Accusation as JudgedAccusation, Claimed as JudgedClaim } from '../../../verifier/record/accusation.ts';
import type { Pair } from '../../../verifier/record/evaluate.ts';
import { cellLeaf, pathOf, type Nodes } from '../../../verifier/record/indexed-merkle.ts';

type Hex = `0x${string}`;
export const hex = (v: bigint): Hex => `0x${v.toString(16).padStart(64, '0')}`;

/** Deterministic randomness: keccak of a counter. */
export class Draw {
  private readonly seed: bigint;
  private counter = 0n;

  constructor(seed: string) {
    this.seed = tagNumber(seed);
  }
  word(): bigint {
    return keccakWords(this.seed, this.counter++);
  }
  below(n: number): number {
    return Number(this.word() % BigInt(n));
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

export class SparseTree implements Nodes {
  readonly depth: number;
  private readonly nodes = new Map<string, bigint>();
  private readonly fill: bigint;

  constructor(depth: number, name: string) {
    this.depth = depth;
    this.fill = tagNumber(name);
  }
  node(level: number, index: number): bigint {
    return this.nodes.get(`${level} ${index}`) ?? keccakWords(this.fill, BigInt(level));
  }
  set(index: number, leaf: bigint): void {
    this.nodes.set(`0 ${index}`, leaf);
    for (let level = 0, i = index; level < this.depth; level++) {
      i = Math.floor(i / 2);
      this.nodes.set(`${level + 1} ${i}`, keccakWords(this.node(level, 2 * i), this.node(level, 2 * i + 1)));
    }
  }
  get root(): bigint {
    return this.node(this.depth, 0);
  }
}

/** A tree with another leaf at one place. */
export class PatchedTree implements Nodes {
  readonly depth: number;
  private readonly base: Nodes;
  private readonly path: readonly bigint[];
  private readonly index: number;

  constructor(base: Nodes, index: number, leaf: bigint) {
    this.base = base;
    this.depth = base.depth;
    this.index = index;
    const path = [leaf];
    for (let level = 0, i = index; level < base.depth; level++, i = Math.floor(i / 2)) {
      const own = path[level] as bigint;
      path.push(i % 2 === 0 ? keccakWords(own, base.node(level, i + 1)) : keccakWords(base.node(level, i - 1), own));
    }
    this.path = path;
  }
  node(level: number, index: number): bigint {
    return index === Math.floor(this.index / 2 ** level) ? (this.path[level] as bigint) : this.base.node(level, index);
  }
}

/** TypeScript's accusations and claims as the contract takes them. */
export const encodeAccusation = (own: JudgedAccusation): Accusation => ({
  ...own,
  leaf: hex(own.leaf),
  leafPath: own.leafPath.map(hex),
  instructionPath: own.instructionPath.map(hex),
  inputs: own.inputs.map(({ a, b, path }) => ({ a, b, path: path.map(hex) })),
});
export const encodeClaimed = ({ bundleRoot, traceRoot, publicWords }: JudgedClaim) => ({
  bundleRoot: hex(bundleRoot),
  traceRoot: hex(traceRoot),
  publicWords: publicWords.map(hex),
});

/** What the contract takes; every word as hex or bigint. */
export interface Accusation {
  readonly position: number;
  readonly leaf: string;
  readonly leafPath: readonly string[];
  readonly head: bigint;
  readonly imm0: bigint;
  readonly imm1: bigint;
  readonly instructionPath: readonly string[];
  readonly inputs: readonly Opening[];
}
export interface Opening {
  readonly a: bigint;
  readonly b: bigint;
  readonly path: readonly string[];
}

export interface Shape {
  /** log2 of a segment's positions, and depths of the trees. */
  readonly k: number;
  readonly traceDepth: number;
  readonly bundleDepth: number;
  readonly steps: number;
  readonly stride: number;
}

/** A shape whose trace has this depth, with a few pads after its last segment. */
export const shapeOfDepth = (traceDepth: number): Shape => ({
  k: traceDepth - 3,
  traceDepth,
  bundleDepth: traceDepth - 2,
  steps: 4,
  stride: 2 ** (traceDepth - 5) + 2,
});

export class Scene {
  readonly shape: Shape;
  readonly publicWords: bigint[] = [];
  readonly trace: SparseTree;
  readonly bundle: SparseTree;
  readonly lists: readonly [SparseTree, SparseTree, SparseTree];
  /** Instructions of each list; fewer than 2^k, so that each segment has positions outside its list. */
  readonly length: number;
  private readonly cells = new Map<number, Pair>();
  private readonly bundleCells = new Map<number, Pair>();

  constructor(shape: Shape) {
    this.shape = shape;
    this.length = 2 ** shape.k - 5;
    this.trace = new SparseTree(shape.traceDepth, 'trace');
    this.bundle = new SparseTree(shape.bundleDepth, 'bundle');
    this.lists = [new SparseTree(shape.k, 'init'), new SparseTree(shape.k, 'step'), new SparseTree(shape.k, 'last')];
  }

  /** `IFraudProof.VerifierKey`. */
  get key() {
    const [init, step, last] = this.lists.map((tree) => hex(tree.root)) as [Hex, Hex, Hex];
    const lengths = { initLength: this.length, stepLength: this.length, lastLength: this.length };
    return { init, step, last, ...lengths, ...this.shape };
  }

  /** `IFraudProof.Claimed`. */
  get claimed() {
    return { bundleRoot: hex(this.bundle.root), traceRoot: hex(this.trace.root), publicWords: this.publicWords.map(hex) };
  }

  position = (segment: number, index: number): number => segment * 2 ** this.shape.k + index;

  /** Claims a value at a position. */
  claim(position: number, value: Pair): void {
    this.cells.set(position, value);
    this.trace.set(position, cellLeaf('TRACE', value));
  }

  /** Puts an instruction into the list that a segment runs. */
  program(segment: number, index: number, instruction: Instruction): void {
    const list = this.lists[segment === 0 ? 0 : segment <= this.shape.steps ? 1 : 2];
    list.set(index, instructionLeaf(index, instruction));
  }

  /** Puts a cell where a load of this segment reads. */
  load(segment: number, imm0: bigint, value: Pair): void {
    const index = this.bundleIndex(segment, imm0);
    this.bundleCells.set(index, value);
    this.bundle.set(index, cellLeaf('BUNDLE', value));
  }

  bundleIndex = (segment: number, imm0: bigint): number => Number(bundleWord(segment, this.shape.stride, imm0) >> 1n);

  /** The operand's position. */
  refPosition = (segment: number, ref: number): number => this.position(segment - (isPrevious(ref) ? 1 : 0), refIndex(ref));

  opening(tree: SparseTree, index: number, value: Pair): Opening {
    return { a: value[0], b: value[1], path: pathOf(tree, index).map(hex) };
  }

  /** The accusation of what the scene claims for an instruction. */
  accuse(segment: number, index: number, instruction: Instruction): Accusation {
    const list = this.lists[segment === 0 ? 0 : segment <= this.shape.steps ? 1 : 2];
    return {
      ...this.accusePosition(this.position(segment, index)),
      head: encodeHead(instruction),
      imm0: instruction.imm0,
      imm1: instruction.imm1,
      instructionPath: pathOf(list, index).map(hex),
      inputs: this.inputs(segment, instruction),
    };
  }

  /** The accusation of a position outside the lists. */
  accusePosition(position: number): Accusation {
    const leafPath = pathOf(this.trace, position).map(hex);
    return { position, leaf: hex(this.trace.node(0, position)), leafPath, head: 0n, imm0: 0n, imm1: 0n, instructionPath: [], inputs: [] };
  }

  private inputs(segment: number, { op, refs, imm0 }: Instruction): Opening[] {
    if (op === OP.LOADF || op === OP.LOADP || op === OP.LOADW) {
      const index = this.bundleIndex(segment, imm0);
      return [this.opening(this.bundle, index, this.bundleCells.get(index) as Pair)];
    }
    return refs
      .filter((ref) => ref !== NONE)
      .map((ref) => {
        const position = this.refPosition(segment, ref);
        return this.opening(this.trace, position, this.cells.get(position) as Pair);
      });
  }
}
