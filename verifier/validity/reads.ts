/** What each kind of relation writes and reads. */
import type { Domain, Expr, Linear, Relation, Var, View } from '../program/types.ts';
import { without } from './views.ts';

/** A view that a relation writes, and the variables that index its cells. */
export interface Output {
  readonly view: View;
  readonly on: Domain;
}

/** The domain with one more variable. */
const extended = (on: Domain, v: Var): Domain => ({ ...on, vars: [...on.vars, v] });

/** What a relation writes. */
export function outputsOf(r: Relation): readonly Output[] {
  const { on } = r;
  switch (r.kind) {
    case 'assert':
      return [];
    case 'map':
      return r.out2 ? [r.out, r.out2].map((view) => ({ view, on })) : [{ view: r.out, on }];
    case 'rsqrt':
      return [r.out, r.square].map((view) => ({ view, on }));
    case 'rowmax':
      return [{ view: r.out, on: without(on, r.over) }, ...(r.hot ? [{ view: r.hot, on }] : [])];
    case 'clamp':
      return [r.out, r.hot].map((view) => ({ view, on }));
    case 'mantissa':
      return [
        { view: r.out, on },
        { view: r.hot, on: extended(on, r.over) },
      ];
    case 'onehot':
      return r.chunks.map((c) => ({ view: c.hot, on: extended(on, c.over) }));
    default:
      return [{ view: r.out, on }];
  }
}

/** Expressions and linear combinations that a relation reads. */
export function readsOf(r: Relation): { readonly exprs: readonly Expr[]; readonly linears: readonly Linear[] } {
  switch (r.kind) {
    case 'rescale':
    case 'equal':
    case 'assert':
      return { exprs: [r.expr], linears: [] };
    case 'map':
      return { exprs: [r.x], linears: [] };
    case 'divide':
      return { exprs: [r.num, r.den], linears: [] };
    case 'rsqrt':
      return { exprs: [], linears: [r.m] };
    case 'isqrt':
      return { exprs: [r.of], linears: [] };
    case 'rowmax':
      return { exprs: [], linears: [[{ coef: 1n, view: r.of }]] };
    case 'clamp':
    case 'mantissa':
      return { exprs: [], linears: [r.of] };
    case 'onehot':
      return { exprs: [], linears: [r.index] };
  }
}

/** Every view that a relation reads. */
export function viewsRead(r: Relation): View[] {
  const { exprs, linears } = readsOf(r);
  const all = [...linears, ...exprs.flatMap((e) => [e.linear, ...e.products.flatMap((p) => p.factors)])];
  return all.flatMap((l) => l.map((t) => t.view));
}
