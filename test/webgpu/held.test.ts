/** Cells that are held lie on the device from their first use to their release, and give what cells that go up each time give. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createReferenceBackend } from '../../prover/backend/reference.ts';
import type { Backend, Cells, ContractDim } from '../../prover/backend/types.ts';
import { Held } from '../../prover/backend/webgpu/held.ts';
import { Random } from '../backend/random.ts';
import { configurations, open, skip } from './support/backend.ts';

const RUN = 2 ** 14;

/** Doubles whose runs need 8, 16, 32 and 64 bits, and integers of every kind. */
function contents(random: Random): Record<string, Cells> {
  // Signed integers of this many bits in all.
  const draw = (bits: number): number => random.integer(bits - 1);
  const mixed = new Float64Array(4 * RUN + 100);
  [8, 16, 32, 53].forEach((bits, k) => {
    for (let i = k * RUN; i < (k + 1) * RUN; i += 7) mixed[i] = draw(bits);
  });
  mixed.set([127, -128, 32767, -32768, 2 ** 31 - 1, -(2 ** 31), 2 ** 53 - 1, -(2 ** 53) + 1], 4 * RUN + 3);
  return {
    doubles: mixed,
    'integers of 32 bits': Int32Array.from({ length: 5000 }, () => draw(32)),
    'integers of 16 bits': Int16Array.from({ length: 5001 }, () => draw(16)),
    'integers of 8 bits': Int8Array.from({ length: 5003 }, () => draw(8)),
  };
}

async function rows(
  backend: Backend,
  cells: Cells,
  offset: number,
  count: number,
  width: number,
  weights: readonly bigint[],
): Promise<bigint[]> {
  const bits = Math.ceil(Math.log2(width));
  const dims: ContractDim[] = [
    { bits: Math.ceil(Math.log2(count)), kind: 'sum', weights },
    { bits, kind: 'keep', size: width, shift: 0, limit: width, stride: 1 },
  ];
  const out = backend.zeros(width);
  await backend.contract({ cells, offset }, dims, 3n, out);
  const values = await backend.toField(out);
  backend.free(out);
  return values;
}

describe('cells that are held', { skip }, () => {
  for (const options of configurations([{}, { bindingBytes: 2 ** 15, limbBits: 14 }] as const))
    it(`give what the reference gives, wherever a piece begins and whatever its kind, with ${JSON.stringify(options)}`, async () => {
      const random = new Random(11);
      const reference = createReferenceBackend();
      const backend = await open(options);
      const { memory } = backend.device;
      const before = memory.bytes.used;
      for (const [name, cells] of Object.entries(contents(random))) {
        const [once, again] = [backend.hold?.(cells), backend.hold?.(cells)];
        for (const offset of [
          0,
          1,
          2,
          3,
          64,
          cells.length - 4 * 32,
          ...(cells.length > 2 * RUN ? [RUN - 40, 2 * RUN - 8, 3 * RUN - 100, 4 * RUN - 64] : []),
        ]) {
          const weights = random.fields(4);
          const [count, width] = [4, 32];
          assert.deepEqual(
            await rows(backend, cells, offset, count, width, weights),
            await rows(reference, cells, offset, count, width, weights),
            `${name} from ${offset} on`,
          );
        }
        once?.();
        assert.deepEqual(
          await rows(backend, cells, 8, 2, 16, [1n, 5n]),
          await rows(reference, cells, 8, 2, 16, [1n, 5n]),
          `${name}, held once more`,
        );
        again?.();
        await backend.device.idle();
        assert.equal(memory.bytes.used, before, `${name} is given back`);
      }
      await backend.close();
    });

  it('go up once, and only while there is room; what is no exact integer is refused where it is read', async () => {
    const backend = await open();
    const { device } = backend;
    const held = new Held(device, 2 ** 12);
    const cells = Int16Array.from({ length: 2 ** 10 }, (_, i) => i - 512);
    assert.equal(await held.piece(cells, 0, 16), null, 'not held');
    const release = held.hold(cells);
    const piece = await held.piece(cells, 2, 6);
    assert.ok(piece);
    assert.deepEqual([...new Int16Array((await device.read(piece.region, 0, 12)).buffer, 0, 6)], [-510, -509, -508, -507, -506, -505]);
    device.memory.release(piece.region);
    assert.equal(await held.piece(cells, 2 ** 10 - 4, 8), null, 'cells that are not there');
    const large = new Int32Array(2 ** 10);
    const other = held.hold(large);
    assert.equal(await held.piece(large, 0, 4), null, 'no room');
    release();
    other();
    const crooked = Float64Array.of(1, 2, 0.5, 4);
    const end = backend.hold?.(crooked);
    await assert.rejects(rows(backend, crooked, 0, 2, 2, [1n, 1n]), /cell 2 is not an exact integer: 0\.5/);
    end?.();
    await backend.close();
  });
});
