/** Points in the kernels' memory: in and out, and the work space of their sums. */
import type { Affine } from '../../../verifier/curve.ts';
import { Q } from '../../../verifier/field.ts';
import { RADIX } from './constants.ts';
import { cut, type Engine } from './engine.ts';

export const POINT = 64;
/** Nanoseconds of one addition of points among many. */
export const ADDITION = 130;
/** Additions that share an inversion, and the bytes of their list and products (assembly/curve.ts). */
const BATCH_BYTES = (2048 + 4) * 52;

/** The factor that brings coordinates into Montgomery form. */
export const TO_MONTGOMERY = (RADIX * RADIX) % Q;

export const align = (bytes: number): number => Math.ceil(bytes / POINT) * POINT;

/** 32-bit words of a number, least significant first. */
export const words32 = (x: bigint, count: number): number[] =>
  Array.from({ length: count }, (_, k) => Number((x >> BigInt(32 * k)) & 0xffffffffn));

/** Work space of a thread; assembly/msm.ts lays it out. */
export interface Work {
  readonly at: number;
  /** Arguments of a kernel: address, bytes of a thread, and what these hold. */
  readonly arguments: readonly number[];
}

export class Points {
  private readonly engine: Engine;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  write(at: number, { x, y }: Affine): void {
    this.engine.memory.write(at, x);
    this.engine.memory.write(at + 32, y);
  }

  /** Takes points out of Montgomery form in place, then reads them. */
  async read(at: number, count: number): Promise<(Affine | null)[]> {
    await this.scale(at, count, 1n);
    const { memory } = this.engine;
    return Array.from({ length: count }, (_, i) => {
      const x = memory.read(at + POINT * i);
      const y = memory.read(at + POINT * i + 32);
      return x === 0n && y === 0n ? null : { x, y };
    });
  }

  /** Coordinates times factor / R. */
  scale(at: number, count: number, factor: bigint): Promise<void> {
    const job = cut(count, 60);
    return this.engine.run('scalePoints', job, [at, count, job.chunk], [factor]);
  }

  /** Work space for every thread: `points` partial sums, `addresses` of points, `segments` of them. */
  work(points: number, addresses: number, segments: number): Work {
    const bytes = align(2 * POINT * points + BATCH_BYTES + 4 * (addresses + 3 * segments));
    const at = this.engine.memory.alloc(bytes * (this.engine.pool.size + 1));
    return { at, arguments: [at, bytes, points, addresses, segments] };
  }
}
