/** Choice of a backend by name. */
import type { Backend } from './types.ts';

/** Names of the backends that `selectBackend` knows, the default first. */
export const BACKENDS = ['auto', 'wasm', 'webgpu', 'reference'] as const;

export interface SelectOptions {
  /** Threads of the wasm backend; default: one a core. */
  readonly workers?: number;
}

/**
 * A backend: `webgpu` (on any adapter, a software one too where there is no other), `wasm` (`workers` threads), `reference` (plain TypeScript, slow, the
 * oracle), or `auto`: webgpu where there is a real GPU, else wasm. The module is loaded on demand, so that one backend's requirements do not bind the
 * users of another. The caller closes it.
 */
export async function selectBackend(name: string = BACKENDS[0], options: SelectOptions = {}): Promise<Backend> {
  switch (name) {
    case 'auto':
      return (await hardwareBackend()) ?? selectBackend('wasm', options);
    case 'wasm':
      return (await import('./wasm/index.ts')).createWasmBackend(options);
    case 'webgpu':
      return (await import('./webgpu/index.ts')).createWebGpuBackend({ software: true });
    case 'reference':
      return (await import('./reference.ts')).createReferenceBackend();
    default:
      throw new Error(`backend "${name}" is unknown; choose one of ${BACKENDS.join(', ')}`);
  }
}

/** The WebGPU backend on a real GPU; null where there is none. */
async function hardwareBackend(): Promise<Backend | null> {
  const { chooseAdapter } = await import('./webgpu/adapter.ts');
  const adapter = await chooseAdapter(false).catch(() => null);
  return adapter && (await import('./webgpu/index.ts')).createWebGpuBackend({ adapter });
}
