/** Secret openings of hidden cards. */
import { selectBackend } from '../../prover/backend/index.ts';
import { openingDigest, readOpening, type Opening } from '../../prover/cards/hidden.ts';
import { cardDigest, type Card } from '../../verifier/cards.ts';
import { InputError } from '../../verifier/input.ts';
import { loadSecret } from './secrets.ts';

const MAX_OPENING = 2 ** 31 - 1;

/**
 * Reads opening files, each found by its digest and checked against its card. Errors: one that opens none of the cards, a damaged one, a
 * hidden card without opening.
 */
export async function loadOpenings(files: readonly string[], cards: Readonly<Record<string, Card>>): Promise<ReadonlyMap<string, Opening>> {
  const hidden = new Map(Object.entries(cards).filter(([, card]) => card.commitment !== undefined));
  const found = new Map<string, { readonly card: Card; readonly bytes: Uint8Array; readonly file: string }>();
  for (const file of files) {
    const bytes = await loadSecret(file, MAX_OPENING);
    const digest = openingDigest(bytes, file);
    const entry = [...hidden].find(([, card]) => cardDigest(card) === digest);
    if (entry === undefined) throw new InputError(file, '', `opens card ${digest}, which the bounty does not have`, 'leave it out');
    found.set(entry[0], { card: entry[1], bytes, file });
  }
  for (const name of hidden.keys())
    if (!found.has(name)) throw new InputError(`${name}.card.json`, '', 'is hidden', 'give its secret opening file with --opening');
  const openings = new Map<string, Opening>();
  if (found.size === 0) return openings;
  const backend = await selectBackend();
  try {
    for (const [name, { card, bytes, file }] of found) openings.set(name, await readOpening(backend, card, bytes, file));
    return openings;
  } finally {
    await backend.close();
  }
}
