/**
 * The first state of a milestone: where a paid claim ended whose bounty asked for the delivery of its whole state. Who received it publishes it in the
 * clear, with the blinds of its delivered rows; `startDigest` is that claim's `adapterRoot`.
 *
 * States: the content is the state that the claim's proof committed to, unless somebody breaks Pedersen commitments or keccak. Limbs, commitments and
 * root are worked out here from content and blinds, so nothing is taken on anybody's word.
 * The caller discharges: every value of the content is in its tensor's width (`decodeContent`); the root is the terms' `startDigest`. That a claim
 * with this root was paid is for the chain to say (`postMilestone`); that both programs read its tensors alike, for `sameState`.
 */
import type { CardTensor, Content } from '../cards.ts';
import { rowsRoot } from '../bundle.ts';
import type { Affine } from '../curve.ts';
import { plain, type Engine } from '../engine.ts';
import { R } from '../field.ts';
import { InputError, type Hex } from '../input.ts';
import { compile, type Compiled } from '../program/compile.ts';
import type { Program } from '../program/types.ts';
import { polyOfRole, type Cells } from '../public-content.ts';
import { readWord, WORD_BYTES } from '../words.ts';
import { deliveredCells } from './cells.ts';
import { DELIVERY_COLUMNS } from './limbs.ts';

/** A bounty's first state, in the clear. */
export interface FirstState {
  readonly content: Content;
  /** Of the content's file. */
  readonly digest: Hex;
  readonly cells: Cells;
  readonly rows: readonly Affine[];
  /** Of a milestone: what `startDigest` is instead of the rows' digest. */
  readonly root?: bigint;
}

/** The same program as one that delivers its whole state: the layout of a continued claim's rows, whatever this program delivers. */
function delivering(program: Program, compiled: Compiled): Compiled {
  const out = polyOfRole(compiled, 'stateOut').name;
  const whole = program.tensors.every((t) => t.poly !== out || t.range === 'limbs');
  if (whole) return compiled;
  return compile({ ...program, tensors: program.tensors.map((t) => (t.poly === out ? { ...t, range: 'limbs' } : t)) });
}

/** Root over the delivered rows of a state. `blinds`: 32 bytes a row, in the order of the tree. Errors: their number, one outside the field. */
export async function continuedRoot(
  program: Program,
  compiled: Compiled,
  content: Content,
  blinds: Uint8Array,
  engine: Engine = plain,
  source = 'start-blinds.bin',
): Promise<bigint> {
  const c = delivering(program, compiled);
  const { rows } = polyOfRole(c, 'delivery');
  const refuse = (field: string, what: string): never => {
    throw new InputError(source, field, what, 'fetch the file again from the poster');
  };
  if (blinds.length !== rows.length * WORD_BYTES)
    refuse('', `has ${blinds.length} bytes, ${rows.length} rows have ${rows.length * WORD_BYTES}`);
  const scalars = rows.map((_, i) => {
    const blind = readWord(blinds, i);
    return blind < R ? blind : refuse(`blinds[${i}]`, 'is no field element');
  });
  return rowsRoot(await engine.commitRows(deliveredCells(c, content), 2 ** DELIVERY_COLUMNS, scalars, rows));
}

/** Names the first tensor that two programs' states do not have alike, in words; null if they have all. A state means the same in both. */
export function sameState(one: readonly CardTensor[], other: readonly CardTensor[]): string | null {
  const said = (t: CardTensor | undefined): string =>
    t === undefined
      ? 'none'
      : `${t.name} [${t.axes.map((a) => `${a.name} ${a.size}`).join(', ')}], ${t.bits} bits${t.signed ? ', signed' : ''}, exponent ${t.f}`;
  for (let i = 0; i < Math.max(one.length, other.length); i++)
    if (said(one[i]) !== said(other[i])) return `${said(one[i])} against ${said(other[i])}`;
  return null;
}
