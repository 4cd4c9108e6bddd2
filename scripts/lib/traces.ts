/**
 * Traces in files, named by their root. A file holds the cells of the segments that have some, as words of 32 bytes:
 *
 *   format, number of segments, cells of each segment, (a zero where that makes an odd number of words), then the cells, two words each
 *
 * Any tree of cells can be written so, a false one too; one with a leaf that hides no cell cannot, and has to be asked for by demands.
 */
import type { Hex } from '../../verifier/input.ts';
import { InputError } from '../../verifier/input.ts';
import { wordHex } from '../../verifier/bounty.ts';
import { CELL_BYTES, type Forest } from '../../verifier/record/indexed-merkle.ts';
import type { RecordedVerifier } from '../../verifier/record/record.ts';
import { traceTree } from '../../verifier/record/trace.ts';
import { readWord, tagNumber, WORD_BYTES, writeWord, type Keccak } from '../../verifier/words.ts';
import { openStore, type Store } from './store.ts';

const FORMAT = tagNumber('fineproof trace 1');

/** What of a recorded verifier gives a trace its shape. */
export type TraceShape = Pick<RecordedVerifier, 'k' | 'traceDepth'>;

const headerWords = (segments: number): number => 2 + segments + (segments % 2);

/** A file of cells by segment. */
export function encodeTrace(cells: readonly Uint8Array[]): Uint8Array {
  const header = headerWords(cells.length);
  const bytes = new Uint8Array(header * WORD_BYTES + cells.reduce((n, own) => n + own.length, 0));
  [FORMAT, BigInt(cells.length), ...cells.map((own) => BigInt(own.length / CELL_BYTES))].forEach((w, i) => writeWord(bytes, i, w));
  let at = header * WORD_BYTES;
  for (const own of cells) {
    bytes.set(own, at);
    at += own.length;
  }
  return bytes;
}

/** Cells by segment, views of the file. Errors name the file. */
export function decodeTrace(bytes: Uint8Array, shape: TraceShape, source: string): Uint8Array[] {
  const wrong = (what: string): InputError =>
    new InputError(source, '', what, 'get the trace again, or ask for it with `fineproof demand`');
  if (bytes.length < CELL_BYTES || bytes.length % CELL_BYTES !== 0 || readWord(bytes, 0) !== FORMAT)
    throw wrong('is not a trace of version 1');
  const segments = readWord(bytes, 1);
  if (segments > 2n ** BigInt(shape.traceDepth - shape.k)) throw wrong(`has ${segments} segments, more than the verifier’s trace`);
  const header = headerWords(Number(segments));
  if (bytes.length < header * WORD_BYTES) throw wrong('is truncated');
  const lengths = Array.from({ length: Number(segments) }, (_, i) => readWord(bytes, 2 + i));
  if (segments % 2n === 1n && readWord(bytes, header - 1) !== 0n) throw wrong('has a header that is not canonical');
  if (lengths.some((n) => n > 2n ** BigInt(shape.k))) throw wrong('has a segment longer than the verifier’s');
  let at = header * WORD_BYTES;
  const cells = lengths.map((n) => bytes.subarray(at, (at += Number(n) * CELL_BYTES)));
  if (at !== bytes.length) throw wrong('is truncated or extended');
  return cells;
}

/** A trace with its tree. */
export interface Trace {
  readonly cells: readonly Uint8Array[];
  readonly tree: Forest;
}

export const openTrace = (bytes: Uint8Array, shape: TraceShape, source: string, keccak?: Keccak): Trace => {
  const cells = decodeTrace(bytes, shape, source);
  return { cells, tree: traceTree(shape, cells, keccak) };
};

/** Bytes of the honest trace's file. */
export function traceBytes({ init, step, last, proofs }: RecordedVerifier): number {
  return headerWords(proofs + 2) * WORD_BYTES + (init.length + proofs * step.length + last.length) * CELL_BYTES;
}

/** Cells beyond those of the lists that a stranger's file may have: a claim with more junk is asked for by demands. */
const MORE_BYTES = 2 ** 16 * CELL_BYTES;

/** Largest file of a stranger's trace that is read. */
export const traceLimit = (recorded: RecordedVerifier): number => traceBytes(recorded) + MORE_BYTES;

/** Traces of one verifier in a store, next to the bundles. */
export const openTraces = (folder: string, shape: TraceShape, keccak?: Keccak): Store =>
  openStore(folder, (bytes) => wordHex(openTrace(bytes, shape, 'trace', keccak).tree.root) satisfies Hex);
