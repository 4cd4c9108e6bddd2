/** Helper threads of the trainer in a worker of a page. `#trainer-threads` of package.json, "imports". */
import type { HelperStart } from './products.ts';
import type { Helper } from './threads-node.ts';

/** Threads that can run beside the calling one: none where it may not block (a page's own thread) or memory can't be shared. */
export const helpersBeside = (): number =>
  globalThis.crossOriginIsolated && !('document' in globalThis) ? Math.min((navigator.hardwareConcurrency || 1) - 1, 64) : 0;

export function startHelper(start: HelperStart): Helper {
  const worker = new Worker(new URL('./worker-browser.ts', import.meta.url), { type: 'module' });
  const ended = new Promise<void>((resolve) => {
    worker.onmessage = () => {
      worker.terminate();
      resolve();
    };
  });
  worker.postMessage(start);
  return { ended: () => ended };
}
