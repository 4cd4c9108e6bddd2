/** Jobs over the kernels: argument blocks, chunking, the choice between this thread and the workers. */
import { R, inverse } from '../../../verifier/field.ts';
import { RADIX } from './constants.ts';
import type { Cells } from '../types.ts';
import type { DeviceMemory } from './memory.ts';
import type { Pool } from './pool.ts';

/** 1/R of Montgomery's form, modulo r. */
const RADIX_INVERSE = inverse(RADIX % R);
const RADIX_INVERSE_2 = (RADIX_INVERSE * RADIX_INVERSE) % R;

/** Bytes of an argument block: 32 integers, then up to 40 field arguments. */
const BLOCK_BYTES = 128 + 40 * 80;
const ELEMENT = 32;
/** Bytes of a sum left by a kernel. */
export const SUM_BYTES = 176;
/** Jobs estimated below this run on the calling thread: waking workers and waiting costs about as much. */
const INLINE_NANOSECONDS = 250_000;
const MAX_CHUNKS = 32;

export interface Job {
  /** Items of the job and their estimated cost; it is cut into chunks of `chunk` items. */
  readonly items: number;
  readonly chunk: number;
  readonly nanoseconds: number;
}

/** Cuts `items` into at most 32 chunks of an even number of items; small jobs stay whole. */
export function cut(items: number, nanosecondsEach: number): Job {
  const nanoseconds = items * nanosecondsEach;
  if (nanoseconds < INLINE_NANOSECONDS) return { items, chunk: items, nanoseconds };
  return { items, chunk: 2 * Math.ceil(items / (2 * MAX_CHUNKS)), nanoseconds };
}

export const chunksOf = (job: Job): number => Math.ceil(job.items / job.chunk);

/** Cells as the kernels read them. */
export const doubles = (cells: Cells): Float64Array => (cells instanceof Float64Array ? cells : Float64Array.from(cells));

export class Engine {
  readonly memory: DeviceMemory;
  readonly pool: Pool;

  constructor(memory: DeviceMemory, pool: Pool) {
    this.memory = memory;
    this.pool = pool;
  }

  /** Runs a kernel on all chunks. `elements` are numbers whose limbs the kernel reads: usually Montgomery forms. */
  async run(kernel: string, job: Job, ints: readonly number[], elements: readonly bigint[] = []): Promise<void> {
    const block = this.memory.alloc(BLOCK_BYTES);
    try {
      this.memory.words.set(ints, block >>> 2);
      elements.forEach((x, k) => this.memory.writeLimbs(block + 128 + 80 * k, x));
      if (job.nanoseconds < INLINE_NANOSECONDS) this.pool.inline(kernel, block, chunksOf(job));
      else await this.pool.dispatch(kernel, block, chunksOf(job));
    } finally {
      this.memory.release(block);
    }
  }

  /** Room for a vector of `length` elements. */
  vector(length: number): number {
    return this.memory.alloc(length * ELEMENT);
  }

  /** Copies numbers into a block of their own. */
  upload(values: Cells | Uint32Array | Uint8Array): number {
    const at = this.memory.alloc(values.byteLength);
    const { bytes } = this.memory;
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
    return at;
  }

  /** A vector of canonical elements, in Montgomery form times `factor` (1: as Montgomery form). */
  async fromField(values: readonly bigint[], at: number, factor = 1n): Promise<void> {
    values.forEach((v, k) => this.memory.write(at + ELEMENT * k, v));
    await this.scale(at, at, values.length, (((RADIX * RADIX) % R) * factor) % R);
  }

  /** dst = src · factor / R. */
  scale(dst: number, src: number, length: number, factor: bigint): Promise<void> {
    const job = cut(length, 30);
    return this.run('scaleVector', job, [src, dst, length, job.chunk], [factor]);
  }

  async toField(at: number, length: number): Promise<bigint[]> {
    const plain = this.vector(length);
    await this.scale(plain, at, length, 1n);
    const values = Array.from({ length }, (_, k) => {
      const x = this.memory.read(plain + ELEMENT * k);
      return x >= R ? x - R : x;
    });
    this.memory.release(plain);
    return values;
  }

  async fill(at: number, length: number, montgomery: bigint): Promise<void> {
    const job = cut(length, 4);
    const block = this.memory.alloc(BLOCK_BYTES);
    this.memory.words.set([at, length, job.chunk], block >>> 2);
    this.memory.write(block + 128, montgomery);
    if (job.nanoseconds < INLINE_NANOSECONDS) this.pool.inline('fillVector', block, 1);
    else await this.pool.dispatch('fillVector', block, chunksOf(job));
    this.memory.release(block);
  }

  /** The canonical value of one stored element. */
  element(at: number): bigint {
    return (this.memory.read(at) * RADIX_INVERSE) % R;
  }

  /**
   * The canonical sum of accumulators of all chunks, `stride` bytes apart: products of Montgomery forms, or of one with integers.
   */
  sum(at: number, chunks: number, stride: number, lanes: number, integers = false): bigint {
    let total = 0n;
    for (let c = 0; c < chunks; c++) total += this.memory.readSum(at + c * stride, lanes);
    const value = ((total % R) * (integers ? RADIX_INVERSE : RADIX_INVERSE_2)) % R;
    return value < 0n ? value + R : value;
  }

  release(...blocks: readonly number[]): void {
    for (const at of blocks) this.memory.release(at);
  }
}
