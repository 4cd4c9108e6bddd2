/** Helper threads of the trainer in a worker of a page. `#trainer-threads` of package.json, "imports". */
import type { HelperStart } from './products.ts';
import type { Helper } from './threads-node.ts';

/** Threads that can run beside the calling one: none where it may not block (a page's own thread) or memory can't be shared. */
export const helpersBeside = (): number =>
  globalThis.crossOriginIsolated && !('document' in globalThis) ? Math.min((navigator.hardwareConcurrency || 1) - 1, 64) : 0;

export function startHelper(start: HelperStart): Helper {
  const worker = new Worker(new URL('./worker-browser.ts', import.meta.url), { type: 'module' });
  const ended = Promise.withResolvers<void>();
  const running = Promise.withResolvers<void>();
  worker.onmessage = ({ data }: MessageEvent<'running' | 'ended'>) => (data === 'running' ? running : ended).resolve();
  worker.onerror = ({ message }) => {
    running.reject(new Error(`matrix products: a helper thread does not run: ${message || 'its script does not load'}`));
    ended.resolve();
  };
  // Whoever does not wait for it works alone.
  running.promise.catch(() => {});
  worker.postMessage(start);
  return {
    running: () => running.promise,
    ended: async () => {
      await ended.promise;
      worker.terminate();
    },
  };
}
