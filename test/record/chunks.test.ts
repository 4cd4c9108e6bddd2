/** F8: a bundle that nobody published, from answers alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from '../../verifier/record/accusation.ts';
import { WrongAnswer } from '../../verifier/record/answers.ts';
import { bundleFromAnswers, chunksOf, type Answer } from '../../verifier/record/chunks.ts';
import { findFraud } from '../../verifier/record/fraud.ts';
import { answerOf, MerkleTree, pathOf } from '../../verifier/record/indexed-merkle.ts';
import { bundleCell } from '../../verifier/record/trace.ts';
import { readWord, writeWord } from '../../verifier/words.ts';
import { claimOf, keyOfScene, scene3, wasm } from './support.ts';

const { recorded, attempt, publicWords } = scene3;
const { bundleDepth: depth } = recorded;

const answersFor = (bundle: Uint8Array, bytes: number): { root: bigint; answers: Answer[] } => {
  const tree = MerkleTree.ofCells('BUNDLE', bundle, depth);
  const { level, count } = chunksOf(bytes, depth);
  const answers = Array.from({ length: count }, (_, i) => answerOf(tree, (leaf) => bundleCell(bundle, leaf), level, i));
  return { root: tree.root, answers };
};

test('chunks of 8192 bytes give the bundle and the paths of its cells', () => {
  const { bundle } = attempt;
  const { root, answers } = answersFor(bundle, bundle.length);
  assert.equal(answers.length, Math.ceil(bundle.length / 8192));
  const { bytes, tree } = bundleFromAnswers(root, bundle.length, depth, answers);
  assert.deepEqual(bytes, bundle);
  const whole = MerkleTree.ofCells('BUNDLE', bundle, depth);
  for (let cell = 0; cell < bundle.length / 64; cell += 17) assert.deepEqual(pathOf(tree, cell), pathOf(whole, cell));
  assert.deepEqual(chunksOf(64, 3), { level: 3, count: 1 });
});

test('junk behind the bundle’s end need not be asked for, and a false bundle before it is refuted', async () => {
  const junk = new Uint8Array(64 * 2 ** depth);
  junk.set(attempt.bundle);
  for (const word of [attempt.bundle.length / 32, 2 ** (depth + 1) - 1]) writeWord(junk, word, 7n);
  writeWord(junk, 200, readWord(junk, 200) ^ 1n);
  const { root, answers } = answersFor(junk, attempt.bundle.length);
  const { bytes, tree } = bundleFromAnswers(root, attempt.bundle.length, depth, answers);
  const { cells, tree: trace } = await claimOf(scene3, bytes);
  assert.ok(cells.length > 0);
  const claim = { bundleRoot: root, traceRoot: trace.root, publicWords };
  const { key, trees } = keyOfScene(scene3);
  const fraud = await findFraud(recorded, claim, bytes, trace, trees, wasm, tree);
  assert.ok(fraud);
  assert.equal(judge(key, claim, fraud.accusation), fraud.fault);
});

test('answers of another bundle, a changed word, a missing or short one are refused', () => {
  const { bundle } = attempt;
  const { root, answers } = answersFor(bundle, bundle.length);
  const [first, ...rest] = answers as [Answer, ...Answer[]];
  const changed: readonly (readonly Answer[])[] = [
    rest,
    [...answers, first],
    [{ ...first, words: first.words.map((w, i) => (i === 3 ? w ^ 1n : w)) }, ...rest],
    [{ ...first, words: first.words.slice(2) }, ...rest],
    [{ ...first, path: first.path.slice(1) }, ...rest],
    [{ ...first, path: first.path.map((w) => w ^ 1n) }, ...rest],
    answers.toReversed(),
  ];
  for (const wrong of changed) assert.throws(() => bundleFromAnswers(root, bundle.length, depth, wrong), WrongAnswer);
  assert.throws(() => bundleFromAnswers(root ^ 1n, bundle.length, depth, answers), WrongAnswer);
});
