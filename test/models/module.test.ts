/** A LoRA module on its own: the program says Δ = rescale(s·B·rescale(A·x)), and its proof shows that and nothing weaker. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createReferenceBackend } from '../../prover/backend/reference.ts';
import { commitInputs, proveInputs } from '../../prover/prove/inputs.ts';
import { systemRandom } from '../../prover/prove/random.ts';
import { Walker } from '../../prover/trainer/walk.ts';
import { buildModule, pieces, type ModuleRecipe } from '../../verifier/models/module.ts';
import { compile } from '../../verifier/program/compile.ts';
import type { Program } from '../../verifier/program/types.ts';
import { checkProgram } from '../../verifier/validity/check.ts';
import { verifyInputs } from '../../verifier/verify.ts';
import { engineOf } from '../../prover/backend/engine.ts';
import { generator } from '../fixtures/llama.ts';

/** Seven bits, so that arrays of bytes hold values out of their width. Axes of one, two and three pieces; the scaling 1.5 is no power of two. */
const recipe: ModuleRecipe = {
  modules: 1,
  tokens: 3,
  in: 12,
  rank: 3,
  out: 21,
  bits: 7,
  scaling: 1.5,
  exponents: { x: 5, A: 6, B: 6, u: 4, delta: 4 },
};

const random = generator(7);
const [lo, hi] = [-(2 ** 6), 2 ** 6 - 1];
const matrix = (rows: number, columns: number, limit: number): number[][] =>
  Array.from({ length: rows }, () => Array.from({ length: columns }, () => Math.floor((2 * limit + 1) * random()) - limit));

/** Dense pieces of a matrix, cut along its columns or rows. */
function cut(name: string, m: readonly (readonly number[])[], along: 'columns' | 'rows'): [string, Float64Array][] {
  return pieces(along === 'rows' ? m.length : (m[0] as readonly number[]).length).map(({ from, size, suffix }) => [
    `${name}${suffix}`,
    Float64Array.from(along === 'rows' ? m.slice(from, from + size).flat() : m.flatMap((row) => row.slice(from, from + size))),
  ]);
}

const x = matrix(recipe.tokens, recipe.in, 30);
const A = matrix(recipe.rank, recipe.in, 30);
const B = matrix(recipe.out, recipe.rank, 30);
/** Extreme values too. */
[(x[0] as number[])[0], (A[1] as number[])[11], (B[20] as number[])[2]] = [lo, hi, lo];
const inputs = new Map([...cut('x', x, 'columns'), ...cut('A', A, 'columns'), ...cut('B', B, 'rows')]);

const at = (m: readonly (readonly number[])[], i: number, j: number): number => (m[i] as readonly number[])[j] as number;
const rescale = (acc: number, shift: number): number => Math.floor((acc + 2 ** (shift - 1)) / 2 ** shift);
const sum = (n: number, f: (k: number) => number): number => Array.from({ length: n }, (_, k) => f(k)).reduce((a, b) => a + b, 0);

const backend = createReferenceBackend();
const program = buildModule(recipe);
const compiled = compile(program);
const walker = new Walker(program);

const prove = async (change: (tensors: Map<string, Float64Array>) => void = () => {}) => {
  const { tensors, leaves } = walker.walk(0, inputs, { leaves: true });
  const copy = new Map([...tensors].map(([name, v]) => [name, Float64Array.from(v)] as const));
  change(copy);
  const commitment = await commitInputs(backend, systemRandom, compiled, copy);
  const statement = [3n, 4n];
  return {
    rows: commitment.rows,
    proof: await proveInputs({ backend, random: systemRandom, compiled, commitment, walk: { tensors: copy, leaves }, statement }),
  };
};

test('sizes are cut into powers of two with little padding', () => {
  const sizes = (n: number): number[] => pieces(n).map((p) => p.size);
  assert.deepEqual([768, 2304, 4096, 1, 3, 255, 5000].map(sizes), [[512, 256], [2048, 256], [4096], [1], [2, 1], [255], [4096, 904]]);
  for (let n = 1; n <= 300; n++) {
    const list = pieces(n);
    assert.equal(
      list.reduce((z, p) => (assert.equal(p.from, z), z + p.size), 0),
      n,
    );
    assert.equal(new Set(list.map((p) => p.suffix)).size, list.length);
    assert.ok(sum(list.length, (i) => 2 ** Math.ceil(Math.log2((list[i] as { size: number }).size))) <= n * (1 + 1 / 16));
  }
});

test('the walk gives the module’s integers', () => {
  const { tensors } = walker.walk(0, inputs);
  const u = x.map((row) =>
    A.map((_, r) =>
      rescale(
        sum(recipe.in, (k) => at([row], 0, k) * at(A, r, k)),
        7,
      ),
    ),
  );
  assert.deepEqual([...(tensors.get('u') as Float64Array)], u.flat());
  // 1.5 = 3 / 2: the shift is 1 + 6 + 4 − 4.
  const delta = u.map((row) => B.map((b) => rescale(3 * sum(recipe.rank, (r) => at([row], 0, r) * at([b], 0, r)), 7)));
  for (const [name, values] of cut('delta', delta, 'columns')) assert.deepEqual(tensors.get(name), values);
});

test('with inputs from outside the program is valid: every cell written once, no sum wraps, remainders fit', () => {
  const bare: Program = {
    ...program,
    polys: [
      { name: 'witness', role: 'witness', hidden: false },
      { name: 'inputs', role: 'fixed', hidden: true },
      { name: 'before', role: 'stateIn', hidden: false },
      { name: 'after', role: 'stateOut', hidden: false },
    ],
  };
  checkProgram(bare);
  const [first] = program.relations;
  assert.throws(() => checkProgram({ ...bare, relations: program.relations.slice(1) }), /u/);
  assert.ok(first?.kind === 'rescale');
});

test('every input and every computed value is looked up in its width', () => {
  const ranged = compiled.leaves.filter((l) => l.source.kind === 'tensor').map((l) => l.name);
  assert.deepEqual(ranged.sort(), program.tensors.map((t) => `range:${t.name}`).sort());
  assert.ok(compiled.leaves.every((l) => l.limbs === 0));
});

test('a module is proven and verified; another statement, other inputs and a changed proof are refused', async () => {
  const { rows, proof } = await prove();
  await verifyInputs(compiled, rows, [3n, 4n], proof);
  await verifyInputs(compiled, rows, [3n, 4n], proof, engineOf(backend));
  await assert.rejects(verifyInputs(compiled, rows, [3n, 5n], proof), /another statement/);
  await assert.rejects(verifyInputs(compiled, [...rows].reverse(), [3n, 4n], proof), /⟨Z, G⟩/);
  const other = await commitInputs(backend, systemRandom, compiled, new Map([...inputs, ['x.0', new Float64Array(24)]]));
  await assert.rejects(verifyInputs(compiled, other.rows, [3n, 4n], proof), /⟨Z, G⟩/);
  const changed = proof.slice();
  changed[changed.length - 40] = (changed[changed.length - 40] as number) ^ 1;
  await assert.rejects(verifyInputs(compiled, rows, [3n, 4n], changed));
});

test('a wrong u, a wrong Δ, other inputs than those walked and inputs out of their width cannot be proven', async () => {
  const put = (name: string, cell: number, value: (v: number) => number) => (t: Map<string, Float64Array>) => {
    const values = t.get(name) as Float64Array;
    values[cell] = value(values[cell] as number);
  };
  for (const change of [
    put('u', 4, (v) => v + 1),
    put('delta.0', 7, (v) => v - 1),
    put('delta.2', 0, (v) => v + 1),
    put('B.2', 1, (v) => v + 1),
    put('x.1', 3, (v) => v - 1),
    put('A.0', 0, () => hi + 1),
    put('x.0', 0, () => lo - 1),
  ])
    await assert.rejects(prove(change), /does not satisfy/);
});

test('modules of one shape in one proof: each is computed from its own inputs', async () => {
  const several = buildModule({ ...recipe, modules: 3 });
  const walkerOfThree = new Walker(several);
  const zeros = new Map([...inputs].map(([name, v]) => [name, new Float64Array(v.length)] as const));
  // The second of three modules is the one above, the others are 0.
  const middle = new Map(
    [...inputs].map(([name, v]) => [name, Float64Array.from([...(zeros.get(name) ?? []), ...v, ...(zeros.get(name) ?? [])])] as const),
  );
  const [alone, together] = [walker.walk(0, inputs), walkerOfThree.walk(0, middle, { leaves: true })];
  for (const name of ['u', 'delta.0', 'delta.1', 'delta.2']) {
    const one = Array.from(alone.tensors.get(name) ?? []);
    assert.deepEqual(Array.from(together.tensors.get(name) ?? []), [...one.map(() => 0), ...one, ...one.map(() => 0)]);
  }
  const c = compile(several);
  const commitment = await commitInputs(backend, systemRandom, c, middle);
  const job = { backend, random: systemRandom, compiled: c, commitment, statement: [1n] };
  await verifyInputs(c, commitment.rows, [1n], await proveInputs({ ...job, walk: together }));
  const tensors = new Map(together.tensors);
  const wrong = Float64Array.from(tensors.get('u') ?? []);
  wrong[0] = 1;
  tensors.set('u', wrong);
  await assert.rejects(proveInputs({ ...job, walk: { ...together, tensors } }), /does not satisfy/);
});

test('recipes that cannot be expressed are refused with their field', () => {
  for (const [change, wanted] of [
    [{ bits: 17 }, /module\.bits: 17/],
    [{ modules: 0 }, /module\.modules: 0/],
    [{ rank: 0 }, /module\.rank: 0/],
    [{ tokens: 1.5 }, /module\.tokens: 1\.5/],
    [{ exponents: { ...recipe.exponents, A: 30 } }, /module\.exponents\.u: a remainder of 31 bits/],
    [{ exponents: { ...recipe.exponents, delta: 11 } }, /module\.exponents\.delta: a remainder of 0 bits/],
  ] as const)
    assert.throws(() => buildModule({ ...recipe, ...change }), wanted);
});
