/** A polynomial as a matrix of rows, of which those that are not committed are 0 and cost nothing. */
import { mod } from '../../verifier/field.ts';
import type { Backend, Cells, ContractDim, FieldVector } from '../backend/types.ts';

export interface Matrix {
  readonly cells: Cells;
  /** log2 of the columns. */
  readonly columns: number;
  /** The committed rows, ascending. */
  readonly rows: readonly number[];
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
  for (const [first, end] of ranges(m)) {
    const [bits, size] = [bitsFor(end - first), end - first];
    // Outputs count from the range's first row: a dim of no bits moves them there.
    const moved = { bits: 0, kind: 'keep' as const, size: 1, shift: first, limit: rows, stride: 1 };
    const keep = { bits, kind: 'keep' as const, size, shift: 0, limit: size, stride: 1 };
    await backend.contract({ cells: m.cells, offset: first * width }, [moved, keep, ...eqDims(point)], 1n, out);
  }
  return out;
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
