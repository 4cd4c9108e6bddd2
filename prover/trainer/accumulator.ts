/**
 * A running sum of scaled arrays. In integers it starts as float64 and turns into pairs hi + lo when a bound on the sum of |terms|
 * reaches 2^53, so that every value stays exact up to about 2^90; beyond that `add` refuses and the caller falls back to bigints.
 */
import type { Cells } from '../../verifier/public-content.ts';
import { addProduct, addScaled, addScaledWide, rowMajor, type Strided } from './loops.ts';

export const EXACT = 2 ** 53;
const WIDEST = 2 ** 90;

export class Accumulator {
  readonly sizes: readonly number[];
  /** null while the sum is 0. */
  private cells: Float64Array | null = null;
  private fresh = true;
  lo: Float64Array | null = null;
  private bound = 0;
  private readonly exact: boolean;
  readonly strides: readonly number[];

  constructor(sizes: readonly number[], exact: boolean) {
    this.sizes = sizes;
    this.strides = rowMajor(sizes);
    this.exact = exact;
  }

  get hi(): Float64Array {
    return (this.cells ??= new Float64Array(this.sizes.reduce((n, s) => n * s, 1)));
  }

  /** Whether a term of magnitude `term` leaves the sum in one double; always so where nothing needs to be exact. */
  fits(term: number): boolean {
    return !this.exact || this.bound + term < EXACT;
  }

  /** Makes room for a term of magnitude `term`; false when the sum could pass the widest exact value. */
  reserve(term: number): boolean {
    this.fresh = false;
    if (!this.exact) return true;
    this.bound += term;
    if (this.bound >= EXACT && this.lo === null) this.lo = new Float64Array(this.hi.length);
    return this.bound < WIDEST;
  }

  /** The first term, given as an array of the accumulator's own shape that nobody else uses; false where it isn't the first or isn't narrow. */
  adopt(cells: Float64Array, coef: number, bound: number): boolean {
    if (!this.fresh || (this.exact && bound >= EXACT)) return false;
    this.reserve(bound);
    if (coef !== 1) for (let i = 0; i < cells.length; i++) cells[i] *= coef;
    this.cells = cells;
    return true;
  }

  /** += coef · src, |coef · src| <= bound. */
  add(sizes: readonly number[], base: number, strides: readonly number[], src: Strided<Cells>, coef: number, bound: number): boolean {
    if (!this.reserve(bound)) return false;
    const dst: Strided = { data: this.hi, base, strides };
    if (this.lo === null) addScaled(sizes, dst, src, coef);
    else addScaledWide(sizes, dst, this.lo, src, coef);
    return true;
  }

  /** += coef · a · b cell by cell; the caller has checked |a · b| < 2^53, and |coef · a · b| <= bound. */
  addProduct(a: Strided<Cells>, b: Strided<Cells>, coef: number, bound: number): boolean {
    if (!this.reserve(bound)) return false;
    const dst: Strided = { data: this.hi, base: 0, strides: this.strides };
    if (this.lo === null) {
      addProduct(this.sizes, dst, a, b, coef);
      return true;
    }
    const product = { data: new Float64Array(this.hi.length), base: 0, strides: this.strides };
    addProduct(this.sizes, product, a, b, 1);
    addScaledWide(this.sizes, dst, this.lo, product, coef);
    return true;
  }

  /** Adds an integer to the cells where `mask` is 1 (all without a mask). */
  addConstant(c: bigint, mask: Uint8Array | null): boolean {
    if (c === 0n) return true;
    const high = Number(c);
    const low = Number(c - BigInt(high));
    if (!this.reserve(Math.abs(high))) return false;
    const { hi, lo } = this;
    for (let i = 0; i < hi.length; i++) {
      if (mask !== null && mask[i] === 0) continue;
      const h = hi[i];
      const sum = h + high;
      if (lo !== null) {
        const back = sum - h;
        lo[i] += h - (sum - back) + (high - back) + low;
      }
      hi[i] = sum;
    }
    return true;
  }
}
