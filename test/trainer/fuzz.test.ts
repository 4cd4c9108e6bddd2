/** Random expressions over random views against the bigint definitions. A seed that once failed stays in `KNOWN`. */
import { test } from 'node:test';
import {
  bitsOf,
  type Domain,
  type Linear,
  type Part,
  type Product,
  type Relation,
  type Tensor,
  type Var,
  type View,
} from '../../verifier/program/types.ts';
import type { Cells } from '../../verifier/public-content.ts';
import { check, fill, program, random, tensor, view } from './helpers.ts';

const KNOWN: readonly number[] = [];
const SEEDS = 150;

type Random = (lo: number, hi: number) => number;

/** A view of `t` over the variables in scope: single variables with shifts, concatenations, constants, sums, `when`. */
function randomView(rnd: Random, t: Tensor, scope: readonly Var[]): View {
  const index = t.axes.map((axis): readonly Part[] => {
    const bits = bitsOf(axis.size);
    const parts: Part[] = [];
    let left = bits;
    while (left > 0 || parts.length === 0) {
      const fitting = scope.filter((v) => bitsOf(v.size) <= left && (parts.length === 0 || bitsOf(v.size) > 0));
      const kind = rnd(0, 9);
      if (kind < 7 && fitting.length > 0) {
        const v = fitting[rnd(0, fitting.length - 1)];
        const alone = parts.length === 0 && bitsOf(v.size) === bits;
        parts.push(alone && rnd(0, 2) === 0 ? { var: v.name, shift: rnd(-2, 2) || 1 } : { var: v.name });
        left -= bitsOf(v.size);
        if ('shift' in parts[parts.length - 1]) break;
      } else if (kind === 7 && left > 0) {
        const b = rnd(1, left);
        parts.push({ at: rnd(0, 2 ** b - 1), bits: b });
        left -= b;
      } else if (kind === 8 && left > 0 && !parts.some((p) => 'proof' in p)) {
        const b = rnd(1, left);
        parts.push({ proof: true, bits: b });
        left -= b;
      } else if (left > 0) {
        const b = rnd(1, left);
        parts.push({ reduce: (['ones', 'index', 'powers'] as const)[rnd(0, 2)], size: rnd(2 ** (b - 1) + 1, 2 ** b) });
        left -= b;
      } else parts.push({ at: 0, bits: 0 });
    }
    return parts;
  });
  const v = scope[rnd(0, scope.length - 1)];
  return rnd(0, 4) === 0 ? { tensor: t.name, index, when: [{ var: v.name, is: rnd(0, v.size - 1) }] } : { tensor: t.name, index };
}

/** As doubles, or in the narrowest array. */
function stored(cells: Float64Array, rnd: Random): Cells {
  const most = cells.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  if (rnd(0, 1) === 0 || most >= 2 ** 31) return cells;
  return most < 2 ** 7 ? Int8Array.from(cells) : most < 2 ** 15 ? Int16Array.from(cells) : Int32Array.from(cells);
}

function run(seed: number): void {
  const rnd = random(seed);
  const sizes = [1, 2, 3, 4, 5, 6, 7, 8, 12];
  const pick = (): number => sizes[rnd(0, sizes.length - 1)];
  const magnitudes = [1, 2 ** 6, 2 ** 15, 2 ** 24, 2 ** 31];
  const tensors = Array.from({ length: 4 }, (_, k): Tensor => {
    const axes = Array.from({ length: rnd(1, 3) }, (_x, a): [string, number] => [`a${a}`, pick()]);
    const causal = rnd(0, 2) === 0 && axes.length >= 2;
    if (causal) axes[1][1] = axes[0][1];
    return tensor(`t${k}`, 'fixed', axes, 33, causal ? { causal: [0, 1] } : {});
  });
  const n = rnd(2, 7);
  const vars: Var[] = [
    { name: 'i', size: n },
    { name: 'k', size: pick() },
    { name: 'j', size: n },
  ];
  const causal = rnd(0, 1) === 0;
  const on: Domain = causal ? { vars, causal: ['i', 'j'] } : { vars };
  const linear = (scope: readonly Var[], count: number): Linear =>
    Array.from({ length: count }, () => ({ coef: BigInt(rnd(-9, 9)), view: randomView(rnd, tensors[rnd(0, 3)], scope) }));
  const products = Array.from({ length: rnd(0, 3) }, (_, p): Product => {
    const sum = Array.from({ length: rnd(0, 2) }, (_x, s): Var => ({ name: `s${p}${s}`, size: pick() }));
    return { coef: BigInt(rnd(-5, 5)), factors: Array.from({ length: rnd(2, 3) }, () => linear([...vars, ...sum], rnd(1, 2))), sum };
  });
  const out = tensor(
    'out',
    'witness',
    [
      ['k', vars[1].size],
      ['i', n],
      ['j', n],
    ],
    53,
    causal ? { causal: [1, 2] } : {},
  );
  const wide = tensor(
    'wide',
    'witness',
    [
      ['k', vars[1].size],
      ['i', n],
      ['j', n],
    ],
    53,
    causal ? { causal: [1, 2] } : {},
  );
  const expr = { constant: BigInt(rnd(-1000, 1000)), linear: linear(vars, rnd(0, 3)), products };
  const relations: Relation[] = [{ kind: 'rescale', on, out: view('out', 'k', 'i', 'j'), expr, shift: rnd(40, 52) }];
  // Off a causal domain a leaf is the unshifted value, which must fit 53 bits.
  const top = causal ? 1 : products.some((p) => p.factors.length === 3) ? 2 : 4;
  const magnitude = magnitudes[rnd(0, top)];
  const given = new Map(tensors.map((t) => [t.name, stored(fill(t, rnd, magnitude), rnd)]));
  const used = products.length === 0 ? [...relations, { kind: 'equal' as const, on, out: view('wide', 'k', 'i', 'j'), expr }] : relations;
  check(program([...tensors, out, ...(used.length > 1 ? [wide] : [])], used), given, rnd(0, 3));
}

for (const seed of [...KNOWN, ...Array.from({ length: SEEDS }, (_, k) => k + 1)]) test(`random expression ${seed}`, () => run(seed));
