/**
 * A WebGPU device with what kernels need: memory, pipelines, dispatches, transfers. Dispatches and small uploads collect in one command buffer until
 * something large is uploaded or something is read back: handing a buffer to the driver takes as long as recording dozens of dispatches. What is read at
 * the same time comes back together. What goes wrong on the device (lost, out of memory, a fault of ours) is thrown where a result is read: nothing that was
 * computed after it gets out.
 */
import { DeviceLostError } from '../errors.ts';
import type { Adapter, AdapterInfo } from './adapter.ts';
import { moduleCode, PARAMETER_WORDS, wordsBefore, type Kernel } from './kernel.ts';
import { Memory, type Region } from './regions.ts';
import { Staging, STAGED } from './staging.ts';
import { words, type LimbBits } from './wgsl/field.ts';

/** An argument of a dispatch. */
export interface Argument {
  readonly region: Region;
  /** Bytes of an item's cells; items follow one another. 0: every piece sees the whole region, which must lie in one buffer. */
  readonly stride: number;
  /** Item of the argument that the first item of the dispatch has. */
  readonly first?: number;
}

/** Every item sees the whole region. */
export const whole = (region: Region): Argument => ({ region, stride: 0 });
/** Item i has `bytes` bytes at (first + i)·bytes. */
export const items = (region: Region, bytes: number, first = 0): Argument => ({ region, stride: bytes, first });

/** Caller's words of a dispatch: numbers as they are, field elements (already in Montgomery form) as eight. */
export type Words = readonly (number | bigint)[];

const SLOT_BYTES = 4 * PARAMETER_WORDS;
/** Dispatches of a command buffer. */
const BATCH = 128;
const MOST_GROUPS = 65535;
/** Items of a dispatch: their numbers are words. */
const MOST_ITEMS = 2 ** 31;
/** Bytes of a transfer at a time. */
const TRANSFER = 2 ** 24;
/** Bytes of small uploads of a command buffer. */
const SMALL = 2 ** 20;

const faultOf = (error: GPUError): Error => new Error(`webgpu: ${error.message}; this is a fault of the backend`);

interface Prepared {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

export interface DeviceOptions {
  readonly limbBits: LimbBits;
  /** Most bytes of a binding; below the device's limit in tests of how arrays are split. */
  readonly bindingBytes?: number;
}

export class Device {
  readonly info: AdapterInfo;
  readonly limbBits: LimbBits;
  readonly memory: Memory;
  private readonly device: GPUDevice;
  private readonly prepared = new Map<Kernel, Prepared>();
  private readonly warming: Promise<void>[] = [];
  private readonly parameters: GPUBuffer;
  private readonly staged = new Uint32Array(BATCH * PARAMETER_WORDS);
  private encoder: GPUCommandEncoder | null = null;
  private pass: GPUComputePassEncoder | null = null;
  private dispatched = 0;
  /** Small uploads of the command buffer: they go up before it, and are copied to their places within it. */
  private readonly small: GPUBuffer;
  private readonly smallBytes = new Uint8Array(SMALL);
  private smallUsed = 0;
  /** Settles when what is read is on its way; null if nothing waits. */
  private reading: Promise<void> | null = null;
  private fault: Error | null = null;
  /** What was wrong with each command buffer since the last result was read. */
  private faults: Promise<GPUError | null>[] = [];
  private closed = false;
  private readonly staging: Staging;
  private readonly readbacks = new Map<number, GPUBuffer[]>();

  private constructor(device: GPUDevice, info: AdapterInfo, { limbBits, bindingBytes }: DeviceOptions) {
    this.device = device;
    this.info = info;
    this.limbBits = limbBits;
    const most = Math.min(bindingBytes ?? Infinity, device.limits.maxBufferSize, device.limits.maxStorageBufferBindingSize);
    this.memory = new Memory(device, 2 ** Math.floor(Math.log2(most)), () => this.flush());
    this.parameters = device.createBuffer({ size: BATCH * SLOT_BYTES, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
    this.small = device.createBuffer({ size: SMALL, usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST });
    this.staging = new Staging(device, (from, to, bytes) => this.copyIn(from, to, bytes));
    device.addEventListener('uncapturederror', ({ error }) => (this.fault ??= faultOf(error)));
    void device.lost.then(({ reason, message }) => {
      if (!this.closed) this.fault = new DeviceLostError(`webgpu: the device was lost (${message || reason || 'no reason given'})`);
    });
  }

  static async open(adapter: Adapter, options: DeviceOptions): Promise<Device> {
    return new Device(await adapter.open(), adapter.info, options);
  }

  /** Runs a kernel over `count` items. */
  run(kernel: Kernel, count: number, args: readonly Argument[], caller: Words = []): void {
    const { pipeline, layout } = this.prepare(kernel);
    if (args.length !== kernel.slots.length) throw new Error(`webgpu: ${kernel.name} takes ${kernel.slots.length} arguments`);
    const own = caller.flatMap((w) => (typeof w === 'bigint' ? words(w) : [w]));
    if (wordsBefore(kernel) + own.length > PARAMETER_WORDS) throw new Error(`webgpu: ${kernel.name} has too many words`);
    const perGroup = kernel.per === 'workgroup' ? 1 : kernel.size;
    for (let done = 0; done < count;) {
      // The run of items whose arguments each lie in one buffer.
      let length = Math.min(count - done, MOST_ITEMS);
      const places = args.map(({ region, stride, first = 0 }) => {
        if (stride === 0) {
          if (region.parts.length > 1) throw new Error(`webgpu: ${kernel.name} needs a table of ${region.bytes} bytes in one buffer`);
          return { buffer: region.parts[0] as GPUBuffer, at: 0 };
        }
        const inPart = region.partBytes / stride;
        if (region.parts.length > 1 && !Number.isInteger(inPart)) throw new Error(`webgpu: ${kernel.name}: items of ${stride} bytes`);
        const part = region.parts.length > 1 ? Math.floor((first + done) / inPart) : 0;
        const at = first + done - part * (region.parts.length > 1 ? inPart : 0);
        if (region.parts.length > 1) length = Math.min(length, inPart - at);
        else if (stride * (at + length) > region.partBytes) throw new Error(`webgpu: ${kernel.name} reads past its argument`);
        return { buffer: region.parts[part] as GPUBuffer, at };
      });
      this.dispatch(pipeline, layout, places, length, done, own, Math.ceil(length / perGroup));
      done += length;
    }
  }

  private dispatch(
    pipeline: GPUComputePipeline,
    layout: GPUBindGroupLayout,
    places: readonly { readonly buffer: GPUBuffer; readonly at: number }[],
    length: number,
    done: number,
    own: readonly number[],
    groups: number,
  ): void {
    if (this.dispatched === BATCH) this.flush();
    const slot = this.dispatched++;
    this.staged.set([length, done, ...places.map((p) => p.at), ...own], slot * PARAMETER_WORDS);
    const entries = [{ buffer: this.parameters, size: SLOT_BYTES }, ...places.map(({ buffer }) => ({ buffer }))];
    const group = this.device.createBindGroup({ layout, entries: entries.map((resource, binding) => ({ binding, resource })) });
    this.pass ??= this.begin().beginComputePass();
    this.pass.setPipeline(pipeline);
    this.pass.setBindGroup(0, group, [slot * SLOT_BYTES]);
    const x = Math.min(groups, MOST_GROUPS);
    this.pass.dispatchWorkgroups(x, Math.ceil(groups / x));
  }

  /** The command buffer that is being filled. */
  private begin(): GPUCommandEncoder {
    if (this.encoder === null) {
      this.device.pushErrorScope('validation');
      this.encoder = this.device.createCommandEncoder();
    }
    return this.encoder;
  }

  /** The command buffer, outside a pass. */
  private copying(): GPUCommandEncoder {
    this.pass?.end();
    this.pass = null;
    return this.begin();
  }

  /** Submits, once whoever reads at the same time has said what. */
  private submitted(): Promise<void> {
    return (this.reading ??= Promise.resolve().then(() => {
      this.reading = null;
      this.flush();
    }));
  }

  /** Submits what was dispatched. */
  flush(): void {
    if (!this.encoder) return;
    const { queue } = this.device;
    this.pass?.end();
    if (this.dispatched > 0) queue.writeBuffer(this.parameters, 0, this.staged, 0, this.dispatched * PARAMETER_WORDS);
    if (this.smallUsed > 0) queue.writeBuffer(this.small, 0, this.smallBytes, 0, this.smallUsed);
    queue.submit([this.encoder.finish()]);
    this.encoder = this.pass = null;
    this.dispatched = this.smallUsed = 0;
    // A device that was lost says nothing, or that it was.
    this.faults.push(this.device.popErrorScope().catch(() => null));
  }

  /** A region with these bytes; their number is a multiple of 4. */
  upload(bytes: Uint8Array): Region {
    const region = this.memory.alloc(bytes.length);
    this.write(region, 0, bytes);
    return region;
  }

  /** Writes bytes from `at` on, both multiples of 4. */
  write(region: Region, at: number, bytes: Uint8Array): void {
    const small = bytes.length <= SMALL / 4;
    if (!small || this.smallUsed + bytes.length > SMALL) this.flush();
    for (let done = 0; done < bytes.length;) {
      const part = Math.floor((at + done) / region.partBytes);
      const within = at + done - part * region.partBytes;
      const length = Math.min(bytes.length - done, region.partBytes - within, TRANSFER);
      const source = bytes.subarray(done, done + length) as Uint8Array<ArrayBuffer>;
      const target = region.parts[part] as GPUBuffer;
      if (small) {
        this.smallBytes.set(source, this.smallUsed);
        this.copying().copyBufferToBuffer(this.small, this.smallUsed, target, within, length);
        this.smallUsed += length;
      } else this.device.queue.writeBuffer(target, within, source, 0, length);
      done += length;
    }
  }

  /**
   * Writes the first `bytes` bytes of a region, a multiple of 4, which `fill` makes; large ones through a bounded part of the host's memory, while the
   * device is at what was dispatched before. Returns when `fill` may be forgotten.
   */
  async stage(region: Region, bytes: number, fill: (target: Uint8Array<ArrayBuffer>) => void): Promise<void> {
    if (bytes >= STAGED) {
      try {
        return await this.staging.write(region, bytes, fill);
      } catch (cause) {
        // A device that was lost maps no memory.
        await this.check();
        throw cause;
      }
    }
    const small = new Uint8Array(bytes);
    fill(small);
    this.write(region, 0, small);
  }

  private copyIn(from: GPUBuffer, to: Region, bytes: number): void {
    to.parts.forEach((part, k) => {
      const at = k * to.partBytes;
      this.copying().copyBufferToBuffer(from, at, part, 0, Math.min(to.partBytes, bytes - at));
    });
    this.flush();
  }

  /** Zeroes a region. */
  clear(region: Region): void {
    for (const buffer of region.parts) this.copying().clearBuffer(buffer);
  }

  /** Copies bytes of a region, from `first` on, into another, from `at` on; all multiples of 4. */
  copy(from: Region, to: Region, at: number, bytes: number, first = 0): void {
    for (let done = 0; done < bytes;) {
      const source = Math.floor((first + done) / from.partBytes);
      const target = Math.floor((at + done) / to.partBytes);
      const read = first + done - source * from.partBytes;
      const write = at + done - target * to.partBytes;
      const length = Math.min(bytes - done, from.partBytes - read, to.partBytes - write);
      this.copying().copyBufferToBuffer(from.parts[source] as GPUBuffer, read, to.parts[target] as GPUBuffer, write, length);
      done += length;
    }
  }

  /** The bytes [at, at + length) of a region, multiples of 4. Throws what went wrong on the device before. */
  async read(region: Region, at = 0, length = region.bytes - at): Promise<Uint8Array> {
    const out = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const part = Math.floor((at + done) / region.partBytes);
      const within = at + done - part * region.partBytes;
      const count = Math.min(length - done, region.partBytes - within, TRANSFER);
      const size = Math.max(256, 2 ** Math.ceil(Math.log2(count)));
      const target = this.readbacks.get(size)?.pop() ?? this.readback(size);
      this.copying().copyBufferToBuffer(region.parts[part] as GPUBuffer, within, target, 0, count);
      await this.submitted();
      try {
        await target.mapAsync(GPUMapMode.READ, 0, count);
      } catch (cause) {
        target.destroy();
        await this.check();
        throw new DeviceLostError('webgpu: a result could not be read from the device', { cause });
      }
      out.set(new Uint8Array(target.getMappedRange(0, count)), done);
      target.unmap();
      const same = this.readbacks.get(size);
      if (same) same.push(target);
      else this.readbacks.set(size, [target]);
      done += count;
    }
    await this.check();
    return out;
  }

  private readback(size: number): GPUBuffer {
    return this.device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  }

  /** Throws what went wrong since the device was opened. */
  private async check(): Promise<void> {
    await this.memory.settled();
    for (const error of await Promise.all(this.faults.splice(0))) if (error) this.fault ??= faultOf(error);
    if (this.fault) throw this.fault;
  }

  /** Waits until all that was dispatched is done. */
  async idle(): Promise<void> {
    this.flush();
    await this.device.queue.onSubmittedWorkDone();
    await this.check();
  }

  /** Ends the device; `lose` leaves the backend to find out, as when a driver restarts. */
  close(lose = false): void {
    this.closed = !lose;
    this.memory.destroy();
    for (const same of this.readbacks.values()) for (const buffer of same) buffer.destroy();
    this.readbacks.clear();
    this.parameters.destroy();
    this.small.destroy();
    this.staging.destroy();
    this.device.destroy();
  }

  /** Begins to compile kernels, on the driver's threads. What goes wrong is thrown when a kernel is run. */
  warm(kernels: readonly Kernel[]): void {
    for (const kernel of kernels) {
      const { layout, descriptor } = this.describe(kernel);
      const made = this.device.createComputePipelineAsync(descriptor).then(
        (pipeline) => void (this.prepared.has(kernel) || this.prepared.set(kernel, { pipeline, layout })),
        () => {},
      );
      this.warming.push(made);
    }
  }

  /** Kernels that are compiled. */
  compiled(): readonly Kernel[] {
    return [...this.prepared.keys()];
  }

  /** Settles when all that `warm` was given are compiled. */
  async warmed(): Promise<void> {
    await Promise.all(this.warming);
  }

  private prepare(kernel: Kernel): Prepared {
    const known = this.prepared.get(kernel);
    if (known) return known;
    const { layout, descriptor } = this.describe(kernel);
    const made = { pipeline: this.device.createComputePipeline(descriptor), layout };
    this.prepared.set(kernel, made);
    return made;
  }

  private describe(kernel: Kernel): { readonly layout: GPUBindGroupLayout; readonly descriptor: GPUComputePipelineDescriptor } {
    const { device } = this;
    const layout = device.createBindGroupLayout({
      entries: [
        {
          binding: 0,
          visibility: GPUShaderStage.COMPUTE,
          buffer: { type: 'uniform', hasDynamicOffset: true, minBindingSize: SLOT_BYTES },
        },
        ...kernel.slots.map(({ access }, k) => ({
          binding: k + 1,
          visibility: GPUShaderStage.COMPUTE,
          buffer: { type: access === 'read' ? ('read-only-storage' as const) : ('storage' as const) },
        })),
      ],
    });
    const module = device.createShaderModule({ label: kernel.name, code: moduleCode(kernel, this.limbBits) });
    const pipelines = device.createPipelineLayout({ bindGroupLayouts: [layout] });
    return { layout, descriptor: { label: kernel.name, layout: pipelines, compute: { module } } };
  }
}
