/** The value of a public polynomial from its dense tensors, against the multilinear extension of the padded cells in bigints. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluationTerms, weightedSum } from '../../verifier/evaluate.ts';
import { mod, R } from '../../verifier/field.ts';
import { compile, type PolyLayout } from '../../verifier/program/compile.ts';
import { placeContent } from '../../verifier/public-content.ts';
import { eqTable } from '../../verifier/protocol/algebra.ts';
import { RunMachine, fromFelts, toFelts } from '../../verifier/protocol/machine.ts';
import { systemRandom } from '../../prover/prove/random.ts';
import { evaluateContent } from '../fixtures/evaluate.ts';
import { generator } from '../fixtures/llama.ts';
import { program, tensor } from '../trainer/helpers.ts';

const o = new RunMachine();
const eq = (point: readonly bigint[]): bigint[] => fromFelts(eqTable(o, toFelts(point)));
const random = generator(9);

test('every kind of array, sizes that are no powers of two, rows longer than a sum of doubles, extremes', () => {
  const [int, float] = [2 ** 31, 2 ** 53 - 1];
  for (const [sizes, arrays] of [
    [
      [3, 5],
      [Int8Array, Int16Array, Int32Array, Float64Array],
    ],
    [[1], [Int16Array]],
    [[7, 1], [Int32Array]],
    [
      [2, 4097],
      [Int8Array, Int16Array, Int32Array, Float64Array],
    ],
    [[2, 3, 9], [Float64Array]],
  ] as const) {
    const weights = sizes.map((size) => [...systemRandom.fields(size - 1), R - 1n]);
    const count = weights.reduce((n, w) => n * w.length, 1);
    for (const Of of arrays) {
      const limit = Of === Float64Array ? float : Of === Int32Array ? int : Of === Int16Array ? 2 ** 15 : 2 ** 7;
      const draw = (i: number): number => (i % 5 === 0 ? -limit : i % 5 === 1 ? limit - 1 : Math.trunc((2 * random() - 1) * limit));
      const values = new Of(count);
      for (let i = 0; i < count; i++) values[i] = draw(i);
      let sum = 0n;
      values.forEach((v, i) => {
        let [weight, rest] = [1n, i];
        for (const own of weights.toReversed()) {
          weight = mod(weight * own[rest % own.length]);
          rest = Math.floor(rest / own.length);
        }
        sum += weight * BigInt(v);
      });
      assert.equal(weightedSum(values, weights), mod(sum), `${Of.name} of ${sizes.join(' × ')}`);
      assert.equal(weightedSum(Array.from(values), weights), mod(sum), `numbers of ${sizes.join(' × ')}`);
    }
  }
});

test('several tensors in a polynomial, each in its block', () => {
  const shapes = [
    tensor(
      'a',
      'fixed',
      [
        ['i', 3],
        ['j', 5],
      ],
      8,
    ),
    tensor('b', 'fixed', [['i', 6]], 20),
    tensor('c', 'fixed', [], 4),
  ];
  const source = program([...shapes, tensor('w', 'witness', [['i', 2]], 3)], [], { schedule: { steps: 1, perProof: 1 }, columns: 2 });
  const poly = compile(source).polys.find((p) => p.role === 'fixed') as PolyLayout;
  const content = Object.fromEntries(
    shapes.map((t) => [t.name, Array.from({ length: t.axes.reduce((n, a) => n * a.size, 1) }, () => Math.floor(random() * 16) - 8)]),
  );
  const rho = systemRandom.fields(poly.bits);
  const cells = placeContent(poly, content);
  const expected = eq(rho).reduce((z, w, i) => z + w * BigInt(cells[i] as number), 0n);
  assert.equal(evaluateContent(poly, content, rho), mod(expected));
});

test('content that is missing is missing, though its tensor be named like a property of every object', () => {
  const named = tensor('constructor', 'fixed', [], 4);
  const source = program([named, tensor('w', 'witness', [['i', 2]], 3)], [], { schedule: { steps: 1, perProof: 1 }, columns: 2 });
  const poly = compile(source).polys.find((p) => p.role === 'fixed') as PolyLayout;
  assert.throws(
    () => evaluationTerms(poly, {}, systemRandom.fields(poly.bits)),
    /the content of .* is missing or of another size: constructor/,
  );
  assert.equal(evaluationTerms(poly, { constructor: [3] } as Record<string, number[]>, systemRandom.fields(poly.bits)).length, 1);
});
