/**
 * The WebGPU backend: one set of WGSL kernels for every vendor's GPU, in Node (Dawn) and in pages. Results are the reference's bit for bit.
 *
 * Vectors stay on the device from their making to their end; only round values, points and what `toField` asks for come back.
 */
import { keccak_256 } from '@noble/hashes/sha3.js';
import type { Backend } from '../types.ts';
import { wasmKeccak } from '../wasm/index.ts';
import { chooseAdapter, type Adapter, type AdapterInfo } from './adapter.ts';
import { contract, weightedSum } from './contract.ts';
import { Curve } from './curve.ts';
import { Device } from './device.ts';
import { eqTerm } from './eq.ts';
import { formProduct } from './form.ts';
import { fromInts } from './ints.ts';
import { Held } from './held.ts';
import { kernelsOf } from './kernels.ts';
import { GpuProducts } from './products.ts';
import { productSum } from './rounds.ts';
import { buildTree } from './tree.ts';
import { canonical, Vectors } from './vectors.ts';
import type { LimbBits } from './wgsl/field.ts';
import { chooseLimbBits } from './width.ts';

export interface WebGpuOptions {
  /** The adapter; default: the best that the system offers, a software one only with `software`. */
  readonly adapter?: Adapter;
  /** Allows an adapter that the processor computes. */
  readonly software?: boolean;
  /** Bits of a limb; default: the fastest on the adapter. */
  readonly limbBits?: LimbBits;
  /** Whether all kernels are compiled at once, beside other work; default: on a GPU. */
  readonly warm?: boolean;
  /** Most bytes of a binding, for tests of how arrays are split. */
  readonly bindingBytes?: number;
}

export interface WebGpuBackend extends Backend {
  readonly device: Device;
  readonly adapter: AdapterInfo;
  /** Sums of points, also of points that stay on the device. */
  readonly curve: Curve;
  /** Most bytes of device memory that were in use at once. */
  peakBytes(): number;
}

export async function createWebGpuBackend(options: WebGpuOptions = {}): Promise<WebGpuBackend> {
  const adapter = options.adapter ?? (await chooseAdapter(options.software === true));
  const limbBits = options.limbBits ?? (await chooseLimbBits(adapter));
  const device = await Device.open(adapter, { limbBits, ...(options.bindingBytes ? { bindingBytes: options.bindingBytes } : {}) });
  // On a processor it would take longer than most proofs need.
  if (options.warm ?? !adapter.info.software) device.warm(kernelsOf(limbBits));
  const vectors = new Vectors(device);
  // Transcripts are hashed on the calling thread, several times as fast by the kernel.
  const keccak = await wasmKeccak().catch(() => keccak_256);
  const curve = new Curve(device, vectors);
  const held = new Held(device);
  return {
    name: 'webgpu',
    together: true,
    device,
    adapter: adapter.info,
    // A processor multiplies integers faster by itself.
    ...(adapter.info.software ? {} : { products: new GpuProducts(device) }),
    keccak,
    peakBytes: () => device.memory.peak,
    curve,
    commitRows: (cells, columns, blinds, rows) => curve.commitRows(cells, columns, blinds, rows),
    commit: (values, blind) => curve.commit(values, blind),
    commitAll: (rows, blinds) => curve.commitAll(rows, blinds),
    msm: (scalars, points) => curve.msm(scalars, points),

    zeros: (length) => vectors.zeros(length),
    fromField: (values) => vectors.fromField(values),
    fromInts: (cells) => fromInts(device, vectors, cells),
    toField: (v) => vectors.toField(v),
    free: (v) => vectors.free(v),

    hold: (cells) => held.hold(cells),
    eqTable: async (point, scale) => {
      for (const x of [...point, scale]) canonical(x, 'coordinate or scale');
      const v = vectors.zeros(2 ** point.length);
      vectors.accumulate(v, eqTerm(point, scale));
      return v;
    },
    accumulateOuter: async (out, offset, dims, bits, scale, causal) => vectors.accumulate(out, { offset, dims, bits, scale, causal }),
    async weightedSum(cells, weights) {
      const out = vectors.make(1);
      device.clear(out.region);
      try {
        await weightedSum(device, held, cells, weights, out.region);
        return (await vectors.toField(out))[0] as bigint;
      } finally {
        vectors.free(out);
      }
    },
    contract: async (block, dims, scale, out) => contract(device, held, block, dims, scale, vectors.region(out), out.length),

    formProduct: async (factors, point, coef) => formProduct(device, vectors, factors, point, coef),
    productSum: async (pairs) => productSum(device, vectors, pairs),
    fractionTree: (depth, blocks, alpha, beta) => buildTree(device, depth, blocks, alpha, beta),

    async close() {
      // A driver that compiles for a device must not lose it.
      await device.warmed();
      device.close();
    },
  };
}
