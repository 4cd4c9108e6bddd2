/**
 * The attacks of docs/attacks.md on the fraud proof, as far as the stateless checker goes; each test is named by its id. What the escrow adds (which key, claim
 * and public words it passes, fees of demands) is tested with the escrow.
 */
import { expect } from 'chai';
import type { Contract } from 'ethers';
import { describe, it } from 'mocha';
import { encodeAbiParameters, keccak256, parseAbiParameters } from 'viem';
import { Q, R } from '../../verifier/field.ts';
import { add, multiply, type Affine } from '../../verifier/curve.ts';
import { generators } from '../../verifier/generators.ts';
import type { Pair } from '../../verifier/record/evaluate.ts';
import { answerOf, cellLeaf, MerkleTree, pathOf } from '../../verifier/record/indexed-merkle.ts';
import { NONE, OP, refOf } from '../../verifier/record/instruction.ts';
import { keccakWords, writeWord } from '../../verifier/words.ts';
import { checkers, errorOf, FAULTS, fraudVerdict } from './support/checkers.ts';
import { honest, type Honest } from './support/honest.ts';
import { type Accusation, hex, Scene, shapeOfDepth } from './support/scene.ts';
import { ethers } from './support/world.ts';

type Name = keyof typeof OP;
const NAMES = Object.keys(OP) as Name[];

const accusation = ({ scene, segment, entries }: Honest, name: Name): Accusation =>
  scene.accuse(segment, entries[name].index, entries[name].instruction);
const judge = ({ scene }: { readonly scene: Scene }, a: Accusation): Promise<string> => fraudVerdict(scene.key, scene.claimed, a);
const lie = (h: Honest, name: Name, value: Pair): void => h.scene.claim(h.scene.position(h.segment, h.entries[name].index), value);
const swapped = (path: readonly string[], i: number): string[] => path.map((node, l) => (l === i ? hex(BigInt(node) ^ 1n) : node));

describe('F1 paths', () => {
  it('F1 an inner node is no leaf: the depth is the key’s', async () => {
    const h = honest();
    const a = accusation(h, 'MUL');
    // The parent of the accused leaf, with the path from there, at the parent's index: it would be in the tree.
    const [sibling, ...rest] = a.leafPath as [string, ...string[]];
    const sides: [bigint, bigint] = a.position % 2 === 0 ? [BigInt(a.leaf), BigInt(sibling)] : [BigInt(sibling), BigInt(a.leaf)];
    const parent = { ...a, position: Math.floor(a.position / 2), leaf: hex(keccakWords(...sides)), leafPath: rest };
    expect(await judge(h, parent)).to.equal('WrongPathLength');
    const shallow = { ...h.scene.key, traceDepth: h.scene.shape.traceDepth - 1 };
    expect(keccak256(encodeKey(shallow)), 'another depth is another key').to.not.equal(keccak256(encodeKey(h.scene.key)));
    expect(await judge(h, { ...a, leafPath: [...a.leafPath, a.leaf] })).to.equal('WrongPathLength');
    expect(await judge(h, { ...a, leafPath: [] })).to.equal('WrongPathLength');
  });

  it('F1 an inner node of the trace hides no cell that hashes to it', async () => {
    // A claimant who writes a node's children as a cell: leaf preimages have four words, nodes two.
    const harness = (await ethers.deployContract('Harness')) as unknown as Contract;
    const [l, r] = [keccakWords(1n), keccakWords(2n)];
    expect(await harness.getFunction('cellLeaf')(0, l, r)).to.not.equal(hex(keccakWords(l, r)));
    expect(await harness.getFunction('cellLeaf')(0, l, r)).to.equal(hex(keccakWords(0n, 0n, l, r)));
  });

  it('F1 a right leaf at a wrong index', async () => {
    const h = honest();
    const a = accusation(h, 'ADD');
    for (const position of [a.position ^ 1, a.position + 2, a.position ^ (2 ** (h.scene.shape.traceDepth - 1))])
      expect(await judge(h, { ...a, position })).to.equal('NotInTrace');
    const beyond = a.position + 2 ** h.scene.shape.traceDepth;
    expect(await judge(h, { ...a, position: beyond })).to.equal('IndexOutOfRange');
    expect(await errorOf((await checkers()).fraud, 'check', [h.scene.key, h.scene.claimed, { ...a, position: 2n ** 256n - 1n }])).to.equal(
      'IndexOutOfRange',
    );
  });

  it('F1 a true leaf of the neighbour, on the neighbour’s path', async () => {
    const h = honest();
    const [a, b] = [accusation(h, 'ADD'), accusation(h, 'MUL')];
    expect(await judge(h, { ...a, leaf: b.leaf, leafPath: b.leafPath })).to.equal('NotInTrace');
    expect(await judge(h, { ...a, inputs: [b.inputs[1] as (typeof b.inputs)[0], b.inputs[0] as (typeof b.inputs)[0]] })).to.equal(
      'NotInTrace',
    );
    expect(await judge(h, { ...a, head: b.head, instructionPath: b.instructionPath })).to.equal('NotInList');
  });

  it('F1 one wrong node anywhere on any path', async () => {
    const h = honest();
    lie(h, 'LOADF', [5n, 0n]);
    const a = accusation(h, 'LOADF');
    expect(await judge(h, a)).to.equal('WrongValue');
    const input = a.inputs[0] as (typeof a.inputs)[0];
    for (let i = 0; i < a.leafPath.length; i++) expect(await judge(h, { ...a, leafPath: swapped(a.leafPath, i) })).to.equal('NotInTrace');
    for (let i = 0; i < a.instructionPath.length; i++)
      expect(await judge(h, { ...a, instructionPath: swapped(a.instructionPath, i) })).to.equal('NotInList');
    for (let i = 0; i < input.path.length; i++)
      expect(await judge(h, { ...a, inputs: [{ ...input, path: swapped(input.path, i) }] })).to.equal('NotInBundle');
    for (const paths of [{ instructionPath: a.instructionPath.slice(1) }, { inputs: [{ ...input, path: input.path.slice(1) }] }])
      expect(await judge(h, { ...a, ...paths })).to.equal('WrongPathLength');
  });

  it('F1 an empty tree, and a claim without any root', async () => {
    const h = honest();
    const a = accusation(h, 'MUL');
    const none = { ...h.scene.claimed, traceRoot: hex(0n) };
    expect(await fraudVerdict(h.scene.key, none, a)).to.equal('NotInTrace');
    expect(await fraudVerdict(h.scene.key, none, { ...a, leaf: hex(0n), leafPath: [] })).to.equal('WrongPathLength');
    // Lists without instructions: every value must be (0, 0).
    const empty = { ...h.scene.key, initLength: 0, stepLength: 0, lastLength: 0 };
    expect(await fraudVerdict(empty, h.scene.claimed, h.scene.accusePosition(a.position))).to.equal('OutsideLists');
  });
});

describe('F2 positions outside the lists', () => {
  it('F2 junk between the end of a list and the next segment', async () => {
    const { scene } = honest();
    const { k, steps } = scene.shape;
    for (const segment of [0, 1, steps, steps + 1])
      for (const index of [scene.length, scene.length + 1, 2 ** k - 1]) {
        const position = scene.position(segment, index);
        scene.claim(position, [0n, 0n]);
        expect(await judge({ scene }, scene.accusePosition(position))).to.equal('TrueInstruction');
        for (const junk of [
          [1n, 0n],
          [0n, 1n],
        ] as const) {
          scene.claim(position, junk);
          expect(await judge({ scene }, scene.accusePosition(position))).to.equal('OutsideLists');
        }
      }
  });

  it('F2 junk behind the last segment', async () => {
    const { scene } = honest();
    const { steps, traceDepth } = scene.shape;
    for (const position of [scene.position(steps + 2, 0), 2 ** traceDepth - 1]) {
      scene.claim(position, [0n, 0n]);
      expect(await judge({ scene }, scene.accusePosition(position))).to.equal('TrueInstruction');
      scene.claim(position, [7n, 8n]);
      expect(await judge({ scene }, scene.accusePosition(position))).to.equal('OutsideLists');
    }
  });

  it('F2 an instruction that is said to stand there changes nothing', async () => {
    const h = honest();
    const position = h.scene.position(h.segment, h.scene.length);
    h.scene.claim(position, [0n, 0n]);
    const a = accusation(h, 'ADD');
    const outside = h.scene.accusePosition(position);
    expect(await judge(h, { ...a, position, leaf: outside.leaf, leafPath: outside.leafPath })).to.equal('TrueInstruction');
  });
});

describe('F3 another program, another statement', () => {
  it('F3 an instruction that is not the key’s', async () => {
    const h = honest();
    const a = accusation(h, 'ADD');
    const others = [
      { head: a.head + 1n },
      { head: a.head ^ (1n << 8n) },
      { head: a.head ^ (1n << 39n) },
      { head: a.head | (1n << 72n) },
      { imm0: 1n },
      { imm1: 1n },
    ];
    for (const change of others) expect(await judge(h, { ...a, ...change })).to.equal('NotInList');
  });

  it('F3 an instruction of another list', async () => {
    const h = honest();
    const { scene, entries } = h;
    const { steps } = scene.shape;
    // The same instruction of the step list, at the same index of the segments that run init and last.
    for (const segment of [0, steps + 1]) {
      scene.claim(scene.position(segment, entries.CONST.index), [1n, 1n]);
      const a = { ...accusation(h, 'CONST'), ...scene.accusePosition(scene.position(segment, entries.CONST.index)) };
      const { head, imm0, imm1, instructionPath } = accusation(h, 'CONST');
      expect(await judge(h, { ...a, head, imm0, imm1, instructionPath })).to.equal('NotInList');
    }
  });

  it('F3 a value that stands for another public word', async () => {
    const h = honest();
    expect(await judge(h, accusation(h, 'PUB'))).to.equal('TrueInstruction');
    h.scene.publicWords[0] = (h.scene.publicWords[0] as bigint) ^ 1n;
    expect(await judge(h, accusation(h, 'PUB'))).to.equal('WrongValue');
  });

  it('F3 a public word that does not exist', async () => {
    const h = honest();
    h.scene.publicWords.length = 1;
    expect(await judge(h, accusation(h, 'PUBF'))).to.equal('MalformedInstruction');
  });

  it('F3 each field of the key is in its hash, and each word of the claim counts', async () => {
    const h = honest();
    const { fraud } = await checkers();
    const { key } = h.scene;
    const own = await fraud.getFunction('keyHashOf')(key);
    expect(own).to.equal(keccak256(encodeKey(key)));
    const hashes = new Set<string>([own as string]);
    for (const [name, value] of Object.entries(key)) {
      const other = { ...key, [name]: typeof value === 'number' ? value + 1 : hex(BigInt(value) ^ 1n) };
      hashes.add((await fraud.getFunction('keyHashOf')(other)) as string);
    }
    expect(hashes.size).to.equal(1 + 11);
  });

  it('F3 a bundle other than the claim’s', async () => {
    const h = honest();
    const a = accusation(h, 'LOADW');
    const input = a.inputs[0] as (typeof a.inputs)[0];
    expect(await judge(h, { ...a, inputs: [{ ...input, a: input.a ^ 1n }] })).to.equal('NotInBundle');
    // The cell of another word of the same bundle.
    const other = accusation(h, 'LOADF').inputs;
    expect(await judge(h, { ...a, inputs: other })).to.equal('NotInBundle');
  });
});

describe('F4 a true instruction', () => {
  for (const depth of [17, 20, 24])
    it(`F4 is never false, whatever the accuser brings: each opcode, depth ${depth}`, async () => {
      const h = honest(depth);
      for (const name of NAMES) {
        const a = accusation(h, name);
        expect(await judge(h, a), name).to.equal('TrueInstruction');
        const reverting: Accusation[] = [
          { ...a, leaf: hex(BigInt(a.leaf) ^ 1n) },
          { ...a, leaf: hex(cellLeafOf(1n, 2n)) },
          { ...a, inputs: [...a.inputs, ...(a.inputs.length > 0 ? a.inputs.slice(0, 1) : accusation(h, 'LOADF').inputs)] },
          { ...a, head: 0n },
          ...(a.inputs.length > 0
            ? [
                { ...a, inputs: a.inputs.slice(1) },
                { ...a, inputs: [] },
              ]
            : []),
          ...a.inputs.flatMap((input, j) => {
            const others = [
              { ...input, a: input.a ^ 1n },
              { ...input, b: input.b ^ 1n },
              { ...input, a: input.a + (input.a < R ? R : 0n) },
              { ...input, a: 0n, b: 0n },
            ].filter((other) => other.a !== input.a || other.b !== input.b);
            return others.map((other) => ({ ...a, inputs: a.inputs.map((own, i) => (i === j ? other : own)) }));
          }),
        ];
        const allowed = ['NotInTrace', 'NotInList', 'NotInBundle', 'WrongInputCount'];
        for (const other of reverting) expect(allowed, name).to.include(await judge(h, other));
      }
    });
});

describe('F5 values used against their type', () => {
  it('F5 an announced word of r or more is false itself', async () => {
    const h = honest();
    const { scene, entries, segment } = h;
    for (const word of [R, R + 1n, 2n ** 256n - 1n]) {
      scene.publicWords[1] = word;
      for (const claimed of [word, word % R, 0n]) {
        scene.claim(scene.position(segment, entries.PUBF.index), [claimed, 0n]);
        expect(await judge(h, accusation(h, 'PUBF'))).to.equal('NotInField');
      }
    }
    scene.publicWords[1] = R - 1n;
    scene.claim(scene.position(segment, entries.PUBF.index), [R - 1n, 0n]);
    expect(await judge(h, accusation(h, 'PUBF'))).to.equal('TrueInstruction');
  });

  it('F5 what reads a word of r or more cannot be judged: its producer is the false one', async () => {
    for (const bad of [
      [R, 0n],
      [2n ** 256n - 1n, 0n],
      [5n, 1n],
      [R - 1n, R],
    ] as const)
      for (const name of ['ADD', 'SUB', 'MUL', 'MULADD'] as const) {
        const h = honest();
        // ADD reads LOADF and PUBF; the others read ADD.
        const producer = name === 'ADD' ? 'LOADF' : 'ADD';
        lie(h, producer, bad);
        expect(await judge(h, accusation(h, name)), name).to.equal('InvalidOperand');
        lie(h, name, [1n, 0n]);
        expect(await judge(h, accusation(h, name)), name).to.equal('InvalidOperand');
        expect(await judge(h, accusation(h, producer)), producer).to.equal('WrongValue');
      }
  });

  it('F5 points that are none, scalars that are none', async () => {
    const G = generators(1)[0] as Affine;
    const cases: readonly [Name, Pair][] = [
      ['LOADP', [G.x + Q, G.y]],
      ['LOADP', [G.x, G.y + 1n]],
      ['LOADP', [1n, 0n]],
      ['SQUEEZE', [R, 0n]],
      ['SQUEEZE', [1n, 2n]],
      ['CONST', [G.x, G.y + Q]],
      ['CONST', [0n, 1n]],
    ];
    for (const [producer, bad] of cases) {
      const h = honest();
      lie(h, producer, bad);
      expect(await judge(h, accusation(h, 'ECMULADD')), producer).to.equal('InvalidOperand');
      expect(await judge(h, accusation(h, producer)), producer).to.equal('WrongValue');
    }
  });
});

describe('F6 a precompile that was starved', () => {
  it('F6 whatever the gas: a truth reverts, a lie reverts or is found', async () => {
    const harness = (await ethers.deployContract('Harness')) as unknown as Contract;
    const { fraud } = await checkers();
    const at = await fraud.getAddress();
    /** What the checker says with this much gas; null if it ran out of it. */
    async function verdictWith(h: Honest, name: Name, gas: number): Promise<string | null> {
      const data = fraud.interface.encodeFunctionData('check', [h.scene.key, h.scene.claimed, accusation(h, name)]);
      const [ok, answer] = (await harness.getFunction('callWith')(gas, at, data)) as [boolean, string];
      if (ok) return FAULTS.fraud[Number(BigInt(answer))] as string;
      return answer === '0x' ? null : (fraud.interface.parseError(answer)?.name ?? answer);
    }
    for (const [name, errors] of [
      ['ECMULADD', ['TooLittleGas']],
      ['MULADD', []],
    ] as const) {
      const [truth, wrong] = [honest(), honest()];
      lie(wrong, name, [1n, 2n]);
      const seen = { truth: new Set<string | null>(), wrong: new Set<string | null>() };
      for (let gas = 1_000; gas < 120_000; gas += 997) {
        seen.truth.add(await verdictWith(truth, name, gas));
        seen.wrong.add(await verdictWith(wrong, name, gas));
      }
      expect([...seen.truth], name).to.have.members([null, ...errors, 'TrueInstruction']);
      expect([...seen.wrong], name).to.have.members([null, ...errors, 'WrongValue']);
    }
  });
});

describe('F7 edges of the curve and of the field', () => {
  const G = generators(2) as [Affine, Affine];
  const minus = (p: Affine): Pair => [p.x, Q - p.y];
  const pair = (p: Affine | null): Pair => (p === null ? [0n, 0n] : [p.x, p.y]);

  /** ECMULADD of these operands in a scene of its own; NONE where null. */
  async function mulAdd(x: Pair | null, y: bigint, z: Pair | null, claimed: Pair): Promise<string> {
    const scene = new Scene(shapeOfDepth(17));
    const operands: (Pair | null)[] = [x, [y, 0n], z];
    const refs = operands.map((value, j) => {
      if (value === null) return NONE;
      scene.claim(scene.position(1, 10 + j), value);
      return refOf(10 + j);
    });
    const instruction = { op: OP.ECMULADD, refs, imm0: 0n, imm1: 0n };
    scene.program(1, 20, instruction);
    scene.claim(scene.position(1, 20), claimed);
    return judge({ scene }, scene.accuse(1, 20, instruction));
  }

  it('F7 P + P, P + (−P), scalars 0 and r − 1, (0, 0) and none on either side', async () => {
    const [P, other] = G;
    const cases: readonly [string, Pair | null, bigint, Pair | null, Pair][] = [
      ['P + P', pair(P), 1n, pair(P), pair(multiply(P, 2n))],
      ['P + (−P)', pair(P), 1n, minus(P), [0n, 0n]],
      ['−P + P', pair(P), R - 1n, pair(P), [0n, 0n]],
      ['0 · P + Z', pair(P), 0n, pair(other), pair(other)],
      ['0 · P', pair(P), 0n, null, [0n, 0n]],
      ['P + O', pair(P), 1n, [0n, 0n], pair(P)],
      ['k · O + Z', [0n, 0n], 12345n, pair(other), pair(other)],
      ['O + O', [0n, 0n], R - 1n, [0n, 0n], [0n, 0n]],
      ['none', null, 7n, null, [0n, 0n]],
      ['none + Z', null, 7n, pair(other), pair(other)],
      ['P + Z', pair(P), 1n, pair(other), pair(add(P, other))],
    ];
    for (const [name, x, y, z, sum] of cases) {
      expect(await mulAdd(x, y, z, sum), name).to.equal('TrueInstruction');
      for (const wrong of [[sum[0], sum[1] ^ 1n], minus({ x: sum[0], y: sum[1] }), [1n, 2n]] as const)
        if (wrong[1] !== sum[1]) expect(await mulAdd(x, y, z, wrong), name).to.equal('WrongValue');
      if (sum[0] !== 0n) expect(await mulAdd(x, y, z, [0n, 0n]), name).to.equal('WrongValue');
    }
  });

  it('F7 loads: canonical or false, infinity is no point of a message', async () => {
    const loads: readonly [Name, Pair, string][] = [
      ['LOADF', [0n, R - 1n], 'WrongValue'],
      ['LOADF', [0n, R], 'NotInField'],
      ['LOADF', [0n, 2n ** 256n - 1n], 'NotInField'],
      ['LOADP', pair(G[1]), 'WrongValue'],
      ['LOADP', [0n, 0n], 'NotOnCurve'],
      ['LOADP', [G[0].x, G[0].y + Q], 'NotOnCurve'],
      ['LOADP', [G[0].x + Q, G[0].y], 'NotOnCurve'],
      ['LOADP', [G[0].x, G[0].y + 1n], 'NotOnCurve'],
      ['LOADP', [0n, 1n], 'NotOnCurve'],
    ];
    for (const [name, cell, expected] of loads) {
      const h = honest();
      const { instruction } = h.entries[name];
      h.scene.load(h.segment, instruction.imm0, cell);
      lie(h, name, [12n, 0n]);
      expect(await judge(h, accusation(h, name)), `${name} of ${cell.join()}`).to.equal(expected);
      // Claiming exactly what the bundle holds saves nobody whose check fails.
      lie(h, name, name === 'LOADP' ? cell : [cell[1], 0n]);
      expect(await judge(h, accusation(h, name))).to.equal(expected === 'WrongValue' ? 'TrueInstruction' : expected);
    }
  });

  it('F7 a LOADP that begins in the middle of a cell has no value', async () => {
    const h = honest();
    const instruction = { ...h.entries.LOADP.instruction, imm0: h.entries.LOADP.instruction.imm0 + 1n };
    h.scene.program(h.segment, h.entries.LOADP.index, instruction);
    expect(await judge(h, h.scene.accuse(h.segment, h.entries.LOADP.index, instruction))).to.equal('MalformedInstruction');
  });

  it('F7 refs forward, to itself, before the first segment, beyond a segment', async () => {
    const scene = new Scene(shapeOfDepth(17));
    const { k } = scene.shape;
    const cases: readonly [number, number][] = [
      [1, refOf(20)],
      [1, refOf(21)],
      [1, refOf(2 ** k)],
      [1, refOf(2 ** k, true)],
      [0, refOf(3, true)],
    ];
    for (const [segment, ref] of cases) {
      const instruction = { op: OP.SQUEEZE, refs: [ref], imm0: 1n, imm1: 0n };
      scene.program(segment, 20, instruction);
      scene.claim(scene.position(segment, 20), [1n, 0n]);
      scene.claim(Math.max(scene.refPosition(segment, ref), 0), [1n, 0n]);
      const a = { ...scene.accusePosition(scene.position(segment, 20)) };
      const list = pathOf(scene.lists[segment === 0 ? 0 : 1], 20).map(hex);
      const input = scene.opening(scene.trace, Math.max(scene.refPosition(segment, ref), 0), [1n, 0n]);
      const head = BigInt(OP.SQUEEZE) | (BigInt(ref) << 8n);
      expect(await judge({ scene }, { ...a, head, imm0: 1n, instructionPath: list, inputs: [input] })).to.equal('MalformedInstruction');
    }
  });
});

describe('F8 withheld words', () => {
  it('F8 a leaf that hides no cell is false, though nobody can open it', async () => {
    for (const name of NAMES) {
      const h = honest();
      const position = h.scene.position(h.segment, h.entries[name].index);
      h.scene.trace.set(position, keccakWords(BigInt(position)));
      expect(await judge(h, accusation(h, name)), name).to.equal('WrongValue');
    }
  });

  const words = Array.from({ length: 600 }, (_, i) => keccakWords(BigInt(i), 5n));
  const cellAt = (i: number): Pair => [words[2 * i] ?? 0n, words[2 * i + 1] ?? 0n];
  const bytes = new Uint8Array(32 * words.length);
  words.forEach((w, i) => writeWord(bytes, i, w));

  it('F8 an answer is what lies below the node, all of it, and nothing else', async () => {
    const { fraud } = await checkers();
    for (const [tag, depth, level, index] of [
      ['BUNDLE', 20, 7, 2],
      ['BUNDLE', 20, 7, 8191],
      ['BUNDLE', 15, 7, 1],
      ['TRACE', 20, 20, 0],
      ['TRACE', 20, 12, 0],
      ['TRACE', 20, 4, 18],
      ['TRACE', 20, 4, 2 ** 16 - 1],
      ['TRACE', 24, 8, 1],
      ['TRACE', 24, 8, 2000],
      ['TRACE', 15, 7, 2],
      ['TRACE', 16, 0, 299],
    ] as const) {
      const number = tag === 'BUNDLE' ? 0 : 1;
      const tree = MerkleTree.ofCells(tag, bytes, depth);
      const answer = answerOf(tree, cellAt, level, index);
      const parameters = (change: { words?: bigint[]; path?: bigint[]; index?: number; level?: number; tree?: number }) => [
        change.tree ?? number,
        hex(tree.root),
        depth,
        change.level ?? level,
        change.index ?? index,
        (change.words ?? answer.words).map(hex),
        (change.path ?? answer.path).map(hex),
      ];
      const error = (change: Parameters<typeof parameters>[0]) => errorOf(fraud, 'checkAnswer', parameters(change));
      expect(await error({}), `${tag} ${level} ${index}`).to.equal(null);
      expect(answer.words.length).to.equal(Number(await fraud.getFunction('answerLength')(number, depth, level, index)));
      const other = [...answer.words];
      other[other.length - 1] = (other[other.length - 1] as bigint) ^ 1n;
      expect(await error({ words: other })).to.equal('WrongAnswer');
      expect(await error({ words: answer.words.slice(1) })).to.equal('WrongAnswerLength');
      expect(await error({ words: [...answer.words, 0n] })).to.equal('WrongAnswerLength');
      // Two subtrees of pads alone are the same, wherever they lie.
      const pads = answer.words.every((w) => w === answer.words[0]);
      if (level < depth) {
        if (!pads) expect(await error({ index: index ^ 1 })).to.equal('WrongAnswer');
        expect(await error({ path: answer.path.slice(1) })).to.equal('WrongPathLength');
      }
      expect(await error({ path: [...answer.path, 0n] })).to.equal('WrongPathLength');
      // At depth 15 both trees have answers of level 7.
      if (depth === 15) expect(await error({ tree: 1 - number }), 'words of the other tree').to.equal('WrongAnswer');
    }
  });

  it('F8 nodes cannot be passed off as cells, nor cells as nodes', async () => {
    const { fraud } = await checkers();
    const depth = 15;
    const tree = MerkleTree.ofCells('TRACE', bytes, depth);
    // The 128 leaves' hashes below a node of level 7, in pairs, as if they were 64 cells of a node of level 6.
    const leaves = Array.from({ length: 128 }, (_, i) => hex(tree.node(0, i)));
    const path = pathOf(tree, 0, 7).map(hex);
    expect(await errorOf(fraud, 'checkAnswer', [1, hex(tree.root), depth, 7, 0, [...leaves, ...leaves], path])).to.equal('WrongAnswer');
    expect(await errorOf(fraud, 'checkAnswer', [1, hex(tree.root), depth, 6, 0, leaves, [...path, hex(0n)]])).to.equal('NoSuchNode');
  });

  it('F8 no demand for a node that the tree lacks: it could not be answered', async () => {
    const { fraud } = await checkers();
    const missing = (tree: number, depth: number, level: number, index: bigint | number) =>
      errorOf(fraud, 'answerLength', [tree, depth, level, index]);
    for (const [tree, level] of [
      [0, 7],
      [1, 4],
      [2, 3],
    ] as const) {
      const count = 2 ** (20 - level);
      expect(await missing(tree, 20, 21, 0)).to.equal('NoSuchNode');
      expect(await missing(tree, 20, level, count)).to.equal('NoSuchNode');
      expect(await missing(tree, 20, level, 2n ** 256n - 1n)).to.equal('NoSuchNode');
      expect(await missing(tree, 20, level, count - 1)).to.equal(null);
      expect(await missing(tree, 0, 0, 0)).to.equal(null);
    }
  });

  it('F8 nor for one that says what others say: else a claimant could be asked for everything many times over, in one time', async () => {
    const { fraud } = await checkers();
    const asked = async (tree: number, depth: number): Promise<number[]> => {
      const levels: number[] = [];
      for (let level = 0; level <= depth; level++)
        if ((await errorOf(fraud, 'answerLength', [tree, depth, level, 0])) === null) levels.push(level);
      return levels;
    };
    expect([await asked(0, 20), await asked(0, 7), await asked(0, 5)]).to.deep.equal([[7], [7], [5]]);
    expect([await asked(1, 20), await asked(1, 16), await asked(1, 5)]).to.deep.equal([[4, 12, 20], [0, 8, 16], [5]]);
    expect([await asked(2, 11), await asked(2, 3), await asked(2, 0)]).to.deep.equal([[3], [3], [0]]);
  });
});

const encodeKey = (key: Scene['key']) =>
  encodeAbiParameters(
    parseAbiParameters(
      'bytes32 init, bytes32 step, bytes32 last, uint32 initLength, uint32 stepLength, uint32 lastLength, uint8 k, uint32 steps, uint32 stride, uint8 bundleDepth, uint8 traceDepth',
    ),
    [
      key.init,
      key.step,
      key.last,
      key.initLength,
      key.stepLength,
      key.lastLength,
      key.k,
      key.steps,
      key.stride,
      key.bundleDepth,
      key.traceDepth,
    ],
  );
const cellLeafOf = (a: bigint, b: bigint): bigint => cellLeaf('TRACE', [a, b]);
