/**
 * The relations in exact integers (proof.md §2). Each kind computes its outputs and, when asked, the values of its look-up leaves on the
 * rectangle of its domain; off the domain a leaf takes the zero-extended reading without constants, and outputs are 0.
 */
import type { Relation } from '../../verifier/program/types.ts';
import { RelationError } from './errors.ts';
import { bigAt, evaluate, type Instance, type Store, type Value } from './evaluate.ts';
import { valuesAt, widthError, write } from './writer.ts';

/** Receives leaf number `k` of the instance, row-major over its free variables. */
export type LeafSink = (k: number, values: Float64Array) => void;

interface Context {
  readonly store: Store;
  readonly instance: Instance;
  /** 1 on the domain; null when all of the rectangle is. */
  readonly mask: Uint8Array | null;
  readonly leaf: LeafSink | null;
}

type Of<K extends Relation['kind']> = Extract<Relation, { kind: K }>;

const LIMIT = 2 ** 53;

/** An error that names the relation and where in its domain it failed. */
function failure({ store, instance }: Context, dims: readonly number[], at: number, message: string): RelationError {
  const env = valuesAt(instance, dims, at);
  const where = instance.plan.on.vars.map((v, i) => `${v.name} ${v.name === 'step' ? store.firstStep + env[i] : env[i]}`).join(', ');
  return new RelationError(`relation ${instance.plan.label}${where ? ` at ${where}` : ''}: ${message}`);
}

const value = (c: Context, field: string, extra = 0n): Value => evaluate(c.store, c.instance, c.instance.plan.exprs[field], extra, c.mask);

/** Exact doubles; values of 2^53 and more are refused. */
function doubles(c: Context, v: Value, what: string): Float64Array {
  if (v.big === null && v.lo === null) return v.hi;
  const out = new Float64Array(v.hi.length);
  for (let i = 0; i < out.length; i++) {
    const x = v.big !== null ? Number(v.big[i]) : v.hi[i] + (v.lo as Float64Array)[i];
    if (!(Math.abs(x) < LIMIT)) throw failure(c, c.instance.plan.free, i, `${what} = ${bigAt(v, i)} does not fit 53 bits`);
    out[i] = x;
  }
  return out;
}

const inside = (c: Context, i: number): boolean => c.mask === null || c.mask[i] === 1;

const size = (c: Context): number => c.instance.plan.free.reduce((n, v) => n * c.instance.plan.vars[v].size, 1);

const array = (c: Context, wanted: unknown = true): Float64Array => new Float64Array(wanted ? size(c) : 0);

const put = (c: Context, field: string, values: Float64Array): void =>
  write(c.store, c.instance, c.instance.plan.outs[field], c.instance.plan.free, values);

/** A remainder or difference that must lie in [0, 2^bits). */
function checkRange(c: Context, i: number, x: number, bits: number, what: string): void {
  if (!(x >= 0 && x < 2 ** bits))
    throw failure(c, c.instance.plan.free, i, `${what} = ${x} is outside [0, 2^${bits}); raise the relation's bits`);
}

function rescale(c: Context, r: Of<'rescale'>): void {
  const half = 1n << BigInt(r.shift - 1);
  const v = value(c, 'expr', half);
  const out = array(c);
  const leaf = array(c, c.leaf);
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
    out[i] = q;
    if (c.leaf) leaf[i] = remainder;
  }
  put(c, 'out', out);
  c.leaf?.(0, leaf);
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
  const out = array(c);
  const out2 = array(c, r.out2);
  const leaf = c.leaf ? Float64Array.from(x) : null;
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
    out[i] = table.y[k];
    if (r.out2) out2[i] = (table.y2 as Float64Array)[k];
  }
  put(c, 'out', out);
  if (r.out2) put(c, 'out2', out2);
  if (!c.leaf || !leaf) return;
  c.leaf(0, leaf);
  c.leaf(1, out);
  if (r.out2) c.leaf(2, out2);
}

/** floor(n / d) for d >= 1 with its remainder. */
function floorDivide(n: number, d: number): [number, number] {
  let q = Math.floor(n / d);
  let r = n - q * d;
  if (r < 0) [q, r] = [q - 1, r + d];
  else if (r >= d) [q, r] = [q + 1, r - d];
  return [q, r];
}

function divide(c: Context, r: Of<'divide'>): void {
  const num = value(c, 'num');
  const den = value(c, 'den');
  const out = array(c);
  const [low, high] = [array(c, c.leaf), array(c, c.leaf)];
  const narrow = num.lo === null && num.big === null && den.lo === null && den.big === null;
  for (let i = 0; i < out.length; i++) {
    let n = narrow ? num.hi[i] : 0;
    let d = narrow ? den.hi[i] : 0;
    if (r.round) [n, d] = [2 * n + d, 2 * d];
    if (narrow && Math.abs(n) + Math.abs(d) < LIMIT / 2) {
      if (!inside(c, i)) {
        if (c.leaf) [low[i], high[i]] = [n, d - n];
        continue;
      }
      if (d < 1) throw failure(c, c.instance.plan.free, i, `the divisor is ${den.hi[i]}, but must be at least 1`);
      checkRange(c, i, d - 1, r.bits, r.round ? '2·divisor − 1' : 'divisor − 1');
      const [q, rest] = floorDivide(n, d);
      out[i] = q;
      if (c.leaf) [low[i], high[i]] = [rest, d - 1 - rest];
      continue;
    }
    let [nb, db] = [bigAt(num, i), bigAt(den, i)];
    if (r.round) [nb, db] = [2n * nb + db, 2n * db];
    if (!inside(c, i)) {
      if (c.leaf) [low[i], high[i]] = [Number(nb), Number(db - nb)];
      continue;
    }
    if (db < 1n) throw failure(c, c.instance.plan.free, i, `the divisor is ${bigAt(den, i)}, but must be at least 1`);
    checkRange(c, i, Number(db - 1n), r.bits, r.round ? '2·divisor − 1' : 'divisor − 1');
    const rest = ((nb % db) + db) % db;
    const q = (nb - rest) / db;
    out[i] = Number(q);
    if (BigInt(out[i]) !== q) throw widthError(c.store, c.instance, c.instance.plan.outs['out'], c.instance.plan.free, i, q);
    if (c.leaf) [low[i], high[i]] = [Number(rest), Number(db - 1n - rest)];
  }
  put(c, 'out', out);
  c.leaf?.(0, low);
  c.leaf?.(1, high);
}

/** floor(sqrt(v)) for v >= 0. */
export function bigSqrt(v: bigint): bigint {
  let q = BigInt(Math.floor(Math.sqrt(Number(v))));
  for (;;) {
    if (q * q > v) q = q - 1n - (q * q - v) / (2n * q + 2n);
    else if ((q + 1n) * (q + 1n) <= v) q = q + 1n + (v - (q + 1n) * (q + 1n)) / (2n * q + 4n);
    else return q;
  }
}

function rsqrt(c: Context, r: Of<'rsqrt'>): void {
  const v = value(c, 'm');
  const [out, square] = [array(c), array(c)];
  const [low, high] = [array(c, c.leaf), array(c, c.leaf)];
  for (let i = 0; i < out.length; i++) {
    const m = bigAt(v, i);
    if (!inside(c, i)) {
      if (c.leaf) high[i] = Number(m);
      continue;
    }
    if (m < 1n) throw failure(c, c.instance.plan.free, i, `m is ${m}, but must be at least 1`);
    const q = bigSqrt(r.numerator / m);
    const u = q * q;
    if (u >= 1n << 53n) throw widthError(c.store, c.instance, c.instance.plan.outs['square'], c.instance.plan.free, i, u);
    const [a, b] = [Number(r.numerator - m * u), Number(m * u + 2n * m * q + m - r.numerator - 1n)];
    checkRange(c, i, a, r.bits, 'numerator − m·out²');
    checkRange(c, i, b, r.bits, 'm·(out + 1)² − numerator − 1');
    out[i] = Number(q);
    square[i] = Number(u);
    if (c.leaf) [low[i], high[i]] = [a, b];
  }
  put(c, 'out', out);
  put(c, 'square', square);
  c.leaf?.(0, low);
  c.leaf?.(1, high);
}

function isqrt(c: Context, r: Of<'isqrt'>): void {
  const x = value(c, 'of');
  const out = array(c);
  const [low, high] = [array(c, c.leaf), array(c, c.leaf)];
  const narrow = x.lo === null && x.big === null;
  for (let i = 0; i < out.length; i++) {
    const v = narrow ? x.hi[i] : Number(bigAt(x, i));
    if (!inside(c, i)) {
      if (c.leaf) [low[i], high[i]] = [v, 0 - v];
      continue;
    }
    if (v < 0) throw failure(c, c.instance.plan.free, i, `the radicand is ${v}, but must not be negative`);
    let q: number;
    let rest: number;
    if (narrow) {
      q = Math.floor(Math.sqrt(v));
      while (q * q > v) q--;
      while ((q + 1) * (q + 1) <= v) q++;
      rest = v - q * q;
    } else {
      const wide = bigAt(x, i);
      const root = bigSqrt(wide);
      [q, rest] = [Number(root), Number(wide - root * root)];
    }
    checkRange(c, i, rest, r.bits, 'of − out²');
    checkRange(c, i, 2 * q - rest, r.bits, 'out² + 2·out − of');
    out[i] = q;
    if (c.leaf) [low[i], high[i]] = [rest, 2 * q - rest];
  }
  put(c, 'out', out);
  c.leaf?.(0, low);
  c.leaf?.(1, high);
}

/** Position of a free variable: rows of the rectangle are `outer × inner`, cell (o, x, i) is at (o·n + x)·inner + i. */
export function around({ plan }: Instance, name: string): { outer: number; n: number; inner: number; rest: number[] } {
  const at = plan.free.findIndex((v) => plan.vars[v].name === name);
  const sizes = plan.free.map((v) => plan.vars[v].size);
  const product = (s: readonly number[]): number => s.reduce((p, x) => p * x, 1);
  return {
    outer: product(sizes.slice(0, at)),
    n: sizes[at],
    inner: product(sizes.slice(at + 1)),
    rest: plan.free.filter((_, d) => d !== at),
  };
}

function rowmax(c: Context, r: Of<'rowmax'>): void {
  const x = doubles(c, value(c, 'of'), 'of');
  const { outer, n, inner, rest } = around(c.instance, r.over);
  const max = new Float64Array(outer * inner);
  const hot = array(c);
  const leaf = array(c, c.leaf);
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < inner; i++) {
      let first = -1;
      for (let k = 0; k < n; k++) {
        const at = (o * n + k) * inner + i;
        if (inside(c, at) && (first < 0 || x[at] > x[first])) first = at;
      }
      max[o * inner + i] = x[first];
      hot[first] = 1;
      for (let k = 0; k < n; k++) {
        const at = (o * n + k) * inner + i;
        if (inside(c, at)) checkRange(c, at, x[first] - x[at], r.bits, 'out − of');
        if (c.leaf) leaf[at] = x[first] - x[at];
      }
    }
  write(c.store, c.instance, c.instance.plan.outs['out'], rest, max);
  put(c, 'hot', hot);
  c.leaf?.(0, leaf);
}

function clamp(c: Context, r: Of<'clamp'>): void {
  const x = doubles(c, value(c, 'of'), 'of');
  const max = Number(r.max);
  const [out, hot, leaf] = [array(c), array(c), array(c, c.leaf)];
  for (let i = 0; i < out.length; i++) {
    if (!inside(c, i)) {
      if (c.leaf) leaf[i] = 0 - x[i];
      continue;
    }
    const h = x[i] > max ? 1 : 0;
    const gap = (max - x[i]) * (1 - 2 * h) - h;
    checkRange(c, i, gap, r.bits, '|max − of|');
    out[i] = h ? max : x[i];
    hot[i] = h;
    if (c.leaf) leaf[i] = gap;
  }
  put(c, 'out', out);
  put(c, 'hot', hot);
  c.leaf?.(0, leaf);
}

function mantissa(c: Context, r: Of<'mantissa'>): void {
  const x = doubles(c, value(c, 'of'), 'of');
  const { plan } = c.instance;
  const over = plan.vars.findIndex((v) => v.name === r.over.name);
  const E = r.over.size;
  const out = array(c);
  const hot = new Float64Array(out.length * E);
  const [low, high, normal] = [array(c, c.leaf), array(c, c.leaf), array(c, c.leaf)];
  for (let i = 0; i < out.length; i++) {
    if (!inside(c, i)) {
      if (c.leaf) [low[i], high[i]] = [x[i], 0 - x[i]];
      continue;
    }
    if (!(x[i] >= 2 ** 15 && x[i] < 2 ** (15 + E)))
      throw failure(c, plan.free, i, `${x[i]} is outside [2^15, 2^${15 + E}), so it has no exponent among ${E}`);
    let e = 0;
    while (x[i] >= 2 ** (16 + e)) e++;
    out[i] = Math.floor(x[i] / 2 ** e);
    hot[i * E + e] = 1;
    const remainder = x[i] - out[i] * 2 ** e;
    checkRange(c, i, 2 ** e - 1, r.bits, '2^e − 1');
    if (c.leaf) [low[i], high[i], normal[i]] = [remainder, 2 ** e - 1 - remainder, out[i] - 2 ** 15];
  }
  put(c, 'out', out);
  write(c.store, c.instance, plan.outs['hot'], [...plan.free, over], hot);
  c.leaf?.(0, low);
  c.leaf?.(1, high);
  c.leaf?.(2, normal);
}

/** Digits of `index` in the chunks' weights, largest first; null where they don't add up. */
export function digits(index: number, chunks: Of<'onehot'>['chunks']): number[] | null {
  const order = chunks.map((_, k) => k).sort((a, b) => Number(chunks[b].weight - chunks[a].weight));
  const out = new Array<number>(chunks.length).fill(0);
  let rest = index;
  for (const k of order) {
    const weight = Number(chunks[k].weight);
    out[k] = Math.min(Math.floor(rest / weight), chunks[k].over.size - 1);
    rest -= out[k] * weight;
  }
  return rest === 0 && index >= 0 ? out : null;
}

function onehot(c: Context, r: Of<'onehot'>): void {
  const x = doubles(c, value(c, 'index'), 'the index');
  const { plan } = c.instance;
  const hot = r.chunks.map((k) => new Float64Array(x.length * k.over.size));
  for (let i = 0; i < x.length; i++) {
    if (!inside(c, i)) continue;
    const at = digits(x[i], r.chunks);
    if (at === null) throw failure(c, plan.free, i, `the index ${x[i]} can't be written in the chunks' sizes and weights`);
    at.forEach((d, k) => (hot[k][i * r.chunks[k].over.size + d] = 1));
  }
  r.chunks.forEach((k, n) => {
    const over = plan.vars.findIndex((v) => v.name === k.over.name);
    write(c.store, c.instance, plan.outs[`hot${n}`], [...plan.free, over], hot[n]);
  });
}

/** Computes one instance. Errors: `WidthError`, `RelationError`. */
export function computeIntegers(c: Context): void {
  const r = c.instance.plan.relation;
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
    case 'rowmax':
    case 'clamp':
      return 1;
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
