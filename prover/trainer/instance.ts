/** What the integer relations share: an instance in progress, its values, and refusals that say where. */
import type { Relation } from '../../verifier/program/types.ts';
import { RelationError } from './errors.ts';
import { bigAt, type Instance, type Store, type Value } from './evaluate.ts';
import { cellsOf, valuesAt, write } from './writer.ts';

/** Receives leaf number `k` of the instance, row-major over its free variables; bigints where doubles may be too narrow. */
export type LeafSink = (k: number, values: Float64Array | BigInt64Array) => void;

export interface Context {
  readonly store: Store;
  readonly instance: Instance;
  /** 1 on the domain; null when all of the rectangle is. */
  readonly mask: Uint8Array | null;
  readonly leaf: LeafSink | null;
  /** The relation's expressions by field. */
  readonly values: Readonly<Record<string, Value>>;
}

export type Of<K extends Relation['kind']> = Extract<Relation, { kind: K }>;

export const LIMIT = 2 ** 53;

/** An error that names the relation and where in its domain it failed. */
export function failure({ store, instance }: Context, dims: readonly number[], at: number, message: string): RelationError {
  const env = valuesAt(instance, dims, at);
  const where = instance.plan.on.vars.map((v, i) => `${v.name} ${v.name === 'step' ? store.firstStep + env[i] : env[i]}`).join(', ');
  return new RelationError(`relation ${instance.plan.label}${where ? ` at ${where}` : ''}: ${message}`);
}

export const value = (c: Context, field: string): Value => c.values[field];

/** Exact doubles; values of 2^53 and more are refused. */
export function doubles(c: Context, v: Value, what: string): Float64Array {
  if (v.big === null && v.lo === null) return v.hi;
  const out = new Float64Array(v.hi.length);
  for (let i = 0; i < out.length; i++) {
    const x = v.big !== null ? Number(v.big[i]) : v.hi[i] + (v.lo as Float64Array)[i];
    if (!(Math.abs(x) < LIMIT)) throw failure(c, c.instance.plan.free, i, `${what} = ${bigAt(v, i)} does not fit 53 bits`);
    out[i] = x;
  }
  return out;
}

export const inside = (c: Context, i: number): boolean => c.mask === null || c.mask[i] === 1;

const size = (c: Context): number => c.instance.plan.free.reduce((n, v) => n * c.instance.plan.vars[v].size, 1);

/** The bits of a leaf's values, |v| < 2^63, as they are computed. Errors: `RelationError`. */
export function wideLeaf(c: Context, i: number, x: bigint): bigint {
  if (BigInt.asIntN(64, x) !== x)
    throw failure(c, c.instance.plan.free, i, `a look-up value of ${x} does not fit 64 bits; lower its scale`);
  return x;
}

export const array = (c: Context, wanted: unknown = true): Float64Array => new Float64Array(wanted ? size(c) : 0);

/** Room for an output that is 0 so far: the tensor's own cells where `put` would only copy. No −0 may be written there. */
export const output = (c: Context, field: string): Float64Array =>
  cellsOf(c.store, c.instance, c.instance.plan.outs[field], c.instance.plan.free) ?? array(c);

export const put = (c: Context, field: string, values: Float64Array): void =>
  write(c.store, c.instance, c.instance.plan.outs[field], c.instance.plan.free, values);

const POWERS = Float64Array.from({ length: 1024 }, (_, b) => 2 ** b);

/** A remainder or difference that must lie in [0, 2^bits). */
export function checkRange(c: Context, i: number, x: number | bigint, bits: number, what: string): void {
  if (!(x >= 0 && x < POWERS[bits]))
    throw failure(c, c.instance.plan.free, i, `${what} = ${x} is outside [0, 2^${bits}); raise the relation's bits`);
}
