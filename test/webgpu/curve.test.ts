/** Sums of points on the GPU are the reference's, whatever the points, the scalars and the way arrays are split. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Device, items } from '../../prover/backend/webgpu/device.ts';
import { invocations } from '../../prover/backend/webgpu/kernel.ts';
import { affineBytes, Points, toAffine } from '../../prover/backend/webgpu/points.ts';
import { LIMB_BITS } from '../../prover/backend/webgpu/wgsl/field.ts';
import { AFFINE, POINT, POINT_CODE, pointAccess } from '../../prover/backend/webgpu/wgsl/point.ts';
import { add, multiply, type Affine } from '../../verifier/curve.ts';
import { Q, R } from '../../verifier/field.ts';
import { H, generators } from '../../verifier/generators.ts';
import { Random } from '../backend/random.ts';
import { configurations, adapter, open, skip } from './support/backend.ts';
import { Both, reference } from './support/both.ts';

const minus = (p: Affine): Affine => ({ x: p.x, y: Q - p.y });

/** Item k: points 2k and 2k + 1, affine, added by both formulas; the second takes finite points alone. */
const ADD = invocations(
  'additions in tests',
  ['Q'],
  [
    { name: 'affine', type: 'vec4u', access: 'read' },
    { name: 'out', type: 'vec4u', access: 'write' },
  ],
  `
  var pair = array<P, 2>(identityP(), identityP());
  for (var k = 0u; k < 2u; k++) {
    let at = 4u * (at_affine + item) + 2u * k;
    let p = P(loadQ_affine(at), loadQ_affine(at + 1u), oneQ());
    pair[k] = selectP(p, identityP(), isZeroQ(p.x) && isZeroQ(p.y));
  }
  let to = 3u * item;
  // Sums with both points, and with the first one's double, which has another Z.
  var first = pair[0];
  for (var k = 0u; k < 3u; k++) {
    let second = selectP(pair[1], pair[0], k == 1u);
    let sum = addP(first, second);
    if (k == 1u) { first = sum; } else { storeP_out(to + (k >> 1u), sum); }
  }
  storeP_out(to + 2u, selectP(addAffineP(first, pair[1].x, pair[1].y), first, isZeroQ(pair[1].z)));`,
  POINT_CODE + pointAccess('out', true),
);

describe('points on the GPU', { skip }, () => {
  for (const limbBits of configurations(LIMB_BITS))
    it(`additions know no exceptions, ${limbBits} bits a limb`, async () => {
      assert.ok(adapter);
      const device = await Device.open(adapter, { limbBits });
      const points = new Points(device);
      const [g, h] = generators(2) as [Affine, Affine];
      const choices = [g, minus(g), h, H, null, multiply(g, 2n), multiply(minus(g), 2n)];
      const pairs = choices.flatMap((a) => choices.map((b) => [a, b] as const));
      const input = points.upload(affineBytes(pairs.flat()));
      const out = device.memory.alloc(3 * POINT * pairs.length);
      device.run(ADD, pairs.length, [items(input, 2 * AFFINE), items(out, 3 * POINT)]);
      const sums = await points.read(out, 3 * pairs.length);
      const expected = pairs.flatMap(([a, b]) => [add(a, b), add(add(a, a), b), add(add(a, a), b)]);
      assert.deepEqual(sums.map(toAffine), expected);
      device.close();
    });

  describe('commitments', () => {
    let both: Both;
    before(async () => void (both = new Both(await open())));
    after(async () => {
      both.clean();
      await both.gpu.close();
    });

    it('rows of every width, with the extremes', async () => {
      const random = new Random(10);
      for (const [Kind, bits] of [
        [Int8Array, 7],
        [Int16Array, 15],
        [Int32Array, 31],
        [Float64Array, 20],
        [Float64Array, 31],
        [Float64Array, 52],
      ] as const)
        for (const columns of [1, 5, 32, 70]) {
          const cells = Kind.from(random.integers(3 * columns, bits));
          if (Kind !== Float64Array) cells[columns] = -(2 ** bits);
          else cells.set([2 ** bits, -(2 ** bits), -0].slice(0, columns));
          await both.commitRows(cells, columns, [1n, R - 1n, random.field() || 5n]);
        }
      await both.commitRows(Float64Array.of(Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, 1, -1), 2, [3n, 4n]);
    });

    it('a few wide rows among narrow ones', async () => {
      const random = new Random(19);
      for (const columns of [3, 33]) {
        const widths = [4, 52, 7, 8, 15, 16, 30, 31, 32, 0, 40, 7];
        const cells = new Float64Array(widths.length * columns);
        widths.forEach((bits, row) => cells.set(random.integers(columns, bits), row * columns));
        cells.set([2 ** 7, -(2 ** 7), 2 ** 7 - 1], 3 * columns);
        cells.set([2 ** 31, -(2 ** 31), 1 - 2 ** 31], 8 * columns);
        await both.commitRows(
          cells,
          columns,
          widths.map((_, i) => BigInt(i + 1)),
        );
      }
    });

    it('rows of equal, zero and negative cells, and chosen rows in any order', async () => {
      const columns = 40;
      const cells = new Int16Array(6 * columns);
      cells
        .fill(-77, columns, 2 * columns)
        .fill(-1, 2 * columns, 3 * columns)
        .fill(1, 3 * columns, 4 * columns);
      cells.set(new Random(11).integers(columns, 15), 4 * columns);
      await both.commitRows(cells, columns, [1n, 2n, 3n, 4n, 5n, 6n]);
      await both.commitRows(cells, columns, [7n, 0n, 9n, 7n], [5, 1, 4, 5]);
      await both.commitRows(cells, columns, [], []);
      await both.commitRows(cells.subarray(columns, 2 * columns), columns, [8n]);
    });

    it('so many rows that they are put together on the device', async () => {
      const random = new Random(12);
      const cells = Int8Array.from(random.integers(300 * 3, 7));
      const list = Array.from({ length: 20 }, () => random.below(300));
      await both.commitRows(
        cells,
        3,
        list.map(() => random.field() || 1n),
        list,
      );
      const rows = Array.from({ length: 230 }, () => [random.field()]);
      await both.same(
        (b) =>
          b.commitAll(
            rows,
            rows.map((_, i) => BigInt(i + 1)),
          ),
        'rows of one scalar',
      );
    });

    it('full-width scalars, short and long rows together', async () => {
      const random = new Random(13);
      await both.same((b) => b.commit([R - 1n, R - 1n, 1n, 0n], R - 1n), 'extremes');
      await both.same((b) => b.commit([], 5n), 'a blind alone');
      const rows = [3, 0, 40, 15, 16, 3, 1, 40].map((length) => random.fields(length));
      await both.same(
        (b) =>
          b.commitAll(
            rows,
            rows.map((_, i) => R - BigInt(i + 1)),
          ),
        'rows',
      );
      await both.same((b) => b.commitAll([], []), 'no rows');
    });

    it('tables grow with columns and with rows', async () => {
      const random = new Random(14);
      for (const columns of [20, 90, 33, 150]) await both.commitRows(Int8Array.from(random.integers(2 * columns, 7)), columns, [1n, 2n]);
      await Promise.all([60, 170].map((columns) => both.commitRows(Int8Array.from(random.integers(columns, 7)), columns, [3n])));
    });

    it('refuses what the reference refuses', async () => {
      const { gpu } = both;
      await assert.rejects(gpu.commitRows(new Int8Array(4), 2, [1n, 0n]), /row 1 is the point at infinity: choose another blind/);
      await assert.rejects(gpu.commit([0n], 0n), /commitment is the point at infinity: choose another blind/);
      await assert.rejects(gpu.commit([R], 1n), /not a canonical field element/);
      await assert.rejects(gpu.commit([1n], -1n), /not a canonical field element/);
      await assert.rejects(gpu.commitRows(new Int8Array(4), 2, [1n, R]), /blind of row 1 is not a canonical field element/);
      await assert.rejects(gpu.commitRows(new Int8Array(4), 2, [1n]), /2 rows asked for, 1 blinds/);
      await assert.rejects(gpu.commitRows(new Int8Array(4), 2, [1n], [2]), /commitRows/);
      await assert.rejects(gpu.commitAll([[1n]], []), /1 rows, 0 blinds/);
      for (const wrong of [NaN, Infinity, 0.5, 2 ** 53])
        await assert.rejects(gpu.commitRows(Float64Array.of(1, 2, 3, wrong), 2, [1n, 1n]), /cell 1 of row 1 is not an exact integer/);
      await gpu.commitRows(Float64Array.of(NaN, 0.5, 3, 4), 2, [1n], [1]);
    });

    it('the generators are the verifier’s', async () => {
      const expected = generators(64);
      for (const i of [0, 1, 31, 63]) {
        const unit = new Int8Array(64);
        unit[i] = 1;
        assert.deepEqual(await both.gpu.commitRows(unit, 64, [0n]), [expected[i]]);
      }
    });

    it('sums of few and of special points', async () => {
      const random = new Random(15);
      const g = generators(40);
      const [a, b] = g as [Affine, Affine];
      await both.msm([0n], [H], 'zero');
      await both.msm([5n], [null], 'infinity');
      await both.msm([5n, 7n], [{ x: 0n, y: 0n }, a], 'zeros are infinity');
      await both.msm([1n, R - 1n], [H, H], 'opposite scalars');
      await both.msm([1n, 1n], [H, minus(H)], 'opposite points');
      await both.msm([7n, 7n, 7n, 7n], [H, H, H, minus(H)], 'equal points');
      await both.msm([R - 1n, 1n, R - 1n], [a, null, b], 'extremes');
      await both.msm([(R - 1n) / 2n, (R + 1n) / 2n], [a, b], 'the ends of signed scalars');
      for (let k = 0; k < 4; k++) {
        const points = Array.from({ length: 1 + random.below(120) }, () =>
          random.below(9) === 0 ? null : (g[random.below(40)] as Affine),
        );
        const signed = points.map((p) => (p && random.below(4) === 0 ? minus(p) : p));
        const scalars = random.fields(points.length);
        await both.msm(scalars, signed, `${points.length} points`);
        await both.same((x) => x.msm(scalars, signed), `${points.length} points, packed`);
      }
      for (const b of [both.gpu, reference]) assert.equal(await b.msm([], []), null);
    });

    it('sums with skewed scalars', async () => {
      const random = new Random(16);
      const g = generators(40);
      const points = Array.from({ length: 700 }, (_, i) => g[i % 40] as Affine);
      const scalars = (of: (i: number) => bigint): bigint[] => points.map((_, i) => of(i));
      await both.msm(
        scalars(() => 3n),
        points,
        'small, all equal',
      );
      await both.msm(
        scalars(() => R - 1n),
        points,
        'all −1',
      );
      const one = random.field();
      await both.msm(
        scalars(() => one),
        points,
        'all equal',
      );
      await both.msm(
        scalars((i) => (i === 5 ? one : 0n)),
        points,
        'one',
      );
      await both.msm(
        scalars(() => 0n),
        points,
        'none',
      );
      await both.msm(
        scalars((i) => (i % 3 ? 1n << 200n : random.field())),
        points,
        'one heavy digit',
      );
    });

    it('sums again and again over points that stay, with scalars of a vector', async () => {
      const random = new Random(17);
      const points = generators(100);
      const resident = both.gpu.curve.resident(points);
      for (let k = 0; k < 2; k++) {
        const scalars = random.fields(100);
        const vector = both.gpu.fromField(scalars);
        assert.deepEqual(await resident.sum(vector), await reference.msm(scalars, points));
        both.gpu.free(vector);
      }
      await assert.rejects(resident.sum([1n]), /1 scalars for 100 points/);
      await assert.rejects(resident.sum(new Array<bigint>(100).fill(R)), /not a canonical field element/);
      resident.free();
      await assert.rejects(both.gpu.msm([1n], []), /1 scalars for 0 points/);
      await assert.rejects(both.gpu.msm([R], [H]), /not a canonical field element/);
      assert.throws(() => both.gpu.curve.resident([{ x: Q, y: 1n }]), /coordinates that are not canonical/);
    });
  });
});
