/** Look-up values beyond 2^53: walked, cut into limbs, and as the lowered program says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildWitness, placeTensors } from '../../prover/prove/witness.ts';
import { Walker } from '../../prover/trainer/walk.ts';
import { compile } from '../../verifier/program/compile.ts';
import type { Program, Relation } from '../../verifier/program/types.ts';
import { assertSatisfied } from '../fixtures/satisfied.ts';
import { check, linear, product, program, read, tensor, view } from './helpers.ts';

const layer = { name: 'layer', size: 3 };
const t = { name: 't', size: 4 };
const axes: [string, number][] = [
  ['layer', 3],
  ['t', 4],
];

/** Walks it, holds outputs and leaves against the definitions, and the witness against the lowered program. */
function satisfied(p: Program, inputs: Map<string, Float64Array>): ReturnType<typeof check> {
  const walk = check(p, inputs);
  const c = compile(p);
  const fixed = c.polys
    .filter((poly) => poly.role === 'fixed')
    .map((poly) => [poly.name, placeTensors(poly.tensors, inputs, poly.bits)] as const);
  assertSatisfied(c, buildWitness(c, walk, new Map(fixed)), 0);
  return walk;
}

test('rescaling by more than 52 bits', () => {
  const x = tensor('x', 'fixed', axes, 40);
  const w = tensor('w', 'fixed', axes, 40);
  const y = tensor('y', 'witness', axes, 30);
  const relation = (shift: number): Relation => ({
    kind: 'rescale',
    on: { vars: [layer, t] },
    out: view('y', 'layer', 't'),
    expr: {
      ...linear(read(view('w', 'layer', 't'), 3n)),
      products: [product(1n, [read(view('x', 'layer', 't')), read(view('w', 'layer', 't'))])],
    },
    shift,
  });
  const top = 2 ** 39 - 1;
  const inputs = new Map([
    ['x', Float64Array.of(0, 1, -1, 5, top, -top - 1, top, 12345678901, 0, 0, 1, 2)],
    ['w', Float64Array.of(0, 1, 1, -7, top, top, -top - 1, 98765432101, 0, 9, -1, 2)],
  ]);
  for (const shift of [52, 53, 54, 60, 63]) {
    const p = program([x, w, y], [relation(shift)]);
    const walk = satisfied(p, inputs);
    assert.equal(walk.leaves[0][0].constructor, shift <= 53 ? Float64Array : BigInt64Array, `shift ${shift}`);
  }
  assert.throws(() => new Walker(program([x, w, y], [relation(64)])).walk(0, inputs), /a shift of 64 \(choose 1 to 63\)/);
});

test('an inverse root whose remainders outgrow doubles', () => {
  const x = tensor('x', 'fixed', [['t', 4]], 50, { signed: false });
  const q = tensor('q', 'witness', [['t', 4]], 20);
  const u = tensor('u', 'witness', [['t', 4]], 40, { signed: false });
  const relation: Relation = {
    kind: 'rsqrt',
    on: { vars: [t] },
    out: view('q', 't'),
    square: view('u', 't'),
    numerator: 2n ** 72n,
    m: read(view('x', 't')),
    bits: 63,
  };
  const p = program([x, q, u], [relation]);
  const walk = satisfied(p, new Map([['x', Float64Array.of(2 ** 44, 2 ** 47 + 12345, 2 ** 50 - 1, 2 ** 49)]]));
  assert.ok(walk.leaves[0].some((leaf) => leaf instanceof BigInt64Array));
});

test('remainders beyond 64 bits are refused', () => {
  const x = tensor('x', 'fixed', [['t', 4]], 53, { signed: false });
  const q = tensor('q', 'witness', [['t', 4]], 27, { signed: false });
  const u = tensor('u', 'witness', [['t', 4]], 53, { signed: false });
  const relation: Relation = {
    kind: 'rsqrt',
    on: { vars: [t] },
    out: view('q', 't'),
    square: view('u', 't'),
    numerator: 2n ** 100n,
    m: read(view('x', 't')),
    bits: 80,
  };
  const cells = new Float64Array(4).fill(2 ** 53 - 3);
  assert.throws(
    () => new Walker(program([x, q, u], [relation])).walk(0, new Map([['x', cells]]), { leaves: true }),
    /a look-up value of \d+ does not fit 64 bits; lower its scale/,
  );
});
