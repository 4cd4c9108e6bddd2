/** Small programs for the trainer's tests, and the definitions of the relations in bigints to hold a walk against. */
import assert from 'node:assert/strict';
import { Reference, type Values } from '../../prover/trainer/reference.ts';
import { Walker, type Tensors, type Walk } from '../../prover/trainer/walk.ts';
import type { Domain, Expr, Linear, Part, PolyRole, Product, Program, Relation, Tensor, Var, View } from '../../verifier/program/types.ts';

/** Deterministic integers in [lo, hi]. */
export function random(seed: number): (lo: number, hi: number) => number {
  let s = BigInt(seed) * 0x9e3779b97f4a7c15n + 1n;
  return (lo, hi) => {
    s = (s * 6364136223846793005n + 1442695040888963407n) & ((1n << 64n) - 1n);
    return lo + Number((s >> 11n) % BigInt(hi - lo + 1));
  };
}

export const axis = (name: string, size: number): { name: string; size: number } => ({ name, size });

export function tensor(name: string, role: PolyRole, axes: readonly [string, number][], bits: number, more: Partial<Tensor> = {}): Tensor {
  return { name, poly: role, axes: axes.map(([n, s]) => axis(n, s)), bits, signed: true, f: 0, range: 'leaf', ...more };
}

/** A view whose axes are written as variable names, numbers with bits, or lists of parts. */
export function view(name: string, ...index: readonly (string | readonly Part[])[]): View {
  return { tensor: name, index: index.map((p) => (typeof p === 'string' ? [{ var: p }] : p)) };
}

export const read = (v: View, coef = 1n): Linear => [{ coef, view: v }];

export const linear = (...terms: Linear[]): Expr => ({ constant: 0n, linear: terms.flat(), products: [] });

export const products = (constant: bigint, ...p: Product[]): Expr => ({ constant, linear: [], products: p });

export const product = (coef: bigint, factors: readonly Linear[], sum: readonly Var[] = []): Product => ({ coef, factors, sum });

export function program(tensors: readonly Tensor[], relations: readonly Relation[], more: Partial<Program> = {}): Program {
  return {
    version: 1,
    name: 'test',
    schedule: { steps: 4, perProof: 2 },
    columns: 4,
    polys: [
      { name: 'witness', role: 'witness', hidden: true },
      { name: 'stateIn', role: 'stateIn', hidden: true },
      { name: 'stateOut', role: 'stateOut', hidden: true },
      { name: 'fixed', role: 'fixed', hidden: false },
    ],
    tensors,
    tables: [],
    relations,
    constants: {},
    ...more,
  };
}

/** Random cells of a tensor within [-magnitude, magnitude] (from 0 where unsigned), 0 off a causal domain. */
export function fill(t: Tensor, rnd: (lo: number, hi: number) => number, magnitude: number): Float64Array {
  const n = t.axes.reduce((p, a) => p * a.size, 1);
  const strides = t.axes.map((_, a) => t.axes.slice(a + 1).reduce((p, x) => p * x.size, 1));
  const [i, j] = t.causal ?? [0, 0];
  return Float64Array.from({ length: n }, (_, k) => {
    const at = (a: number): number => Math.floor(k / strides[a]) % t.axes[a].size;
    return t.causal && at(j) > at(i) ? 0 : rnd(t.signed ? -magnitude : 0, magnitude);
  });
}

function* indices(on: Domain): Generator<{ values: Map<string, { size: number; at: number }>; position: number; inside: boolean }> {
  const total = on.vars.reduce((n, v) => n * v.size, 1);
  for (let position = 0; position < total; position++) {
    const values = new Map<string, { size: number; at: number }>();
    let rest = position;
    for (const v of [...on.vars].reverse()) {
      values.set(v.name, { size: v.size, at: rest % v.size });
      rest = Math.floor(rest / v.size);
    }
    const at = (name: string): number => values.get(name)?.at ?? 0;
    yield { values, position, inside: !on.causal || at(on.causal[1]) <= at(on.causal[0]) };
  }
}

export function isqrt(v: bigint): bigint {
  let [lo, hi] = [0n, v + 1n];
  while (hi - lo > 1n) {
    const mid = (lo + hi) / 2n;
    if (mid * mid <= v) lo = mid;
    else hi = mid;
  }
  return lo;
}

const floorDiv = (n: bigint, d: bigint): bigint => (n - (((n % d) + d) % d)) / d;

/** Expected outputs (each with the view it is read at) and leaves of a relation at one index. */
function expected(
  ref: Reference,
  r: Relation,
  on: Values,
  inside: boolean,
): { outs: readonly (readonly [View, bigint, Values?])[]; leaves: readonly bigint[] } {
  const k = inside ? 1n : 0n;
  const expr = (e: Expr): bigint => ref.expr({ ...e, constant: e.constant * k }, on);
  const got = (v: View): bigint => ref.view(v, on);
  const also = (v: Var, at: number): Values => new Map(on).set(v.name, { size: v.size, at });
  switch (r.kind) {
    case 'rescale': {
      const s = BigInt(r.shift);
      const t = expr(r.expr) + k * (1n << (s - 1n));
      return { outs: [[r.out, t >> s]], leaves: [t - (got(r.out) << s)] };
    }
    case 'equal':
      return { outs: [[r.out, expr(r.expr)]], leaves: [] };
    case 'assert':
      if (inside) assert.equal(expr(r.expr), 0n);
      return { outs: [], leaves: [] };
    case 'map':
      return { outs: [], leaves: [expr(r.x), got(r.out), ...(r.out2 ? [got(r.out2)] : [])] };
    case 'divide': {
      const two = r.round ? 2n : 1n;
      const den = two * expr(r.den);
      const num = two * expr(r.num) + (r.round ? expr(r.den) : 0n);
      const rest = num - got(r.out) * den;
      return { outs: inside ? [[r.out, floorDiv(num, den)]] : [], leaves: [rest, den - k - rest] };
    }
    case 'rsqrt': {
      const m = ref.linear(r.m, on);
      const [q, u] = [got(r.out), got(r.square)];
      const root = inside ? isqrt(r.numerator / m) : 0n;
      return {
        outs: [
          [r.out, root],
          [r.square, root * root],
        ],
        leaves: [k * r.numerator - m * u, m * u + 2n * m * q + m - k * (r.numerator + 1n)],
      };
    }
    case 'isqrt': {
      const v = expr(r.of);
      const q = got(r.out);
      return { outs: inside ? [[r.out, isqrt(v)]] : [], leaves: [v - q * q, q * q + 2n * q - v] };
    }
    case 'rowmax': {
      const over = r.on.vars.find((v) => v.name === r.over) as Var;
      const row: bigint[] = [];
      for (let x = 0; x < over.size; x++) {
        const there = also(over, x);
        const at = (name: string): number => there.get(name)?.at ?? 0;
        if (!r.on.causal || at(r.on.causal[1]) <= at(r.on.causal[0])) row.push(ref.view(r.of, there));
        else row.push(-(1n << 60n));
      }
      const max = row.reduce((m, x) => (x > m ? x : m));
      const hot = row.indexOf(max) === on.get(r.over)?.at ? 1n : 0n;
      return {
        outs: [[r.out, max], ...(r.hot ? [[r.hot, hot] as const] : [])],
        leaves: r.hot ? [got(r.out) - got(r.of)] : [],
      };
    }
    case 'clamp': {
      const x = ref.linear(r.of, on);
      const h = got(r.hot);
      const leaf = k * r.max - x - h * (2n * r.max + 1n) + 2n * h * x;
      const over = x > r.max ? 1n : 0n;
      const outs: readonly (readonly [View, bigint])[] = [
        [r.out, over ? r.max : x],
        [r.hot, over],
      ];
      return { outs: inside ? outs : [], leaves: [leaf] };
    }
    case 'mantissa': {
      const x = ref.linear(r.of, on);
      let e = 0n;
      while (x >> e >= 1n << 16n) e++;
      let power = 0n;
      for (let y = 0; y < r.over.size; y++) power += ref.view(r.hot, also(r.over, y)) << BigInt(y);
      const outs = Array.from({ length: r.over.size }, (_, y) => [r.hot, BigInt(y) === e ? 1n : 0n, also(r.over, y)] as const);
      const rest = x - got(r.out) * power;
      return { outs: inside ? [[r.out, x >> e], ...outs] : [], leaves: [rest, power - k - rest, got(r.out) - k * (1n << 15n)] };
    }
    case 'onehot': {
      const index = ref.linear(r.index, on);
      let sum = 0n;
      for (const c of r.chunks) {
        let ones = 0n;
        for (let y = 0; y < c.over.size; y++) {
          const h = ref.view(c.hot, also(c.over, y));
          assert.ok(h === 0n || h === 1n);
          ones += h;
          sum += h * c.weight * BigInt(y);
        }
        assert.equal(ones, k);
      }
      if (inside) assert.equal(sum, index);
      return { outs: [], leaves: [] };
    }
  }
}

/** Walks and holds every output and every leaf of every relation against the definitions, cell by cell. */
export function check(p: Program, inputs: Tensors, proof = 0): Walk {
  const walk = new Walker(p).walk(proof, inputs, { leaves: true });
  const shapes = new Map(p.tensors.map((t) => [t.name, t]));
  const ref = new Reference({ shape: (n) => shapes.get(n) as Tensor, cells: (n) => walk.tensors.get(n) as Float64Array }, proof);
  p.relations.forEach((r, index) => {
    for (const { values, position, inside } of indices(r.on)) {
      const want = expected(ref, r, values, inside);
      if (inside)
        for (const [v, x, at] of want.outs) assert.equal(ref.view(v, at ?? values), x, `relation ${index} at ${position}: ${v.tensor}`);
      const got = walk.leaves[index].map((l) => BigInt(l[position]));
      assert.deepEqual(got, want.leaves, `relation ${index} (${r.kind}) at ${position}: leaves`);
    }
  });
  const plain = new Walker(p).walk(proof, inputs);
  assert.deepEqual(plain.leaves, []);
  assert.deepEqual(plain.tensors, walk.tensors);
  return walk;
}
