/** The Solidity checker against `verifier/record/evaluate.ts`: every opcode, on random and edge operands, in trees of real depths. */
import { expect } from 'chai';
import type { Contract } from 'ethers';
import { describe, it } from 'mocha';
import { readFileSync } from 'node:fs';
import { multiply, type Affine } from '../../verifier/curve.ts';
import { Q, R } from '../../verifier/field.ts';
import { generators } from '../../verifier/generators.ts';
import { evaluate, InvalidOperand, type Outcome, type Pair } from '../../verifier/record/evaluate.ts';
import {
  bundleWord,
  decodeInstruction,
  MalformedInstruction,
  NONE,
  OP,
  SHAPES,
  refOf,
  type Instruction,
} from '../../verifier/record/instruction.ts';
import { checkers, errorOf, FAULTS, fraudVerdict } from './support/checkers.ts';
import { Draw, hex, Scene, shapeOfDepth } from './support/scene.ts';
import { ethers } from './support/world.ts';

const DEPTHS = [17, 20, 24];
/** Cases for each opcode and depth; `npm run test:fuzz` asks for more. */
const CASES = Number(process.env['FINEPROOF_FUZZ_CASES'] ?? 8);

const MAX = 2n ** 256n - 1n;
const point = (p: Affine | null): Pair => (p === null ? [0n, 0n] : [p.x, p.y]);
const negative = ([x, y]: Pair): Pair => [x, y === 0n ? 0n : Q - y];

/** A value as an operand of this type: mostly right, sometimes at an edge, now and then of another type. */
function operand(draw: Draw, type: string): Pair {
  const G = generators(4);
  const kind = draw.below(12);
  const finite = point(multiply(draw.pick(G), draw.word() % R));
  if (type === 'point' || type === 'point?') {
    if (kind === 0) return [draw.word(), draw.word()];
    if (kind === 1) return [finite[0], finite[1] + Q];
    if (kind === 2) return [0n, 0n];
    if (kind < 6) return draw.pick([point(G[0] as Affine), negative(point(G[0] as Affine))]);
    return finite;
  }
  if (type === 'field') {
    if (kind === 0) return [R + (draw.word() % 3n), 0n];
    if (kind === 1) return [5n, 6n];
    if (kind < 5) return [draw.pick([0n, 1n, R - 1n]), 0n];
    return [draw.word() % R, 0n];
  }
  if (kind === 0) return [MAX, MAX];
  return draw.pick([[draw.word(), 0n], finite, [draw.word() % R, 0n], [0n, 0n]] as const);
}

/** The bundle's cell that a load reads. */
function loaded(draw: Draw, op: number): Pair {
  if (op === OP.LOADP) return operand(draw, 'point');
  return draw.pick([
    [draw.word(), R],
    [R, MAX],
    [draw.word() % R, draw.word() % R],
    [R - 1n, R - 1n],
    [0n, 0n],
  ] as const);
}

interface Case {
  readonly scene: Scene;
  readonly segment: number;
  readonly index: number;
  readonly instruction: Instruction;
  readonly inputs: readonly Pair[];
}

/** A random instruction of an opcode in a random segment, with what it reads. */
function makeCase(draw: Draw, depth: number, op: number): Case {
  const scene = new Scene(shapeOfDepth(depth));
  const { steps, k } = scene.shape;
  const segment = draw.below(steps + 2);
  const index = draw.pick([scene.length - 1, 1000 + draw.below(scene.length - 1000)]);
  scene.publicWords.push(draw.word(), R, R - 1n, 0n);
  const types = SHAPES[op]?.operands ?? [];
  const inputs: Pair[] = [];
  const refs = types.map((type, j) => {
    if (type === 'point?' && draw.below(6) === 0) return NONE;
    const previous = segment > 0 && draw.below(3) === 0;
    // Operands lie apart, the first two now and then in one place.
    const ref = refOf(previous ? 2 ** k - 1 - j : j + 7 * draw.below(100), previous);
    const value = operand(draw, type);
    scene.claim(scene.refPosition(segment, ref), value);
    inputs.push(value);
    return ref;
  });
  let imm0 = 0n;
  let imm1 = 0n;
  if (op === OP.CONST) [imm0, imm1] = operand(draw, draw.pick(['field', 'point', 'any']));
  if (op === OP.PUB || op === OP.PUBF) imm0 = BigInt(draw.below(5));
  if (op === OP.ABSORB || op === OP.SQUEEZE) imm0 = draw.word();
  if (op === OP.LOADF || op === OP.LOADP || op === OP.LOADW) {
    imm0 = BigInt(draw.below(scene.shape.stride - 4));
    if (segment > 0 && draw.below(3) === 0) imm0 = 2n ** 256n - 1n - imm0;
    if (op === OP.LOADP && draw.below(8) !== 0) imm0 &= ~1n;
    inputs.push(loaded(draw, op));
    scene.load(segment, imm0, inputs[0] as Pair);
  }
  const instruction = { op, refs, imm0, imm1 };
  scene.program(segment, index, instruction);
  return { scene, segment, index, instruction, inputs: dedupe(scene, segment, refs, inputs, op) };
}

/** Two refs to one position read one value: the last one that was claimed there. */
function dedupe(scene: Scene, segment: number, refs: readonly number[], inputs: readonly Pair[], op: number): readonly Pair[] {
  if (op === OP.LOADF || op === OP.LOADP || op === OP.LOADW) return inputs;
  const real = refs.filter((ref) => ref !== NONE).map((ref) => scene.refPosition(segment, ref));
  return real.map((position) => inputs[real.lastIndexOf(position)] as Pair);
}

function outcomeOf({ scene, segment, instruction, inputs }: Case): Outcome | 'MalformedInstruction' | 'InvalidOperand' {
  try {
    return evaluate(instruction, { segment, stride: scene.shape.stride, publicWords: scene.publicWords }, inputs);
  } catch (e) {
    if (e instanceof MalformedInstruction) return 'MalformedInstruction';
    if (e instanceof InvalidOperand) return 'InvalidOperand';
    throw e;
  }
}

/** A value next to the truth, in a bit or altogether. */
function lie(draw: Draw, [a, b]: Pair): Pair {
  const bit = 1n << BigInt(draw.below(256));
  const other = draw.pick([
    [a ^ bit, b],
    [a, b ^ bit],
    [b, a],
    [draw.word(), 0n],
    [a >= R ? a - R : a + R, b],
  ] as const);
  return other[0] === a && other[1] === b ? [a ^ 1n, b] : other;
}

async function judge(c: Case, claimed: Pair): Promise<string> {
  c.scene.claim(c.scene.position(c.segment, c.index), claimed);
  return fraudVerdict(c.scene.key, c.scene.claimed, c.scene.accuse(c.segment, c.index, c.instruction));
}

describe('F9 each opcode, in Solidity and in TypeScript', function () {
  this.timeout(300_000 + 10_000 * CASES);
  for (const [name, op] of Object.entries(OP)) {
    it(`F9 ${name}: lies are false, truths and what has no value revert`, async () => {
      const seen = new Set<string>();
      for (const depth of DEPTHS) {
        const draw = new Draw(`${name} ${depth}`);
        for (let n = 0; n < CASES; n++) {
          const c = makeCase(draw, depth, op);
          const outcome = outcomeOf(c);
          const where = `${name}, depth ${depth}, case ${n}`;
          if (typeof outcome === 'string') {
            expect(await judge(c, [draw.word(), 0n]), where).to.equal(outcome);
            seen.add(outcome);
          } else if ('fault' in outcome) {
            expect(await judge(c, [0n, 0n]), where).to.equal(outcome.fault);
            expect(await judge(c, [draw.word(), draw.word()]), where).to.equal(outcome.fault);
            seen.add(outcome.fault);
          } else {
            expect(await judge(c, outcome.value), where).to.equal('TrueInstruction');
            expect(await judge(c, lie(draw, outcome.value)), where).to.equal('WrongValue');
            seen.add('value');
          }
        }
      }
      expect(seen.has('value') || op === OP.EQ, `${name} had a value at least once`).to.equal(true);
    });
  }
});

interface Vector {
  readonly name: string;
  readonly head: string;
  readonly imm0: string;
  readonly imm1: string;
  readonly leaf: string;
  readonly inputs: readonly (readonly [string, string])[];
  readonly outcome: { readonly value?: readonly [string, string]; readonly fault?: string; readonly reverts?: string };
}

describe('F9 what no encoder writes', () => {
  it('F9 is malformed in Solidity as in TypeScript: bits beyond an opcode’s operands, immediates it lacks, a none it may not have', async () => {
    const harness = (await ethers.deployContract('Harness')) as unknown as Contract;
    const draw = new Draw('malformed');
    for (let op = 0; op <= 17; op++) {
      const shape = SHAPES[op];
      const used = 8 + 32 * (shape?.operands.length ?? 0);
      const bits = new Set([used, used + 1, used + 31, used + 32, 103, 104, 255, used + draw.below(256 - used)]);
      const heads: readonly [bigint, bigint, bigint][] = [
        ...[...bits].filter((bit) => bit >= used).map((bit) => [BigInt(op) | (1n << BigInt(bit)), 0n, 0n] as const),
        ...(shape === undefined ? [] : shape.operands.map((_, j) => [BigInt(op) | (BigInt(NONE) << BigInt(8 + 32 * j)), 0n, 0n] as const)),
        [BigInt(op), 1n, 0n],
        [BigInt(op), 0n, 1n << 255n],
        [BigInt(op), 0n, 0n],
      ].map(([head, imm0, imm1]) => [head as bigint, imm0 as bigint, imm1 as bigint]);
      for (const [head, imm0, imm1] of heads) {
        let malformed = false;
        try {
          decodeInstruction(head, imm0, imm1);
        } catch (e) {
          if (!(e instanceof MalformedInstruction)) throw e;
          malformed = true;
        }
        const said = await errorOf(harness, 'evaluate', [head, imm0, imm1, new Array<bigint>(6).fill(0n)]);
        expect(said, `${op}: ${hex(head)} ${imm0} ${imm1}`).to.equal(malformed ? 'MalformedInstruction' : null);
      }
    }
  });
});

describe('F9 the golden vectors of the recorded verifier', () => {
  const vectors = JSON.parse(readFileSync(new URL('../record/vectors/instructions.json', import.meta.url), 'utf8')) as {
    segment: number;
    stride: number;
    publicWords: string[];
    leafIndex: number;
    cases: Vector[];
  };
  /** What the opcode reads, as the contract lays it out; undefined where there is nothing to read. */
  const reads = ({ head, imm0, inputs }: Vector): bigint[] | undefined => {
    const v = new Array<bigint>(6).fill(0n);
    const op = Number(BigInt(head) & 0xffn);
    const cells = inputs.map(([a, b]) => [BigInt(a), BigInt(b)] as const);
    if (op === OP.PUB || op === OP.PUBF) {
      const word = vectors.publicWords[Number(BigInt(imm0))];
      if (word === undefined) return undefined;
      v[0] = BigInt(word);
    } else if (op === OP.LOADF || op === OP.LOADW) {
      v[0] = cells[0]?.[Number(bundleWord(vectors.segment, vectors.stride, BigInt(imm0)) & 1n)] as bigint;
    } else {
      if (op === OP.LOADP && bundleWord(vectors.segment, vectors.stride, BigInt(imm0)) & 1n) return undefined;
      const count = op === OP.LOADP ? 1 : (SHAPES[op]?.operands.length ?? 0);
      let next = 0;
      for (let j = 0; j < count; j++) {
        if (op !== OP.LOADP && ((BigInt(head) >> BigInt(8 + 32 * j)) & 0xffffffffn) === BigInt(NONE)) continue;
        [v[2 * j], v[2 * j + 1]] = cells[next++] as [bigint, bigint];
      }
    }
    return v;
  };

  it('F9 have the leaves and outcomes of TypeScript, over dirty memory', async () => {
    const harness = (await ethers.deployContract('Harness')) as unknown as Contract;
    const { fraud } = await checkers();
    for (const vector of vectors.cases) {
      const { name, head, imm0, imm1, leaf, outcome } = vector;
      expect(await harness.getFunction('instructionLeaf')(vectors.leafIndex, head, imm0, imm1), name).to.equal(leaf);
      const v = reads(vector);
      if (v === undefined) {
        expect(outcome.reverts, name).to.equal('MalformedInstruction');
      } else if (outcome.reverts !== undefined) {
        await expect(harness.getFunction('evaluate')(head, imm0, imm1, v), name).to.be.revertedWithCustomError(fraud, outcome.reverts);
      } else {
        const [fault, a, b] = (await harness.getFunction('evaluate')(head, imm0, imm1, v)) as [bigint, bigint, bigint];
        expect(FAULTS.fraud[Number(fault)], name).to.equal(outcome.fault ?? 'None');
        if (outcome.value !== undefined) expect([hex(a), hex(b)], name).to.deep.equal(outcome.value);
      }
    }
  });
});
