/** A list of instructions, packed, and its tree: 21 bytes an instruction and one entry for each distinct pair of immediates. */
import { keccak_256 } from '@noble/hashes/sha3.js';
import { writeWord, WORD_BYTES, type Keccak } from '../words.ts';
import { MerkleTree } from './indexed-merkle.ts';
import { INSTR, SHAPES, type Instruction } from './instruction.ts';

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

  /** The tree of the instructions' leaves (`instructionLeaf`), padded with 0. */
  tree(depth: number, keccak: Keccak = keccak_256): MerkleTree {
    const immediates = new Uint8Array(2 * WORD_BYTES * this.immediates.length);
    this.immediates.forEach((pair, n) => pair.forEach((v, half) => writeWord(immediates, 2 * n + half, v)));
    const leaves = new Uint8Array(this.length * WORD_BYTES);
    const input = new Uint8Array(5 * WORD_BYTES);
    const view = new DataView(input.buffer);
    writeWord(input, 0, INSTR);
    for (let i = 0; i < this.length; i++) {
      view.setUint32(2 * WORD_BYTES - 4, i);
      // The head from its end: the opcode's byte, then four bytes a ref.
      const end = 3 * WORD_BYTES;
      input[end - 1] = this.ops[i] as number;
      for (let j = 0; j < MAX_OPERANDS; j++) view.setUint32(end - 5 - 4 * j, this.refs[MAX_OPERANDS * i + j] as number);
      const from = 2 * WORD_BYTES * (this.immediate[i] as number);
      input.set(immediates.subarray(from, from + 2 * WORD_BYTES), end);
      leaves.set(keccak(input), i * WORD_BYTES);
    }
    return new MerkleTree(leaves, depth, 0n, keccak);
  }
}
