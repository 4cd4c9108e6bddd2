/**
 * Compilation: a program's layout and every number of its proof. Prover and verifier both work from the result; nothing in it
 * depends on a proof.
 *
 * Layout: tensors of a polynomial sit in aligned blocks, largest first (ties: program order, then limbs, then multiplicities).
 * Leaf and table blocks of the fraction tree likewise. Every polynomial has at least one row of 2^columns cells; delivered limbs are the last one,
 * with rows of 256.
 */
import { DELIVERY, DELIVERY_COLUMNS, deliveredLimbs, type DeliveredLimb } from '../delivery/limbs.ts';
import { lower, type Equality, type Leaf, type Limb, type LeafSource } from './lower.ts';
import {
  bitsOf,
  tensorBits,
  type Domain,
  type Expr,
  type Linear,
  type MapTable,
  type Part,
  type Poly,
  type PolyRole,
  type Program,
  type Tensor,
  type Var,
  type View,
} from './types.ts';

/** A tensor's place: `offset` cells into its polynomial, aligned to 2^bits. */
export interface Placed {
  readonly tensor: Tensor;
  readonly offset: number;
  readonly bits: number;
}

/** A polynomial of 2^bits cells, 2^(bits − columns) rows. `rows`, ascending, are committed; the others hold pads alone and are 0. */
export interface PolyLayout extends Omit<Poly, 'role'> {
  readonly role: PolyRole | 'delivery';
  readonly bits: number;
  /** log2 of its columns: the program's, of delivered limbs 8. */
  readonly columns: number;
  readonly tensors: readonly Placed[];
  readonly rows: readonly number[];
}

/** How one group of a tensor's address bits is read. */
export type Dim =
  /** The variable plus shift; cells y < size with 0 <= y − shift < varSize count. */
  | {
      readonly kind: 'var';
      readonly bits: number;
      readonly var: string;
      readonly shift: number;
      readonly size: number;
      readonly varSize: number;
    }
  | { readonly kind: 'at'; readonly bits: number; readonly at: number }
  | { readonly kind: 'proof'; readonly bits: number }
  | { readonly kind: 'reduce'; readonly bits: number; readonly weights: 'ones' | 'index' | 'powers'; readonly size: number };

/** A view, resolved: its tensor's dims and the factors of variables that do not occur in it. */
export interface ViewPlan {
  readonly coef: bigint;
  readonly placed: Placed;
  readonly dims: readonly Dim[];
  /** Positions in `dims` of the tensor's causal pair. */
  readonly causal?: readonly [number, number];
  /** Variables that select this view: it is 0 except where var = is. */
  readonly when: readonly { readonly var: string; readonly is: number; readonly size: number }[];
  /** Variables of the surrounding relation over which it is constant (restricted to index < size). */
  readonly broadcast: readonly Var[];
}

/** One factor of a form: a linear combination of views that all depend on the same variables. */
export interface FactorPlan {
  readonly views: readonly ViewPlan[];
  /** Sumcheck variables that it depends on, a subset of the form's, in the same order. */
  readonly vars: readonly Var[];
}

/** A product, resolved (Thaler's matrix product): variables bound at the relation's point, summed batch variables with eq, summed ones without. */
export interface FormPlan {
  readonly coef: bigint;
  /** Free variables of the relation that occur in no factor: a factor Σ_{y<size} eq(r, y). */
  readonly absent: readonly Var[];
  /** Free variables that occur in two or more factors. */
  readonly batch: readonly Var[];
  /** batch variables, then the product's sum variables: the sumcheck's variables, in binding order. */
  readonly vars: readonly Var[];
  /** Number of sumcheck rounds of this form. */
  readonly rounds: number;
  readonly factors: readonly FactorPlan[];
  readonly owner:
    { readonly kind: 'leaf'; readonly leaf: number; readonly value: number } | { readonly kind: 'equality'; readonly equality: number };
}

/** An expression without its products, which are listed in `Compiled.forms`. */
export interface LinearPlan {
  readonly constant: bigint;
  readonly views: readonly ViewPlan[];
}

export interface LeafPlan {
  readonly name: string;
  readonly id: number;
  readonly on: Domain;
  readonly bits: number;
  /** First leaf of the block in the fraction tree. */
  readonly offset: number;
  readonly values: readonly LinearPlan[];
  readonly source: LeafSource;
  readonly limbs: number;
}

/** A table block: rows (x), (x, y) or (x, y, y2) with x = lo + index. */
export interface TablePlan {
  readonly id: number;
  readonly bits: number;
  readonly offset: number;
  readonly lo: number;
  readonly multiplicity: Placed;
  readonly y?: Placed;
  readonly y2?: Placed;
}

export interface EqualityPlan {
  readonly name: string;
  readonly on: Domain;
  readonly bits: number;
  readonly expr: LinearPlan;
}

/** A masked sumcheck: n rounds of degree d; its mask coefficients start at `mask` in the mask row. */
export interface SumcheckShape {
  readonly name: string;
  readonly n: number;
  readonly d: number;
  readonly mask: number;
}

export interface Compiled {
  readonly program: Program;
  readonly polys: readonly PolyLayout[];
  readonly tensors: ReadonlyMap<string, Placed>;
  readonly limbs: readonly Limb[];
  /** Limbs of delivered tensors; empty without delivery. */
  readonly delivered: readonly DeliveredLimb[];
  readonly leaves: readonly LeafPlan[];
  readonly tables: readonly TablePlan[];
  /** log2 of the number of leaves of the fraction tree. */
  readonly depth: number;
  readonly equalities: readonly EqualityPlan[];
  readonly forms: readonly FormPlan[];
  /** Length of τ: variables of the largest equality. */
  readonly tau: number;
  /** LOOK-UP layers 1 … depth − 1, FORMS, OPENING. */
  readonly sumchecks: readonly SumcheckShape[];
  readonly maskLength: number;
  /** Lengths of the value rows in transcript order: root, layers, lambda, operands, opened, one for each hidden fixed polynomial. */
  readonly valueRows: readonly { readonly name: string; readonly length: number }[];
  /** Lengths of the closing argument's secret rows: x, mask, value rows, one running value for each hidden fixed polynomial, x_d with delivery. */
  readonly secretRows: readonly number[];
  readonly columns: number;
  /** Number of proofs in a run. */
  readonly proofs: number;
  /** Number of generators beside H. */
  readonly generators: number;
}

const domainBits = (on: Domain): number => on.vars.reduce((n, v) => n + bitsOf(v.size), 0);

/** Places blocks of 2^bits cells, largest first; returns offsets in the given order and the total's bits. */
function place(sizes: readonly number[]): { offsets: number[]; bits: number } {
  const order = sizes.map((_, i) => i).sort((a, b) => (sizes[b] as number) - (sizes[a] as number) || a - b);
  const offsets: number[] = new Array(sizes.length).fill(0);
  let next = 0;
  for (const i of order) {
    offsets[i] = next;
    next += 2 ** (sizes[i] as number);
  }
  return { offsets, bits: bitsOf(Math.max(next, 1)) };
}

/** Rows of 2^columns cells that hold a cell whose every index is below its axis's size. */
function rowsOf(placed: readonly Placed[], columns: number): number[] {
  const all = new Set<number>();
  for (const { tensor, offset, bits } of placed) {
    let rows = [Math.floor(offset / 2 ** columns)];
    let below = bits;
    for (const { size } of tensor.axes) {
      below -= bitsOf(size);
      const low = Math.max(0, columns - below);
      if (low >= bitsOf(size)) continue;
      const [count, stride] = [Math.ceil(size / 2 ** low), 2 ** (below + low - columns)];
      rows = rows.flatMap((row) => Array.from({ length: count }, (_, i) => row + i * stride));
    }
    for (const row of rows) all.add(row);
  }
  return [...all].sort((a, b) => a - b);
}

/** Compiles a program that `validity/check.ts` accepts (or one of our own making); of any other it may mean something else. */
export function compile(program: Program): Compiled {
  const lowered = lower(program);
  const multiplicities = tableShapes(program, lowered.ranges);
  const tensors = new Map<string, Placed>();
  // `shapes`: tensors whose sizes tell cells from pads.
  const layout = (poly: Pick<PolyLayout, 'name' | 'role' | 'hidden'>, columns: number, own: readonly Tensor[], shapes = own) => {
    const { offsets, bits } = place(own.map(tensorBits));
    const placed = own.map((tensor, i): Placed => ({ tensor, offset: offsets[i] as number, bits: tensorBits(tensor) }));
    for (const p of placed) {
      if (tensors.has(p.tensor.name)) throw new Error(`two tensors are named ${p.tensor.name}`);
      tensors.set(p.tensor.name, p);
    }
    const shaped = placed.map((p, i): Placed => ({ ...p, tensor: shapes[i] as Tensor }));
    return { ...poly, bits: Math.max(bits, columns), columns, tensors: placed, rows: rowsOf(shaped, columns) };
  };
  const polys = program.polys.map((poly): PolyLayout => {
    const own = program.tensors.filter((t) => t.poly === poly.name);
    if (poly.role === 'witness') own.push(...lowered.limbs.map((l) => l.tensor), ...multiplicities.map((m) => m.tensor));
    return layout(poly, program.columns, own);
  });
  const delivered = deliveredLimbs(program);
  const delivery = { name: DELIVERY, role: 'delivery', hidden: true } as const;
  const [limbs, states] = [delivered.map((l) => l.tensor), delivered.map((l) => l.state)];
  if (delivered.length > 0) polys.push(layout(delivery, DELIVERY_COLUMNS, limbs, states));

  const resolve = (coef: bigint, view: View, vars: readonly Var[], where: string): ViewPlan =>
    resolveView(tensors, coef, view, vars, where);
  const linearPlan = (e: Expr, on: Domain, where: string): LinearPlan => ({
    constant: e.constant,
    views: e.linear.map((t) => resolve(t.coef, t.view, on.vars, where)),
  });

  const forms: FormPlan[] = [];
  const collect = (e: Expr, on: Domain, owner: FormPlan['owner'], where: string): void => {
    for (const p of e.products) forms.push(formPlan(p.coef, p.factors, p.sum, on, owner, resolve, where));
  };
  const blocks = [...lowered.leaves.map((l) => domainBits(l.on)), ...multiplicities.map((m) => m.bits)];
  const tree = place(blocks);
  const leaves = lowered.leaves.map((l: Leaf, i): LeafPlan => {
    l.values.forEach((v, k) => collect(v, l.on, { kind: 'leaf', leaf: i, value: k }, l.name));
    return {
      name: l.name,
      id: l.id,
      on: l.on,
      bits: domainBits(l.on),
      offset: tree.offsets[i] as number,
      values: l.values.map((v) => linearPlan(v, l.on, l.name)),
      source: l.source,
      limbs: l.limbs,
    };
  });
  const tables = multiplicities.map((m, i): TablePlan => {
    const [multiplicity, y, y2] = [m.tensor.name, m.table?.y, m.table?.y2].map((name) => tensors.get(name ?? ''));
    const base = { id: m.id, bits: m.bits, offset: tree.offsets[leaves.length + i] as number, lo: m.table?.lo ?? 0 };
    return { ...base, multiplicity: multiplicity as Placed, ...(y ? { y } : {}), ...(y2 ? { y2 } : {}) };
  });
  const equalities = lowered.equalities.map((e: Equality, j): EqualityPlan => {
    collect(e.expr, e.on, { kind: 'equality', equality: j }, e.name);
    return { name: e.name, on: e.on, bits: domainBits(e.on), expr: linearPlan(e.expr, e.on, e.name) };
  });

  const depth = Math.max(tree.bits, 2);
  const formRounds = Math.max(1, ...forms.map((f) => f.rounds));
  const degree = Math.max(2, ...forms.map((f) => f.factors.length + 1));
  const sumchecks: SumcheckShape[] = [];
  let mask = 0;
  const sumcheck = (name: string, n: number, d: number): void => {
    sumchecks.push({ name, n, d, mask });
    mask += n * d + 1;
  };
  for (let l = 1; l < depth; l++) sumcheck(`layer ${l}`, l, 3);
  sumcheck('forms', formRounds, degree);
  sumcheck('opening', Math.max(...polys.map((p) => p.bits)), 2);

  const hidden = polys.filter((p) => p.role === 'fixed' && p.hidden);
  const operands = forms.reduce((n, f) => n + operandCount(f), 0);
  const committed = polys.filter((p) => p.role !== 'fixed').length;
  const valueRows = [
    { name: 'root', length: 6 },
    ...sumchecks.slice(0, -2).map((s) => ({ name: s.name, length: 4 })),
    { name: 'lambda', length: 1 },
    { name: 'operands', length: Math.max(1, operands) },
    { name: 'opened', length: committed },
    ...hidden.map((p) => ({ name: `value ${p.name}`, length: 1 })),
  ];
  const secretRows = [2 ** program.columns, mask, ...valueRows.map((v) => v.length), ...hidden.map(() => 1)];
  if (delivered.length > 0) secretRows.push(2 ** DELIVERY_COLUMNS);
  return {
    program,
    polys,
    tensors,
    limbs: lowered.limbs,
    delivered,
    leaves,
    tables,
    depth,
    equalities,
    forms,
    tau: Math.max(0, ...equalities.map((e) => e.bits)),
    sumchecks,
    maskLength: mask,
    valueRows,
    secretRows,
    columns: program.columns,
    proofs: program.schedule.steps / program.schedule.perProof,
    generators: Math.max(...secretRows),
  };
}

/** Scalars of a form in the operand row: its factors, and for three factors the product of the first two. */
export const operandCount = (f: FormPlan): number => (f.factors.length === 3 ? 4 : 2);

interface TableShape {
  readonly id: number;
  readonly bits: number;
  readonly table?: MapTable;
  readonly tensor: Tensor;
}

function tableShapes(program: Program, ranges: readonly number[]): TableShape[] {
  const shape = (id: number, size: number, table?: MapTable): TableShape => {
    const bits = bitsOf(size);
    const tensor: Tensor = {
      name: `multiplicity/${id}`,
      poly: 'witness',
      axes: [{ name: 'row', size }],
      bits: 32,
      signed: false,
      f: 0,
      range: 'leaf',
    };
    return table === undefined ? { id, bits, tensor } : { id, bits, table, tensor };
  };
  return [...ranges.map((b) => shape(b, 2 ** b)), ...program.tables.map((t) => shape(t.id, t.size, t))];
}

function resolveView(tensors: ReadonlyMap<string, Placed>, coef: bigint, view: View, vars: readonly Var[], where: string): ViewPlan {
  const placed = tensors.get(view.tensor);
  if (!placed) throw new Error(`${where}: no tensor ${view.tensor}`);
  const sizeOf = (name: string): number => {
    const v = vars.find((x) => x.name === name);
    if (!v) throw new Error(`${where}: no variable ${name}`);
    return v.size;
  };
  const { axes, causal } = placed.tensor;
  const dims = axes.map((axis, a) =>
    (view.index[a] ?? []).map((part, _, { length }) => resolvePart(part, length === 1, axis.size, sizeOf)),
  );
  const when = (view.when ?? []).map((w) => ({ ...w, size: sizeOf(w.var) }));
  const used = dependsOn(view);
  const plan = { coef, placed, dims: dims.flat(), when, broadcast: vars.filter((v) => !used.has(v.name)) };
  if (!causal) return plan;
  const first = (axis: number): number => dims.slice(0, axis).flat().length;
  return { ...plan, causal: [first(causal[0]), first(causal[1])] };
}

function resolvePart(part: Part, alone: boolean, axisSize: number, sizeOf: (name: string) => number): Dim {
  if ('var' in part) {
    const varSize = sizeOf(part.var);
    const size = alone ? axisSize : varSize;
    return { kind: 'var', bits: bitsOf(size), var: part.var, shift: part.shift ?? 0, size, varSize };
  }
  if ('at' in part) return { kind: 'at', bits: part.bits, at: part.at };
  if ('proof' in part) return { kind: 'proof', bits: part.bits };
  return { kind: 'reduce', bits: bitsOf(part.size), weights: part.reduce, size: part.size };
}

/** Variables on which a view depends. */
export function dependsOn(view: View): Set<string> {
  const names = new Set<string>((view.when ?? []).map((w) => w.var));
  for (const parts of view.index) for (const p of parts) if ('var' in p) names.add(p.var);
  return names;
}

function formPlan(
  coef: bigint,
  factors: readonly Linear[],
  over: readonly Var[],
  on: Domain,
  owner: FormPlan['owner'],
  resolve: (coef: bigint, view: View, vars: readonly Var[], where: string) => ViewPlan,
  where: string,
): FormPlan {
  const all = [...on.vars, ...over];
  // All views of a factor depend on the same variables (validity).
  const used = factors.map((f) => new Set(f.flatMap((t) => [...dependsOn(t.view)])));
  const count = (v: Var): number => used.filter((u) => u.has(v.name)).length;
  const batch = on.vars.filter((v) => count(v) >= 2);
  const vars = [...batch, ...over];
  return {
    coef,
    absent: on.vars.filter((v) => count(v) === 0),
    batch,
    vars,
    rounds: vars.reduce((n, v) => n + bitsOf(v.size), 0),
    factors: factors.map((f, i) => ({
      views: f.map((t) => ({ ...resolve(t.coef, t.view, all, where), broadcast: [] })),
      vars: vars.filter((v) => (used[i] as Set<string>).has(v.name)),
    })),
    owner,
  };
}
