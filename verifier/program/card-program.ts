/**
 * The range proof of a hidden card is one proof of a program without steps: the card's polynomial stands in the place of the state-in rows, its
 * tensors are ranged by look-ups of their declared widths, and token ids are also compared with the vocabulary: V − 1 − id is in range.
 * Layout and columns are those of the fixed polynomial in every training program that uses the card.
 */
import { bitsOf, type Program, type Relation, type Tensor, type View } from './types.ts';

export interface CardShape {
  readonly tensors: readonly Pick<Tensor, 'name' | 'axes' | 'bits' | 'signed' | 'f'>[];
  /** log2 of the number of columns. */
  readonly columns: number;
  /** For data cards: every value of every tensor is below it. */
  readonly vocabulary?: number;
}

export function cardProgram(card: CardShape): Program {
  const relations: Relation[] = [];
  const tensors: Tensor[] = card.tensors.map((t) => ({ ...t, poly: 'card', range: 'leaf' }));
  const { vocabulary } = card;
  if (vocabulary !== undefined && 2 ** bitsOf(vocabulary) !== vocabulary) {
    for (const t of card.tensors) {
      const slack: Tensor = { ...t, name: `${t.name}/below`, poly: 'witness', range: 'leaf', signed: false, bits: bitsOf(vocabulary) };
      tensors.push(slack);
      const vars = t.axes.map((a, i) => ({ name: `${a.name}#${i}`, size: a.size }));
      const at = (tensor: string): View => ({ tensor, index: vars.map((v) => [{ var: v.name }]) });
      const expr = { constant: BigInt(vocabulary - 1), linear: [{ coef: -1n, view: at(t.name) }], products: [] };
      relations.push({ kind: 'equal', on: { vars }, out: at(slack.name), expr });
    }
  }
  return {
    version: 1,
    name: 'card',
    schedule: { steps: 1, perProof: 1 },
    columns: card.columns,
    polys: [
      { name: 'witness', role: 'witness', hidden: false },
      { name: 'card', role: 'stateIn', hidden: false },
    ],
    tensors,
    tables: [],
    relations,
    constants: {},
  };
}
