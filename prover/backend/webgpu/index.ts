/**
 * The WebGPU backend: one set of WGSL kernels for every vendor's GPU, in Node (Dawn) and in pages. Results are the reference's bit for bit.
 *
 * Vectors stay on the device from their making to their end; only round values, points and what `toField` asks for come back.
 */
import { keccak_256 } from '@noble/hashes/sha3.js';
import type { Backend } from '../types.ts';
import { chooseAdapter, type Adapter, type AdapterInfo } from './adapter.ts';
import { contract, weightedSum } from './contract.ts';
import { Device } from './device.ts';
import { fromInts } from './ints.ts';
import { Vectors } from './vectors.ts';
import type { LimbBits } from './wgsl/field.ts';
import { chooseLimbBits } from './width.ts';

export interface WebGpuOptions {
  /** The adapter; default: the best that the system offers, a software one only with `software`. */
  readonly adapter?: Adapter;
  /** Allows an adapter that the processor computes. */
  readonly software?: boolean;
  /** Bits of a limb; default: the fastest on the adapter. */
  readonly limbBits?: LimbBits;
  /** Most bytes of a binding, for tests of how arrays are split. */
  readonly bindingBytes?: number;
}

export interface WebGpuBackend extends Backend {
  readonly device: Device;
  readonly adapter: AdapterInfo;
  /** Most bytes of device memory that were in use at once. */
  peakBytes(): number;
}

export async function createWebGpuBackend(options: WebGpuOptions = {}): Promise<WebGpuBackend> {
  const adapter = options.adapter ?? (await chooseAdapter(options.software === true));
  const limbBits = options.limbBits ?? (await chooseLimbBits(adapter));
  const device = await Device.open(adapter, { limbBits, ...(options.bindingBytes ? { bindingBytes: options.bindingBytes } : {}) });
  const vectors = new Vectors(device);
  const missing = (): never => {
    throw new Error('webgpu: not there yet');
  };

  return {
    name: 'webgpu',
    device,
    adapter: adapter.info,
    keccak: keccak_256,
    peakBytes: () => device.memory.peak,
    commitRows: missing,
    commit: missing,
    commitAll: missing,
    msm: missing,

    zeros: (length) => vectors.zeros(length),
    fromField: (values) => vectors.fromField(values),
    fromInts: (cells) => fromInts(device, vectors, cells),
    toField: (v) => vectors.toField(v),
    free: (v) => vectors.free(v),

    eqTable: missing,
    async weightedSum(cells, weights) {
      const out = vectors.make(1);
      device.clear(out.region);
      try {
        await weightedSum(device, cells, weights, out.region);
        return (await vectors.toField(out))[0] as bigint;
      } finally {
        vectors.free(out);
      }
    },
    contract: async (block, dims, scale, out) => contract(device, block, dims, scale, vectors.region(out), out.length),
    accumulateOuter: missing,

    fractionTree: missing,
    formProduct: missing,
    productSum: missing,

    close: async () => device.close(),
  };
}
