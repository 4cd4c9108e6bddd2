/** Commits a hidden card's polynomial and proves that its values lie in their declared widths (verifier/cards.ts). */
import type { Affine } from '../../verifier/curve.ts';
import { cardProgram, type CardShape } from '../../verifier/program/card-program.ts';
import { compile } from '../../verifier/program/compile.ts';
import type { Backend } from '../backend/types.ts';
import { commitInputs, inputRows, proveInputs, type InputCommitment } from './inputs.ts';
import type { RandomSource } from './random.ts';

/** Hyrax rows of the card's content (dense tensors by name), in the layout of every program that uses it. */
export const commitCard = (
  backend: Backend,
  random: RandomSource,
  card: CardShape,
  content: ReadonlyMap<string, ArrayLike<number>>,
): Promise<InputCommitment> => commitInputs(backend, random, compile(cardProgram(card)), content);

/** The rows that a card's content makes with given blinds, one a row. */
export const cardRows = (
  backend: Backend,
  card: CardShape,
  content: ReadonlyMap<string, ArrayLike<number>>,
  blinds: readonly bigint[],
): Promise<Affine[]> => inputRows(backend, compile(cardProgram(card)), content, blinds);

/** The range proof of a commitment made by `commitCard`. */
export function proveCard(
  backend: Backend,
  random: RandomSource,
  card: CardShape,
  content: ReadonlyMap<string, ArrayLike<number>>,
  commitment: InputCommitment,
  statement: readonly bigint[],
): Promise<Uint8Array> {
  const program = cardProgram(card);
  const tensors = new Map([...content].map(([name, v]) => [name, Float64Array.from(v)] as const));
  const { vocabulary } = card;
  for (const t of program.tensors)
    if (t.name.endsWith('/below') && vocabulary !== undefined)
      tensors.set(
        t.name,
        (tensors.get(t.name.slice(0, -'/below'.length)) as Float64Array).map((v) => vocabulary - 1 - v),
      );
  const walk = { tensors, leaves: program.relations.map(() => []) };
  return proveInputs({ backend, random, compiled: compile(program), commitment, walk, statement });
}
