/** Work that goes on for long leaves nothing behind: a thousand rounds of kernels, twenty whole steps, and a process that ends. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Backend } from '../../../prover/backend/types.ts';
import { provenBundle } from '../../browser/support/proof.ts';
import { open, skip, thorough } from '../support/backend.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
/** A look, unless asked to be thorough, as `npm run test:webgpu` is: its numbers count. */
const [WARM_UP, ROUNDS] = thorough ? [200, 1000] : [50, 50];
/** A process whose driver and heap still settle gets as many times `ROUNDS` more; one that leaks grows in each of them. */
const WINDOWS = 4;
/** Steps of the tiny training run, all of a run at once. */
const RUN_STEPS = 3;
const STEPS = 20;

/** Memory of the process, bytes, after the collector has been by. */
function resident(): number {
  for (let k = 0; k < 3; k++) collect();
  return process.memoryUsage().rss;
}

/** One of everything that stays on the device for some rounds. */
async function round(backend: Backend, k: number): Promise<void> {
  const cells = Int16Array.from({ length: 64 }, (_, i) => ((i + k) * 7919) % 2001);
  await backend.commitRows(cells, 16, [3n, 5n, 7n, 11n]);
  const point = Array.from({ length: 6 }, (_, i) => BigInt(i + k + 2));
  const sums = await backend.productSum([[await backend.fromInts(cells), await backend.eqTable(point, 3n)]]);
  for (let i = 0; i < 6; i++) await sums.round(i === 0 ? null : BigInt(k + i));
  await sums.finish(5n);
  const out = backend.zeros(8);
  await backend.contract(
    { cells, offset: 0 },
    [
      { bits: 3, kind: 'sum', weights: [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n] },
      { bits: 3, kind: 'keep', size: 8, shift: 0, limit: 8, stride: 1 },
    ],
    9n,
    out,
  );
  await backend.toField(out);
  backend.free(out);
  const tree = await backend.fractionTree(
    4,
    [{ offset: 0, domain: { sizes: [12] }, numerators: 'ones', values: [cells.slice(0, 12)], id: 16 }],
    19n,
    23n,
  );
  await tree.root();
  const layer = await tree.layer(1, [BigInt(k + 3)], 7n);
  await layer.round(null);
  await layer.finish(3n);
  tree.free();
}

describe('endurance', { skip }, () => {
  it(`${ROUNDS} rounds of kernels: memory of device${thorough ? ' and process' : ''} grows by less than 5 % after warming up`, async () => {
    const backend = await open();
    for (let k = 0; k < WARM_UP; k++) await round(backend, k);
    const before = { device: backend.device.memory.bytes, process: resident() };
    const growths: number[] = [];
    let last = before.process;
    do {
      for (let k = 0; k < ROUNDS; k++) await round(backend, k);
      const now = resident();
      growths.push(now - last);
      last = now;
    } while (thorough && growths.at(-1)! > 0.05 * before.process && growths.length < WINDOWS);
    const after = { device: backend.device.memory.bytes };
    assert.equal(after.device.used, backend.curve.tableBytes);
    assert.ok(after.device.used <= 1.05 * before.device.used, `device: ${before.device.used} bytes in use, then ${after.device.used}`);
    assert.ok(after.device.kept <= 1.05 * before.device.kept, `device: ${before.device.kept} bytes kept, then ${after.device.kept}`);
    // With NVIDIA's driver and 16 cores the resident set settles only after 2,500 rounds, 20 % up, most of it heap that V8 keeps; then it stays.
    if (thorough)
      assert.ok(growths.at(-1)! <= 0.05 * before.process, `process: ${before.process} bytes, then by ${growths.join(', ')} bytes more`);
    await backend.close();
  });

  it(`${STEPS} steps proven: the same`, { skip: thorough ? false : 'by npm run test:webgpu' }, async () => {
    const backend = await open();
    // Tables over the generators grow with the work that they save: doubled work, one bit more.
    for (let k = 0; k < 12; k++) await provenBundle(backend, BigInt(k));
    const before = { device: backend.device.memory.bytes, process: resident() };
    for (let steps = 0; steps < STEPS; steps += RUN_STEPS) await provenBundle(backend, BigInt(steps));
    const after = { device: backend.device.memory.bytes, process: resident() };
    assert.equal(after.device.used, backend.curve.tableBytes);
    assert.ok(after.device.used <= 1.05 * before.device.used, `device: ${before.device.used} bytes in use, then ${after.device.used}`);
    assert.ok(after.device.kept <= 1.05 * before.device.kept, `device: ${before.device.kept} bytes kept, then ${after.device.kept}`);
    assert.ok(after.process <= 1.05 * before.process, `process: ${before.process} bytes, then ${after.process}`);
    await backend.close();
  });

  it('the process ends by itself after close, and without it', () => {
    const module = new URL('../support/backend.ts', import.meta.url).href;
    for (const end of ['await b.close();', '']) {
      const code = `import { open } from '${module}'; const b = await open(); console.log((await b.toField(b.fromField([41n])))[0]); ${end}`;
      const child = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8', timeout: 60_000 });
      assert.equal(child.stdout.trim(), '41n', child.stderr);
      assert.equal(child.status, 0, child.stderr);
    }
  });
});
