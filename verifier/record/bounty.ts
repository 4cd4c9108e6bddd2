/** The recorded verifier of a bounty: its key, and the trace of a claim. */
import type { Address } from 'viem';
import type { ClaimWords, OpenBounty } from '../bounty.ts';
import { InputError } from '../input.ts';
import { statementOf, statementWords } from '../statement.ts';
import type { Keccak } from '../words.ts';
import { checkLists } from './check-key.ts';
import { keyHash, keyOf, listTrees, type ListTrees, type VerifierKey } from './key.ts';
import { publicWordsOf, recordVerifier, type RecordedVerifier } from './record.ts';

/** A bounty's verifier with its key. */
export interface BountyVerifier {
  readonly recorded: RecordedVerifier;
  readonly trees: ListTrees;
  readonly key: VerifierKey;
}

/** What of a bounty its verifier is recorded from. */
export type Recordable = Pick<OpenBounty, 'compiled' | 'hiddenRows' | 'publicContent'> & {
  readonly start: Pick<OpenBounty['start'], 'rows' | 'root'>;
  readonly terms: Pick<OpenBounty['terms'], 'announces'>;
};

/** Records the verifier of a bounty whose files have been checked. Throws RecordError where its public content is too large. */
export function recordBounty(bounty: Recordable, keccak?: Keccak): BountyVerifier {
  const { compiled, start, hiddenRows, publicContent, terms } = bounty;
  const { rows, root } = start;
  const context = { compiled, firstState: rows, hiddenRows, publicContent, ...(root === undefined ? {} : { startRoot: root }) };
  const recorded = recordVerifier(context, publicWordsOf(terms.announces.length));
  checkLists(recorded);
  const trees = listTrees(recorded, keccak);
  return { recorded, trees, key: keyOf(recorded, trees) };
}

/** Records anew and compares: no contract can judge a key, so whoever is to train or to claim does this first. Throws InputError. */
export function checkVerifierKey(bounty: OpenBounty, keccak?: Keccak): BountyVerifier {
  const own = recordBounty(bounty, keccak);
  if (keyHash(own.key) !== bounty.terms.verifierKey)
    throw new InputError(
      'bounty.json',
      'terms.verifierKey',
      `is not the key of this bounty's verifier, ${keyHash(own.key)}`,
      'refuse the bounty: claims could be rejected or paid for no reason',
    );
  return own;
}

/** The public words of a claim: the statement's, then the digest of the last proof. */
export const publicWordsFor = (
  bounty: Pick<OpenBounty, 'chainId' | 'escrow' | 'terms'>,
  claimant: Address,
  claim: ClaimWords,
): bigint[] => [...statementWords(statementOf(bounty.chainId, bounty.escrow, bounty.terms, claimant, claim)), BigInt(claim.lastProof)];
