/**
 * Instructions of a recorded verifier, and their encoding (docs/recorded-verifier.md). A list of them is straight-line code: the value of
 * instruction i is a cell (a, b) of two words, computed from at most three earlier values, the bundle, the public words and its own immediates.
 *
 *   head = op | ref0 << 8 | ref1 << 40 | ref2 << 72        leaf of a list's tree = keccak(INSTR ‖ i ‖ head ‖ imm0 ‖ imm1)
 *
 * A ref is 31 bits of index and, on top, one bit "in the previous segment"; all ones mean none. What an opcode does not use is 0.
 */
import { keccak_256 } from '@noble/hashes/sha3.js';
import { hashWords, tagNumber, type Keccak } from '../words.ts';

/** Opcodes. */
export const OP = {
  CONST: 1,
  PUB: 2,
  PUBF: 3,
  LOADF: 4,
  LOADP: 5,
  LOADW: 6,
  ADD: 7,
  SUB: 8,
  MUL: 9,
  MULADD: 10,
  ABSORB: 11,
  NODE: 12,
  SQUEEZE: 13,
  ECMULADD: 14,
  EQ: 15,
} as const;

/** What a value is: an element of F (v, 0), a word (h, 0), a point (x, y). O is (0, 0). */
export type Type = 'field' | 'word' | 'point';
/** What an operand may be: a type, `point?` a point or none, `any` a value of any type. */
export type Operand = Type | 'point?' | 'any';

/** An opcode's shape. `result` null: a CONST is whatever its cell is, and nothing may read an EQ. */
export interface Shape {
  readonly name: keyof typeof OP;
  readonly operands: readonly Operand[];
  /** How many immediates it has, imm0 first. */
  readonly immediates: 0 | 1 | 2;
  readonly result: Type | null;
}

const shape = (name: keyof typeof OP, operands: readonly Operand[], immediates: 0 | 1 | 2, result: Type | null): Shape => ({
  name,
  operands,
  immediates,
  result,
});

/** By opcode; nothing at 0. */
export const SHAPES: readonly (Shape | undefined)[] = [
  undefined,
  shape('CONST', [], 2, null),
  shape('PUB', [], 1, 'word'),
  shape('PUBF', [], 1, 'field'),
  shape('LOADF', [], 1, 'field'),
  shape('LOADP', [], 1, 'point'),
  shape('LOADW', [], 1, 'word'),
  shape('ADD', ['field', 'field'], 0, 'field'),
  shape('SUB', ['field', 'field'], 0, 'field'),
  shape('MUL', ['field', 'field'], 0, 'field'),
  shape('MULADD', ['field', 'field', 'field'], 0, 'field'),
  shape('ABSORB', ['word', 'any'], 1, 'word'),
  shape('NODE', ['word', 'word'], 0, 'word'),
  shape('SQUEEZE', ['word'], 1, 'field'),
  shape('ECMULADD', ['point?', 'field', 'point?'], 0, 'point'),
  shape('EQ', ['any', 'any'], 0, null),
];

/** No operand: the point O. */
export const NONE = 0xffffffff;
const PREVIOUS = 0x80000000;
/** Largest index that a ref holds; with the bit on top it would be `NONE`. */
export const MAX_INDEX = 0x7ffffffe;

/** A ref to a value of this segment, or of the one before. */
export const refOf = (index: number, previous = false): number => (previous ? index + PREVIOUS : index);
export const refIndex = (ref: number): number => ref % PREVIOUS;
export const isPrevious = (ref: number): boolean => ref >= PREVIOUS;

export interface Instruction {
  readonly op: number;
  /** As many as the opcode has operands. */
  readonly refs: readonly number[];
  readonly imm0: bigint;
  readonly imm1: bigint;
}

/** An instruction that says nothing: an unknown opcode, bits that must be 0, an operand that must not be none. A contract reverts on it. */
export class MalformedInstruction extends Error {
  override readonly name = 'MalformedInstruction';
}

const REF_BITS = 32n;
const OP_BITS = 8n;

export const encodeHead = ({ op, refs }: Instruction): bigint =>
  refs.reduce((head, ref, j) => head | (BigInt(ref) << (OP_BITS + REF_BITS * BigInt(j))), BigInt(op));

/** The shape of an instruction's opcode, once what it does not use is 0 and what it must have is there. */
export function shapeOf({ op, refs, imm0, imm1 }: Instruction): Shape {
  const found = SHAPES[op];
  if (found === undefined) throw new MalformedInstruction(`there is no opcode ${op}`);
  if (refs.length !== found.operands.length)
    throw new MalformedInstruction(`${found.name} has ${found.operands.length} operands, not ${refs.length}`);
  if (refs.some((ref, j) => ref === NONE && found.operands[j] !== 'point?'))
    throw new MalformedInstruction(`an operand of ${found.name} is none`);
  if ((found.immediates < 2 && imm1 !== 0n) || (found.immediates < 1 && imm0 !== 0n))
    throw new MalformedInstruction(`${found.name} has ${found.immediates} immediates; the others must be 0`);
  return found;
}

/** Takes an instruction apart, strictly: what `encodeHead` would not write is malformed. */
export function decodeInstruction(head: bigint, imm0: bigint, imm1: bigint): Instruction {
  const op = Number(head & 0xffn);
  const count = SHAPES[op]?.operands.length ?? 0;
  if (head >> (OP_BITS + REF_BITS * BigInt(count)) !== 0n) throw new MalformedInstruction(`bits of opcode ${op} that it does not use`);
  const refs = Array.from({ length: count }, (_, j) => Number((head >> (OP_BITS + REF_BITS * BigInt(j))) & 0xffffffffn));
  const instruction = { op, refs, imm0, imm1 };
  shapeOf(instruction);
  return instruction;
}

/** Tag of the leaves of lists. */
export const INSTR = tagNumber('INSTR');

/** Leaf of instruction `index` in its list's tree. */
export const instructionLeaf = (index: number, instruction: Instruction, keccak: Keccak = keccak_256): bigint =>
  hashWords(keccak, [INSTR, BigInt(index), encodeHead(instruction), instruction.imm0, instruction.imm1]);

/** Word of the bundle that a load reads: (segment·stride + imm0) mod 2^256, so that an immediate may count backwards. */
export const bundleWord = (segment: number, stride: number, imm0: bigint): bigint => BigInt.asUintN(256, BigInt(segment * stride) + imm0);
