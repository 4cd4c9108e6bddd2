/**
 * The relations in float64, with rounding removed and in the same units (real value = value / 2^f): what the integers approximate.
 */
import { functions } from '../../verifier/models/functions.ts';
import type { MapFunction, Relation } from '../../verifier/program/types.ts';
import type { Computation } from './batches.ts';
import { RelationError } from './errors.ts';
import { evaluateAll, type Instance, type Store, type TableContent, type Value } from './evaluate.ts';
import { around, digits } from './selectors.ts';
import { write } from './writer.ts';

interface Context {
  readonly store: Store;
  readonly instance: Instance;
  readonly mask: Uint8Array | null;
  /** The relation's expressions by field. */
  readonly values: Readonly<Record<string, Value>>;
}

type Of<K extends Relation['kind']> = Extract<Relation, { kind: K }>;

const value = (c: Context, field: string): Float64Array => c.values[field].hi;

const put = (c: Context, field: string, values: Float64Array): void =>
  write(c.store, c.instance, c.instance.plan.outs[field], c.instance.plan.free, values);

const inside = (c: Context, i: number): boolean => c.mask === null || c.mask[i] === 1;

/** out = fn(a) on the domain, 0 off it. */
function pointwise({ mask }: Context, a: Float64Array, fn: (x: number) => number): Float64Array {
  const out = new Float64Array(a.length);
  for (let i = 0; i < a.length; i++) if (mask === null || mask[i] === 1) out[i] = fn(a[i]);
  return out;
}

/** The same array times `unit` on the domain, 0 off it. */
function scaled({ mask }: Context, a: Float64Array, unit: number): Float64Array {
  if (mask === null) for (let i = 0; i < a.length; i++) a[i] *= unit;
  else for (let i = 0; i < a.length; i++) a[i] = mask[i] === 1 ? a[i] * unit : 0;
  return a;
}

/** The same array over b on the domain, 0 off it. */
function quotient({ mask }: Context, a: Float64Array, b: Float64Array): Float64Array {
  for (let i = 0; i < a.length; i++) a[i] = mask === null || mask[i] === 1 ? a[i] / b[i] : 0;
  return a;
}

/** 2^fOut · fn(x / 2^fIn); `table` interpolates the column linearly. */
export function mapFunction(fn: MapFunction, table: TableContent, column: Float64Array): (x: number) => number {
  if (fn.name === 'table')
    return (x) => {
      const at = Math.min(Math.max(x - table.lo, 0), table.size - 1);
      const k = Math.min(Math.floor(at), table.size - 2);
      return table.size === 1 ? column[0] : column[k] + (at - k) * (column[k + 1] - column[k]);
    };
  const real = functions[fn.name];
  const [unitIn, unitOut] = [2 ** -fn.fIn, 2 ** fn.fOut];
  return (x) => unitOut * real(x * unitIn);
}

function map(c: Context, r: Of<'map'>): void {
  const table = c.store.table(r.table);
  const source = c.store.program.tables.find((t) => t.id === r.table);
  if (!source) throw new RelationError(`relation ${c.instance.plan.label}: no table ${r.table}`);
  const x = value(c, 'x');
  let [min, max] = [Infinity, -Infinity];
  for (let i = 0; i < x.length; i++) {
    if (!inside(c, i)) continue;
    if (x[i] < min) min = x[i];
    if (x[i] > max) max = x[i];
  }
  c.store.stats?.lookup(r.table, min, max);
  put(c, 'out', pointwise(c, x, mapFunction(source.fn, table, table.y)));
  if (!r.out2) return;
  if (!source.fn2 || !table.y2) throw new RelationError(`relation ${c.instance.plan.label}: table ${source.name} has no second column`);
  put(c, 'out2', pointwise(c, x, mapFunction(source.fn2, table, table.y2)));
}

function rowmax(c: Context, r: Of<'rowmax'>): void {
  const x = value(c, 'of');
  const { outer, n, inner, rest } = around(c.instance, r.over);
  const max = new Float64Array(outer * inner);
  const hot = new Float64Array(r.hot ? x.length : 0);
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < inner; i++) {
      let first = -1;
      for (let k = 0; k < n; k++) {
        const at = (o * n + k) * inner + i;
        if (inside(c, at) && (first < 0 || x[at] > x[first])) first = at;
      }
      max[o * inner + i] = x[first];
      if (r.hot) hot[first] = 1;
    }
  write(c.store, c.instance, c.instance.plan.outs['out'], rest, max);
  if (r.hot) put(c, 'hot', hot);
}

function mantissa(c: Context, r: Of<'mantissa'>): void {
  const x = value(c, 'of');
  const { plan } = c.instance;
  const over = plan.vars.findIndex((v) => v.name === r.over.name);
  const exponent = (v: number): number => Math.min(Math.max(Math.floor(Math.log2(Math.max(v, 1))) - 15, 0), r.over.size - 1);
  const hot = new Float64Array(x.length * r.over.size);
  x.forEach((v, i) => {
    if (inside(c, i)) hot[i * r.over.size + exponent(v)] = 1;
  });
  put(
    c,
    'out',
    pointwise(c, x, (v) => v / 2 ** exponent(v)),
  );
  write(c.store, c.instance, plan.outs['hot'], [...plan.free, over], hot);
}

function onehot(c: Context, r: Of<'onehot'>): void {
  const x = value(c, 'index');
  const { plan } = c.instance;
  const hot = r.chunks.map((k) => new Float64Array(x.length * k.over.size));
  x.forEach((v, i) => {
    if (!inside(c, i)) return;
    const at = digits(Math.round(v), r.chunks);
    if (at === null) throw new RelationError(`relation ${plan.label}: the index ${v} can't be written in the chunks' sizes and weights`);
    at.forEach((d, k) => (hot[k][i * r.chunks[k].over.size + d] = 1));
  });
  r.chunks.forEach((k, n) => {
    const over = plan.vars.findIndex((v) => v.name === k.over.name);
    write(c.store, c.instance, plan.outs[`hot${n}`], [...plan.free, over], hot[n]);
  });
}

/** Computes one instance in float64. */
export function* computeFloats(c: Omit<Context, 'values'>): Computation<void> {
  const { relation } = c.instance.plan;
  if (relation.kind !== 'assert') compute({ ...c, values: yield* evaluateAll(c.store, c.instance, 0n, c.mask) }, relation);
}

function compute(c: Context, r: Exclude<Relation, { kind: 'assert' }>): void {
  switch (r.kind) {
    case 'rescale':
      return put(c, 'out', scaled(c, value(c, 'expr'), 2 ** -r.shift));
    case 'equal':
      return put(c, 'out', scaled(c, value(c, 'expr'), 1));
    case 'map':
      return map(c, r);
    case 'divide':
      return put(c, 'out', quotient(c, value(c, 'num'), value(c, 'den')));
    case 'rsqrt': {
      const m = value(c, 'm');
      const n = Number(r.numerator);
      put(
        c,
        'out',
        pointwise(c, m, (x) => Math.sqrt(n / x)),
      );
      return put(
        c,
        'square',
        pointwise(c, m, (x) => n / x),
      );
    }
    case 'isqrt':
      return put(
        c,
        'out',
        pointwise(c, value(c, 'of'), (x) => Math.sqrt(Math.max(x, 0))),
      );
    case 'rowmax':
      return rowmax(c, r);
    case 'clamp': {
      const x = value(c, 'of');
      const max = Number(r.max);
      put(
        c,
        'out',
        pointwise(c, x, (v) => Math.min(v, max)),
      );
      return put(
        c,
        'hot',
        pointwise(c, x, (v) => (v > max ? 1 : 0)),
      );
    }
    case 'mantissa':
      return mantissa(c, r);
    case 'onehot':
      return onehot(c, r);
  }
}
