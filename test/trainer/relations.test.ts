import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RelationError, WidthError } from '../../prover/trainer/errors.ts';
import { FloatStats, Walker } from '../../prover/trainer/walk.ts';
import type { Domain, Expr, Program, Relation, Tensor } from '../../verifier/program/types.ts';
import { check, fill, linear, product, products, program, random, read, tensor, view } from './helpers.ts';

const on = (...vars: readonly [string, number][]): Domain => ({ vars: vars.map(([name, size]) => ({ name, size })) });

/** Inputs for all fixed and state-in tensors. */
function inputs(p: Program, seed: number, magnitude: (t: Tensor) => number): Map<string, Float64Array> {
  const rnd = random(seed);
  const given = p.tensors.filter((t) => t.poly === 'fixed' || t.poly === 'stateIn');
  return new Map(given.map((t) => [t.name, fill(t, rnd, magnitude(t))]));
}

test('rescale of a matrix product, batched, at sizes that are no powers of two', () => {
  const x = tensor(
    'x',
    'fixed',
    [
      ['h', 3],
      ['t', 5],
      ['d', 7],
    ],
    20,
  );
  const w = tensor(
    'w',
    'fixed',
    [
      ['h', 3],
      ['f', 6],
      ['d', 7],
    ],
    12,
  );
  const y = tensor(
    'y',
    'witness',
    [
      ['f', 6],
      ['h', 3],
      ['t', 5],
    ],
    24,
  );
  const p = program(
    [x, w, y],
    [
      {
        kind: 'rescale',
        on: on(['t', 5], ['h', 3], ['f', 6]),
        out: view('y', 'f', 'h', 't'),
        expr: {
          constant: 77n,
          linear: read(view('x', 'h', 't', [{ at: 2, bits: 3 }]), -9n),
          products: [product(3n, [read(view('x', 'h', 't', 'd')), read(view('w', 'h', 'f', 'd'), -2n)], [{ name: 'd', size: 7 }])],
        },
        shift: 12,
      },
    ],
  );
  check(
    p,
    inputs(p, 1, (t) => 2 ** (t.bits - 1) - 1),
  );
});

test('leaf values lie in the narrowest array, also where a later layer outgrows the first', () => {
  const layers: [string, number] = ['layer', 3];
  const x = tensor('x', 'fixed', [layers], 40);
  const y = tensor('y', 'witness', [layers], 40);
  const relation = (shift: number): Relation => ({
    kind: 'rescale',
    on: on(layers),
    out: view('y', 'layer'),
    expr: linear(read(view('x', 'layer'))),
    shift,
  });
  for (const [shift, given, kind] of [
    [16, [2 ** 15 - 1, -1, 2 ** 39 - 1], Uint16Array],
    [17, [2 ** 15 - 1, 2 ** 15, 2 ** 16], Int32Array],
    [34, [0, 5, -1], Float64Array],
  ] as const) {
    const walk = check(program([x, y], [relation(shift)]), new Map([['x', Float64Array.from(given)]]));
    assert.equal(walk.leaves[0][0].constructor, kind, `shift ${shift}`);
  }
});

test('a walk tells how far it is', () => {
  const x = tensor('x', 'fixed', [['layer', 4]], 8);
  const y = tensor('y', 'witness', [['layer', 4]], 8);
  const p = program([x, y], [{ kind: 'equal', on: on(['layer', 4]), out: view('y', 'layer'), expr: linear(read(view('x', 'layer'))) }]);
  const parts: number[] = [];
  new Walker(p).walk(0, new Map([['x', Int8Array.of(1, 2, 3, 4)]]), { onProgress: (part) => parts.push(part) });
  assert.deepEqual(parts, [0.25, 0.5, 0.75, 1]);
});

test('partial sums beyond 2^53 stay exact: factors are split, sums kept in pairs', () => {
  for (const [bits, shift] of [
    [30, 20],
    [40, 30],
    [48, 50],
  ] as const) {
    const x = tensor(
      'x',
      'fixed',
      [
        ['t', 5],
        ['d', 9],
      ],
      bits,
    );
    const w = tensor(
      'w',
      'fixed',
      [
        ['f', 6],
        ['d', 9],
      ],
      34,
    );
    const y = tensor(
      'y',
      'witness',
      [
        ['t', 5],
        ['f', 6],
      ],
      53,
    );
    const p = program(
      [x, w, y],
      [
        {
          kind: 'rescale',
          on: on(['t', 5], ['f', 6]),
          out: view('y', 't', 'f'),
          expr: {
            constant: (1n << 60n) + 1n,
            linear: read(view('x', 't', [{ at: 3, bits: 4 }]), (1n << 30n) - 35n),
            products: [product(-3n, [read(view('x', 't', 'd')), read(view('w', 'f', 'd'))], [{ name: 'd', size: 9 }])],
          },
          shift,
        },
      ],
    );
    check(
      p,
      inputs(p, bits, (t) => 2 ** (t.bits - 1) - 1),
    );
  }
});

test('three factors: elementwise, contracted, and cancelling beyond what pairs of doubles hold', () => {
  for (const bits of [14, 26, 32, 45]) {
    const a = tensor(
      'a',
      'fixed',
      [
        ['t', 5],
        ['d', 6],
      ],
      bits,
    );
    const b = tensor('b', 'fixed', [['d', 6]], bits);
    const c = tensor(
      'c',
      'fixed',
      [
        ['t', 5],
        ['d', 6],
      ],
      bits,
    );
    const y = tensor(
      'y',
      'witness',
      [
        ['t', 5],
        ['d', 6],
      ],
      53,
    );
    const z = tensor('z', 'witness', [['t', 5]], 53);
    const factors = [
      read(view('a', 't', 'd')),
      read(view('b', 'd'), 2n),
      [...read(view('c', 't', 'd')), ...read(view('a', 't', 'd'), -3n)],
    ];
    const shift = Math.min(48, Math.max(1, 3 * bits - 45));
    const sum = [{ name: 'd', size: 6 }];
    // At 45 bits the terms have 140 bits; all but the linear one cancel.
    const cancel = bits === 45 ? 7n : 0n;
    const expr = (over: typeof sum): Expr => ({
      constant: 5n,
      linear: read(view('a', 't', over.length > 0 ? [{ reduce: 'ones', size: 6 }] : 'd')),
      products: [product(7n, factors, over), product(-cancel, [factors[2], factors[1], factors[0]], over)],
    });
    const p = program(
      [a, b, c, y, z],
      [
        { kind: 'rescale', on: on(['t', 5], ['d', 6]), out: view('y', 't', 'd'), expr: expr([]), shift },
        { kind: 'rescale', on: on(['t', 5]), out: view('z', 't'), expr: expr(sum), shift: Math.min(48, shift + 3) },
      ],
    );
    check(
      p,
      inputs(p, bits, (t) => 2 ** (t.bits - 1) - 1),
    );
  }
});

test('causal attention: scores on the lower half, contraction over j, off-domain leaves', () => {
  const q = tensor(
    'q',
    'fixed',
    [
      ['h', 2],
      ['t', 5],
      ['d', 3],
    ],
    12,
  );
  const s = tensor(
    's',
    'witness',
    [
      ['h', 2],
      ['i', 5],
      ['j', 5],
    ],
    20,
    { causal: [1, 2] },
  );
  const m = tensor(
    'm',
    'witness',
    [
      ['h', 2],
      ['i', 5],
    ],
    20,
  );
  const hot = tensor(
    'hot',
    'witness',
    [
      ['h', 2],
      ['i', 5],
      ['j', 5],
    ],
    1,
    { causal: [1, 2], signed: false },
  );
  const e = tensor(
    'e',
    'witness',
    [
      ['h', 2],
      ['i', 5],
      ['j', 5],
    ],
    12,
    { causal: [1, 2], signed: false, range: 'map' },
  );
  const S = tensor(
    'S',
    'witness',
    [
      ['h', 2],
      ['i', 5],
    ],
    16,
    { signed: false },
  );
  const P = tensor(
    'P',
    'witness',
    [
      ['h', 2],
      ['i', 5],
      ['j', 5],
    ],
    17,
    { causal: [1, 2], signed: false },
  );
  const o = tensor(
    'o',
    'witness',
    [
      ['h', 2],
      ['i', 5],
      ['d', 3],
    ],
    24,
  );
  const T = tensor('T', 'fixed', [['x', 512]], 12, { signed: false });
  const hij: Domain = { ...on(['h', 2], ['i', 5], ['j', 5]), causal: ['i', 'j'] };
  const p = program(
    [q, s, m, hot, e, S, P, o, T],
    [
      {
        kind: 'rescale',
        on: on(['h', 2], ['i', 5], ['d', 3]),
        out: view('o', 'h', 'i', 'd'),
        expr: products(0n, product(1n, [read(view('P', 'h', 'i', 'j')), read(view('q', 'h', 'j', 'd'))], [{ name: 'j', size: 5 }])),
        shift: 7,
      },
      {
        kind: 'divide',
        on: hij,
        out: view('P', 'h', 'i', 'j'),
        num: linear(read(view('e', 'h', 'i', 'j'), 1n << 16n)),
        den: linear(read(view('S', 'h', 'i'))),
        bits: 17,
        round: true,
      },
      {
        kind: 'equal',
        on: on(['h', 2], ['i', 5]),
        out: view('S', 'h', 'i'),
        expr: linear(read(view('e', 'h', 'i', [{ reduce: 'ones', size: 5 }]))),
      },
      {
        kind: 'map',
        on: hij,
        table: 64,
        x: linear(read(view('m', 'h', 'i')), read(view('s', 'h', 'i', 'j'), -1n)),
        out: view('e', 'h', 'i', 'j'),
      },
      {
        kind: 'rowmax',
        on: hij,
        over: 'j',
        out: view('m', 'h', 'i'),
        hot: view('hot', 'h', 'i', 'j'),
        of: view('s', 'h', 'i', 'j'),
        bits: 20,
      },
      {
        kind: 'rescale',
        on: hij,
        out: view('s', 'h', 'i', 'j'),
        expr: products(3n, product(1n, [read(view('q', 'h', 'i', 'd')), read(view('q', 'h', 'j', 'd'))], [{ name: 'd', size: 3 }])),
        shift: 12,
      },
    ],
    { tables: [{ id: 64, name: 'exp', lo: 0, size: 512, y: 'T', fn: { name: 'exp-neg', fIn: 6, fOut: 11 } }] },
  );
  const given = inputs(p, 5, () => 400);
  given.set(
    'T',
    Float64Array.from({ length: 512 }, (_, x) => Math.round(2 ** 11 * Math.exp(-x / 64))),
  );
  const walk = check(p, given);
  assert.ok((walk.tensors.get('o') as Float64Array).some((v) => v !== 0));

  const stats = new FloatStats();
  const float = new Walker(p).walkFloat(0, given, stats);
  const [fo, io] = [float.get('o') as Float64Array, walk.tensors.get('o') as Float64Array];
  fo.forEach((v, k) => assert.ok(Math.abs(v - io[k]) < 200 + 0.02 * Math.abs(v), `float ${v}, integer ${io[k]}`));
  assert.ok((stats.lookups.get(64)?.max ?? 0) > 0);
  assert.equal(stats.tensors.get('o'), Math.max(...fo.map(Math.abs)));
});

test('serial axes: layers forward, steps of a group, backward over layers, given in any order', () => {
  const L = 3;
  const G = 2;
  const d = 4;
  const w = tensor(
    'w',
    'fixed',
    [
      ['layer', L],
      ['n', d],
      ['k', d],
    ],
    8,
  );
  const x0 = tensor(
    'x0',
    'fixed',
    [
      ['group', 2],
      ['step', G],
      ['n', d],
    ],
    10,
  );
  const theta = tensor('theta', 'stateIn', [['n', d]], 20);
  const theta1 = tensor('theta1', 'stateOut', [['n', d]], 20);
  const th = tensor(
    'th',
    'witness',
    [
      ['step', G],
      ['n', d],
    ],
    20,
  );
  const x = tensor(
    'x',
    'witness',
    [
      ['step', G],
      ['layer', L],
      ['n', d],
    ],
    20,
  );
  const g = tensor(
    'g',
    'witness',
    [
      ['step', G],
      ['layer', L],
      ['n', d],
    ],
    20,
  );
  const out = (name: string): ReturnType<typeof view> => view(name, 'step', 'layer', 'n');
  const all = on(['step', G], ['layer', L], ['n', d]);
  const when = (v: ReturnType<typeof view>, name: string, is: number): ReturnType<typeof view> => ({ ...v, when: [{ var: name, is }] });
  const p = program(
    [w, x0, theta, theta1, th, x, g],
    [
      { kind: 'equal', on: on(['n', d]), out: view('theta1', 'n'), expr: linear(read(view('th', [{ at: G - 1, bits: 1 }], 'n'))) },
      {
        kind: 'rescale',
        on: on(['step', G], ['n', d]),
        out: view('th', 'step', 'n'),
        expr: linear(
          read(when(view('theta', 'n'), 'step', 0), 4n),
          read(view('th', [{ var: 'step', shift: -1 }], 'n'), 4n),
          read(view('g', 'step', [{ at: 0, bits: 2 }], 'n'), -1n),
        ),
        shift: 2,
      },
      {
        kind: 'rescale',
        on: all,
        out: out('g'),
        expr: {
          constant: 0n,
          linear: read(when(view('x', 'step', [{ at: L - 1, bits: 2 }], 'n'), 'layer', L - 1), 64n),
          products: [
            product(
              1n,
              [read(view('g', 'step', [{ var: 'layer', shift: 1 }], 'k')), read(view('w', [{ var: 'layer', shift: 1 }], 'k', 'n'))],
              [{ name: 'k', size: d }],
            ),
          ],
        },
        shift: 6,
      },
      {
        kind: 'rescale',
        on: all,
        out: out('x'),
        expr: {
          constant: 0n,
          linear: [
            ...read(when(view('th', [{ var: 'step', shift: -1 }], 'n'), 'layer', 0)),
            ...read({
              ...view('theta', 'n'),
              when: [
                { var: 'layer', is: 0 },
                { var: 'step', is: 0 },
              ],
            }),
            ...read(when(view('x0', [{ proof: true, bits: 1 }], 'step', 'n'), 'layer', 0), 64n),
          ],
          products: [
            product(
              1n,
              [read(view('x', 'step', [{ var: 'layer', shift: -1 }], 'k')), read(view('w', 'layer', 'n', 'k'))],
              [{ name: 'k', size: d }],
            ),
          ],
        },
        shift: 6,
      },
    ],
  );
  const given = inputs(p, 8, (t) => 2 ** (t.bits - 1) - 1);
  const [first, second] = [check(p, given, 0), check(p, given, 1)];
  assert.notDeepEqual(first.tensors.get('theta1'), second.tensors.get('theta1'));
  const float = new Walker(p).walkFloat(1, given);
  (float.get('theta1') as Float64Array).forEach((v, k) => assert.ok(Math.abs(v - (second.tensors.get('theta1') as Float64Array)[k]) < 20));
});

test('merged axes: head and inner index of sizes that are no powers of two', () => {
  const x = tensor('x', 'fixed', [['d', 23]], 10);
  const y = tensor(
    'y',
    'witness',
    [
      ['h', 3],
      ['e', 7],
    ],
    12,
  );
  const z = tensor('z', 'witness', [['d', 23]], 12);
  const p = program(
    [x, y, z],
    [
      {
        kind: 'equal',
        on: on(['h', 3], ['e', 7]),
        out: view('y', 'h', 'e'),
        expr: linear(read(view('x', [{ var: 'h' }, { var: 'e' }]), 3n)),
      },
      { kind: 'equal', on: on(['h', 3], ['e', 7]), out: view('z', [{ var: 'h' }, { var: 'e' }]), expr: linear(read(view('y', 'h', 'e'))) },
    ],
  );
  check(
    p,
    inputs(p, 9, () => 500),
  );
  const wide = { ...p, tensors: [tensor('x', 'fixed', [['d', 30]], 10), y, tensor('z', 'witness', [['d', 20]], 12)] };
  assert.throws(
    () =>
      check(
        wide,
        inputs(wide, 9, () => 500),
      ),
    /outside the tensor/,
  );
});

test('divide, isqrt, rsqrt: floors, rounding and remainders over small and wide operands', () => {
  for (const bits of [6, 20, 50]) {
    const a = tensor('a', 'fixed', [['t', 40]], bits);
    const b = tensor('b', 'fixed', [['t', 40]], Math.min(bits, 24), { signed: false });
    const q = tensor('q', 'witness', [['t', 40]], 53);
    const r = tensor('r', 'witness', [['t', 40]], 53);
    const s = tensor('s', 'witness', [['t', 40]], 27);
    const i = tensor('i', 'witness', [['t', 40]], 20);
    const u = tensor('u', 'witness', [['t', 40]], 40);
    const den = { ...linear(read(view('b', 't'))), constant: 1n };
    const m = read(view('b', 't'));
    const p = program(
      [a, b, q, r, s, i, u],
      [
        { kind: 'divide', on: on(['t', 40]), out: view('q', 't'), num: linear(read(view('a', 't'))), den, bits: 26, round: false },
        { kind: 'divide', on: on(['t', 40]), out: view('r', 't'), num: linear(read(view('a', 't'), 5n)), den, bits: 26, round: true },
        {
          kind: 'isqrt',
          on: on(['t', 40]),
          out: view('s', 't'),
          of: linear(read(view('b', 't'), 1n << BigInt(bits > 20 ? 20 : 2))),
          bits: 30,
        },
        { kind: 'rsqrt', on: on(['t', 40]), out: view('i', 't'), square: view('u', 't'), numerator: 1n << 36n, m, bits: 44 },
      ],
    );
    const given = inputs(p, bits, (t) => 2 ** (t.bits - 1) - 1);
    const bs = given.get('b') as Float64Array;
    bs.forEach((v, k) => (bs[k] = Math.max(1, v)));
    check(p, given);
    bs[17] = 0;
    assert.throws(
      () => check(p, given),
      (e) => e instanceof RelationError && /t 17: m is 0/.test(e.message),
    );
  }
});

test('clamp, map with two columns, mantissa, one-hot chunks', () => {
  const x = tensor('x', 'fixed', [['t', 30]], 8);
  const y = tensor('y', 'witness', [['t', 30]], 8);
  const h = tensor('h', 'witness', [['t', 30]], 1, { signed: false });
  const f = tensor('f', 'witness', [['t', 30]], 10, { range: 'map' });
  const g = tensor('g', 'witness', [['t', 30]], 10, { range: 'map' });
  const s = tensor('s', 'fixed', [['t', 30]], 30, { signed: false });
  const mu = tensor('mu', 'witness', [['t', 30]], 16, { signed: false });
  const he = tensor(
    'he',
    'witness',
    [
      ['t', 30],
      ['e', 14],
    ],
    1,
    { signed: false },
  );
  const id = tensor('id', 'fixed', [['t', 30]], 11, { signed: false });
  const o1 = tensor(
    'o1',
    'witness',
    [
      ['t', 30],
      ['u', 5],
    ],
    1,
    { signed: false },
  );
  const o2 = tensor(
    'o2',
    'witness',
    [
      ['t', 30],
      ['u', 256],
    ],
    1,
    { signed: false },
  );
  const [T, D] = ['T', 'D'].map((n) => tensor(n, 'fixed', [['x', 256]], 10));
  const t = on(['t', 30]);
  const p = program(
    [x, y, h, f, g, s, mu, he, id, o1, o2, T, D],
    [
      { kind: 'clamp', on: t, out: view('y', 't'), hot: view('h', 't'), of: read(view('x', 't')), max: 17n, bits: 9 },
      { kind: 'map', on: t, table: 70, x: linear(read(view('x', 't'))), out: view('f', 't'), out2: view('g', 't') },
      {
        kind: 'mantissa',
        on: t,
        over: { name: 'e', size: 14 },
        out: view('mu', 't'),
        hot: view('he', 't', 'e'),
        of: read(view('s', 't')),
        bits: 14,
      },
      {
        kind: 'onehot',
        on: t,
        index: read(view('id', 't')),
        chunks: [
          { hot: view('o2', 't', 'u2'), over: { name: 'u2', size: 256 }, weight: 1n },
          { hot: view('o1', 't', 'u1'), over: { name: 'u1', size: 5 }, weight: 256n },
        ],
      },
      {
        kind: 'assert',
        on: t,
        expr: linear(read(view('f', 't')), read(view('x', 't'), -1n), read(view('g', 't'), -2n)),
        why: 'f = x + 2g',
      },
    ],
    {
      tables: [
        {
          id: 70,
          name: 'silu',
          lo: -128,
          size: 256,
          y: 'T',
          y2: 'D',
          fn: { name: 'table', fIn: 0, fOut: 0 },
          fn2: { name: 'table', fIn: 0, fOut: 0 },
        },
      ],
    },
  );
  const given = inputs(p, 11, (tt) => (tt.name === 'id' ? 1279 : 2 ** (tt.signed ? tt.bits - 1 : tt.bits) - 1));
  given.set(
    's',
    Float64Array.from({ length: 30 }, (_, k) => (k < 14 ? 2 ** (15 + k) : 2 ** 29 - 1 - 7919 * k ** 2)),
  );
  given.set(
    'D',
    Float64Array.from({ length: 256 }, (_, k) => k - 100),
  );
  given.set(
    'T',
    Float64Array.from({ length: 256 }, (_, k) => k - 128 + 2 * (k - 100)),
  );
  check(p, given);
  const float = new Walker(p).walkFloat(0, given);
  assert.deepEqual(float.get('f'), new Walker(p).walk(0, given).tensors.get('f'));
  (given.get('s') as Float64Array)[3] = 2 ** 29;
  assert.throws(() => check(p, given), /no exponent among 14/);
});

test('a value outside its width stops the walk with tensor, cell, step, layer and cure', () => {
  const x = tensor(
    'x',
    'fixed',
    [
      ['step', 2],
      ['layer', 3],
      ['n', 4],
    ],
    16,
  );
  const y = tensor(
    'y',
    'witness',
    [
      ['step', 2],
      ['layer', 3],
      ['n', 4],
    ],
    8,
    { f: 5 },
  );
  const p = program(
    [x, y],
    [
      {
        kind: 'equal',
        on: on(['n', 4], ['layer', 3], ['step', 2]),
        out: view('y', 'step', 'layer', 'n'),
        expr: linear(read(view('x', 'step', 'layer', 'n'))),
      },
    ],
  );
  const cells = new Float64Array(24);
  cells[1 * 12 + 2 * 4 + 3] = -129;
  assert.throws(
    () => new Walker(p).walk(3, new Map([['x', cells]])),
    (e) => {
      assert.ok(e instanceof WidthError);
      assert.deepEqual(e.details, {
        tensor: 'y',
        index: [1, 2, 3],
        step: 7,
        layer: 2,
        value: -129n,
        width: 'signed 8',
        relation: '0 (equal y)',
      });
      assert.match(e.message, /raise the width of y, or lower its scale \(f = 5\)/);
      return true;
    },
  );
  cells[23] = -128;
  check(p, new Map([['x', cells]]), 3);
});

test('the square root of a value beyond 2^53', () => {
  const x = tensor('x', 'fixed', [['t', 20]], 40, { signed: false });
  const y = tensor('y', 'witness', [['t', 20]], 42, { signed: false });
  const of = products(3n, product(1n, [read(view('x', 't')), read(view('x', 't'), 5n)]));
  const p = program([x, y], [{ kind: 'isqrt', on: on(['t', 20]), out: view('y', 't'), of, bits: 44 }]);
  check(
    p,
    inputs(p, 21, () => 2 ** 40 - 1),
  );
});

test('relations without an answer say where and why', () => {
  const x = tensor(
    'x',
    'fixed',
    [
      ['step', 2],
      ['t', 3],
    ],
    12,
  );
  const y = tensor(
    'y',
    'witness',
    [
      ['step', 2],
      ['t', 3],
    ],
    12,
  );
  const T = tensor('T', 'fixed', [['x', 16]], 8);
  const st = on(['step', 2], ['t', 3]);
  const own = linear(read(view('x', 'step', 't')));
  const out = view('y', 'step', 't');
  const cells = Float64Array.from([1, 2, 3, 4, 16, 6]);
  const given = new Map([
    ['x', cells],
    ['T', new Float64Array(16)],
  ]);
  const tables: Program['tables'] = [{ id: 64, name: 'square', lo: 0, size: 16, y: 'T', fn: { name: 'table', fIn: 0, fOut: 0 } }];
  const refuse = (relation: Relation, message: RegExp): void =>
    assert.throws(
      () => new Walker(program([x, y, T], [relation], { tables })).walk(1, given),
      (e) => e instanceof RelationError && message.test(e.message),
    );
  const at = /at step 3, t 1: /;
  refuse({ kind: 'map', on: st, table: 64, x: own, out }, new RegExp(`${at.source}16 is outside table square, \\[0, 16\\).*recalibrating`));
  const minus = { ...linear(read(view('x', 'step', 't'), -1n)), constant: 16n };
  refuse({ kind: 'divide', on: st, out, num: own, den: minus, bits: 8, round: false }, new RegExp(`${at.source}the divisor is 0`));
  refuse({ kind: 'divide', on: st, out, num: own, den: own, bits: 3, round: false }, new RegExp(`${at.source}.*raise the relation's bits`));
  refuse({ kind: 'isqrt', on: st, out, of: { ...minus, constant: 15n }, bits: 8 }, new RegExp(`${at.source}the radicand is -1`));
  refuse(
    {
      kind: 'assert',
      on: on(['step', 1]),
      expr: linear(read(view('x', [{ at: 0, bits: 1 }], [{ at: 0, bits: 2 }]))),
      why: 'x starts at 0',
    },
    /x starts at 0 \(the difference is 1\)/,
  );
  cells[4] = 4096;
  assert.throws(
    () => new Walker(program([x, y], [{ kind: 'equal', on: st, out, expr: own }])).walk(0, given),
    /inputs: x: cell 4 is 4096 \(give integers of signed 12 bits\)/,
  );
  assert.throws(() => new Walker(program([x, y], [{ kind: 'equal', on: st, out, expr: own }])).walk(0, new Map()), /inputs: x: is missing/);
});
