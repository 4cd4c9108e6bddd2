/** The WebGPU backend of these tests: any adapter, also a software one. */
import { chooseAdapter, type Adapter } from '../../../prover/backend/webgpu/adapter.ts';
import { createWebGpuBackend, type WebGpuBackend, type WebGpuOptions } from '../../../prover/backend/webgpu/index.ts';

/** The adapter, or why there is none. */
const found: Adapter | string = await chooseAdapter(true).catch((error: unknown) => String(error));

/** Whether `npm run test:webgpu` runs this in Node: it must not pass without an adapter, and it takes its time. */
export const thorough = (globalThis as { process?: NodeJS.Process }).process?.env['FINEPROOF_WEBGPU'] === 'required';
if (thorough && typeof found === 'string') throw new Error(found);

export const adapter = typeof found === 'string' ? null : found;
/** Why tests are skipped. */
export const skip = typeof found === 'string' && found;

/**
 * Widths of limbs and ways to cut arrays, for suites that are run for several: each takes minutes on a processor, mostly to compile kernels. `npm run
 * test:webgpu` tries all of them, `npm test` and pages the first.
 */
export const configurations = <T>(all: readonly T[]): readonly T[] => (thorough ? all : all.slice(0, 1));

export const open = (options: Omit<WebGpuOptions, 'adapter' | 'software'> = {}): Promise<WebGpuBackend> => {
  if (typeof found === 'string') throw new Error(found);
  return createWebGpuBackend({ limbBits: 13, ...options, adapter: found });
};
