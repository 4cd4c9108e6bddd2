/** Provers who cheat, and recompute everything that follows: what the verifier refuses, its recording refuses, and one position shows it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundleRoot } from '../../verifier/bundle.ts';
import type { Claimed } from '../../verifier/record/accusation.ts';
import { describe, findFraud } from '../../verifier/record/fraud.ts';
import { runTrace, traceTree } from '../../verifier/record/trace.ts';
import { verifyBundle } from '../../verifier/verify.ts';
import { fromFelts, toFelts, type Felt } from '../../verifier/protocol/machine.ts';
import { mod } from '../../verifier/field.ts';
import type { Moves } from '../attacks/support/adversary.ts';
import { stubbornTrace } from './liars.ts';
import { scene, scene3, wasm } from './support.ts';

const plusOne = (reply: readonly unknown[], at: number): Felt[] =>
  toFelts(fromFelts(reply as readonly Felt[]).map((v, i) => (i === at ? mod(v + 1n) : v)));

/** Where each is found out: the last check of the last list is ⟨Z, G⟩ + ζH = Q. */
const CHEATS: readonly [string, Moves, RegExp][] = [
  ['a value of step 2 that does not follow', { walk: (t, tensors) => t === 2 && addOne(tensors.get('x')) }, /of last/],
  ['a final adapter that was not trained', { walk: (t, tensors) => t === 3 && addOne(tensors.get("A'")) }, /of last/],
  ['a step’s index passed as another’s', { index: (t) => (t === 2 ? 3 : t) }, /of last/],
  [
    'a value of public data that is not its content’s',
    {
      answer: ({ t, request, reply }) =>
        t === 3 && request.kind === 'scalars' && request.ask.name === 'public-values' ? plusOne(reply, 0) : undefined,
    },
    /of last/,
  ],
  [
    'a round of a sumcheck changed',
    {
      answer: ({ t, request, reply }) =>
        t === 1 && request.kind === 'scalars' && request.label === 'forms: round 2' ? plusOne(reply, 1) : undefined,
    },
    /of last/,
  ],
  [
    'a response changed',
    {
      answer: ({ t, request, reply }) =>
        t === 1 && request.kind === 'scalars' && request.ask.name === 'zeta' ? plusOne(reply, 0) : undefined,
    },
    /of last/,
  ],
  [
    'an accumulator that starts elsewhere',
    { before: (t, state) => (t === 1 ? { ...state, accumulator: { ...state.accumulator, zeta: toFelts([5n])[0] as Felt } } : state) },
    /of (proof|last)/,
  ],
];

function addOne(cells: Float64Array | undefined): void {
  assert.ok(cells);
  cells[1] += 1;
}

for (const [name, moves, where] of CHEATS)
  test(name, async () => {
    const own = await scene(scene3.attempt.world, 31n, moves);
    const { bundle, context } = own.attempt;
    await assert.rejects(verifyBundle(context, bundle));
    const run = await runTrace(scene3.recorded, bundle, own.publicWords, wasm);
    assert.equal(run.failed?.fault, 'NotEqual');
    const tree = traceTree(scene3.recorded, stubbornTrace(scene3.recorded, bundle, own.publicWords));
    const claim: Claimed = { bundleRoot: bundleRoot(bundle), traceRoot: tree.root, publicWords: own.publicWords };
    const fraud = await findFraud(scene3.recorded, claim, bundle, tree, undefined, wasm);
    assert.equal(fraud?.fault, 'NotEqual');
    assert.match(describe(scene3.recorded, fraud.accusation.position), where);
  });
