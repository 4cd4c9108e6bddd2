/** A small program that uses every kind of relation, every kind of part and every kind of polynomial; sizes are no powers of two. */
import type { Axis, Expr, Linear, MapTable, Part, Program, Relation, Tensor, Var, View } from '../../verifier/program/types.ts';

const axis = (name: string, size: number): Axis => ({ name, size });
const v = (name: string, size: number): Var => ({ name, size });

/** A view by shorthand: a string is a variable, a number n a constant of enough bits, a list its parts. */
export type Index = string | readonly Part[];
export const view = (tensor: string, ...index: readonly Index[]): View => ({
  tensor,
  index: index.map((x) => (typeof x === 'string' ? [{ var: x }] : x)),
});
export const term = (tensor: string, ...index: readonly Index[]): Linear => [{ coef: 1n, view: view(tensor, ...index) }];
export const times = (coef: bigint, l: Linear): Linear => l.map((t) => ({ coef: coef * t.coef, view: t.view }));
export const expr = (linear: Linear, products: Expr['products'] = [], constant = 0n): Expr => ({ constant, linear, products });

const [i, j, k, l] = [v('i', 3), v('j', 3), v('k', 5), v('l', 3)];

const tensor = (name: string, axes: readonly Axis[], bits: number, signed: boolean, more: Partial<Tensor> = {}): Tensor => ({
  name,
  poly: 'witness',
  axes,
  bits,
  signed,
  f: 0,
  range: 'leaf',
  ...more,
});

const N = axis('n', 3);
const M = axis('m', 3);
const K = axis('k', 5);
const causal = { causal: [0, 1] as const };

const tensors: Tensor[] = [
  tensor('model/w', [K, M], 8, true, { poly: 'model', f: 6 }),
  tensor('data/id', [axis('batch', 3), N], 3, false, { poly: 'data' }),
  tensor('constants/exp', [axis('row', 16)], 17, false, { poly: 'constants', f: 16 }),
  tensor('constants/act', [axis('row', 16)], 9, true, { poly: 'constants' }),
  tensor('constants/act2', [axis('row', 16)], 9, true, { poly: 'constants' }),
  tensor('constants/rate', [axis('step', 3)], 20, true, { poly: 'constants', f: 30 }),
  tensor('s', [K], 32, true, { poly: 'stateIn', f: 24 }),
  tensor('s2', [K], 32, true, { poly: 'stateOut', f: 24 }),
  tensor('x', [N, K], 8, true, { f: 4 }),
  tensor('y', [N, M], 16, true, { f: 4 }),
  tensor('z', [N, M], 16, true, causal),
  tensor('d', [N, M], 18, true, causal),
  tensor('max', [N], 16, true),
  tensor('hot', [N, M], 1, false, causal),
  tensor('gap', [N, M], 4, false, { ...causal, range: 'map' }),
  tensor('over', [N, M], 1, false, causal),
  tensor('e', [N, M], 17, false, { ...causal, range: 'map' }),
  tensor('sum', [N], 19, false),
  tensor('inv', [N], 39, false),
  tensor('mant', [N], 16, false),
  tensor('exp', [N, axis('e', 3)], 1, false),
  tensor('act', [N], 9, true, { range: 'map' }),
  tensor('act2', [N], 9, true, { range: 'map' }),
  tensor('ax', [N], 4, true, { range: 'map' }),
  tensor('norm', [N], 17, false),
  tensor('root', [N], 14, false),
  tensor('rootSq', [N], 28, false),
  tensor('iroot', [N], 9, false),
  tensor('id0', [N, axis('u', 2)], 1, false),
  tensor('id1', [N, axis('u', 4)], 1, false),
  tensor('new', [K], 32, true, { f: 24 }),
  tensor('merged', [axis('g', 4), K], 9, true),
];

const tables: MapTable[] = [
  {
    id: 64,
    name: 'exp',
    lo: 0,
    size: 16,
    y: 'constants/exp',
    fn: { name: 'exp-neg', fIn: 0, fOut: 16 },
  },
  {
    id: 65,
    name: 'silu',
    lo: -8,
    size: 16,
    y: 'constants/act',
    y2: 'constants/act2',
    fn: { name: 'silu', fIn: 2, fOut: 4 },
    fn2: { name: 'silu-derivative', fIn: 2, fOut: 4 },
  },
];

const nj = { vars: [i, j], causal: ['i', 'j'] as const };
const n = { vars: [i] };

const relations: Relation[] = [
  // The first cell comes from the state (fixed part), the rest is a shifted reading.
  {
    kind: 'equal',
    on: { vars: [i, k] },
    out: view('x', 'i', 'k'),
    expr: expr([{ coef: 1n, view: { ...view('merged', [{ at: 2, bits: 2 }], 'k'), when: [{ var: 'i', is: 0 }] } }]),
  },
  {
    kind: 'rescale',
    on: { vars: [i, j] },
    out: view('y', 'i', 'j'),
    expr: expr([], [{ coef: 3n, factors: [term('x', 'i', 'k'), term('model/w', 'k', 'j')], sum: [k] }]),
    shift: 4,
  },
  { kind: 'rescale', on: nj, out: view('z', 'i', 'j'), expr: expr([...term('y', 'i', 'j'), ...term('y', 'j', 'i')]), shift: 1 },
  { kind: 'rowmax', on: nj, over: 'j', out: view('max', 'i'), hot: view('hot', 'i', 'j'), of: view('z', 'i', 'j'), bits: 16 },
  // A rescale by one bit of twice the value: looked up, so that it holds on the causal domain alone.
  {
    kind: 'rescale',
    on: nj,
    out: view('d', 'i', 'j'),
    expr: expr(times(2n, [...term('max', 'i'), ...times(-1n, term('z', 'i', 'j'))])),
    shift: 1,
  },
  {
    kind: 'clamp',
    on: nj,
    out: view('gap', 'i', 'j'),
    hot: view('over', 'i', 'j'),
    of: term('d', 'i', 'j'),
    max: 15n,
    bits: 19,
  },
  { kind: 'map', on: nj, table: 64, x: expr(term('gap', 'i', 'j')), out: view('e', 'i', 'j') },
  { kind: 'equal', on: n, out: view('sum', 'i'), expr: expr(term('e', 'i', [{ reduce: 'ones', size: 3 }])) },
  {
    kind: 'divide',
    on: n,
    out: view('inv', 'i'),
    num: expr([], [], 1n << 38n),
    den: expr(term('sum', 'i')),
    bits: 19,
    round: false,
  },
  {
    kind: 'mantissa',
    on: n,
    over: v('e', 3),
    out: view('mant', 'i'),
    hot: view('exp', 'i', 'e'),
    of: term('sum', 'i'),
    bits: 3,
  },
  {
    kind: 'rescale',
    on: n,
    out: view('ax', 'i'),
    expr: expr(term('max', 'i')),
    shift: 12,
  },
  {
    kind: 'map',
    on: n,
    table: 65,
    x: expr(term('ax', 'i')),
    out: view('act', 'i'),
    out2: view('act2', 'i'),
  },
  {
    kind: 'equal',
    on: n,
    out: view('norm', 'i'),
    expr: expr([], [{ coef: 1n, factors: [term('x', 'i', 'k'), term('x', 'i', 'k')], sum: [k] }], 1n),
  },
  {
    kind: 'rsqrt',
    on: n,
    out: view('root', 'i'),
    square: view('rootSq', 'i'),
    numerator: 1n << 27n,
    m: term('norm', 'i'),
    bits: 33,
  },
  { kind: 'isqrt', on: n, out: view('iroot', 'i'), of: expr(term('norm', 'i')), bits: 10 },
  {
    kind: 'onehot',
    on: n,
    index: term('data/id', [{ proof: true, bits: 2 }], 'i'),
    chunks: [
      { hot: view('id0', 'i', 'u0'), over: v('u0', 2), weight: 4n },
      { hot: view('id1', 'i', 'u1'), over: v('u1', 4), weight: 1n },
    ],
  },
  {
    kind: 'rescale',
    on: { vars: [v('a', 2), v('b', 2), k] },
    out: view('merged', [{ var: 'a' }, { var: 'b' }], 'k'),
    expr: expr([{ coef: 1n, view: view('model/w', 'k', [{ var: 'b', shift: 1 }]) }]),
    shift: 1,
  },
  {
    kind: 'rescale',
    on: { vars: [k] },
    out: view('new', 'k'),
    expr: expr(times(1n << 8n, term('s', 'k')), [
      {
        coef: -1n,
        factors: [term('constants/rate', [{ proof: true, bits: 2 }]), term('x', [{ at: 1, bits: 2 }], 'k')],
        sum: [],
      },
    ]),
    shift: 8,
  },
  { kind: 'equal', on: { vars: [k] }, out: view('s2', 'k'), expr: expr(term('new', 'k')) },
  { kind: 'assert', on: { vars: [i, l] }, expr: expr(term('y', 'l', 'i'), [], 0n), why: 'y is zero – for the sake of the example' },
];

/** The program; not a sensible computation. */
export const sample: Program = {
  version: 1,
  name: 'sample',
  schedule: { steps: 3, perProof: 1 },
  columns: 4,
  polys: [
    { name: 'model', role: 'fixed', hidden: true },
    { name: 'data', role: 'fixed', hidden: false },
    { name: 'constants', role: 'fixed', hidden: false },
    { name: 'witness', role: 'witness', hidden: true },
    { name: 'in', role: 'stateIn', hidden: true },
    { name: 'out', role: 'stateOut', hidden: true },
  ],
  tensors: tensors.map((t) => (t.poly === 'stateIn' ? { ...t, poly: 'in' } : t.poly === 'stateOut' ? { ...t, poly: 'out' } : t)),
  tables,
  relations,
  constants: {
    'constants/exp': Array.from({ length: 16 }, (_, x) => Math.round(65536 * Math.exp(-x))),
    'constants/act': Int32Array.from({ length: 16 }, (_, x) => x - 8),
    'constants/act2': Int32Array.from({ length: 16 }, (_, x) => (x < 8 ? 0 : 16)),
    'constants/rate': Float64Array.of(-5, 2 ** 19 - 1, -(2 ** 19)),
  },
};
