/**
 * Memory of the device. A region is an array of bytes in one buffer, or in several of one power-of-two size where it is larger than a
 * buffer or a binding may be. Buffers of regions that are released are kept for the next ones of their size.
 */
import { DeviceMemoryError } from '../errors.ts';

/** Bytes of the device; `parts` buffers of `partBytes`, the last one perhaps longer than what is used of it. */
export interface Region {
  readonly bytes: number;
  readonly partBytes: number;
  readonly parts: readonly GPUBuffer[];
}

/** Smallest buffer. */
const LEAST = 256;
/** Released bytes that are kept at most, as a multiple of those in use at the peak. */
const KEPT = 0.5;
/** Released bytes that are always kept. */
const ALWAYS = 2 ** 26;

const sizeOf = (bytes: number): number => Math.max(LEAST, 2 ** Math.ceil(Math.log2(bytes)));

export class Memory {
  /** Most bytes of a buffer, a power of two. */
  readonly partBytes: number;
  private readonly device: GPUDevice;
  /** Submits what was dispatched: a buffer that waiting work uses must not be destroyed. */
  private readonly submit: () => void;
  private readonly free = new Map<number, GPUBuffer[]>();
  private used = 0;
  private kept = 0;
  private most = 0;
  /** Settles when the device has said whether there was room; what they throw is thrown at the next `settled`. */
  private checks: Promise<GPUError | null>[] = [];
  private failure: DeviceMemoryError | null = null;

  constructor(device: GPUDevice, partBytes: number, submit: () => void) {
    this.device = device;
    this.submit = submit;
    this.partBytes = partBytes;
  }

  /** Most bytes that were in use at once. */
  get peak(): number {
    return this.most;
  }

  /** Bytes in use, and released but kept. */
  get bytes(): { readonly used: number; readonly kept: number } {
    return { used: this.used, kept: this.kept };
  }

  alloc(bytes: number): Region {
    const partBytes = Math.min(this.partBytes, sizeOf(bytes));
    const count = Math.max(1, Math.ceil(bytes / partBytes));
    return { bytes, partBytes, parts: Array.from({ length: count }, () => this.take(partBytes)) };
  }

  release(...regions: readonly Region[]): void {
    for (const { parts, partBytes } of regions)
      for (const buffer of parts) {
        this.used -= partBytes;
        if (this.kept + partBytes > Math.max(ALWAYS, KEPT * this.most)) {
          this.submit();
          buffer.destroy();
          continue;
        }
        this.kept += partBytes;
        const same = this.free.get(partBytes);
        if (same) same.push(buffer);
        else this.free.set(partBytes, [buffer]);
      }
  }

  /** Throws, with what to lower, if a buffer since the last call had no room. */
  async settled(): Promise<void> {
    const checks = this.checks.splice(0);
    for (const error of await Promise.all(checks))
      if (error)
        this.failure ??= new DeviceMemoryError(
          `webgpu: the device has no room for the ${(this.used / 2 ** 20).toFixed(0)} MiB that are in use now (${error.message.split('\n')[0]}); fewer steps in a proof, fewer or shorter sequences, or the wasm backend need less`,
        );
    if (this.failure) throw this.failure;
  }

  destroy(): void {
    this.submit();
    for (const same of this.free.values()) for (const buffer of same) buffer.destroy();
    this.free.clear();
    this.kept = 0;
  }

  private take(bytes: number): GPUBuffer {
    this.used += bytes;
    this.most = Math.max(this.most, this.used);
    const buffer = this.free.get(bytes)?.pop();
    if (buffer) {
      this.kept -= bytes;
      return buffer;
    }
    // Room that is kept for other sizes is given up before the device is asked for more than it may have.
    if (this.kept > KEPT * this.used + ALWAYS) this.destroy();
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    this.device.pushErrorScope('out-of-memory');
    const made = this.device.createBuffer({ size: bytes, usage });
    this.checks.push(this.device.popErrorScope().catch(() => null));
    return made;
  }
}
