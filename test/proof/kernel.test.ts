/** Kernels against their definition: the multilinear extension of the weights that reading a view puts on cells. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile, type Compiled, type ViewPlan } from '../../verifier/program/compile.ts';
import { bitsOf, type Domain, type Part, type Program, type Tensor, type Var, type View } from '../../verifier/program/types.ts';
import { eqTable, indexBits } from '../../verifier/protocol/algebra.ts';
import { blockPrefix, indicator, kernelAt, splitPoint, type Point } from '../../verifier/protocol/kernel.ts';
import { RunMachine, fromFelts, toFelts, type Felt } from '../../verifier/protocol/machine.ts';
import { Reference } from '../../prover/trainer/reference.ts';
import { systemRandom } from '../../prover/prove/random.ts';
import { mod } from '../../verifier/field.ts';
import { checkProgram } from '../../verifier/validity/check.ts';
import { program, random } from '../trainer/helpers.ts';

const o = new RunMachine();
const PROOFS = 3;

function* indices(vars: readonly Var[]): Generator<Map<string, { size: number; at: number }>> {
  const total = vars.reduce((n, v) => n * v.size, 1);
  for (let position = 0; position < total; position++) {
    let rest = position;
    const at = new Map<string, { size: number; at: number }>();
    for (const v of [...vars].reverse()) {
      at.set(v.name, { size: v.size, at: rest % v.size });
      rest = Math.floor(rest / v.size);
    }
    yield at;
  }
}

/** eq(r, index) over the variables' padded cube. */
function weightAt(point: Point, at: ReadonlyMap<string, { readonly at: number }>): bigint {
  let z = 1n;
  for (const [name, { at: x }] of at) z = mod(z * fromFelts(eqTable(o, point.get(name) as Felt[]))[x]);
  return z;
}

/** Σ over the domain of eq(r, i)·view(i), the tensor's cells being eq(ρ, address): the kernel by its definition. */
function bruteForce(
  c: Compiled,
  plan: ViewPlan,
  view: View,
  vars: readonly Var[],
  point: Point,
  proof: number,
  rho: readonly Felt[],
): bigint {
  const { tensor, offset } = plan.placed;
  const sizes = tensor.axes.map((a) => a.size);
  const count = sizes.reduce((n, s) => n * s, 1);
  const eq = fromFelts(eqTable(o, rho));
  let total = 0n;
  // The reference reads one unit cell at a time, so that its values are small.
  for (let cell = 0; cell < count; cell++) {
    let rest = cell;
    let address = 0;
    let stride = 1;
    for (let a = sizes.length - 1; a >= 0; a--) {
      address += (rest % sizes[a]) * stride;
      rest = Math.floor(rest / sizes[a]);
      stride *= 2 ** bitsOf(sizes[a]);
    }
    const unit = new Float64Array(count);
    unit[cell] = 1;
    const reference = new Reference({ shape: () => tensor, cells: () => unit }, proof);
    for (const at of indices(vars)) {
      const value = reference.view(view, at);
      if (value !== 0n) total += weightAt(point, at) * value * eq[offset + address];
    }
  }
  assert.ok(c.polys.length > 0);
  return mod(total);
}

/** A random tensor, and a random view of it over a random set of variables. */
function randomView(seed: number): { tensor: Tensor; view: View; vars: Var[] } {
  const draw = random(seed);
  const pick = <T>(xs: readonly T[]): T => xs[draw(0, xs.length - 1)];
  const vars: Var[] = [];
  const variable = (size: number): string => {
    const name = `v${vars.length}`;
    vars.push({ name, size });
    return name;
  };
  const causal = draw(0, 3) === 0;
  const kinds = causal ? ['pair', 'pair', ...(draw(0, 1) ? ['any'] : [])] : Array.from({ length: draw(1, 3) }, () => 'any');
  const size = draw(2, 6);
  const axes = kinds.map((k, i) => ({ name: `a${i}`, size: k === 'pair' ? size : draw(1, 9) }));
  const index = axes.map((axis, i): Part[] => {
    const bits = bitsOf(axis.size);
    const choices = ['var', 'short', 'at', 'ones', 'index', 'powers', 'shift', ...(kinds[i] === 'any' ? ['merge', 'split', 'proof'] : [])];
    switch (pick(choices)) {
      case 'at':
        return [{ at: draw(0, axis.size - 1), bits }];
      case 'ones':
        return [{ reduce: 'ones', size: draw(2 ** Math.max(0, bits - 1) + (bits > 0 ? 1 : 0), axis.size) }];
      case 'index':
        return [{ reduce: 'index', size: axis.size }];
      case 'powers':
        return [{ reduce: 'powers', size: axis.size }];
      case 'shift':
        return [{ var: variable(axis.size), shift: draw(-(axis.size - 1), axis.size - 1) }];
      case 'short':
        return [{ var: variable(draw(1, axis.size + 2)) }];
      case 'merge':
        if (bits >= 2) {
          const high = draw(1, bits - 1);
          // The last index must lie in the axis: high part first, cut so that it does.
          const top = Math.floor(axis.size / 2 ** (bits - high));
          if (top >= 1 && bitsOf(top) === high) return [{ var: variable(top) }, { var: variable(2 ** (bits - high)) }];
        }
        return [{ var: variable(axis.size) }];
      case 'split':
        if (bits >= 2 && axis.size === 2 ** bits)
          return [
            { at: 1, bits: 1 },
            { reduce: 'index', size: 2 ** (bits - 1) },
          ];
        return [{ var: variable(axis.size) }];
      case 'proof':
        return axis.size >= PROOFS ? [{ proof: true, bits }] : [{ var: variable(axis.size) }];
      default:
        return [{ var: variable(axis.size) }];
    }
  });
  const conditions = draw(0, 2) === 0 ? [draw(2, 5)].map((n) => ({ var: variable(n), is: draw(0, n - 1) })) : [];
  if (draw(0, 2) === 0) variable(draw(1, 5));
  const tensor: Tensor = {
    name: 't',
    poly: 'fixed',
    axes,
    bits: 8,
    signed: true,
    f: 0,
    range: 'leaf',
    ...(causal ? { causal: [0, 1] as const } : {}),
  };
  return { tensor, view: { tensor: 't', index, ...(conditions.length > 0 ? { when: conditions } : {}) }, vars };
}

/** A program that reads the view once, so that it is checked and compiled like any other. */
function reading({ tensor, view, vars }: ReturnType<typeof randomView>): Program {
  const filler: Tensor = { name: 'filler', poly: 'fixed', axes: [{ name: 'x', size: 40 }], bits: 8, signed: true, f: 0, range: 'leaf' };
  const out: Tensor = {
    name: 'out',
    poly: 'witness',
    axes: vars.map((v) => ({ name: v.name, size: v.size })),
    bits: 50,
    signed: true,
    f: 0,
    range: 'leaf',
  };
  return program(
    [filler, tensor, out],
    [
      {
        kind: 'equal',
        on: { vars },
        out: { tensor: 'out', index: vars.map((v) => [{ var: v.name }]) },
        expr: { constant: 0n, linear: [{ coef: 3n, view }], products: [] },
      },
    ],
    { schedule: { steps: PROOFS, perProof: 1 }, columns: 2 },
  );
}

test('the kernel of a view is the multilinear extension of what reading it means', () => {
  const seen = new Set<string>();
  let checked = 0;
  for (let seed = 1; checked < 250; seed++) {
    assert.ok(seed < 4000, 'too few valid views');
    const drawn = randomView(seed);
    const source = reading(drawn);
    try {
      checkProgram(source);
    } catch {
      continue;
    }
    checked++;
    for (const part of drawn.view.index.flat()) for (const key of Object.keys(part)) seen.add(key);
    if (drawn.tensor.causal) seen.add('causal');
    if (drawn.view.when) seen.add('when');
    if (drawn.view.index.some((parts) => parts.length > 1)) seen.add('concatenated');
    const c = compile(source);
    const [own] = c.equalities[0].expr.views;
    assert.equal(own.placed.tensor.name, 't');
    const poly = c.polys.find((p) => p.role === 'fixed') as Compiled['polys'][number];
    const point = splitPoint(drawn.vars, toFelts(systemRandom.fields(drawn.vars.reduce((n, v) => n + bitsOf(v.size), 0))));
    const rho = toFelts(systemRandom.fields(poly.bits));
    const proof = seed % PROOFS;
    const kernel = fromFelts([
      o.mul(blockPrefix(o, own.placed, rho), kernelAt(o, own, point, indexBits(o, proof, 2 + (seed % 2)), rho)),
    ])[0];
    assert.equal(kernel, mod(3n * bruteForce(c, own, drawn.view, drawn.vars, point, proof, rho)), `seed ${seed}: ${JSON.stringify(drawn)}`);
  }
  for (const what of ['var', 'shift', 'at', 'reduce', 'proof', 'causal', 'when', 'concatenated'])
    assert.ok(seen.has(what), `${what} was never drawn`);
});

test('the indicator of a domain is the multilinear extension of its cells', () => {
  for (const [on, cells] of [
    [
      {
        vars: [
          { name: 'a', size: 3 },
          { name: 'b', size: 5 },
        ],
      },
      15,
    ],
    [
      {
        vars: [
          { name: 'i', size: 5 },
          { name: 'h', size: 3 },
          { name: 'j', size: 5 },
        ],
        causal: ['i', 'j'] as const,
      },
      45,
    ],
    [
      {
        vars: [
          { name: 'j', size: 4 },
          { name: 'i', size: 4 },
        ],
        causal: ['i', 'j'] as const,
      },
      10,
    ],
  ] satisfies (readonly [Domain, number])[]) {
    const point = splitPoint(on.vars, toFelts(systemRandom.fields(on.vars.reduce((n, v) => n + bitsOf(v.size), 0))));
    let [sum, count] = [0n, 0];
    for (const at of indices(on.vars)) {
      if (on.causal && (at.get(on.causal[1])?.at ?? 0) > (at.get(on.causal[0])?.at ?? 0)) continue;
      sum += weightAt(point, at);
      count++;
    }
    assert.equal(count, cells);
    assert.equal(fromFelts([indicator(o, on, point)])[0], mod(sum));
  }
});
