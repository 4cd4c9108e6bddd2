/** The recorded verifier of a delivery bounty: it says what the verifier says, and one false word about delivered rows is refuted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundleRoot, proofCounts, rowsRoot } from '../../verifier/bundle.ts';
import { add, type Affine } from '../../verifier/curve.ts';
import { deliveredRows } from '../../verifier/delivery/commitments.ts';
import { H } from '../../verifier/generators.ts';
import { fromPoints, toPoints, type Pt } from '../../verifier/protocol/machine.ts';
import { isLoad, judge, type Claimed } from '../../verifier/record/accusation.ts';
import { checkLists } from '../../verifier/record/check-key.ts';
import { describe, findFraud } from '../../verifier/record/fraud.ts';
import { bundleWord, OP } from '../../verifier/record/instruction.ts';
import { listOf } from '../../verifier/record/key.ts';
import { traceTree } from '../../verifier/record/trace.ts';
import { verifyBundle } from '../../verifier/verify.ts';
import { writeWord } from '../../verifier/words.ts';
import { stubbornTrace } from '../record/liars.ts';
import { claimOf, keyOfScene, scene, wasm, type Scene } from '../record/support.ts';
import { worldOf } from './support.ts';

const world = await worldOf(9);
const own = await scene(world);
const { compiled } = world;
const { key, trees } = keyOfScene(own);

test('an honest bundle fails no check of the recorded verifier, whose lists are a program', async () => {
  checkLists(own.recorded);
  await verifyBundle(own.attempt.context, own.attempt.bundle);
  assert.equal((await claimOf(own, own.attempt.bundle)).failed, null);
  // One NODE for each inner node that is not over pads alone: 9 rows in a tree of 16.
  const last = listOf(own.recorded, own.recorded.proofs + 1);
  assert.equal(last?.ops.filter((op) => op === OP.NODE).length, 5 + 3 + 2 + 1);
  // The rows are carried; no step hashes a tree.
  assert.equal(listOf(own.recorded, 1)?.ops.filter((op) => op === OP.NODE).length, 0);
});

test('every word of the bundle is read once', () => {
  const read = new Set<number>();
  for (let segment = 0; segment < own.recorded.proofs + 2; segment++) {
    const list = listOf(own.recorded, segment);
    assert.ok(list);
    for (let i = 0; i < list.length; i++) {
      const { op, imm0 } = list.at(i);
      if (!isLoad(op)) continue;
      const word = Number(bundleWord(segment, own.recorded.stride, imm0));
      for (const w of op === OP.LOADP ? [word, word + 1] : [word]) {
        assert.ok(!read.has(w));
        read.add(w);
      }
    }
  }
  assert.equal(read.size, own.attempt.bundle.length / 32);
});

/** What refutes a claim of this bundle whose trace is right but for the checks that fail. */
async function refuted({ publicWords }: Pick<Scene, 'publicWords'>, bundle: Uint8Array): Promise<string> {
  const tree = traceTree(own.recorded, stubbornTrace(own.recorded, bundle, publicWords));
  const claim: Claimed = { bundleRoot: bundleRoot(bundle), traceRoot: tree.root, publicWords };
  const fraud = await findFraud(own.recorded, claim, bundle, tree, trees, wasm);
  assert.ok(fraud);
  assert.equal(judge(key, claim, fraud.accusation), fraud.fault);
  return `${fraud.fault} at ${describe(own.recorded, fraud.accusation.position)}`;
}

/** First word of the delivered rows of proof t. */
function firstWord(t: number): number {
  const { points, scalars } = proofCounts(compiled);
  const rows = (role: string): number => compiled.polys.find((p) => p.role === role)?.rows.length ?? 0;
  return 2 + (t - 1) * (2 * points + scalars + (scalars % 2)) + 2 * (rows('witness') + rows('stateOut'));
}

test('D3 one word of delivered rows changed: refuted with one position', async () => {
  const { bundle } = own.attempt;
  const [row] = deliveredRows(compiled, bundle);
  const changed = (word: number, value: bigint): Uint8Array => {
    const bytes = bundle.slice();
    writeWord(bytes, word, value);
    return bytes;
  };
  // Off the curve, in the first proof; the negative, a point of the curve, makes another root and other challenges.
  assert.match(await refuted(own, changed(firstWord(1) + 1, 1n)), /NotOnCurve/);
  const negative = 21888242871839275222246405745257275088696311157297823662689037894645226208583n - row.y;
  assert.match(await refuted(own, changed(firstWord(2) + 1, negative)), /NotEqual at instruction \d+ of last/);
});

test('D3 a claim of rows that are not those of the last proof: refuted where the root is compared', async () => {
  const publicWords = own.publicWords.map((w, i) => (i === 11 ? rowsRoot([...own.attempt.delivered].reverse()) : w));
  assert.match(await refuted({ publicWords }, own.attempt.bundle), /NotEqual/);
});

test('H1 a prover who sends other rows and recomputes all that follows', async () => {
  const cheat = await scene(world, 31n, {
    answer: ({ t, request, reply }) => {
      if (t !== 2 || request.kind !== 'points' || request.ask.name !== 'delivery') return undefined;
      const rows = fromPoints(reply as readonly Pt[]) as Affine[];
      return toPoints([add(rows[0], H) as Affine, ...rows.slice(1)]);
    },
  });
  await assert.rejects(verifyBundle(cheat.attempt.context, cheat.attempt.bundle));
  assert.match(await refuted(cheat, cheat.attempt.bundle), /NotEqual at .*of last/);
});
