/** The tiny training run with a statement in the layout of bounties, its recorded verifier, and an honest bundle with its trace. */
import { rowsDigest, bundleRoot } from '../../verifier/bundle.ts';
import { keyOf, listTrees } from '../../verifier/record/key.ts';
import { publicWordsOf, recordVerifier, type RecordedVerifier } from '../../verifier/record/record.ts';
import { runTrace, traceTree, workOf } from '../../verifier/record/trace.ts';
import { keccakWords, tagNumber } from '../../verifier/words.ts';
import { engineOf } from '../../prover/backend/engine.ts';
import { makeWorld, prove, type Attempt, type Moves, type World } from '../attacks/support/adversary.ts';
import { backend } from '../attacks/support/tiny.ts';
import { seededRandom } from '../fixtures/seeded.ts';
import { content, firstState, tinyTraining } from '../fixtures/tiny-training.ts';
import type { Claimed } from '../../verifier/record/accusation.ts';

/** The kernels' products of points. */
export const wasm = workOf(engineOf(backend));

/** Stand-ins for the words that the chain would give. */
const word = (name: string): bigint => keccakWords(tagNumber(name));

export interface Scene {
  readonly attempt: Attempt;
  readonly publicWords: readonly bigint[];
  readonly recorded: RecordedVerifier;
}

/** A world without a claim. */
export const worldOf = (steps: number): Promise<World> => makeWorld(backend, tinyTraining(steps), content, firstState);

/** A run, honest but for `moves`. The final state's digest is a word of the statement, so it is made twice with the same randomness. */
export async function scene(world: World, seed = 31n, moves: Moves = {}): Promise<Scene> {
  const { steps } = world.program.schedule;
  const statementFor = (adapterRoot: bigint): bigint[] => [
    ...[1n, 31337n, word('escrow') >> 96n, word('bounty'), word('claimant') >> 96n, word('recipe'), BigInt(steps), 1n],
    ...[word('model'), word('data'), rowsDigest(world.firstRows), adapterRoot],
  ];
  const run = (adapterRoot: bigint): Promise<Attempt> =>
    prove(world, { ...moves, random: seededRandom(seed), statement: statementFor(adapterRoot) });
  const adapterRoot = (await run(0n)).context.finalState;
  const attempt = await run(adapterRoot);
  const { digest } = attempt.states[attempt.states.length - 1];
  return {
    attempt,
    publicWords: [...attempt.context.statement, digest],
    recorded: recordVerifier(attempt.context, publicWordsOf(0)),
  };
}

export const scene1 = await scene(await worldOf(1));
export const scene3 = await scene(await worldOf(3));

/** A claim of a bundle with the trace that runs on it. */
export async function claimOf({ recorded, publicWords }: Scene, bundle: Uint8Array) {
  const run = await runTrace(recorded, bundle, publicWords, wasm);
  const tree = traceTree(recorded, run.cells);
  const claim: Claimed = { bundleRoot: bundleRoot(bundle), traceRoot: tree.root, publicWords };
  return { ...run, tree, claim };
}

export function keyOfScene({ recorded }: Scene) {
  const trees = listTrees(recorded);
  return { trees, key: keyOf(recorded, trees) };
}
