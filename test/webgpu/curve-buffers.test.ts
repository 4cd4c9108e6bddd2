/** Commitments and sums of points over arrays in many small buffers, with wider limbs, are the reference's. */
import { describe, it } from 'node:test';
import type { LimbBits } from '../../prover/backend/webgpu/wgsl/field.ts';
import type { Affine } from '../../verifier/curve.ts';
import { R } from '../../verifier/field.ts';
import { generators } from '../../verifier/generators.ts';
import { Random } from '../backend/random.ts';
import { configurations, open, skip } from './support/backend.ts';
import { Both } from './support/both.ts';

describe('points on the GPU in small buffers', { skip }, () => {
  for (const [limbBits, bindingBytes] of configurations([
    [14, 4096],
    [15, 8192],
  ] as readonly (readonly [LimbBits, number])[]))
    it(`arrays in buffers of ${bindingBytes} bytes, ${limbBits} bits a limb`, async () => {
      const both = new Both(await open({ limbBits, bindingBytes }));
      const random = new Random(18);
      for (const columns of [3, 100]) {
        await both.commitRows(
          Int16Array.from(random.integers(21 * columns, 15)),
          columns,
          random.fields(21).map((b) => b || 1n),
        );
        const mixed = random.integers(40 * columns, 52).map((v, i) => (i % (3 * columns) < columns ? v : v % 100));
        await both.commitRows(
          mixed,
          columns,
          Array.from({ length: 40 }, (_, i) => BigInt(i + 1)),
        );
      }
      const rows = [3, 40, 15, 100, 0].map((length) => random.fields(length));
      await both.same((b) => b.commitAll(rows, [1n, 2n, 3n, 4n, 5n]), 'rows of scalars');
      const short = Array.from({ length: 40 }, () => random.fields(2));
      await both.same(
        (b) =>
          b.commitAll(
            short,
            short.map((_, i) => BigInt(i + 1)),
          ),
        'short rows in pieces',
      );
      const points = Array.from({ length: 200 }, (_, i) => generators(40)[i % 40] as Affine);
      await both.msm(random.fields(200), points, 'points in several buffers');
      await both.msm(new Array<bigint>(200).fill(R - 5n), points, 'skewed, in several buffers');
      both.clean();
      await both.gpu.close();
    });
});
