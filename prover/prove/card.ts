/** Commits a hidden card's polynomial and proves that its values lie in their declared widths (verifier/card-proof.ts). */
import type { Affine } from '../../verifier/curve.ts';
import { encodeBundle } from './wire.ts';
import { cardProgram, type CardShape } from '../../verifier/program/card-program.ts';
import { compile, type PolyLayout } from '../../verifier/program/compile.ts';
import { start, statementDigest } from '../../verifier/protocol/accumulator.ts';
import { RunMachine, toPoints, type Pt } from '../../verifier/protocol/machine.ts';
import type { Backend } from '../backend/types.ts';
import type { RandomSource } from './random.ts';
import { proveTransition } from './run.ts';
import { buildWitness, placeTensors } from './witness.ts';

export interface CardCommitment {
  readonly rows: readonly Affine[];
  /** Secret: blinds of the rows. */
  readonly blinds: readonly bigint[];
}

/** Hyrax rows of the card's content (dense tensors by name), in the layout of every program that uses it. */
export async function commitCard(
  backend: Backend,
  random: RandomSource,
  card: CardShape,
  content: ReadonlyMap<string, ArrayLike<number>>,
): Promise<CardCommitment> {
  const blinds = random.fields(2 ** (cardPoly(card).bits - card.columns));
  return { rows: await cardRows(backend, card, content, blinds), blinds };
}

/** The rows that a card's content makes with given blinds, one a row. */
export function cardRows(
  backend: Backend,
  card: CardShape,
  content: ReadonlyMap<string, ArrayLike<number>>,
  blinds: readonly bigint[],
): Promise<Affine[]> {
  const poly = cardPoly(card);
  return backend.commitRows(placeTensors(poly.tensors, content, poly.bits), 2 ** card.columns, blinds);
}

const cardPoly = (card: CardShape): PolyLayout => compile(cardProgram(card)).polys.find((p) => p.role === 'stateIn') as PolyLayout;

/** The range proof of a commitment made by `commitCard`. */
export async function proveCard(
  backend: Backend,
  random: RandomSource,
  card: CardShape,
  content: ReadonlyMap<string, ArrayLike<number>>,
  commitment: CardCommitment,
  statement: readonly bigint[],
): Promise<Uint8Array> {
  const program = cardProgram(card);
  const c = compile(program);
  const tensors = new Map([...content].map(([name, v]) => [name, Float64Array.from(v)] as const));
  const { vocabulary } = card;
  for (const t of program.tensors)
    if (t.name.endsWith('/below') && vocabulary !== undefined)
      tensors.set(
        t.name,
        (tensors.get(t.name.slice(0, -'/below'.length)) as Float64Array).map((v) => vocabulary - 1 - v),
      );
  const witness = buildWitness(c, { tensors, leaves: program.relations.map(() => []) }, new Map());
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
    witness,
    stateOutBlinds: [],
  });
  return encodeBundle(c, digest, [bytes], new Uint8Array(0));
}
