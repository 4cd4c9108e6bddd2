/**
 * Fixed polynomials in files, for contents that memory should not hold: all cells in the placed layout, in the narrowest width that holds them, little-endian,
 * and nothing else. A file is written tensor by tensor; of pads, which most file systems do not store, it is read as any other cell. In Node.
 */
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { InputError } from '../../verifier/input.ts';
import type { PolyLayout } from '../../verifier/program/compile.ts';
import { cellArray } from '../../verifier/words.ts';
import type { CellSource } from '../backend/sources.ts';
import type { Cells } from '../backend/types.ts';
import { placeTensors } from './witness.ts';

type Layout = Pick<PolyLayout, 'tensors' | 'bits'>;

/** The array of a polynomial's cells, as `placeContent` chooses it. */
const arrayOf = ({ tensors }: Layout): ReturnType<typeof cellArray> =>
  cellArray({ bits: Math.max(...tensors.map(({ tensor }) => tensor.bits + (tensor.signed ? 0 : 1))), signed: true });

/** Bytes of a read or write at a time: systems refuse 2 GiB. */
const TRANSFER = 2 ** 28;

const bytesOf = (cells: Cells): Uint8Array<ArrayBuffer> => new Uint8Array(cells.buffer as ArrayBuffer, cells.byteOffset, cells.byteLength);

/**
 * Writes a polynomial's file, whole or not at all. `content` gives a tensor, dense over its axes' sizes, and is asked for one after the other: no more than one
 * is held. Throws if a tensor has another number of values, or one that does not fit its width.
 */
export async function writeCellFile(path: string, poly: Layout, content: (tensor: string) => Promise<ArrayLike<number>>): Promise<void> {
  const Kind = arrayOf(poly);
  const temporary = `${path}.${process.pid}.tmp`;
  const file = await open(temporary, 'w', 0o600);
  try {
    try {
      await file.truncate(2 ** poly.bits * Kind.BYTES_PER_ELEMENT);
      for (const placed of poly.tensors) {
        const dense = await content(placed.tensor.name);
        const block = placeTensors([{ ...placed, offset: 0 }], new Map([[placed.tensor.name, dense]]), placed.bits);
        const bytes = bytesOf(block instanceof Kind ? block : new Kind(block));
        await whole(bytes, placed.offset * Kind.BYTES_PER_ELEMENT, (own, at) =>
          file.write(own, 0, own.length, at).then((x) => x.bytesWritten),
        );
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Moves all bytes, in as many turns as the system wants. Returns how many it moved: fewer at the end of a file. */
async function whole(bytes: Uint8Array, at: number, move: (own: Uint8Array, at: number) => Promise<number>): Promise<number> {
  let done = 0;
  while (done < bytes.length) {
    const moved = await move(bytes.subarray(done, done + TRANSFER), at + done);
    if (moved === 0) break;
    done += moved;
  }
  return done;
}

/** A polynomial's cells from its file. `close` it when nothing reads from it any more. */
export class CellFile implements CellSource {
  readonly length: number;
  readonly BYTES_PER_ELEMENT: 1 | 2 | 4 | 8;
  private readonly path: string;
  private readonly file: FileHandle;
  private readonly Kind: ReturnType<typeof cellArray>;

  private constructor(path: string, file: FileHandle, poly: Layout) {
    this.path = path;
    this.file = file;
    this.Kind = arrayOf(poly);
    this.length = 2 ** poly.bits;
    this.BYTES_PER_ELEMENT = this.Kind.BYTES_PER_ELEMENT as 1 | 2 | 4 | 8;
  }

  /** Opens a polynomial's file. Throws if it has another size. */
  static async open(path: string, poly: Layout): Promise<CellFile> {
    const file = await open(path, 'r');
    const own = new CellFile(path, file, poly);
    const { size } = await file.stat();
    if (size !== own.length * own.BYTES_PER_ELEMENT) {
      await file.close();
      throw new InputError(path, '', `has ${size} bytes instead of ${own.length * own.BYTES_PER_ELEMENT}`, 'write it anew from the card');
    }
    return own;
  }

  async read(offset: number, length: number): Promise<Cells> {
    const { Kind, file } = this;
    if (!(offset >= 0 && length >= 0 && offset + length <= this.length))
      throw new Error(`${this.path}: cells ${offset} … ${offset + length} of ${this.length}`);
    const cells = new Kind(length);
    const bytes = bytesOf(cells);
    const found = await whole(bytes, offset * Kind.BYTES_PER_ELEMENT, (own, at) =>
      file.read(own, 0, own.length, at).then((x) => x.bytesRead),
    );
    if (found < bytes.length) throw new InputError(this.path, '', 'became shorter while it was read', 'write it anew from the card');
    return cells;
  }

  close(): Promise<void> {
    return this.file.close();
  }
}
