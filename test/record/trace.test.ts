/** The recorded verifier is the verifier: on an honest bundle, on a false one, instruction by instruction and challenge by challenge. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeAbiParameters, keccak256, parseAbiParameters } from 'viem';
import { generators } from '../../verifier/generators.ts';
import { RunMachine, type Felt, type Word } from '../../verifier/protocol/machine.ts';
import { plain } from '../../verifier/engine.ts';
import { verifyBundle } from '../../verifier/verify.ts';
import { start, statementDigest } from '../../verifier/protocol/accumulator.ts';
import { decider } from '../../verifier/protocol/decider.ts';
import { toPoints } from '../../verifier/protocol/machine.ts';
import { proofBits, transition } from '../../verifier/protocol/transition.ts';
import { bundleBytes, decodeBundle, deciderCounts, proofCounts } from '../../verifier/bundle.ts';
import { evaluate, type Pair } from '../../verifier/record/evaluate.ts';
import { bundleWord, isPrevious, NONE, OP, refIndex } from '../../verifier/record/instruction.ts';
import { isLoad } from '../../verifier/record/accusation.ts';
import { checkLists } from '../../verifier/record/check-key.ts';
import { keyHash, listOf } from '../../verifier/record/key.ts';
import { publicWordsOf, recordVerifier, type RecordContext } from '../../verifier/record/record.ts';
import { bundleCell, runTrace, traceCell } from '../../verifier/record/trace.ts';
import { replay } from '../attacks/support/adversary.ts';
import { evaluateContent } from '../fixtures/evaluate.ts';
import { claimOf, keyOfScene, scene, scene1, scene3, wasm, type Scene } from './support.ts';

const scenes = [scene1, scene3];

test('an honest bundle fails no check, under one proof and under three', async () => {
  for (const { recorded, attempt, publicWords } of scenes) {
    checkLists(recorded);
    const run = await runTrace(recorded, attempt.bundle, publicWords, wasm);
    assert.equal(run.failed, null);
    assert.equal(run.cells.length, recorded.proofs + 2);
  }
});

test('the trace is what evaluating instruction after instruction gives', async () => {
  for (const { recorded, attempt, publicWords } of scenes) {
    const { cells } = await runTrace(recorded, attempt.bundle, publicWords, wasm);
    assert.deepEqual(await runTrace(recorded, attempt.bundle, publicWords), { cells, failed: null });
    let before: Pair[] = [];
    for (let segment = 0; segment < recorded.proofs + 2; segment++) {
      const list = listOf(recorded, segment);
      assert.ok(list);
      const values: Pair[] = [];
      for (let i = 0; i < list.length; i++) {
        const own = list.at(i);
        const inputs = isLoad(own.op)
          ? [bundleCell(attempt.bundle, Number(bundleWord(segment, recorded.stride, own.imm0) >> 1n))]
          : own.refs.filter((ref) => ref !== NONE).map((ref) => (isPrevious(ref) ? before : values)[refIndex(ref)]);
        const outcome = evaluate(own, { segment, stride: recorded.stride, publicWords }, inputs);
        assert.ok('value' in outcome, `segment ${segment}, instruction ${i}`);
        assert.deepEqual(traceCell(recorded, cells, segment * 2 ** recorded.k + i), [...outcome.value]);
        values.push(outcome.value);
      }
      assert.equal(cells[segment].length, 64 * list.length);
      before = values;
    }
  }
});

/** Remembers what it squeezed. */
class Listener extends RunMachine {
  readonly heard: bigint[] = [];
  override squeeze(state: Word): Felt {
    const c = super.squeeze(state);
    this.heard.push(c as unknown as bigint);
    return c;
  }
}

/** Challenges of the run-mode verifier, by segment. */
function challenges({ attempt }: Scene): bigint[][] {
  const { context, bundle, world } = attempt;
  const { compiled: c } = context;
  const evaluateOf = (name: string, rho: readonly bigint[]): bigint => {
    const poly = c.polys.find((p) => p.name === name);
    assert.ok(poly);
    return evaluateContent(poly, context.publicContent, rho);
  };
  const machines = Array.from({ length: c.proofs + 1 }, () => new Listener());
  const statement = context.statement as unknown as readonly Word[];
  let digest = statementDigest(new RunMachine(), statement);
  let accumulator = start(new RunMachine(), c, toPoints([null])[0]);
  let stateIn = toPoints(context.firstState);
  const parts = decodeBundle(c, digest as unknown as bigint, bundle);
  parts.proofs.forEach((bytes, i) => {
    const o = machines[i];
    const core = transition(o, c, { statement, proof: proofBits(o, c, i + 1), digest, accumulator, stateIn });
    const out = replay(core, bytes, proofCounts(c), evaluateOf);
    ({ digest, accumulator } = out);
    stateIn = [...out.stateOut];
  });
  const rows = [...world.openings.values()].map((v) => toPoints(v.rows));
  replay(decider(machines[c.proofs], c, accumulator, digest, rows), parts.decider, deciderCounts(c), evaluateOf);
  return machines.map((m) => m.heard);
}

test('every challenge is that of the run-mode verifier', async () => {
  for (const own of scenes) {
    await verifyBundle(own.attempt.context, own.attempt.bundle, plain);
    const { cells } = await runTrace(own.recorded, own.attempt.bundle, own.publicWords, wasm);
    const squeezed = cells.map((_, segment) => {
      const list = listOf(own.recorded, segment);
      assert.ok(list);
      const at = [...list.ops.keys()].filter((i) => list.ops[i] === OP.SQUEEZE);
      return at.map((i) => traceCell(own.recorded, cells, segment * 2 ** own.recorded.k + i)[0]);
    });
    const heard = challenges(own);
    assert.deepEqual(squeezed.slice(1), heard);
    assert.deepEqual(squeezed[0], []);
    assert.ok(heard.every((h) => h.length > 0));
  }
});

test('every word of a bundle is read by some load', () => {
  for (const { recorded, attempt } of scenes) {
    const words = attempt.bundle.length / 32;
    assert.equal(attempt.bundle.length, bundleBytes(attempt.context.compiled));
    const read = new Set<number>();
    for (let segment = 0; segment < recorded.proofs + 2; segment++) {
      const list = listOf(recorded, segment);
      assert.ok(list);
      for (let i = 0; i < list.length; i++) {
        const { op, imm0 } = list.at(i);
        if (!isLoad(op)) continue;
        const word = Number(bundleWord(segment, recorded.stride, imm0));
        for (const w of op === OP.LOADP ? [word, word + 1] : [word]) {
          assert.ok(!read.has(w), `word ${w} is read twice`);
          read.add(w);
        }
      }
    }
    assert.deepEqual(
      [...read].toSorted((x, y) => x - y),
      Array.from({ length: words }, (_, i) => i),
    );
  }
});

test('one key serves every claim of a bounty; other cards, another first state or program have another', async () => {
  const { recorded, attempt } = scene3;
  const other = await scene(attempt.world, 77n);
  assert.notEqual(other.publicWords[11], scene3.publicWords[11]);
  assert.equal((await runTrace(recorded, other.attempt.bundle, other.publicWords, wasm)).failed, null);
  assert.notEqual((await runTrace(recorded, other.attempt.bundle, scene3.publicWords, wasm)).failed, null);

  const keyWith = (context: Partial<RecordContext>): string =>
    keyHash(keyOfScene({ ...scene3, recorded: recordVerifier({ ...attempt.context, ...context }, publicWordsOf(0)) }).key);
  const rows = attempt.context.hiddenRows.get('model');
  assert.ok(rows && rows.length > 1);
  const label = [...Array.from(attempt.context.publicContent['label'])];
  label[4] ^= 1;
  const key = keyWith({});
  assert.equal(key, keyHash(keyOfScene(scene3).key));
  const others = [
    keyWith({ firstState: generators(attempt.context.firstState.length) }),
    keyWith({ hiddenRows: new Map([['model', rows.toReversed()]]) }),
    keyWith({ publicContent: { ...attempt.context.publicContent, label } }),
    keyHash(keyOfScene(scene1).key),
  ];
  assert.equal(new Set([key, ...others]).size, 5);
});

test('a key is the hash of its struct’s ABI encoding', () => {
  const { key } = keyOfScene(scene3);
  const encoded = encodeAbiParameters(
    parseAbiParameters(
      '(bytes32 init, bytes32 step, bytes32 last, uint32 initLength, uint32 stepLength, uint32 lastLength, uint8 k, uint32 steps, uint32 stride, uint8 bundleDepth, uint8 traceDepth)',
    ),
    [key],
  );
  assert.equal(keyHash(key), keccak256(encoded));
});

test('lists do not grow with the number of proofs, but for the counter’s bits', () => {
  const [one, three] = [scene1.recorded, scene3.recorded];
  const bits = 2;
  assert.ok(three.step.length - one.step.length < 40 * bits);
  assert.ok(three.last.length - one.last.length < 10);
  assert.equal(three.stride, one.stride);
});

test('a trace root is the claim’s alone: other public words give another', async () => {
  const { recorded, attempt, publicWords } = scene3;
  const { claim, failed } = await claimOf(scene3, attempt.bundle);
  assert.equal(failed, null);
  for (let i = 0; i < publicWords.length; i++) {
    const other = publicWords.map((w, j) => (i === j ? w ^ 1n : w));
    const changed = await claimOf({ recorded, attempt, publicWords: other }, attempt.bundle);
    assert.notEqual(changed.failed, null, `public word ${i}`);
    assert.notEqual(changed.claim.traceRoot, claim.traceRoot);
  }
});
