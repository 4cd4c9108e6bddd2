/**
 * Commitments over the fixed generators, and multi-exponentiations.
 *
 * Rows of integers are summed by bit planes over tables of subset sums (lines.ts), scalars over the generators the same way with 254 planes; blinds and
 * short rows of scalars over subset sums of multiples, which take additions alone. Cells go up in pieces, while the device works on those before them; a piece's
 * results come back while it works on the next.
 */
import type { Affine } from '../../../verifier/curve.ts';
import { rowsOf } from '../rows.ts';
import type { Cells } from '../types.ts';
import type { Device } from './device.ts';
import { Generators, SCALAR_BITS } from './generators.ts';
import { lineWords, sumLines, transpose, type Lines } from './lines.ts';
import { Msm, type Resident } from './msm.ts';
import { Points } from './points.ts';
import type { Region } from './regions.ts';
import { bytesOf } from './sums.ts';
import { canonical, type Vectors } from './vectors.ts';
import { POINT } from './wgsl/point.ts';

/** Bits of a scalar. */
const PLANES = 254;
/** Rows of at most so many scalars, the blind among them, go by multiples. */
const SHORT = 16;
/** Bytes of cells that go up at a time, and of points that are summed in a piece. */
const PIECE = 2 ** 25;

/** Rows of cells as they go up: two's complement of `width` bytes. */
interface Source {
  readonly width: number;
  /** Bits of two's complement, as many as any cell of the rows may need. */
  readonly planes: number;
  /** Bytes of rows one after another, padded to words. */
  pack(rows: readonly number[]): Uint8Array;
}

/** Copies rows of an array. */
function packed<T extends Cells>(
  cells: T,
  columns: number,
  rows: readonly number[],
  bytes: number,
  convert: (from: T, to: ArrayBuffer, at: number) => void,
): Uint8Array {
  const length = columns * bytes;
  const out = new Uint8Array(Math.ceil((length * rows.length) / 4) * 4);
  rows.forEach((row, i) => convert(cells.subarray(row * columns, (row + 1) * columns) as T, out.buffer, i * length));
  return out;
}

/** Errors: cells of the rows that are no exact integers. */
function sourceOf(cells: Cells, columns: number, rows: readonly number[]): Source {
  if (!(cells instanceof Float64Array)) {
    const width = cells.BYTES_PER_ELEMENT;
    const copy = (from: Cells, to: ArrayBuffer, at: number): void =>
      new Uint8Array(to).set(new Uint8Array(from.buffer, from.byteOffset, from.byteLength), at);
    return { width, planes: 8 * width, pack: (some) => packed(cells, columns, some, width, copy) };
  }
  let largest = 0;
  for (const row of rows)
    for (let i = row * columns; i < (row + 1) * columns; i++) {
      const v = Math.abs(cells[i] as number);
      if (!Number.isSafeInteger(v))
        throw new Error(`commitRows: cell ${i - row * columns} of row ${row} is not an exact integer: ${cells[i]}`);
      if (v > largest) largest = v;
    }
  const narrow = largest < 2 ** 31;
  const width = narrow ? 4 : 8;
  const convert = (from: Float64Array, to: ArrayBuffer, at: number): void => {
    const out = new Int32Array(to, at, (from.length * width) / 4);
    if (narrow) out.set(from);
    else
      from.forEach((v, i) => {
        // Both are taken modulo 2^32.
        out[2 * i] = v;
        out[2 * i + 1] = Math.floor(v / 2 ** 32);
      });
  };
  // The power of two itself is counted too: logarithms of large numbers are rounded.
  const planes = Math.min(8 * width, Math.floor(Math.log2(largest + 1)) + 2);
  return { width, planes, pack: (some) => packed(cells, columns, some, width, convert) };
}

export class Curve {
  private readonly device: Device;
  private readonly points: Points;
  private readonly tables: Generators;
  private readonly sums: Msm;
  /** Tables are built and replaced by one caller at a time, while nobody uses them. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(device: Device, vectors: Vectors) {
    this.device = device;
    this.points = new Points(device);
    this.tables = new Generators(this.points);
    this.sums = new Msm(this.points, vectors);
  }

  /** Bytes of the device that tables hold between calls. */
  get tableBytes(): number {
    return this.tables.bytes;
  }

  private alone<T>(f: () => Promise<T>): Promise<T> {
    const result = this.last.then(f);
    this.last = result.catch(() => {});
    return result;
  }

  async commitRows(cells: Cells, columns: number, blinds: readonly bigint[], which?: readonly number[]): Promise<Affine[]> {
    const rows = rowsOf(cells, columns, blinds, which);
    blinds.forEach((b, i) => canonical(b, `the blind of row ${rows[i]}`));
    const source = sourceOf(cells, columns, rows);
    const points = await this.alone(async () => {
      const load = async (some: readonly number[]): Promise<Lines> =>
        transpose(this.points, this.device.upload(source.pack(some)), source.width, columns, some.length, source.planes, true);
      return this.rows(rows, columns, blinds, source.width, source.planes, load);
    });
    return points.map((p, i) => {
      if (p === null) throw new Error(`row ${rows[i]} is the point at infinity: choose another blind`);
      return p;
    });
  }

  commit(values: readonly bigint[], blind: bigint): Promise<Affine> {
    return this.commitAll([values], [blind]).then(([point]) => point as Affine);
  }

  async commitAll(rows: readonly (readonly bigint[])[], blinds: readonly bigint[]): Promise<Affine[]> {
    if (rows.length !== blinds.length) throw new Error(`commitAll: ${rows.length} rows, ${blinds.length} blinds`);
    const all = rows.map((row, i) => [blinds[i] as bigint, ...row].map((v) => canonical(v, 'a scalar of a commitment')));
    const points = await this.alone(async () => {
      const out = new Array<Affine | null>(all.length).fill(null);
      const take = async (which: readonly number[], sum: () => Promise<(Affine | null)[]>): Promise<void> => {
        for (const [k, point] of (await sum()).entries()) out[which[k] as number] = point;
      };
      const of = (wanted: (length: number) => boolean): number[] => all.flatMap((row, i) => (wanted(row.length) ? [i] : []));
      const short = of((length) => length <= SHORT);
      await take(short, () => this.shortRows(short.map((i) => all[i] as bigint[])));
      for (const length of new Set(all.map((row) => row.length))) {
        if (length <= SHORT) continue;
        const long = of((own) => own === length);
        await take(long, () => this.longRows(long.map((i) => all[i] as bigint[])));
      }
      return out;
    });
    return points.map((p) => {
      if (p === null) throw new Error('commitment is the point at infinity: choose another blind');
      return p;
    });
  }

  /** Commitments to rows of at most SHORT scalars, the blinds first. */
  private async shortRows(rows: readonly (readonly bigint[])[]): Promise<(Affine | null)[]> {
    if (rows.length === 0) return [];
    return this.points.finish(await this.multiples(rows), rows.length, 1, 0, null);
  }

  /** Sums of scalars times H, G_0, …. */
  private async multiples(rows: readonly (readonly bigint[])[]): Promise<Region> {
    const length = Math.max(...rows.map((row) => row.length));
    const table = await this.tables.forScalars(length);
    const region = this.device.upload(bytesOf(rows.flatMap((row) => [...row, ...new Array<bigint>(length - row.length).fill(0n)])));
    return sumLines(this.points, table, { region, columns: SCALAR_BITS * length, rows: rows.length, planes: 1, needs: null });
  }

  /** Commitments to rows of scalars of one length, the blinds first. */
  private longRows(rows: readonly (readonly bigint[])[]): Promise<(Affine | null)[]> {
    const columns = (rows[0] as readonly bigint[]).length - 1;
    const blinds = rows.map((row) => row[0] as bigint);
    const load = async (some: readonly number[]): Promise<Lines> => {
      const cells = this.device.upload(bytesOf(some.flatMap((i) => (rows[i] as readonly bigint[]).slice(1))));
      return transpose(this.points, cells, SCALAR_BITS / 8, columns, some.length, PLANES, false);
    };
    return this.rows([...rows.keys()], columns, blinds, SCALAR_BITS / 8, PLANES, load);
  }

  /** Sums of rows plus blinds times H, in pieces. */
  private async rows(
    list: readonly number[],
    columns: number,
    blinds: readonly bigint[],
    width: number,
    planes: number,
    load: (rows: readonly number[]) => Promise<Lines>,
  ): Promise<(Affine | null)[]> {
    if (list.length === 0) return [];
    const table = await this.tables.forLines(columns, list.length * planes);
    const most = Math.min(PIECE, this.device.memory.partBytes);
    const rowBytes = Math.max(columns * width, 4 * planes * lineWords(columns), POINT * planes);
    const piece = Math.max(1, Math.floor(most / rowBytes));
    const out: (Affine | null)[] = [];
    let running: Promise<(Affine | null)[]> = Promise.resolve([]);
    for (let first = 0; first < list.length; first += piece) {
      const some = list.slice(first, first + piece);
      const extra = await this.multiples(blinds.slice(first, first + piece).map((b) => [b]));
      const sums = sumLines(this.points, table, await load(some));
      const next = this.points.finish(sums, some.length, planes, 1, extra);
      next.catch(() => {});
      out.push(...(await running));
      running = next;
    }
    out.push(...(await running));
    return out;
  }

  msm(scalars: readonly bigint[], points: readonly (Affine | null)[]): Promise<Affine | null> {
    return this.sums.msm(scalars, points);
  }

  /** Points that stay on the device for several sums. */
  resident(points: readonly (Affine | null)[]): Resident {
    return this.sums.resident(points);
  }
}
