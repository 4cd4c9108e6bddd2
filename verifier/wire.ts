/**
 * The wire: 32-byte big-endian words. A proof is all its points (x, y: two words each) in transcript order, then all its scalars. Counts are
 * the program's, so nothing states a length; anything not canonical is refused, never reduced.
 */
import { isOnCurve, type Affine } from './curve.ts';
import { R } from './field.ts';
import { readWord, WORD_BYTES } from './words.ts';

/** Bytes that are not a canonical encoding of what the program expects. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

/** Reads one proof's messages back, strictly. `where` opens every error. */
export class MessageReader {
  private readonly bytes: Uint8Array;
  private readonly where: string;
  private readonly end: number;
  private nextPoint = 0;
  private nextScalar: number;
  private readonly firstScalar: number;

  constructor(bytes: Uint8Array, counts: MessageCounts, where: string) {
    const words = 2 * counts.points + counts.scalars;
    if (bytes.length !== messageBytes(counts))
      throw new DecodeError(`${where}: ${bytes.length} bytes, the program's proofs have ${messageBytes(counts)}`);
    this.bytes = bytes;
    this.where = where;
    this.firstScalar = this.nextScalar = 2 * counts.points;
    this.end = words;
    if (words % 2 === 1 && readWord(bytes, words) !== 0n) throw new DecodeError(`${where}: the padding word is not zero`);
  }

  point(label: string): Affine {
    if (this.nextPoint >= this.firstScalar) throw new DecodeError(`${this.where}: no point left for ${label}`);
    const p = { x: readWord(this.bytes, this.nextPoint), y: readWord(this.bytes, this.nextPoint + 1) };
    this.nextPoint += 2;
    if (p.x === 0n && p.y === 0n) throw new DecodeError(`${this.where}: ${label} is the point at infinity`);
    if (!isOnCurve(p)) throw new DecodeError(`${this.where}: ${label} is not a point of the curve`);
    return p;
  }

  scalar(label: string): bigint {
    if (this.nextScalar >= this.end) throw new DecodeError(`${this.where}: no scalar left for ${label}`);
    const s = readWord(this.bytes, this.nextScalar++);
    if (s >= R) throw new DecodeError(`${this.where}: ${label} is not a canonical scalar`);
    return s;
  }

  /** Every word has been read. */
  finish(): void {
    if (this.nextPoint !== this.firstScalar || this.nextScalar !== this.end)
      throw new DecodeError(`${this.where}: words that no message reads`);
  }
}

export interface MessageCounts {
  readonly points: number;
  readonly scalars: number;
}

export const messageBytes = (counts: MessageCounts): number => {
  const words = 2 * counts.points + counts.scalars;
  return (words + (words % 2)) * WORD_BYTES;
};
