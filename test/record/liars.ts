/** Traces of claimants who lie. */
import { R } from '../../verifier/field.ts';
import { generators } from '../../verifier/generators.ts';
import { isLoad } from '../../verifier/record/accusation.ts';
import { evaluate, ZERO, type Pair } from '../../verifier/record/evaluate.ts';
import { bundleWord, isPrevious, NONE, OP, refIndex, type Instruction } from '../../verifier/record/instruction.ts';
import { listOf } from '../../verifier/record/key.ts';
import type { InstructionList } from '../../verifier/record/list.ts';
import type { RecordedVerifier } from '../../verifier/record/record.ts';
import { bundleCell } from '../../verifier/record/trace.ts';
import { writeWord } from '../../verifier/words.ts';

/** What a liar writes down where a check fails, so that all that follows can be computed from it. */
function invented(instruction: Instruction, segment: number, recorded: RecordedVerifier, cell: Pair): Pair {
  if (instruction.op === OP.LOADF) return [cell[Number(bundleWord(segment, recorded.stride, instruction.imm0) & 1n)] % R, 0n];
  if (instruction.op === OP.LOADP) return [generators(1)[0].x, generators(1)[0].y];
  return ZERO;
}

/** A trace in which all is right but the checks that fail: cells by segment. */
export function stubbornTrace(recorded: RecordedVerifier, bundle: Uint8Array, publicWords: readonly bigint[]): Uint8Array[] {
  const cells: Uint8Array[] = [];
  let before: Pair[] = [];
  for (let segment = 0; segment < recorded.proofs + 2; segment++) {
    const list = listOf(recorded, segment) as InstructionList;
    const values: Pair[] = [];
    for (let i = 0; i < list.length; i++) {
      const own = list.at(i);
      const inputs = isLoad(own.op)
        ? [bundleCell(bundle, Number(bundleWord(segment, recorded.stride, own.imm0) >> 1n))]
        : own.refs.filter((ref) => ref !== NONE).map((ref) => (isPrevious(ref) ? before : values)[refIndex(ref)]);
      const outcome = evaluate(own, { segment, stride: recorded.stride, publicWords }, inputs);
      values.push('value' in outcome ? outcome.value : invented(own, segment, recorded, inputs[0]));
    }
    const bytes = new Uint8Array(64 * values.length);
    values.forEach(([a, b], i) => {
      writeWord(bytes, 2 * i, a);
      writeWord(bytes, 2 * i + 1, b);
    });
    cells.push(bytes);
    before = values;
  }
  return cells;
}
