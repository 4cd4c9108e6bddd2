/**
 * Prover and verifier in a page: the repository's modules as they are, in a headless Chromium. The backend's suites run there as in Node (the same
 * files), and a proof has Node's bytes.
 */
import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { sep } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { Browser, Page } from 'puppeteer-core';
import { createReferenceBackend } from '../../prover/backend/reference.ts';
import type { Outcome } from './shims/test.ts';
import { findChromium, launchChromium } from './support/chromium.ts';
import { provenBundle } from './support/proof.ts';
import { ROOT, serveRepository, type Site } from './support/server.ts';

const chromium = findChromium();
const SUITES = ['parity', 'reference', 'wasm'].map((name) => `test/backend/${name}.test.ts`);
const SEED = 3;

describe('in a page', { skip: 'missing' in chromium && chromium.missing }, () => {
  let site: Site;
  let browser: Browser;
  let expected: string;
  before(async () => {
    site = await serveRepository();
    browser = await launchChromium((chromium as { path: string }).path);
    expected = await provenBundle(createReferenceBackend(), BigInt(SEED));
  });
  after(async () => {
    await browser?.close();
    await site?.close();
  });

  /** Waits until the page has no workers: the browser tells of their end a little later than the page. */
  async function noWorkers(page: Page): Promise<void> {
    for (let tries = 0; page.workers().length > 0; tries++) {
      assert.ok(tries < 50, `close() has left ${page.workers().length} workers`);
      await setTimeout(100);
    }
  }

  /** Calls a function of in-page.ts in a new page. `look` sees the page before it is closed. */
  async function call<T>(base: string, name: string, args: readonly unknown[], look?: (page: Page) => Promise<void>): Promise<T> {
    const page = await browser.newPage();
    try {
      await page.goto(base);
      const list = args.map((a) => JSON.stringify(a)).join(', ');
      const result = await page.evaluate(`import('${base}test/browser/support/in-page.ts').then((m) => m.${name}(${list}))`);
      await look?.(page);
      return result as T;
    } finally {
      await page.close();
    }
  }

  it('every module loads but those of Node alone', async () => {
    const modules = globSync(['prover/**/*.ts', 'verifier/**/*.ts'], { cwd: ROOT, exclude: ['**/assembly/**', '**/*-node.ts'] });
    assert.ok(modules.length > 70);
    assert.deepEqual(await call(site.isolated, 'load', [modules.map((path) => path.split(sep).join('/'))]), []);
  });

  for (const path of SUITES)
    it(`${path} passes`, async (t) => {
      const outcomes = await call<Outcome[]>(site.isolated, 'suite', [path], noWorkers);
      assert.ok(outcomes.length > 10);
      for (const { name, error } of outcomes) await t.test(name, () => assert.equal(error, null));
    });

  it('a proof is verified and has the bytes that Node gives: 1, 2 and 3 workers, both kernels, in a worker, without waiting on memory', async () => {
    for (const workers of [1, 2, 3]) assert.equal(await call(site.isolated, 'prove', [SEED, { workers }]), expected, `${workers} workers`);
    assert.equal(await call(site.isolated, 'prove', [SEED, { portable: true }]), expected, 'portable kernels');
    assert.equal(await call(site.isolated, 'proveInWorker', [SEED]), expected, 'in a worker');
    assert.equal(await call(site.isolated, 'prove', [SEED, { workers: 2 }, true]), expected, 'told by messages');
    assert.notEqual(await call(site.isolated, 'prove', [SEED + 1, { workers: 2 }]), expected, 'other randomness');
  });

  it('as many workers as navigator.hardwareConcurrency says', async () => {
    const { started, cores } = await call<{ started: number; cores: number }>(site.isolated, 'defaultThreads', []);
    assert.equal(started, cores);
  });

  it('errors name the cure: no isolation, no kernels, no script of the workers', async () => {
    assert.match(await call<string>(site.plain, 'refusal', []), /not cross-origin isolated.*Cross-Origin-Opener-Policy: same-origin/);
    assert.equal(await call(site.isolated, 'refusal', []), null);
    for (const [path, fault] of [
      ['prover/backend/wasm/kernels-portable.wasm', null],
      ['prover/backend/wasm/kernels.wasm', /kernels\.wasm gives status 404; publish the kernels/],
      ['prover/backend/wasm/worker-browser.ts', /a worker has died: worker \d: its script does not load; serve it as JavaScript/],
    ] as const) {
      site.missing.add(path);
      const refusal = await call<string | null>(site.isolated, 'refusal', []);
      site.missing.clear();
      if (fault === null) assert.equal(refusal, null);
      else assert.match(String(refusal), fault);
    }
  });
});
