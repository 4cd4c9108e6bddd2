/** Memory that WebAssembly kernels share between threads. */

/** 4 GiB in pages of 64 KiB: the most a 32-bit memory can have, and what the kernels' modules declare. */
export const MAX_PAGES = 65536;
const LEAST_PAGES = 4096;

/**
 * A memory of `initial` pages that may grow. Its maximum's addresses are reserved at once: where 4 GiB are refused, as by telephones and 32-bit
 * browsers, half as much is tried, and so on down to 256 MiB. Errors: not even those.
 */
export function sharedMemory(initial: number): WebAssembly.Memory {
  for (let maximum = MAX_PAGES; ; maximum /= 2) {
    try {
      return new WebAssembly.Memory({ initial, maximum, shared: true });
    } catch (cause) {
      if (maximum <= LEAST_PAGES) throw new Error('no addresses for 256 MiB of shared memory; close other pages or programs', { cause });
    }
  }
}
