/** A headless Chromium for the tests of this folder. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { launch, type Browser } from 'puppeteer-core';
import { unpackedStack } from '../../../scripts/lib/software-stack.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome'];
const PLACES = ['/usr/bin', '/usr/local/bin', '/snap/bin', ...(process.env.PATH ?? '').split(delimiter)];
const APPLICATIONS = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe',
];

const runs = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** Path of the browser, or why there is none. CHROME_PATH comes first; a wrong one is not passed over. */
export function findChromium(): { readonly path: string } | { readonly missing: string } {
  const given = process.env.CHROME_PATH;
  if (given) return runs(given) ? { path: given } : { missing: `CHROME_PATH is ${given}, which is no program` };
  const installed = [...PLACES.flatMap((place) => NAMES.map((name) => join(place, name))), ...APPLICATIONS];
  const path = [...installed, unpackedStack()?.chromium ?? ''].find(runs);
  return path === undefined ? { missing: 'no Chromium or Chrome found; install one, or name it in CHROME_PATH' } : { path };
}

/**
 * Starts it. Containers have no user namespaces for its sandbox and little /dev/shm; it loads nothing but this repository. Without a GPU its WebGPU
 * adapter is SwiftShader, which it calls unsafe.
 */
export function launchChromium(path: string): Promise<Browser> {
  const stack = unpackedStack();
  const own = path === stack?.chromium;
  return launch({
    executablePath: path,
    headless: own ? 'shell' : true,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--enable-unsafe-webgpu'],
    ...(own ? { env: { ...process.env, ...stack.adapter } } : {}),
    protocolTimeout: 240_000,
  });
}
