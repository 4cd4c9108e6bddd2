/**
 * An accusation: a trace position and all that a contract needs to see that its claimed value is false, and the judgement of it, step for step
 * that of `IFraudProof.check`. It returns only on a computed difference or a failed check; all else is thrown, so that a true
 * instruction cannot be accused.
 */
import { evaluate, inputCount, type Fault as Failed, type Pair } from './evaluate.ts';
import { cellLeaf, climb } from './indexed-merkle.ts';
import {
  bundleWord,
  decodeInstruction,
  instructionLeaf,
  isPrevious,
  MalformedInstruction,
  NONE,
  OP,
  refIndex,
  type Instruction,
} from './instruction.ts';
import { partOf, type VerifierKey } from './key.ts';

/** A cell and its path, from the leaf's sibling upwards. */
export interface Opening {
  readonly a: bigint;
  readonly b: bigint;
  readonly path: readonly bigint[];
}

export interface Accusation {
  readonly position: number;
  /** The claimed leaf itself: one that hides no cell is false too. */
  readonly leaf: bigint;
  readonly leafPath: readonly bigint[];
  /** The instruction; all 0 and empty where no list has one. */
  readonly head: bigint;
  readonly imm0: bigint;
  readonly imm1: bigint;
  readonly instructionPath: readonly bigint[];
  /** The bundle's cell for a load, else the operands in order, none left out. */
  readonly inputs: readonly Opening[];
}

/** What the claim says. */
export interface Claimed {
  readonly bundleRoot: bigint;
  readonly traceRoot: bigint;
  readonly publicWords: readonly bigint[];
}

/** Why a position is false. OutsideLists: no instruction there, and the value is not (0, 0). */
export type Fault = Failed | 'WrongValue' | 'OutsideLists';

/** Why an accusation proves nothing. */
export class Unproven extends Error {
  override readonly name = 'Unproven';
}

/** Whether an opcode reads the bundle. */
export const isLoad = (op: number): boolean => op === OP.LOADF || op === OP.LOADP || op === OP.LOADW;

function inTree(what: string, root: bigint, depth: number, index: number, leaf: bigint, path: readonly bigint[]): void {
  if (path.length !== depth || !(index >= 0 && index < 2 ** depth) || climb(leaf, index, path) !== root)
    throw new Unproven(`${what} ${index} is not in its tree`);
}

/** The positions of the operands, none left out, of the instruction at a position: earlier in its segment, or in the one before. */
export function operandPositions({ k }: Pick<VerifierKey, 'k'>, position: number, instruction: Instruction): number[] {
  const base = position - (position % 2 ** k);
  return instruction.refs
    .filter((ref) => ref !== NONE)
    .map((ref) => {
      const index = refIndex(ref);
      if (isPrevious(ref) ? base === 0 || index >= 2 ** k : base + index >= position)
        throw new MalformedInstruction(`the instruction at ${position} reads ${index}, which no earlier instruction gives`);
      return isPrevious(ref) ? base - 2 ** k + index : base + index;
    });
}

/** Why the accused position is false; throws if that isn't proven. */
export function judge(key: VerifierKey, claimed: Claimed, accusation: Accusation): Fault {
  const { position, leaf, head, imm0, imm1, inputs } = accusation;
  inTree('position', claimed.traceRoot, key.traceDepth, position, leaf, accusation.leafPath);
  const [segment, index] = [Math.floor(position / 2 ** key.k), position % 2 ** key.k];
  const part = partOf(segment, key.steps);
  const right = (value: Pair): boolean => leaf === cellLeaf('TRACE', value);
  if (part === undefined || index >= key[`${part}Length`]) {
    if (right([0n, 0n])) throw new Unproven(`position ${position} is true`);
    return 'OutsideLists';
  }
  const instruction = decodeInstruction(head, imm0, imm1);
  inTree('instruction', BigInt(key[part]), key.k, index, instructionLeaf(index, instruction), accusation.instructionPath);
  if (inputs.length !== inputCount(instruction)) throw new Unproven(`${inputs.length} inputs for ${inputCount(instruction)}`);
  if (isLoad(instruction.op)) {
    const { a, b, path } = inputs[0] as Opening;
    const cell = Number(bundleWord(segment, key.stride, imm0) >> 1n);
    inTree('cell', claimed.bundleRoot, key.bundleDepth, cell, cellLeaf('BUNDLE', [a, b]), path);
  } else
    operandPositions(key, position, instruction).forEach((at, j) => {
      const { a, b, path } = inputs[j] as Opening;
      inTree('position', claimed.traceRoot, key.traceDepth, at, cellLeaf('TRACE', [a, b]), path);
    });
  const surroundings = { segment, stride: key.stride, publicWords: claimed.publicWords };
  const outcome = evaluate(
    instruction,
    surroundings,
    inputs.map(({ a, b }) => [a, b] as const),
  );
  if ('fault' in outcome) return outcome.fault;
  if (right(outcome.value)) throw new Unproven(`position ${position} is true`);
  return 'WrongValue';
}
