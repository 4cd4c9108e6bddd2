import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Walker } from '../../prover/trainer/walk.ts';
import { ProgramError } from '../../verifier/program/errors.ts';
import type { Domain, Program, Relation } from '../../verifier/program/types.ts';
import { fill, linear, program, random, read, tensor, view } from './helpers.ts';

const on = (...vars: readonly [string, number][]): Domain => ({ vars: vars.map(([name, size]) => ({ name, size })) });
const x = tensor('x', 'fixed', [['n', 6]], 8);
const h = tensor(
  'h',
  'witness',
  [
    ['layer', 5],
    ['n', 6],
  ],
  20,
);
const y = tensor('y', 'witness', [['n', 6]], 24);

/** h[l] = h[l−1] + x from h[0] = x, y = Σ_l h[l]. */
const chain: readonly Relation[] = [
  {
    kind: 'equal',
    on: on(['l', 5], ['n', 6]),
    out: view('h', 'l', 'n'),
    expr: linear(read(view('x', 'n')), read(view('h', [{ var: 'l', shift: -1 }], 'n'))),
  },
  { kind: 'equal', on: on(['n', 6]), out: view('y', 'n'), expr: linear(read(view('h', [{ reduce: 'ones', size: 5 }], 'n'))) },
];
const given = new Map([['x', fill(x, random(1), 100)]]);

test('the order of relations does not matter', () => {
  const [a, b] = [chain, [...chain].reverse()].map((r) => new Walker(program([x, h, y], r)).walk(0, given).tensors);
  assert.deepEqual(a, b);
  assert.deepEqual(
    a.get('y'),
    (given.get('x') as Float64Array).map((v) => 15 * v),
  );
});

const refused = (p: Program, message: RegExp): void =>
  assert.throws(
    () => new Walker(p),
    (e) => {
      assert.ok(e instanceof ProgramError, String(e));
      assert.match(e.message, message);
      return true;
    },
  );

test('a cycle is named by its relations', () => {
  const back: Relation = { kind: 'equal', on: on(['n', 6]), out: view('y', 'n'), expr: linear(read(view('h', [{ at: 2, bits: 3 }], 'n'))) };
  const into: Relation = {
    ...(chain[0] as Extract<Relation, { kind: 'equal' }>),
    expr: linear(read(view('y', 'n')), read(view('h', [{ var: 'l', shift: -1 }], 'n'))),
  };
  refused(program([x, h, y], [into, back]), /0 \(equal h\) at l 2.* → .*1 \(equal y\).*only axes named step or layer/);
  const self: Relation = { kind: 'equal', on: on(['n', 6]), out: view('y', 'n'), expr: linear(read(view('y', [{ var: 'n', shift: -1 }]))) };
  refused(program([x, y], [self]), /0 \(equal y\) → 0 \(equal y\)/);
});

test('cells that are read but never written, and cells that are written twice', () => {
  refused(program([x, h, y], [chain[1]]), /^h at layer 0: read by relation 0 \(equal y\) but never written/);
  const some = (from: number, count: number, base: number): Relation => ({
    kind: 'equal',
    on: on(['k', count]),
    out: view('y', [{ var: 'k', shift: from }]),
    expr: linear(read(view('x', [{ var: 'k', shift: base }]))),
  });
  const z = tensor('z', 'witness', [['n', 6]], 24);
  const all: Relation = { kind: 'equal', on: on(['n', 6]), out: view('z', 'n'), expr: linear(read(view('y', 'n'))) };
  // Parts of n have the bits of the axis, so that a range shorter than 5 is not an index of it.
  refused(program([x, y, z], [some(0, 5, 0), all]), /^y \[5\]: read by relation 1 \(equal z\) but never written/);
  refused(
    program([x, y, z], [some(0, 6, 0), some(3, 6, 0), all]),
    /^y: written both by relation 0 \(equal y\) and by relation 1 \(equal y\)/,
  );
  const part: Relation = { ...all, on: on(['n', 5]), out: view('z', 'n'), expr: linear(read(view('y', 'n'))) };
  new Walker(program([x, y, z], [some(0, 5, 0), part])).walk(0, given);
});

test('halves written by two relations, each a constant part', () => {
  const w = tensor('w', 'witness', [['n', 12]], 20);
  const half = (at: number): Relation => ({
    kind: 'equal',
    on: on(['n', 6]),
    out: view('w', [{ at, bits: 1 }, { var: 'n' }]),
    expr: linear(read(view('x', 'n'), BigInt(at + 1))),
  });
  const wide = { ...w, axes: [{ name: 'n', size: 16 }] };
  const sum: Relation = {
    kind: 'equal',
    on: on(['n', 6]),
    out: view('y', 'n'),
    expr: linear(read(view('w', [{ reduce: 'ones', size: 2 }, { var: 'n' }]))),
  };
  const { tensors } = new Walker(program([x, wide, y], [sum, half(1), half(0)])).walk(0, given);
  assert.deepEqual(
    tensors.get('y'),
    (given.get('x') as Float64Array).map((v) => 3 * v),
  );
});
