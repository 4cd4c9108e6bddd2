/** Secret openings of hidden cards. */
import { decodeOpening, openingDigest, type Opening } from '../../prover/cards/hidden.ts';
import { cardDigest, type Card } from '../../verifier/cards.ts';
import { InputError } from '../../verifier/input.ts';
import { loadSecret } from './secrets.ts';

const MAX_OPENING = 2 ** 31 - 1;

/** Reads opening files, each matched to its card by digest. Errors: one that opens none of the cards, a hidden card without opening. */
export async function loadOpenings(files: readonly string[], cards: Readonly<Record<string, Card>>): Promise<ReadonlyMap<string, Opening>> {
  const hidden = new Map(Object.entries(cards).filter(([, card]) => card.commitment !== undefined));
  const openings = new Map<string, Opening>();
  for (const file of files) {
    const bytes = await loadSecret(file, MAX_OPENING);
    const digest = openingDigest(bytes, file);
    const found = [...hidden].find(([, card]) => cardDigest(card) === digest);
    if (found === undefined) throw new InputError(file, '', `opens card ${digest}, which the bounty does not have`, 'leave it out');
    openings.set(found[0], decodeOpening(found[1], bytes, file));
  }
  for (const name of hidden.keys())
    if (!openings.has(name)) throw new InputError(`${name}.card.json`, '', 'is hidden', 'give its secret opening file with --opening');
  return openings;
}
