import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeviceLostError } from '../../prover/backend/errors.ts';
import { Recovery } from '../../prover/backend/recovery.ts';
import type { Backend } from '../../prover/backend/types.ts';

test('a lost device is replaced once by a new one, then by the wasm kernels, and each change is told', async () => {
  for (const [devices, expected] of [
    [2, ['webgpu', 'wasm', 'wasm']],
    [1, ['wasm', 'wasm']],
  ] as const) {
    const [closed, notices]: [string[], string[]] = [[], []];
    let left = devices;
    const open = async (name: string): Promise<Backend> => {
      if (name === 'webgpu' && --left < 1) throw new Error('no adapter');
      return { name, close: async () => void closed.push(name) } as Backend;
    };
    const recovery = new Recovery(
      { name: 'first', close: async () => void closed.push('first') } as Backend,
      (text) => notices.push(text),
      open,
    );
    const names: string[] = [];
    const done = await recovery.run(async (backend) => {
      names.push(backend.name);
      if (names.length <= expected.length) throw new DeviceLostError('webgpu: the device was lost');
      return 'done';
    });
    assert.equal(done, 'done');
    assert.deepEqual(names, ['first', ...expected]);
    assert.deepEqual(closed, ['first', ...expected.slice(0, -1)]);
    assert.equal(recovery.current.name, 'wasm');
    for (const [k, name] of expected.entries())
      assert.match(notices[k] as string, name === 'wasm' ? /lost; .* again with the wasm backend/ : /again with a new device/);
  }
});

test('any other error is the job’s own', async () => {
  const recovery = new Recovery({ name: 'first', close: async () => {} } as Backend, () => assert.fail('nothing was lost'));
  await assert.rejects(
    recovery.run(async () => {
      throw new Error('another fault');
    }),
    /another fault/,
  );
  assert.equal(recovery.current.name, 'first');
});
