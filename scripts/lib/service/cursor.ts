/** How far the chain has been read: up to a block, known by its hash, so that another chain or a reorganised one is noticed. */
import { existsSync } from 'node:fs';
import { z } from 'zod';
import { canonicalJson, decodeCanonical, hexBytes, type Hex } from '../../../verifier/input.ts';
import { readBounded, writeAtomic } from '../files.ts';

const cursorSchema = z.strictObject({ version: z.literal(1), block: z.int().min(0), hash: hexBytes(32) });

/** A block of the chain. */
export interface BlockRef {
  readonly number: bigint;
  readonly hash: Hex;
}

/** Everything up to this block, itself too, has been dealt with; null: nothing. */
export function readCursor(path: string): BlockRef | null {
  if (!existsSync(path)) return null;
  const { block, hash } = decodeCanonical(cursorSchema, readBounded(path, 4096), path);
  return { number: BigInt(block), hash };
}

export const writeCursor = (path: string, { number, hash }: BlockRef): void =>
  writeAtomic(path, canonicalJson({ version: 1, block: Number(number), hash }));
