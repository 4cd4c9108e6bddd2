/**
 * One proof of a program without a state-out: its inputs are committed before, in the place of the state-in rows, and everything in them and
 * in the witness is proven in its width. Range proofs of hidden cards (card.ts) and LoRA modules on their own (verifier/models/module.ts).
 */
import type { Affine } from '../../verifier/curve.ts';
import type { Compiled } from '../../verifier/program/compile.ts';
import { polyOfRole } from '../../verifier/public-content.ts';
import { start, statementDigest } from '../../verifier/protocol/accumulator.ts';
import { RunMachine, toPoints, type Pt } from '../../verifier/protocol/machine.ts';
import type { Backend } from '../backend/types.ts';
import type { Phase } from './prover.ts';
import type { RandomSource } from './random.ts';
import { proveTransition } from './run.ts';
import { encodeBundle } from './wire.ts';
import { buildWitness, placeTensors, type Walk } from './witness.ts';

export interface InputCommitment {
  readonly rows: readonly Affine[];
  /** Secret: blinds of the rows. */
  readonly blinds: readonly bigint[];
}

/** Hyrax rows of the inputs (dense tensors by name) with fresh blinds. */
export async function commitInputs(
  backend: Backend,
  random: RandomSource,
  c: Compiled,
  content: ReadonlyMap<string, ArrayLike<number>>,
): Promise<InputCommitment> {
  const blinds = random.fields(polyOfRole(c, 'stateIn').rows.length);
  return { rows: await inputRows(backend, c, content, blinds), blinds };
}

/** The rows that inputs make with given blinds, one a row. */
export function inputRows(
  backend: Backend,
  c: Compiled,
  content: ReadonlyMap<string, ArrayLike<number>>,
  blinds: readonly bigint[],
): Promise<Affine[]> {
  const poly = polyOfRole(c, 'stateIn');
  return backend.commitRows(placeTensors(poly.tensors, content, poly.bits), 2 ** c.columns, blinds, poly.rows);
}

export interface InputsJob {
  readonly backend: Backend;
  readonly random: RandomSource;
  readonly compiled: Compiled;
  readonly commitment: InputCommitment;
  /** With the inputs' tensors. */
  readonly walk: Walk;
  readonly statement: readonly bigint[];
  readonly onPhase?: (phase: Phase) => void;
}

/** The bundle of the one proof. Errors: `UnsatisfiedError`. */
export async function proveInputs(job: InputsJob): Promise<Uint8Array> {
  const { compiled: c, backend, random, statement, commitment } = job;
  const o = new RunMachine();
  const digest = statementDigest(
    o,
    statement.map((w) => o.word(w)),
  ) as unknown as bigint;
  const { bytes } = await proveTransition({
    compiled: c,
    backend,
    random,
    statement,
    t: 1,
    state: { accumulator: start(o, c, toPoints([null])[0] as Pt), digest, rows: commitment.rows, blinds: commitment.blinds, running: [] },
    witness: buildWitness(c, job.walk, new Map()),
    stateOutBlinds: [],
    ...(job.onPhase ? { onPhase: job.onPhase } : {}),
  });
  return encodeBundle(c, digest, [bytes], new Uint8Array(0));
}
