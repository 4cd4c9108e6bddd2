/** WebGPU in pages and workers. */

/** The entry point of WebGPU. Throws, with the cure, where there is none. */
export async function openGpu(): Promise<GPU> {
  const { gpu } = navigator as { readonly gpu?: GPU };
  if (!gpu)
    throw new Error('webgpu: this browser does not offer WebGPU, or not to pages without HTTPS; update it, or choose the wasm backend');
  return gpu;
}

const PREFIX = 'fineproof webgpu ';

/** What was remembered under a key on an earlier visit; undefined if nothing was. It is but a hint: whoever reads it checks it. */
export function recall(key: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + key) ?? 'null') ?? undefined;
  } catch {
    return undefined;
  }
}

/** Remembers a value for later visits, where the page may. */
export function remember(key: string, value: unknown): void {
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify(value));
  } catch {
    // Workers have no storage, and pages may be refused it: the next start measures again.
  }
}
