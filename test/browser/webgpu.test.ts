/** The WebGPU backend in a page: the suites of test/webgpu, as in Node; in `npm test` two of them, for all take minutes. */
import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { sep } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'puppeteer-core';
import type { Outcome } from './shims/test.ts';
import { findChromium, launchChromium } from './support/chromium.ts';
import { ROOT, serveRepository, type Site } from './support/server.ts';

const chromium = findChromium();
const required = process.env['FINEPROOF_WEBGPU'] === 'required';
if (required && 'missing' in chromium) throw new Error(chromium.missing);

describe('WebGPU in a page', { skip: 'missing' in chromium && chromium.missing }, () => {
  let site: Site;
  let browser: Browser;
  before(async () => {
    site = await serveRepository();
    browser = await launchChromium((chromium as { path: string }).path);
  });
  after(async () => {
    await browser?.close();
    await site?.close();
  });

  const files = required ? 'test/webgpu/*.test.ts' : 'test/webgpu/{device,rounds}.test.ts';
  for (const file of globSync(files, { cwd: ROOT }).sort())
    it(`${file} passes as in Node`, async (t) => {
      const page = await browser.newPage();
      try {
        await page.goto(site.isolated);
        const run = `import('${site.isolated}test/browser/support/in-page.ts').then((m) => m.suite('${file.split(sep).join('/')}'))`;
        const outcomes = (await page.evaluate(run)) as Outcome[];
        if (outcomes.length === 0 && !required) return t.skip('this browser has no WebGPU adapter');
        assert.ok(outcomes.length > 0, 'no test has run: the browser has no WebGPU adapter');
        assert.deepEqual(
          outcomes.filter(({ error }) => error !== null),
          [],
        );
      } finally {
        await page.close();
      }
    });
});
