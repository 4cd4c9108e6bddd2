/** Secret openings of hidden cards: content and blinds. */
import type { Opening } from '../../prover/run/proving.ts';
import type { OpenBounty } from '../../verifier/bounty.ts';
import { InputError } from '../../verifier/input.ts';

/** Reads the opening files that a bounty's hidden cards need. */
export async function loadOpenings(files: readonly string[], bounty: OpenBounty): Promise<ReadonlyMap<string, Opening>> {
  const [file] = files;
  if (file !== undefined) throw new InputError('--opening', '', 'hidden cards cannot be opened by this version', 'leave it out');
  for (const name of bounty.hiddenRows.keys())
    throw new InputError(`${name}.card.json`, '', 'is hidden', 'give its secret opening file with --opening');
  return new Map();
}
