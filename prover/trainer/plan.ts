/**
 * Compiles a program for walking: names become numbers, every view becomes an affine map from variables to cells.
 *
 * An axis index is `constant + proof·proofStep + Σ variable·multiplier + Σ reduce·multiplier`; a view reads 0 where any axis index
 * is outside [0, size).
 */
import { bitsOf } from '../../verifier/program/types.ts';
import type { Domain, Expr, Linear, PolyRole, Program, Relation, Tensor, Var, View } from '../../verifier/program/types.ts';
import { ProgramError } from '../../verifier/program/errors.ts';

export interface TensorPlan {
  readonly id: number;
  readonly tensor: Tensor;
  readonly name: string;
  readonly role: PolyRole;
  readonly length: number;
  readonly sizes: readonly number[];
  /** Row-major strides over the axes' sizes (dense, no pads). */
  readonly strides: readonly number[];
  /** Inclusive bounds of the declared width. */
  readonly min: number;
  readonly max: number;
  /** Axes along which relation instances are ordered; empty for inputs. */
  readonly serialAxes: readonly number[];
}

export interface ReducePlan {
  readonly size: number;
  readonly multiplier: number;
  /** null: all ones. */
  readonly weights: Float64Array | null;
  readonly weightSum: number;
}

export interface AxisPlan {
  readonly size: number;
  readonly stride: number;
  readonly constant: number;
  /** The low `proofBits` bits of the proof's index enter with this multiplier; 0 for none. */
  readonly proofMultiplier: number;
  readonly proofBits: number;
  readonly terms: readonly { readonly v: number; readonly multiplier: number }[];
  readonly reduces: readonly ReducePlan[];
}

export interface ViewPlan {
  readonly tensor: TensorPlan;
  readonly axes: readonly AxisPlan[];
  readonly when: readonly { readonly v: number; readonly is: number }[];
}

export type LinearPlan = readonly { readonly coef: bigint; readonly view: ViewPlan }[];

export interface ProductPlan {
  readonly coef: bigint;
  readonly factors: readonly LinearPlan[];
  /** Indices of the summed variables. */
  readonly sum: readonly number[];
}

export interface ExprPlan {
  readonly source: Expr;
  readonly constant: bigint;
  readonly linear: LinearPlan;
  readonly products: readonly ProductPlan[];
}

export interface RelationPlan {
  readonly index: number;
  readonly label: string;
  readonly relation: Relation;
  readonly on: Domain;
  /** All variables: those of the domain first, then summed ones and one-hot axes. */
  readonly vars: readonly Var[];
  readonly domainVars: number;
  /** Variables of the domain that are fixed in an instance, in domain order. */
  readonly serial: readonly number[];
  /** The other variables of the domain, in domain order. */
  readonly free: readonly number[];
  /** Variables [i, j] of the domain restricted to j <= i. */
  readonly causal: readonly [number, number] | null;
  readonly exprs: Readonly<Record<string, ExprPlan>>;
  readonly outs: Readonly<Record<string, ViewPlan>>;
  readonly reads: readonly ViewPlan[];
  readonly writes: readonly ViewPlan[];
}

export interface ProgramPlan {
  readonly program: Program;
  readonly tensors: readonly TensorPlan[];
  readonly byName: ReadonlyMap<string, TensorPlan>;
  readonly relations: readonly RelationPlan[];
}

const SERIAL = new Set(['step', 'layer']);
const MAX_CELLS = 2 ** 32;

function planTensor(program: Program, tensor: Tensor, id: number): TensorPlan {
  const poly = program.polys.find((p) => p.name === tensor.poly);
  if (!poly)
    throw new ProgramError(`tensor ${tensor.name}`, `no polynomial ${tensor.poly}`, 'declare it in polys', { tensor: tensor.name });
  if (tensor.bits > 53)
    throw new ProgramError(`tensor ${tensor.name}`, `width of ${tensor.bits} bits`, 'cells have at most 53', { tensor: tensor.name });
  const sizes = tensor.axes.map((a) => a.size);
  const strides = sizes.map(() => 1);
  for (let a = sizes.length - 2; a >= 0; a--) strides[a] = strides[a + 1] * sizes[a + 1];
  const length = sizes.reduce((n, s) => n * s, 1);
  if (!(length <= MAX_CELLS))
    throw new ProgramError(`tensor ${tensor.name}`, `${length} cells`, `a walk holds at most ${MAX_CELLS} a tensor`, {
      tensor: tensor.name,
    });
  const written = poly.role === 'witness' || poly.role === 'stateOut';
  return {
    id,
    tensor,
    name: tensor.name,
    role: poly.role,
    length,
    sizes,
    strides,
    min: tensor.signed ? -(2 ** (tensor.bits - 1)) : 0,
    max: tensor.signed ? 2 ** (tensor.bits - 1) - 1 : 2 ** tensor.bits - 1,
    serialAxes: written ? tensor.axes.flatMap((a, i) => (SERIAL.has(a.name) ? [i] : [])) : [],
  };
}

function planAxis(
  label: string,
  view: View,
  a: number,
  tensor: TensorPlan,
  scope: ReadonlyMap<string, number>,
  vars: readonly Var[],
): AxisPlan {
  const where = `${label}: view of ${view.tensor}, axis ${tensor.tensor.axes[a].name}`;
  let bits = 0;
  let constant = 0;
  let proofMultiplier = 0;
  let proofBits = 0;
  const terms: { v: number; multiplier: number }[] = [];
  const reduces: ReducePlan[] = [];
  const parts = view.index[a];
  for (let p = parts.length - 1; p >= 0; p--) {
    const part = parts[p];
    const multiplier = 2 ** bits;
    if ('var' in part) {
      const v = scope.get(part.var);
      if (v === undefined) throw new ProgramError(where, `no variable ${part.var}`, 'name one of the domain or of the sum');
      if (part.shift !== undefined && part.shift !== 0) {
        if (parts.length !== 1)
          throw new ProgramError(where, 'a shift beside other parts', 'a shifted part must be the only one of its axis');
        constant += part.shift;
      }
      terms.push({ v, multiplier });
      bits += bitsOf(vars[v].size);
    } else if ('at' in part) {
      constant += part.at * multiplier;
      bits += part.bits;
    } else if ('proof' in part) {
      if (proofBits > 0) throw new ProgramError(where, 'two proof parts', 'give one');
      proofMultiplier = part.bits > 0 ? multiplier : 0;
      proofBits = part.bits;
      bits += part.bits;
    } else {
      const weights =
        part.reduce === 'ones' ? null : Float64Array.from({ length: part.size }, (_, y) => (part.reduce === 'index' ? y : 2 ** y));
      if (part.reduce === 'powers' && part.size > 53)
        throw new ProgramError(where, `powers of two up to 2^${part.size - 1}`, 'weights reach 2^52 at most');
      const weightSum = weights === null ? part.size : weights.reduce((s, w) => s + w, 0);
      reduces.push({ size: part.size, multiplier, weights, weightSum });
      bits += bitsOf(part.size);
    }
  }
  // A variable alone on its axis may have another size: indices beyond the axis read 0.
  if (!(parts.length === 1 && 'var' in parts[0]) && bits !== bitsOf(tensor.sizes[a]))
    throw new ProgramError(where, `parts of ${bits} bits`, `its size of ${tensor.sizes[a]} needs ${bitsOf(tensor.sizes[a])}`);
  return { size: tensor.sizes[a], stride: tensor.strides[a], constant, proofMultiplier, proofBits, terms, reduces };
}

/** Every expression and every out view of a relation, by the name of its field. */
function fieldsOf(r: Relation): {
  exprs: Record<string, Expr>;
  outs: Record<string, { view: View; over?: Var }>;
} {
  const of = (linear: Linear): Expr => ({ constant: 0n, linear, products: [] });
  switch (r.kind) {
    case 'rescale':
    case 'equal':
      return { exprs: { expr: r.expr }, outs: { out: { view: r.out } } };
    case 'assert':
      return { exprs: { expr: r.expr }, outs: {} };
    case 'map':
      return { exprs: { x: r.x }, outs: { out: { view: r.out }, ...(r.out2 ? { out2: { view: r.out2 } } : {}) } };
    case 'divide':
      return { exprs: { num: r.num, den: r.den }, outs: { out: { view: r.out } } };
    case 'rsqrt':
      return { exprs: { m: of(r.m) }, outs: { out: { view: r.out }, square: { view: r.square } } };
    case 'isqrt':
      return { exprs: { of: r.of }, outs: { out: { view: r.out } } };
    case 'rowmax':
      return { exprs: { of: of([{ coef: 1n, view: r.of }]) }, outs: { out: { view: r.out }, ...(r.hot ? { hot: { view: r.hot } } : {}) } };
    case 'clamp':
      return { exprs: { of: of(r.of) }, outs: { out: { view: r.out }, hot: { view: r.hot } } };
    case 'mantissa':
      return { exprs: { of: of(r.of) }, outs: { out: { view: r.out }, hot: { view: r.hot, over: r.over } } };
    case 'onehot':
      return {
        exprs: { index: of(r.index) },
        outs: Object.fromEntries(r.chunks.map((c, i) => [`hot${i}`, { view: c.hot, over: c.over }])),
      };
  }
}

function planRelation(byName: ReadonlyMap<string, TensorPlan>, relation: Relation, index: number): RelationPlan {
  const { exprs, outs } = fieldsOf(relation);
  const first = Object.values(outs)[0];
  const label = `${index} (${relation.kind}${first ? ` ${first.view.tensor}` : ''})`;
  const fail = (what: string, cure: string): ProgramError => new ProgramError(`relation ${label}`, what, cure, { relation: index });
  const on = relation.on;
  const vars: Var[] = [...on.vars];
  const scope = new Map(vars.map((v, i) => [v.name, i]));
  if (scope.size !== vars.length) throw fail('two variables of one name in its domain', 'rename one');
  const reads: ViewPlan[] = [];

  const extend = (base: ReadonlyMap<string, number>, more: readonly Var[]): Map<string, number> => {
    const inner = new Map(base);
    for (const v of more) {
      if (inner.has(v.name)) throw fail(`two variables ${v.name}`, 'rename one');
      inner.set(v.name, vars.length);
      vars.push(v);
    }
    return inner;
  };
  const planView = (view: View, inScope: ReadonlyMap<string, number>): ViewPlan => {
    const tensor = byName.get(view.tensor);
    if (!tensor) throw fail(`no tensor ${view.tensor}`, 'declare it');
    if (view.index.length !== tensor.sizes.length)
      throw fail(`${view.index.length} indices in a view of ${view.tensor}`, `the tensor has ${tensor.sizes.length} axes`);
    const axes = view.index.map((_, a) => planAxis(`relation ${label}`, view, a, tensor, inScope, vars));
    const when = (view.when ?? []).map((w) => {
      const v = inScope.get(w.var);
      if (v === undefined) throw fail(`no variable ${w.var} for a view of ${view.tensor}`, 'name one of the domain or of the sum');
      return { v, is: w.is };
    });
    return { tensor, axes, when };
  };
  const planLinear = (linear: Linear, inScope: ReadonlyMap<string, number>): LinearPlan =>
    linear.map((t) => {
      const view = planView(t.view, inScope);
      reads.push(view);
      return { coef: t.coef, view };
    });
  const planExpr = (e: Expr): ExprPlan => ({
    source: e,
    constant: e.constant,
    linear: planLinear(e.linear, scope),
    products: e.products.map((p) => {
      const inner = extend(scope, p.sum);
      if (p.factors.length < 2 || p.factors.length > 3) throw fail(`a product of ${p.factors.length} factors`, 'two or three are allowed');
      return { coef: p.coef, factors: p.factors.map((f) => planLinear(f, inner)), sum: p.sum.map((v) => inner.get(v.name) as number) };
    }),
  });

  const exprPlans = Object.fromEntries(Object.entries(exprs).map(([k, e]) => [k, planExpr(e)]));
  const outPlans: Record<string, ViewPlan> = {};
  for (const [field, { view, over }] of Object.entries(outs)) {
    const plan = planView(view, over ? extend(scope, [over]) : scope);
    if (plan.tensor.role !== 'witness' && plan.tensor.role !== 'stateOut')
      throw fail(`${field} writes ${plan.tensor.name}, which is an input`, 'write witness or state-out tensors');
    if (plan.when.length > 0 || plan.axes.some((x) => x.reduces.length > 0 || x.proofMultiplier > 0))
      throw fail(`${field} has a when, a reduce or a proof part`, 'it must assign one cell to every index');
    outPlans[field] = plan;
  }
  const writes = Object.values(outPlans);
  checkOuts(fail, relation, scope, outPlans, on.vars.length);

  const serial = new Set<number>();
  for (const view of [...reads, ...writes])
    for (const a of view.tensor.serialAxes) for (const t of view.axes[a].terms) if (t.v < on.vars.length) serial.add(t.v);
  const order = on.vars.map((_, i) => i);
  const causal = on.causal ? ([scope.get(on.causal[0]), scope.get(on.causal[1])] as const) : null;
  if (causal && (causal[0] === undefined || causal[1] === undefined || vars[causal[0]].size !== vars[causal[1]].size))
    throw fail('a causal pair that is not two variables of equal size', 'name two of its domain');
  if (causal && (serial.has(causal[0] as number) || serial.has(causal[1] as number)))
    throw fail('a causal variable indexes an axis named step or layer', 'rename the axis');
  return {
    index,
    label,
    relation,
    on,
    vars,
    domainVars: on.vars.length,
    serial: order.filter((v) => serial.has(v)),
    free: order.filter((v) => !serial.has(v)),
    causal: causal as readonly [number, number] | null,
    exprs: exprPlans,
    outs: outPlans,
    reads,
    writes,
  };
}

/** Each out view reads every variable it must, so that no cell is assigned twice; on a causal domain its tensor is causal too. */
function checkOuts(
  fail: (what: string, cure: string) => ProgramError,
  relation: Relation,
  scope: ReadonlyMap<string, number>,
  outs: Readonly<Record<string, ViewPlan>>,
  domainVars: number,
): void {
  const { on } = relation;
  for (const [field, view] of Object.entries(outs)) {
    const used = new Set(view.axes.flatMap((a) => a.terms.map((t) => t.v)));
    const over = relation.kind === 'rowmax' && field === 'out' ? scope.get(relation.over) : undefined;
    if (relation.kind === 'rowmax' && scope.get(relation.over) === undefined)
      throw fail(`no variable ${relation.over} in its domain`, 'name the one that the maximum is taken over');
    if (over !== undefined && used.has(over)) throw fail(`out depends on ${on.vars[over].name}`, 'the maximum is taken over it');
    for (let v = 0; v < domainVars; v++)
      if (v !== over && on.vars[v].size > 1 && !used.has(v))
        throw fail(`${field} does not depend on ${on.vars[v].name}`, 'cells would be assigned twice; index by it');
    if (!on.causal || over !== undefined) continue;
    const pair = view.tensor.tensor.causal;
    const reads = (a: number, name: string): boolean =>
      view.axes[a].terms.length === 1 && view.axes[a].constant === 0 && view.axes[a].terms[0].v === scope.get(name);
    if (!pair || !reads(pair[0], on.causal[0]) || !reads(pair[1], on.causal[1]))
      throw fail(`a causal domain, but ${field} is not causal in the same variables`, 'declare its tensor causal');
  }
}

/** Compiles the program. Errors: `ProgramError`. */
export function planProgram(program: Program): ProgramPlan {
  const tensors = program.tensors.map((t, i) => planTensor(program, t, i));
  const byName = new Map(tensors.map((t) => [t.name, t]));
  if (byName.size !== tensors.length) throw new ProgramError('tensors', 'two of one name', 'rename one');
  return { program, tensors, byName, relations: program.relations.map((r, i) => planRelation(byName, r, i)) };
}
