/** Bytes in the shape of bundles: whole cells, and roots that name them. */
import { bundleRoot, CELL } from '../../../verifier/bundle.ts';
import { wordHex } from '../../../verifier/bounty.ts';
import type { Hex } from '../../../verifier/input.ts';
import type { Patience } from '../../../scripts/lib/stores/transfer.ts';

/** Cells of bytes that are not zero. */
export const cells = (n: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length: n * CELL }, (_, i) => 1 + ((i * 7 + (i >> 8) * 13 + seed) % 255));

export const rootOf = (bytes: Uint8Array): Hex => wordHex(bundleRoot(bytes));

/** Quick to lose patience. */
export const hasty: Patience = { idle: 250, total: 600, rate: 1e9, tries: 3, base: 1 };
