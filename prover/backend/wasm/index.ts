/**
 * The WebAssembly backend: field and curve kernels over a shared memory, worked on by threads. The default of Node and browsers.
 * Results are the reference's bit for bit, whatever the number of workers.
 */
import type { Backend, FieldVector } from '../types.ts';
import { RADIX_SQUARED, RADIX_X, accumulateOuter, contract, eqTable, expand } from './contract.ts';
import { Curve } from './curve.ts';
import { Engine, cut } from './engine.ts';
import { DeviceMemory } from './memory.ts';
import { Pool, SCRATCH_BYTES, type Exports } from './pool.ts';
import { productRounds } from './rounds.ts';
import { defaultWorkers, readKernels, startThread } from './threads.ts';
import { buildTree } from './tree.ts';

export interface WasmOptions {
  /** Threads beside the calling one; default: as many as the machine runs at once. */
  readonly workers?: number;
  /** Use the slower kernels for machines without fused multiply-add, even where it is there. */
  readonly portable?: boolean;
}

/** The WebAssembly backend with its peak of memory. */
export interface WasmBackend extends Backend {
  /** Most bytes of vectors and tables that were in use at once. */
  peakBytes(): number;
}

/** A vector in the kernels' memory; `at` is null once it is freed or consumed. */
class WasmVector implements FieldVector {
  readonly length: number;
  at: number | null;
  /** Settles when the content is written. */
  ready: Promise<void>;
  constructor(length: number, at: number, ready: Promise<void>) {
    this.length = length;
    this.at = at;
    this.ready = ready;
  }
}

const owned = (v: FieldVector): WasmVector & { at: number } => {
  if (!(v instanceof WasmVector)) throw new Error('wasm backend: a vector of another backend');
  if (v.at === null) throw new Error('wasm backend: a vector was used after it was freed or consumed');
  return v as WasmVector & { at: number };
};

/** Compiles the kernels; null where the engine lacks their instructions, or the machine fused multiply-add. */
async function loadKernels(memory: DeviceMemory, fused: boolean): Promise<{ module: WebAssembly.Module; exports: Exports } | null> {
  const bytes = await readKernels(fused);
  if (!WebAssembly.validate(bytes)) return null;
  const module = await WebAssembly.compile(bytes);
  const exports = (await WebAssembly.instantiate(module, { env: { memory: memory.memory } })).exports as unknown as Exports;
  return exports.fused() ? { module, exports } : null;
}

function unsupported(): never {
  throw new Error('wasm backend: this JavaScript engine lacks WebAssembly SIMD or threads; update it, or choose the reference backend');
}

export async function createWasmBackend(options: WasmOptions = {}): Promise<WasmBackend> {
  const workers = options.workers ?? defaultWorkers();
  if (!Number.isInteger(workers) || workers < 1 || workers > 256) throw new Error(`wasm backend: ${workers} workers; give 1 to 256`);
  const memory = new DeviceMemory();
  const { module, exports } =
    (options.portable ? null : await loadKernels(memory, true)) ?? (await loadKernels(memory, false)) ?? unsupported();
  const kernels = WebAssembly.Module.exports(module).flatMap(({ name }) => (name === 'setThread' || name === 'fused' ? [] : [name]));
  exports.setThread(memory.alloc(SCRATCH_BYTES), 0);
  const threads = Array.from({ length: workers }, (_, k) => {
    const start = { module, memory: memory.memory, scratch: memory.alloc(SCRATCH_BYTES), index: k + 1, kernels };
    return (onError: (error: Error) => void) => startThread(start, onError);
  });
  const engine = new Engine(memory, new Pool(memory, exports, kernels, threads));
  const curve = new Curve(engine);

  const made = (length: number, write: (at: number) => Promise<void>): WasmVector => {
    const at = engine.vector(length);
    const ready = write(at);
    ready.catch(() => {});
    return new WasmVector(length, at, ready);
  };
  const written = async (length: number, write: (at: number) => Promise<void>): Promise<WasmVector> => {
    const v = made(length, write);
    await v.ready;
    return v;
  };
  const use = async (v: FieldVector): Promise<number> => {
    const vector = owned(v);
    await vector.ready;
    return owned(vector).at;
  };
  const consume = (v: FieldVector): number => {
    const vector = owned(v);
    const { at } = vector;
    (vector as WasmVector).at = null;
    return at;
  };

  return {
    name: 'wasm',
    peakBytes: () => memory.peak,
    commitRows: (cells, columns, blinds) => curve.commitRows(cells, columns, blinds),
    commit: (values, blind) => curve.commit(values, blind),
    msm: (scalars, points) => curve.msm(scalars, points),

    zeros: (length) => made(length, (at) => engine.fill(at, length, 0n)),
    fromField: (values) => made(values.length, (at) => engine.fromField(values, at)),
    fromInts: (cells) =>
      written(cells.length, async (at) => {
        const source = engine.upload(cells);
        const job = cut(cells.length, 14);
        await engine.run('intsToField', job, [source, at, cells.length, job.chunk], [RADIX_SQUARED, RADIX_X]);
        engine.release(source);
      }),
    toField: async (v) => engine.toField(await use(v), v.length),
    free: (v) => {
      const { ready } = owned(v);
      const at = consume(v);
      void ready.then(() => engine.release(at));
    },

    eqTable: (point, scale) => written(2 ** point.length, (at) => eqTable(engine, at, point, scale)),
    contract: async (block, dims, scale, out) => contract(engine, block, dims, scale, await use(out)),
    expand: async (v, dims) => {
      const from = await use(v);
      return written(2 ** dims.reduce((n, d) => n + d.bits, 0), (at) => expand(engine, from, v.length, at, dims));
    },
    accumulateOuter: async (out, offset, dims, bits, scale, causal) => {
      const cells = 2 ** bits.reduce((n, b) => n + b, 0);
      if (offset < 0 || offset + cells > out.length)
        throw new Error(`accumulateOuter: a block ends at cell ${offset + cells} of ${out.length}`);
      return accumulateOuter(engine, (await use(out)) + 32 * offset, dims, bits, scale, causal);
    },

    fractionTree: (depth, blocks, alpha, beta) => buildTree(engine, depth, blocks, alpha, beta),
    product: async (tables, coef, inner) => {
      const length = (tables[0] as FieldVector).length;
      if (tables.length < 2 || tables.length > 4) throw new Error(`product: ${tables.length} tables; 2 to 4 are possible`);
      if (tables.some((t) => t.length !== length)) throw new Error(`product: tables of ${tables.map((t) => t.length).join(', ')} cells`);
      for (const t of tables) await use(t);
      return productRounds(engine, tables.map(consume), length, inner ?? length, coef);
    },

    close: () => engine.pool.close(),
  };
}
