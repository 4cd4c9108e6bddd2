/**
 * Whether lists are a program at all: well-formed instructions, reads of what is there, operands of their types. No contract can judge a key, so
 * whoever relies on one records anew and compares (`bounty check`); this says why a list that was not recorded here would be refused.
 *
 * Types close the last gap: an operation on a value outside its type reverts, so that its own value could be anything and nobody accused. Where
 * every operand comes from an opcode of its type, an invalid operand's producer is provably false.
 */
import { isOnCurve } from '../curve.ts';
import { R } from '../field.ts';
import { bitsOf } from '../program/types.ts';
import { bundleWord, isPrevious, MAX_INDEX, NONE, OP, refIndex, SHAPES, shapeOf, type Operand } from './instruction.ts';
import type { Part } from './key.ts';
import type { InstructionList } from './list.ts';
import type { RecordedVerifier } from './record.ts';

/** A list that no verifier's recording gives. `where` names list and index. */
export class KeyError extends Error {
  override readonly name = 'KeyError';
}

/** Whether the value at an index may be such an operand. */
function accepts(operand: Operand, list: InstructionList, index: number): boolean {
  const op = list.ops[index] as number;
  if (op === OP.EQ) return false;
  if (operand === 'any') return true;
  const wanted = operand === 'point?' ? 'point' : operand;
  if (op !== OP.CONST) return SHAPES[op]?.result === wanted;
  const { imm0: a, imm1: b } = list.at(index);
  return wanted === 'point' ? isOnCurve({ x: a, y: b }) : b === 0n && (wanted === 'word' || a < R);
}

/** Throws KeyError at the first instruction that is not as it must be. */
export function checkLists(recorded: RecordedVerifier): void {
  const { proofs, stride, k, bundleDepth, traceDepth, publicWords } = recorded;
  const refuse = (where: string, what: string): never => {
    throw new KeyError(`${where}: ${what}`);
  };
  if (!(Number.isSafeInteger(proofs) && proofs >= 1 && proofs < 2 ** 32)) refuse('key', `${proofs} proofs`);
  if (!(Number.isSafeInteger(stride) && stride > 0 && stride < 2 ** 32 && stride % 2 === 0)) refuse('key', `a stride of ${stride} words`);
  if (traceDepth !== k + bitsOf(proofs + 2)) refuse('key', `a trace of depth ${traceDepth}`);
  const parts: readonly { name: Part; before: readonly InstructionList[]; segments: readonly [number, number] }[] = [
    { name: 'init', before: [], segments: [0, 0] },
    { name: 'step', before: proofs > 1 ? [recorded.init, recorded.step] : [recorded.init], segments: [1, proofs] },
    { name: 'last', before: [recorded.step], segments: [proofs + 1, proofs + 1] },
  ];
  for (const { name, before, segments } of parts) {
    const list = recorded[name];
    if (list.length === 0 || list.length > Math.min(2 ** k, MAX_INDEX)) refuse(name, `${list.length} instructions`);
    for (let i = 0; i < list.length; i++) {
      const instruction = list.at(i);
      const where = `${name}[${i}]`;
      const shape = shapeOf(instruction);
      instruction.refs.forEach((ref, j) => {
        if (ref === NONE) return;
        const index = refIndex(ref);
        const sources = isPrevious(ref) ? before : [list];
        if (sources.length === 0) refuse(where, 'reads a segment before the first');
        for (const source of sources) {
          if (index >= (source === list && !isPrevious(ref) ? i : source.length)) refuse(where, `reads ${index}, which is not there yet`);
          if (!accepts(shape.operands[j] as Operand, source, index)) refuse(where, `operand ${j} of ${shape.name} is of another type`);
        }
      });
      const { op, imm0 } = instruction;
      if ((op === OP.PUB || op === OP.PUBF) && imm0 >= BigInt(publicWords)) refuse(where, `reads public word ${imm0}`);
      if (op !== OP.LOADF && op !== OP.LOADP && op !== OP.LOADW) continue;
      for (const segment of segments) {
        const word = bundleWord(segment, stride, imm0);
        if (word >= 2n ** BigInt(bundleDepth + 1)) refuse(where, 'reads beyond the bundle');
        if (op === OP.LOADP && word % 2n === 1n) refuse(where, 'takes a point from half a cell');
      }
    }
  }
}
