/** Commitments over the fixed generators, and multi-exponentiations. */
import { bn254 } from '@noble/curves/bn254.js';
import { add, type Affine } from '../../../verifier/curve.ts';
import { Q } from '../../../verifier/field.ts';
import { H, generators } from '../../../verifier/generators.ts';
import { rowsOf } from '../rows.ts';
import type { Cells } from '../types.ts';
import { RADIX } from './constants.ts';
import { doubles, type Engine, type Job } from './engine.ts';

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

/** Generators 0 … count − 1 in windows: 2^(9w)·G_i stands at 64·(w·count + i). */
interface Table {
  readonly at: number;
  readonly count: number;
  readonly windows: number;
}

/** Bytes of a thread's work space for sums of `capacity` points in `sums` sums (layout in assembly/msm.ts). */
const workBytes = (capacity: number, sums: number): number =>
  2 * POINT * capacity + (capacity / 2 + 4) * 52 + 32 + sums * (2 * BUCKETS + 31) * 4 + 64;

/** The largest magnitude and the number of cells that are not 0. */
function extent(cells: Cells): { largest: number; busy: number } {
  let largest = 0;
  let busy = 0;
  for (let i = 0; i < cells.length; i++) {
    const v = Math.abs(cells[i] as number);
    if (v !== Math.floor(v) || v > Number.MAX_SAFE_INTEGER) throw new Error(`commitRows: cell ${i} is not an exact integer: ${cells[i]}`);
    if (v !== 0) busy++;
    if (v > largest) largest = v;
  }
  return { largest, busy };
}

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
  private table: Table | null = null;
  private building: Promise<unknown> = Promise.resolve();
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

  /** dst = a + b pointwise, or 2a for b = 0. */
  private async add(a: number, b: number, dst: number, count: number): Promise<void> {
    const nanoseconds = 10_000 + 200 * count;
    const job: Job = { items: count, chunk: Math.max(256, Math.ceil(count / 32)), nanoseconds };
    const { at, bytes } = this.work(2 * job.chunk, 1);
    await this.engine.run('addPoints', job, [a, b, dst, count, job.chunk, at, bytes]);
    this.engine.release(at);
  }

  /** At least `windows` windows of at least `count` generators. A table that is outgrown stays, since jobs may be reading it. */
  private async generators(count: number, windows: number): Promise<Table> {
    const old = this.table;
    if (old !== null && old.count >= count && old.windows >= windows) return old;
    const most = { count: Math.max(count, old?.count ?? 0), windows: Math.max(windows, old?.windows ?? 0) };
    const size = most.count * POINT;
    const table = { ...most, at: this.engine.memory.alloc(most.windows * size) };
    generators(table.count).forEach((g, i) => this.writePoint(table.at + POINT * i, g));
    for (let w = 1; w < table.windows; w++) {
      const to = table.at + w * size;
      await this.add(to - size, 0, to, table.count);
      for (let k = 1; k < WINDOW; k++) await this.add(to, 0, to, table.count);
    }
    this.table = table;
    return table;
  }

  /** d·2^(8w)·H at ((d − 1)·32 + w)·64, d = 1 … 128. */
  private async multiplesOfH(): Promise<number> {
    if (this.blindTable !== null) return this.blindTable;
    const row = BLIND_WINDOWS * POINT;
    const at = this.engine.memory.alloc(BLIND_MULTIPLES * row);
    this.writePoint(at, H);
    for (let w = 1; w < BLIND_WINDOWS; w++) {
      const to = at + POINT * w;
      await this.add(to - POINT, 0, to, 1);
      for (let k = 1; k < 8; k++) await this.add(to, 0, to, 1);
    }
    for (let d = 1; d < BLIND_MULTIPLES; d++) await this.add(at + (d - 1) * row, at, at + d * row, BLIND_WINDOWS);
    this.blindTable = at;
    return at;
  }

  /** The fixed tables: one caller builds them, others wait. */
  private async fixed(count: number, windows: number): Promise<{ table: Table; multiples: number }> {
    const built = this.building.then(async () => ({ table: await this.generators(count, windows), multiples: await this.multiplesOfH() }));
    this.building = built.catch(() => {});
    return built;
  }

  async commitRows(all: Cells, columns: number, blinds: readonly bigint[], which?: readonly number[]): Promise<Affine[]> {
    const list = rowsOf(all, columns, blinds, which);
    const rows = list.length;
    if (rows === 0) return [];
    const cells = rows * columns === all.length ? all : new Float64Array(rows * columns);
    if (cells !== all) list.forEach((row, i) => cells.set(all.subarray(row * columns, (row + 1) * columns), i * columns));
    const { largest, busy } = extent(cells);
    const windows = Math.max(1, Math.ceil((Math.log2(largest + 1) + 1) / WINDOW));
    const { engine } = this;
    const { memory } = engine;
    const { table, multiples } = await this.fixed(columns, windows);
    const digits = new Int16Array(rows * BLIND_WINDOWS);
    blinds.forEach((b, i) => blindDigits(b, digits.subarray(i * BLIND_WINDOWS, (i + 1) * BLIND_WINDOWS)));
    const capacity = Math.max(
      2 * windows * Math.ceil(columns / 2) + 2 * BLIND_WINDOWS,
      Math.min(CAPACITY, 2 * rows * columns),
      2 * BUCKETS * ROWS_A_CHUNK,
    );
    const job: Job = { items: rows, chunk: Math.min(ROWS_A_CHUNK, rows), nanoseconds: 100_000 * rows + 150 * windows * busy };
    const { at: work, bytes } = this.work(capacity, ROWS_A_CHUNK);
    const source = engine.upload(doubles(cells));
    const blindsAt = engine.upload(new Uint8Array(digits.buffer));
    const out = memory.alloc(rows * POINT);
    await engine.run('commitRows', job, [
      source,
      columns,
      rows,
      job.chunk,
      table.at,
      blindsAt,
      multiples,
      out,
      work,
      bytes,
      capacity,
      ROWS_A_CHUNK,
      table.count * POINT,
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
    const { engine } = this;
    const n = values.length;
    const { table, multiples } = await this.fixed(n, SCALAR_WINDOWS);
    const digits = new Int16Array(BLIND_WINDOWS);
    blindDigits(blind, digits);
    const blindAt = engine.upload(new Uint8Array(digits.buffer));
    const nanoseconds = 60_000 + SCALAR_WINDOWS * 170 * n;
    const groups = n < 512 ? 1 : 4;
    const points = await this.windows(values, table.at, table.count * POINT, groups, nanoseconds, blindAt, multiples);
    engine.release(blindAt);
    const sum = points.reduce<Affine | null>((a, p) => (a === null ? p : add(a, p)), null);
    if (sum === null) throw new Error('commitment is the point at infinity: choose another blind');
    return sum;
  }

  async msm(scalars: readonly bigint[], points: readonly (Affine | null)[]): Promise<Affine | null> {
    if (scalars.length !== points.length) throw new Error(`msm: ${scalars.length} scalars for ${points.length} points`);
    const finite = points.flatMap((p, i) => (p === null || scalars[i] === 0n ? [] : [i]));
    const at = this.engine.memory.alloc(finite.length * POINT);
    finite.forEach((i, k) => this.writePoint(at + POINT * k, points[i] as Affine));
    const values = finite.map((i) => scalars[i] as bigint);
    const windows = await this.windows(values, at, 0, SCALAR_WINDOWS, SCALAR_WINDOWS * (170 * values.length + 100_000), 0, 0);
    this.engine.release(at);
    let total = bn254.G1.Point.ZERO;
    for (const p of windows.reverse()) {
      if (!total.is0()) for (let k = 0; k < WINDOW; k++) total = total.double();
      if (p !== null) total = total.add(bn254.G1.Point.fromAffine(p));
    }
    return total.is0() ? null : total.toAffine();
  }

  /** Σ digit·point over the windows of each group; windows of points are `stride` bytes apart. */
  private async windows(
    scalars: readonly bigint[],
    points: number,
    stride: number,
    groups: number,
    nanoseconds: number,
    blind: number,
    multiples: number,
  ): Promise<(Affine | null)[]> {
    const { engine } = this;
    const { memory } = engine;
    const n = scalars.length;
    const each = Math.ceil(SCALAR_WINDOWS / groups);
    const capacity = 2 * Math.ceil(Math.max(each * n + BLIND_WINDOWS, 2 * BUCKETS) / 2);
    const { at: work, bytes } = this.work(capacity, 1);
    const digitsAt = memory.alloc(2 * SCALAR_WINDOWS * n);
    const out = memory.alloc(groups * POINT);
    writeDigits(scalars, new Int16Array(memory.memory.buffer, digitsAt, SCALAR_WINDOWS * n));
    const job: Job = { items: groups, chunk: 1, nanoseconds };
    await engine.run('msmWindows', job, [digitsAt, points, n, out, work, bytes, capacity, SCALAR_WINDOWS, each, stride, blind, multiples]);
    const sums = Array.from({ length: groups }, (_, g) => this.readPoint(out + POINT * g));
    engine.release(digitsAt, out, work);
    return sums;
  }
}

/** Digits in [−255, 256] of nine bits, least significant first; digit w of scalar i at w·n + i. */
function writeDigits(scalars: readonly bigint[], digits: Int16Array): void {
  const n = scalars.length;
  const words = new Uint32Array(10);
  scalars.forEach((s, i) => {
    for (let k = 0; k < 4; k++) {
      const quad = (s >> BigInt(64 * k)) & 0xffffffffffffffffn;
      words[2 * k] = Number(quad & 0xffffffffn);
      words[2 * k + 1] = Number(quad >> 32n);
    }
    let carry = 0;
    for (let w = 0; w < SCALAR_WINDOWS; w++) {
      const bit = WINDOW * w;
      const at = bit >>> 5;
      const shift = bit & 31;
      const low = (words[at] as number) >>> shift;
      const high = shift > 32 - WINDOW ? (words[at + 1] as number) << (32 - shift) : 0;
      const d = ((low | high) & 511) + carry;
      carry = d > 256 ? 1 : 0;
      digits[w * n + i] = d - 512 * carry;
    }
  });
}
