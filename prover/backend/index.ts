/** Choice of a backend by name. */
import type { Backend } from './types.ts';

/** Names of the backends that `selectBackend` knows, the default first. */
export const BACKENDS = ['wasm', 'reference'] as const;

/**
 * A backend: `wasm` (default; `workers` threads, by default one a core) or `reference` (plain TypeScript, slow, the oracle).
 * The module is loaded on demand, so that one backend's requirements do not bind the users of another. The caller closes it.
 */
export async function selectBackend(name = 'wasm', options: { readonly workers?: number } = {}): Promise<Backend> {
  switch (name) {
    case 'wasm':
      return (await import('./wasm/index.ts')).createWasmBackend(options);
    case 'reference':
      return (await import('./reference.ts')).createReferenceBackend();
    default:
      throw new Error(`backend "${name}" is unknown; choose one of ${BACKENDS.join(', ')}`);
  }
}
