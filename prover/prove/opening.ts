/**
 * OPENING from half-products (proof.md §3.5, §6): the sumcheck of Σ_x P(x)·K(x), columns first, without a table as large as P.
 *
 * K is a sum of terms that are products over groups of address bits, so K(row, col) = Σ_k R_k(row)·C_k(col) with few distinct column factors C_k.
 * The column rounds are those of Σ_k ⟨u_k, C_k⟩, u_k(col) = Σ_row R_k(row)·P(row, col): one pass over the integers of a term's own rows.
 * After the column challenges ρ, P′(row) = Σ_col P(row, col)·eq(ρ, col) is one more pass, K′(row) = Σ_k R_k(row)·C_k(ρ), and the row rounds are
 * those of Σ P′·K′. Where rows are fewer than column factors (small tensors), u is a row of P and C is K's row.
 */
import { bn254 } from '@noble/curves/bn254.js';
import { mod } from '../../verifier/field.ts';
import type { Backend, FieldVector, SumcheckRounds } from '../backend/types.ts';
import { addRows, bindColumns, cellsOfRow, type Matrix } from './rows.ts';

/** scale · Π_d dims[d].weights[y_d] on an aligned block of cells; missing weights are 0. `causal`: positions [i, j] of two dims; cells with y_j > y_i count 0. */
export interface KernelTerm {
  readonly offset: number;
  readonly dims: readonly { readonly bits: number; readonly weights: readonly bigint[] }[];
  readonly scale: bigint;
  readonly causal?: readonly [number, number];
}

type Weights = readonly bigint[];

/** One product of a dim's weights as Σ high ⊗ low: over the bits of the address that count rows, and over those that count columns. */
interface Split {
  readonly high: Weights;
  readonly low: Weights;
}

/** An outer product over column bits. */
interface Outer {
  readonly lists: readonly Weights[];
  readonly bits: readonly number[];
  readonly causal?: readonly [number, number] | undefined;
}

/** scale · (outer product over rows) ⊗ (Σ outer products over columns), from the block's first cell. */
interface Piece {
  readonly offset: number;
  readonly scale: bigint;
  readonly rows: Outer;
  readonly columns: readonly Outer[];
}

const ONE: Weights = [1n];

const bitsOf = (x: Outer): number => x.bits.reduce((n, b) => n + b, 0);

/** Cells of an outer product that are not 0, were it not for a causal pair. */
const support = (x: Outer): number => x.lists.reduce((n, list) => n * list.filter((w) => w !== 0n).length, 1);

/** The rank decomposition of weights as a matrix [2^high][2^low], by elimination. eq tables have rank 1, restricted or shifted ones few more. */
function decompose(weights: Weights, highBits: number, lowBits: number): Split[] {
  if (lowBits === 0) return [{ high: weights, low: ONE }];
  if (highBits === 0) return [{ high: ONE, low: weights }];
  const width = 2 ** lowBits;
  const basis: { readonly pivot: number; readonly low: Weights; readonly high: bigint[] }[] = [];
  for (let y = 0; y < 2 ** highBits; y++) {
    const row = Array.from({ length: width }, (_, x) => weights[y * width + x] ?? 0n);
    for (const b of basis) {
      const c = row[b.pivot] as bigint;
      if (c === 0n) continue;
      b.high[y] = c;
      b.low.forEach((w, x) => (row[x] = mod((row[x] as bigint) - c * w)));
    }
    const pivot = row.findIndex((w) => w !== 0n);
    if (pivot < 0) continue;
    const lead = row[pivot] as bigint;
    const scale = bn254.fields.Fr.inv(lead);
    const high = new Array<bigint>(2 ** highBits).fill(0n);
    high[y] = lead;
    basis.push({ pivot, low: row.map((w) => mod(w * scale)), high });
  }
  return basis;
}

/** One of each. */
const combinations = (choices: readonly (readonly Split[])[]): Split[][] =>
  choices.reduce<Split[][]>((all, some) => all.flatMap((a) => some.map((s) => [...a, s])), [[]]);

/** The term without dims of no bits. */
function reduced({ offset, dims, scale, causal }: KernelTerm): KernelTerm {
  const own = dims.flatMap((x, d) => (x.bits > 0 ? [d] : []));
  const rest = dims.reduce((z, x) => (x.bits > 0 ? z : mod(z * (x.weights[0] ?? 0n))), scale);
  const term = { offset, dims: own.map((d) => dims[d] as KernelTerm['dims'][number]), scale: rest };
  return causal === undefined || !own.includes(causal[0]) ? term : { ...term, causal: [own.indexOf(causal[0]), own.indexOf(causal[1])] };
}

/** What OPENING keeps of weights while it cuts kernels up: decompositions, and names of lists, so that equal column factors are seen. */
class Cutter {
  private readonly columns: number;
  private readonly splits = new Map<Weights, Map<number, Split[]>>();
  private readonly names = new Map<Weights, number>();
  private readonly ranges = new Map<string, Weights>();

  constructor(columns: number) {
    this.columns = columns;
  }

  /** Pieces of a term whose block is one row or more. */
  cut(term: KernelTerm): Piece[] {
    const { dims } = term;
    let left = this.columns;
    const low = dims.map(() => 0);
    for (let d = dims.length - 1; d >= 0; d--) left -= low[d] = Math.min(left, (dims[d] as { bits: number }).bits);
    const options = dims.map(({ weights, bits }, d) => this.split(weights, bits, low[d] as number));
    const { causal } = term;
    const n = causal === undefined ? 0 : (dims[causal[0]] as { bits: number }).bits;
    const [i, j] = causal ?? [0, 0];
    const inRows = n > 0 && low[i] === 0 && low[j] === 0;
    const inColumns = n > 0 && low[i] === n && low[j] === n;
    const of = (choices: readonly Split[], columns: readonly (readonly Weights[])[]): Piece => ({
      offset: term.offset,
      scale: term.scale,
      rows: outer(
        choices.map((s) => s.high),
        dims.map((d, k) => d.bits - (low[k] as number)),
        inRows ? causal : undefined,
      ),
      columns: columns.map((lists) => outer(lists, low, inColumns ? causal : undefined)),
    });
    const plain = (choices: readonly (readonly Split[])[]): Piece[] => combinations(choices).map((c) => of(c, [c.map((s) => s.low)]));
    if (n === 0 || inRows || inColumns) return plain(options);

    // The pair lies on both sides, its first dim f at least partly in the rows. Blocks on one side of the diagonal are plain; those on it are cut
    // into values of f, for each of which the other dim s has a range.
    const [f, s] = [Math.min(i, j), Math.max(i, j)];
    const [lowF, lowS] = [2 ** (low[f] as number), 2 ** (low[s] as number)];
    const own = (d: number, y: number): bigint => (dims[d] as { weights: Weights }).weights[y] ?? 0n;
    const range = (from: number, yF: number): [number, number] =>
      f === i ? [0, Math.min(lowS, Math.max(0, yF - from + 1))] : [Math.min(lowS, Math.max(0, yF - from)), lowS];
    const out: Piece[] = [];
    const below = new Map<string, { readonly fhs: number[]; readonly full: readonly number[] }>();
    for (let fh = 0; fh < 2 ** n / lowF; fh++) {
      const full: number[] = [];
      for (let sh = 0; sh < 2 ** n / lowS; sh++) {
        const ranges = Array.from({ length: lowF }, (_, fl) => range(sh * lowS, fh * lowF + fl));
        if (ranges.every(([a, b]) => b - a === lowS)) {
          full.push(sh);
          continue;
        }
        const onDiagonal = ranges.flatMap(([a, b], fl) => {
          const weight = own(f, fh * lowF + fl);
          if (a >= b || weight === 0n) return [];
          const rest = this.slice((dims[s] as { weights: Weights }).weights, sh * lowS, a, b);
          return [{ [f]: lowF === 1 ? ONE : this.unit(fl, weight), [s]: rest } as Readonly<Record<number, Weights>>];
        });
        if (onDiagonal.length === 0) continue;
        const unit = (y: number, weight: bigint): Split[] => [{ high: this.unit(y, weight), low: ONE }];
        const here = options.map((o, d) => (d === f ? unit(fh, lowF === 1 ? own(f, fh) : 1n) : d === s ? unit(sh, 1n) : o));
        for (const c of combinations(here)) {
          const lists = onDiagonal.map((pair) => c.map((x, d) => pair[d] ?? x.low));
          out.push(of(c, lists));
        }
      }
      const same = below.get(full.join()) ?? { fhs: [], full };
      same.fhs.push(fh);
      below.set(full.join(), same);
    }
    const only = (rows: readonly number[], o: readonly Split[]): Split[] =>
      o.map(({ high, low }) => ({ high: high.map((w, y) => (rows.includes(y) ? w : 0n)), low }));
    for (const { fhs, full } of below.values())
      if (full.length > 0) out.push(...plain(options.map((o, d) => (d === f ? only(fhs, o) : d === s ? only(full, o) : o))));
    return out;
  }

  /** A name that equal column factors share. */
  name(columns: readonly Outer[]): string {
    const id = (list: Weights): number => {
      const known = this.names.get(list) ?? this.names.size;
      this.names.set(list, known);
      return known;
    };
    return columns.map((o) => `${o.lists.map(id).join()}:${o.causal?.join() ?? ''}`).join(';');
  }

  private split(weights: Weights, bits: number, low: number): Split[] {
    const known = this.splits.get(weights) ?? new Map<number, Split[]>();
    this.splits.set(weights, known);
    const found = known.get(low) ?? decompose(weights, bits - low, low);
    known.set(low, found);
    return found;
  }

  /** `weight` at y, 0 elsewhere. */
  private unit(y: number, weight: bigint): Weights {
    return this.kept(`${y} ${weight}`, () => Array.from({ length: y + 1 }, (_, x) => (x === y ? weight : 0n)));
  }

  /** Weights from + a … from + b − 1, at their places after `from`. */
  private slice(weights: Weights, from: number, a: number, b: number): Weights {
    return this.kept(`${this.name([{ lists: [weights], bits: [] }])} ${from} ${a} ${b}`, () =>
      Array.from({ length: b }, (_, x) => (x < a ? 0n : (weights[from + x] ?? 0n))),
    );
  }

  private kept(key: string, make: () => Weights): Weights {
    const list = this.ranges.get(key) ?? make();
    this.ranges.set(key, list);
    return list;
  }
}

/** An outer product without dims of no bits, but for those of a causal pair. */
function outer(lists: readonly Weights[], bits: readonly number[], causal: readonly [number, number] | undefined): Outer {
  const own = bits.flatMap((b, d) => (b > 0 ? [d] : []));
  return {
    lists: own.map((d) => lists[d] as Weights),
    bits: own.map((d) => bits[d] as number),
    causal: causal === undefined ? undefined : [own.indexOf(causal[0]), own.indexOf(causal[1])],
  };
}

/** Pieces with one column factor, those of a block added up: leaves are read at points that end alike, so a tensor often has several. */
function merged(pieces: readonly Piece[]): Piece[] {
  const blocks = new Map<string, Piece[]>();
  for (const p of pieces) {
    const key = `${p.offset} ${bitsOf(p.rows)}`;
    blocks.set(key, [...(blocks.get(key) ?? []), p]);
  }
  return [...blocks.values()].map((same) => {
    const [first] = same as [Piece];
    if (same.length === 1) return first;
    const bits = bitsOf(first.rows);
    const weights = new Array<bigint>(2 ** bits).fill(0n);
    for (const p of same) for (const [row, w] of entries(p.rows)) weights[row] = mod((weights[row] as bigint) + p.scale * w);
    if (bits === 0) return { ...first, scale: weights[0] as bigint };
    return { ...first, scale: 1n, rows: { lists: [weights], bits: [bits] } };
  });
}

/** A column factor with what its half-product is made of, or a row of P with K's row. */
interface Column {
  readonly u: FieldVector;
  readonly c: FieldVector;
  /** The pieces that it stands for, or the row. */
  readonly of: readonly Piece[] | number;
}

/** Weighs of the choice between rows and column factors, in nanoseconds a cell: an outer product's cell, a column round's, a half-product's. */
const OUTER_COST = 30;
const ROUND_COST = 90;
const CELL_COST = 2;

/** OPENING of one polynomial, without mask: `finish` returns P(ρ), K(ρ). */
export class OpeningRounds implements SumcheckRounds {
  private readonly backend: Backend;
  private readonly matrix: Matrix;
  private readonly list: Column[];
  private readonly point: bigint[] = [];
  private inner: SumcheckRounds | null = null;
  private outer: SumcheckRounds | null = null;
  private only: bigint[] | null = null;

  private constructor(backend: Backend, matrix: Matrix, list: Column[]) {
    this.backend = backend;
    this.matrix = matrix;
    this.list = list;
  }

  static async start(backend: Backend, matrix: Matrix, terms: readonly KernelTerm[]): Promise<OpeningRounds> {
    const { cells, columns } = matrix;
    const width = 2 ** columns;
    const cutter = new Cutter(columns);
    const rows = new Map<number, FieldVector>();
    const rowOf = (row: number): FieldVector => {
      const found = rows.get(row) ?? backend.zeros(width);
      rows.set(row, found);
      return found;
    };
    const factors = new Map<string, Piece[]>();
    const blocks = new Map<string, Piece[]>();
    for (const term of terms.map(reduced)) {
      if (term.scale === 0n) continue;
      const bits = term.dims.map((d) => d.bits);
      const total = bits.reduce((n, b) => n + b, 0);
      if (total < columns) {
        const lists = term.dims.map((d) => d.weights);
        await backend.accumulateOuter(rowOf(Math.floor(term.offset / width)), term.offset % width, lists, bits, term.scale, term.causal);
        continue;
      }
      const key = `${term.offset} ${total}`;
      const cut = cutter.cut(term);
      if (cut.length > 0) blocks.set(key, [...(blocks.get(key) ?? []), ...cut]);
    }
    for (const pieces of blocks.values()) {
      const names = pieces.map((p) => cutter.name(p.columns));
      const filled = pieces.map((p) => support(p.rows));
      const total = filled.reduce((n, x) => n + x, 0);
      const byRows = OUTER_COST * total + ROUND_COST * 2 ** bitsOf((pieces[0] as Piece).rows);
      if (byRows > (OUTER_COST + ROUND_COST) * new Set(names).size + CELL_COST * total) {
        pieces.forEach((p, k) => factors.set(names[k] as string, [...(factors.get(names[k] as string) ?? []), p]));
        continue;
      }
      for (const p of pieces)
        for (const [row, weight] of entries(p.rows)) {
          const at = Math.floor(p.offset / width) + row;
          for (const o of p.columns) await backend.accumulateOuter(rowOf(at), 0, o.lists, o.bits, mod(p.scale * weight), o.causal);
        }
    }
    const list: Column[] = [];
    for (const [row, c] of rows) list.push({ u: await backend.fromInts(await cellsOfRow(matrix, row)), c, of: row });
    const keep = { bits: columns, kind: 'keep' as const, size: width, shift: 0, limit: width, stride: 1 };
    for (const all of factors.values()) {
      const pieces = merged(all);
      const u = backend.zeros(width);
      const c = backend.zeros(width);
      for (const { offset, rows: r, scale } of pieces) {
        if (2 ** bitsOf(r) === cells.length / width) {
          const weights = new Array<bigint>(cells.length / width).fill(0n);
          for (const [row, weight] of entries(r)) weights[row] = weight;
          await addRows(backend, matrix, weights, scale, u);
          continue;
        }
        const sums = r.lists.map((weights, d) => ({ bits: r.bits[d] as number, kind: 'sum' as const, weights }));
        await backend.contract({ cells, offset, ...(r.causal ? { causal: r.causal } : {}) }, [...sums, keep], scale, u);
      }
      for (const o of (pieces[0] as Piece).columns) await backend.accumulateOuter(c, 0, o.lists, o.bits, 1n, o.causal);
      list.push({ u, c, of: pieces });
    }
    if (list.length === 0) list.push({ u: backend.zeros(width), c: backend.zeros(width), of: [] });
    return new OpeningRounds(backend, matrix, list);
  }

  async round(challenge: bigint | null): Promise<bigint[]> {
    if (challenge !== null) this.point.push(challenge);
    if (this.point.length < this.matrix.columns) {
      this.inner ??= await this.backend.productSum(this.list.map((x) => [x.u, x.c] as const));
      return this.inner.round(challenge);
    }
    if (this.outer !== null) return this.outer.round(challenge);
    this.outer = await this.backend.productSum([await this.overRows()]);
    return this.outer.round(null);
  }

  async finish(challenge: bigint): Promise<bigint[]> {
    if (this.outer !== null) return this.outer.finish(challenge);
    this.point.push(challenge);
    return this.only ?? (this.only = await this.single());
  }

  /** P(ρ), K(ρ) of a polynomial of one row. */
  private async single(): Promise<bigint[]> {
    const { backend } = this;
    const out: bigint[] = [];
    for (const v of await this.overRows()) {
      out.push((await backend.toField(v))[0] as bigint);
      backend.free(v);
    }
    return out;
  }

  /** P′ and K′ over the rows. */
  private async overRows(): Promise<[FieldVector, FieldVector]> {
    const { backend, matrix, list, point } = this;
    const { cells, columns } = matrix;
    const finals = await (this.inner as SumcheckRounds).finish(point.at(-1) as bigint);
    const rows = cells.length / 2 ** columns;
    const values = new Array<bigint>(rows).fill(0n);
    list.forEach((x, k) => {
      if (typeof x.of === 'number') values[x.of] = finals[2 * k + 1] as bigint;
    });
    const kernel = backend.fromField(values);
    for (const [k, x] of list.entries()) {
      if (typeof x.of === 'number') continue;
      for (const p of x.of) {
        const scale = mod(p.scale * (finals[2 * k + 1] as bigint));
        await backend.accumulateOuter(kernel, p.offset / 2 ** columns, p.rows.lists, p.rows.bits, scale, p.rows.causal);
      }
    }
    return [await bindColumns(backend, matrix, point), kernel];
  }
}

/** Positions and values of an outer product that are not 0. */
function* entries(x: Outer): Generator<readonly [number, bigint]> {
  const strides = x.bits.map((_, d) => 2 ** x.bits.slice(d + 1).reduce((n, b) => n + b, 0));
  const walk = function* (d: number, at: number, value: bigint, digits: readonly number[]): Generator<readonly [number, bigint]> {
    const list = x.lists[d];
    if (list === undefined) {
      if (x.causal === undefined || (digits[x.causal[1]] as number) <= (digits[x.causal[0]] as number)) yield [at, value];
      return;
    }
    for (const [y, w] of list.entries()) if (w !== 0n) yield* walk(d + 1, at + y * (strides[d] as number), mod(value * w), [...digits, y]);
  };
  yield* walk(0, 0, 1n, []);
}
