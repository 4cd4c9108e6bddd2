/**
 * A training run as benches measure it: a bounty in memory instead of files, then the product's own training, proving and verification
 * (prover/run, verifier/bounty.ts), each part timed. Nothing is left out but the chain and the disk.
 */
import { zeroAddress, type Address } from 'viem';
import type { Backend } from '../../prover/backend/types.ts';
import type { Opening } from '../../prover/cards/hidden.ts';
import { systemRandom } from '../../prover/prove/random.ts';
import { proveRun, type ProvenRun } from '../../prover/run/proving.ts';
import type { RunStorage } from '../../prover/run/storage.ts';
import { asTensors, trainRun } from '../../prover/run/training.ts';
import { calibrate } from '../../prover/trainer/calibrate.ts';
import { Walker } from '../../prover/trainer/walk.ts';
import { verifyClaim, wordHex, ZERO_WORD, type OpenBounty } from '../../verifier/bounty.ts';
import { bundleBytes, proofCounts, rowsDigest } from '../../verifier/bundle.ts';
import type { Card, Content } from '../../verifier/cards.ts';
import type { Engine } from '../../verifier/engine.ts';
import { canonicalJson, digestOf, fromHex, type Hex } from '../../verifier/input.ts';
import { initialState } from '../../verifier/models/initial-state.ts';
import { buildTraining } from '../../verifier/models/build.ts';
import type { Recipe } from '../../verifier/models/recipe.ts';
import { compile } from '../../verifier/program/compile.ts';
import { placeContent, polyOfRole, publicRows } from '../../verifier/public-content.ts';
import { recipeHash, type Terms } from '../../verifier/statement.ts';
import { messageBytes } from '../../verifier/wire.ts';
import { checkProgram } from '../../verifier/validity/check.ts';
import { makeTerms } from '../lib/post-bounty.ts';
import type { BenchTensor } from './models.ts';
import { programSize } from './parts.ts';
import { peakOf, peakResident, Stopwatch, total, type Cost } from './report.ts';

export interface TrainingBench {
  /** Not calibrated; exponents of the model's tensors are those of `model`. */
  readonly recipe: Recipe;
  readonly model: readonly BenchTensor[];
  readonly data: readonly BenchTensor[];
  readonly onProgress: (part: number, what: string) => void;
}

export interface TrainingTimes {
  readonly program: ReturnType<typeof programSize>;
  /** Recipe to checked program and first state: once a bounty. */
  readonly setup: Readonly<Record<string, Cost>>;
  readonly training: Cost;
  readonly proving: Readonly<Record<string, Cost>>;
  readonly verifying: Readonly<Record<string, Cost>>;
  readonly proofBytes: number;
  readonly bundleBytes: number;
  /** Mean loss of each proof's steps. */
  readonly losses: readonly number[];
  /** Largest resident set of the process, and the most that the backend's vectors took; bytes. */
  readonly peak: { readonly process: number; readonly backend: number | null };
}

const SEED: Hex = `0x${'11'.repeat(32)}`;
const CLAIMANT = '0x000000000000000000000000000000000000bEEF';

/** Files of a run, kept in memory. */
function memoryStorage(): RunStorage {
  const files = new Map<string, Uint8Array>();
  return { load: async (name) => files.get(name) ?? null, save: (name, bytes) => void files.set(name, bytes) };
}

/** Cards as the statement names them: by what the tensors are and how they were made, without content files. */
const cardOf = (kind: 'model' | 'data', tensors: readonly BenchTensor[]): Card => ({
  version: 1,
  kind,
  name: `bench ${kind}`,
  tensors: tensors.map(({ name, axes, bits, f }) => ({ name, axes: axes.map((a) => ({ ...a })), bits, f, signed: kind === 'model' })),
});

const contentOf = (tensors: readonly BenchTensor[]): Content => Object.fromEntries(tensors.map((t) => [t.name, t.values]));

/** What a bench has proven. */
export interface Trained {
  readonly times: TrainingTimes;
  readonly bounty: OpenBounty;
  readonly claimant: Address;
  readonly claim: ProvenRun;
}

/** Calibrates, trains, proves with zero-knowledge, verifies. Errors: whatever those throw; a bundle that is refused. */
export const benchTraining = async (backend: Backend, engine: Engine, input: TrainingBench): Promise<TrainingTimes> =>
  (await trainAndProve(backend, engine, input)).times;

/** The same, with the bounty and what was claimed. */
export async function trainAndProve(backend: Backend, engine: Engine, input: TrainingBench): Promise<Trained> {
  const { onProgress } = input;
  const watch = new Stopwatch();
  const contents = { model: contentOf(input.model), data: contentOf(input.data) };
  const fixed = { ...contents.model, ...contents.data };
  const seed = fromHex(SEED);

  onProgress(0, 'calibrating');
  watch.mark('calibrate');
  const recipe = calibrate(input.recipe, (uncalibrated) => asTensors(fixed, initialState(uncalibrated, seed)));
  onProgress(0.02, 'compiling');
  watch.mark('build and compile');
  const { program } = buildTraining(recipe);
  const compiled = compile(program);
  watch.mark('check');
  checkProgram(program);
  const cards = { model: cardOf('model', input.model), data: cardOf('data', input.data) };
  const digest = (value: unknown): Hex => digestOf(canonicalJson(value));

  const first = initialState(program, seed);
  const startCells = placeContent(polyOfRole(compiled, 'stateIn'), first);
  const startDigest = digest(SEED);
  watch.mark('place');
  const fixedCells = new Map(
    compiled.polys
      .filter((p) => p.role === 'fixed')
      .map((p) => [p.name, placeContent(p, p.name === 'constants' ? program.constants : contents[p.name as 'model' | 'data'])] as const),
  );
  watch.mark('first state and hidden cards');
  const rows = await publicRows(startCells, compiled.columns, polyOfRole(compiled, 'stateIn').rows, startDigest, engine);
  const openings = new Map<string, Opening>();
  for (const poly of compiled.polys) {
    const cells = fixedCells.get(poly.name);
    if (!poly.hidden || cells === undefined) continue;
    const blinds = systemRandom.fields(poly.rows.length);
    const content = contents[poly.name as 'model' | 'data'];
    openings.set(poly.name, { content, rows: await backend.commitRows(cells, 2 ** compiled.columns, blinds, poly.rows), blinds });
  }
  const { steps, perProof } = program.schedule;
  const terms: Terms = makeTerms(
    zeroAddress,
    {
      modelDigest: digest(cards.model),
      dataDigest: digest(cards.data),
      recipeHash: recipeHash({ program: digest(recipe), steps, stepsPerProof: perProof, schedule: ZERO_WORD }),
      steps,
      stepsPerProof: perProof,
      startDigest: wordHex(rowsDigest(rows)),
      maxBundle: BigInt(bundleBytes(compiled)),
    },
    { token: zeroAddress, reward: 0n, bond: 0n, attesterFee: 0n },
    { signers: [], threshold: 0 },
    { claimWithin: 0, window: 0 },
    0n,
  );
  const bounty: OpenBounty = {
    chainId: 1n,
    escrow: zeroAddress,
    terms,
    id: ZERO_WORD,
    program,
    compiled,
    cards,
    content: {
      model: openings.has('model') ? null : contents.model,
      data: openings.has('data') ? null : contents.data,
    },
    start: { content: first, digest: startDigest, cells: startCells, rows },
    publicContent: { ...contents.model, ...contents.data, ...program.constants },
    hiddenRows: new Map([...openings].map(([name, o]) => [name, o.rows])),
  };
  const setup = watch.parts();

  const storage = memoryStorage();
  const walker = new Walker(program);
  const losses: number[] = [];
  const trainingWatch = new Stopwatch();
  trainingWatch.mark('training');
  onProgress(0.05, 'training');
  const states = await trainRun({
    program,
    walker,
    fixed,
    first,
    storage,
    onGroup: (_done, _total, loss) => losses.push(loss as number),
  });
  const training = total(trainingWatch.parts());

  const provingWatch = new Stopwatch();
  provingWatch.mark('final state');
  const proven = await proveRun({
    bounty,
    claimant: CLAIMANT,
    walker,
    backend,
    states,
    openings,
    storage,
    onPhase: (proof, phase) => {
      provingWatch.mark(phase === 'walk' ? 'walk and witness' : phase);
      onProgress(0.1 + (0.8 * (proof - 1)) / compiled.proofs, `proof ${proof}/${compiled.proofs}: ${phase}`);
    },
    onProof: () => provingWatch.mark('decider'),
  });
  const proving = provingWatch.parts();

  onProgress(0.9, 'verifying');
  const verifyingWatch = new Stopwatch();
  verifyingWatch.mark('transitions');
  const announced: readonly bigint[] = [];
  await verifyClaim(bounty, CLAIMANT, { ...proven, announced }, proven.bundle, engine, (done) => {
    if (done === compiled.proofs) verifyingWatch.mark('decider');
  });
  const verifying = verifyingWatch.parts();
  onProgress(1, 'verified');
  const times: TrainingTimes = {
    program: programSize(compiled),
    setup,
    training,
    proving,
    verifying,
    proofBytes: messageBytes(proofCounts(compiled)),
    bundleBytes: proven.bundle.length,
    losses,
    peak: { process: peakResident(), backend: peakOf(backend) },
  };
  return { times, bounty, claimant: CLAIMANT, claim: proven };
}
