/**
 * Workers and jobs. A job is a kernel, an argument block and a number of chunks; workers draw chunks from a shared counter, so that
 * results depend on the chunks alone and not on how many workers there are. Jobs run one at a time, in the order they were asked for.
 */
import type { DeviceMemory } from './memory.ts';

/** Signature of every kernel. */
export type Kernel = (job: number, chunk: number) => void;
export type Exports = Readonly<Record<string, Kernel>> & {
  readonly setThread: (scratch: number, index: number) => void;
  readonly fused: () => number;
};

/** Control words (indices into the Int32Array of the shared memory). */
export const CONTROL = {
  /** Number of the job at hand; workers sleep on it. */
  job: 2048,
  kernel: 2049,
  arguments: 2050,
  chunks: 2051,
  /** Next chunk to draw, workers that are done, whether a kernel failed. */
  next: 2064,
  done: 2080,
  failed: 2081,
} as const;

export const SCRATCH_BYTES = 65536;
/** Jobs are numbered from 1 to this, then from 1 again: negative numbers stop the workers. */
const LAST_JOB = 2 ** 31 - 1;

/** A worker thread, in Node or in a browser. */
export interface Thread {
  /** Keeps the process alive (true) or not (false). */
  hold(on: boolean): void;
  stop(): Promise<void>;
}

/** What a worker is started with. */
export interface ThreadStart {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly scratch: number;
  /** From 1; 0 is the calling thread. */
  readonly index: number;
  readonly kernels: readonly string[];
  /** Whether the worker tells by a message too that it is done: for engines without `Atomics.waitAsync`. */
  readonly tells: boolean;
}

/** Whether the calling thread, which may not block, can wait on memory; otherwise workers send messages. */
export const waitsOnMemory = (): boolean => typeof Atomics.waitAsync === 'function';

/** The loop of a worker: wait for a job, draw chunks, report. Ends when the job's number is negative. `tell` sends the message of `tells`. */
export async function serve({ module, memory, scratch, index, kernels, tells }: ThreadStart, tell: () => void): Promise<void> {
  const instance = await WebAssembly.instantiate(module, { env: { memory } });
  const exports = instance.exports as unknown as Exports;
  exports.setThread(scratch, index);
  const words = new Int32Array(memory.buffer, 0, 4096);
  const at = (k: number): number => Atomics.load(words, k);
  let seen = 0;
  for (;;) {
    Atomics.wait(words, CONTROL.job, seen);
    const job = at(CONTROL.job);
    // The host stores a job, then notifies: a worker that saw the job before it fell asleep is woken once more, when it may have done it.
    // To report a job twice would end it, or the next one, while another worker is still at it.
    if (job === seen) continue;
    seen = job;
    if (seen < 0) return;
    const kernel = exports[kernels[at(CONTROL.kernel)] as string] as Kernel;
    const chunks = at(CONTROL.chunks);
    try {
      for (let c = Atomics.add(words, CONTROL.next, 1); c < chunks; c = Atomics.add(words, CONTROL.next, 1))
        kernel(at(CONTROL.arguments), c);
    } catch {
      Atomics.store(words, CONTROL.failed, 1);
    }
    Atomics.add(words, CONTROL.done, 1);
    Atomics.notify(words, CONTROL.done);
    if (tells) tell();
  }
}

export class Pool {
  readonly size: number;
  private readonly words: Int32Array;
  private readonly exports: Exports;
  private readonly kernels: readonly string[];
  private readonly threads: readonly Thread[];
  private last: Promise<void> = Promise.resolve();
  private job = 0;
  /** Why a thread ended before its time. */
  private failure: Error | null = null;
  private closed = false;
  private readonly waits = waitsOnMemory();
  /** Ends the wait for a message. */
  private wake: () => void = () => {};

  constructor(
    memory: DeviceMemory,
    exports: Exports,
    kernels: readonly string[],
    start: readonly ((onError: (error: Error) => void, onDone: () => void) => Thread)[],
  ) {
    this.words = new Int32Array(memory.memory.buffer, 0, 4096);
    this.exports = exports;
    this.kernels = kernels;
    this.size = start.length;
    this.threads = start.map((thread) =>
      thread(
        (error) => this.fail(error),
        () => this.wake(),
      ),
    );
  }

  /** A thread has died: ends the wait for it, and every later job. */
  private fail(error: Error): void {
    this.failure = error;
    Atomics.store(this.words, CONTROL.done, this.size);
    Atomics.notify(this.words, CONTROL.done);
    this.wake();
  }

  private refuse(cause: Error): never {
    throw new Error(`wasm backend: a worker has died: ${cause.message}`, { cause });
  }

  /** Resolves once more workers than `done` are done, or earlier. */
  private async changed(done: number): Promise<void> {
    if (this.waits) await Atomics.waitAsync(this.words, CONTROL.done, done).value;
    // The message of a change after this look comes in a later turn.
    else if (Atomics.load(this.words, CONTROL.done) === done) await new Promise<void>((resolve) => (this.wake = resolve));
  }

  /** Runs a small job on this thread. */
  inline(kernel: string, argumentBlock: number, chunks: number): void {
    const run = this.exports[kernel] as Kernel;
    for (let c = 0; c < chunks; c++) run(argumentBlock, c);
  }

  /** Runs a job on the workers. */
  dispatch(kernel: string, argumentBlock: number, chunks: number): Promise<void> {
    if (this.closed) return Promise.reject(new Error('wasm backend: it has been closed; make another one'));
    const run = this.last.then(() => this.start(kernel, argumentBlock, chunks));
    this.last = run.catch(() => {});
    return run;
  }

  private async start(kernel: string, argumentBlock: number, chunks: number): Promise<void> {
    const words = this.words;
    this.job = (this.job % LAST_JOB) + 1;
    Atomics.store(words, CONTROL.kernel, this.kernels.indexOf(kernel));
    Atomics.store(words, CONTROL.arguments, argumentBlock);
    Atomics.store(words, CONTROL.chunks, chunks);
    Atomics.store(words, CONTROL.next, 0);
    Atomics.store(words, CONTROL.done, 0);
    Atomics.store(words, CONTROL.failed, 0);
    if (this.failure) this.refuse(this.failure);
    for (const thread of this.threads) thread.hold(true);
    Atomics.store(words, CONTROL.job, this.job);
    Atomics.notify(words, CONTROL.job);
    for (let done = 0; done < this.size; done = Atomics.load(words, CONTROL.done)) await this.changed(done);
    for (const thread of this.threads) thread.hold(false);
    if (this.failure) this.refuse(this.failure);
    if (Atomics.load(words, CONTROL.failed)) throw new Error(`wasm backend: kernel ${kernel} trapped; this is a fault of the backend`);
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.last;
    Atomics.store(this.words, CONTROL.job, -1);
    Atomics.notify(this.words, CONTROL.job);
    await Promise.all(this.threads.map((thread) => thread.stop()));
  }
}
