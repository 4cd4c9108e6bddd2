/** What the tests of this folder run in the page. Results are text: nothing else of ours survives the way out of the browser. */
import { createWasmBackend, type WasmOptions } from '../../../prover/backend/wasm/index.ts';
import { Products } from '../../../prover/trainer/kernels/products.ts';
import { runSuite, type Outcome } from '../shims/test.ts';
import type { Call } from './in-worker.ts';
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

/** Calls a function of this module in a worker of the page. */
export function inWorker(name: string, ...args: readonly unknown[]): Promise<unknown> {
  const worker = new Worker(new URL('./in-worker.ts', import.meta.url), { type: 'module' });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage({ name, args } satisfies Call);
  }).finally(() => worker.terminate());
}

/** A product large enough for helpers, by the trainer's threads: whether it equals the one without, or why there is none. */
export async function helped(helpers: number): Promise<boolean | string> {
  const [M, N, K] = [64, 640, 256];
  const left = Float64Array.from({ length: M * K }, (_, i) => Math.sin(i));
  const cells = Int16Array.from({ length: N * K }, (_, i) => (i * 7919) % 4001);
  const product = (products: Products): Float64Array => {
    const out = new Float64Array(M * N);
    products.multiply(left, { cells, base: 0, strideK: 1, strideN: K }, out, M, N, K);
    return out;
  };
  const products = new Products(helpers);
  try {
    await products.ready();
    const [got, want] = [product(products), product(new Products(0))];
    return got.every((x, i) => x === want[i]);
  } catch (error) {
    return String(error);
  } finally {
    await products.close();
  }
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
