/**
 * Large arrays on their way to the device: two buffers of host memory, in turn. The host fills one while the device copies from the other and
 * computes, and waits where it is ahead by two; whatever the size of the array, no more than these two are held.
 */
import type { Region } from './regions.ts';

/** Buffers. */
const TURNS = 2;
/** Bytes from which on the way through a buffer pays. */
export const STAGED = 2 ** 18;

interface Turn {
  buffer: GPUBuffer | null;
  /** Settles when the buffer may be filled: mapped, or not yet made. */
  free: Promise<unknown>;
}

export class Staging {
  private readonly device: GPUDevice;
  /** Copies a buffer's first bytes to a region, and submits. */
  private readonly copy: (from: GPUBuffer, to: Region, bytes: number) => void;
  private readonly turns: readonly Turn[] = Array.from({ length: TURNS }, () => ({ buffer: null, free: Promise.resolve() }));
  private next = 0;

  constructor(device: GPUDevice, copy: (from: GPUBuffer, to: Region, bytes: number) => void) {
    this.device = device;
    this.copy = copy;
  }

  /** Writes the first `bytes` bytes of a region, a multiple of 4, which `fill` makes. Returns when they are on their way. */
  async write(region: Region, bytes: number, fill: (target: Uint8Array<ArrayBuffer>) => void): Promise<void> {
    const turn = this.turns[this.next++ % TURNS] as Turn;
    const before = turn.free;
    let settle: (again: unknown) => void = () => {};
    turn.free = new Promise((resolve) => (settle = resolve));
    let again: unknown;
    try {
      await before;
      const buffer = this.buffer(turn, bytes);
      fill(new Uint8Array(buffer.getMappedRange(0, bytes)));
      buffer.unmap();
      turn.buffer = null;
      this.copy(buffer, region, bytes);
      // A device that was lost maps nothing any more: the next turn makes a buffer of its own, and what is read from the device says why.
      again = buffer.mapAsync(GPUMapMode.WRITE).then(
        () => (turn.buffer = buffer),
        () => buffer.destroy(),
      );
    } finally {
      settle(again);
    }
  }

  /** A mapped buffer of at least these bytes. */
  private buffer(turn: Turn, bytes: number): GPUBuffer {
    if (turn.buffer !== null && turn.buffer.size >= bytes) return turn.buffer;
    turn.buffer?.destroy();
    const size = 2 ** Math.ceil(Math.log2(bytes));
    turn.buffer = this.device.createBuffer({ size, usage: GPUBufferUsage.MAP_WRITE | GPUBufferUsage.COPY_SRC, mappedAtCreation: true });
    return turn.buffer;
  }

  destroy(): void {
    for (const { buffer } of this.turns) buffer?.destroy();
  }
}
