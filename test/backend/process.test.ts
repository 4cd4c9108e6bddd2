/** The WebAssembly backend's threads and the end of the process. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

test('a process ends after close, and without it once nothing is asked for', () => {
  const module = new URL('../../prover/backend/wasm/index.ts', import.meta.url).href;
  for (const end of ['await b.close();', '']) {
    const code = `import { createWasmBackend } from '${module}'; const b = await createWasmBackend({ workers: 2 });
      const v = await b.eqTable(Array.from({ length: 15 }, (_, i) => BigInt(i)), 1n); console.log(v.length); ${end}`;
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8', timeout: 60_000 });
    assert.equal(child.stdout.trim(), '32768', child.stderr);
    assert.equal(child.status, 0, child.stderr);
  }
});
