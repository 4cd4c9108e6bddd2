/**
 * Vectors in the kernels' memory. What is cheaper together or later waits here: integers stay integers until they are read as
 * field elements, and outer products collect until the vector is read.
 */
import type { Cells, FieldVector } from '../types.ts';
import { accumulateOuter, type OuterTerm } from './contract.ts';
import { cut, doubles, type Engine } from './engine.ts';
import { RADIX_SQUARED, RADIX_X } from './memory.ts';

/** Integers below this may stay integers in a sumcheck. */
const SMALL = 2 ** 47;

class WasmVector implements FieldVector {
  readonly length: number;
  /** Address of the elements; null while there are only integers. */
  at: number | null = null;
  /** Address of the integers (64-bit floats) of a vector that is not yet field elements. */
  ints: number | null = null;
  /** Largest size of the integers. */
  largest = Infinity;
  readonly terms: OuterTerm[] = [];
  /** Settles when what was begun is written. */
  ready: Promise<void> = Promise.resolve();
  gone = false;

  constructor(length: number) {
    this.length = length;
  }
}

export class Vectors {
  private readonly engine: Engine;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  /** A vector that `write` fills. */
  make(length: number, write: (at: number) => Promise<void>): FieldVector {
    const v = new WasmVector(length);
    v.at = this.engine.vector(length);
    v.ready = write(v.at);
    v.ready.catch(() => {});
    return v;
  }

  /** As `make`, once it is filled. */
  async written(length: number, write: (at: number) => Promise<void>): Promise<FieldVector> {
    const v = this.make(length, write);
    await this.owned(v).ready;
    return v;
  }

  fromInts(cells: Cells): FieldVector {
    const v = new WasmVector(cells.length);
    const values = doubles(cells);
    v.largest = 0;
    for (let i = 0; i < values.length; i++) v.largest = Math.max(v.largest, Math.abs(values[i] as number));
    v.ints = this.engine.upload(values);
    return v;
  }

  accumulate(v: FieldVector, term: OuterTerm): void {
    this.owned(v).terms.push(term);
  }

  /** The elements' address, everything written. */
  async use(v: FieldVector): Promise<number> {
    const vector = this.owned(v);
    if (vector.ints !== null || vector.terms.length > 0) vector.ready = vector.ready.then(() => this.settle(vector));
    await vector.ready;
    return this.owned(v).at as number;
  }

  private async settle(v: WasmVector): Promise<void> {
    const { engine } = this;
    if (v.ints !== null) {
      const [source, at] = [v.ints, engine.vector(v.length)];
      v.ints = null;
      const job = cut(v.length, 14);
      await engine.run('intsToField', job, [source, at, v.length, job.chunk], [RADIX_SQUARED, RADIX_X]);
      engine.release(source);
      v.at = at;
    }
    const terms = v.terms.splice(0);
    if (terms.length > 0) await accumulateOuter(engine, v.at as number, terms);
  }

  /** Takes the elements over from the vector. */
  async consume(v: FieldVector): Promise<number> {
    const at = await this.use(v);
    this.owned(v).gone = true;
    return at;
  }

  /** The largest size of a vector's cells while they are integers, else Infinity. */
  largest(v: FieldVector): number {
    const vector = this.owned(v);
    return vector.ints === null || vector.terms.length > 0 ? Infinity : vector.largest;
  }

  /** Takes the integers over from a vector that still is integers below SMALL; null from any other. */
  consumeInts(v: FieldVector): number | null {
    const vector = this.owned(v);
    const { ints } = vector;
    if (ints === null || this.largest(v) >= SMALL) return null;
    vector.gone = true;
    return ints;
  }

  free(v: FieldVector): void {
    const vector = this.owned(v);
    vector.gone = true;
    vector.terms.length = 0;
    const { ready } = vector;
    void ready
      .catch(() => {})
      .then(() => {
        for (const at of [vector.at, vector.ints]) if (at !== null) this.engine.release(at);
      });
  }

  private owned(v: FieldVector): WasmVector {
    if (!(v instanceof WasmVector)) throw new Error('wasm backend: a vector of another backend');
    if (v.gone) throw new Error('wasm backend: a vector was used after it was freed or consumed');
    return v;
  }
}
