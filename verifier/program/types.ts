/**
 * The program: one training step (or a group of them) as integer relations over tensors with named axes.
 *
 * Trainer, prover and verifier walk this same list. Nothing here depends on a model family: builders under
 * `verifier/models/` produce programs, `lower.ts` turns each relation into look-up leaves and equalities.
 *
 * Conventions
 * - An axis of `size` n takes `bits(n) = ceil(log2(n))` address bits; the cells with an index >= n are pads.
 * - A tensor owns an aligned block of its polynomial, its axes most significant first, row-major.
 * - Reading is zero-extended: outside the tensor's domain (index >= size, or j > i on a causal pair) a view is 0.
 * - Every value is an exact integer. `f` is the public exponent: the real number meant is value / 2^f.
 */

/** An axis of a tensor: a name (for people and errors) and a size >= 1. */
export interface Axis {
  readonly name: string;
  readonly size: number;
}

/** Where a tensor lives. Names of fixed polynomials are the program's (`model`, `data`, `constants`). */
export type PolyRole = 'witness' | 'stateIn' | 'stateOut' | 'fixed';

/**
 * A polynomial. Roles other than `fixed` occur exactly once. A fixed polynomial is the same in every proof of a run:
 * `hidden` ones are Hyrax-committed in a card, `public` ones are evaluated by the decider from their content.
 */
export interface Poly {
  readonly name: string;
  readonly role: PolyRole;
  readonly hidden: boolean;
}

/** A tensor: `bits` is the declared width; signed values lie in [-2^(bits-1), 2^(bits-1)), unsigned in [0, 2^bits). */
export interface Tensor {
  readonly name: string;
  readonly poly: string;
  readonly axes: readonly Axis[];
  readonly bits: number;
  readonly signed: boolean;
  /** Positions [i, j] of two axes of equal size; the domain is then restricted to j <= i. */
  readonly causal?: readonly [number, number];
  /** Public exponent: real value = integer / 2^f. Used by calibration, reports and export, not by the proof. */
  readonly f: number;
  /**
   * How the declared width is enforced in a witness tensor: `leaf` (a range look-up of its own, made by lowering) or
   * `map` (something else bounds every cell: a table that it is looked up in, or its ranged root; validity/check.ts says what).
   * A state-out tensor of range `limbs` is delivered: its 16-bit limbs are committed and looked up too (delivery/limbs.ts).
   */
  readonly range: 'leaf' | 'map' | 'limbs';
}

/** An index variable of a relation. */
export interface Var {
  readonly name: string;
  readonly size: number;
}

/**
 * One part of a tensor axis's index; an axis index is the concatenation of its parts' bits, most significant first, and the
 * parts' bits must add up to the axis's bits.
 * - `var`: the variable plus `shift` (a shifted part must be its axis's only part; indices out of range read 0);
 * - `at`: a constant;
 * - `proof`: the index of the proof in its run (0-based): slices an axis that counts groups of steps;
 * - `reduce`: a sum over this part with public weights 1, y, or 2^y.
 */
export type Part =
  | { readonly var: string; readonly shift?: number }
  | { readonly at: number; readonly bits: number }
  | { readonly proof: true; readonly bits: number }
  | { readonly reduce: 'ones' | 'index' | 'powers'; readonly size: number };

/**
 * A linear reading of a tensor: `index[a]` are the parts of axis a. A variable of the relation that occurs in no part is
 * broadcast over its range, unless `when` fixes it: the view is then 0 except where `var == is`.
 */
export interface View {
  readonly tensor: string;
  readonly index: readonly (readonly Part[])[];
  readonly when?: readonly { readonly var: string; readonly is: number }[];
}

/** A linear combination of views over the same variables. */
export type Linear = readonly { readonly coef: bigint; readonly view: View }[];

/** A form: `coef * sum over the variables in `sum` of the product of the factors` (two or three of them). Never committed. */
export interface Product {
  readonly coef: bigint;
  readonly factors: readonly Linear[];
  readonly sum: readonly Var[];
}

/** `constant + linear + products`, an integer for every index of the relation's domain. */
export interface Expr {
  readonly constant: bigint;
  readonly linear: Linear;
  readonly products: readonly Product[];
}

/** The cells for which a relation holds: index variables (most significant first), optionally restricted to j <= i. */
export interface Domain {
  readonly vars: readonly Var[];
  /** Names [i, j] of two variables of equal size. */
  readonly causal?: readonly [string, string];
}

/** A look-up table of tuples (x, y) or (x, y, y2), x = lo … lo + size - 1; the y columns are tensors of a public fixed polynomial with one axis. */
export interface MapTable {
  /** >= 64; ids below are range tables. Tuples of two and of three entries never share an id. */
  readonly id: number;
  readonly name: string;
  readonly lo: number;
  readonly size: number;
  readonly y: string;
  readonly y2?: string;
  /** The real functions behind y and y2, for the float walk: value = 2^fOut * fn(x / 2^fIn). */
  readonly fn: MapFunction;
  readonly fn2?: MapFunction;
}

export interface MapFunction {
  readonly name: 'exp-neg' | 'silu' | 'silu-derivative' | 'gelu' | 'gelu-derivative' | 'log' | 'table';
  readonly fIn: number;
  readonly fOut: number;
}

/** The relations (proof.md §2). `on` is the domain; `out` views assign one cell of their tensor to every index of the domain. */
export type Relation =
  /** out = floor((expr + 2^(shift-1)) / 2^shift), shift >= 1. The remainder is a virtual look-up leaf. */
  | { readonly kind: 'rescale'; readonly on: Domain; readonly out: View; readonly expr: Expr; readonly shift: number }
  /** out = expr. */
  | { readonly kind: 'equal'; readonly on: Domain; readonly out: View; readonly expr: Expr }
  /** expr = 0; computes nothing. */
  | { readonly kind: 'assert'; readonly on: Domain; readonly expr: Expr; readonly why: string }
  /** (x, out[, out2]) is a row of the table. */
  | { readonly kind: 'map'; readonly on: Domain; readonly table: number; readonly x: Expr; readonly out: View; readonly out2?: View }
  /** out = floor(num / den), or with `round` floor((2 num + den) / (2 den)); den >= 1 follows. `bits` >= width of den (of 2 den with `round`). */
  | {
      readonly kind: 'divide';
      readonly on: Domain;
      readonly out: View;
      readonly num: Expr;
      readonly den: Expr;
      readonly bits: number;
      readonly round: boolean;
    }
  /** out = isqrt(floor(numerator / m)), `square` = out^2; `bits` bounds both remainders. */
  | {
      readonly kind: 'rsqrt';
      readonly on: Domain;
      readonly out: View;
      readonly square: View;
      readonly numerator: bigint;
      readonly m: Linear;
      readonly bits: number;
    }
  /** out = isqrt(of), of >= 0. */
  | { readonly kind: 'isqrt'; readonly on: Domain; readonly out: View; readonly of: Expr; readonly bits: number }
  /**
   * out = max over `over` (a variable of `on`) of `of`; `hot` marks the first maximum. `out` does not depend on `over`. Without `hot` the
   * relation proves nothing of its own: a map of out − of that counts zeros pins it (validity/relations.ts).
   */
  | {
      readonly kind: 'rowmax';
      readonly on: Domain;
      readonly over: string;
      readonly out: View;
      readonly hot?: View;
      readonly of: View;
      readonly bits: number;
    }
  /** out = min(of, max), `hot` = 1 where of > max; |max - of| < 2^bits. */
  | {
      readonly kind: 'clamp';
      readonly on: Domain;
      readonly out: View;
      readonly hot: View;
      readonly of: Linear;
      readonly max: bigint;
      readonly bits: number;
    }
  /**
   * Mantissa of a wide positive integer: `hot` (axis variable `over`, size E) marks the exponent e with 2^e·2^15 <= of < 2^e·2^16,
   * out = floor(of / 2^e) in [2^15, 2^16). Followed by a map this is the logarithm.
   */
  | {
      readonly kind: 'mantissa';
      readonly on: Domain;
      readonly over: Var;
      readonly out: View;
      readonly hot: View;
      readonly of: Linear;
      readonly bits: number;
    }
  /** Each chunk's `hot` (with variable `over`, size <= 2^8) is one-hot, and sum over chunks of weight * position = index. */
  | {
      readonly kind: 'onehot';
      readonly on: Domain;
      readonly index: Linear;
      readonly chunks: readonly { readonly hot: View; readonly over: Var; readonly weight: bigint }[];
    };

/** How many steps a run has and how many one proof holds (a power of two that divides `steps`). */
export interface Schedule {
  readonly steps: number;
  readonly perProof: number;
}

/** A program: what is hashed and pinned on-chain. Content of public constant tensors is part of it. */
export interface Program {
  readonly version: 1;
  readonly name: string;
  readonly schedule: Schedule;
  /** log2 of the number of columns of every polynomial. */
  readonly columns: number;
  readonly polys: readonly Poly[];
  readonly tensors: readonly Tensor[];
  readonly tables: readonly MapTable[];
  readonly relations: readonly Relation[];
  /** Content of the tensors of the public polynomial `constants`, by tensor name: dense over the axes' sizes, row-major, no pads. */
  readonly constants: Readonly<Record<string, readonly number[] | Int32Array | Float64Array>>;
}

/** ceil(log2(size)): address bits of an axis, a variable or a polynomial, exact up to 2^53. */
export const bitsOf = (size: number): number =>
  size <= 1 ? 0 : size <= 2 ** 32 ? 32 - Math.clz32(size - 1) : 32 + bitsOf(Math.ceil(size / 2 ** 32));

/** Address bits of a tensor's block. */
export const tensorBits = (t: Tensor): number => t.axes.reduce((n, a) => n + bitsOf(a.size), 0);
