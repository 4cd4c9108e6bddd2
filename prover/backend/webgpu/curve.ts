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
import { piecesOf } from './pieces.ts';
import { Points } from './points.ts';
import type { Region } from './regions.ts';
import { bytesOf, ELEMENT } from './sums.ts';
import { canonical, type Vectors } from './vectors.ts';
import { POINT } from './wgsl/point.ts';

/** Bits of a scalar, and of a usual cell. */
const PLANES = 254;
const USUAL_BITS = 16;
/** Rows of at most so many scalars, the blind among them, go by multiples. */
const SHORT = 16;
/** Bytes of cells that go up at a time, and of points that are summed in a piece. */
const PIECE = 2 ** 25;

/** Lines of rows that are summed together, made when their turn comes; `which` of the results they are for. */
interface Work {
  readonly which: readonly number[];
  readonly lines: () => Lines;
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
    const points = await this.alone(() => this.rows(columns, blinds, USUAL_BITS, this.cellWork(cells, columns, rows)));
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
    const most = Math.floor(Math.min(PIECE, this.device.memory.partBytes) / (ELEMENT * SHORT));
    const out: (Affine | null)[] = [];
    for (let first = 0; first < rows.length; first += most) {
      const some = rows.slice(first, first + most);
      for (const point of await this.points.finish(await this.multiples(some), some.length, 1, 0, null)) out.push(point);
    }
    return out;
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
    return this.rows(columns, blinds, PLANES, this.scalarWork(rows, columns));
  }

  private *cellWork(cells: Cells, columns: number, rows: readonly number[]): Generator<Work> {
    const most = (width: number, planes: number): number => this.rowsOfPiece(columns, width, planes);
    for (const { which, width, planes, bytes } of piecesOf(cells, columns, rows, most)) {
      const lines = (): Lines => transpose(this.device, this.device.upload(bytes), width, columns, which.length, planes, true);
      yield { which, lines };
    }
  }

  private *scalarWork(rows: readonly (readonly bigint[])[], columns: number): Generator<Work> {
    const width = SCALAR_BITS / 8;
    const most = this.rowsOfPiece(columns, width, PLANES);
    for (let first = 0; first < rows.length; first += most) {
      const some = rows.slice(first, first + most);
      const bytes = bytesOf(some.flatMap((row) => row.slice(1)));
      const lines = (): Lines => transpose(this.device, this.device.upload(bytes), width, columns, some.length, PLANES, false);
      yield { which: some.map((_, i) => first + i), lines };
    }
  }

  /** Rows whose cells, lines and sums of lines each fit a piece. */
  private rowsOfPiece(columns: number, width: number, planes: number): number {
    const most = Math.min(PIECE, this.device.memory.partBytes);
    return Math.max(1, Math.floor(most / Math.max(columns * width, 4 * planes * lineWords(columns), POINT * planes)));
  }

  /** Sums of rows plus blinds times H; `bits` of a cell choose the table. */
  private async rows(columns: number, blinds: readonly bigint[], bits: number, work: Iterable<Work>): Promise<(Affine | null)[]> {
    const out = new Array<Affine | null>(blinds.length).fill(null);
    if (blinds.length === 0) return out;
    const table = await this.tables.forLines(columns, bits * blinds.length);
    let running: Promise<void> = Promise.resolve();
    try {
      for (const { which, lines } of work) {
        const extra = await this.multiples(which.map((k) => [blinds[k] as bigint]));
        const own = lines();
        const sums = sumLines(this.points, table, own);
        const next = this.points.finish(sums, which.length, own.planes, 1, extra).then((points) => {
          for (const [i, k] of which.entries()) out[k] = points[i] as Affine | null;
        });
        next.catch(() => {});
        await running;
        running = next;
      }
    } finally {
      // Also where cells of a later piece are refused, so that the next caller finds the tables unused.
      await running;
    }
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
