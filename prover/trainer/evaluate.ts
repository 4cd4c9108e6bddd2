/**
 * Evaluates an expression over the free variables of a relation instance: linear terms by strided loops, products as tensor
 * contractions (`contract.ts`). Results are exact in integer mode.
 */
import type { Expr, Program } from '../../verifier/program/types.ts';
import type { Cells } from '../../verifier/public-content.ts';
import { Accumulator, EXACT } from './accumulator.ts';
import type { Computation } from './batches.ts';
import { contract, type Operand } from './contract.ts';
import { addScaled, maxAbs, rowMajor, type Strided } from './loops.ts';
import { Reference, type NamedTensors } from './reference.ts';
import type { ExprPlan, LinearPlan, ProductPlan, RelationPlan } from './plan.ts';
import { forCells, resolve, type Env, type Resolved } from './resolve.ts';

/** A look-up table with its columns. */
export interface TableContent {
  readonly name: string;
  readonly lo: number;
  readonly size: number;
  readonly y: Float64Array;
  readonly y2: Float64Array | null;
}

/** Takes note of magnitudes for calibration. */
export interface Recorder {
  tensor(id: number, max: number): void;
  lookup(table: number, min: number, max: number): void;
}

/** The tensors of a walk in progress. */
export interface Store {
  readonly exact: boolean;
  readonly proof: number;
  /** Step of the run at index 0 of an axis `step`. */
  readonly firstStep: number;
  readonly program: Program;
  readonly tensors: NamedTensors;
  table(id: number): TableContent;
  /** Collected in float mode only. */
  readonly stats: Recorder | null;
  /** By tensor id; doubles where the walk writes. */
  readonly data: readonly Cells[];
  /** Upper bound of |v| over a tensor's cells, by tensor id; meaningful in integer mode only. */
  readonly bound: Float64Array;
}

/** A relation instance: its serial variables have values in `env`, the others are -1. */
export interface Instance {
  readonly plan: RelationPlan;
  readonly env: Env;
}

/**
 * Values over the free rectangle, row-major: hi (+ lo), exactly; or bigints where even that is too narrow. In integer mode an expression that is one
 * tensor's cells as they lie is those cells, which nobody may change.
 */
export interface Value {
  readonly hi: Float64Array;
  readonly lo: Float64Array | null;
  readonly big: readonly bigint[] | null;
}

/** In integer mode a coefficient must be a float64 exactly. */
const usable = (store: Store, c: bigint): boolean => !store.exact || BigInt(Number(c)) === c;

function strided(store: Store, r: Resolved, dims: readonly number[]): { sizes: number[]; src: Strided<Cells> } {
  const src = {
    data: store.data[r.view.tensor.id],
    base: r.base + dims.reduce((b, v) => b + r.lo[v] * r.strides[v], 0),
    strides: dims.map((v) => r.strides[v]),
  };
  return { sizes: dims.map((v) => r.hi[v] - r.lo[v]), src };
}

/** Cells of a view that needs to be looked at one by one, dense over `dims`. */
function materialise(store: Store, instance: Instance, r: Resolved, dims: readonly number[]): Float64Array {
  const { vars } = instance.plan;
  const out = new Float64Array(dims.reduce((n, v) => n * vars[v].size, 1));
  const data = store.data[r.view.tensor.id];
  forCells(r, vars, dims, instance.env, store.proof, (offset, weight, at) => {
    out[at] += weight * data[offset];
  });
  return out;
}

/** Adds coef · view to an accumulator over `dims`. */
function addView(store: Store, instance: Instance, acc: Accumulator, dims: readonly number[], r: Resolved, coef: number): boolean {
  const weight = r.reduces.reduce((w, x) => w * x.weightSum, 1);
  const bound = store.bound[r.view.tensor.id] * weight;
  if (store.exact && !(bound < EXACT)) return false;
  const total = bound * Math.abs(coef);
  const { vars } = instance.plan;
  if (r.guarded || r.reduces.some((x) => x.weights !== null)) {
    const own = dims.filter((v) => r.strides[v] !== 0 || r.hi[v] - r.lo[v] < vars[v].size);
    const inner = rowMajor(own.map((v) => vars[v].size));
    const src = {
      data: materialise(store, instance, r, own),
      base: 0,
      strides: dims.map((v) => (own.includes(v) ? inner[own.indexOf(v)] : 0)),
    };
    return acc.add(acc.sizes, 0, acc.strides, src, coef, total);
  }
  const { sizes, src } = strided(store, r, dims);
  const base = dims.reduce((b, v, d) => b + r.lo[v] * acc.strides[d], 0);
  if (r.reduces.length === 0) return acc.add(sizes, base, acc.strides, src, coef, total);
  const reduced = new Float64Array(sizes.reduce((n, s) => n * s, 1));
  const allSizes = [...sizes, ...r.reduces.map((x) => x.size)];
  const from = { ...src, strides: [...src.strides, ...r.reduces.map((x) => x.stride)] };
  addScaled(allSizes, { data: reduced, base: 0, strides: [...rowMajor(sizes), ...r.reduces.map(() => 0)] }, from, 1);
  return acc.add(sizes, base, acc.strides, { data: reduced, base: 0, strides: rowMajor(sizes) }, coef, total);
}

/** A factor of a product as one strided array; null where it is 0, undefined where float64 can't hold it. */
function operand(store: Store, instance: Instance, linear: LinearPlan): { value: Operand; coef: bigint } | null | undefined {
  const { plan, env } = instance;
  const { vars } = plan;
  const terms = linear.flatMap((t) => {
    const r = resolve(t.view, vars, env, store.proof);
    return r === null ? [] : [{ coef: t.coef, r }];
  });
  if (terms.length === 0) return null;
  const whole = (r: Resolved): boolean =>
    !r.guarded && r.reduces.length === 0 && vars.every((v, i) => env[i] >= 0 || r.hi[i] - r.lo[i] === v.size);
  const [first] = terms;
  if (terms.length === 1 && whole(first.r)) {
    const id = first.r.view.tensor.id;
    const { base, strides } = first.r;
    const fixed = first.r.view.tensor.role === 'fixed';
    const value: Operand = { data: store.data[id], base, strides, bound: store.bound[id], fixed };
    return { value, coef: first.coef };
  }
  const dims = vars.flatMap((v, i) => {
    const used = env[i] < 0 && v.size > 1 && terms.some(({ r }) => r.strides[i] !== 0 || r.hi[i] - r.lo[i] < v.size);
    return used ? [i] : [];
  });
  const acc = new Accumulator(
    dims.map((v) => vars[v].size),
    store.exact,
  );
  for (const t of terms)
    if (!usable(store, t.coef) || !addView(store, instance, acc, dims, t.r, Number(t.coef)) || acc.lo) return undefined;
  const strides = vars.map((_, i) => (dims.includes(i) ? acc.strides[dims.indexOf(i)] : 0));
  return { value: { data: acc.hi, base: 0, strides, bound: store.exact ? maxAbs(acc.hi) : 0 }, coef: 1n };
}

function* addProductTerm(store: Store, instance: Instance, acc: Accumulator, product: ProductPlan): Computation<boolean> {
  const operands: Operand[] = [];
  let coef = product.coef;
  for (const factor of product.factors) {
    const o = operand(store, instance, factor);
    if (o === null) return true;
    if (o === undefined) return false;
    operands.push(o.value);
    coef *= o.coef;
  }
  if (!usable(store, coef)) return false;
  const { vars, free } = instance.plan;
  const setting = { sizes: vars.map((v) => v.size), free, exact: store.exact };
  return yield* contract(setting, acc, product.sum, operands, Number(coef));
}

/**
 * The value of `expr` plus `extra` over the instance's free variables. Where `mask` (the relation's domain) is 0, the constants are left
 * out: that is the zero-extended reading of lowered leaves.
 */
function* evaluate(store: Store, instance: Instance, expr: ExprPlan, extra: bigint, mask: Uint8Array | null): Computation<Value> {
  const { plan, env } = instance;
  const constant = expr.constant + extra;
  const cells = store.exact && constant === 0n && expr.products.length === 0 ? tensorCells(store, instance, expr.linear) : null;
  if (cells !== null) return { hi: cells, lo: null, big: null };
  const acc = new Accumulator(
    plan.free.map((v) => plan.vars[v].size),
    store.exact,
  );
  const fits = function* (): Computation<boolean> {
    for (const t of expr.linear) {
      const r = resolve(t.view, plan.vars, env, store.proof);
      if (r !== null && !(usable(store, t.coef) && addView(store, instance, acc, plan.free, r, Number(t.coef)))) return false;
    }
    for (const p of expr.products) if (!(yield* addProductTerm(store, instance, acc, p))) return false;
    return acc.addConstant(constant, mask);
  };
  if (yield* fits()) return { hi: acc.hi, lo: acc.lo, big: null };
  return { hi: acc.hi, lo: null, big: evaluateBig(store, instance, expr.source, constant, mask) };
}

/** The relation's expressions by field, each plus `extra`. */
export function* evaluateAll(
  store: Store,
  instance: Instance,
  extra: bigint,
  mask: Uint8Array | null,
): Computation<Readonly<Record<string, Value>>> {
  const values: Record<string, Value> = {};
  for (const [field, expr] of Object.entries(instance.plan.exprs)) values[field] = yield* evaluate(store, instance, expr, extra, mask);
  return values;
}

/** The cells that a single view reads, where they lie row-major over the free variables without gaps. */
function tensorCells(store: Store, { plan, env }: Instance, linear: LinearPlan): Float64Array | null {
  if (linear.length !== 1 || linear[0].coef !== 1n) return null;
  const r = resolve(linear[0].view, plan.vars, env, store.proof);
  if (r === null || r.guarded || r.reduces.length > 0) return null;
  const data = store.data[r.view.tensor.id];
  const sizes = plan.free.map((v) => plan.vars[v].size);
  const inner = rowMajor(sizes);
  const gap = plan.free.some((v, d) => r.lo[v] > 0 || r.hi[v] < sizes[d] || (sizes[d] > 1 && r.strides[v] !== inner[d]));
  if (gap || !(data instanceof Float64Array)) return null;
  return data.subarray(r.base, r.base + sizes.reduce((n, s) => n * s, 1));
}

/** The same by bigints, cell by cell. */
function evaluateBig(store: Store, instance: Instance, expr: Expr, constant: bigint, mask: Uint8Array | null): bigint[] {
  const { plan, env } = instance;
  const reference = new Reference(store.tensors, store.proof);
  const out: bigint[] = [];
  const values = new Map<string, { size: number; at: number }>();
  plan.serial.forEach((v) => values.set(plan.vars[v].name, { size: plan.vars[v].size, at: env[v] }));
  const walk = (d: number): void => {
    if (d === plan.free.length) {
      const inside = mask === null || mask[out.length] === 1;
      out.push(reference.expr({ ...expr, constant: inside ? constant : 0n }, values));
      return;
    }
    const v = plan.vars[plan.free[d]];
    for (let x = 0; x < v.size; x++) {
      values.set(v.name, { size: v.size, at: x });
      walk(d + 1);
    }
  };
  walk(0);
  return out;
}

/** Cell `i` of a value as a bigint. */
export const bigAt = (v: Value, i: number): bigint =>
  v.big !== null ? v.big[i] : BigInt(v.hi[i]) + (v.lo === null ? 0n : BigInt(v.lo[i]));
