/** Card files: `<name>.card.json` with the content of public cards in the content-addressed folder `content` beside it. */
import { dirname, join } from 'node:path';
import { cardDigest, decodeCard, encodeCard, openContent, type Card, type Content } from '../../verifier/cards.ts';
import { digestOf, type Hex } from '../../verifier/input.ts';
import type { PublicCard } from '../../prover/cards/data.ts';
import { readBounded, writeAtomic } from './files.ts';
import { openStore } from './store.ts';

const MAX_CARD = 64 << 20;
/** Content files up to this size are read into memory. */
export const MAX_CONTENT = 2 ** 31 - 1;

/** A card with the content that a public one gives; of a hidden one the content is in its opening. */
export interface LoadedCard {
  readonly card: Card;
  readonly digest: Hex;
  readonly bytes: Uint8Array;
  readonly content: Content | null;
  readonly contentBytes: Uint8Array | null;
  /** Of a hidden card. */
  readonly rangeProof: Uint8Array | null;
}

/** Writes card and content; returns the card's digest. */
export function savePublicCard(path: string, made: PublicCard): Hex {
  openStore(join(dirname(path), 'content')).put(made.bytes);
  writeAtomic(path, encodeCard(made.card));
  return cardDigest(made.card);
}

/** Reads and checks a card; a public one with its content. */
export function loadCard(path: string): LoadedCard {
  const bytes = readBounded(path, MAX_CARD);
  const card = decodeCard(bytes, path);
  const digest = digestOf(bytes);
  const store = openStore(join(dirname(path), 'content'));
  const get = (file: { digest: Hex; size: number }, what: string): Uint8Array =>
    store.get(file.digest, Math.min(file.size, MAX_CONTENT), what);
  if (card.commitment !== undefined)
    return { card, digest, bytes, content: null, contentBytes: null, rangeProof: get(card.commitment.rangeProof, 'range proof') };
  const contentBytes = get(card.content as NonNullable<Card['content']>, 'content');
  return { card, digest, bytes, content: openContent(card, contentBytes, path), contentBytes, rangeProof: null };
}
