/**
 * Hidden cards: Hyrax rows and a range proof instead of content, and the secret opening, a file for those who train.
 *
 * Opening file: magic (8 bytes) ‖ digest of the card (32) ‖ number of rows (4, big endian) ‖ blinds (32 each) ‖ content file.
 */
import {
  cardShape,
  cardStatement,
  checkVocabulary,
  decodeContent,
  encodeContent,
  rowsHex,
  type Card,
  type Content,
} from '../../verifier/cards.ts';
import type { Affine } from '../../verifier/curve.ts';
import { R } from '../../verifier/field.ts';
import { cardDigest, commitmentRows } from '../../verifier/cards.ts';
import { digestOf, fromHex, InputError, toHex } from '../../verifier/input.ts';
import { readWord, writeWord } from '../../verifier/wire.ts';
import type { Backend } from '../backend/types.ts';
import { commitCard, proveCard } from '../prove/card.ts';
import { systemRandom } from '../prove/random.ts';
import type { PublicCard } from './data.ts';

/** What is known of a hidden card by those who hold its opening. */
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
  const bytes = encodeContent(card.tensors, made.content, card.name);
  const opening = new Uint8Array(HEAD + 32 * commitment.blinds.length + bytes.length);
  opening.set(MAGIC);
  opening.set(fromHex(cardDigest(card)), MAGIC.length);
  new DataView(opening.buffer).setUint32(HEAD - 4, commitment.blinds.length);
  const blinds = opening.subarray(HEAD);
  commitment.blinds.forEach((b, i) => writeWord(blinds, i, b));
  opening.set(bytes, HEAD + 32 * commitment.blinds.length);
  return { card, rangeProof, opening };
}

/** Digest of the card that an opening file belongs to. */
export function openingDigest(bytes: Uint8Array, source: string): `0x${string}` {
  if (bytes.length < HEAD || MAGIC.some((b, i) => bytes[i] !== b))
    throw new InputError(source, '', 'is no opening file', 'give the file that `model commit --hidden` wrote');
  return toHex(bytes.subarray(MAGIC.length, MAGIC.length + 32));
}

/** Reads the opening of a card; the prover compares the rows with the card's. */
export function decodeOpening(card: Card, bytes: Uint8Array, source: string): Opening {
  if (openingDigest(bytes, source) !== cardDigest(card))
    throw new InputError(source, '', 'opens another card', 'give the opening of this card');
  const rows = commitmentRows(card, source);
  const count = new DataView(bytes.buffer, bytes.byteOffset).getUint32(HEAD - 4);
  if (count !== rows.length || bytes.length < HEAD + 32 * count)
    throw new InputError(source, 'blinds', `are ${count}, the card has ${rows.length} rows`, 'restore the file from a copy');
  const words = bytes.subarray(HEAD, HEAD + 32 * count);
  const blinds = rows.map((_, i) => readWord(words, i));
  if (blinds.some((b) => b >= R)) throw new InputError(source, 'blinds', 'are not canonical', 'restore the file from a copy');
  const content = decodeContent(card.tensors, bytes.subarray(HEAD + 32 * count), source);
  checkVocabulary(card, content, source);
  return { content, rows, blinds };
}
