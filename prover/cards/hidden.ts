/**
 * Hidden cards: Hyrax rows and a range proof instead of content, and the secret opening, a file for those who train.
 *
 * Opening file: magic (8 bytes) ‖ digest of the card (32) ‖ number of rows (4, big endian) ‖ blinds (32 each) ‖ content file.
 */
import {
  cardDigest,
  cardShape,
  cardStatement,
  checkVocabulary,
  commitmentRows,
  decodeContent,
  type Card,
  type Content,
} from '../../verifier/cards.ts';
import { same, type Affine } from '../../verifier/curve.ts';
import { R } from '../../verifier/field.ts';
import { digestOf, fromHex, InputError, toHex, type Hex } from '../../verifier/input.ts';
import { readWord, WORD_BYTES, writeWord } from '../../verifier/words.ts';
import type { Backend } from '../backend/types.ts';
import { cardRows, commitCard, proveCard } from '../prove/card.ts';
import { systemRandom } from '../prove/random.ts';
import { rowsHex } from './content.ts';
import type { PublicCard } from './data.ts';

/** What is known of a hidden card by those who hold its opening; `readOpening` has checked it against the card. */
export interface Opening {
  readonly content: Content;
  readonly rows: readonly Affine[];
  readonly blinds: readonly bigint[];
}

export interface HiddenCard {
  readonly card: Card;
  readonly rangeProof: Uint8Array;
  /** Secret. */
  readonly opening: Uint8Array;
}

const MAGIC = new TextEncoder().encode('FPOPEN01');
const HEAD = MAGIC.length + 32 + 4;

/** Commits to a card's content with 2^columns columns and proves its widths. */
export async function hideCard(made: PublicCard, columns: number, backend: Backend): Promise<HiddenCard> {
  const { content: _, ...rest } = made.card;
  const shape = cardShape(made.card, columns);
  const content = new Map(Object.entries(made.content));
  const commitment = await commitCard(backend, systemRandom, shape, content);
  const rows = rowsHex(commitment.rows);
  const rangeProof = await proveCard(backend, systemRandom, shape, content, commitment, cardStatement(rest, columns, rows));
  const card: Card = { ...rest, commitment: { columns, rows, rangeProof: { digest: digestOf(rangeProof), size: rangeProof.length } } };
  const { blinds } = commitment;
  const opening = new Uint8Array(HEAD + WORD_BYTES * blinds.length + made.bytes.length);
  opening.set(MAGIC);
  opening.set(fromHex(cardDigest(card)), MAGIC.length);
  new DataView(opening.buffer).setUint32(HEAD - 4, blinds.length);
  const words = opening.subarray(HEAD);
  blinds.forEach((b, i) => writeWord(words, i, b));
  opening.set(made.bytes, HEAD + WORD_BYTES * blinds.length);
  return { card, rangeProof, opening };
}

/** Digest of the card that an opening file belongs to. */
export function openingDigest(bytes: Uint8Array, source: string): Hex {
  if (bytes.length < HEAD || MAGIC.some((b, i) => bytes[i] !== b))
    throw new InputError(source, '', 'is no opening file', 'give the file that `model commit --hidden` or `data commit --hidden` wrote');
  return toHex(bytes.subarray(MAGIC.length, MAGIC.length + 32));
}

/**
 * Reads the opening of a card: exact length, canonical blinds, every value in its width, and content and blinds commit to the card's rows
 * (computed anew). Errors name `source`.
 */
export async function readOpening(backend: Backend, card: Card, bytes: Uint8Array, source: string): Promise<Opening> {
  const { commitment } = card;
  if (commitment === undefined) throw new InputError(source, '', `card ${card.name} is public`, 'leave the opening out');
  if (openingDigest(bytes, source) !== cardDigest(card))
    throw new InputError(source, '', 'opens another card', 'give the opening of this card');
  const rows = commitmentRows(card, source);
  const count = new DataView(bytes.buffer, bytes.byteOffset).getUint32(HEAD - 4);
  const end = HEAD + WORD_BYTES * rows.length;
  if (count !== rows.length || bytes.length < end)
    throw new InputError(source, 'blinds', `are ${count}, the card has ${rows.length} rows`, 'restore the file from a copy');
  const words = bytes.subarray(HEAD, end);
  const blinds = rows.map((_, i) => readWord(words, i));
  if (blinds.some((b) => b >= R)) throw new InputError(source, 'blinds', 'are not canonical', 'restore the file from a copy');
  const content = decodeContent(card.tensors, bytes.subarray(end), source);
  checkVocabulary(card, content, source);
  const shape = cardShape(card, commitment.columns);
  const own = await cardRows(backend, shape, new Map(Object.entries(content)), blinds);
  const wrong = own.findIndex((p, i) => !same(p, rows[i] ?? null));
  if (own.length !== rows.length || wrong >= 0)
    throw new InputError(source, `row ${Math.max(wrong, 0)}`, 'does not commit to what the card says', 'restore the file from a copy');
  return { content, rows, blinds };
}
