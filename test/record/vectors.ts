/** Golden vectors of the recorded verifier's instructions and trees, shared with the contracts' tests: `vectors/*.json` is what these functions give. */
import { keccak256 } from 'viem';
import { H, generators } from '../../verifier/generators.ts';
import { Q, R } from '../../verifier/field.ts';
import { multiply, type Affine } from '../../verifier/curve.ts';
import { evaluate, InvalidOperand, type Outcome, type Pair } from '../../verifier/record/evaluate.ts';
import { answerOf, cellLeaf, MerkleTree, pathOf } from '../../verifier/record/indexed-merkle.ts';
import { encodeHead, instructionLeaf, MalformedInstruction, NONE, OP, refOf, type Instruction } from '../../verifier/record/instruction.ts';
import { tagNumber, writeWord } from '../../verifier/words.ts';

const hex = (v: bigint): string => `0x${v.toString(16).padStart(64, '0')}`;
const wide = (label: string): bigint => BigInt(keccak256(new TextEncoder().encode(label)));
const felt = (label: string): bigint => wide(label) % R;
const MAX = 2n ** 256n - 1n;

const at = { segment: 3, stride: 1000, publicWords: [wide('public 0'), R, R - 1n, 0n] };
const cell = (p: Affine | null): Pair => (p === null ? [0n, 0n] : [p.x, p.y]);
const [G0, G1] = generators(2) as [Affine, Affine];
const minusG0: Affine = { x: G0.x, y: Q - G0.y };
const half = (v: bigint): Pair => [v, 0n];

const instruction = (op: number, refs: readonly number[] = [], imm0 = 0n, imm1 = 0n): Instruction => ({ op, refs, imm0, imm1 });
const two = [refOf(4), refOf(5, true)];
const three = [refOf(4), refOf(5, true), refOf(0x7ffffffe)];

type Case = readonly [name: string, instruction: Instruction, inputs: readonly Pair[]];

const field = (name: string, op: number, x: bigint, y: bigint): Case => [name, instruction(op, two), [half(x), half(y)]];
const back = 2n ** 256n - 3000n;

const CASES: readonly Case[] = [
  ['CONST', instruction(OP.CONST, [], wide('a'), wide('b')), []],
  ['CONST 0', instruction(OP.CONST), []],
  ['PUB', instruction(OP.PUB, [], 0n), []],
  ['PUB of r', instruction(OP.PUB, [], 1n), []],
  ['PUB of a missing word', instruction(OP.PUB, [], 4n), []],
  ['PUB of word 2^64', instruction(OP.PUB, [], 2n ** 64n), []],
  ['PUBF of r − 1', instruction(OP.PUBF, [], 2n), []],
  ['PUBF of r', instruction(OP.PUBF, [], 1n), []],
  ['PUBF of a hash', instruction(OP.PUBF, [], 0n), []],
  ['LOADF, left half', instruction(OP.LOADF, [], 4n), [[felt('l'), MAX]]],
  ['LOADF, right half', instruction(OP.LOADF, [], 5n), [[MAX, felt('r')]]],
  ['LOADF of r − 1', instruction(OP.LOADF, [], 4n), [[R - 1n, 0n]]],
  ['LOADF of r', instruction(OP.LOADF, [], 4n), [[R, 0n]]],
  ['LOADF of 2^256 − 1', instruction(OP.LOADF, [], 5n), [[0n, MAX]]],
  ['LOADF that counts backwards', instruction(OP.LOADF, [], back), [[5n, 6n]]],
  ['LOADP', instruction(OP.LOADP, [], 6n), [cell(G0)]],
  ['LOADP of infinity', instruction(OP.LOADP, [], 6n), [[0n, 0n]]],
  ['LOADP off the curve', instruction(OP.LOADP, [], 6n), [[G0.x, G0.y + 1n]]],
  ['LOADP, x + q', instruction(OP.LOADP, [], 6n), [[G0.x + Q, G0.y]]],
  ['LOADP, y + q', instruction(OP.LOADP, [], 6n), [[G0.x, G0.y + Q]]],
  ['LOADP of half a cell', instruction(OP.LOADP, [], 7n), [cell(G0)]],
  ['LOADW', instruction(OP.LOADW, [], 4n), [[MAX, 1n]]],
  ['LOADW, right half', instruction(OP.LOADW, [], 5n), [[1n, MAX]]],
  field('ADD', OP.ADD, felt('x'), felt('y')),
  field('ADD wraps', OP.ADD, R - 1n, R - 1n),
  field('SUB', OP.SUB, felt('x'), felt('y')),
  field('SUB wraps', OP.SUB, 0n, R - 1n),
  field('MUL', OP.MUL, felt('x'), felt('y')),
  field('MUL of −1', OP.MUL, R - 1n, R - 1n),
  field('ADD of r', OP.ADD, R, 0n),
  field('MUL by r', OP.MUL, 1n, R),
  ['ADD of a point', instruction(OP.ADD, two), [[1n, 2n], half(1n)]],
  ['MULADD', instruction(OP.MULADD, three), [half(felt('x')), half(felt('y')), half(felt('z'))]],
  ['MULADD of −1', instruction(OP.MULADD, three), [half(R - 1n), half(R - 1n), half(R - 1n)]],
  ['MULADD, z = r', instruction(OP.MULADD, three), [half(1n), half(1n), half(R)]],
  ['ABSORB of a word', instruction(OP.ABSORB, two, tagNumber('ABSORB')), [half(wide('state')), half(MAX)]],
  ['ABSORB of a point', instruction(OP.ABSORB, two, tagNumber('ROW')), [half(wide('state')), cell(G0)]],
  ['ABSORB, x.b does not count', instruction(OP.ABSORB, two, 1n), [[wide('state'), 7n], half(8n)]],
  ['NODE', instruction(OP.NODE, two), [half(wide('l')), half(wide('r'))]],
  ['SQUEEZE', instruction(OP.SQUEEZE, [refOf(9)], tagNumber('CH')), [half(wide('state'))]],
  ['ECMULADD', instruction(OP.ECMULADD, three), [cell(G0), half(felt('k')), cell(G1)]],
  ['ECMULADD, P + P', instruction(OP.ECMULADD, three), [cell(G0), half(1n), cell(G0)]],
  ['ECMULADD, P − P', instruction(OP.ECMULADD, three), [cell(G0), half(1n), cell(minusG0)]],
  ['ECMULADD, 0·P', instruction(OP.ECMULADD, three), [cell(G0), half(0n), cell(G1)]],
  ['ECMULADD, −1·P', instruction(OP.ECMULADD, three), [cell(G0), half(R - 1n), cell(multiply(G0, 2n))]],
  ['ECMULADD, O + O', instruction(OP.ECMULADD, three), [[0n, 0n], half(felt('k')), [0n, 0n]]],
  ['ECMULADD of nothing', instruction(OP.ECMULADD, [NONE, refOf(4), NONE]), [half(0n)]],
  ['ECMULADD to nothing', instruction(OP.ECMULADD, [refOf(4), refOf(5), NONE]), [cell(H), half(felt('k'))]],
  ['ECMULADD of nothing to a point', instruction(OP.ECMULADD, [NONE, refOf(5), refOf(6)]), [half(felt('k')), cell(H)]],
  ['ECMULADD by none', instruction(OP.ECMULADD, [refOf(4), NONE, refOf(6)]), [cell(G0), cell(H)]],
  ['ECMULADD off the curve', instruction(OP.ECMULADD, three), [[1n, 3n], half(1n), cell(G1)]],
  ['ECMULADD, z off the curve', instruction(OP.ECMULADD, three), [cell(G1), half(1n), [1n, 3n]]],
  ['ECMULADD, x + q', instruction(OP.ECMULADD, three), [[G0.x + Q, G0.y], half(1n), cell(G1)]],
  ['ECMULADD by r', instruction(OP.ECMULADD, three), [cell(G0), half(R), cell(G1)]],
  ['ECMULADD by a point', instruction(OP.ECMULADD, three), [cell(G0), [1n, 2n], cell(G1)]],
  ['EQ', instruction(OP.EQ, two), [cell(G0), cell(G0)]],
  ['EQ of other words', instruction(OP.EQ, two), [half(1n), half(2n)]],
  ['EQ of other second halves', instruction(OP.EQ, two), [cell(G0), cell(minusG0)]],
  ['opcode 0', instruction(0), []],
  ['opcode 16', instruction(16), []],
  ['an immediate too many', instruction(OP.MUL, two, 1n), [half(1n), half(1n)]],
  ['a second immediate', instruction(OP.LOADW, [], 4n, 1n), [half(1n)]],
];

const outcomeOf = (run: () => Outcome): object => {
  try {
    const outcome = run();
    return 'fault' in outcome ? outcome : { value: outcome.value.map(hex) };
  } catch (e) {
    if (e instanceof MalformedInstruction) return { reverts: 'MalformedInstruction' };
    if (e instanceof InvalidOperand) return { reverts: 'InvalidOperand' };
    throw e;
  }
};

/** `vectors/instructions.json`: each case in segment 3 of stride 1000 with four public words, and its leaf at index 7. */
export const instructionVectors = (): object => ({
  segment: at.segment,
  stride: at.stride,
  publicWords: at.publicWords.map(hex),
  leafIndex: 7,
  cases: CASES.map(([name, own, inputs]) => ({
    name,
    head: hex(encodeHead(own)),
    imm0: hex(own.imm0),
    imm1: hex(own.imm1),
    leaf: hex(instructionLeaf(7, own)),
    inputs: inputs.map((pair) => pair.map(hex)),
    outcome: outcomeOf(() => evaluate(own, at, inputs)),
  })),
});

/** `vectors/trees.json`: a tree of 300 cells, the rest pads, with paths and answers. */
export function treeVectors(): object {
  const cells = Array.from({ length: 300 }, (_, i): Pair => [wide(`a ${i}`), i % 3 === 0 ? 0n : wide(`b ${i}`)]);
  const bytes = new Uint8Array(64 * cells.length);
  cells.forEach(([a, b], i) => {
    writeWord(bytes, 2 * i, a);
    writeWord(bytes, 2 * i + 1, b);
  });
  const depth = 11;
  const tree = MerkleTree.ofCells('TRACE', bytes, depth);
  const cellAt = (i: number): Pair => cells[i] ?? [0n, 0n];
  const answer = (level: number, index: number): object => {
    const { words, path } = answerOf(tree, cellAt, level, index);
    return { level, index, node: hex(tree.node(level, index)), words: words.map(hex), path: path.map(hex) };
  };
  return {
    tag: 'TRACE',
    depth,
    cells: cells.map((pair) => pair.map(hex)),
    root: hex(tree.root),
    paths: [0, 1, 255, 299, 300, 2047].map((index) => ({
      index,
      leaf: hex(cellLeaf('TRACE', cellAt(index))),
      path: pathOf(tree, index).map(hex),
    })),
    answers: [answer(11, 0), answer(8, 1), answer(7, 2), answer(3, 37), answer(0, 299)],
  };
}
