/** Divide, rsqrt and isqrt in exact integers. */
import { bigAt } from './evaluate.ts';
import { array, checkRange, failure, inside, LIMIT, output, put, value, wideLeaf, type Context, type Of } from './instance.ts';
import { widthError } from './writer.ts';

/** floor(n / d) for d >= 1 with its remainder. */
function floorDivide(n: number, d: number): [number, number] {
  let q = Math.floor(n / d);
  let r = n - q * d;
  if (r < 0) [q, r] = [q - 1, r + d];
  else if (r >= d) [q, r] = [q + 1, r - d];
  return [q, r];
}

export function divide(c: Context, r: Of<'divide'>): void {
  const num = value(c, 'num');
  const den = value(c, 'den');
  const out = output(c, 'out');
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
      out[i] = q + 0;
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
function bigSqrt(v: bigint): bigint {
  let q = BigInt(Math.floor(Math.sqrt(Number(v))));
  for (;;) {
    if (q * q > v) q = q - 1n - (q * q - v) / (2n * q + 2n);
    else if ((q + 1n) * (q + 1n) <= v) q = q + 1n + (v - (q + 1n) * (q + 1n)) / (2n * q + 4n);
    else return q;
  }
}

export function rsqrt(c: Context, r: Of<'rsqrt'>): void {
  const v = value(c, 'm');
  const [out, square] = [array(c), array(c)];
  const [low, high] = [new BigInt64Array(out.length), new BigInt64Array(out.length)];
  for (let i = 0; i < out.length; i++) {
    const m = bigAt(v, i);
    if (!inside(c, i)) {
      if (c.leaf) high[i] = wideLeaf(c, i, m);
      continue;
    }
    if (m < 1n) throw failure(c, c.instance.plan.free, i, `m is ${m}, but must be at least 1`);
    const q = bigSqrt(r.numerator / m);
    const u = q * q;
    if (u >= 1n << 53n) throw widthError(c.store, c.instance, c.instance.plan.outs['square'], c.instance.plan.free, i, u);
    const [a, b] = [r.numerator - m * u, m * u + 2n * m * q + m - r.numerator - 1n];
    checkRange(c, i, a, r.bits, 'numerator − m·out²');
    checkRange(c, i, b, r.bits, 'm·(out + 1)² − numerator − 1');
    out[i] = Number(q);
    square[i] = Number(u);
    if (c.leaf) [low[i], high[i]] = [wideLeaf(c, i, a), wideLeaf(c, i, b)];
  }
  put(c, 'out', out);
  put(c, 'square', square);
  c.leaf?.(0, low);
  c.leaf?.(1, high);
}

export function isqrt(c: Context, r: Of<'isqrt'>): void {
  const x = value(c, 'of');
  const out = output(c, 'out');
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
    out[i] = q + 0;
    if (c.leaf) [low[i], high[i]] = [rest, 2 * q - rest];
  }
  put(c, 'out', out);
  c.leaf?.(0, low);
  c.leaf?.(1, high);
}
