/**
 * eq tables, outer products and sumchecks of products on the device give the reference's values bit for bit: for every width of limbs, for arrays
 * in one buffer and over several, and all memory is given back.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createReferenceBackend } from '../../prover/backend/reference.ts';
import type { Backend, FieldVector } from '../../prover/backend/types.ts';
import type { WebGpuBackend } from '../../prover/backend/webgpu/index.ts';
import { R } from '../../verifier/field.ts';
import { Random } from '../backend/random.ts';
import { open, skip } from './support/backend.ts';

const sum = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0);

for (const { limbBits, bindingBytes } of [
  { limbBits: 13, bindingBytes: undefined },
  { limbBits: 14, bindingBytes: 4096 },
  { limbBits: 15, bindingBytes: 16384 },
] as const)
  describe(`webgpu with limbs of ${limbBits} bits, bindings of ${bindingBytes ?? 'any'} bytes equals reference`, { skip }, () => {
    const reference = createReferenceBackend();
    let webgpu: WebGpuBackend;
    before(async () => {
      webgpu = await open({ limbBits, ...(bindingBytes ? { bindingBytes } : {}) });
    });
    after(() => webgpu.close());

    /** Runs an operation on both backends. */
    const both = async <T>(run: (b: Backend) => Promise<T>, what: string): Promise<void> => {
      const [expected, actual] = [await run(reference), await run(webgpu)];
      assert.deepEqual(actual, expected, what);
    };
    const values = async (b: Backend, v: FieldVector): Promise<bigint[]> => {
      const cells = await b.toField(v);
      b.free(v);
      return cells;
    };
    const nothingLeft = (): void => assert.equal(webgpu.device.memory.bytes.used, 0, 'bytes in use');

    it('eqTable', async () => {
      const random = new Random(500 + limbBits);
      for (let n = 0; n <= 9; n++) {
        const point = n === 3 ? [0n, 1n, R - 1n] : random.fields(n);
        for (const scale of [0n, 1n, random.field()]) await both(async (b) => values(b, await b.eqTable(point, scale)), `${n} variables`);
      }
      nothingLeft();
    });

    it('accumulateOuter: missing weights, causal pairs, offsets', async () => {
      const random = new Random(800 + limbBits);
      for (let k = 0; k < 60; k++) {
        const bits = Array.from({ length: 1 + random.below(4) }, () => random.below(4));
        if (k % 10 === 0) bits.push(6);
        const equal = bits.flatMap((b, i) => bits.flatMap((c, j) => (b === c && i !== j ? [[i, j] as const] : [])));
        const causal = equal.length > 0 && random.below(2) ? equal[random.below(equal.length)] : undefined;
        const dims = bits.map((n) => random.fields(random.below(2 ** n + 1)));
        const offset = random.below(30);
        const start = random.fields(offset + 2 ** sum(bits) + random.below(5));
        const scale = random.field();
        await both(
          async (b) => {
            const out = b.fromField(start);
            await b.accumulateOuter(out, offset, dims, bits, scale, causal);
            return values(b, out);
          },
          `case ${k}: bits ${bits.join(' ')}, causal ${causal?.join(' ')}`,
        );
      }
      nothingLeft();
    });

    it('accumulateOuter: lists longer than a buffer, a long list after another, with a causal pair', async () => {
      const random = new Random(850 + limbBits);
      const long = random.fields(2 ** 9 - 3);
      const cases: [readonly (readonly bigint[])[], readonly number[], (readonly [number, number])?][] = [
        [[long], [9]],
        [
          [random.fields(4), long],
          [2, 9],
        ],
        [
          [random.fields(32), random.fields(2), random.fields(29)],
          [5, 1, 5],
          [0, 2],
        ],
        [
          [random.fields(32), random.fields(32)],
          [5, 5],
          [1, 0],
        ],
      ];
      for (const [dims, bits, causal] of cases)
        await both(
          async (b) => {
            const out = b.zeros(2 ** sum(bits) + 7);
            await b.accumulateOuter(out, 5, dims, bits, 3n, causal);
            return values(b, out);
          },
          `bits ${bits.join(' ')}`,
        );
      nothingLeft();
    });

    it('accumulateOuter: many terms before the vector is read, over one another, over few cells, then more', async () => {
      const random = new Random(870 + limbBits);
      const shared = [2, 3, 1, 4].map((b) => ({ b, list: random.fields(2 ** b) }));
      for (const [length, count] of [
        [600, 150],
        [40, 400],
      ] as const) {
        const terms = Array.from({ length: count }, () => {
          const own = Array.from({ length: 1 + random.below(2) }, () => shared[random.below(4)] as (typeof shared)[number]);
          const bits = own.map((x) => x.b).filter((_, k, all) => 2 ** sum(all.slice(0, k + 1)) <= length);
          return {
            bits,
            dims: own.slice(0, bits.length).map((x) => x.list),
            offset: random.below(length - 2 ** sum(bits) + 1),
            scale: random.field(),
          };
        });
        await both(async (b) => {
          const out = b.fromField(new Random(length).fields(length));
          for (const t of terms) await b.accumulateOuter(out, t.offset, t.dims, t.bits, t.scale);
          const first = await b.toField(out);
          for (const t of terms.slice(0, 3)) await b.accumulateOuter(out, t.offset, t.dims, t.bits, 1n);
          return [first, await values(b, out)];
        }, `${count} terms over ${length} cells`);
      }
      nothingLeft();
    });

    it('refuses what the reference refuses, and keeps nothing of it', async () => {
      for (const b of [reference, webgpu]) {
        const out = b.zeros(8);
        await assert.rejects(b.accumulateOuter(out, 1, [[1n], [1n]], [1, 2], 1n), /accumulateOuter/);
        await assert.rejects(b.accumulateOuter(out, 0, [[R, 1n]], [1], 1n), /not a canonical field element/);
        await assert.rejects(b.accumulateOuter(out, 0, [[1n]], [1], -1n), /not a canonical field element/);
        await assert.rejects(b.eqTable([R], 1n), /not a canonical field element/);
        assert.throws(() => b.fromField([1n, R]), /not a canonical field element/);
        assert.deepEqual(await b.toField(out), new Array(8).fill(0n));
        await b.accumulateOuter(out, 0, [[1n]], [3], 1n);
        b.free(out);
        await assert.rejects(b.accumulateOuter(out, 0, [[1n]], [1], 1n), /after it was freed or consumed/);
      }
      nothingLeft();
    });
  });
