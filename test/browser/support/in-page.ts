/** What the tests of this folder run in the page. Results are text: nothing else of ours survives the way out of the browser. */
import { createWasmBackend, type WasmOptions } from '../../../prover/backend/wasm/index.ts';
import { runSuite, type Outcome } from '../shims/test.ts';
import { provenBundle } from './proof.ts';

/** Runs a file of tests, by its path in the repository. */
export const suite = (path: string): Promise<Outcome[]> => runSuite(new URL(`../../../${path}`, import.meta.url).href);

/** Loads modules by their paths in the repository; those that do not load, with the error. */
export async function load(paths: readonly string[]): Promise<string[]> {
  const faults: string[] = [];
  for (const path of paths)
    await import(new URL(`../../../${path}`, import.meta.url).href).catch((error) => faults.push(`${path}: ${error}`));
  return faults;
}

/** The bundle of the small proof by the WASM backend; `messages` takes Atomics.waitAsync away, as from an engine that lacks it. */
export async function prove(seed: number, options: WasmOptions, messages = false): Promise<string> {
  if (messages) Reflect.deleteProperty(Atomics, 'waitAsync');
  const backend = await createWasmBackend(options);
  try {
    return await provenBundle(backend, BigInt(seed));
  } finally {
    await backend.close();
  }
}

/** The same in a worker of the page. */
export function proveInWorker(seed: number): Promise<string> {
  const worker = new Worker(new URL('./prover-worker.ts', import.meta.url), { type: 'module' });
  return new Promise((resolve) => {
    worker.onmessage = ({ data }: MessageEvent<string>) => resolve(data);
    worker.onerror = ({ message }) => resolve(`the worker has died: ${message}`);
    worker.postMessage(seed);
  }).finally(() => worker.terminate()) as Promise<string>;
}

/** Why a backend cannot be made, or a job cannot be run; null if both can. */
export async function refusal(): Promise<string | null> {
  try {
    const backend = await createWasmBackend({ workers: 2 });
    try {
      backend.free(await backend.eqTable(new Array<bigint>(16).fill(5n), 1n));
      await backend.toField(await backend.eqTable(new Array<bigint>(16).fill(5n), 1n));
      return null;
    } finally {
      await backend.close();
    }
  } catch (error) {
    return String(error);
  }
}

/** The cores of the machine, and how many workers a backend starts when it is not told. */
export async function defaultThreads(): Promise<{ readonly cores: number; readonly started: number }> {
  let started = 0;
  const { Worker } = globalThis;
  globalThis.Worker = class extends Worker {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      super(...args);
      started++;
    }
  };
  await (await createWasmBackend()).close();
  return { cores: navigator.hardwareConcurrency, started };
}
