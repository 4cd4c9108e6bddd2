/** Where threads and the kernels' bytes come from in Node. In a page `#wasm-threads` is threads-browser.ts (package.json, "imports"). */
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Thread, ThreadStart } from './pool.ts';

export const defaultWorkers = (): number => availableParallelism();

/** Throws where threads cannot share memory; in Node they always can. */
export function requireSharedMemory(): void {}

/** The kernels' bytes: `fused` ones need relaxed SIMD and a machine with fused multiply-add. */
export const readKernels = (fused: boolean): Promise<Uint8Array<ArrayBuffer>> =>
  readFile(new URL(fused ? './kernels.wasm' : './kernels-portable.wasm', import.meta.url)) as Promise<Uint8Array<ArrayBuffer>>;

/** Starts a worker. `onDone` is for threads that tell of a job's end by a message (`ThreadStart.tells`). */
export function startThread(start: ThreadStart, onError: (error: Error) => void, onDone: () => void): Thread {
  const worker = new Worker(new URL('./worker-node.ts', import.meta.url), { workerData: start, execArgv: [] });
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  worker.on('error', (error) => onError(error instanceof Error ? error : new Error(String(error))));
  worker.on('message', onDone);
  worker.unref();
  return {
    hold: (on) => (on ? worker.ref() : worker.unref()),
    stop: () => {
      worker.ref();
      return ended;
    },
  };
}
