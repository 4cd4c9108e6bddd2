/**
 * The simulator of proof.md §4: accepting transcripts of a whole run for a statement, without any witness, by whoever may choose the challenges ξ of
 * the closing arguments (one in each proof, one in the decider) before sending what they depend on. Everything that a verifier sees is
 * uniform, but for the values of public content (which are what they are) and the points that the equations then determine. So a
 * true bundle shows nothing that could not be made without the model, the states and the witness.
 */
import { rowsDigest, rowsRoot } from '../../verifier/bundle.ts';
import { add, msm, multiply, type Affine } from '../../verifier/curve.ts';
import { mod } from '../../verifier/field.ts';
import { generators, H } from '../../verifier/generators.ts';
import type { PolyLayout } from '../../verifier/program/compile.ts';
import { start, statementDigest, type Accumulator } from '../../verifier/protocol/accumulator.ts';
import { eqTable } from '../../verifier/protocol/algebra.ts';
import { decider } from '../../verifier/protocol/decider.ts';
import { RunMachine, fromFelts, fromPoints, toFelts, toPoints, type Felt, type Pt, type Word } from '../../verifier/protocol/machine.ts';
import type { Ask, Core, Reply, Request } from '../../verifier/protocol/messages.ts';
import { addressPoint, rowWeights } from '../../verifier/protocol/opening.ts';
import { proofBits, rowCount, transition } from '../../verifier/protocol/transition.ts';
import { evaluateContent } from '../fixtures/evaluate.ts';
import type { VerifyContext } from '../../verifier/verify.ts';
import { systemRandom } from '../../prover/prove/random.ts';
import { MessageWriter, encodeBundle } from '../../prover/prove/wire.ts';

/** Challenges that the simulator has chosen, by the state at which they are drawn. */
export type Oracle = Map<bigint, bigint>;

/** A machine whose challenges at some states are chosen. */
export class OracleMachine extends RunMachine {
  /** The next challenge, if its drawer may choose it. */
  next: bigint | null = null;
  private readonly oracle: Oracle;

  constructor(oracle: Oracle) {
    super();
    this.oracle = oracle;
  }

  override squeeze(state: Word): Felt {
    const at = state as unknown as bigint;
    if (this.next !== null) this.oracle.set(at, this.next);
    this.next = null;
    const chosen = this.oracle.get(at);
    return chosen === undefined ? super.squeeze(state) : this.felt(chosen);
  }
}

const random = (): bigint => systemRandom.fields(1)[0];
const randomPoint = (): Affine => multiply(H, random()) as Affine;
const commit = (values: readonly bigint[], blind: bigint): Affine | null => msm([...values, blind], [...generators(values.length), H]);
/** a − times·b. */
const minus = (a: Affine | null, b: Affine | null, times: bigint): Affine => add(a, multiply(b, mod(-times))) as Affine;

/** Responses and a challenge, chosen before the points of the closing argument are. */
const closingOf = (lengths: readonly number[], blinds = lengths.length) => ({
  xi: random() >> 6n,
  z: lengths.map((n) => systemRandom.fields(n)),
  zeta: systemRandom.fields(blinds),
  epsilon: random(),
});

/** Drives a core on made-up messages. */
function drive<T>(core: Core<T>, answer: (request: Exclude<Request, { kind: 'msm' }>) => Reply): { value: T; bytes: Uint8Array } {
  const writer = new MessageWriter();
  let step = core.next();
  while (!step.done) {
    const request = step.value;
    if (request.kind === 'msm') {
      step = core.next(toPoints([msm(fromFelts(request.scalars), fromPoints(request.points))]));
      continue;
    }
    const reply = answer(request);
    if (request.kind === 'points') for (const p of fromPoints(reply as readonly Pt[])) writer.addPoint(p as Affine);
    if (request.kind === 'scalars') for (const s of fromFelts(reply as readonly Felt[])) writer.addScalar(s);
    step = core.next(reply);
  }
  return { value: step.value, bytes: writer.bytes() };
}

/** What the simulator starts from: all public. */
export type Public = Omit<VerifyContext, 'finalState'>;

/** Proofs 1 … P and the decider; the last made-up state rows become the claimed adapter. */
export function simulate(context: Public): { bundle: Uint8Array; finalState: bigint; oracle: Oracle } {
  const { compiled: c } = context;
  const oracle: Oracle = new Map();
  const o = new OracleMachine(oracle);
  const statement = context.statement.map((w) => o.word(w));
  const first = statementDigest(o, statement);
  let digest = first;
  let accumulator: Accumulator = start(o, c, toPoints([null])[0]);
  let state: readonly Pt[] = toPoints(context.firstState);
  let delivered: readonly Pt[] = [];
  const proofs: Uint8Array[] = [];
  for (let t = 1; t <= c.proofs; t++) {
    const core = transition(o, c, { statement, proof: proofBits(o, c, t), digest, accumulator, stateIn: state });
    const { value, bytes } = drive(core, simulatedProver(context, o, accumulator, fromPoints(state)));
    proofs.push(bytes);
    ({ accumulator, digest, delivered } = value);
    state = value.stateOut;
  }
  const bundle = encodeBundle(c, first as unknown as bigint, proofs, simulateDecider(context, o, accumulator, digest));
  const finalState = delivered.length > 0 ? rowsRoot(fromPoints(delivered) as Affine[]) : rowsDigest(fromPoints(state) as Affine[]);
  return { bundle, finalState, oracle };
}

function simulatedProver(context: Public, o: OracleMachine, before: Accumulator, stateIn: readonly (Affine | null)[]) {
  const { compiled: c } = context;
  const fixed = c.polys.filter((p) => p.role === 'fixed');
  const running = fixed.flatMap((p, i) => (p.hidden ? fromPoints([before.fixed[i].value as Pt]) : []));
  const closing = closingOf(c.secretRows);
  const sent: Affine[] = [];
  let point: readonly Felt[] = [];
  let next = 0;

  /** X = Σ η^P·(eq(ρ_rows)·rows of P) of all polynomials but the delivered limbs, X_d = eq(ρ_rows)·rows of these. */
  const combined = (eta: Felt, openings: readonly (readonly Felt[])[], limbs: boolean): Affine | null => {
    const stateOut = sent.slice(rowCount(c, 'witness'));
    const rows = { witness: sent, stateIn, stateOut, delivery: stateOut.slice(rowCount(c, 'stateOut')) };
    let weight = o.felt(1n);
    let X: Affine | null = null;
    c.polys.forEach((p, i) => {
      if (p.role === 'fixed' || (p.role === 'delivery') !== limbs) return;
      const weights = rowWeights(o, p, openings[i]).map((e) => o.mul(e, weight));
      X = add(X, msm(fromFelts(weights), rows[p.role].slice(0, weights.length)));
      weight = o.mul(weight, eta);
    });
    return X;
  };
  const points = (count: number, ask: Ask): Affine[] => {
    if (ask.name === 'opened') point = ask.point;
    if (ask.name === 'D') {
      // Everything sent so far: witness rows, state-out rows, delivered rows, the mask row and the value rows.
      const committed = [combined(ask.eta, ask.openings, false), ...sent.slice(-1 - c.valueRows.length), ...running];
      if (c.delivered.length > 0) committed.push(combined(ask.eta, ask.openings, true));
      return committed.map((C, i) => minus(commit(closing.z[i], closing.zeta[i]), C, closing.xi));
    }
    if (ask.name === 'E') {
      const phi = fromFelts([ask.constraints.evaluate(o.felt(closing.xi), closing.z.map(toFelts))]);
      const E1 = randomPoint();
      o.next = closing.xi;
      return [minus(commit(phi, closing.epsilon), E1, closing.xi), E1];
    }
    const made = Array.from({ length: count }, randomPoint);
    sent.push(...made);
    return made;
  };
  const scalars = (count: number, ask: Ask): readonly bigint[] => {
    if (ask.name === 'z') return closing.z[next++];
    if (ask.name === 'zeta') return closing.zeta;
    if (ask.name === 'epsilon') return [closing.epsilon];
    if (ask.name !== 'public-values') return systemRandom.fields(count);
    const rho = (p: (typeof fixed)[number]): bigint[] => fromFelts(addressPoint(p, point));
    return fixed.filter((p) => !p.hidden).map((p) => evaluateContent(p, context.publicContent, rho(p)));
  };
  return (request: Exclude<Request, { kind: 'msm' }>): Reply => {
    if (request.kind === 'points') return toPoints(points(request.count, request.ask));
    if (request.kind === 'scalars') return toFelts(scalars(request.count, request.ask));
    throw new Error('a transition evaluates no content');
  };
}

function simulateDecider(context: Public, o: OracleMachine, accumulator: Accumulator, digest: Word): Uint8Array {
  const { compiled: c } = context;
  const fixed = c.polys.filter((p) => p.role === 'fixed');
  const hidden = fixed.filter((p) => p.hidden);
  const rows = hidden.map((p) => context.hiddenRows.get(p.name) as readonly Affine[]);
  const values = fixed.flatMap((p, i) => (p.hidden ? fromPoints([accumulator.fixed[i].value as Pt]) : []));
  const closing = closingOf(
    hidden.map(() => 2 ** c.columns),
    2 * hidden.length,
  );
  let next = 0;
  const answer = (request: Exclude<Request, { kind: 'msm' }>): Reply => {
    if (request.kind === 'evaluate')
      return toFelts([
        evaluateContent(fixed.find((p) => p.name === request.poly) as PolyLayout, context.publicContent, fromFelts(request.point)),
      ]);
    const { ask } = request;
    if (ask.name === 'z') return toFelts(closing.z[next++]);
    if (ask.name === 'zeta') return toFelts(closing.zeta);
    if (ask.name !== 'decider-D') throw new Error(`the decider does not ask for ${ask.name}`);
    o.next = closing.xi;
    return toPoints(
      ask.points.flatMap((rho, i) => {
        const high = hidden[i].bits - c.columns;
        const X = msm(fromFelts(eqTable(o, rho.slice(0, high))), rows[i]);
        const columns = fromFelts(eqTable(o, rho.slice(high)));
        const value = mod(closing.z[i].reduce((z, v, k) => z + v * columns[k], 0n));
        return [
          minus(commit(closing.z[i], closing.zeta[2 * i]), X, closing.xi),
          minus(commit([value], closing.zeta[2 * i + 1]), values[i], closing.xi),
        ];
      }),
    );
  };
  return drive(
    decider(
      o,
      c,
      accumulator,
      digest,
      rows.map((r) => toPoints(r)),
    ),
    answer,
  ).bytes;
}
