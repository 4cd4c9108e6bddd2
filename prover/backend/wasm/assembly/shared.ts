/** What all kernels share: addresses of the constants, the thread's scratch, arguments of a job. */

/** Constants of the scalar field and of the curve's base field (constants.ts writes them there). */
export const FR: usize = 1024;
export const FQ: usize = 4096;

/** 64 KiB of this thread's own; the curve's kernels use the second half. Threads are numbered from 0, the calling one. */
export let scratch: usize = 0;
export let curveScratch: usize = 0;
export let thread: i32 = 0;

export function setThread(address: usize, index: i32): void {
  scratch = address;
  curveScratch = address + 32768;
  thread = index;
}

/** The k-th 32-bit argument of a job. */
// @ts-ignore: decorator
@inline
export function int(job: usize, k: i32): i32 {
  return load<i32>(job + (<usize>k << 2));
}

// @ts-ignore: decorator
@inline
export function pointer(job: usize, k: i32): usize {
  return load<u32>(job + (<usize>k << 2));
}

/** The k-th field argument: five limbs, the same in both lanes. They start at byte 128. */
// @ts-ignore: decorator
@inline
export function element(job: usize, k: i32): usize {
  return job + 128 + <usize>k * 80;
}

/** Copies limbs. */
// @ts-ignore: decorator
@inline
export function copy2(o: usize, a: usize): void {
  v128.store(o, v128.load(a));
  v128.store(o, v128.load(a, 16), 16);
  v128.store(o, v128.load(a, 32), 32);
  v128.store(o, v128.load(a, 48), 48);
  v128.store(o, v128.load(a, 64), 64);
}
