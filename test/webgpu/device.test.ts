/** Field arithmetic on the device for every width of limbs, arrays over several buffers, memory, faults, and a device that is lost. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DeviceLostError, DeviceMemoryError } from '../../prover/backend/errors.ts';
import { items, whole } from '../../prover/backend/webgpu/device.ts';
import { invocations } from '../../prover/backend/webgpu/kernel.ts';
import { Memory } from '../../prover/backend/webgpu/regions.ts';
import { bytesOf, ELEMENT, readCanonical, sumPartials } from '../../prover/backend/webgpu/sums.ts';
import { LIMB_BITS, montgomery, type FieldName } from '../../prover/backend/webgpu/wgsl/field.ts';
import { chooseLimbBits, productsPerSecond } from '../../prover/backend/webgpu/width.ts';
import { Q, R } from '../../verifier/field.ts';
import { Random } from '../backend/random.ts';
import { adapter, open, skip } from './support/backend.ts';
import type { Adapter } from '../../prover/backend/webgpu/adapter.ts';

const read = { type: 'vec4u', access: 'read' } as const;
const write = { type: 'vec4u', access: 'write' } as const;
const RESULTS = 6;

/** All functions of a field, for pairs of canonical values. */
const operations = (f: FieldName) =>
  invocations(
    `operations of ${f}`,
    [f],
    [
      { name: 'x', ...read },
      { name: 'y', ...read },
      { name: 'out', ...write },
    ],
    `
  let a = toMontgomery${f}(load${f}_x(at_x + item));
  let b = toMontgomery${f}(load${f}_y(at_y + item));
  let at = ${RESULTS}u * (at_out + item);
  store${f}_out(at, fromMontgomery${f}(mul${f}(a, b)));
  store${f}_out(at + 1u, fromMontgomery${f}(add${f}(a, b)));
  store${f}_out(at + 2u, fromMontgomery${f}(sub${f}(a, b)));
  store${f}_out(at + 3u, fromMontgomery${f}(add${f}(neg${f}(a), double${f}(b))));
  let w = x[2u * (at_x + item)];
  store${f}_out(at + 4u, fromMontgomery${f}(int${f}(w.x, w.y)));
  store${f}_out(at + 5u, select${f}(zero${f}(), fromMontgomery${f}(one${f}()), equal${f}(a, b) || isZero${f}(a)));`,
  );

describe('the device', { skip }, () => {
  for (const limbBits of LIMB_BITS)
    it(`field arithmetic with limbs of ${limbBits} bits: edges, all pairs of them, random values`, async () => {
      const backend = await open({ limbBits });
      const { device } = backend;
      for (const [field, p] of [
        ['F', R],
        ['Q', Q],
      ] as const) {
        const random = new Random(7 * limbBits);
        const edges = [0n, 1n, 2n, p - 1n, p - 2n, p >> 1n, 2n ** 253n, 2n ** 64n - 1n, 2n ** 63n, 2n ** 63n - 1n];
        for (const bits of LIMB_BITS) for (const k of [1, 7, 16]) edges.push((2n ** BigInt(bits * k) - 1n) % p, 2n ** BigInt(bits * k) % p);
        const others = random.fields(300);
        const xs = [...edges.flatMap((x) => edges.map(() => x)), ...others];
        const ys = [...edges.flatMap(() => edges), ...random.fields(300)];
        const [x, y] = [device.upload(bytesOf(xs)), device.upload(bytesOf(ys))];
        const out = device.memory.alloc(RESULTS * ELEMENT * xs.length);
        device.run(operations(field), xs.length, [items(x, ELEMENT), items(y, ELEMENT), whole(out)]);
        const got = await readCanonical(device, out, RESULTS * xs.length);
        const m = (v: bigint): bigint => ((v % p) + p) % p;
        const wanted = xs.flatMap((a, i) => {
          const b = ys[i] as bigint;
          return [m(a * b), m(a + b), m(a - b), m(2n * b - a), m(BigInt.asIntN(64, a)), a === b || a === 0n ? 1n : 0n];
        });
        assert.deepEqual(got, wanted, field);
        const { to, from } = montgomery(field, limbBits);
        for (const e of edges) assert.equal(from(to(e)), e);
        device.memory.release(x, y, out);
      }
      assert.equal(device.memory.bytes.used, 0);
      await backend.close();
    });

  it('vectors over several buffers, also longer than a dispatch of the smallest pieces', async () => {
    const backend = await open({ bindingBytes: 256 });
    const values = new Random(3).fields(1000);
    const v = backend.fromField(values);
    assert.deepEqual(await backend.toField(v), values);
    assert.deepEqual(await backend.toField(backend.zeros(77)), new Array(77).fill(0n));
    backend.free(v);
    await assert.rejects(backend.toField(v), /used after it was freed/);
    assert.throws(() => backend.fromField([R]), /not a canonical field element/);
    await backend.close();
  });

  it('sums of partial sums, more of them than a workgroup', async () => {
    const backend = await open();
    const { device } = backend;
    const values = new Random(4).fields(3 * 500);
    const { to } = montgomery('F', 13);
    const sums = await sumPartials(device, device.upload(bytesOf(values.map(to))), 500, 3);
    assert.deepEqual(
      sums,
      [0, 1, 2].map((k) => values.reduce((z, v, i) => (i % 3 === k ? (z + v) % R : z), 0n)),
    );
    await backend.close();
  });

  it('a fault of a kernel is thrown where the next result is read, and nothing that follows gets out', async () => {
    const backend = await open();
    const v = backend.fromField([5n]);
    backend.device.run(invocations('faulty', ['F'], [], 'this is no WGSL'), 1, []);
    await assert.rejects(backend.toField(v), /fault of the backend/);
    await assert.rejects(backend.toField(backend.fromField([6n])), /fault of the backend/);
    await backend.close();
  });

  it('a device that is lost says so, from then on', async () => {
    const backend = await open();
    const v = backend.fromField([5n]);
    assert.deepEqual(await backend.toField(v), [5n]);
    backend.device.close(true);
    await assert.rejects(backend.toField(v), DeviceLostError);
    await assert.rejects(async () => backend.toField(backend.fromField([6n])), DeviceLostError);
    await backend.close();
  });

  it('no room: what to lower, at the next result and from then on', async () => {
    // As a device that is full: its error scope holds what a refused allocation leaves there.
    const full = {
      createBuffer: () => ({ destroy: () => {} }),
      pushErrorScope: () => {},
      popErrorScope: async () => ({ message: 'VK_ERROR_OUT_OF_DEVICE_MEMORY\n  at some driver' }),
    } as unknown as GPUDevice;
    const memory = new Memory(full, 2 ** 20, () => {});
    await memory.settled();
    memory.alloc(3 * 2 ** 20);
    for (let k = 0; k < 2; k++)
      await assert.rejects(memory.settled(), (error) => {
        assert.ok(error instanceof DeviceMemoryError);
        assert.match(error.message, /no room for the 3 MiB that are in use now \(VK_ERROR_OUT_OF_DEVICE_MEMORY\); fewer steps in a proof/);
        return true;
      });
  });

  it('memory: released buffers serve again, and no more of them are kept than were in use', async () => {
    const backend = await open();
    const { memory } = backend.device;
    const before = memory.bytes.used;
    for (let k = 0; k < 300; k++) memory.release(memory.alloc(2 ** (8 + (k % 15))), memory.alloc(1000 * k + 1));
    assert.equal(memory.bytes.used, before);
    assert.ok(memory.bytes.kept <= 2 ** 26, `${memory.bytes.kept} bytes kept`);
    await backend.close();
  });

  it('the width of limbs is one of those that there are, the second time without measuring', async () => {
    const first = await chooseLimbBits(adapter as Adapter);
    assert.ok(LIMB_BITS.includes(first));
    assert.equal(await chooseLimbBits(adapter as Adapter), first);
    const backend = await open();
    assert.ok((await productsPerSecond(backend.device)) > 0);
    await backend.close();
  });
});
