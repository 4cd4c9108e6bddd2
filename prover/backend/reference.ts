/**
 * The reference backend: every operation as its definition reads, over bigints and @noble/curves. Slow on purpose;
 * other backends must return the same values bit for bit. It also refuses what they need not look at: values out of
 * range, mismatched lengths, vectors used after they were freed or consumed.
 */
import { keccak_256 } from '@noble/hashes/sha3.js';
import { msm, type Affine } from '../../verifier/curve.ts';
import { R, mod } from '../../verifier/field.ts';
import { H, generators } from '../../verifier/generators.ts';
import { SumOfProducts, fractionTree } from './reference-rounds.ts';
import { rowsOf } from './rows.ts';
import { cellsAt } from './sources.ts';
import type { Backend, ContractDim, FieldVector, IntBlock, LeafBlock } from './types.ts';

/** A vector of canonical field elements; `cells` is null once it is freed or consumed. */
class ReferenceVector implements FieldVector {
  readonly length: number;
  cells: bigint[] | null;
  constructor(cells: bigint[]) {
    this.length = cells.length;
    this.cells = cells;
  }
}

const cellsOf = (v: FieldVector): bigint[] => {
  if (!(v instanceof ReferenceVector)) throw new Error('reference: a vector of another backend');
  if (v.cells === null) throw new Error('reference: a vector was used after it was freed or consumed');
  return v.cells;
};

const canonical = (x: bigint, what: string): bigint => {
  if (x < 0n || x >= R) throw new Error(`reference: ${what} is not a canonical field element: ${x}`);
  return x;
};

/** The integer in a cell as a bigint. */
const integer = (x: number | undefined, what: string): bigint => {
  if (x === undefined || !Number.isSafeInteger(x)) throw new Error(`reference: ${what} is not an exact integer: ${x}`);
  return BigInt(x);
};

/** eq(point, x) for every x, most significant bit first. */
export function eqValues(point: readonly bigint[], scale: bigint): bigint[] {
  let table = [scale];
  for (const p of point) table = table.flatMap((v) => [mod(v * (1n - p)), mod(v * p)]);
  return table;
}

/** The digits of `index` in a mixed radix of powers of two, most significant first. */
function digits(index: number, bits: readonly number[]): number[] {
  const result: number[] = new Array(bits.length).fill(0);
  let rest = index;
  for (let d = bits.length - 1; d >= 0; d--) {
    const size = 2 ** (bits[d] as number);
    result[d] = rest % size;
    rest = Math.floor(rest / size);
  }
  return result;
}

const blockLength = (bits: readonly number[]): number => 2 ** bits.reduce((n, b) => n + b, 0);

const aboveDiagonal = (index: readonly number[], causal: readonly [number, number] | undefined): boolean =>
  causal !== undefined && (index[causal[1]] as number) > (index[causal[0]] as number);

async function contract(block: IntBlock, dims: readonly ContractDim[], scale: bigint, out: bigint[]): Promise<void> {
  const bits = dims.map((d) => d.bits);
  const { offset } = block;
  const cells = await cellsAt(block.cells, offset, Math.max(0, Math.min(blockLength(bits), block.cells.length - offset)));
  for (let cell = 0; cell < blockLength(bits); cell++) {
    const index = digits(cell, bits);
    if (aboveDiagonal(index, block.causal)) continue;
    let weight = scale;
    let target: number | null = 0;
    dims.forEach((dim, d) => {
      const y = index[d] as number;
      if (dim.kind === 'sum') {
        weight = mod(weight * canonical(dim.weights[y] ?? 0n, `weight ${y} of dimension ${d}`));
        return;
      }
      const kept = y < dim.size && y + dim.shift >= 0 && y + dim.shift < dim.limit;
      target = kept && target !== null ? target + (y + dim.shift) * dim.stride : null;
    });
    if (target === null || weight === 0n) continue;
    const value = integer(cells[cell], `cell ${offset + cell}`);
    if (target >= out.length) throw new Error(`reference: contract writes cell ${target} of ${out.length}`);
    out[target] = mod((out[target] as bigint) + weight * value);
  }
}

/** Creates the reference backend. It holds no resources: `close` does nothing. */
export function createReferenceBackend(): Backend {
  const vector = (cells: bigint[]): FieldVector => new ReferenceVector(cells);
  const consume = (v: FieldVector): bigint[] => {
    const cells = cellsOf(v);
    (v as ReferenceVector).cells = null;
    return cells;
  };
  const finite = (p: Affine | null, what: string): Affine => {
    if (p === null) throw new Error(`${what} is the point at infinity: choose another blind`);
    return p;
  };

  const commit = (values: readonly bigint[], blind: bigint): Affine => {
    const scalars = [...values, blind].map((v) => canonical(v, 'scalar'));
    return finite(msm(scalars, [...generators(values.length), H]), 'commitment');
  };

  return {
    name: 'reference',
    keccak: keccak_256,

    async commitRows(cells, columns, blinds, rows) {
      const points = [...generators(columns), H];
      return rowsOf(cells, columns, blinds, rows).map((row, k) => {
        const scalars = Array.from(cells.subarray(row * columns, (row + 1) * columns), (v, i) => integer(v, `cell ${i} of row ${row}`));
        return finite(msm([...scalars, canonical(blinds[k] as bigint, `blind ${row}`)], points), `row ${row}`);
      });
    },
    commit: async (values, blind) => commit(values, blind),
    commitAll: async (rows, blinds) => rows.map((row, i) => commit(row, blinds[i] as bigint)),
    async msm(scalars, points) {
      return msm(
        scalars.map((s) => canonical(s, 'scalar')),
        points,
      );
    },

    zeros: (length) => vector(new Array<bigint>(length).fill(0n)),
    fromField: (values) => vector(values.map((v) => canonical(v, 'value'))),
    fromInts: async (cells) => vector(Array.from(cells, (v, i) => mod(integer(v, `cell ${i}`)))),
    toField: async (v) => [...cellsOf(v)],
    free: (v) => {
      consume(v);
    },

    eqTable: async (point, scale) =>
      vector(
        eqValues(
          point.map((p) => canonical(p, 'coordinate')),
          canonical(scale, 'scale'),
        ),
      ),
    async weightedSum(cells, weights) {
      if (weights.reduce((n, w) => n * w.length, 1) !== cells.length) throw new Error(`reference: weightedSum of ${cells.length} cells`);
      let total = 0n;
      for (const [i, v] of cells.entries()) {
        let [term, rest] = [integer(v, `cell ${i}`), i];
        for (const own of weights.toReversed()) {
          term = mod(term * canonical(own[rest % own.length] as bigint, 'weight'));
          rest = Math.floor(rest / own.length);
        }
        total += term;
      }
      return mod(total);
    },
    async contract(block, dims, scale, out) {
      await contract(block, dims, canonical(scale, 'scale'), cellsOf(out));
    },
    async accumulateOuter(out, offset, dims, bits, scale, causal) {
      const cells = cellsOf(out);
      if (offset + blockLength(bits) > cells.length) throw new Error('reference: accumulateOuter past the end of the vector');
      for (let i = 0; i < blockLength(bits); i++) {
        const index = digits(i, bits);
        if (aboveDiagonal(index, causal)) continue;
        const weight = index.reduce((w, y, d) => mod(w * canonical(dims[d]?.[y] ?? 0n, 'weight')), canonical(scale, 'scale'));
        cells[offset + i] = mod((cells[offset + i] as bigint) + weight);
      }
    },

    fractionTree: async (depth, blocks: readonly LeafBlock[], alpha, beta) => fractionTree(depth, blocks, alpha, beta),

    async formProduct(factors, point, coef) {
      const n = factors[0]?.on.length ?? 0;
      if (n < 1 || point.length > n || factors.some((f) => f.on.length !== n)) throw new Error(`formProduct: ${n} variables`);
      const wide = factors.map(({ table, on }) => {
        const cells = consume(table);
        if (cells.length !== 2 ** on.filter((x) => x).length) throw new Error(`formProduct: a table of ${cells.length} cells`);
        return Array.from(
          { length: 2 ** n },
          (_, i) => cells[on.reduce((at, own, v) => (own ? 2 * at + ((i >> (n - 1 - v)) & 1) : at), 0)] as bigint,
        );
      });
      const eq = eqValues(point, 1n).flatMap((w) => new Array<bigint>(2 ** (n - point.length)).fill(w));
      const tables = point.length > 0 ? [eq, ...wide] : wide;
      return new SumOfProducts(tables, (values) => values.reduce((z, v) => mod(z * v), coef), tables.length);
    },
    async productSum(pairs) {
      const combine = (values: readonly bigint[]): bigint =>
        mod(pairs.reduce((z, _, k) => z + (values[2 * k] as bigint) * (values[2 * k + 1] as bigint), 0n));
      return new SumOfProducts(pairs.flat().map(consume), combine, 2);
    },

    close: async () => {},
  };
}
