/** Commitments over the fixed generators, and multi-exponentiations. */
import { bn254 } from '@noble/curves/bn254.js';
import type { Affine } from '../../../verifier/curve.ts';
import { Q } from '../../../verifier/field.ts';
import { H, generators } from '../../../verifier/generators.ts';
import { RADIX } from './constants.ts';
import type { Engine, Job } from './engine.ts';

const POINT = 64;
/** Signed digits of the buckets: nine bits, 29 windows for a scalar below 2^254. */
const WINDOW = 9;
const SCALAR_WINDOWS = 29;
const BUCKETS = 256;
/** Signed digits of blinds, for the table of multiples of H. */
const BLIND_WINDOWS = 32;
const BLIND_MULTIPLES = 128;
/** Points added up together by a thread. */
const CAPACITY = 32768;
const ROWS_A_CHUNK = 16;

const inverseQ = (x: bigint): bigint => bn254.fields.Fp.inv(x);
const RADIX_INVERSE = inverseQ(RADIX % Q);

/** Generators 0 … count − 1 in windows: window w holds 2^(9w)·G_i. */
interface Table {
  at: number;
  windows: number;
}

/** Bytes of a thread's work space for sums of `capacity` points in `sums` sums (layout in assembly/msm.ts). */
const workBytes = (capacity: number, sums: number): number =>
  2 * POINT * capacity + (capacity / 2 + 2) * 52 + 32 + sums * (2 * BUCKETS + 31) * 4 + 64;

/** Digits in [−128, 128] of a scalar, least significant first. */
function blindDigits(blind: bigint, out: Int16Array): void {
  let carry = 0;
  for (let w = 0; w < BLIND_WINDOWS; w++) {
    const d = Number((blind >> BigInt(8 * w)) & 255n) + carry;
    carry = d > 128 ? 1 : 0;
    out[w] = d - 256 * carry;
  }
}

export class Curve {
  readonly engine: Engine;
  private readonly tables = new Map<number, Table>();
  private blindTable: number | null = null;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  private writePoint(at: number, { x, y }: Affine): void {
    const { memory } = this.engine;
    memory.write(at, (x * RADIX) % Q);
    memory.write(at + 32, (y * RADIX) % Q);
  }

  private readPoint(at: number): Affine | null {
    const { memory } = this.engine;
    const x = memory.read(at);
    const y = memory.read(at + 32);
    return x === 0n && y === 0n ? null : { x: (x * RADIX_INVERSE) % Q, y: (y * RADIX_INVERSE) % Q };
  }

  /** Work space for every thread. */
  private work(capacity: number, sums: number): { at: number; bytes: number } {
    const bytes = Math.ceil(workBytes(capacity, sums) / 64) * 64;
    return { at: this.engine.memory.alloc(bytes * (this.engine.pool.size + 1)), bytes };
  }

  /** dst = a + b, pointwise. */
  private async add(a: number, b: number, dst: number, count: number): Promise<void> {
    const nanoseconds = 20_000 + 300 * count;
    const job: Job = { items: count, chunk: Math.max(64, Math.ceil(count / 32)), nanoseconds };
    const { at, bytes } = this.work(2 * job.chunk, 1);
    await this.engine.run('addPoints', job, [a, b, dst, count, job.chunk, at, bytes]);
    this.engine.release(at);
  }

  /** The generators' windows up to `windows`. */
  private async table(count: number, windows: number): Promise<number> {
    const old = this.tables.get(count);
    if (old !== undefined && old.windows >= windows) return old.at;
    const at = this.engine.memory.alloc(windows * count * POINT);
    const size = count * POINT;
    if (old === undefined) generators(count).forEach((g, i) => this.writePoint(at + POINT * i, g));
    else this.engine.memory.bytes.copyWithin(at, old.at, old.at + old.windows * size);
    for (let w = old?.windows ?? 1; w < windows; w++) {
      for (let k = 0; k < WINDOW; k++)
        await this.add(at + (k === 0 ? w - 1 : w) * size, at + (k === 0 ? w - 1 : w) * size, at + w * size, count);
    }
    if (old !== undefined) this.engine.release(old.at);
    this.tables.set(count, { at, windows });
    return at;
  }

  /** d·2^(8w)·H at ((d − 1)·32 + w)·64, d = 1 … 128. */
  private async multiplesOfH(): Promise<number> {
    if (this.blindTable !== null) return this.blindTable;
    const row = BLIND_WINDOWS * POINT;
    const at = this.engine.memory.alloc(BLIND_MULTIPLES * row);
    this.writePoint(at, H);
    for (let w = 1; w < BLIND_WINDOWS; w++) {
      const to = at + POINT * w;
      await this.add(to - POINT, to - POINT, to, 1);
      for (let k = 1; k < 8; k++) await this.add(to, to, to, 1);
    }
    for (let d = 1; d < BLIND_MULTIPLES; d++) await this.add(at + (d - 1) * row, at, at + d * row, BLIND_WINDOWS);
    this.blindTable = at;
    return at;
  }

  async commitRows(cells: Float64Array, columns: number, blinds: readonly bigint[]): Promise<Affine[]> {
    const rows = blinds.length;
    if (cells.length !== columns * rows) throw new Error(`commitRows: ${cells.length} cells for ${rows} rows of ${columns}`);
    if (rows === 0) return [];
    let largest = 0;
    let busy = 0;
    for (const v of cells) {
      if (v === 0) continue;
      busy++;
      if (!(Math.abs(v) <= largest)) largest = Math.abs(v);
    }
    if (!(largest <= Number.MAX_SAFE_INTEGER)) throw new Error(`commitRows: ${largest} is not an exact integer`);
    const windows = Math.max(1, Math.ceil((Math.log2(largest + 1) + 1) / WINDOW));
    const { engine } = this;
    const { memory } = engine;
    const table = await this.table(columns, windows);
    const multiples = await this.multiplesOfH();
    const digits = new Int16Array(rows * BLIND_WINDOWS);
    blinds.forEach((b, i) => blindDigits(b, digits.subarray(i * BLIND_WINDOWS, (i + 1) * BLIND_WINDOWS)));
    const capacity = Math.max(
      2 * windows * Math.ceil(columns / 2) + 2 * BLIND_WINDOWS,
      Math.min(CAPACITY, 2 * rows * columns),
      2 * BUCKETS * ROWS_A_CHUNK,
    );
    const job: Job = { items: rows, chunk: Math.min(ROWS_A_CHUNK, rows), nanoseconds: 100_000 * rows + 150 * windows * busy };
    const { at: work, bytes } = this.work(capacity, ROWS_A_CHUNK);
    const source = engine.upload(cells);
    const blindsAt = engine.upload(new Uint8Array(digits.buffer));
    const out = memory.alloc(rows * POINT);
    await engine.run('commitRows', job, [
      source,
      columns,
      rows,
      job.chunk,
      table,
      blindsAt,
      multiples,
      out,
      work,
      bytes,
      capacity,
      ROWS_A_CHUNK,
    ]);
    const points = blinds.map((_, i) => {
      const p = this.readPoint(out + POINT * i);
      if (p === null) throw new Error(`row ${i} is the point at infinity: choose another blind`);
      return p;
    });
    engine.release(work, source, blindsAt, out);
    return points;
  }

  async commit(values: readonly bigint[], blind: bigint): Promise<Affine> {
    const n = values.length;
    const at = this.engine.memory.alloc((n + 1) * POINT);
    if (n > 0) {
      const table = await this.table(n, 1);
      this.engine.memory.bytes.copyWithin(at, table, table + n * POINT);
    }
    this.writePoint(at + n * POINT, H);
    const p = await this.windows([...values, blind], at);
    if (p === null) throw new Error('commitment is the point at infinity: choose another blind');
    return p;
  }

  async msm(scalars: readonly bigint[], points: readonly (Affine | null)[]): Promise<Affine | null> {
    if (scalars.length !== points.length) throw new Error(`msm: ${scalars.length} scalars for ${points.length} points`);
    const finite = points.flatMap((p, i) => (p === null || scalars[i] === 0n ? [] : [i]));
    const at = this.engine.memory.alloc(finite.length * POINT);
    finite.forEach((i, k) => this.writePoint(at + POINT * k, points[i] as Affine));
    return this.windows(
      finite.map((i) => scalars[i] as bigint),
      at,
    );
  }

  /** Σ scalars[i]·point i of the list at `points`, which it frees. */
  private async windows(scalars: readonly bigint[], points: number): Promise<Affine | null> {
    const { engine } = this;
    const { memory } = engine;
    const n = scalars.length;
    const scalarsAt = memory.alloc(n * 32 + 32);
    const digitsAt = memory.alloc(2 * SCALAR_WINDOWS * n);
    const out = memory.alloc(SCALAR_WINDOWS * POINT);
    const { at: work, bytes } = this.work(Math.max(n, 2 * BUCKETS), 1);
    scalars.forEach((s, i) => memory.write(scalarsAt + 32 * i, s));
    memory.bytes.fill(0, scalarsAt + 32 * n, scalarsAt + 32 * n + 32);
    const words = new Uint32Array(memory.memory.buffer, scalarsAt, 8 * n + 8);
    const digits = new Int16Array(memory.memory.buffer, digitsAt, SCALAR_WINDOWS * n);
    for (let i = 0; i < n; i++) {
      let carry = 0;
      for (let w = 0; w < SCALAR_WINDOWS; w++) {
        const bit = WINDOW * w;
        const word = 8 * i + (bit >>> 5);
        const low = (words[word] as number) >>> (bit & 31);
        // The scalar's bits end at 254: a last window that runs past its words must not read the next scalar's.
        const high = (bit & 31) > 32 - WINDOW && bit >>> 5 < 7 ? (words[word + 1] as number) << (32 - (bit & 31)) : 0;
        const d = ((low | high) & 511) + carry;
        carry = d > 256 ? 1 : 0;
        digits[w * n + i] = d - 512 * carry;
      }
    }
    const job: Job = { items: SCALAR_WINDOWS, chunk: 1, nanoseconds: SCALAR_WINDOWS * (200 * n + 200_000) };
    await engine.run('msmWindow', job, [digitsAt, points, n, out, work, bytes]);
    let total = bn254.G1.Point.ZERO;
    for (let w = SCALAR_WINDOWS - 1; w >= 0; w--) {
      if (!total.is0()) for (let k = 0; k < WINDOW; k++) total = total.double();
      const p = this.readPoint(out + POINT * w);
      if (p !== null) total = total.add(bn254.G1.Point.fromAffine(p));
    }
    engine.release(scalarsAt, digitsAt, out, work, points);
    return total.is0() ? null : total.toAffine();
  }
}
