/** A verifier of a few instructions, written by hand, that uses every opcode; claims about it, and what is to be said of them. Shared as golden vectors. */
import { Q, R } from '../../verifier/field.ts';
import { generators } from '../../verifier/generators.ts';
import { bundleRoot } from '../../verifier/bundle.ts';
import { judge, Unproven, type Accusation, type Claimed } from '../../verifier/record/accusation.ts';
import { InvalidOperand, type Pair } from '../../verifier/record/evaluate.ts';
import { accuse } from '../../verifier/record/fraud.ts';
import { MerkleTree } from '../../verifier/record/indexed-merkle.ts';
import { MalformedInstruction, NONE, OP, refOf, SHAPES, type Instruction } from '../../verifier/record/instruction.ts';
import { keyHash, keyOf, listOf, listTrees } from '../../verifier/record/key.ts';
import { InstructionList } from '../../verifier/record/list.ts';
import type { RecordedVerifier } from '../../verifier/record/record.ts';
import { traceCell, traceTree } from '../../verifier/record/trace.ts';
import { keccakWords, tagNumber, writeWord } from '../../verifier/words.ts';
import { stubbornTrace } from './liars.ts';

const word = (name: string): bigint => keccakWords(tagNumber(name));
const before = (index: number): number => refOf(index, true);

export const instruction = (op: number, refs: readonly number[] = [], imm0 = 0n, imm1 = 0n): Instruction => ({ op, refs, imm0, imm1 });

export function listFrom(instructions: readonly Instruction[]): InstructionList {
  const refs = new Uint32Array(3 * instructions.length);
  instructions.forEach((own, i) => refs.set(own.refs, 3 * i));
  return new InstructionList(
    Uint8Array.from(instructions, ({ op }) => op),
    refs,
    Uint32Array.from(instructions, (_, i) => i),
    instructions.map(({ imm0, imm1 }) => [imm0, imm1]),
  );
}

const STRIDE = 6;
/** Word j of a proof: they begin at word 2, and segment 1 starts at word 6. */
const load = (op: number, j: number): Instruction => instruction(op, [], BigInt.asUintN(256, BigInt(2 - STRIDE + j)));
const [G0, G1, G2] = generators(3);
const { CONST, PUB, PUBF, LOADF, LOADP, LOADW, ADD, SUB, MUL, MULADD, ABSORB, NODE, SQUEEZE, ECMULADD, EQ } = OP;

/** Carried: the state at 8, a field element at 14, a point at 15. */
export const INIT: readonly Instruction[] = [
  instruction(LOADW, [], 0n),
  instruction(PUB, [], 0n),
  instruction(EQ, [0, 1]),
  instruction(LOADW, [], 1n),
  instruction(CONST, [], tagNumber('label'), 3n),
  instruction(CONST),
  instruction(PUBF, [], 1n),
  instruction(ABSORB, [1, 4], tagNumber('ABSORB')),
  instruction(ABSORB, [7, 3], tagNumber('ABSORB')),
  ...Array.from({ length: 5 }, () => instruction(CONST)),
  instruction(ADD, [6, 6]),
  instruction(ECMULADD, [NONE, 5, NONE]),
];
export const STEP: readonly Instruction[] = [
  load(LOADP, 0),
  load(LOADF, 2),
  load(LOADF, 3),
  load(LOADW, 4),
  load(LOADW, 5),
  instruction(CONST),
  instruction(EQ, [4, 5]),
  instruction(ABSORB, [before(8), 0], tagNumber('ABSORB')),
  instruction(ABSORB, [7, 1], tagNumber('ABSORB')),
  instruction(SQUEEZE, [8], tagNumber('CH')),
  instruction(MUL, [1, 9]),
  instruction(ADD, [10, 2]),
  instruction(SUB, [11, before(14)]),
  instruction(MULADD, [12, 9, 1]),
  instruction(ADD, [13, 2]),
  instruction(ECMULADD, [0, 14, before(15)]),
  instruction(NODE, [8, 3]),
];
export const LAST: readonly Instruction[] = [
  instruction(PUB, [], 2n),
  instruction(EQ, [before(8), 0]),
  instruction(CONST, [], G0.x, G0.y),
  instruction(ECMULADD, [2, before(14), NONE]),
  instruction(ECMULADD, [NONE, before(14), 3]),
  instruction(SQUEEZE, [before(8)], tagNumber('CH')),
  instruction(ECMULADD, [2, 5, before(15)]),
];

export const small = (init = INIT, step = STEP, last = LAST): RecordedVerifier => ({
  init: listFrom(init),
  step: listFrom(step),
  last: listFrom(last),
  publicWords: 3,
  proofs: 2,
  stride: STRIDE,
  k: 5,
  bundleDepth: 3,
  traceDepth: 7,
});

const felt = (name: string): bigint => word(name) % R;
const WORDS: readonly bigint[] = [
  ...[word('P0'), word('H')],
  ...[G1.x, G1.y, felt('a'), felt('b'), word('c'), 0n],
  ...[G2.x, G2.y, felt('d'), R - 1n, word('e'), 0n],
];
const bytesOf = (words: readonly bigint[]): Uint8Array => {
  const bytes = new Uint8Array(32 * words.length);
  words.forEach((w, i) => writeWord(bytes, i, w));
  return bytes;
};
export const BUNDLE = bytesOf(WORDS);
export const FELT = felt('f');

/** The public words under which the bundle is right: the third is the state in which it ends. */
export function publicWords(): bigint[] {
  const recorded = small();
  const cells = stubbornTrace(recorded, BUNDLE, [word('P0'), FELT, 0n]);
  return [word('P0'), FELT, traceCell(recorded, cells, 2 * 2 ** recorded.k + 8)[0]];
}

const hex = (v: bigint): string => `0x${v.toString(16).padStart(64, '0')}`;
const hexes = (list: readonly bigint[]): string[] => list.map(hex);

interface Lie {
  readonly name: string;
  readonly position: number;
  readonly bundle?: Uint8Array;
  readonly publicWords?: readonly bigint[];
  /** Another cell in the trace. */
  readonly cell?: Pair;
}

/** `vectors/claims.json` */
export async function claimVectors(): Promise<object> {
  const recorded = small();
  const trees = listTrees(recorded);
  const key = keyOf(recorded, trees);
  const words = publicWords();
  const at = (segment: number, index: number): number => segment * 2 ** recorded.k + index;
  const withWord = (index: number, value: bigint): Uint8Array => bytesOf(WORDS.map((w, i) => (i === index ? value : w)));
  const lies: Lie[] = [];
  for (let segment = 0; segment < 4; segment++) {
    const list = listOf(recorded, segment) as InstructionList;
    for (let i = 0; i < list.length; i++) {
      const name = `${SHAPES[list.ops[i]]?.name} at ${segment}, ${i}`;
      lies.push({ name: `a true ${name}`, position: at(segment, i) });
      lies.push({ name: `a false ${name}`, position: at(segment, i), cell: [7n, 8n] });
    }
    lies.push({ name: `nothing behind the list of segment ${segment}`, position: at(segment, list.length) });
    lies.push({ name: `something behind the list of segment ${segment}`, position: at(segment, 31), cell: [0n, 1n] });
  }
  lies.push({ name: 'nothing in the last position', position: 127 });
  lies.push({ name: 'LOADF of r', position: at(1, 1), bundle: withWord(4, R) });
  lies.push({ name: 'LOADF of the largest word', position: at(2, 2), bundle: withWord(11, 2n ** 256n - 1n) });
  lies.push({ name: 'LOADP of infinity', position: at(1, 0), bundle: bytesOf(WORDS.map((w, i) => (i === 2 || i === 3 ? 0n : w))) });
  lies.push({ name: 'LOADP off the curve', position: at(2, 0), bundle: withWord(9, G2.y + 1n) });
  lies.push({ name: 'LOADP, y + q', position: at(2, 0), bundle: withWord(9, G2.y + Q) });
  lies.push({ name: 'EQ of a padding word that is not 0', position: at(2, 6), bundle: withWord(13, 1n) });
  lies.push({ name: 'EQ of another public word', position: at(0, 2), publicWords: [word('P0') ^ 1n, words[1], words[2]] });
  lies.push({ name: 'EQ of another end', position: at(3, 1), publicWords: [words[0], words[1], 1n] });
  lies.push({ name: 'PUBF of r', position: at(0, 6), publicWords: [words[0], R, words[2]] });
  lies.push({ name: 'PUB of a larger word', position: at(3, 0), publicWords: [words[0], words[1], words[2] + 1n] });

  const cases: object[] = [];
  for (const lie of lies) {
    const bundle = lie.bundle ?? BUNDLE;
    const own = lie.publicWords ?? words;
    // The trace of the true claim; where a word was changed that it depends on, of the changed one.
    const cells = stubbornTrace(recorded, bundle, lie.name.startsWith('PUB of') ? words : own).map((c, segment) => {
      if (!lie.cell || Math.floor(lie.position / 32) !== segment) return c;
      const index = lie.position % 32;
      const changed = new Uint8Array(Math.max(c.length, 64 * (index + 1)));
      changed.set(c);
      lie.cell.forEach((v, half) => writeWord(changed, 2 * index + half, v));
      return changed;
    });
    const tree = traceTree(recorded, cells);
    const claim: Claimed = { bundleRoot: bundleRoot(bundle), traceRoot: tree.root, publicWords: own };
    const bundleTree = { tree: MerkleTree.ofCells('BUNDLE', bundle, recorded.bundleDepth), bytes: bundle };
    const accusation = await accuse(recorded, trees, lie.position, tree, (p) => traceCell(recorded, cells, p), bundleTree);
    cases.push({
      name: lie.name,
      bundleRoot: hex(claim.bundleRoot),
      traceRoot: hex(claim.traceRoot),
      publicWords: hexes(own),
      accusation: encoded(accusation),
      result: resultOf(() => judge(key, claim, accusation)),
    });
  }
  return { key, keyHash: keyHash(key), bundle: hexes(WORDS), cases };
}

const encoded = (a: Accusation): object => ({
  position: a.position,
  leaf: hex(a.leaf),
  leafPath: hexes(a.leafPath),
  head: hex(a.head),
  imm0: hex(a.imm0),
  imm1: hex(a.imm1),
  instructionPath: hexes(a.instructionPath),
  inputs: a.inputs.map(({ a: x, b, path }) => ({ a: hex(x), b: hex(b), path: hexes(path) })),
});

function resultOf(run: () => string): string {
  try {
    return run();
  } catch (e) {
    if (e instanceof Unproven && /is true/.test(e.message)) return 'true';
    if (e instanceof MalformedInstruction || e instanceof InvalidOperand || e instanceof Unproven) return `reverts: ${e.name}`;
    throw e;
  }
}
