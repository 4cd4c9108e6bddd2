/** A polynomial as a matrix of rows, of which those that are not committed are 0 and cost nothing. */
import { mod } from '../../verifier/field.ts';
import type { Affine } from '../../verifier/curve.ts';
import { cellsAt, isSource, type CellSource } from '../backend/sources.ts';
import type { Backend, Cells, ContractDim, FieldVector } from '../backend/types.ts';

export interface Matrix {
  readonly cells: Cells | CellSource;
  /** log2 of the columns. */
  readonly columns: number;
  /** The committed rows, ascending. */
  readonly rows: readonly number[];
}

/** Lets the backend keep the cells of all that lie in memory until the returned function is called; they must not change before. */
export function hold(backend: Backend, all: Iterable<Cells | CellSource>): () => void {
  const ends = [...all].flatMap((cells) => (isSource(cells) || !backend.hold ? [] : [backend.hold(cells)]));
  return () => ends.forEach((end) => end());
}

/** Cells of a gap that are read sooner than begun anew after. */
const GAP = 2 ** 19;

/** Ranges [first, end) of rows that hold all committed ones. */
function ranges({ columns, rows }: Matrix): (readonly [number, number])[] {
  const out: [number, number][] = [];
  for (const row of rows) {
    const last = out.at(-1);
    if (last !== undefined && (row - last[1]) * 2 ** columns <= GAP) last[1] = row + 1;
    else out.push([row, row + 1]);
  }
  return out;
}

/** Bytes of a source that are read at a time to be committed. */
const PIECE = 2 ** 25;

/** Hyrax rows of the committed rows, one blind each; of a source, some at a time, the next ones read meanwhile. */
export async function commitRows(backend: Backend, m: Matrix, blinds: readonly bigint[]): Promise<Affine[]> {
  const { cells, rows } = m;
  const width = 2 ** m.columns;
  if (!isSource(cells)) return backend.commitRows(cells, width, blinds, rows);
  if (blinds.length !== rows.length) throw new Error(`commitRows: ${rows.length} rows, ${blinds.length} blinds`);
  const most = Math.max(1, Math.floor(PIECE / (width * cells.BYTES_PER_ELEMENT)));
  const groups: { readonly from: number; end: number }[] = [];
  for (const [k, row] of rows.entries()) {
    const last = groups.at(-1);
    if (last !== undefined && row - (rows[last.from] as number) < most) last.end = k + 1;
    else groups.push({ from: k, end: k + 1 });
  }
  const read = (k: number): Promise<Cells> | null => {
    const group = groups[k];
    if (group === undefined) return null;
    const [first, end] = [rows[group.from] as number, (rows[group.end - 1] as number) + 1];
    const found = cells.read(first * width, (end - first) * width);
    // What went wrong is thrown where these rows are wanted.
    found.catch(() => {});
    return found;
  };
  const out: Affine[] = [];
  let next = read(0);
  for (const [k, { from, end }] of groups.entries()) {
    const piece = (await next) as Cells;
    next = read(k + 1);
    const own = rows.slice(from, end).map((row) => row - (rows[from] as number));
    for (const point of await backend.commitRows(piece, width, blinds.slice(from, end), own)) out.push(point);
  }
  return out;
}

/** The cells of one row. */
export const cellsOfRow = (m: Matrix, row: number): Promise<Cells> => cellsAt(m.cells, row * 2 ** m.columns, 2 ** m.columns);

const bitsFor = (count: number): number => Math.ceil(Math.log2(count));

/** eq(point, ·) as summed dims of a partial evaluation. */
const eqDims = (point: readonly bigint[]): ContractDim[] => point.map((x) => ({ bits: 1, kind: 'sum', weights: [mod(1n - x), x] }));

/** out += scale · Σ_row weights[row]·P(row, ·). */
export async function addRows(backend: Backend, m: Matrix, weights: readonly bigint[], scale: bigint, out: FieldVector): Promise<void> {
  const width = 2 ** m.columns;
  const keep = { bits: m.columns, kind: 'keep' as const, size: width, shift: 0, limit: width, stride: 1 };
  for (const [first, end] of ranges(m)) {
    const sum = { bits: bitsFor(end - first), kind: 'sum' as const, weights: weights.slice(first, end) };
    await backend.contract({ cells: m.cells, offset: first * width }, [sum, keep], scale, out);
  }
}

/** P(row, point) for every row, point over the columns. */
export async function bindColumns(backend: Backend, m: Matrix, point: readonly bigint[]): Promise<FieldVector> {
  const width = 2 ** m.columns;
  const rows = m.cells.length / width;
  const out = backend.zeros(rows);
  try {
    for (const [first, end] of ranges(m)) {
      const [bits, size] = [bitsFor(end - first), end - first];
      // Outputs count from the range's first row: a dim of no bits moves them there.
      const moved = { bits: 0, kind: 'keep' as const, size: 1, shift: first, limit: rows, stride: 1 };
      const keep = { bits, kind: 'keep' as const, size, shift: 0, limit: size, stride: 1 };
      await backend.contract({ cells: m.cells, offset: first * width }, [moved, keep, ...eqDims(point)], 1n, out);
    }
    return out;
  } catch (error) {
    backend.free(out);
    throw error;
  }
}

/** P(point), rows first. */
export async function evaluate(backend: Backend, m: Matrix, point: readonly bigint[]): Promise<bigint> {
  const high = point.length - m.columns;
  const bound = await bindColumns(backend, m, point.slice(high));
  const eq = await backend.eqTable(point.slice(0, high), 1n);
  const [values, weights] = [await backend.toField(bound), await backend.toField(eq)];
  backend.free(bound);
  backend.free(eq);
  return mod(values.reduce((z, v, row) => z + v * (weights[row] as bigint), 0n));
}
