/** Where threads and the kernels' bytes come from in a page, or in a worker of one. `#wasm-threads` of package.json, "imports". */
import type { Thread, ThreadStart } from './pool.ts';

/** What worker-browser.ts sends: a job's end, and its own. */
export type WorkerMessage = 'done' | 'ended';

export const defaultWorkers = (): number => navigator.hardwareConcurrency || 1;

/** Throws where threads cannot share memory. */
export function requireSharedMemory(): void {
  if (!globalThis.isSecureContext)
    throw new Error(
      'wasm backend: this page is not a secure context, so threads cannot share memory; serve it over https or from localhost',
    );
  if (!globalThis.crossOriginIsolated)
    throw new Error(
      'wasm backend: this page is not cross-origin isolated, so threads cannot share memory; serve it with the headers ' +
        'Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp, or choose the reference backend',
    );
}

/** The kernels' bytes: `fused` ones need relaxed SIMD and a machine with fused multiply-add. */
export async function readKernels(fused: boolean): Promise<Uint8Array<ArrayBuffer>> {
  const url = fused ? new URL('./kernels.wasm', import.meta.url) : new URL('./kernels-portable.wasm', import.meta.url);
  const response = await fetch(url);
  if (!response.ok)
    throw new Error(`wasm backend: ${url.href} gives status ${response.status}; publish the kernels beside the backend's modules`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Starts a worker. `onDone` is for threads that tell of a job's end by a message (`ThreadStart.tells`). */
export function startThread(start: ThreadStart, onError: (error: Error) => void, onDone: () => void): Thread {
  const worker = new Worker(new URL('./worker-browser.ts', import.meta.url), { type: 'module' });
  const ended = new Promise<void>((resolve) => {
    worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => (data === 'done' ? onDone() : resolve());
    worker.onerror = ({ message }) => {
      // A script that cannot be loaded gives an event without a message.
      const fault =
        message ||
        'its script does not load; serve it as JavaScript, with the header Cross-Origin-Embedder-Policy: require-corp like the page';
      onError(new Error(`worker ${start.index}: ${fault}`));
      resolve();
    };
  });
  worker.postMessage(start);
  return {
    hold: () => {},
    stop: async () => {
      await ended;
      worker.terminate();
    },
  };
}
