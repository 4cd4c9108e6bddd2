/**
 * Public content in a program's layout: cells of a polynomial, and Hyrax rows with public blinds for a public first state, so that
 * an all-zero row is not infinity (proof.md §3.2). blind_i = keccak(BLIND ‖ content digest ‖ i) mod r.
 */
import type { CardTensor } from './cards.ts';
import type { Affine } from './curve.ts';
import { plain } from './engine.ts';
import { R } from './field.ts';
import type { Hex } from './input.ts';
import type { Compiled, PolyLayout } from './program/compile.ts';
import { bitsOf, type Program } from './program/types.ts';
import { cellArray, keccakWords, tagNumber } from './words.ts';

const BLIND = tagNumber('BLIND');

/** Cells of a polynomial: exact integers, in any array that holds them all. */
export type Cells = Float64Array | Int32Array | Int16Array | Int8Array;

/** The tensors of a polynomial as cards list them. */
export const tensorsOf = (program: Program, poly: string): CardTensor[] =>
  program.tensors
    .filter((t) => t.poly === poly)
    .map((t) => ({ name: t.name, axes: t.axes.map((a) => ({ name: a.name, size: a.size })), bits: t.bits, signed: t.signed, f: t.f }));

/** The only polynomial of a role. */
export function polyOfRole(c: Compiled, role: Exclude<PolyLayout['role'], 'fixed'>): PolyLayout {
  const poly = c.polys.find((p) => p.role === role);
  if (poly === undefined) throw new Error(`the program has no polynomial of role ${role}`);
  return poly;
}

/** Copies a dense array over `sizes` into the padded power-of-two layout, starting at `offset`, in runs that are neighbours in both. */
export function scatter(dense: ArrayLike<number>, sizes: readonly number[], out: Cells, offset: number): void {
  const source = ArrayBuffer.isView(dense) ? (dense as Cells) : Float64Array.from(dense);
  const outer = [...sizes];
  let [run, width] = [1, 1];
  for (; outer.length > 0 && run === width; width *= 2 ** bitsOf(outer.pop() as number)) run *= outer.at(-1) as number;
  for (let at = 0; at < source.length; at += run) {
    let rest = at / run;
    let [address, stride] = [offset, width];
    for (const size of outer.toReversed()) {
      address += (rest % size) * stride;
      rest = Math.floor(rest / size);
      stride *= 2 ** bitsOf(size);
    }
    out.set(source.subarray(at, at + run), address);
  }
}

/**
 * Cells of a polynomial from dense tensors, whose values are within their widths: each in its aligned block, row-major over power-of-two
 * axes; pads are 0. They lie in the narrowest array for these widths.
 */
export function placeContent(poly: Pick<PolyLayout, 'tensors' | 'bits'>, content: Readonly<Record<string, ArrayLike<number>>>): Cells {
  const bits = Math.max(...poly.tensors.map(({ tensor }) => tensor.bits + (tensor.signed ? 0 : 1)));
  const cells = new (cellArray({ bits, signed: true }))(2 ** poly.bits);
  for (const { tensor, offset } of poly.tensors) {
    const dense = content[tensor.name];
    const sizes = tensor.axes.map((a) => a.size);
    const count = sizes.reduce((n, s) => n * s, 1);
    if (dense?.length !== count) throw new Error(`tensor ${tensor.name} has ${dense?.length ?? 0} values, its shape ${count}`);
    scatter(dense, sizes, cells, offset);
  }
  return cells;
}

/** Blinds of the rows of public content. */
export const publicBlinds = (digest: Hex, rows: readonly number[]): bigint[] =>
  rows.map((i) => keccakWords(BLIND, BigInt(digest), BigInt(i)) % R);

/** Hyrax rows of public content, with the blinds above. */
export const publicRows = (cells: Cells, columns: number, rows: readonly number[], digest: Hex, engine = plain): Promise<Affine[]> =>
  engine.commitRows(cells, 2 ** columns, publicBlinds(digest, rows), rows);
