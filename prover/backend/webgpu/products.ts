/**
 * Integer matrix products of a walk on the device, exact as long as every result is below 2^53 (the walk bounds all partial sums).
 *
 * The left factor and the result of a batch lie on the device as a whole, in blocks of one buffer each. The right factor, which is the large one, goes up in
 * pieces as it is stored, so that the next piece is copied while the device works on the last; fixed 8- and 16-bit factors stay there while there is
 * room, and both orientations (x·Wᵀ and dy·W) use the same pieces. Results come back as 64-bit integers.
 */
import type { AsyncProducts, Batch } from '../../trainer/batches.ts';
import { copyLines, type Right } from '../../trainer/kernels/right.ts';
import type { Cells } from '../types.ts';
import { whole, type Device } from './device.ts';
import { chooseCuts, DEPTH, type Cut, type Cuts } from './limbs.ts';
import { CUT, DOUBLES, INTEGERS, PRODUCT, SLICES, TILE } from './products-kernels.ts';
import type { Region } from './regions.ts';

export interface GpuProductsOptions {
  /** Multiply-adds of a batch from which it is worth the device; default 2^24. */
  readonly least?: number;
  /** Most bytes of fixed factors that stay on the device until `release`; default 1 GiB. */
  readonly keep?: number;
}

const LEAST = 2 ** 24;
const KEEP = 2 ** 30;
/** Most bytes of a block of the left factor or the result, and of a piece of the right factor. */
const BLOCK = 2 ** 26;
const PIECE = 2 ** 25;
/** Tiles that keep a device busy, and the terms that are worth one. */
const BUSY = 512;
const LEAST_TERMS = 64;
/** Pieces on their way at once. */
const AHEAD = 2;

/** [from, to) */
interface Span {
  readonly from: number;
  readonly to: number;
}

const common = (a: Span, b: Span): Span => ({ from: Math.max(a.from, b.from), to: Math.min(a.to, b.to) });
const lengthOf = ({ from, to }: Span): number => Math.max(0, to - from);
const spans = (total: number, step: number): Span[] =>
  Array.from({ length: Math.ceil(total / step) }, (_, i) => ({ from: i * step, to: Math.min(total, (i + 1) * step) }));

/** A rectangle of the left factor or the result on the device. */
interface Block {
  readonly rows: Span;
  readonly columns: Span;
  readonly region: Region;
}

/** A part of the result, whose terms are added up in slices. */
interface Sums extends Block {
  readonly slices: number;
}

/** Consecutive matrices of a batch, or part of one, as lines without gaps: columns where the terms are contiguous, else terms. */
interface Piece {
  readonly matrices: Span;
  readonly lines: Span;
  readonly within: Span;
}

const narrow = (cells: Cells): boolean => cells instanceof Int8Array || cells instanceof Int16Array;
const alongTerms = (right: Right): boolean => right.strideK === 1;

/** max |v| of integers below 2^53. */
function reachOf(cells: Cells, from: number, to: number): number {
  let max = 0;
  for (let i = from; i < to; i++) {
    const v = Math.abs(cells[i] as number);
    if (v !== Math.trunc(v) || !(v < 2 ** 53)) throw new Error(`matrix products: ${cells[i]} is no integer below 2^53`);
    if (v > max) max = v;
  }
  return max;
}

/** The bytes, filled up to whole words. */
function wholeWords(bytes: Uint8Array): Uint8Array {
  if (bytes.length % 4 === 0) return bytes;
  const out = new Uint8Array(4 * Math.ceil(bytes.length / 4));
  out.set(bytes);
  return out;
}

/** Regions that are given back together, whatever happens. */
class Held {
  private readonly device: Device;
  private readonly regions = new Set<Region>();

  constructor(device: Device) {
    this.device = device;
  }

  alloc(bytes: number): Region {
    const region = this.device.memory.alloc(bytes);
    this.regions.add(region);
    return region;
  }

  upload(bytes: Uint8Array): Region {
    const region = this.alloc(Math.max(4, bytes.length));
    this.device.write(region, 0, bytes);
    return region;
  }

  /** Takes the region out: it is somebody else's now. */
  pass(region: Region): void {
    this.regions.delete(region);
  }

  release(...regions: readonly Region[]): void {
    for (const region of regions) if (this.regions.delete(region)) this.device.memory.release(region);
  }

  end(): void {
    this.release(...this.regions);
  }
}

export class GpuProducts implements AsyncProducts {
  readonly least: number;
  private readonly device: Device;
  private readonly keep: number;
  private readonly kept = new Map<Cells, Map<string, Region>>();
  private keptBytes = 0;

  constructor(device: Device, { least = LEAST, keep = KEEP }: GpuProductsOptions = {}) {
    this.device = device;
    this.least = least;
    this.keep = keep;
  }

  /** Gives back the memory of the fixed factors; they go up again when they are needed. */
  release(): void {
    for (const pieces of this.kept.values()) this.device.memory.release(...pieces.values());
    this.kept.clear();
    this.keptBytes = 0;
  }

  /** Errors: cells that are no integers below 2^53; what the device throws. */
  async multiply(batch: Batch): Promise<void> {
    const held = new Held(this.device);
    try {
      await new Run(this.device, held, batch, (right, piece) => this.keeper(right, piece, batch)).multiply();
    } finally {
      held.end();
    }
  }

  /** Where a piece of a fixed factor is kept, and how it gets there; null where it isn't. */
  private keeper({ cells, base, strideK, strideN, fixed }: Right, { matrices, lines, within }: Piece, { N, K }: Batch): Keeper | null {
    if (!fixed || !narrow(cells) || lengthOf(matrices) > 1) return null;
    const [stride, length] = strideK === 1 ? [strideN, K] : [strideK, N];
    const key = [base, stride, length, lines.from, lines.to, within.from, within.to].join();
    return {
      region: this.kept.get(cells)?.get(key) ?? null,
      put: (region) => {
        const bytes = region.partBytes * region.parts.length;
        if (this.keptBytes + bytes > this.keep) return false;
        this.keptBytes += bytes;
        const pieces = this.kept.get(cells) ?? new Map<string, Region>();
        this.kept.set(cells, pieces.set(key, region));
        return true;
      },
    };
  }
}

interface Keeper {
  readonly region: Region | null;
  /** False where there is no room for it. */
  put(region: Region): boolean;
}

/** A piece of the right factor on the device. */
interface Stored {
  readonly region: Region;
  /** log2 of the cells of a word. */
  readonly packing: number;
  /** Cells of a limb. */
  readonly cells: number;
}

/** One batch. */
class Run {
  private readonly device: Device;
  private readonly held: Held;
  private readonly batch: Batch;
  private readonly keeper: (right: Right, piece: Piece) => Keeper | null;
  /** The first matrix; all of a batch have its type and orientation. */
  private readonly model: Right;
  private readonly cuts: Cuts;
  private readonly coming: Promise<void>[] = [];

  constructor(device: Device, held: Held, batch: Batch, keeper: (right: Right, piece: Piece) => Keeper | null) {
    const { count, left, right, M, K } = batch;
    this.device = device;
    this.held = held;
    this.batch = batch;
    this.keeper = keeper;
    this.model = right(0);
    const { cells } = this.model;
    const reach = narrow(cells) ? 2 ** (8 * cells.BYTES_PER_ELEMENT - 1) : this.rightReach();
    this.cuts = chooseCuts(reachOf(left, 0, count * M * K), reach, narrow(cells));
  }

  /** Lines of a matrix, and their length. */
  private shape(): { readonly lines: number; readonly length: number } {
    const { N, K } = this.batch;
    return alongTerms(this.model) ? { lines: N, length: K } : { lines: K, length: N };
  }

  private rightReach(): number {
    const { lines, length } = this.shape();
    let reach = 0;
    for (let i = 0; i < this.batch.count; i++) {
      const { cells, base, strideK, strideN } = this.batch.right(i);
      const stride = alongTerms(this.model) ? strideN : strideK;
      for (let line = 0; line < lines; line++) {
        const from = base + line * stride;
        reach = Math.max(reach, reachOf(cells, from, from + length));
      }
    }
    return reach;
  }

  async multiply(): Promise<void> {
    const { count, M, N, K } = this.batch;
    const most = Math.min(BLOCK, this.device.memory.partBytes);
    let [m, n, k] = [count * M, N, K];
    // Rows first, as long as tiles stay full.
    while (m * k * Math.max(8, 4 * this.cuts.left.limbs) > most)
      [m, k] = m > TILE || k === 1 ? [Math.ceil(m / 2), k] : [m, Math.ceil(k / 2)];
    while (m * n * 8 > most) [m, n] = m > TILE || n === 1 ? [Math.ceil(m / 2), n] : [m, Math.ceil(n / 2)];
    const rows = spans(count * M, m);
    const left = rows.flatMap((r) => spans(K, k).map((c) => this.leftBlock(r, c)));
    const out = rows.flatMap((r) =>
      spans(N, n).map((columns): Sums => {
        const bytes = 8 * lengthOf(r) * lengthOf(columns);
        const tiles = Math.ceil(Math.min(M, lengthOf(r)) / TILE) * Math.ceil(lengthOf(columns) / TILE);
        const slices = Math.max(1, Math.min(Math.ceil(BUSY / tiles), Math.floor(K / LEAST_TERMS), Math.floor(most / bytes)));
        const region = this.held.alloc(bytes * slices);
        this.device.clear(region);
        return { rows: r, columns, region, slices };
      }),
    );
    let last: Region | null = null;
    for (const piece of this.pieces()) {
      const stored = await this.place(piece);
      for (let i = piece.matrices.from; i < piece.matrices.to; i++) this.dispatch(piece, i, stored, left, out);
      // The device may still be reading the last one while this one comes.
      if (last !== null) this.held.release(last);
      last = stored.region;
    }
    await Promise.all(out.map((block) => this.read(block)));
  }

  /** A block of the left factor in limbs. */
  private leftBlock(rows: Span, columns: Span): Block {
    const { left, K } = this.batch;
    const [height, width] = [lengthOf(rows), lengthOf(columns)];
    let cells = left.subarray(rows.from * K, rows.to * K);
    if (width < K) {
      cells = new Float64Array(height * width);
      for (let r = 0; r < height; r++) {
        const from = (rows.from + r) * K;
        cells.set(left.subarray(from + columns.from, from + columns.to), r * width);
      }
    }
    const raw = this.held.upload(new Uint8Array(cells.buffer, cells.byteOffset, cells.byteLength));
    return { rows, columns, region: this.inLimbs(raw, DOUBLES, height * width, this.cuts.left) };
  }

  /** Cells in limbs, and gives `raw` back. */
  private inLimbs(raw: Region, kind: number, cells: number, { limbs, bits }: Cut): Region {
    const region = this.held.alloc(4 * limbs * cells);
    this.device.run(CUT, cells, [whole(raw), whole(region)], [kind, cells, limbs, bits]);
    this.held.release(raw);
    return region;
  }

  /** The right factor in pieces: several matrices, or lines of one, or parts of a line. */
  private pieces(): Piece[] {
    const { count } = this.batch;
    const { lines, length } = this.shape();
    const cell = this.model.cells.BYTES_PER_ELEMENT;
    const most = Math.floor(
      Math.min(PIECE, this.device.memory.partBytes) / (narrow(this.model.cells) ? cell : Math.max(cell, 4 * this.cuts.right.limbs)),
    );
    const all = (matrices: Span): Piece => ({ matrices, lines: { from: 0, to: lines }, within: { from: 0, to: length } });
    if (lines * length <= most) return spans(count, Math.floor(most / (lines * length))).map(all);
    const width = Math.min(length, most);
    const parts = spans(lines, Math.floor(most / width)).flatMap((l) => spans(length, width).map((within) => ({ lines: l, within })));
    return spans(count, 1).flatMap((matrices) => parts.map((p) => ({ matrices, ...p })));
  }

  /** A piece of the right factor on the device. */
  private async place(piece: Piece): Promise<Stored> {
    const { cells: first } = this.model;
    const count = lengthOf(piece.matrices) * lengthOf(piece.lines) * lengthOf(piece.within);
    const packing = narrow(first) ? Math.log2(4 / first.BYTES_PER_ELEMENT) : 0;
    const keeper = this.keeper(this.batch.right(piece.matrices.from), piece);
    if (keeper?.region) return { region: keeper.region, packing, cells: count };
    // Copies on their way are held in memory until the device takes them.
    if (this.coming.length === AHEAD) await this.coming.shift();
    const raw = this.held.upload(wholeWords(this.bytes(piece)));
    const arrived = this.device.idle();
    arrived.catch(() => {});
    this.coming.push(arrived);
    if (keeper?.put(raw)) this.held.pass(raw);
    if (narrow(first)) return { region: raw, packing, cells: count };
    const kind = first instanceof Float64Array ? DOUBLES : INTEGERS;
    return { region: this.inLimbs(raw, kind, count, this.cuts.right), packing, cells: count };
  }

  /** The cells of a piece without gaps; where they lie, if they lie so. */
  private bytes({ matrices, lines, within }: Piece): Uint8Array {
    const along = alongTerms(this.model);
    const [height, width] = [lengthOf(lines), lengthOf(within)];
    const cell = this.model.cells.BYTES_PER_ELEMENT;
    const part = (i: number): Right => {
      const right = this.batch.right(i);
      const [line, step] = along ? [right.strideN, right.strideK] : [right.strideK, right.strideN];
      return { ...right, base: right.base + lines.from * line + within.from * step };
    };
    const first = part(matrices.from);
    const stride = along ? first.strideN : first.strideK;
    if (lengthOf(matrices) === 1 && (stride === width || height === 1))
      return new Uint8Array(first.cells.buffer, first.cells.byteOffset + cell * first.base, cell * height * width);
    const bytes = new Uint8Array(cell * height * width * lengthOf(matrices));
    for (let i = matrices.from; i < matrices.to; i++)
      copyLines(bytes.subarray(cell * height * width * (i - matrices.from)), part(i), 0, height, width, along);
    return bytes;
  }

  /** Matrix i's part in all results that this piece adds to. */
  private dispatch({ matrices, lines, within }: Piece, i: number, stored: Stored, left: readonly Block[], out: readonly Sums[]): void {
    const { M } = this.batch;
    const { left: a, right: b, runs } = this.cuts;
    const width = lengthOf(within);
    const first = (i - matrices.from) * lengthOf(lines) * width;
    const along = alongTerms(this.model);
    const [columns, terms] = along ? [lines, within] : [within, lines];
    const [strideK, strideN] = along ? [1, width] : [width, 1];
    for (const sums of out)
      for (const factor of left) {
        if (factor.rows.from !== sums.rows.from) continue;
        const [m, n, k] = [
          common(factor.rows, { from: i * M, to: (i + 1) * M }),
          common(sums.columns, columns),
          common(factor.columns, terms),
        ];
        const [rows, across] = [lengthOf(m), lengthOf(n)];
        if (rows * across * lengthOf(k) === 0) continue;
        const [leftPitch, pitch] = [lengthOf(factor.columns), lengthOf(sums.columns)];
        const each = DEPTH * Math.ceil(lengthOf(k) / (DEPTH * sums.slices));
        const words = [
          ...[rows, across, lengthOf(k)],
          ...[(m.from - factor.rows.from) * leftPitch + k.from - factor.columns.from, leftPitch],
          ...[lengthOf(factor.rows) * leftPitch, a.limbs, a.bits],
          ...[first + (k.from - terms.from) * strideK + (n.from - columns.from) * strideN, strideK, strideN],
          ...[stored.cells, b.limbs, b.bits, stored.packing],
          ...[(m.from - sums.rows.from) * pitch + n.from - sums.columns.from, pitch, runs],
          ...[each, lengthOf(sums.rows) * pitch],
        ];
        const tiles = Math.ceil(rows / TILE) * Math.ceil(across / TILE);
        this.device.run(
          PRODUCT,
          tiles * Math.ceil(lengthOf(k) / each),
          [whole(factor.region), whole(stored.region), whole(sums.region)],
          words,
        );
      }
  }

  /** Waits for a block of the result. */
  private async read({ rows, columns, region, slices }: Sums): Promise<void> {
    const { out, N } = this.batch;
    const cells = lengthOf(rows) * lengthOf(columns);
    if (slices > 1) this.device.run(SLICES, cells, [whole(region)], [slices, cells]);
    const bytes = await this.device.read(region, 0, 8 * cells);
    const low = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    const high = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    let at = 0;
    for (let m = rows.from; m < rows.to; m++)
      for (let n = columns.from; n < columns.to; n++, at += 2) out[m * N + n] = (high[at + 1] as number) * 2 ** 32 + (low[at] as number);
  }
}
