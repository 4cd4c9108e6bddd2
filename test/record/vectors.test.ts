/** The golden vectors are what the code gives, and what they say follows from the primitives alone. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { concat, keccak256, numberToHex } from 'viem';
import { R } from '../../verifier/field.ts';
import { evaluate, inputCount, InvalidOperand } from '../../verifier/record/evaluate.ts';
import { answeredNodes, answerOf, climb, Forest, MerkleTree, pathOf, verifyPath } from '../../verifier/record/indexed-merkle.ts';
import { decodeInstruction, MalformedInstruction, NONE, OP, refIndex, isPrevious, refOf } from '../../verifier/record/instruction.ts';
import { bundleRoot } from '../../verifier/bundle.ts';
import { instructionVectors, treeVectors } from './vectors.ts';

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`vectors/${name}.json`, import.meta.url), 'utf8'));
const word = (v: bigint | number) => numberToHex(v, { size: 32 });

test('instruction vectors', () => {
  const vectors = instructionVectors() as { cases: { head: string; imm0: string; imm1: string; leaf: string; name: string }[] };
  assert.deepEqual(vectors, read('instructions'));
  for (const v of vectors.cases) {
    const leaf = keccak256(concat([word(BigInt(0x494e535452)), word(7), v.head, v.imm0, v.imm1] as `0x${string}`[]));
    assert.equal(v.leaf, leaf, v.name);
  }
});

test('tree vectors', () => {
  const vectors = treeVectors() as {
    depth: number;
    root: string;
    paths: { index: number; leaf: string; path: string[] }[];
    answers: { level: number; index: number; node: string; words: string[]; path: string[] }[];
  };
  assert.deepEqual(vectors, read('trees'));
  for (const { index, leaf, path } of vectors.paths) {
    const own = path.map(BigInt);
    assert.ok(verifyPath(BigInt(vectors.root), vectors.depth, index, BigInt(leaf), own));
    if (index < 300) assert.ok(!verifyPath(BigInt(vectors.root), vectors.depth, index ^ 1, BigInt(leaf), own), 'at a wrong index');
    assert.ok(!verifyPath(BigInt(vectors.root), vectors.depth, index + 2 ** vectors.depth, BigInt(leaf), own), 'beyond the tree');
    const parent = climb(BigInt(leaf), index, own.slice(0, 1));
    assert.ok(!verifyPath(BigInt(vectors.root), vectors.depth, index >> 1, parent, own.slice(1)), 'an inner node as a leaf');
  }
  for (const { level, index, node, words, path } of vectors.answers) {
    let nodes = answeredNodes('TRACE', level, words.map(BigInt));
    while (nodes.length > 1) nodes = Array.from({ length: nodes.length / 2 }, (_, i) => climb(nodes[2 * i], 0, [nodes[2 * i + 1]]));
    const [made] = nodes;
    assert.equal(made, BigInt(node));
    assert.equal(climb(made, index, path.map(BigInt)), BigInt(vectors.root));
  }
});

test('the strict decoder gives back what was encoded, and refuses every other bit', () => {
  const { cases } = read('instructions') as {
    cases: { name: string; head: string; imm0: string; imm1: string; outcome: { reverts?: string } }[];
  };
  for (const { head, imm0, imm1, outcome, name } of cases) {
    const decode = (h: bigint) => decodeInstruction(h, BigInt(imm0), BigInt(imm1));
    if (/opcode|immediate|none/.test(name) && outcome.reverts === 'MalformedInstruction') {
      assert.throws(() => decode(BigInt(head)), MalformedInstruction, name);
      continue;
    }
    const own = decode(BigInt(head));
    for (let bit = 8n + 32n * BigInt(own.refs.length); bit < 256n; bit++)
      assert.throws(() => decode(BigInt(head) | (1n << bit)), MalformedInstruction, `${name}, bit ${bit}`);
  }
  assert.equal(refIndex(refOf(5, true)), 5);
  assert.ok(isPrevious(refOf(0, true)) && !isPrevious(refOf(0x7fffffff)));
});

test('a bundle’s tree is the one whose root claims give', () => {
  for (const cells of [1, 2, 3, 5, 8, 13]) {
    const bytes = Uint8Array.from({ length: 64 * cells }, (_, i) => (i * 37) % 251);
    assert.equal(MerkleTree.ofCells('BUNDLE', bytes, Math.ceil(Math.log2(cells))).root, bundleRoot(bytes));
  }
});

test('a forest is the tree of its trees’ leaves, pads between them included', () => {
  const height = 3;
  const sizes = [5, 8, 1];
  const parts = sizes.map((n, t) => Uint8Array.from({ length: 64 * n }, (_, i) => (t * 91 + i) % 256));
  const whole = new Uint8Array(64 * 8 * 3);
  parts.forEach((part, t) => whole.set(part, 64 * 8 * t));
  const pad = MerkleTree.ofCells('TRACE', new Uint8Array(64), 0).root;
  const forest = new Forest(
    parts.map((part) => MerkleTree.ofCells('TRACE', part, height)),
    height,
    5,
    pad,
  );
  const tree = MerkleTree.ofCells('TRACE', whole, 5);
  for (let level = 0; level <= 5; level++)
    for (let i = 0; i < 2 ** (5 - level); i++) assert.equal(forest.node(level, i), tree.node(level, i), `${level}, ${i}`);
  assert.throws(() => forest.node(0, 32), /no node/);
  assert.deepEqual(pathOf(forest, 20), pathOf(tree, 20));
  assert.deepEqual(answerOf(forest, () => [0n, 0n], 0, 31).path, pathOf(tree, 31));
});

test('what a field operation gives is the integers’ result mod r', () => {
  const at = { segment: 0, stride: 2, publicWords: [] };
  const value = (op: number, ...xs: bigint[]): bigint => {
    const own = { op, refs: xs.map((_, i) => i), imm0: 0n, imm1: 0n };
    assert.equal(inputCount(own), xs.length);
    const out = evaluate(
      own,
      at,
      xs.map((x) => [x, 0n] as const),
    );
    assert.ok('value' in out);
    return out.value[0];
  };
  const edge = [0n, 1n, 2n, R / 2n, R - 2n, R - 1n];
  for (const x of edge)
    for (const y of edge) {
      assert.equal(value(OP.ADD, x, y), (x + y) % R);
      assert.equal((value(OP.SUB, x, y) + y) % R, x);
      assert.equal(value(OP.MUL, x, y), (x * y) % R);
      for (const z of edge) assert.equal(value(OP.MULADD, x, y, z), (x * y + z) % R);
    }
  assert.throws(() => value(OP.ADD, R, 0n), InvalidOperand);
  assert.throws(() => evaluate({ op: OP.EQ, refs: [0, NONE], imm0: 0n, imm1: 0n }, at, [[0n, 0n]]), MalformedInstruction);
});
