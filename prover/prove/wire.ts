/** The writer's side of verifier/wire.ts and verifier/bundle.ts: one proof's messages, and the bundle of a run. */
import { bundleBytes, CELL, FORMAT } from '../../verifier/bundle.ts';
import type { Affine } from '../../verifier/curve.ts';
import type { Compiled } from '../../verifier/program/compile.ts';
import { WORD_BYTES, writeWord } from '../../verifier/words.ts';

/** Collects one proof's messages. */
export class MessageWriter {
  private readonly points: Affine[] = [];
  private readonly scalars: bigint[] = [];

  addPoint(p: Affine): void {
    this.points.push(p);
  }
  addScalar(s: bigint): void {
    this.scalars.push(s);
  }
  /** The proof's bytes; a multiple of a cell (two words): an odd count of scalars is followed by a zero word. */
  bytes(): Uint8Array {
    const words = 2 * this.points.length + this.scalars.length;
    const out = new Uint8Array((words + (words % 2)) * WORD_BYTES);
    this.points.forEach((p, i) => {
      writeWord(out, 2 * i, p.x);
      writeWord(out, 2 * i + 1, p.y);
    });
    this.scalars.forEach((s, i) => writeWord(out, 2 * this.points.length + i, s));
    return out;
  }
}

/** Puts a bundle together. */
export function encodeBundle(c: Compiled, digest: bigint, proofs: readonly Uint8Array[], decider: Uint8Array): Uint8Array {
  const out = new Uint8Array(bundleBytes(c));
  writeWord(out, 0, FORMAT);
  writeWord(out, 1, digest);
  let at = CELL;
  for (const part of [...proofs, decider]) {
    out.set(part, at);
    at += part.length;
  }
  if (at !== out.length) throw new Error(`bundle parts have ${at} bytes, the program's bundles ${out.length}`);
  return out;
}
