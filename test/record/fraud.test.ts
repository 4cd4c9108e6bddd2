/** Whoever claims a wrong bundle or a wrong trace can be refuted with one position; whoever claims a right one cannot. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundleRoot } from '../../verifier/bundle.ts';
import { Q, R } from '../../verifier/field.ts';
import { verifyBundle } from '../../verifier/verify.ts';
import { judge, Unproven, type Accusation, type Claimed } from '../../verifier/record/accusation.ts';
import { isFalse, evaluate, type Pair } from '../../verifier/record/evaluate.ts';
import { accuse, describe, findFraud, type Fraud } from '../../verifier/record/fraud.ts';
import { AnsweredTree, WrongAnswer } from '../../verifier/record/answers.ts';
import { answerOf, cellLeaf, MerkleTree, type Nodes } from '../../verifier/record/indexed-merkle.ts';
import { decodeInstruction, MalformedInstruction, OP, SHAPES } from '../../verifier/record/instruction.ts';
import { listOf } from '../../verifier/record/key.ts';
import { runTrace, traceCell, traceTree } from '../../verifier/record/trace.ts';
import { readWord, writeWord } from '../../verifier/words.ts';
import { seededRandom } from '../fixtures/seeded.ts';
import { stubbornTrace } from './liars.ts';
import { claimOf, keyOfScene, scene1, scene3, wasm, type Scene } from './support.ts';

const keys = new Map([scene1, scene3].map((own) => [own, keyOfScene(own)]));
const honest = new Map([
  [scene1, await claimOf(scene1, scene1.attempt.bundle)],
  [scene3, await claimOf(scene3, scene3.attempt.bundle)],
]);
const seeded = seededRandom(2024n);
const below = (n: number): number => Number(seeded.fields(1)[0] % BigInt(n));

/** What is wrong with a claim of this bundle and this trace; the accusation has been judged. */
async function fraudOf(own: Scene, bundle: Uint8Array, trace: Nodes): Promise<Fraud | null> {
  const { key, trees } = keys.get(own) as ReturnType<typeof keyOfScene>;
  const claim: Claimed = { bundleRoot: bundleRoot(bundle), traceRoot: trace.node(trace.depth, 0), publicWords: own.publicWords };
  const fraud = await findFraud(own.recorded, claim, bundle, trace, trees, wasm);
  if (fraud) {
    assert.equal(judge(key, claim, fraud.accusation), fraud.fault);
    confirm(own, fraud.accusation);
  }
  return fraud;
}

/** `evaluate` alone says that the accused value is false. */
function confirm({ recorded, publicWords }: Scene, accusation: Accusation): void {
  if (accusation.head === 0n) return;
  const segment = Math.floor(accusation.position / 2 ** recorded.k);
  const own = decodeInstruction(accusation.head, accusation.imm0, accusation.imm1);
  const inputs = accusation.inputs.map(({ a, b }): Pair => [a, b]);
  const outcome = evaluate(own, { segment, stride: recorded.stride, publicWords }, inputs);
  assert.ok('fault' in outcome || cellLeaf('TRACE', outcome.value) !== accusation.leaf);
  if ('value' in outcome) assert.ok(!isFalse(outcome, outcome.value) && isFalse(outcome, [outcome.value[0] ^ 1n, outcome.value[1]]));
}

const changes: readonly [string, (word: bigint) => bigint][] = [
  ['one bit more or less', (w) => w ^ 1n],
  ['r more', (w) => w + R],
  ['the negative modulo q', (w) => (Q - w) % Q],
  ['0', () => 0n],
  ['the largest word', () => 2n ** 256n - 1n],
];

test('a wrong word anywhere in a bundle is refuted, however the trace is made up', async () => {
  const faults = new Set<string>();
  for (const own of [scene1, scene3]) {
    const { bundle, context } = own.attempt;
    const words = bundle.length / 32;
    const sample = new Set([0, 1, 2, 3, words - 2, words - 1, ...Array.from({ length: own === scene1 ? 20 : 8 }, () => below(words))]);
    let turn = 0;
    for (const word of sample) {
      const change = changes[turn++ % changes.length] as (typeof changes)[number];
      const before = readWord(bundle, word);
      const after = change[1](before);
      if (before === after) continue;
      const false_ = bundle.slice();
      writeWord(false_, word, after);
      const where = `word ${word}: ${change[0]}`;
      await assert.rejects(verifyBundle(context, false_), where);
      // Up to the failed check; on from there with an invented value; the trace of the true bundle.
      const lies: readonly (() => Promise<readonly Uint8Array[]> | readonly Uint8Array[])[] = [
        async () => (await runTrace(own.recorded, false_, own.publicWords, wasm)).cells,
        () => stubbornTrace(own.recorded, false_, own.publicWords),
        () => (honest.get(own) as Awaited<ReturnType<typeof claimOf>>).cells,
      ];
      for (const lie of turn % 6 === 0 ? lies : [lies[turn % 3]]) {
        const fraud = await fraudOf(own, false_, traceTree(own.recorded, await lie()));
        assert.ok(fraud, where);
        faults.add(fraud.fault);
      }
    }
  }
  for (const fault of ['NotInField', 'NotOnCurve', 'NotEqual', 'WrongValue']) assert.ok(faults.has(fault), `${fault} never occurred`);
});

test('a wrong value anywhere in a trace is refuted at the leftmost such position', async () => {
  const own = scene3;
  const { bundle } = own.attempt;
  const { cells } = honest.get(own) as Awaited<ReturnType<typeof claimOf>>;
  for (let turn = 0; turn < 12; turn++) {
    const changed = cells.map((c) => c.slice());
    const positions = Array.from({ length: 1 + (turn % 3) }, () => {
      const segment = below(cells.length);
      const index = below(cells[segment].length / 64);
      writeWord(changed[segment], 2 * index + (turn % 2), readWord(changed[segment], 2 * index + (turn % 2)) ^ (1n << BigInt(below(256))));
      return segment * 2 ** own.recorded.k + index;
    });
    const fraud = await fraudOf(own, bundle, traceTree(own.recorded, changed));
    assert.equal(fraud?.accusation.position, Math.min(...positions));
    assert.equal(fraud.fault, 'WrongValue');
    assert.match(describe(own.recorded, fraud.accusation.position), /^instruction \d+ of (init|proof [123]|last)$/);
  }
});

test('an honest claim has no fraud, and F4: no instruction of it can be accused, of any opcode', async () => {
  for (const own of [scene1, scene3]) {
    const { tree, cells, claim, failed } = honest.get(own) as Awaited<ReturnType<typeof claimOf>>;
    assert.equal(failed, null);
    assert.equal(await fraudOf(own, own.attempt.bundle, tree), null);
    const { key, trees } = keys.get(own) as ReturnType<typeof keyOfScene>;
    const bundle = {
      tree: MerkleTree.ofCells('BUNDLE', own.attempt.bundle, own.recorded.bundleDepth),
      bytes: own.attempt.bundle,
    };
    const accusing = (position: number): Promise<Accusation> =>
      accuse(own.recorded, trees, position, tree, (at) => traceCell(own.recorded, cells, at), bundle);
    const seen = new Set<number>();
    for (let segment = 0; segment < own.recorded.proofs + 2; segment++) {
      const list = listOf(own.recorded, segment);
      assert.ok(list);
      const chosen = new Set([0, list.length - 1, ...Array.from({ length: 20 }, () => below(list.length))]);
      for (let i = 0; i < list.length; i++)
        if (!seen.has(list.ops[i])) {
          seen.add(list.ops[i]);
          chosen.add(i);
        }
      for (const i of chosen) {
        const accusation = await accusing(segment * 2 ** own.recorded.k + i);
        assert.throws(() => judge(key, claim, accusation), /is true/, `${SHAPES[list.ops[i]]?.name}`);
      }
    }
    const recorded = new Set([...own.recorded.init.ops, ...own.recorded.step.ops, ...own.recorded.last.ops]);
    assert.deepEqual(seen, recorded);
    for (const op of [OP.ECMULADD, OP.LOADP, OP.EQ, OP.SQUEEZE, OP.MULADD]) assert.ok(seen.has(op));
    const outside = [own.recorded.step.length, 2 ** own.recorded.k - 1, 2 ** own.recorded.traceDepth - 1];
    for (const position of outside) {
      const accusation = await accusing(position);
      assert.throws(() => judge(key, claim, accusation), /is true/);
    }
  }
});

test('F2: junk in padding positions is refuted, behind a list and behind the last segment; so is a leaf that hides no cell', async () => {
  const own = scene1;
  const { cells } = honest.get(own) as Awaited<ReturnType<typeof claimOf>>;
  const grow = (bytes: Uint8Array, index: number): Uint8Array => {
    const longer = new Uint8Array(64 * (index + 1));
    longer.set(bytes);
    longer[64 * index + 63] = 1;
    return longer;
  };
  const behind = own.recorded.last.length + 5;
  const last = cells.length - 1;
  const inList = cells.map((c, i) => (i === last ? grow(c, behind) : c));
  const beyond = [...cells, grow(new Uint8Array(0), 7)];
  for (const [trace, position] of [
    [inList, last * 2 ** own.recorded.k + behind],
    [beyond, cells.length * 2 ** own.recorded.k + 7],
  ] as const) {
    const fraud = await fraudOf(own, own.attempt.bundle, traceTree(own.recorded, trace));
    assert.deepEqual(fraud && { fault: fraud.fault, position: fraud.accusation.position }, { fault: 'OutsideLists', position });
    assert.match(describe(own.recorded, position), /outside all lists/);
  }
  // A leaf without a preimage: the tree of whole leaves, one of them a hash of nothing.
  const { tree } = honest.get(own) as Awaited<ReturnType<typeof claimOf>>;
  const leaves = new Uint8Array(32 * 2 ** tree.depth);
  for (let i = 0; i < 2 ** tree.depth; i++) writeWord(leaves, i, i === 1234 ? 5n : tree.node(0, i));
  const fraud = await fraudOf(own, own.attempt.bundle, new MerkleTree(leaves, tree.depth, 0n));
  assert.deepEqual(fraud && { fault: fraud.fault, position: fraud.accusation.position }, { fault: 'WrongValue', position: 1234 });
});

test('F1: what is not in its tree, at its index and depth, proves nothing', async () => {
  const own = scene3;
  const { key, trees } = keys.get(own) as ReturnType<typeof keyOfScene>;
  const { cells } = honest.get(own) as Awaited<ReturnType<typeof claimOf>>;
  const changed = cells.map((c) => c.slice());
  const list = own.recorded.step;
  const at = [...list.ops.keys()].filter((i) => list.ops[i] === OP.MULADD)[40];
  writeWord(changed[2], 2 * at, 1n);
  const tree = traceTree(own.recorded, changed);
  const claim: Claimed = { bundleRoot: bundleRoot(own.attempt.bundle), traceRoot: tree.root, publicWords: own.publicWords };
  const fraud = await findFraud(own.recorded, claim, own.attempt.bundle, tree, trees, wasm);
  assert.ok(fraud);
  const good = fraud.accusation;
  assert.equal(judge(key, claim, good), 'WrongValue');
  const [x, y, z] = good.inputs;
  const forged: readonly [string, Partial<Accusation>][] = [
    ['another position', { position: good.position + 1 }],
    ['a position in another segment', { position: good.position + 2 ** key.k }],
    ['a position beyond the tree', { position: good.position + 2 ** key.traceDepth }],
    ['another leaf', { leaf: good.leaf ^ 1n }],
    ['an inner node as leaf', { leaf: tree.node(1, good.position >> 1), leafPath: good.leafPath.slice(1), position: good.position >> 1 }],
    ['a path too long', { leafPath: [...good.leafPath, 0n] }],
    ['another immediate', { imm0: 1n }],
    ['another opcode', { head: good.head ^ BigInt(OP.MULADD ^ OP.ADD) }],
    ['bits above the refs', { head: good.head | (1n << 200n) }],
    ['an instruction’s path of another list', { instructionPath: [...good.instructionPath.slice(1), 0n] }],
    ['no instruction', { head: 0n, imm0: 0n, imm1: 0n, instructionPath: [], inputs: [] }],
    ['operands exchanged', { inputs: [y, x, z] }],
    ['an operand’s value changed', { inputs: [{ ...x, a: x.a ^ 1n }, y, z] }],
    ['an operand left out', { inputs: [x, y] }],
    ['an operand too many', { inputs: [x, y, z, z] }],
    ['an operand’s path shortened', { inputs: [{ ...x, path: x.path.slice(1) }, y, z] }],
  ];
  for (const [what, change] of forged)
    assert.throws(
      () => judge(key, claim, { ...good, ...change }),
      (e) => e instanceof Unproven || e instanceof MalformedInstruction,
      what,
    );
  assert.throws(() => judge({ ...key, init: key.step, step: key.init }, claim, good), Unproven);
  assert.throws(() => judge({ ...key, traceDepth: key.traceDepth + 1 }, claim, good), Unproven);
});

test('F8: a trace that is only answered for, eight levels a demand, is walked in as few demands as it has such steps', async () => {
  const own = scene3;
  const { cells } = honest.get(own) as Awaited<ReturnType<typeof claimOf>>;
  const changed = cells.map((c) => c.slice());
  writeWord(changed[2], 2 * 1777, 3n);
  writeWord(changed[4], 2 * 100, 3n);
  const tree = traceTree(own.recorded, changed);
  const cellAt = (at: number): Pair => traceCell(own.recorded, changed, at);
  let demands = 0;
  const answered = (lie = false): AnsweredTree =>
    new AnsweredTree('TRACE', tree.depth, tree.root, (level, index) => {
      demands++;
      const { words } = answerOf(tree, cellAt, level, index);
      return lie && level < tree.depth ? words.map((w, i) => (i === 5 ? w ^ 1n : w)) : words;
    });
  const whole = answered();
  for (const [level, index] of [
    [0, 0],
    [0, 9000],
    [6, 4],
    [7, 9],
    [8, 100],
    [15, 0],
    [14, 1],
  ] as const)
    assert.equal(await whole.node(level, index), tree.node(level, index), `${level}, ${index}`);
  demands = 0;
  const claim: Claimed = { bundleRoot: bundleRoot(own.attempt.bundle), traceRoot: tree.root, publicWords: own.publicWords };
  const { trees } = keys.get(own) as ReturnType<typeof keyOfScene>;
  const fraud = await findFraud(own.recorded, claim, own.attempt.bundle, answered(), trees, wasm);
  assert.equal(fraud?.accusation.position, 2 * 2 ** own.recorded.k + 1777);
  assert.equal(demands, Math.ceil(tree.depth / 8));
  await assert.rejects(findFraud(own.recorded, claim, own.attempt.bundle, answered(true), trees, wasm), WrongAnswer);
});

test('F3: a claim whose public words are others than the bundle’s is refuted', async () => {
  const own = scene1;
  const { trees } = keys.get(own) as ReturnType<typeof keyOfScene>;
  const { tree, claim } = honest.get(own) as Awaited<ReturnType<typeof claimOf>>;
  for (let i = 0; i < own.publicWords.length; i++) {
    const publicWords = own.publicWords.map((w, j) => (i === j ? w ^ 4n : w));
    const fraud = await findFraud(own.recorded, { ...claim, publicWords }, own.attempt.bundle, tree, trees, wasm);
    assert.ok(fraud, `public word ${i}`);
  }
});

test('a bundle or trace other than the claimed one is no ground for an accusation', async () => {
  const own = scene1;
  const { tree, claim } = honest.get(own) as Awaited<ReturnType<typeof claimOf>>;
  const other = own.attempt.bundle.slice();
  other[100] ^= 1;
  await assert.rejects(findFraud(own.recorded, claim, other, tree), /not the one whose root/);
  await assert.rejects(findFraud(own.recorded, { ...claim, traceRoot: 1n }, own.attempt.bundle, tree), /not the one whose root/);
});
