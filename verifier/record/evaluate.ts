/**
 * The value of one instruction: what `contracts/FraudProof.sol` computes, word for word. Either a cell, or a fault: a failed check, which makes
 * every claimed value false. All else is thrown: a malformed instruction, an operand that is not of its type. Nobody can be accused
 * with these; types (check-key.ts) see to it that an operand of the wrong type has a provably false producer.
 */
import { keccak_256 } from '@noble/hashes/sha3.js';
import { add, isOnCurve, multiply, type Affine } from '../curve.ts';
import { R } from '../field.ts';
import { hashWords, type Keccak } from '../words.ts';
import { bundleWord, MalformedInstruction, NONE, OP, shapeOf, type Instruction, type Operand } from './instruction.ts';

/** A value: two words. */
export type Pair = readonly [bigint, bigint];

/** Why no value of an instruction is right. */
export type Fault = 'NotInField' | 'NotOnCurve' | 'NotEqual';
export type Outcome = { readonly value: Pair } | { readonly fault: Fault };

/** What surrounds an instruction. */
export interface Surroundings {
  /** Index of the segment, and words of the bundle from one segment's to the next. */
  readonly segment: number;
  readonly stride: number;
  readonly publicWords: readonly bigint[];
}

/** An operand is not of the type that its instruction reads. */
export class InvalidOperand extends Error {
  override readonly name = 'InvalidOperand';
}

export const ZERO: Pair = [0n, 0n];

const isFinite = ([x, y]: Pair): boolean => isOnCurve({ x, y });
const isNone = ([x, y]: Pair): boolean => x === 0n && y === 0n;
const isField = ([a, b]: Pair): boolean => a < R && b === 0n;
const toPoint = (p: Pair): Affine | null => (isNone(p) ? null : { x: p[0], y: p[1] });
const fromPoint = (p: Affine | null): Pair => (p === null ? ZERO : [p.x, p.y]);

function checkOperand(name: string, j: number, type: Operand, value: Pair): void {
  const valid = type === 'field' ? isField(value) : type === 'point' || type === 'point?' ? isFinite(value) || isNone(value) : true;
  if (!valid) throw new InvalidOperand(`operand ${j} of ${name} is no ${type === 'field' ? 'element of the field' : 'point of the curve'}`);
}

/** How many cells `evaluate` reads: the bundle's cell for a load, else the operands that are not none. */
export const inputCount = ({ op, refs }: Instruction): number =>
  op === OP.LOADF || op === OP.LOADP || op === OP.LOADW ? 1 : refs.filter((ref) => ref !== NONE).length;

/** `inputs`: the bundle's cell for a load, else the operands in order, none left out. */
export function evaluate(instruction: Instruction, at: Surroundings, inputs: readonly Pair[], keccak: Keccak = keccak_256): Outcome {
  const { op, refs, imm0, imm1 } = instruction;
  const shape = shapeOf(instruction);
  if (inputs.length !== inputCount(instruction)) throw new MalformedInstruction(`${shape.name} with ${inputs.length} inputs`);
  let next = 0;
  const operands = refs.map((ref, j) => {
    const value = ref === NONE ? ZERO : (inputs[next++] as Pair);
    checkOperand(shape.name, j, shape.operands[j] as Operand, value);
    return value;
  });
  const [x, y, z] = operands as [Pair, Pair, Pair];
  const field = (v: bigint): Outcome => ({ value: [v % R, 0n] });
  switch (op) {
    case OP.CONST:
      return { value: [imm0, imm1] };
    case OP.PUB:
    case OP.PUBF: {
      const word = imm0 < BigInt(at.publicWords.length) ? at.publicWords[Number(imm0)] : undefined;
      if (word === undefined) throw new MalformedInstruction(`there is no public word ${imm0}`);
      return op === OP.PUBF && word >= R ? { fault: 'NotInField' } : { value: [word, 0n] };
    }
    case OP.LOADF:
    case OP.LOADW: {
      const cell = inputs[0] as Pair;
      const word = cell[Number(bundleWord(at.segment, at.stride, imm0) & 1n)] as bigint;
      return op === OP.LOADF && word >= R ? { fault: 'NotInField' } : { value: [word, 0n] };
    }
    case OP.LOADP: {
      if (bundleWord(at.segment, at.stride, imm0) & 1n) throw new MalformedInstruction('LOADP of half a cell');
      const cell = inputs[0] as Pair;
      return isFinite(cell) ? { value: cell } : { fault: 'NotOnCurve' };
    }
    case OP.ADD:
      return field(x[0] + y[0]);
    case OP.SUB:
      return field(x[0] + R - y[0]);
    case OP.MUL:
      return field(x[0] * y[0]);
    case OP.MULADD:
      return field(x[0] * y[0] + z[0]);
    case OP.ABSORB:
      return { value: [hashWords(keccak, [imm0, x[0], ...y]), 0n] };
    case OP.NODE:
      return { value: [hashWords(keccak, [x[0], y[0]]), 0n] };
    case OP.SQUEEZE:
      return { value: [hashWords(keccak, [imm0, x[0]]) >> 8n, 0n] };
    case OP.ECMULADD:
      return { value: fromPoint(add(multiply(toPoint(x), y[0]), toPoint(z))) };
    case OP.EQ:
      return x[0] === y[0] && x[1] === y[1] ? { value: ZERO } : { fault: 'NotEqual' };
  }
  throw new MalformedInstruction(`there is no opcode ${op}`);
}

/** Whether a claimed value is provably false: a check fails, or the value is another. */
export const isFalse = (outcome: Outcome, claimed: Pair): boolean =>
  'fault' in outcome || outcome.value[0] !== claimed[0] || outcome.value[1] !== claimed[1];
