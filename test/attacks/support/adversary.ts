/**
 * A prover that cheats: it drives the verifier's own core, so that everything after a change (challenges, digests, later messages)
 * is recomputed, and a verifier that can be weakened, to show that an attack would work if a defence were missing. Weaknesses live here and in
 * the tests alone: machines whose transcripts forget something, and changes to what the core hands to its driver.
 */
import { rowsDigest, rowsRoot } from '../../../verifier/bundle.ts';
import { encodeBundle, MessageWriter } from '../../../prover/prove/wire.ts';
import type { Affine } from '../../../verifier/curve.ts';
import { msm } from '../../../verifier/curve.ts';
import { compile, type Compiled, type PolyLayout } from '../../../verifier/program/compile.ts';
import type { Program } from '../../../verifier/program/types.ts';
import { start, statementDigest, type Accumulator } from '../../../verifier/protocol/accumulator.ts';
import { decider } from '../../../verifier/protocol/decider.ts';
import { RunMachine, fromFelts, fromPoints, toFelts, toPoints } from '../../../verifier/protocol/machine.ts';
import type { Cell, Felt, Machine, Pt, Word } from '../../../verifier/protocol/machine.ts';
import type { Core, Reply, Request } from '../../../verifier/protocol/messages.ts';
import { proofBits, transition } from '../../../verifier/protocol/transition.ts';
import { plain } from '../../../verifier/engine.ts';
import { evaluateContent } from '../../fixtures/evaluate.ts';
import { checkEquation, verifyBundle, type VerifyContext } from '../../../verifier/verify.ts';
import { MessageReader, type MessageCounts } from '../../../verifier/wire.ts';
import { deciderCounts, proofCounts } from '../../../verifier/bundle.ts';
import type { Backend, Cells } from '../../../prover/backend/types.ts';
import { Prover } from '../../../prover/prove/prover.ts';
import type { Matrix } from '../../../prover/prove/rows.ts';
import { systemRandom, type RandomSource } from '../../../prover/prove/random.ts';
import { proveDecider, type ChainState } from '../../../prover/prove/run.ts';
import { buildWitness, placeTensors, type Walk, type Witness } from '../../../prover/prove/witness.ts';
import { Walker } from '../../../prover/trainer/walk.ts';
import { tagNumber } from '../../../verifier/words.ts';
import { leavesOf } from '../../fixtures/leaves.ts';

type Content = ReadonlyMap<string, ArrayLike<number>>;

/** What is fixed before anybody proves: the program, committed model, public data, first state, statement. */
export interface World {
  readonly backend: Backend;
  readonly program: Program;
  readonly compiled: Compiled;
  readonly fixed: Content;
  readonly firstState: ReadonlyMap<string, Float64Array>;
  readonly statement: readonly bigint[];
  readonly cells: ReadonlyMap<string, Cells>;
  readonly openings: ReadonlyMap<string, { readonly rows: readonly Affine[]; readonly blinds: readonly bigint[] }>;
  readonly firstRows: readonly Affine[];
  readonly firstBlinds: readonly bigint[];
}

const floats = (content: Content): Map<string, Float64Array> => new Map([...content].map(([name, v]) => [name, Float64Array.from(v)]));

export function cellsOf(program: Program, compiled: Compiled, fixed: Content): Map<string, Cells> {
  const content = new Map([...fixed, ...Object.entries(program.constants)]);
  return new Map(compiled.polys.filter((p) => p.role === 'fixed').map((p) => [p.name, placeTensors(p.tensors, content, p.bits)]));
}

export async function makeWorld(
  backend: Backend,
  program: Program,
  fixed: Content,
  firstState: Content,
  statement: readonly bigint[] = [11n, 22n, 33n],
): Promise<World> {
  const c = compile(program);
  const columns = 2 ** c.columns;
  const cells = cellsOf(program, c, fixed);
  const openings = new Map<string, { rows: readonly Affine[]; blinds: readonly bigint[] }>();
  for (const p of c.polys) {
    if (p.role !== 'fixed' || !p.hidden) continue;
    const blinds = systemRandom.fields(p.rows.length);
    openings.set(p.name, { rows: await backend.commitRows(cells.get(p.name) as Cells, columns, blinds, p.rows), blinds });
  }
  const poly = c.polys.find((p) => p.role === 'stateIn') as Compiled['polys'][number];
  const firstBlinds = systemRandom.fields(poly.rows.length);
  const firstRows = await backend.commitRows(placeTensors(poly.tensors, firstState, poly.bits), columns, firstBlinds, poly.rows);
  return { backend, program, compiled: c, fixed, firstState: floats(firstState), statement, cells, openings, firstRows, firstBlinds };
}

/** A message of proof t, before it is sent. */
export interface Turn {
  readonly t: number;
  readonly request: Exclude<Request, { kind: 'msm' }>;
  readonly reply: Reply;
  readonly prover: Prover;
  readonly machine: RunMachine;
}

/** Where the prover departs from honesty; everything that follows from a change is recomputed. */
export interface Moves {
  readonly random?: RandomSource;
  readonly statement?: readonly bigint[];
  readonly machine?: () => RunMachine;
  /** Another program or content for some proofs. */
  readonly world?: (t: number) => World;
  /** Changes tensors of proof t (1-based) after an honest walk; the leaves' values follow. */
  readonly walk?: (t: number, tensors: Map<string, Float64Array>) => void;
  readonly witness?: (t: number, witness: Witness) => void;
  /** Another message instead of the honest one. */
  readonly answer?: (turn: Turn) => Reply | undefined | Promise<Reply | undefined>;
  /** Another accumulator, digest or state before proof t; `tensors` is the state in the clear. */
  readonly before?: (t: number, state: ChainState, tensors: Map<string, Float64Array>) => ChainState | Promise<ChainState>;
  /** The index that proof t claims; default t. */
  readonly index?: (t: number) => number;
  readonly final?: (state: ChainState) => ChainState;
  /** Content that the decider opens. */
  readonly deciderWorld?: World;
}

/** What a prover sends, with the context that a verifier of the true statement has. */
export interface Attempt {
  readonly world: World;
  readonly proofs: readonly Uint8Array[];
  readonly decider: Uint8Array;
  readonly context: VerifyContext;
  readonly bundle: Uint8Array;
  /** By proof: the state before it; last the final one. */
  readonly states: readonly ChainState[];
  /** Delivered rows of the last proof. */
  readonly delivered: readonly Affine[];
}

/** What is claimed of a final state. */
export const finalStateOf = (rows: readonly Affine[], delivered: readonly Affine[]): bigint =>
  delivered.length > 0 ? rowsRoot(delivered) : rowsDigest(rows);

export function firstChainState(world: World, statement: readonly bigint[], o: Machine = new RunMachine()): ChainState {
  const { compiled: c } = world;
  const hidden = c.polys.filter((p) => p.role === 'fixed' && p.hidden);
  const digest = statementDigest(
    o,
    statement.map((w) => o.word(w)),
  ) as unknown as bigint;
  return {
    accumulator: start(o, c, toPoints([null])[0] as Pt),
    digest,
    rows: world.firstRows,
    blinds: world.firstBlinds,
    running: hidden.map(() => ({ value: 0n, blind: 0n })),
  };
}

export function contextOf(world: World, statement: readonly bigint[], finalState: bigint): VerifyContext {
  return {
    compiled: world.compiled,
    statement,
    firstState: world.firstRows,
    finalState,
    hiddenRows: new Map([...world.openings].map(([name, v]) => [name, v.rows])),
    publicContent: { ...Object.fromEntries(world.fixed), ...world.program.constants },
  };
}

const stateNames = (program: Program): [string, string][] => {
  const of = (role: string): string[] =>
    program.tensors.filter((t) => program.polys.some((p) => p.name === t.poly && p.role === role)).map((t) => t.name);
  const into = of('stateIn');
  return of('stateOut').map((name, i) => [name, into[i] as string]);
};

/** Proves all steps of `world`, cheating as told, and never looks whether the witness satisfies the program. */
export async function prove(world: World, moves: Moves = {}): Promise<Attempt> {
  const { compiled: c, backend } = world;
  const random = moves.random ?? systemRandom;
  const statement = moves.statement ?? world.statement;
  const machine = moves.machine ?? ((): RunMachine => new RunMachine());
  let state = firstChainState(world, statement, machine());
  let tensors = new Map(world.firstState);
  const states: ChainState[] = [];
  const proofs: Uint8Array[] = [];
  let delivered: readonly Affine[] = [];
  for (let t = 1; t <= c.proofs; t++) {
    if (moves.before) state = await moves.before(t, state, tensors);
    states.push(state);
    const own = moves.world?.(t) ?? world;
    const index = moves.index?.(t) ?? t;
    const walk = new Walker(own.program).walk(index - 1, new Map([...floats(own.fixed), ...tensors]), { leaves: true });
    let leaves: Walk['leaves'] = walk.leaves;
    if (moves.walk) {
      const cells = walk.tensors as Map<string, Float64Array>;
      moves.walk(t, cells);
      leaves = leavesOf(own.program, cells, index - 1);
    }
    const witness = buildWitness(own.compiled, { tensors: walk.tensors, leaves }, own.cells);
    moves.witness?.(t, witness);
    const blinds = random.fields(state.rows.length);
    const prover = new Prover({
      compiled: own.compiled,
      backend,
      random,
      witness,
      proof: index - 1,
      stateInBlinds: state.blinds,
      stateOutBlinds: blinds,
      runningPoints: state.accumulator.fixed.map((f) => fromFelts(f.rho)),
      running: state.running,
      runningWeight: fromFelts([state.accumulator.w])[0] as bigint,
    });
    const o = machine();
    const core = transition(o, own.compiled, {
      statement: statement.map((w) => o.word(w)),
      proof: proofBits(o, own.compiled, index),
      digest: o.word(state.digest),
      accumulator: state.accumulator,
      stateIn: toPoints(state.rows),
    });
    const { value, bytes } = await record(core, async (request) => {
      const reply = await prover.answer(request);
      if (request.kind === 'msm') return reply;
      return (await moves.answer?.({ t, request, reply, prover, machine: o })) ?? reply;
    });
    proofs.push(bytes);
    delivered = fromPoints(value.delivered) as Affine[];
    state = {
      accumulator: value.accumulator,
      digest: value.digest as unknown as bigint,
      rows: fromPoints(value.stateOut) as Affine[],
      blinds,
      running: prover.hiddenValues,
    };
    tensors = new Map(stateNames(own.program).map(([out, into]) => [into, walk.tensors.get(out) as Float64Array]));
  }
  if (moves.final) state = moves.final(state);
  states.push(state);
  const last = moves.deciderWorld ?? world;
  // The prover's own decider stops at a false public value; a liar goes on, which changes nothing else.
  const content = { ...Object.fromEntries(last.fixed), ...last.program.constants };
  const claims = c.polys.filter((p) => p.role === 'fixed');
  const fixed = state.accumulator.fixed.map((f, i) =>
    claims[i].hidden ? f : { ...f, value: toFelts([evaluateContent(claims[i], content, fromFelts(f.rho))])[0] },
  );
  const calm: ChainState = { ...state, accumulator: { ...state.accumulator, fixed } };
  const deciderBytes = await proveDecider({ compiled: c, backend, random, state: calm, cells: last.cells, openings: last.openings });
  return assemble(world, proofs, deciderBytes, states, statement, delivered);
}

/** The bundle of these proofs, and the context of a verifier for `statement`. */
export function assemble(
  world: World,
  proofs: readonly Uint8Array[],
  deciderBytes: Uint8Array,
  states: readonly ChainState[],
  statement: readonly bigint[] = world.statement,
  delivered: readonly Affine[] = [],
): Attempt {
  const final = states[states.length - 1] as ChainState;
  const { digest } = firstChainState(world, statement);
  return {
    world,
    proofs,
    decider: deciderBytes,
    context: contextOf(world, statement, finalStateOf(final.rows, delivered)),
    bundle: encodeBundle(world.compiled, digest, proofs, deciderBytes),
    states,
    delivered,
  };
}

/** Verifies an attempt as the product does. */
export const verify = async (attempt: Attempt): Promise<void> => void (await verifyBundle(attempt.context, attempt.bundle));

async function record<T>(core: Core<T>, answer: (request: Request) => Promise<Reply>): Promise<{ value: T; bytes: Uint8Array }> {
  const writer = new MessageWriter();
  let step = core.next();
  while (!step.done) {
    const request = step.value;
    const reply = await answer(request);
    if (request.kind === 'points') for (const p of fromPoints(reply as readonly Pt[])) writer.addPoint(p as Affine);
    if (request.kind === 'scalars') for (const s of fromFelts(reply as readonly Felt[])) writer.addScalar(s);
    step = core.next(reply);
  }
  return { value: step.value, bytes: writer.bytes() };
}

/** Replays a core on a proof's bytes; `patch` may change what the core handed out (a weakness). */
export function replay<T>(
  core: Core<T>,
  bytes: Uint8Array,
  counts: MessageCounts,
  evaluate: (poly: string, rho: readonly bigint[]) => bigint,
  patch?: (request: Request) => void,
): T {
  const reader = new MessageReader(bytes, counts, 'proof');
  let step = core.next();
  while (!step.done) {
    const request = step.value;
    patch?.(request);
    const reply: Reply =
      request.kind === 'points'
        ? toPoints(Array.from({ length: request.count }, () => reader.point(request.label)))
        : request.kind === 'scalars'
          ? toFelts(Array.from({ length: request.count }, () => reader.scalar(request.label)))
          : request.kind === 'msm'
            ? toPoints([msm(fromFelts(request.scalars), fromPoints(request.points))])
            : toFelts([evaluate(request.poly, fromFelts(request.point))]);
    step = core.next(reply);
  }
  return step.value;
}

/** A deliberately weakened verifier. */
export interface Weakness {
  /** Machine of the transitions. */
  readonly machine?: () => RunMachine;
  readonly deciderMachine?: () => RunMachine;
  readonly patch?: (request: Request, machine: RunMachine) => void;
  /** Trusts what the prover says is the state before a proof (accumulator, digest, rows). */
  readonly trust?: (t: number, computed: ChainState) => Partial<Pick<ChainState, 'accumulator' | 'digest' | 'rows'>>;
  /** Takes the index of a proof from the prover. */
  readonly index?: (t: number) => number;
  /** Leaves out the check of public content. */
  readonly publicContent?: false;
}

/** Verifies as verify.ts does, but for the weakness. Throws when even that verifier refuses. */
export async function verifyWeakly(attempt: Pick<Attempt, 'world' | 'context' | 'proofs' | 'decider'>, weakness: Weakness): Promise<void> {
  const { world, context } = attempt;
  const { compiled: c } = world;
  const machine = weakness.machine ?? ((): RunMachine => new RunMachine());
  const hidden = c.polys.filter((p) => p.role === 'fixed' && p.hidden);
  let state = firstChainState(world, context.statement, machine());
  let delivered: readonly Affine[] = [];
  const evaluate = (name: string, rho: readonly bigint[]): bigint =>
    evaluateContent(c.polys.find((p) => p.name === name) as PolyLayout, context.publicContent, rho);
  attempt.proofs.forEach((bytes, i) => {
    const o = machine();
    const before = { ...state, ...weakness.trust?.(i + 1, state) };
    const input = {
      statement: context.statement.map((w) => o.word(w)),
      proof: proofBits(o, c, weakness.index?.(i + 1) ?? i + 1),
      digest: o.word(before.digest),
      accumulator: before.accumulator,
      stateIn: toPoints(before.rows),
    };
    const out = replay(transition(o, c, input), bytes, proofCounts(c), evaluate, (request) => weakness.patch?.(request, o));
    delivered = fromPoints(out.delivered) as Affine[];
    state = {
      ...state,
      accumulator: out.accumulator,
      digest: out.digest as unknown as bigint,
      rows: fromPoints(out.stateOut) as Affine[],
    };
  });
  const last = { ...state, ...weakness.trust?.(c.proofs + 1, state) };
  if (finalStateOf(last.rows, delivered) !== context.finalState) throw new Error('another final state');
  const rows = hidden.map((f) => toPoints(context.hiddenRows.get(f.name) as readonly Affine[]));
  const o = weakness.deciderMachine?.() ?? new RunMachine();
  const openPublic =
    weakness.publicContent === false ? (poly: string): bigint => fromFelts([claimOf(last.accumulator, c, poly)])[0] as bigint : evaluate;
  await checkEquation(
    replay(decider(o, c, last.accumulator, o.word(last.digest), rows), attempt.decider, deciderCounts(c), openPublic),
    plain,
  );
}

const claimOf = (acc: Accumulator, c: Compiled, poly: string): Felt =>
  acc.fixed[c.polys.filter((p) => p.role === 'fixed').findIndex((p) => p.name === poly)]?.value as Felt;

/** Remembers its challenges, in order. */
export class LoggingMachine extends RunMachine {
  readonly challenges: bigint[] = [];

  override squeeze(state: Word): Felt {
    const challenge = super.squeeze(state);
    this.challenges.push(fromFelts([challenge])[0]);
    return challenge;
  }
}

/** A transcript that does not absorb some cells: those under `labels`, or those that `forget` names. */
export class DeafMachine extends LoggingMachine {
  private readonly forget: (label: string, index: number) => boolean;
  private readonly names: ReadonlyMap<bigint, string>;
  private label = '';
  private index = 0;

  constructor(labels: readonly string[], forget: (label: string, index: number) => boolean = () => true) {
    super();
    this.names = new Map(labels.map((l) => [tagNumber(l), l]));
    this.forget = (label, index) => label !== '' && forget(label, index);
  }

  override hash(tag: string, x: Word, cell: Cell | readonly [bigint, bigint]): Word {
    if (tag === 'DIGEST' && this.names.has(tagNumber('statement'))) return x;
    if (tag !== 'ABSORB') return super.hash(tag, x, cell);
    if (Array.isArray(cell)) {
      this.label = this.names.get(cell[0] as bigint) ?? '';
      this.index = 0;
      return super.hash(tag, x, cell);
    }
    return this.forget(this.label, this.index++) ? x : super.hash(tag, x, cell);
  }
}

/** A transcript that stays where it is after a challenge: challenges in a row are equal. */
export class StuckMachine extends LoggingMachine {
  override hash(tag: string, x: Word, cell: Cell | readonly [bigint, bigint]): Word {
    return tag === 'SQ' ? x : super.hash(tag, x, cell);
  }
}

/** Private parts of an honest prover, which a cheating one may change. */
export interface Inside {
  readonly mask: readonly bigint[];
  readonly maskBlind: bigint;
  readonly valueRows: (readonly bigint[])[];
  readonly valueBlinds: bigint[];
  secret: (readonly bigint[])[];
  blinds: readonly bigint[];
  d: (readonly bigint[])[];
  e: readonly [bigint, bigint];
  matrix: (poly: PolyLayout) => Matrix;
}
export const inside = (prover: Prover): Inside => prover as unknown as Inside;
