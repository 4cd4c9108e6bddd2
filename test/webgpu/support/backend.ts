/** The WebGPU backend of these tests: any adapter, also a software one. */
import { chooseAdapter, type Adapter } from '../../../prover/backend/webgpu/adapter.ts';
import { createWebGpuBackend, type WebGpuBackend, type WebGpuOptions } from '../../../prover/backend/webgpu/index.ts';

/** The adapter, or why there is none. */
const found: Adapter | string = await chooseAdapter(true).catch((error: unknown) => String(error));

export const adapter = typeof found === 'string' ? null : found;
/** Why tests are skipped. */
export const skip = typeof found === 'string' && found;

export const open = (options: Omit<WebGpuOptions, 'adapter' | 'software'> = {}): Promise<WebGpuBackend> => {
  if (typeof found === 'string') throw new Error(found);
  return createWebGpuBackend({ limbBits: 13, ...options, adapter: found });
};
