/**
 * The relations in exact integers (proof.md §2). Each kind computes its outputs and, when asked, the values of its look-up leaves on the
 * rectangle of its domain; off the domain a leaf takes the zero-extended reading without constants, and outputs are 0.
 */
import type { Relation } from '../../verifier/program/types.ts';
import type { Computation } from './batches.ts';
import { bigAt, evaluateAll, type Value } from './evaluate.ts';
import { array, doubles, failure, inside, LIMIT, output, put, value, wideLeaf, type Context, type Of } from './instance.ts';
import { divide, isqrt, rsqrt } from './quotients.ts';
import { clamp, mantissa, onehot, rowmax } from './selectors.ts';
import { widthError } from './writer.ts';

function rescale(c: Context, r: Of<'rescale'>): void {
  const v = value(c, 'expr');
  const out = output(c, 'out');
  if (v.big === null && v.lo === null && c.mask === null && r.shift <= 52) splitAt(2 ** r.shift, v.hi, out);
  else if (r.shift > 52) return splitBig(c, r, v, out);
  else splitWide(c, r, v, out);
  put(c, 'out', out);
  c.leaf?.(0, v.hi);
}

/** Remainders that doubles can't hold. */
function splitBig(c: Context, r: Of<'rescale'>, v: Value, out: Float64Array): void {
  const leaf = new BigInt64Array(out.length);
  for (let i = 0; i < out.length; i++) {
    const t = bigAt(v, i);
    const q = inside(c, i) ? t >> BigInt(r.shift) : 0n;
    out[i] = Number(q);
    if (c.leaf) leaf[i] = wideLeaf(c, i, t - (q << BigInt(r.shift)));
  }
  put(c, 'out', out);
  c.leaf?.(0, leaf);
}

/** out = floor(v / unit), v = the remainder, for a power of two. */
function splitAt(unit: number, v: Float64Array, out: Float64Array): void {
  const inverse = 1 / unit;
  for (let i = 0; i < v.length; i++) {
    const q = Math.floor(v[i] * inverse) + 0;
    out[i] = q;
    v[i] -= q * unit;
  }
}

/** The same for pairs, bigints and domains with a hole; the remainder takes the place of v.hi. */
function splitWide(c: Context, r: Of<'rescale'>, v: Value, out: Float64Array): void {
  const unit = 2 ** r.shift;
  for (let i = 0; i < out.length; i++) {
    let q: number;
    let remainder: number;
    const on = inside(c, i);
    if (v.big === null && (v.lo === null || r.shift <= 50)) {
      const h = v.hi[i];
      if (!on) {
        q = 0;
        remainder = v.lo === null ? h : h + v.lo[i];
      } else {
        q = Math.floor(h / unit);
        remainder = h - q * unit;
        if (v.lo !== null) {
          const rest = remainder + v.lo[i];
          const carry = Math.floor(rest / unit);
          q += carry;
          remainder = rest - carry * unit;
        }
      }
    } else {
      const t = bigAt(v, i);
      const quotient = on ? t >> BigInt(r.shift) : 0n;
      if (on && BigInt(Number(quotient)) !== quotient)
        throw widthError(c.store, c.instance, c.instance.plan.outs['out'], c.instance.plan.free, i, quotient);
      q = Number(quotient);
      remainder = Number(t - (quotient << BigInt(r.shift)));
    }
    out[i] = q + 0;
    v.hi[i] = remainder;
  }
}

function equal(c: Context): void {
  const v = value(c, 'expr');
  const out = c.mask || v.lo || v.big ? array(c) : v.hi;
  if (out !== v.hi)
    for (let i = 0; i < out.length; i++) {
      if (!inside(c, i)) continue;
      const x = v.big !== null ? Number(v.big[i]) : v.lo !== null ? v.hi[i] + v.lo[i] : v.hi[i];
      if (!(Math.abs(x) < LIMIT)) throw widthError(c.store, c.instance, c.instance.plan.outs['out'], c.instance.plan.free, i, bigAt(v, i));
      out[i] = x;
    }
  put(c, 'out', out);
}

function assertZero(c: Context, r: Of<'assert'>): void {
  const v = value(c, 'expr');
  for (let i = 0; i < v.hi.length; i++)
    if (inside(c, i) && bigAt(v, i) !== 0n) throw failure(c, c.instance.plan.free, i, `${r.why} (the difference is ${bigAt(v, i)})`);
}

function map(c: Context, r: Of<'map'>): void {
  const table = c.store.table(r.table);
  const x = doubles(c, value(c, 'x'), 'x');
  const out = output(c, 'out');
  const out2 = r.out2 ? output(c, 'out2') : null;
  for (let i = 0; i < x.length; i++) {
    if (!inside(c, i)) continue;
    const k = x[i] - table.lo;
    if (!(k >= 0 && k < table.size))
      throw failure(
        c,
        c.instance.plan.free,
        i,
        `${x[i]} is outside table ${table.name}, [${table.lo}, ${table.lo + table.size}); enlarge the table, or lower the scale of what enters it by recalibrating`,
      );
    out[i] = table.y[k] + 0;
    if (out2) out2[i] = (table.y2 as Float64Array)[k] + 0;
  }
  put(c, 'out', out);
  if (out2) put(c, 'out2', out2);
  c.leaf?.(0, x);
  c.leaf?.(1, out);
  if (out2) c.leaf?.(2, out2);
}

/** Computes one instance. Errors: `WidthError`, `RelationError`. */
export function* computeIntegers(c: Omit<Context, 'values'>): Computation<void> {
  const { relation } = c.instance.plan;
  // Half a unit, so that rounding down rounds to the nearest.
  const extra = relation.kind === 'rescale' ? 1n << BigInt(relation.shift - 1) : 0n;
  compute({ ...c, values: yield* evaluateAll(c.store, c.instance, extra, c.mask) }, relation);
}

function compute(c: Context, r: Relation): void {
  switch (r.kind) {
    case 'rescale':
      return rescale(c, r);
    case 'equal':
      return equal(c);
    case 'assert':
      return assertZero(c, r);
    case 'map':
      return map(c, r);
    case 'divide':
      return divide(c, r);
    case 'rsqrt':
      return rsqrt(c, r);
    case 'isqrt':
      return isqrt(c, r);
    case 'rowmax':
      return rowmax(c, r);
    case 'clamp':
      return clamp(c, r);
    case 'mantissa':
      return mantissa(c, r);
    case 'onehot':
      return onehot(c, r);
  }
}

/** Number of look-up leaf values of a relation. */
export function leafCount(r: Relation): number {
  switch (r.kind) {
    case 'rescale':
    case 'clamp':
      return 1;
    case 'rowmax':
      return r.hot ? 1 : 0;
    case 'map':
      return r.out2 ? 3 : 2;
    case 'divide':
    case 'rsqrt':
    case 'isqrt':
      return 2;
    case 'mantissa':
      return 3;
    case 'equal':
    case 'assert':
    case 'onehot':
      return 0;
  }
}
