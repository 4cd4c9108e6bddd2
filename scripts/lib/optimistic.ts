/** The recorded verifier as the commands use it: making a bounty's key, checking a pinned one, and a claimant's trace. */
import type { Address } from 'viem';
import { wordHex, type ClaimWords, type OpenBounty } from '../../verifier/bounty.ts';
import type { Engine } from '../../verifier/engine.ts';
import { InputError, type Hex } from '../../verifier/input.ts';
import { checkVerifierKey, publicWordsFor, recordBounty, type BountyVerifier, type Recordable } from '../../verifier/record/bounty.ts';
import { describe } from '../../verifier/record/fraud.ts';
import { keyHash } from '../../verifier/record/key.ts';
import { RecordError } from '../../verifier/record/tape.ts';
import { positionOf, runTrace, traceTree, workOf } from '../../verifier/record/trace.ts';
import { RULE, type Terms } from '../../verifier/statement.ts';
import { encodeTrace, traceBytes } from './traces.ts';

/** Largest trace that is kept in a file; Node's own limit of a buffer that is read at once. */
const MAX_TRACE = 2 ** 31 - 1;

/** Whether a claim can be challenged, so that the terms pin a verifier key. */
export const isOptimistic = (terms: Pick<Terms, 'rule'>): boolean => terms.rule !== RULE.attested;

/** The key of a bounty that is to be posted. Errors say what cannot be recorded, and what to do instead. */
export function makeKey(bounty: Recordable, engine: Engine): Hex {
  let verifier: BountyVerifier;
  try {
    verifier = recordBounty(bounty, engine.keccak);
  } catch (e) {
    if (!(e instanceof RecordError)) throw e;
    throw new InputError('--rule', '', `needs a recorded verifier: ${e.message}`, 'post with --rule attested, or hide the card');
  }
  const bytes = traceBytes(verifier.recorded);
  if (bytes > MAX_TRACE)
    throw new InputError(
      '--rule',
      '',
      `a claim’s trace would have ${bytes} bytes, at most ${MAX_TRACE} can be kept`,
      'post with --rule attested',
    );
  return keyHash(verifier.key);
}

/** Records the verifier anew and compares it with the pinned key; null where the terms pin none. Errors: another key. */
export const checkedVerifier = (bounty: OpenBounty, engine: Engine): BountyVerifier | null =>
  isOptimistic(bounty.terms) ? checkVerifierKey(bounty, engine.keccak) : null;

/** The verifier of a bounty whose claims can be challenged. Errors: an attested bounty, another key. */
export function verifierOf(bounty: OpenBounty, engine: Engine): BountyVerifier {
  const verifier = checkedVerifier(bounty, engine);
  if (verifier === null)
    throw new InputError(
      'bounty.json',
      'terms.rule',
      'is Attested: claims are judged by attesters alone',
      'nothing can be challenged or demanded',
    );
  return verifier;
}

/** A claimant's trace: its root, and the file. Errors: the recorded verifier refuses the bundle. */
export async function traceOf(
  bounty: OpenBounty,
  verifier: BountyVerifier,
  claimant: Address,
  claim: ClaimWords,
  bundle: Uint8Array,
  engine: Engine,
): Promise<{ readonly root: Hex; readonly bytes: Uint8Array }> {
  const { recorded } = verifier;
  const run = await runTrace(recorded, bundle, publicWordsFor(bounty, claimant, claim), workOf(engine));
  if (run.failed !== null) {
    const at = describe(recorded, positionOf(recorded, run.failed.segment, run.failed.index));
    throw new InputError(
      'bundle.bin',
      '',
      `the recorded verifier refuses it: ${run.failed.fault} at ${at}`,
      'train again; a claim could be refuted',
    );
  }
  return { root: wordHex(traceTree(recorded, run.cells, engine.keccak).root), bytes: encodeTrace(run.cells) };
}
