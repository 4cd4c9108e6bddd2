/**
 * Lowering: each relation becomes look-up leaves and equalities, as proof.md §2 lists them.
 *
 * A leaf says: for every index of its domain, the tuple of its values is a row of table `id` (ids below 64: the single value lies
 * in [0, 2^id)). An equality says: its expression is 0 on the whole domain. Values wider than 16 bits get limb tensors:
 * t in [b] becomes limbs of 16 bits and the leaf (t − Σ 2^(16i)·limb_i)·2^(−16k) in [b − 16k].
 */
import { deliveredLimbs, lowerLimbs } from '../delivery/limbs.ts';
import { inverse, mod } from '../field.ts';
import type { Domain, Expr, Linear, Part, Program, Relation, Tensor, Var, View } from './types.ts';

/** Where the prover finds the integer values of a leaf. */
export type LeafSource =
  /** Leaf number `leaf` of relation `relation` (order: see below, one entry for each value of the tuple in a map). */
  | { readonly kind: 'relation'; readonly relation: number; readonly leaf: number }
  /** The cells of a tensor plus `add` on its domain. */
  | { readonly kind: 'tensor'; readonly tensor: string; readonly add: bigint };

/** A look-up leaf over a domain; `values` have one entry for ranges, two or three for maps. */
export interface Leaf {
  readonly name: string;
  readonly id: number;
  readonly on: Domain;
  readonly values: readonly Expr[];
  readonly source: LeafSource;
  /** Number of 16-bit limbs subtracted before the value is divided by 2^(16·limbs). */
  readonly limbs: number;
}

/** expr = 0 on the domain. */
export interface Equality {
  readonly name: string;
  readonly on: Domain;
  readonly expr: Expr;
}

/** A limb tensor: limb `index` (16 bits) of the value of `source` on the rectangle of the leaf's variables. */
export interface Limb {
  readonly tensor: Tensor;
  readonly source: LeafSource;
  readonly index: number;
}

export interface Lowered {
  readonly leaves: readonly Leaf[];
  readonly equalities: readonly Equality[];
  readonly limbs: readonly Limb[];
  /** Widths b of the range tables in use, ascending. */
  readonly ranges: readonly number[];
}

const LIMB = 16;
const pow2 = (n: number): bigint => 1n << BigInt(n);

const scaleLinear = (l: Linear, c: bigint): Linear => l.map((t) => ({ coef: mod(t.coef * c), view: t.view }));
const scale = (e: Expr, c: bigint): Expr => ({
  constant: mod(e.constant * c),
  linear: scaleLinear(e.linear, c),
  products: e.products.map((p) => ({ ...p, coef: mod(p.coef * c) })),
});
const sum = (...es: readonly Expr[]): Expr => ({
  constant: mod(es.reduce((z, e) => z + e.constant, 0n)),
  linear: es.flatMap((e) => [...e.linear]),
  products: es.flatMap((e) => [...e.products]),
});
const constant = (c: bigint): Expr => ({ constant: mod(c), linear: [], products: [] });
const linear = (l: Linear): Expr => ({ constant: 0n, linear: scaleLinear(l, 1n), products: [] });
const read = (view: View): Linear => [{ coef: 1n, view }];
const product = (coef: bigint, factors: readonly Linear[], over: readonly Var[] = []): Expr => ({
  constant: 0n,
  linear: [],
  products: [{ coef: mod(coef), factors, sum: over }],
});

/** factor · (constant + linear); products are refused because the result would have too high a degree. */
function multiply(factor: Linear, by: Expr, where: string): Expr {
  if (by.products.length > 0) throw new Error(`${where}: a divisor must be linear in committed tensors; commit it first`);
  const fixed = by.constant === 0n ? constant(0n) : linear(scaleLinear(factor, by.constant));
  return by.linear.length === 0 ? fixed : sum(fixed, product(1n, [factor, by.linear]));
}

/** The view with the part that reads `name` replaced by a weighted sum over it. */
export function reduceView(view: View, name: string, size: number, weights: 'ones' | 'index' | 'powers'): View {
  const index = view.index.map((parts) => parts.map((p): Part => ('var' in p && p.var === name ? { reduce: weights, size } : p)));
  return view.when === undefined ? { tensor: view.tensor, index } : { tensor: view.tensor, index, when: view.when };
}

const without = (on: Domain, name: string): Domain => {
  const vars = on.vars.filter((v) => v.name !== name);
  return on.causal && !on.causal.includes(name) ? { vars, causal: on.causal } : { vars };
};

const sizeOf = (on: Domain, name: string, where: string): number => {
  const v = on.vars.find((x) => x.name === name);
  if (!v) throw new Error(`${where}: no variable ${name} in the domain`);
  return v.size;
};

/** Lowers a checked program. The order of leaves and equalities is part of the protocol: relations in order, then tensor ranges, then delivered limbs. */
export function lower(program: Program): Lowered {
  const leaves: Leaf[] = [];
  const equalities: Equality[] = [];
  const limbs: Limb[] = [];
  const ranges = new Set<number>();

  const range = (name: string, on: Domain, value: Expr, bits: number, source: LeafSource): void => {
    const k = Math.ceil(bits / LIMB) - 1;
    let top = value;
    const pending: Leaf[] = [];
    for (let i = 0; i < k; i++) {
      const tensor: Tensor = {
        name: `${name}/limb${i}`,
        poly: 'witness',
        axes: on.vars.map((v) => ({ name: v.name, size: v.size })),
        bits: LIMB,
        signed: false,
        f: 0,
        range: 'leaf',
      };
      limbs.push({ tensor, source, index: i });
      const view: View = { tensor: tensor.name, index: on.vars.map((v) => [{ var: v.name }]) };
      top = sum(top, scale(linear(read(view)), -pow2(LIMB * i)));
      // Limbs are ranged over the whole rectangle, also of a causal domain: there the honest value of an unlooked cell may be wide.
      pending.push({
        name: tensor.name,
        id: LIMB,
        on: { vars: on.vars },
        values: [linear(read(view))],
        source: { kind: 'tensor', tensor: tensor.name, add: 0n },
        limbs: 0,
      });
      ranges.add(LIMB);
    }
    const id = bits - LIMB * k;
    ranges.add(id);
    leaves.push({ name, id, on, values: [k === 0 ? top : scale(top, inverse(pow2(LIMB * k)))], source, limbs: k });
    leaves.push(...pending);
  };

  program.relations.forEach((relation, r) => {
    const name = `${r}:${relation.kind}`;
    const on = relation.on;
    let next = 0;
    const leaf = (suffix: string, domain: Domain, value: Expr, bits: number): void =>
      range(`${name}${suffix}`, domain, value, bits, { kind: 'relation', relation: r, leaf: next++ });
    const equal = (suffix: string, domain: Domain, expr: Expr): void => {
      equalities.push({ name: `${name}${suffix}`, on: domain, expr });
    };
    lowerRelation(relation, name, on, leaf, equal, (id, values) => {
      leaves.push({ name, id, on, values, source: { kind: 'relation', relation: r, leaf: next }, limbs: 0 });
      next += values.length;
    });
  });

  // A program without a state-out is a card's: it ranges the committed polynomial itself (card-program.ts). In a run, state-in is ranged as the
  // state-out of the proof before, and the first one by whoever reads the bounty.
  const ranged = new Set(['witness', ...(program.polys.some((p) => p.role === 'stateOut') ? [] : ['stateIn'])]);
  for (const t of program.tensors) {
    const role = program.polys.find((p) => p.name === t.poly)?.role;
    if (role === undefined || !ranged.has(role) || t.range !== 'leaf') continue;
    const vars = t.axes.map((a, i): Var => ({ name: `${a.name}#${i}`, size: a.size }));
    const names = vars.map((v) => v.name);
    const on: Domain = t.causal ? { vars, causal: [names[t.causal[0]] as string, names[t.causal[1]] as string] } : { vars };
    const view: View = { tensor: t.name, index: names.map((n) => [{ var: n }]) };
    const add = t.signed ? pow2(t.bits - 1) : 0n;
    range(`range:${t.name}`, on, sum(linear(read(view)), constant(add)), t.bits, { kind: 'tensor', tensor: t.name, add });
  }
  const delivered = lowerLimbs(deliveredLimbs(program));
  for (const leaf of delivered.leaves) ranges.add(leaf.id);
  leaves.push(...delivered.leaves);
  equalities.push(...delivered.equalities);
  return { leaves, equalities, limbs, ranges: [...ranges].sort((a, b) => a - b) };
}

/** The leaves and equalities of one relation, in the order in which the trainer gives their values. */
function lowerRelation(
  relation: Relation,
  where: string,
  on: Domain,
  leaf: (suffix: string, on: Domain, value: Expr, bits: number) => void,
  equal: (suffix: string, on: Domain, expr: Expr) => void,
  map: (id: number, values: readonly Expr[]) => void,
): void {
  switch (relation.kind) {
    case 'rescale': {
      const s = relation.shift;
      leaf('', on, sum(relation.expr, constant(pow2(s - 1)), scale(linear(read(relation.out)), -pow2(s))), s);
      return;
    }
    case 'equal':
      equal('', on, sum(relation.expr, scale(linear(read(relation.out)), -1n)));
      return;
    case 'assert':
      equal('', on, relation.expr);
      return;
    case 'map': {
      const values = [relation.x, linear(read(relation.out))];
      if (relation.out2) values.push(linear(read(relation.out2)));
      map(relation.table, values);
      return;
    }
    case 'divide': {
      const num = relation.round ? sum(scale(relation.num, 2n), relation.den) : relation.num;
      const den = relation.round ? scale(relation.den, 2n) : relation.den;
      const qd = multiply(read(relation.out), den, where);
      leaf('/low', on, sum(num, scale(qd, -1n)), relation.bits);
      leaf('/high', on, sum(den, constant(-1n), scale(num, -1n), qd), relation.bits);
      return;
    }
    case 'rsqrt': {
      const n = relation.numerator;
      const mu = product(1n, [relation.m, read(relation.square)]);
      const mq = product(2n, [relation.m, read(relation.out)]);
      leaf('/low', on, sum(constant(n), scale(mu, -1n)), relation.bits);
      leaf('/high', on, sum(mu, mq, linear(relation.m), constant(-(n + 1n))), relation.bits);
      equal('/square', on, sum(linear(read(relation.square)), product(-1n, [read(relation.out), read(relation.out)])));
      return;
    }
    case 'isqrt': {
      const square = product(1n, [read(relation.out), read(relation.out)]);
      leaf('/low', on, sum(relation.of, scale(square, -1n)), relation.bits);
      leaf('/high', on, sum(square, scale(linear(read(relation.out)), 2n), scale(relation.of, -1n)), relation.bits);
      return;
    }
    case 'rowmax': {
      if (!relation.hot) return;
      const size = sizeOf(on, relation.over, where);
      const row = without(on, relation.over);
      const out = linear(read(relation.out));
      leaf('', on, sum(out, scale(linear(read(relation.of)), -1n)), relation.bits);
      equal('/one', row, sum(linear(read(reduceView(relation.hot, relation.over, size, 'ones'))), constant(-1n)));
      equal('/attained', row, sum(product(1n, [read(relation.hot), read(relation.of)], [{ name: relation.over, size }]), scale(out, -1n)));
      return;
    }
    case 'clamp': {
      const x = linear(relation.of);
      const h = linear(read(relation.hot));
      const hx = product(1n, [read(relation.hot), relation.of]);
      const m = relation.max;
      leaf('', on, sum(constant(m), scale(x, -1n), scale(h, -2n * m - 1n), scale(hx, 2n)), relation.bits);
      equal('', on, sum(linear(read(relation.out)), scale(x, -1n), scale(h, -m), hx));
      return;
    }
    case 'mantissa': {
      const { name, size } = relation.over;
      const powers = reduceView(relation.hot, name, size, 'powers');
      const rounded = product(1n, [read(relation.out), read(powers)]);
      const rest = sum(linear(relation.of), scale(rounded, -1n));
      leaf('/low', on, rest, relation.bits);
      leaf('/high', on, sum(linear(read(powers)), constant(-1n), scale(rest, -1n)), relation.bits);
      leaf('/normal', on, sum(linear(read(relation.out)), constant(-pow2(15))), 15);
      equal('/one', on, sum(linear(read(reduceView(relation.hot, name, size, 'ones'))), constant(-1n)));
      return;
    }
    case 'onehot': {
      const positions: Expr[] = [];
      relation.chunks.forEach((c, i) => {
        equal(`/one${i}`, on, sum(linear(read(reduceView(c.hot, c.over.name, c.over.size, 'ones'))), constant(-1n)));
        positions.push(scale(linear(read(reduceView(c.hot, c.over.name, c.over.size, 'index'))), c.weight));
      });
      equal('/index', on, sum(...positions, scale(linear(relation.index), -1n)));
      return;
    }
  }
}
