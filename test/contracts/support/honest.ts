/** A claim that is true: every opcode once in one segment, values and all, at places spread over trees of a real depth. */
import { generators } from '../../../verifier/generators.ts';
import type { Affine } from '../../../verifier/curve.ts';
import { R } from '../../../verifier/field.ts';
import { evaluate, type Pair } from '../../../verifier/record/evaluate.ts';
import { OP, refOf, type Instruction } from '../../../verifier/record/instruction.ts';
import { tagNumber } from '../../../verifier/words.ts';
import { Draw, Scene, shapeOfDepth } from './scene.ts';

export interface Entry {
  readonly index: number;
  readonly instruction: Instruction;
  readonly value: Pair;
}
export interface Honest {
  readonly scene: Scene;
  readonly segment: number;
  readonly entries: Readonly<Record<keyof typeof OP, Entry>>;
}

/** Segment 2 of four, so that the one before runs the same list. */
const SEGMENT = 2;

export function honest(depth = 20, seed = 'honest'): Honest {
  const scene = new Scene(shapeOfDepth(depth));
  const draw = new Draw(seed);
  const felt = (): bigint => draw.word() % R;
  const place = (n: number): number => 3 + Math.floor(((scene.length - 8) * n) / 16);
  const [G] = generators(1) as [Affine];
  scene.publicWords.push(draw.word(), felt());
  const entries: Partial<Record<keyof typeof OP, Entry>> = {};
  const put = (name: keyof typeof OP, refs: readonly number[], imm: readonly bigint[] = [], inputs: readonly Pair[] = []): void => {
    const instruction = { op: OP[name], refs, imm0: imm[0] ?? 0n, imm1: imm[1] ?? 0n };
    const index = place(OP[name]);
    const outcome = evaluate(instruction, { segment: SEGMENT, stride: scene.shape.stride, publicWords: scene.publicWords }, inputs);
    if ('fault' in outcome) throw new Error(`${name}: ${outcome.fault}`);
    scene.program(SEGMENT, index, instruction);
    scene.claim(scene.position(SEGMENT, index), outcome.value);
    entries[name] = { index, instruction, value: outcome.value };
  };
  const ref = (name: keyof typeof OP): number => refOf((entries[name] as Entry).index);
  const value = (name: keyof typeof OP): Pair => (entries[name] as Entry).value;
  const load = (name: 'LOADF' | 'LOADP' | 'LOADW', imm0: bigint, cell: Pair): void => {
    scene.load(SEGMENT, imm0, cell);
    put(name, [], [imm0], [cell]);
  };
  // A value of the segment before, as an operand.
  const before: Pair = [felt(), 0n];
  const last = scene.length - 1;
  scene.claim(scene.position(SEGMENT - 1, last), before);

  put('CONST', [], [G.x, G.y]);
  put('PUB', [], [0n]);
  put('PUBF', [], [1n]);
  load('LOADF', 101n, [draw.word(), felt()]);
  const [H] = generators(2).slice(1) as [Affine];
  load('LOADP', 200n, [H.x, H.y]);
  load('LOADW', 302n, [draw.word(), draw.word()]);
  put('ADD', [ref('LOADF'), ref('PUBF')], [], [value('LOADF'), value('PUBF')]);
  put('SUB', [ref('ADD'), refOf(last, true)], [], [value('ADD'), before]);
  put('MUL', [ref('ADD'), ref('SUB')], [], [value('ADD'), value('SUB')]);
  put('MULADD', [ref('ADD'), ref('MUL'), ref('SUB')], [], [value('ADD'), value('MUL'), value('SUB')]);
  put('ABSORB', [ref('PUB'), ref('LOADP')], [tagNumber('ABSORB')], [value('PUB'), value('LOADP')]);
  put('NODE', [ref('ABSORB'), ref('LOADW')], [], [value('ABSORB'), value('LOADW')]);
  put('SQUEEZE', [ref('NODE')], [tagNumber('CH')], [value('NODE')]);
  put('ECMULADD', [ref('LOADP'), ref('SQUEEZE'), ref('CONST')], [], [value('LOADP'), value('SQUEEZE'), value('CONST')]);
  put('EQ', [ref('ABSORB'), ref('ABSORB')], [], [value('ABSORB'), value('ABSORB')]);
  return { scene, segment: SEGMENT, entries: entries as Honest['entries'] };
}
