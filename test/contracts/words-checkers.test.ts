/** What the checkers' errors say, and limits that only they show. */
import { expect } from 'chai';
import type { Contract } from 'ethers';
import { describe, it } from 'mocha';
import { encodeHead, NONE, OP, refOf } from '../../verifier/record/instruction.ts';
import { checkers, refusalOf } from './support/checkers.ts';
import { deliveredOf, delivery, encodeComplaint, complaint } from './support/delivery.ts';
import { honest } from './support/honest.ts';
import { type Accusation, hex, type Opening } from './support/scene.ts';
import { ethers, type Hex } from './support/world.ts';

const harness = async (): Promise<Contract> => (await ethers.deployContract('Harness')) as unknown as Contract;
const nodes = (count: number): Hex[] => Array.from({ length: count }, (_, i) => hex(BigInt(i + 1)));
/** The root above a leaf at index 0. */
const rootOf = (leaf: Hex, path: readonly Hex[]): string =>
  path.reduce<string>((node, own) => ethers.keccak256(ethers.concat([node, own])), leaf);

describe('paths', () => {
  it('have the tree’s depth, 255 at most, and an index within it', async () => {
    const h = await harness();
    const leaf = hex(7n);
    for (const [path, index, depth, error] of [
      [2, 0n, 3, ['WrongPathLength', 2n, 3n]],
      [4, 0n, 3, ['WrongPathLength', 4n, 3n]],
      [3, 8n, 3, ['IndexOutOfRange', 8n, 3n]],
      [256, 0n, 256, ['IndexOutOfRange', 0n, 256n]],
      [0, 1n, 0, ['IndexOutOfRange', 1n, 0n]],
    ] as const)
      expect(await refusalOf(h, 'climb', [leaf, index, nodes(path), depth])).to.deep.equal(error);
    for (const depth of [0, 1, 3, 255])
      expect(await h.getFunction('climb')(leaf, 0, nodes(depth), depth)).to.equal(rootOf(leaf, nodes(depth)));
    const last = await h.getFunction('climb')(leaf, 7, nodes(3), 3);
    expect(last).to.equal(nodes(3).reduce<string>((node, own) => ethers.keccak256(ethers.concat([own, node])), leaf));
  });
});

describe('answers', () => {
  const [BUNDLE, TRACE, CIPHER] = [0, 1, 2];
  it('have as many words as lie below a node', async () => {
    const { fraud } = await checkers();
    const length = (tree: number, depth: number, level: number, index: number | bigint = 0) =>
      fraud.getFunction('answerLength')(tree, depth, level, index);
    for (const [tree, depth, level, words] of [
      [BUNDLE, 20, 7, 256],
      [BUNDLE, 7, 7, 256],
      [BUNDLE, 6, 6, 128],
      [BUNDLE, 0, 0, 2],
      [TRACE, 20, 20, 256],
      [TRACE, 20, 12, 256],
      [TRACE, 20, 4, 32],
      [TRACE, 16, 8, 256],
      [TRACE, 15, 7, 256],
      [TRACE, 8, 0, 2],
      [CIPHER, 4, 3, 136],
      [CIPHER, 3, 3, 136],
      [CIPHER, 2, 2, 68],
      [CIPHER, 0, 0, 17],
    ] as [number, number, number, number][])
      expect(await length(tree, depth, level), `level ${level} of ${depth}`).to.equal(words);
  });

  it('are refused with what was wrong about them', async () => {
    const { fraud } = await checkers();
    const refused = (name: string, ...parameters: unknown[]) => refusalOf(fraud, name, parameters);
    expect(await refused('answerLength', TRACE, 20, 21, 0)).to.deep.equal(['NoSuchNode', 1n, 21n, 0n]);
    expect(await refused('answerLength', BUNDLE, 20, 18, 4)).to.deep.equal(['NoSuchNode', 0n, 18n, 4n]);
    expect(await refused('answerLength', CIPHER, 8, 4, 3)).to.deep.equal(['NoSuchNode', 2n, 4n, 3n]);
    for (const [tree, depth, level] of [
      [BUNDLE, 20, 6],
      [BUNDLE, 20, 8],
      [BUNDLE, 6, 5],
      [TRACE, 20, 19],
      [TRACE, 20, 13],
      [TRACE, 20, 11],
      [TRACE, 20, 0],
      [CIPHER, 8, 2],
      [CIPHER, 2, 1],
    ] as const)
      expect(await refused('answerLength', tree, depth, level, 0)).to.deep.equal(['NoSuchNode', BigInt(tree as number), BigInt(level), 0n]);
    expect(await refused('checkAnswer', TRACE, hex(1n), 17, 1, 0, nodes(3), nodes(16))).to.deep.equal(['WrongAnswerLength', 3n, 4n]);
    expect(await refused('checkAnswer', TRACE, hex(1n), 17, 1, 0, nodes(4), nodes(15))).to.deep.equal(['WrongPathLength', 15n, 16n]);
  });
});

describe('accusations', () => {
  it('bring as many inputs as the instruction reads', async () => {
    const { fraud } = await checkers();
    const h = honest();
    const accusation = (name: keyof typeof OP): Accusation => h.scene.accuse(h.segment, h.entries[name].index, h.entries[name].instruction);
    const refused = (a: Accusation) => refusalOf(fraud, 'check', [h.scene.key, h.scene.claimed, a]);
    const opening = { a: 1n, b: 2n, path: [] };
    const add = accusation('ADD');
    expect(await refused({ ...add, inputs: [] })).to.deep.equal(['WrongInputCount', 0n, 1n]);
    expect(await refused({ ...add, inputs: add.inputs.slice(0, 1) })).to.deep.equal(['WrongInputCount', 1n, 2n]);
    expect(await refused({ ...add, inputs: [...add.inputs, opening] })).to.deep.equal(['WrongInputCount', 3n, 2n]);
    expect(await refused({ ...accusation('CONST'), inputs: [opening] })).to.deep.equal(['WrongInputCount', 1n, 0n]);
    expect(await refused({ ...accusation('LOADW'), inputs: [] })).to.deep.equal(['WrongInputCount', 0n, 1n]);
    expect(await refused({ ...accusation('LOADF'), inputs: [opening, opening] })).to.deep.equal(['WrongInputCount', 2n, 1n]);
    expect(await refused(add)).to.deep.equal(['TrueInstruction', BigInt(add.position)]);
  });

  it('name the place of what does not lie in its tree', async () => {
    const { fraud } = await checkers();
    const h = honest();
    const of = (name: keyof typeof OP): Accusation => h.scene.accuse(h.segment, h.entries[name].index, h.entries[name].instruction);
    const refused = (a: Accusation) => refusalOf(fraud, 'check', [h.scene.key, h.scene.claimed, a]);
    const [sub, load] = [of('SUB'), of('LOADF')];
    expect(await refused({ ...sub, leaf: hex(1n) })).to.deep.equal(['NotInTrace', BigInt(sub.position)]);
    expect(await refused({ ...sub, imm0: 1n })).to.deep.equal(['NotInList', BigInt(h.entries.SUB.index)]);
    const [add, before] = sub.inputs as [Opening, Opening];
    const place = (segment: number, index: number): bigint => BigInt(h.scene.position(segment, index));
    expect(await refused({ ...sub, inputs: [{ ...add, a: add.a ^ 1n }, before] })).to.deep.equal([
      'NotInTrace',
      place(h.segment, h.entries.ADD.index),
    ]);
    expect(await refused({ ...sub, inputs: [add, { ...before, b: 1n }] })).to.deep.equal([
      'NotInTrace',
      place(h.segment - 1, h.scene.length - 1),
    ]);
    const cell = (BigInt(h.segment * h.scene.shape.stride) + load.imm0) >> 1n;
    const inputs = load.inputs.map((own) => ({ ...own, b: own.b ^ 1n }));
    expect(await refused({ ...load, inputs })).to.deep.equal(['NotInBundle', cell]);
  });

  it('name the malformed instruction, and the operand of a wrong type', async () => {
    const h = await harness();
    const none = encodeHead({ op: OP.ADD, refs: [refOf(1), refOf(2)], imm0: 0n, imm1: 0n }) | (BigInt(NONE) << 8n);
    const evaluate = (head: bigint, v: readonly bigint[]) =>
      refusalOf(h, 'evaluate', [head, 0, 0, [...v, ...new Array<bigint>(6 - v.length).fill(0n)]]);
    expect(await evaluate(none, [])).to.deep.equal(['MalformedInstruction', none]);
    expect(await evaluate(0n, [])).to.deep.equal(['MalformedInstruction', 0n]);
    const high = 2n ** 256n - 1n;
    expect(await evaluate(BigInt(OP.ADD), [high])).to.deep.equal(['InvalidOperand', 0n]);
    expect(await evaluate(BigInt(OP.ADD), [1n, 0n, 2n, 1n])).to.deep.equal(['InvalidOperand', 1n]);
    expect(await evaluate(BigInt(OP.MULADD), [1n, 0n, 2n, 0n, high])).to.deep.equal(['InvalidOperand', 2n]);
    expect(await evaluate(BigInt(OP.ECMULADD), [1n, 1n])).to.deep.equal(['InvalidOperand', 0n]);
    expect(await evaluate(BigInt(OP.ECMULADD), [1n, 2n, high])).to.deep.equal(['InvalidOperand', 1n]);
    expect(await evaluate(BigInt(OP.ECMULADD), [1n, 2n, 1n, 0n, 1n, 1n])).to.deep.equal(['InvalidOperand', 2n]);
  });
});

describe('complaints', () => {
  it('bring a row of 544 bytes', async () => {
    const { delivery: contract } = await checkers();
    const d = await delivery('words', [{ limbs: new Array<number>(256).fill(1), blind: 1n }]);
    const own = encodeComplaint(complaint(d, 0));
    for (const row of ['0x', `${own.row}00`, own.row.slice(0, -2)])
      expect(await refusalOf(contract, 'check', [deliveredOf(d), { ...own, row }])).to.deep.equal([
        'WrongRowLength',
        BigInt(row.length / 2 - 1),
        544n,
      ]);
    expect(await refusalOf(contract, 'check', [deliveredOf(d), own])).to.deep.equal(['TrueRow', 0n]);
  });
});
