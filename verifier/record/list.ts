/** A list of instructions, packed, and its tree: 21 bytes an instruction and one entry for each distinct pair of immediates. */
import { keccak_256 } from '@noble/hashes/sha3.js';
import { writeWord, WORD_BYTES, type Keccak } from '../words.ts';
import { MerkleTree } from './indexed-merkle.ts';
import { instructionLeaf, SHAPES, type Instruction } from './instruction.ts';

/** Most operands of an instruction. */
export const MAX_OPERANDS = 3;

export class InstructionList {
  readonly length: number;
  /** Opcode by index. */
  readonly ops: Uint8Array;
  /** Encoded refs, three by index; those that an opcode does not have are 0. */
  readonly refs: Uint32Array;
  private readonly immediate: Uint32Array;
  private readonly immediates: readonly (readonly [bigint, bigint])[];

  constructor(ops: Uint8Array, refs: Uint32Array, immediate: Uint32Array, immediates: readonly (readonly [bigint, bigint])[]) {
    this.length = ops.length;
    this.ops = ops;
    this.refs = refs;
    this.immediate = immediate;
    this.immediates = immediates;
  }

  at(index: number): Instruction {
    if (!(index >= 0 && index < this.length)) throw new Error(`a list of ${this.length} instructions has none at ${index}`);
    const op = this.ops[index] as number;
    const from = MAX_OPERANDS * index;
    const [imm0, imm1] = this.immediates[this.immediate[index] as number] as readonly [bigint, bigint];
    return { op, refs: [...this.refs.subarray(from, from + (SHAPES[op]?.operands.length ?? 0))], imm0, imm1 };
  }

  /** The tree of the instructions' leaves, padded with 0. */
  tree(depth: number, keccak: Keccak = keccak_256): MerkleTree {
    const leaves = new Uint8Array(this.length * WORD_BYTES);
    for (let i = 0; i < this.length; i++) writeWord(leaves, i, instructionLeaf(i, this.at(i), keccak));
    return new MerkleTree(leaves, depth, 0n, keccak);
  }
}
