/** Where threads and the kernels' bytes come from: Node. A browser build replaces this one module. */
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Thread, ThreadStart } from './pool.ts';

export const defaultWorkers = (): number => availableParallelism();

/** The kernels' bytes: `fused` ones need relaxed SIMD and a machine with fused multiply-add. */
export const readKernels = (fused: boolean): Promise<Uint8Array<ArrayBuffer>> =>
  readFile(new URL(fused ? './kernels.wasm' : './kernels-portable.wasm', import.meta.url)) as Promise<Uint8Array<ArrayBuffer>>;

export function startThread(start: ThreadStart, onError: (error: Error) => void): Thread {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: start, execArgv: [] });
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  worker.on('error', (error) => onError(error instanceof Error ? error : new Error(String(error))));
  worker.unref();
  return {
    hold: (on) => (on ? worker.ref() : worker.unref()),
    stop: () => {
      worker.ref();
      return ended;
    },
  };
}
