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
/** Files of tests that also run in the page: all of the backend's, and one or two of every other part. */
const SUITES = [
  ...['backend/parity', 'backend/reference', 'backend/wasm'],
  ...[
    'trainer/relations',
    'trainer/llama',
    'models/forward',
    'program/check',
    'proof/card',
    'proof/engine',
    'proof/simulator',
    'attacks/sumcheck',
  ],
].map((name) => `test/${name}.test.ts`);
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
      assert.ok(tries < 50, `close() has left ${page.workers().map((w) => w.url())}`);
      await setTimeout(100);
    }
  }

  /** A new page, closed at the end. */
  async function withPage<T>(
    base: string,
    use: (call: <R>(name: string, ...args: unknown[]) => Promise<R>, page: Page) => Promise<T>,
  ): Promise<T> {
    const page = await browser.newPage();
    try {
      await page.goto(base);
      return await use(async (name, ...args) => {
        const list = args.map((a) => JSON.stringify(a)).join(', ');
        return (await page.evaluate(`import('${base}test/browser/support/in-page.ts').then((m) => m.${name}(${list}))`)) as never;
      }, page);
    } finally {
      await page.close();
    }
  }

  /** Calls a function of in-page.ts in a new page. */
  const call = <T>(base: string, name: string, ...args: unknown[]): Promise<T> => withPage(base, (inPage) => inPage<T>(name, ...args));

  it('every module loads but those of Node alone', async () => {
    const modules = globSync(['prover/**/*.ts', 'verifier/**/*.ts'], { cwd: ROOT, exclude: ['**/assembly/**', '**/*-node.ts'] });
    assert.ok(modules.length > 70);
    const paths = modules.map((path) => path.split(sep).join('/'));
    assert.deepEqual(await call(site.isolated, 'load', paths), []);
  });

  // A page each: a file's modules may close what they share.
  for (const path of SUITES)
    it(`${path} passes as in Node, and leaves no worker`, async () => {
      await withPage(site.isolated, async (inPage, page) => {
        const outcomes = await inPage<Outcome[]>('suite', path);
        assert.ok(outcomes.length > 0, 'no test has run');
        assert.deepEqual(
          outcomes.filter(({ error }) => error !== null),
          [],
        );
        await noWorkers(page);
      });
    });

  it('a proof is verified and has the bytes that Node gives: 1, 2 and 3 workers, both kernels, in a worker, without waiting on memory', async () => {
    await withPage(site.isolated, async (inPage) => {
      for (const workers of [1, 2, 3]) assert.equal(await inPage('prove', SEED, { workers }), expected, `${workers} workers`);
      assert.equal(await inPage('prove', SEED, { workers: 2, portable: true }), expected, 'portable kernels');
      assert.equal(await inPage('inWorker', 'prove', SEED, { workers: 2 }), expected, 'in a worker');
      assert.notEqual(await inPage('prove', SEED + 1, { workers: 2 }), expected, 'other randomness');
      assert.equal(await inPage('prove', SEED, { workers: 2 }, true), expected, 'told by messages');
    });
  });

  it('the trainer has its threads in a worker of the page', async () => {
    await withPage(site.isolated, async (inPage) => {
      for (const helpers of [0, 1, 3]) assert.equal(await inPage('inWorker', 'helped', helpers), true, `${helpers} helpers`);
      site.missing.add('prover/trainer/kernels/worker-browser.ts');
      const refusal = await inPage<string>('inWorker', 'helped', 1);
      site.missing.clear();
      assert.match(refusal, /a helper thread does not run: its script does not load/);
    });
  });

  it('without isolation a page still trains, proves with the reference backend and verifies', async () => {
    for (const path of ['test/trainer/relations.test.ts', 'test/proof/card.test.ts']) {
      const outcomes = await call<Outcome[]>(site.plain, 'suite', path);
      assert.ok(outcomes.length > 0 && outcomes.every(({ error }) => error === null), JSON.stringify(outcomes));
    }
  });

  it('as many workers as navigator.hardwareConcurrency says', async () => {
    const { started, cores } = await call<{ started: number; cores: number }>(site.isolated, 'defaultThreads');
    assert.equal(started, cores);
  });

  it('errors name the cure: no isolation, no kernels, no script of the workers', async () => {
    assert.match(await call<string>(site.plain, 'refusal'), /not cross-origin isolated.*Cross-Origin-Opener-Policy: same-origin/);
    assert.equal(await call(site.isolated, 'refusal'), null);
    for (const [path, fault] of [
      ['prover/backend/wasm/kernels-portable.wasm', null],
      ['prover/backend/wasm/kernels.wasm', /kernels\.wasm gives status 404; publish the kernels/],
      ['prover/backend/wasm/worker-browser.ts', /a worker has died: worker \d: its script does not load; serve it as JavaScript/],
    ] as const) {
      site.missing.add(path);
      const refusal = await call<string | null>(site.isolated, 'refusal');
      site.missing.clear();
      if (fault === null) assert.equal(refusal, null);
      else assert.match(String(refusal), fault);
    }
  });
});
