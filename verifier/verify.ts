/**
 * The verifier of bundles: drives the core (protocol/transition.ts, protocol/decider.ts) over a bundle's messages.
 *
 * Accepts iff all P transitions chain from the statement's first state to the claimed final state, and the decider's equation holds.
 * It trusts nothing from the prover: lengths, orders and sizes come from the program, whose hash the statement pins.
 */
import { same, type Affine } from './curve.ts';
import { plain, type Engine } from './engine.ts';
import { decodeBundle, deciderCounts, proofCounts, rowsDigest, rowsRoot } from './bundle.ts';
import { evaluationTerms, type DenseTensors } from './evaluate.ts';
import { mod } from './field.ts';
import type { Compiled, PolyLayout } from './program/compile.ts';
import { fixedPolys, start, statementDigest, type Accumulator } from './protocol/accumulator.ts';
import { decider, type FinalEquation } from './protocol/decider.ts';
import { RunMachine, VerificationError, fromFelts, fromPoints, toFelts, toPoints, type Pt, type Word } from './protocol/machine.ts';
import type { Core, Reply, Request } from './protocol/messages.ts';
import { proofBits, rowCount, transition } from './protocol/transition.ts';
import { MessageReader } from './wire.ts';

/** What a bundle is checked against; everything here is public and bound by the statement. */
export interface VerifyContext {
  readonly compiled: Compiled;
  /** The statement's words, as the transcript absorbs them (statement.ts). */
  readonly statement: readonly bigint[];
  /** Rows of the first state. */
  readonly firstState: readonly Affine[];
  /** What is claimed of the final state: its rows' digest (`rowsDigest`), with delivery the root over its limbs' rows (`rowsRoot`). */
  readonly finalState: bigint;
  /** Rows of hidden fixed polynomials, by name, from their cards. */
  readonly hiddenRows: ReadonlyMap<string, readonly Affine[]>;
  /** Content of the tensors of public fixed polynomials. */
  readonly publicContent: DenseTensors;
  readonly onProof?: (done: number, total: number) => void;
}

export interface Verified {
  readonly digest: bigint;
  readonly finalRows: readonly Affine[];
  readonly proofs: number;
}

/** Runs a core on one proof's messages. */
async function replay<T>(
  core: Core<T>,
  reader: MessageReader,
  evaluate: (poly: string, rho: readonly bigint[]) => Promise<bigint>,
  engine: Engine,
): Promise<T> {
  const reply = async (request: Request): Promise<Reply> => {
    switch (request.kind) {
      case 'points':
        return toPoints(Array.from({ length: request.count }, () => reader.point(request.label)));
      case 'scalars':
        return toFelts(Array.from({ length: request.count }, () => reader.scalar(request.label)));
      case 'msm':
        return toPoints([await engine.msm(fromFelts(request.scalars), fromPoints(request.points))]);
      case 'evaluate':
        return toFelts([await evaluate(request.poly, fromFelts(request.point))]);
    }
  };
  let step = core.next();
  while (!step.done) step = core.next(await reply(step.value));
  reader.finish();
  return step.value;
}

/** Checks a bundle; throws DecodeError or VerificationError. */
export async function verifyBundle(context: VerifyContext, bytes: Uint8Array, engine = plain): Promise<Verified> {
  const { compiled: c } = context;
  const o = new RunMachine(engine.keccak);
  const statement = context.statement.map((w) => o.word(w));
  const first = statementDigest(o, statement);
  const { proofs, decider: deciderBytes } = decodeBundle(c, first as unknown as bigint, bytes);
  if (context.firstState.length !== rowCount(c, 'stateIn'))
    throw new VerificationError(`the first state has ${context.firstState.length} rows, the program's states ${rowCount(c, 'stateIn')}`);
  const hidden = fixedPolys(c).filter((f) => f.hidden);
  const hiddenRows = hidden.map((f) => {
    const rows = context.hiddenRows.get(f.name);
    if (rows?.length !== f.rows.length) throw new VerificationError(`the card of ${f.name} has not the program's number of rows`);
    return toPoints(rows);
  });
  const evaluate = async (name: string, rho: readonly bigint[]): Promise<bigint> => {
    const poly = c.polys.find((p) => p.name === name) as PolyLayout;
    let value = 0n;
    for (const { scale, values, weights } of evaluationTerms(poly, context.publicContent, rho))
      value += scale * (await engine.weightedSum(values, weights));
    return mod(value);
  };

  let accumulator: Accumulator = start(o, c, toPoints([null])[0] as Pt);
  let digest: Word = first;
  let state: readonly Pt[] = toPoints(context.firstState);
  let delivered: readonly Pt[] = [];
  for (const [i, proof] of proofs.entries()) {
    const reader = new MessageReader(proof, proofCounts(c), `proof ${i + 1}`);
    const core = transition(o, c, { statement, proof: proofBits(o, c, i + 1), digest, accumulator, stateIn: state });
    const output = await replay(core, reader, evaluate, engine);
    ({ accumulator, digest, delivered } = output);
    state = output.stateOut;
    context.onProof?.(i + 1, proofs.length);
  }
  const finalRows = fromPoints(state) as Affine[];
  const limbs = fromPoints(delivered) as Affine[];
  if ((limbs.length > 0 ? rowsRoot(limbs) : rowsDigest(finalRows)) !== context.finalState)
    throw new VerificationError('the last proof ends in another state than the claimed adapter');
  const reader = new MessageReader(deciderBytes, deciderCounts(c), 'decider');
  await checkEquation(await replay(decider(o, c, accumulator, digest, hiddenRows), reader, evaluate, engine), engine);
  return { digest: digest as unknown as bigint, finalRows, proofs: proofs.length };
}

/**
 * Checks a bundle about committed inputs: one proof of a program without steps, the inputs' rows standing as state-in (cards, modules).
 * The transcript absorbs rows and statement, not the program: where a prover has a say in that, the statement must name it, as a card's does.
 * Throws DecodeError or VerificationError.
 */
export async function verifyInputs(
  compiled: Compiled,
  rows: readonly Affine[],
  statement: readonly bigint[],
  proof: Uint8Array,
  engine = plain,
): Promise<void> {
  const context = { compiled, statement, firstState: rows, finalState: rowsDigest([]), hiddenRows: new Map(), publicContent: {} };
  await verifyBundle(context, proof, engine);
}

/** ⟨Z, G⟩ + ζH = Q. */
export async function checkEquation({ Z, zeta, Q }: FinalEquation, engine: Engine): Promise<void> {
  const [left, right] = [await engine.commit(fromFelts(Z), zeta as unknown as bigint), fromPoints([Q])[0] as Affine | null];
  if (!same(left, right))
    throw new VerificationError('a proof is wrong: ⟨Z, G⟩ + ζH ≠ Q (a relation, an opening, the statement or a card does not hold)');
}
