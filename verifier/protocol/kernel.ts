/**
 * Kernels: the value K(r, ρ) of a view's weight, a product over the groups of its tensor's address bits (proof.md §2). A view at a
 * point r of its relation's variables is the linear functional Σ_y K(r, y)·P(y); OPENING needs its multilinear extension at ρ.
 */
import type { Dim, Placed, ViewPlan } from '../program/compile.ts';
import { bitsOf, type Domain } from '../program/types.ts';
import { eq, eqIndex, eqTable, indexValue, ones, restrictedEq } from './algebra.ts';
import type { Felt, Machine } from './machine.ts';

/** Where each variable is bound: its name to its coordinates. */
export type Point = ReadonlyMap<string, readonly Felt[]>;

/** Splits a point along variables, most significant first. */
export function splitPoint(
  vars: readonly { readonly name: string; readonly size: number }[],
  r: readonly Felt[],
): Map<string, readonly Felt[]> {
  const out = new Map<string, readonly Felt[]>();
  let k = 0;
  for (const v of vars) {
    const n = bitsOf(v.size);
    out.set(v.name, r.slice(k, k + n));
    k += n;
  }
  return out;
}

const at = (point: Point, name: string): readonly Felt[] => {
  const p = point.get(name);
  if (!p) throw new Error(`variable ${name} is not bound`);
  return p;
};

/** The last `count` bits of a proof's index, which comes as bits: it is data of the recorded verifier (proof.md §7). */
const lastBits = (o: Machine, proof: readonly Felt[], count: number): Felt[] =>
  [...new Array<Felt>(count).fill(o.felt(0n)), ...proof].slice(proof.length);

/** Weights of a dim over its cells y = 0 … 2^bits − 1, at the point; `proof` are the bits of the proof's index. */
export function dimTable(o: Machine, dim: Dim, point: Point, proof: readonly Felt[]): Felt[] {
  const zero = o.felt(0n);
  const cells = 2 ** dim.bits;
  switch (dim.kind) {
    case 'var': {
      const table = eqTable(o, at(point, dim.var));
      return Array.from({ length: cells }, (_, y) =>
        y < dim.size && y - dim.shift >= 0 && y - dim.shift < dim.varSize ? (table[y - dim.shift] as Felt) : zero,
      );
    }
    case 'at':
      return Array.from({ length: cells }, (_, y) => (y === dim.at ? o.felt(1n) : zero));
    case 'proof':
      return eqTable(o, lastBits(o, proof, dim.bits));
    case 'reduce':
      return Array.from({ length: cells }, (_, y) =>
        y >= dim.size ? zero : o.felt(dim.weights === 'ones' ? 1n : dim.weights === 'index' ? BigInt(y) : 1n << BigInt(y)),
      );
  }
}

function dimKernel(o: Machine, dim: Dim, point: Point, proof: readonly Felt[], rho: readonly Felt[]): Felt {
  switch (dim.kind) {
    case 'var': {
      const r = at(point, dim.var);
      if (dim.shift === 0 && r.length === rho.length) return restrictedEq(o, r, rho, Math.min(dim.size, dim.varSize));
      return o.innerProduct(dimTable(o, dim, point, proof), eqTable(o, rho));
    }
    case 'at':
      return eqIndex(o, rho, dim.at);
    case 'proof':
      return eq(o, rho, lastBits(o, proof, rho.length));
    case 'reduce':
      if (dim.weights === 'ones') return ones(o, rho, dim.size);
      if (dim.weights === 'index' && dim.size === 2 ** dim.bits) return indexValue(o, rho);
      return o.innerProduct(dimTable(o, dim, point, proof), eqTable(o, rho));
  }
}

/** Σ_{j <= i} a_i·b_j. */
function triangle(o: Machine, a: readonly Felt[], b: readonly Felt[]): Felt {
  let z = o.felt(0n);
  let prefix = o.felt(0n);
  a.forEach((x, i) => {
    prefix = o.add(prefix, b[i] as Felt);
    z = o.add(z, o.mul(x, prefix));
  });
  return z;
}

/** 1_D(r): the multilinear extension of a domain's indicator. */
export function indicator(o: Machine, on: Domain, point: Point): Felt {
  let z = o.felt(1n);
  for (const v of on.vars) if (!on.causal?.includes(v.name)) z = o.mul(z, ones(o, at(point, v.name), v.size));
  if (!on.causal) return z;
  const [i, j] = on.causal;
  const size = (on.vars.find((v) => v.name === i) as { size: number }).size;
  return o.mul(z, triangle(o, eqTable(o, at(point, i)).slice(0, size), eqTable(o, at(point, j)).slice(0, size)));
}

/** The part of a view's weight that does not depend on the address: coefficient, conditions, broadcasts. */
export function viewScale(o: Machine, view: ViewPlan, point: Point): Felt {
  let z = o.felt(view.coef);
  for (const w of view.when) z = o.mul(z, eqIndex(o, at(point, w.var), w.is));
  for (const v of view.broadcast) z = o.mul(z, ones(o, at(point, v.name), v.size));
  return z;
}

/** K(r, ρ) of a view inside its tensor's block, scale included; `rho` is the address point of its polynomial. */
export function kernelAt(o: Machine, view: ViewPlan, point: Point, proof: readonly Felt[], rho: readonly Felt[]): Felt {
  const { placed } = view;
  let z = viewScale(o, view, point);
  let k = rho.length - placed.bits;
  const slices = view.dims.map((d) => rho.slice(k, (k += d.bits)));
  view.dims.forEach((d, i) => {
    if (!view.causal?.includes(i)) z = o.mul(z, dimKernel(o, d, point, proof, slices[i] as Felt[]));
  });
  if (!view.causal) return z;
  const column = (d: number): Felt[] => {
    const table = eqTable(o, slices[d] as Felt[]);
    const size = (placed.tensor.axes[(placed.tensor.causal as readonly [number, number])[0]] as { size: number }).size;
    return dimTable(o, view.dims[d] as Dim, point, proof)
      .slice(0, size)
      .map((w, y) => o.mul(w, table[y] as Felt));
  };
  return o.mul(z, triangle(o, column(view.causal[0]), column(view.causal[1])));
}

/** eq of a block's address prefix. */
export const blockPrefix = (o: Machine, placed: Placed, rho: readonly Felt[]): Felt =>
  eqIndex(o, rho.slice(0, rho.length - placed.bits), placed.offset / 2 ** placed.bits);
