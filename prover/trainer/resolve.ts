/**
 * Readings of a tensor for one instance of a relation: its serial variables fixed, the others free.
 */
import type { ReducePlan, ViewPlan } from './plan.ts';
import type { Var } from '../../verifier/program/types.ts';

/** Values of a relation's variables; -1 where a variable is free. */
export type Env = Int32Array;

export interface Resolved {
  readonly view: ViewPlan;
  readonly base: number;
  /** For every variable of the relation; 0 where the view doesn't depend on it. */
  readonly strides: readonly number[];
  /** Range of every variable outside which the view is 0. */
  readonly lo: readonly number[];
  readonly hi: readonly number[];
  readonly reduces: readonly (ReducePlan & { readonly stride: number })[];
  /** An axis of several parts may leave the tensor inside these ranges: cells must be looked at one by one. */
  readonly guarded: boolean;
}

/** Part of an axis's index that is fixed in the instance. */
const fixedIndex = (axis: ViewPlan['axes'][number], env: Env, proof: number): number => {
  let index = axis.constant + axis.proofMultiplier * (proof % 2 ** axis.proofBits);
  for (const t of axis.terms) if (env[t.v] >= 0) index += env[t.v] * t.multiplier;
  return index;
};

/** null: the view is 0 everywhere in this instance. */
export function resolve(view: ViewPlan, vars: readonly Var[], env: Env, proof: number): Resolved | null {
  const strides = new Array<number>(vars.length).fill(0);
  const lo = new Array<number>(vars.length).fill(0);
  const hi = vars.map((v) => v.size);
  for (const w of view.when) {
    if (env[w.v] >= 0) {
      if (env[w.v] !== w.is) return null;
    } else {
      lo[w.v] = Math.max(lo[w.v], w.is);
      hi[w.v] = Math.min(hi[w.v], w.is + 1);
    }
  }
  let base = 0;
  let guarded = false;
  const reduces: (ReducePlan & { stride: number })[] = [];
  for (const axis of view.axes) {
    const fixed = fixedIndex(axis, env, proof);
    base += fixed * axis.stride;
    const free = axis.terms.filter((t) => env[t.v] < 0);
    for (const t of free) strides[t.v] += t.multiplier * axis.stride;
    for (const r of axis.reduces) reduces.push({ ...r, stride: r.multiplier * axis.stride });
    if (free.length === 1 && axis.reduces.length === 0) {
      const { v, multiplier } = free[0];
      lo[v] = Math.max(lo[v], Math.ceil(-fixed / multiplier));
      hi[v] = Math.min(hi[v], Math.floor((axis.size - 1 - fixed) / multiplier) + 1);
    } else {
      let last = fixed;
      for (const t of free) last += (vars[t.v].size - 1) * t.multiplier;
      for (const r of axis.reduces) last += (r.size - 1) * r.multiplier;
      if (fixed < 0 || fixed >= axis.size) return null;
      if (last >= axis.size) guarded = true;
    }
  }
  for (let v = 0; v < vars.length; v++) if (env[v] < 0 && hi[v] <= lo[v]) return null;
  return { view, base, strides, lo, hi, reduces, guarded };
}

/**
 * Calls `cell(offset, weight, at)` for every cell that the view reads while the variables `over` run through their ranges; `at` is the
 * position in the row-major rectangle of `over`, which has every free variable of the view but those of size 1. Slow and general: guards, reductions with weights.
 */
export function forCells(
  r: Resolved,
  vars: readonly Var[],
  over: readonly number[],
  env: Env,
  proof: number,
  cell: (offset: number, weight: number, at: number) => void,
): void {
  // Variables of size 1 may be left out of `over`.
  const inner = env.map((x) => Math.max(x, 0));
  const reduce = new Array<number>(r.reduces.length).fill(0);
  const leaf = (at: number): void => {
    let offset = 0;
    let weight = 1;
    let k = 0;
    for (const axis of r.view.axes) {
      let index = axis.constant + axis.proofMultiplier * (proof % 2 ** axis.proofBits);
      for (const t of axis.terms) index += inner[t.v] * t.multiplier;
      for (const x of axis.reduces) {
        const y = reduce[k++];
        index += y * x.multiplier;
        weight *= x.weights === null ? 1 : x.weights[y];
      }
      if (index < 0 || index >= axis.size) return;
      offset += index * axis.stride;
    }
    cell(offset, weight, at);
  };
  const overReduces = (k: number, at: number): void => {
    if (k === reduce.length) return leaf(at);
    for (reduce[k] = 0; reduce[k] < r.reduces[k].size; reduce[k]++) overReduces(k + 1, at);
  };
  const overVars = (d: number, at: number): void => {
    if (d === over.length) return overReduces(0, at);
    const v = over[d];
    for (let x = r.lo[v]; x < r.hi[v]; x++) {
      inner[v] = x;
      overVars(d + 1, at * vars[v].size + x);
    }
  };
  overVars(0, 0);
}
