/** Card files: `<name>.card.json` with the content of public cards in the content-addressed folder `content` beside it. */
import { dirname, join } from 'node:path';
import { cardDigest, decodeCard, encodeCard, openContent, type Card, type Content } from '../../verifier/cards.ts';
import { plain } from '../../verifier/engine.ts';
import { digestOf, InputError, type Hex } from '../../verifier/input.ts';
import type { Command } from 'commander';
import { selectBackend } from '../../prover/backend/index.ts';
import type { PublicCard } from '../../prover/cards/data.ts';
import { hideCard } from '../../prover/cards/hidden.ts';
import { readBounded, writeAtomic } from './files.ts';
import { integerOption } from './options.ts';
import { passphrase, saveSecret } from './secrets.ts';
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

/** How a card is kept: published with its content, or hidden with an opening file of mode 0600. */
export interface CardOptions {
  readonly hidden?: true;
  readonly columns: number;
  readonly encrypt?: true;
}

/** Writes a card as asked: public, or hidden with its range proof and `<name>.opening` (encrypted on request). */
export async function saveCard(
  path: string,
  made: PublicCard,
  options: CardOptions,
): Promise<{ readonly digest: Hex; readonly opening: string | null }> {
  if (options.encrypt === true && options.hidden !== true)
    throw new InputError('--encrypt', '', 'is about the opening of a hidden card, this one is public', 'add --hidden, or leave it out');
  if (options.hidden !== true) return { digest: savePublicCard(path, made), opening: null };
  const word = options.encrypt === true ? await passphrase('Passphrase for the opening: ') : undefined;
  const backend = await selectBackend();
  try {
    const hidden = await hideCard(made, options.columns, backend);
    const opening = path.replace(/(\.card)?\.json$/, '.opening');
    saveSecret(opening, hidden.opening, word);
    openStore(join(dirname(path), 'content')).put(hidden.rangeProof);
    writeAtomic(path, encodeCard(hidden.card));
    return { digest: cardDigest(hidden.card), opening };
  } finally {
    await backend.close();
  }
}

/** Options of `model commit` and `data commit` about hiding. */
export const cardOptions = (command: Command): Command =>
  command
    .option('--hidden', 'commit to the content instead of publishing it; writes a secret opening file')
    .option(
      '--columns <n>',
      'log2 of the columns of the commitment and of the programs that use it; with --hidden',
      integerOption(1, 20),
      11,
    )
    .option('--encrypt', 'encrypt the opening file (FINEPROOF_PASSPHRASE, or asked for)');

/** Reads and checks a card; a public one with its content. */
export function loadCard(path: string, engine = plain): LoadedCard {
  const bytes = readBounded(path, MAX_CARD);
  const card = decodeCard(bytes, path);
  const digest = digestOf(bytes);
  const store = openStore(join(dirname(path), 'content'), (file) => digestOf(file, engine.keccak));
  const get = (file: { digest: Hex; size: number }, what: string): Uint8Array =>
    store.get(file.digest, Math.min(file.size, MAX_CONTENT), what);
  if (card.commitment !== undefined)
    return { card, digest, bytes, content: null, contentBytes: null, rangeProof: get(card.commitment.rangeProof, 'range proof') };
  const contentBytes = get(card.content as NonNullable<Card['content']>, 'content');
  return { card, digest, bytes, content: openContent(card, contentBytes, path, engine), contentBytes, rangeProof: null };
}
