/**
 * The kernels' shared memory: allocation, and field elements in and out. Only the host thread allocates.
 * Low addresses: 1024 and 4096 constants, 8192 control words of the pool, 65536 up: blocks handed out here.
 */
import { R } from '../../../verifier/field.ts';
import { MAX_PAGES, sharedMemory } from '../../shared-memory.ts';
import { FQ_CONSTANTS, FR_CONSTANTS, LIMB_BITS, RADIX, centered, limbs } from './constants.ts';

const PAGE = 65536;
const INITIAL_PAGES = 256;
const ALIGN = 64;
const U64 = (1n << 64n) - 1n;

/** Montgomery's R² mod r: the factor that brings integers of two limbs into Montgomery form. */
export const RADIX_SQUARED = (RADIX * RADIX) % R;
/** The same for integers of one limb, whose products are divided by X alone. */
export const RADIX_X = (RADIX << LIMB_BITS) % R;

/** The table of a constant factor c for the kernel `affine2`: c·X, …, c·X⁵ modulo r. */
export const factorTable = (c: bigint): bigint[] => [1n, 2n, 3n, 4n, 5n].map((i) => centered((c << (LIMB_BITS * i)) % R, R));

/** Montgomery form of a canonical element. */
export const toMontgomery = (x: bigint): bigint => (x * RADIX) % R;

/** Whether the memory has grown by so many pages. */
function grows(memory: WebAssembly.Memory, pages: number): boolean {
  try {
    memory.grow(pages);
    return true;
  } catch {
    return false;
  }
}

export class DeviceMemory {
  readonly memory: WebAssembly.Memory;
  bytes: Uint8Array;
  words: Int32Array;
  floats: Float64Array;
  quads: BigUint64Array;
  /** Free blocks by address, in address order; lengths of blocks in use. */
  private free: { at: number; size: number }[];
  private readonly used = new Map<number, number>();
  /** Most bytes in use at once. */
  peak = 0;
  private inUse = 0;

  constructor() {
    this.memory = sharedMemory(INITIAL_PAGES);
    this.free = [{ at: PAGE, size: (INITIAL_PAGES - 1) * PAGE }];
    this.bytes = new Uint8Array(this.memory.buffer);
    this.words = new Int32Array(this.memory.buffer);
    this.floats = new Float64Array(this.memory.buffer);
    this.quads = new BigUint64Array(this.memory.buffer);
    this.bytes.set(FR_CONSTANTS, 1024);
    this.bytes.set(FQ_CONSTANTS, 4096);
  }

  /** A block of at least `size` bytes, aligned to 64; its content is arbitrary. */
  alloc(size: number): number {
    const wanted = Math.max(ALIGN, Math.ceil(size / ALIGN) * ALIGN);
    for (let i = 0; i < this.free.length; i++) {
      const block = this.free[i] as { at: number; size: number };
      if (block.size < wanted) continue;
      const at = block.at;
      if (block.size === wanted) this.free.splice(i, 1);
      else this.free[i] = { at: at + wanted, size: block.size - wanted };
      this.used.set(at, wanted);
      this.inUse += wanted;
      this.peak = Math.max(this.peak, this.inUse);
      return at;
    }
    this.grow(wanted);
    return this.alloc(size);
  }

  private grow(size: number): void {
    const have = this.memory.buffer.byteLength;
    const least = Math.ceil(size / PAGE);
    let pages = Math.max(least, Math.min(Math.floor(have / PAGE / 4), MAX_PAGES - have / PAGE));
    try {
      if (!grows(this.memory, pages)) this.memory.grow((pages = least));
    } catch (cause) {
      throw new Error(
        `wasm backend: out of memory (${(this.inUse / 2 ** 20).toFixed(0)} MiB in use, ${(size / 2 ** 20).toFixed(0)} MiB asked for); lower the steps of a proof, the tokens of a step or the layers with adapters`,
        { cause },
      );
    }
    this.bytes = new Uint8Array(this.memory.buffer);
    this.words = new Int32Array(this.memory.buffer);
    this.floats = new Float64Array(this.memory.buffer);
    this.quads = new BigUint64Array(this.memory.buffer);
    this.insert(have, pages * PAGE);
  }

  release(at: number): void {
    const size = this.used.get(at);
    if (size === undefined) throw new Error(`wasm backend: block ${at} is not in use`);
    this.used.delete(at);
    this.inUse -= size;
    this.insert(at, size);
  }

  private insert(at: number, size: number): void {
    let low = 0;
    let high = this.free.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.free[middle] as { at: number }).at < at) low = middle + 1;
      else high = middle;
    }
    const before = this.free[low - 1];
    const after = this.free[low];
    const joinsAfter = after !== undefined && at + size === after.at;
    if (before !== undefined && before.at + before.size === at) {
      before.size += size + (joinsAfter ? (after as { size: number }).size : 0);
      if (joinsAfter) this.free.splice(low, 1);
    } else if (joinsAfter) this.free[low] = { at, size: size + (after as { size: number }).size };
    else this.free.splice(low, 0, { at, size });
  }

  /** Writes the four 64-bit words of a number in [0, 2^256). */
  write(at: number, value: bigint): void {
    const q = at >>> 3;
    this.quads[q] = value & U64;
    this.quads[q + 1] = (value >> 64n) & U64;
    this.quads[q + 2] = (value >> 128n) & U64;
    this.quads[q + 3] = value >> 192n;
  }

  read(at: number): bigint {
    const q = at >>> 3;
    const w = this.quads;
    return (w[q] as bigint) | ((w[q + 1] as bigint) << 64n) | ((w[q + 2] as bigint) << 128n) | ((w[q + 3] as bigint) << 192n);
  }

  /** A field argument of a kernel: the limbs of `value` (of at most 2^254 in size), the same in both lanes. */
  writeLimbs(at: number, value: bigint): void {
    const f = at >>> 3;
    limbs(value).forEach((l, j) => this.floats.fill(l, f + 2 * j, f + 2 * j + 2));
  }

  /** The sum an accumulator (176 bytes, two lanes, limbs of 51 bits) stands for; `lanes` 1 ignores the second. */
  readSum(at: number, lanes: number): bigint {
    const f = at >>> 3;
    let sum = 0n;
    for (let k = 10; k >= 0; k--) {
      sum <<= 51n;
      for (let lane = 0; lane < lanes; lane++) sum += BigInt.asIntN(64, this.quads[f + 2 * k + lane] as bigint);
    }
    return sum;
  }
}
