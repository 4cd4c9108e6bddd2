/** Lists that are no program are refused: a contract would revert on them, or believe anything. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { R } from '../../verifier/field.ts';
import { evaluate, InvalidOperand } from '../../verifier/record/evaluate.ts';
import { operandPositions } from '../../verifier/record/accusation.ts';
import { checkLists, KeyError } from '../../verifier/record/check-key.ts';
import { MalformedInstruction, NONE, OP, refOf, type Instruction } from '../../verifier/record/instruction.ts';
import { runTrace } from '../../verifier/record/trace.ts';
import { scene1, scene3 } from './support.ts';
import { BUNDLE, claimVectors, INIT, instruction, LAST, publicWords, small, STEP } from './small.ts';

const replaced = (list: readonly Instruction[], index: number, own: Instruction): Instruction[] =>
  list.map((x, i) => (i === index ? own : x));
const refused = (lists: ReturnType<typeof small>, why: RegExp | (new (message: string) => Error)): void =>
  assert.throws(() => checkLists(lists), why);

test('golden claims', async () => {
  const made = (await claimVectors()) as { cases: { name: string; result: string }[] };
  assert.deepEqual(JSON.parse(JSON.stringify(made)), JSON.parse(readFileSync(new URL('vectors/claims.json', import.meta.url), 'utf8')));
  for (const { name, result } of made.cases) {
    if (/^a true|^nothing/.test(name)) assert.equal(result, 'true', name);
    else if (name.startsWith('a false') || name === 'PUB of a larger word') assert.equal(result, 'WrongValue', name);
    else if (name.startsWith('something')) assert.equal(result, 'OutsideLists', name);
    else if (name.startsWith('LOADF') || name.startsWith('PUBF')) assert.equal(result, 'NotInField', name);
    else if (name.startsWith('LOADP')) assert.equal(result, 'NotOnCurve', name);
    else assert.equal(result, 'NotEqual', name);
  }
});

test('recorded lists and the hand-written ones are a program, and the hand-written one accepts its bundle', async () => {
  for (const { recorded } of [scene1, scene3]) checkLists(recorded);
  checkLists(small());
  assert.equal((await runTrace(small(), BUNDLE, publicWords())).failed, null);
});

test('F5: a value used against its type is refused in a key, for every operand that has one', () => {
  const wrong: readonly [number, Instruction][] = [
    [10, instruction(OP.MUL, [3, 9])],
    [10, instruction(OP.MUL, [1, 8])],
    [11, instruction(OP.ADD, [10, 0])],
    [12, instruction(OP.SUB, [11, refOf(8, true)])],
    [12, instruction(OP.SUB, [11, refOf(15, true)])],
    [13, instruction(OP.MULADD, [12, 9, 8])],
    [15, instruction(OP.ECMULADD, [1, 14, refOf(15, true)])],
    [15, instruction(OP.ECMULADD, [0, 8, refOf(15, true)])],
    [15, instruction(OP.ECMULADD, [0, 14, refOf(14, true)])],
    [15, instruction(OP.ECMULADD, [5, 14, NONE])],
    [9, instruction(OP.SQUEEZE, [0], 1n)],
    [8, instruction(OP.ABSORB, [1, 7], 1n)],
    [16, instruction(OP.NODE, [8, 1])],
    [7, instruction(OP.ABSORB, [refOf(8, true), 6], 1n)],
  ];
  for (const [i, own] of wrong) refused(small(INIT, replaced(STEP, i, own)), /of another type/);
  // A constant is what its cell is: r is no field element, a pair neither, and only a point of the curve is a point.
  for (const constant of [instruction(OP.CONST, [], R), instruction(OP.CONST, [], 1n, 1n)])
    refused(small(replaced(INIT, 6, constant)), /init\[14\]: operand 0 of ADD is of another type/);
  refused(small(INIT, STEP, replaced(LAST, 2, instruction(OP.CONST, [], 1n, 3n))), /last\[3\]: operand 0 of ECMULADD/);
  // What a step reads from the segment before must be right in both that can come before.
  refused(small(replaced(INIT, 14, instruction(OP.PUB, [], 0n))), /step\[12\]: operand 1 of SUB/);
});

test('F5: an announced word ≥ r read as a word frees what reads it, read as a field element it does not', () => {
  const at = { segment: 0, stride: 6, publicWords: [0n, R, 0n] };
  const word = evaluate(instruction(OP.PUB, [], 1n), at, []);
  assert.ok('value' in word);
  assert.throws(() => evaluate(instruction(OP.ADD, [0, 1]), at, [word.value, word.value]), InvalidOperand);
  assert.deepEqual(evaluate(instruction(OP.PUBF, [], 1n), at, []), { fault: 'NotInField' });
  refused(small(replaced(INIT, 6, instruction(OP.PUB, [], 1n))), /init\[14\]: operand 0 of ADD is of another type/);
});

test('reads of what is not there are refused', () => {
  refused(small(INIT, replaced(STEP, 10, instruction(OP.MUL, [10, 9]))), /reads 10, which is not there yet/);
  refused(small(INIT, replaced(STEP, 10, instruction(OP.MUL, [12, 9]))), /reads 12/);
  refused(small(INIT, replaced(STEP, 12, instruction(OP.SUB, [11, refOf(16, true)]))), /reads 16/);
  refused(small(INIT, STEP, replaced(LAST, 1, instruction(OP.EQ, [refOf(17, true), 0]))), /reads 17/);
  refused(small(replaced(INIT, 14, instruction(OP.ADD, [6, refOf(6, true)]))), /reads a segment before the first/);
  refused(small(replaced(INIT, 1, instruction(OP.PUB, [], 3n))), /public word 3/);
  refused(small(replaced(INIT, 3, instruction(OP.LOADW, [], 16n))), /beyond the bundle/);
  refused(small(replaced(INIT, 3, instruction(OP.LOADW, [], 2n ** 256n - 1n))), /beyond the bundle/);
  // In range for proof 1, out of range for proof 2.
  refused(small(INIT, replaced(STEP, 3, instruction(OP.LOADW, [], 7n))), /beyond the bundle/);
  refused(small(INIT, replaced(STEP, 0, instruction(OP.LOADP, [], 2n ** 256n - 3n))), /half a cell/);
});

test('a contract does not follow a ref that leads nowhere', () => {
  const own = instruction(OP.ADD, [3, refOf(40, true)]);
  assert.throws(() => operandPositions({ k: 5 }, 32 + 10, own), MalformedInstruction);
  assert.throws(() => operandPositions({ k: 5 }, 10, instruction(OP.ADD, [3, refOf(4, true)])), MalformedInstruction);
  for (const index of [10, 11, 40])
    assert.throws(() => operandPositions({ k: 5 }, 32 + 10, instruction(OP.ADD, [3, index])), MalformedInstruction);
  assert.deepEqual(operandPositions({ k: 5 }, 32 + 10, instruction(OP.ECMULADD, [NONE, 9, refOf(31, true)])), [41, 31]);
});

test('malformed instructions and parameters are refused', () => {
  refused(small(replaced(INIT, 9, instruction(0))), MalformedInstruction);
  refused(small(replaced(INIT, 14, instruction(OP.ADD, [6, 6], 1n))), MalformedInstruction);
  refused(small(replaced(INIT, 14, instruction(OP.ADD, [6, NONE]))), MalformedInstruction);
  refused({ ...small(), traceDepth: 8 }, KeyError);
  refused({ ...small(), stride: 7 }, KeyError);
  refused({ ...small(), proofs: 0 }, KeyError);
  refused({ ...small(), k: 4, traceDepth: 6 }, KeyError);
  refused(small([]), KeyError);
});
