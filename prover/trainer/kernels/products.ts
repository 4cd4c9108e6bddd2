/**
 * Matrix products in float64 on 128-bit vectors, on the calling thread and on helpers that share one WebAssembly memory with it. The
 * caller draws chunks too and blocks until the last one is done, so that a walk stays synchronous. Exact for integers as long as every partial
 * sum stays below 2^53, which the caller bounds; the same bits for any number of threads, for doubles that are no integers too.
 */
import { helpersBeside, startHelper, type Helper } from '#trainer-threads';
import { sharedMemory } from '../../shared-memory.ts';
import { BINARY } from './binary.ts';
import { copyLines, type Right } from './right.ts';

interface Kernels {
  readonly setThread: (panel: number) => void;
  readonly group: (from: number, to: number, rows: number, terms: number) => void;
  readonly product: (job: number, chunk: number) => void;
}

/** What a helper is started with. */
export interface HelperStart {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly panel: number;
}

/**
 * Control words, as indices into the memory's Int32Array. `ticket`: 15 bits that change with every job, then 16 bits that count the chunks
 * not yet drawn; -1 ends the helpers. `pending`: chunks not yet done. `failed`: a chunk trapped.
 */
const TICKET = 256;
const PENDING = 272;
const FAILED = 288;
const LEFT = 0xffff;
/** Byte addresses: a job's arguments, and what is handed out. */
const JOB = 2048;
const HEAP = 131072;

const PAGE = 65536;
/** Bytes of a thread's panel: 256 terms of 64 columns. */
const PANEL = 256 * 64 * 8;
const DEPTH = 256;
const COLUMNS = 64;
/** Bytes of the left factor and the result, and of the right factor, that are in the shared memory at once. */
const LEFT_BYTES = 2 ** 26;
const RIGHT_BYTES = 2 ** 24;
/** Multiply-adds below which waking helpers doesn't pay. */
const ALONE = 2 ** 20;
/** No chunk takes this long. */
const PATIENCE = 60_000;

/** Draws chunks of the job at hand until there are none. Returns the last ticket seen. */
function draw(words: Int32Array, kernels: Kernels): number {
  for (;;) {
    const ticket = Atomics.load(words, TICKET);
    if (ticket < 0 || (ticket & LEFT) === 0) return ticket;
    // A ticket that is still there belongs to a job in progress, whose arguments stay until all its chunks are done.
    if (Atomics.compareExchange(words, TICKET, ticket, ticket - 1) !== ticket) continue;
    try {
      kernels.product(JOB, (ticket & LEFT) - 1);
    } catch {
      Atomics.store(words, FAILED, 1);
    }
    if (Atomics.sub(words, PENDING, 1) === 1) Atomics.notify(words, PENDING);
  }
}

function instantiate({ module, memory, panel }: HelperStart): Kernels {
  const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Kernels;
  kernels.setThread(panel);
  return kernels;
}

/** The loop of a helper; ends when the ticket is negative. */
export function help(start: HelperStart): void {
  const kernels = instantiate(start);
  const words = new Int32Array(start.memory.buffer, 0, 1024);
  for (;;) {
    const ticket = draw(words, kernels);
    if (ticket < 0) return;
    Atomics.wait(words, TICKET, ticket);
  }
}

export class Products {
  /** Threads beside the calling one. */
  readonly helpers: number;
  private readonly memory = sharedMemory(2);
  private readonly module = new WebAssembly.Module(Uint8Array.from(atob(BINARY), (c) => c.charCodeAt(0)));
  private readonly kernels: Kernels;
  private threads: readonly Helper[] | null = null;
  private job = 0;

  /** `helpers`: 0 … 64; default: one for every further processor. */
  constructor(helpers: number = helpersBeside()) {
    if (!Number.isInteger(helpers) || helpers < 0 || helpers > 64) throw new Error(`matrix products: ${helpers} helpers; give 0 to 64`);
    this.helpers = helpers;
    this.reserve(this.panels());
    this.kernels = instantiate({ module: this.module, memory: this.memory, panel: HEAP });
  }

  private panels(): number {
    return HEAP + (this.helpers + 1) * PANEL;
  }

  /** Makes the memory at least `bytes` long, and a little more, for tiles are read whole. */
  private reserve(bytes: number): void {
    const missing = Math.ceil((bytes + 64 - this.memory.buffer.byteLength) / PAGE);
    if (missing <= 0) return;
    try {
      this.memory.grow(missing);
    } catch (cause) {
      throw new Error(`matrix products: no memory for ${(bytes / 2 ** 20).toFixed(0)} MiB; walk fewer steps at once`, { cause });
    }
  }

  /** out[m][n] = Σ_k left[m][k]·right(k, n), out and left row-major. */
  multiply(left: Float64Array, right: Right, out: Float64Array, M: number, N: number, K: number): void {
    const row = 4 * Math.ceil(N / 4);
    const rows = Math.max(4, 4 * Math.floor(LEFT_BYTES / (8 * (K + row)) / 4));
    for (let m = 0; m < M; m += rows) this.slab(left, right, out, m, Math.min(rows, M - m), N, K, row);
  }

  /** The same for `rows` rows of the left factor from row `m` on; rows of the result take `row` cells. */
  private slab(left: Float64Array, right: Right, out: Float64Array, m: number, rows: number, N: number, K: number, row: number): void {
    const padded = 4 * Math.ceil(rows / 4);
    const cell = right.cells.BYTES_PER_ELEMENT;
    const alongK = right.strideK === 1;
    // Slices of whole columns, or of whole blocks of terms.
    const unit = alongK ? COLUMNS : DEPTH;
    const length = alongK ? K : N;
    const most = unit * Math.max(1, Math.floor(RIGHT_BYTES / (cell * length * unit)));
    const count = alongK ? N : K;
    const atLeft = this.panels();
    const atOut = atLeft + 8 * padded * K;
    // The rows as they come lie where the result will be.
    const atRight = atOut + 8 * padded * Math.max(row, K);
    this.reserve(atRight + cell * length * Math.min(most, count));
    const { buffer } = this.memory;
    new Float64Array(buffer, atOut, rows * K).set(left.subarray(m * K, (m + rows) * K));
    this.kernels.group(atOut, atLeft, rows, K);
    for (let first = 0; first < count; first += most) {
      const lines = Math.min(most, count - first);
      copyLines(new Uint8Array(buffer, atRight, cell * length * lines), right, first, lines, length, alongK);
      const [n, k] = alongK ? [lines, K] : [N, lines];
      const steps = alongK ? [cell, cell * K] : [cell * N, cell];
      const at = alongK ? [atLeft, atOut + 8 * first] : [atLeft + 32 * first, atOut];
      const type = right.cells instanceof Float64Array ? -cell : cell;
      const add = !alongK && first > 0 ? 1 : 0;
      const job = [at[0], atRight, steps[0], steps[1], at[1], 8 * row, padded / 4, n, k, type, COLUMNS, add, K];
      this.run(job, Math.ceil(n / COLUMNS), rows * n * k);
    }
    const result = new Float64Array(buffer, atOut, padded * row);
    if (row === N) out.set(result.subarray(0, rows * N), m * N);
    else for (let i = 0; i < rows; i++) out.set(result.subarray(i * row, i * row + N), (m + i) * N);
  }

  private run(job: readonly number[], chunks: number, work: number): void {
    const words = new Int32Array(this.memory.buffer, 0, 1024);
    words.set(job, JOB / 4);
    if (this.helpers === 0 || chunks === 1 || chunks > LEFT || work < ALONE) {
      for (let c = 0; c < chunks; c++) this.kernels.product(JOB, c);
      return;
    }
    this.start();
    this.job = (this.job + 1) & 0x7fff;
    Atomics.store(words, PENDING, chunks);
    Atomics.store(words, TICKET, (this.job << 16) | chunks);
    Atomics.notify(words, TICKET);
    draw(words, this.kernels);
    for (let left = Atomics.load(words, PENDING); left > 0; left = Atomics.load(words, PENDING))
      if (Atomics.wait(words, PENDING, left, PATIENCE) === 'timed-out') throw new Error('matrix products: a helper thread has died');
    if (Atomics.load(words, FAILED)) throw new Error('matrix products: a kernel trapped; this is a fault of the trainer');
  }

  private start(): readonly Helper[] {
    return (this.threads ??= Array.from({ length: this.helpers }, (_, i) =>
      startHelper({ module: this.module, memory: this.memory, panel: HEAP + (i + 1) * PANEL }),
    ));
  }

  /**
   * Starts the helpers and waits until they run. Without it they start with the first product that is worth it, but those of a page not before the
   * calling thread returns to its event loop: a first walk there would have no help. Errors: a helper's script does not load.
   */
  async ready(): Promise<void> {
    await Promise.all(this.start().map((t) => t.running()));
  }

  /** Ends the helpers; further products start new ones. */
  async close(): Promise<void> {
    const threads = this.threads ?? [];
    this.threads = null;
    const words = new Int32Array(this.memory.buffer, 0, 1024);
    Atomics.store(words, TICKET, -1);
    Atomics.notify(words, TICKET);
    await Promise.all(threads.map((t) => t.ended()));
    Atomics.store(words, TICKET, 0);
  }
}

let common: Products | null = null;

/** The products that walks share unless they are given others. */
export const sharedProducts = (): Products => (common ??= new Products());
