/**
 * Proving a run: one transition at a time, then the decider, then the bundle. The caller owns storage and decides what is kept; a
 * transition whose bytes were lost is drawn anew, commitments included (never the same masks twice).
 */
import type { Affine } from '../../verifier/curve.ts';
import type { Compiled, PolyLayout } from '../../verifier/program/compile.ts';
import { fixedPolys, type Accumulator } from '../../verifier/protocol/accumulator.ts';
import { decider } from '../../verifier/protocol/decider.ts';
import { eqTable } from '../../verifier/protocol/algebra.ts';
import { RunMachine, fromFelts, fromPoints, toFelts, toPoints, type Felt, type Pt, type Word } from '../../verifier/protocol/machine.ts';
import type { Core, Reply, Request } from '../../verifier/protocol/messages.ts';
import { proofBits, transition } from '../../verifier/protocol/transition.ts';
import { MessageWriter } from './wire.ts';
import { mod } from '../../verifier/field.ts';
import type { Backend, Cells, CellSource } from '../backend/types.ts';
import { Prover, type Blinded, type Phase } from './prover.ts';
import type { RandomSource } from './random.ts';
import { addRows, evaluate, type Matrix } from './rows.ts';
import type { Witness } from './witness.ts';

/** Public and secret state between two proofs. */
export interface ChainState {
  readonly accumulator: Accumulator;
  readonly digest: bigint;
  readonly rows: readonly Affine[];
  readonly blinds: readonly bigint[];
  /** By hidden fixed polynomial. */
  readonly running: readonly Blinded[];
}

export interface TransitionJob {
  readonly compiled: Compiled;
  readonly backend: Backend;
  readonly random: RandomSource;
  readonly statement: readonly bigint[];
  /** Index of the proof, 1 … P. */
  readonly t: number;
  readonly state: ChainState;
  readonly witness: Witness;
  readonly stateOutBlinds: readonly bigint[];
  /** Blinds of the delivered rows, where the statement names these; drawn otherwise. */
  readonly deliveryBlinds?: readonly bigint[];
  readonly onPhase?: (phase: Phase) => void;
}

/** A witness that does not satisfy the program: the prover notices before it wastes anybody's time. */
export class UnsatisfiedError extends Error {
  override readonly name = 'UnsatisfiedError';
}

/** Drives a core, recording its messages. */
async function drive<T>(core: Core<T>, answer: (request: Request) => Promise<Reply>): Promise<{ value: T; bytes: Uint8Array }> {
  const writer = new MessageWriter();
  let step = core.next();
  while (!step.done) {
    const request = step.value;
    const reply = await answer(request);
    if (request.kind === 'points' || request.kind === 'scalars') {
      if (reply.length !== request.count) throw new Error(`${request.label}: ${reply.length} values for ${request.count}`);
      if (request.kind === 'points') for (const p of fromPoints(reply as readonly Pt[])) writer.addPoint(p as Affine);
      else for (const s of fromFelts(reply as readonly Felt[])) writer.addScalar(s);
    }
    step = core.next(reply);
  }
  return { value: step.value, bytes: writer.bytes() };
}

/** Proves one transition. `delivered`: the rows of the new state's limbs. */
export async function proveTransition(job: TransitionJob): Promise<{ bytes: Uint8Array; state: ChainState; delivered: readonly Affine[] }> {
  const { compiled: c, state } = job;
  const o = new RunMachine(job.backend.keccak);
  const prover = new Prover({
    compiled: c,
    backend: job.backend,
    random: job.random,
    witness: job.witness,
    proof: job.t - 1,
    stateInBlinds: state.blinds,
    stateOutBlinds: job.stateOutBlinds,
    ...(job.deliveryBlinds ? { deliveryBlinds: job.deliveryBlinds } : {}),
    runningPoints: state.accumulator.fixed.map((f) => fromFelts(f.rho)),
    running: state.running,
    runningWeight: fromFelts([state.accumulator.w])[0] as bigint,
    ...(job.onPhase ? { onPhase: job.onPhase } : {}),
  });
  const input = {
    statement: job.statement.map((w) => o.word(w)),
    proof: proofBits(o, c, job.t),
    digest: o.word(state.digest),
    accumulator: state.accumulator,
    stateIn: toPoints(state.rows),
  };
  const { value, bytes } = await drive(transition(o, c, input), (request) => prover.answer(request));
  if (prover.unsatisfied)
    throw new UnsatisfiedError(
      `proof ${job.t}: the witness does not satisfy the program; the training trace or the cards are not what the statement says`,
    );
  return {
    bytes,
    state: {
      accumulator: value.accumulator,
      digest: value.digest as unknown as bigint,
      rows: fromPoints(value.stateOut) as Affine[],
      blinds: job.stateOutBlinds,
      running: prover.hiddenValues,
    },
    delivered: fromPoints(value.delivered) as Affine[],
  };
}

export interface DeciderJob {
  readonly compiled: Compiled;
  readonly backend: Backend;
  readonly random: RandomSource;
  readonly state: ChainState;
  /** Cells of every fixed polynomial, by name. */
  readonly cells: ReadonlyMap<string, Cells | CellSource>;
  /** Rows and blinds of hidden fixed polynomials, by name (their cards and openings). */
  readonly openings: ReadonlyMap<string, { readonly rows: readonly Affine[]; readonly blinds: readonly bigint[] }>;
}

/** Proves the decider's openings of hidden fixed polynomials. */
export async function proveDecider(job: DeciderJob): Promise<Uint8Array> {
  const { compiled: c, backend, random, state } = job;
  const o = new RunMachine(backend.keccak);
  const fixed = fixedPolys(c);
  const hidden = fixed.filter((f) => f.hidden);
  const matrix = (f: PolyLayout): Matrix => ({ cells: job.cells.get(f.name) as Cells | CellSource, columns: c.columns, rows: f.rows });
  const opening = (name: string): { rows: readonly Affine[]; blinds: readonly bigint[] } => {
    const known = job.openings.get(name);
    if (!known) throw new Error(`${name} is hidden: give its secret opening`);
    return known;
  };
  const secrets: bigint[][] = [];
  let blinds: bigint[] = [];
  let masks: bigint[][] = [];
  let maskBlinds: bigint[] = [];
  let nextZ = 0;
  const answer = async (request: Request): Promise<Reply> => {
    if (request.kind === 'msm') return toPoints([await backend.msm(fromFelts(request.scalars), fromPoints(request.points))]);
    if (request.kind === 'evaluate')
      return toFelts([await evaluate(backend, matrix(fixed.find((f) => f.name === request.poly) as PolyLayout), fromFelts(request.point))]);
    const { ask } = request;
    if (ask.name === 'decider-D') {
      const out: Affine[] = [];
      for (const [i, f] of hidden.entries()) {
        const rho = ask.points[i] as readonly Felt[];
        const high = f.bits - c.columns;
        const rows = fromFelts(eqTable(o, rho.slice(0, high)));
        const columns = fromFelts(eqTable(o, rho.slice(high)));
        const x = backend.zeros(2 ** c.columns);
        await addRows(backend, matrix(f), rows, 1n, x);
        secrets.push(await backend.toField(x));
        backend.free(x);
        const { blinds: rowBlinds } = opening(f.name);
        const xBlind = mod(f.rows.reduce((z, r, k) => z + (rows[r] as bigint) * (rowBlinds[k] as bigint), 0n));
        const mask = random.fields(2 ** c.columns);
        const [dx, dv] = random.fields(2) as [bigint, bigint];
        blinds = [...blinds, xBlind, (state.running[i] as Blinded).blind];
        masks = [...masks, mask];
        maskBlinds = [...maskBlinds, dx, dv];
        const value = mod(mask.reduce((z, v, k) => z + v * (columns[k] as bigint), 0n));
        out.push(...(await backend.commitAll([mask, [value]], [dx, dv])));
      }
      return toPoints(out);
    }
    if (ask.name !== 'z' && ask.name !== 'zeta') throw new Error(`the decider does not ask for ${ask.name}`);
    const xi = fromFelts([ask.xi])[0] as bigint;
    const respond = (s: readonly bigint[], d: readonly bigint[]): Felt[] => toFelts(s.map((v, k) => mod(xi * v + (d[k] as bigint))));
    if (ask.name === 'zeta') return respond(blinds, maskBlinds);
    const i = nextZ++;
    return respond(secrets[i] as bigint[], masks[i] as bigint[]);
  };
  const rows = hidden.map((f) => toPoints(opening(f.name).rows));
  const core = decider(o, c, state.accumulator, state.digest as unknown as Word, rows);
  return (await drive(core, answer)).bytes;
}
