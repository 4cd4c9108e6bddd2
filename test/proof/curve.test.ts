import assert from 'node:assert/strict';
import { test } from 'node:test';
import { add, msm, multiply, type Affine } from '../../verifier/curve.ts';
import { R } from '../../verifier/field.ts';
import { generators } from '../../verifier/generators.ts';

const naive = (ks: readonly bigint[], ps: readonly (Affine | null)[]): Affine | null =>
  ks.reduce<Affine | null>((z, k, i) => add(z, multiply(ps[i] as Affine | null, k)), null);

test('multi-exponentiation: small signed, full-width, zero, r − 1, infinity and cancelling terms', () => {
  const g = generators(40);
  const cases: readonly (readonly [readonly bigint[], readonly (Affine | null)[]])[] = [
    [g.map((_, i) => BigInt(((i * 7919) % 1000) - 500)), g],
    [g.map((_, i) => (BigInt(i) + 1n) ** 60n), g],
    [
      [0n, R - 1n, R, 1n, R / 2n, R / 2n + 1n],
      [...g.slice(0, 5), null],
    ],
    [
      [5n, -5n],
      [g[0] as Affine, g[0] as Affine],
    ],
    [[], []],
  ];
  for (const [ks, ps] of cases) assert.deepEqual(msm(ks, ps), naive(ks, ps));
  assert.throws(() => msm([1n], []), /1 scalars for 0 points/);
});
