/**
 * The WebAssembly backend: field and curve kernels over a shared memory, worked on by threads. The default of Node and browsers.
 * Results are the reference's bit for bit, whatever the number of workers.
 */
import { defaultWorkers, readKernels, requireSharedMemory, startThread } from '#wasm-threads';
import type { Affine } from '../../../verifier/curve.ts';
import type { Keccak } from '../../../verifier/words.ts';
import type { Backend, FieldVector } from '../types.ts';
import { contract, eqTable, weightedSum } from './contract.ts';
import { Curve } from './curve.ts';
import { Engine } from './engine.ts';
import { createKeccak } from './keccak.ts';
import { DeviceMemory } from './memory.ts';
import { Pool, SCRATCH_BYTES, waitsOnMemory, type Exports, type Kernel } from './pool.ts';
import { REACH, SMALL_PRODUCT, formRounds, type FormTable } from './form.ts';
import { productRounds } from './rounds.ts';
import { buildTree } from './tree.ts';
import { Vectors } from './vectors.ts';

const MAX_WORKERS = 256;

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
  /** G_0 … G_{count−1}, as verifier/generators.ts derives them. */
  generators(count: number): Promise<Affine[]>;
}

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

/** keccak-256 by the kernel alone, without threads. Errors: the engine lacks shared memory, or the instructions of the kernels. */
export async function wasmKeccak(): Promise<Keccak> {
  requireSharedMemory();
  const memory = new DeviceMemory();
  const { exports } = (await loadKernels(memory, true)) ?? (await loadKernels(memory, false)) ?? unsupported();
  return createKeccak(memory, exports['keccak'] as Kernel);
}

export async function createWasmBackend(options: WasmOptions = {}): Promise<WasmBackend> {
  const workers = options.workers ?? Math.min(defaultWorkers(), MAX_WORKERS);
  if (!Number.isInteger(workers) || workers < 1 || workers > MAX_WORKERS)
    throw new Error(`wasm backend: ${workers} workers; give 1 to ${MAX_WORKERS}`);
  requireSharedMemory();
  const memory = new DeviceMemory();
  const { module, exports } =
    (options.portable ? null : await loadKernels(memory, true)) ?? (await loadKernels(memory, false)) ?? unsupported();
  const kernels = WebAssembly.Module.exports(module).flatMap(({ name }) => (name === 'setThread' || name === 'fused' ? [] : [name]));
  exports.setThread(memory.alloc(SCRATCH_BYTES), 0);
  const threads = Array.from({ length: workers }, (_, k) => {
    const start = { module, memory: memory.memory, scratch: memory.alloc(SCRATCH_BYTES), index: k + 1, kernels, tells: !waitsOnMemory() };
    return (onError: (error: Error) => void, onDone: () => void) => startThread(start, onError, onDone);
  });
  const engine = new Engine(memory, new Pool(memory, exports, kernels, threads));
  const keccak = createKeccak(memory, exports['keccak'] as Kernel);
  const curve = new Curve(engine, keccak);

  const vectors = new Vectors(engine);

  return {
    name: 'wasm',
    keccak,
    peakBytes: () => memory.peak,
    commitRows: (cells, columns, blinds, rows) => curve.commitRows(cells, columns, blinds, rows),
    commit: (values, blind) => curve.commit(values, blind),
    commitAll: (rows, blinds) => curve.commitAll(rows, blinds),
    msm: (scalars, points) => curve.msm(scalars, points),
    generators: (count) => curve.generators(count),

    zeros: (length) => vectors.make(length, (at) => engine.fill(at, length, 0n)),
    fromField: (values) => vectors.make(values.length, (at) => engine.fromField(values, at)),
    fromInts: async (cells) => vectors.fromInts(cells),
    toField: async (v) => engine.toField(await vectors.use(v), v.length),
    free: (v) => vectors.free(v),

    eqTable: (point, scale) => vectors.written(2 ** point.length, (at) => eqTable(engine, at, point, scale)),
    weightedSum: async (cells, weights) => {
      const out = vectors.make(1, (at) => engine.fill(at, 1, 0n));
      await weightedSum(engine, cells, weights, await vectors.use(out));
      const [value] = await engine.toField(await vectors.use(out), 1);
      vectors.free(out);
      return value as bigint;
    },
    contract: async (block, dims, scale, out) => contract(engine, block, dims, scale, await vectors.use(out)),
    accumulateOuter: async (out, offset, dims, bits, scale, causal) => {
      const cells = 2 ** bits.reduce((n, b) => n + b, 0);
      if (offset < 0 || offset + cells > out.length)
        throw new Error(`accumulateOuter: a block ends at cell ${offset + cells} of ${out.length}`);
      vectors.accumulate(out, { offset, dims, bits, scale, causal });
    },

    fractionTree: (depth, blocks, alpha, beta) => buildTree(engine, depth, blocks, alpha, beta),
    formProduct: async (factors, point, coef) => {
      const n = factors[0]?.on.length ?? 0;
      if (factors.length < 1 || factors.length > 3 || n < 1 || point.length > n)
        throw new Error(`formProduct: ${factors.length} factors, ${n} variables, ${point.length} coordinates`);
      for (const { table, on } of factors)
        if (on.length !== n || table.length !== 2 ** on.filter((x) => x).length)
          throw new Error(`formProduct: a table of ${table.length} cells`);
      // The smallest integers stay integers while their products are exact.
      let bound = 1;
      const small = new Set<FieldVector>();
      for (const { table } of [...factors].sort((a, b) => vectors.largest(a.table) - vectors.largest(b.table))) {
        bound *= REACH * Math.max(1, vectors.largest(table));
        if (bound <= SMALL_PRODUCT) small.add(table);
      }
      const tables: FormTable[] = [];
      for (const { table, on } of factors) {
        const ints = small.has(table) ? vectors.consumeInts(table) : null;
        tables.push({ at: ints ?? (await vectors.consume(table)), length: table.length, ints: ints !== null, on });
      }
      return formRounds(engine, tables, n, point, coef);
    },
    productSum: async (pairs) => {
      const length = pairs[0]?.[0].length ?? 0;
      if (length < 2 || pairs.flat().some((t) => t.length !== length))
        throw new Error(
          `productSum: tables of ${pairs
            .flat()
            .map((t) => t.length)
            .join(', ')} cells, must be one power of two, at least 2`,
        );
      const [[first, second]] = pairs as [readonly [FieldVector, FieldVector]];
      if (pairs.length === 1)
        return productRounds(engine, [await vectors.consume(first), await vectors.consume(second)], length, length, 2);
      // An even number of blocks of cells, which the kernels take two at a time.
      const blocks = 2 * Math.ceil(pairs.length / 2);
      const tables = [engine.vector(blocks * length), engine.vector(blocks * length)] as const;
      for (const [t, at] of tables.entries()) {
        for (const [k, pair] of pairs.entries()) {
          const from = await vectors.consume(pair[t] as FieldVector);
          memory.bytes.copyWithin(at + 32 * k * length, from, from + 32 * length);
          engine.release(from);
        }
        memory.bytes.fill(0, at + 32 * pairs.length * length, at + 32 * blocks * length);
      }
      return productRounds(engine, tables, blocks * length, length, 2 * pairs.length);
    },

    close: () => engine.pool.close(),
  };
}
