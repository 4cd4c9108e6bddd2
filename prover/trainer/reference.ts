/**
 * The meaning of expressions, cell by cell in bigints, straight from the definitions in `verifier/program/types.ts`. The oracle of
 * the tests, and what the walker falls back to where values outgrow pairs of float64.
 */
import { bitsOf } from '../../verifier/program/types.ts';
import type { Expr, Linear, Part, Tensor, Var, View } from '../../verifier/program/types.ts';

/** Shapes and cells (dense, row-major over the axes' sizes) of tensors by name. */
export interface NamedTensors {
  shape(name: string): Tensor;
  cells(name: string): ArrayLike<number>;
}

/** Variables by name: size and present value. */
export type Values = ReadonlyMap<string, { readonly size: number; readonly at: number }>;

export class Reference {
  private readonly tensors: NamedTensors;
  private readonly proof: number;

  constructor(tensors: NamedTensors, proof: number) {
    this.tensors = tensors;
    this.proof = proof;
  }

  /** The expression at one index of its domain. */
  expr(e: Expr, at: Values): bigint {
    return e.products.reduce((s, p) => s + p.coef * this.product(p.factors, p.sum, at), e.constant + this.linear(e.linear, at));
  }

  linear(l: Linear, at: Values): bigint {
    return l.reduce((s, t) => s + t.coef * this.view(t.view, at), 0n);
  }

  view(v: View, at: Values): bigint {
    if ((v.when ?? []).some((w) => variable(at, w.var).at !== w.is)) return 0n;
    return this.read(v, at, 0, []);
  }

  private product(factors: readonly Linear[], sum: readonly Var[], at: Values): bigint {
    if (sum.length === 0) return factors.reduce((p, f) => (p === 0n ? 0n : p * this.linear(f, at)), 1n);
    const [first, ...rest] = sum;
    let total = 0n;
    for (let x = 0; x < first.size; x++) total += this.product(factors, rest, new Map(at).set(first.name, { size: first.size, at: x }));
    return total;
  }

  /** Fixes the axes' indices one after the other, branching at reduce parts. */
  private read(v: View, at: Values, axis: number, index: readonly number[]): bigint {
    const shape = this.tensors.shape(v.tensor);
    if (axis === shape.axes.length) return this.cell(shape, index);
    const parts = v.index[axis];
    const branch = (p: number, high: number): bigint => {
      if (p === parts.length) return this.read(v, at, axis + 1, [...index, high]);
      const part = parts[p];
      const next = (x: number, bits: number): bigint => branch(p + 1, high * 2 ** bits + x);
      if ('reduce' in part) {
        let total = 0n;
        for (let y = 0; y < part.size; y++) {
          const weight = part.reduce === 'ones' ? 1n : part.reduce === 'index' ? BigInt(y) : 1n << BigInt(y);
          total += weight * next(y, bitsOf(part.size));
        }
        return total;
      }
      return next(...this.partOf(part, at));
    };
    return branch(0, 0);
  }

  /** Value and bits of a part. */
  private partOf(part: Exclude<Part, { reduce: unknown }>, at: Values): [number, number] {
    if ('at' in part) return [part.at, part.bits];
    if ('proof' in part) return [this.proof % 2 ** part.bits, part.bits];
    const v = variable(at, part.var);
    return [v.at + (part.shift ?? 0), bitsOf(v.size)];
  }

  private cell(shape: Tensor, index: readonly number[]): bigint {
    if (index.some((x, a) => x < 0 || x >= shape.axes[a].size)) return 0n;
    if (shape.causal && index[shape.causal[1]] > index[shape.causal[0]]) return 0n;
    return BigInt(this.tensors.cells(shape.name)[index.reduce((o, x, a) => o * shape.axes[a].size + x, 0)]);
  }
}

function variable(at: Values, name: string): { readonly size: number; readonly at: number } {
  const v = at.get(name);
  if (v === undefined) throw new Error(`no value for variable ${name}`);
  return v;
}
