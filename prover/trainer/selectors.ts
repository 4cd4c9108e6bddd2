/** The relations with one-hot selectors in exact integers: rowmax, clamp, mantissa, onehot. */
import type { Instance } from './evaluate.ts';
import { array, checkRange, doubles, failure, inside, put, value, type Context, type Of } from './instance.ts';
import { write } from './writer.ts';

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

export function rowmax(c: Context, r: Of<'rowmax'>): void {
  const x = doubles(c, value(c, 'of'), 'of');
  const { outer, n, inner, rest } = around(c.instance, r.over);
  const max = new Float64Array(outer * inner);
  const hot = array(c, r.hot);
  const leaf = array(c, r.hot && c.leaf);
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < inner; i++) {
      let [first, least] = [-1, -1];
      for (let k = 0, at = o * n * inner + i; k < n; k++, at += inner) {
        if (!inside(c, at)) continue;
        if (first < 0 || x[at] > x[first]) first = at;
        if (least < 0 || x[at] < x[least]) least = at;
      }
      max[o * inner + i] = x[first];
      checkRange(c, least, x[first] - x[least], r.bits, 'out − of');
      if (r.hot) hot[first] = 1;
      if (r.hot && c.leaf) for (let k = 0, at = o * n * inner + i; k < n; k++, at += inner) leaf[at] = x[first] - x[at];
    }
  write(c.store, c.instance, c.instance.plan.outs['out'], rest, max);
  if (!r.hot) return;
  put(c, 'hot', hot);
  c.leaf?.(0, leaf);
}

export function clamp(c: Context, r: Of<'clamp'>): void {
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

export function mantissa(c: Context, r: Of<'mantissa'>): void {
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

export function onehot(c: Context, r: Of<'onehot'>): void {
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
