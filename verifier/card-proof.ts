/** Checks the range proof of a hidden card: a bundle of one proof of its card program (program/card-program.ts). */
import type { Affine } from './curve.ts';
import { cardProgram, type CardShape } from './program/card-program.ts';
import { compile } from './program/compile.ts';
import { verifyBundle } from './verify.ts';
import { bundleBytes, rowsDigest } from './bundle.ts';

/** Exact size of a card's range proof. */
export const cardProofBytes = (card: CardShape): number => bundleBytes(compile(cardProgram(card)));

/**
 * `statement` binds the card: words that identify it and its rows (the digest of the card without this proof). Throws DecodeError or
 * VerificationError.
 */
export function verifyCardProof(card: CardShape, rows: readonly Affine[], statement: readonly bigint[], proof: Uint8Array): void {
  verifyBundle(
    {
      compiled: compile(cardProgram(card)),
      statement,
      firstState: rows,
      finalState: rowsDigest([]),
      hiddenRows: new Map(),
      publicCells: new Map(),
    },
    proof,
  );
}
