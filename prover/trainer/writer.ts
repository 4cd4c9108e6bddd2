/**
 * Writes results into tensors, checked: declared widths, and nothing but 0 outside a tensor's cells.
 */
import { ProgramError } from '../../verifier/program/errors.ts';
import { RelationError, WidthError } from './errors.ts';
import { type Instance, type Store } from './evaluate.ts';
import type { LeafCells } from '../backend/types.ts';
import { extremes, maxAbs, rowMajor, scatter, unpack } from './loops.ts';
import type { TensorPlan, ViewPlan } from './plan.ts';
import { forCells, resolve, type Resolved } from './resolve.ts';

const EXACT = 2n ** 53n;

/** Values of all variables at position `at` of the row-major rectangle of `dims`. */
export function valuesAt(instance: Instance, dims: readonly number[], at: number): Int32Array {
  const env = Int32Array.from(instance.env);
  for (let d = dims.length - 1; d >= 0; d--) {
    const size = instance.plan.vars[dims[d]].size;
    env[dims[d]] = at % size;
    at = Math.floor(at / size);
  }
  return env;
}

const cellIndex = (view: ViewPlan, env: Int32Array): number[] =>
  view.axes.map((axis) => axis.terms.reduce((i, t) => i + env[t.v] * t.multiplier, axis.constant));

/** The index on the axis called `name`, or null. */
const axisIndex = (t: TensorPlan, index: readonly number[], name: string): number | null => {
  const a = t.tensor.axes.findIndex((x) => x.name === name);
  return a < 0 ? null : index[a];
};

/** The error of a value that doesn't fit where `view` puts it. */
export function widthError(
  store: Store,
  instance: Instance,
  view: ViewPlan,
  dims: readonly number[],
  at: number,
  value: bigint,
): WidthError {
  const t = view.tensor;
  const index = cellIndex(view, valuesAt(instance, dims, at));
  const step = axisIndex(t, index, 'step');
  const { bits, signed, f } = t.tensor;
  return new WidthError(
    {
      tensor: t.name,
      index,
      step: step === null ? null : store.firstStep + step,
      layer: axisIndex(t, index, 'layer'),
      value,
      width: `${signed ? 'signed' : 'unsigned'} ${bits}`,
      relation: instance.plan.label,
    },
    `raise the width of ${t.name}, or lower its scale (f = ${f}) by recalibrating`,
  );
}

/** The view over `dims` where it assigns a cell of the tensor to every index; else null. */
function wholeView(store: Store, { plan, env }: Instance, view: ViewPlan, dims: readonly number[]): Resolved | null {
  const r = resolve(view, plan.vars, env, store.proof);
  const whole = r !== null && !r.guarded && dims.every((v) => r.lo[v] === 0 && r.hi[v] === plan.vars[v].size);
  return whole && (!view.tensor.tensor.causal || plan.causal?.every((v) => dims.includes(v))) ? r : null;
}

/** The tensor's cells that an out view assigns, where they lie row-major over `dims` without gaps; else null. */
export function cellsOf(store: Store, instance: Instance, view: ViewPlan, dims: readonly number[]): Float64Array | null {
  const r = wholeView(store, instance, view, dims);
  if (r === null) return null;
  const sizes = dims.map((v) => instance.plan.vars[v].size);
  const inner = rowMajor(sizes);
  if (dims.some((v, d) => sizes[d] > 1 && r.strides[v] !== inner[d])) return null;
  return (store.data[view.tensor.id] as Float64Array).subarray(r.base, r.base + sizes.reduce((n, s) => n * s, 1));
}

/** Assigns `values` (row-major over `dims`) through an out view; they may lie where they belong already. Errors: `WidthError`, `ProgramError` for a value outside the tensor. */
export function write(store: Store, instance: Instance, view: ViewPlan, dims: readonly number[], values: Float64Array): void {
  const { plan, env } = instance;
  const t = view.tensor;
  if (store.exact) {
    const { min, max } = extremes(values);
    if (min < t.min || max > t.max) {
      const outside = values.findIndex((v) => v < t.min || v > t.max);
      throw widthError(store, instance, view, dims, outside, BigInt(values[outside]));
    }
    store.bound[t.id] = Math.max(store.bound[t.id], -min, max);
  } else store.stats?.tensor(t.id, maxAbs(values));
  const data = store.data[t.id] as Float64Array;
  const sizes = dims.map((v) => plan.vars[v].size);
  const whole = wholeView(store, instance, view, dims);
  if (whole !== null) {
    if (values.buffer === data.buffer && values.byteOffset === data.byteOffset + 8 * whole.base) return;
    return unpack(sizes, { data, base: whole.base, strides: dims.map((v) => whole.strides[v]) }, values);
  }
  const r = resolve(view, plan.vars, env, store.proof);
  const rest = Float64Array.from(values);
  if (r !== null)
    forCells(r, plan.vars, dims, env, store.proof, (offset, _, at) => {
      const [i, j] = t.tensor.causal ?? [0, 0];
      if (Math.floor(offset / t.strides[j]) % t.sizes[j] > Math.floor(offset / t.strides[i]) % t.sizes[i] && t.tensor.causal) return;
      data[offset] = values[at] + 0;
      rest[at] = 0;
    });
  const lost = rest.findIndex((x) => x !== 0);
  if (lost >= 0) {
    const index = cellIndex(view, valuesAt(instance, dims, lost));
    throw new ProgramError(
      `relation ${plan.label}`,
      `assigns ${values[lost]} to ${t.name} [${index.join(', ')}], which is outside the tensor`,
      'enlarge the tensor, or make the value 0 there',
      { relation: plan.index, tensor: t.name },
    );
  }
}

/** Values of a leaf over the rectangle of its relation's domain, in the narrowest array that holds those put so far. */
export class LeafValues {
  cells: LeafCells | BigInt64Array;

  constructor(length: number) {
    this.cells = new Uint16Array(length);
  }

  /** Copies `values`, row-major over the instance's free variables. Errors: `RelationError` for a double of 2^53 or more. */
  put(instance: Instance, values: Float64Array | BigInt64Array): void {
    const { plan, env } = instance;
    const strides = rowMajor(plan.on.vars.map((v) => v.size));
    const place = {
      sizes: plan.free.map((v) => plan.vars[v].size),
      base: plan.serial.reduce((b, v) => b + env[v] * strides[v], 0),
      strides: plan.free.map((v) => strides[v]),
    };
    if (values instanceof BigInt64Array && values.every((v) => BigInt(Number(v)) === v && v < EXACT && v > -EXACT))
      values = Float64Array.from(values, Number);
    if (values instanceof BigInt64Array || this.cells instanceof BigInt64Array) {
      const cells = (this.cells = this.cells instanceof BigInt64Array ? this.cells : BigInt64Array.from(this.cells, BigInt));
      return scatter(place, cells, values instanceof BigInt64Array ? values : BigInt64Array.from(values, BigInt));
    }
    const { min, max } = extremes(values);
    if (!(Math.max(-min, max) < 2 ** 53)) throw new RelationError(`relation ${plan.label}: a look-up value does not fit 53 bits`);
    if (this.cells instanceof Uint16Array && (min < 0 || max >= 2 ** 16)) this.cells = Int32Array.from(this.cells);
    if (this.cells instanceof Int32Array && (min < -(2 ** 31) || max >= 2 ** 31)) this.cells = Float64Array.from(this.cells);
    scatter(place, this.cells, values);
  }
}
