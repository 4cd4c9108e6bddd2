/** What the command line says of a device: benches that measure on it, and the doctor. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { skip, thorough } from '../support/backend.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Runs a script and reads its one JSON object. */
function json(script: string, ...args: string[]): Record<string, unknown> {
  const child = spawnSync(process.execPath, [script, ...args, '--json'], { cwd: root, encoding: 'utf8', timeout: 500_000 });
  assert.equal(child.status, 0, child.stderr);
  return JSON.parse(child.stdout) as Record<string, unknown>;
}

describe('the command line', { skip: skip || (thorough ? false : 'by npm run test:webgpu') }, () => {
  it('bench kernels --backend webgpu: every kernel beside one worker, and points that lie on the device', () => {
    const found = json('scripts/bench.ts', 'kernels', '--backend', 'webgpu', '--size', '8');
    const gpu = found['webgpu'] as { adapter: { description: string }; times: Record<string, number>; resident: number; peak: number };
    const [one] = found['ours'] as [{ workers: number; times: Record<string, number> }];
    assert.equal(one.workers, 1);
    assert.deepEqual(Object.keys(gpu.times), Object.keys(one.times));
    for (const time of [...Object.values(gpu.times), gpu.resident, gpu.peak]) assert.ok(time > 0);
    assert.notEqual(gpu.adapter.description, '');
  });

  it('bench step --backend webgpu: a whole step, trained, proven and verified, and on what', () => {
    const shape = ['--width', '16', '--layers', '1', '--heads', '2', '--tokens', '4', '--rank', '1', '--vocab', '32'];
    const found = json('scripts/bench.ts', 'step', '--backend', 'webgpu', ...shape);
    assert.notEqual((found['adapter'] as { description: string }).description, '');
    assert.ok((found['proofBytes'] as number) > 0);
  });

  it('doctor: adapters with limits, width of limbs, self-test and products a second', () => {
    const { findings } = json('scripts/fineproof.ts', 'doctor', '--store', join(tmpdir(), 'fineproof-doctor')) as {
      findings: { what: string; detail: string }[];
    };
    const gpu = findings.find((f) => f.what === 'webgpu');
    assert.match(
      String(gpu?.detail),
      /bindings to \d+ MiB.*limbs of 1[345] bits; agrees with the reference; [\d.e+]+ million products a second/,
    );
  });
});
