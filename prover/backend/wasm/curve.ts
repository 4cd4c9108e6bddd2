/** Commitments over the fixed generators, and multi-exponentiations. */
import type { Affine } from '../../../verifier/curve.ts';
import { Q, R } from '../../../verifier/field.ts';
import type { Keccak } from '../../../verifier/words.ts';
import { rowsOf } from '../rows.ts';
import type { Cells } from '../types.ts';
import { RADIX } from './constants.ts';
import { BETA, SPLIT, SPLIT_BITS } from './endomorphism.ts';
import { chunksOf, cut, type Engine, type Job } from './engine.ts';
import { Generators, SCALAR_BITS, type Subsets } from './generators.ts';
import { ADDITION, POINT, Points, TO_MONTGOMERY, align, words32 } from './points.ts';

/** Bytes of a scalar of a multi-exponentiation: 36 of its value, then its sign. */
const SCALAR = 40;
/** Nanoseconds of a doubling and an addition in homogeneous coordinates (two at a time). */
const DOUBLING = 350;
const MIXED_ADDITION = 650;
/** Of splitting a scalar and of its second point. */
const SPLITTING = 250;
/** Points added up together by a thread, where there is a choice. */
const TOGETHER = 8192;
/** Digits of a multi-exponentiation have at least 4 bits; a thread adds up at most this many points. */
const LEAST_BITS = 4;
const MOST_BITS = 15;
const MOST_POINTS = 2 ** 17;
/** Rows of at most so many scalars go by byte tables. */
const SHORT = 16;
/** Bytes of cells, and of planes, that are in the kernels' memory at once. */
const BLOCK = 2 ** 24;

const EIGHT_NINE: readonly bigint[] = [(8n * RADIX) % Q, (9n * RADIX) % Q];

/** Bits of two's complement, as many as any cell of this type or of these sizes may need. Rows take only those they need. */
function planesOf(cells: Cells): number {
  if (cells instanceof Int8Array) return 8;
  if (cells instanceof Int16Array) return 16;
  if (cells instanceof Int32Array) return 32;
  let largest = 0;
  for (let i = 0; i < cells.length; i++) {
    const v = Math.abs(cells[i] as number);
    if (v !== Math.floor(v) || v > Number.MAX_SAFE_INTEGER) throw new Error(`commitRows: cell ${i} is not an exact integer: ${cells[i]}`);
    if (v > largest) largest = v;
  }
  return Math.max(2, Math.ceil(Math.log2(largest + 1)) + 1);
}

/** The kernels' numbers of the types of cells. */
const SCALARS = 4;
const typeOf = (cells: Cells): number =>
  cells instanceof Float64Array ? 0 : cells instanceof Int32Array ? 1 : cells instanceof Int16Array ? 2 : 3;

interface Digits {
  readonly bits: number;
  readonly windows: number;
  readonly additions: number;
}

/** Digits of a multi-exponentiation of `count` scalars of `scalarBits` bits: the width with the fewest additions. */
function digitBits(count: number, scalarBits: number): Digits {
  let best: Digits = { bits: 0, windows: 0, additions: Infinity };
  for (let bits = LEAST_BITS; bits <= MOST_BITS; bits++) {
    const windows = Math.ceil((scalarBits + 1) / bits);
    const buckets = 2 ** (bits - 1);
    const busy = buckets * (1 - Math.exp(-count / buckets));
    const additions = windows * (count + busy + (bits / 2) * 2 ** (bits / 2) + 2 * bits);
    if (additions < best.additions) best = { bits, windows, additions };
  }
  return best;
}

export class Curve {
  readonly engine: Engine;
  private readonly points: Points;
  private readonly tables: Generators;
  /** Tables are built and replaced by one caller at a time, while nobody reads them. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(engine: Engine, keccak: Keccak) {
    this.engine = engine;
    this.points = new Points(engine);
    this.tables = new Generators(engine, this.points, keccak);
  }

  private alone<T>(f: () => Promise<T>): Promise<T> {
    const result = this.last.then(f);
    this.last = result.catch(() => {});
    return result;
  }

  /** G_0 … G_{count−1}. */
  generators(count: number): Promise<Affine[]> {
    return this.alone(() => this.tables.affine(count));
  }

  async commitRows(cells: Cells, columns: number, blinds: readonly bigint[], which?: readonly number[]): Promise<Affine[]> {
    const list = rowsOf(cells, columns, blinds, which);
    const planes = planesOf(cells);
    return this.alone(async () => {
      const table = await this.tables.subsetsFor(columns, list.length);
      const rowBytes = Math.max(columns * cells.BYTES_PER_ELEMENT, planes * POINT);
      const most = Math.max(1, Math.min(list.length, Math.floor(BLOCK / rowBytes)));
      const points: (Affine | null)[] = [];
      let running: Promise<(Affine | null)[]> = Promise.resolve([]);
      for (let first = 0; first < list.length; first += most) {
        const source = this.uploadRows(cells, columns, list.slice(first, first + most));
        // Rows go up while those before them are worked on.
        points.push(...(await running));
        running = this.rows(source, typeOf(cells), columns, planes, table, blinds.slice(first, first + most));
        running.catch(() => {});
      }
      points.push(...(await running));
      return points.map((p, i) => {
        if (p === null) throw new Error(`row ${list[i]} is the point at infinity: choose another blind`);
        return p;
      });
    });
  }

  /** Rows of cells one after another, at their own width. */
  private uploadRows(cells: Cells, columns: number, rows: readonly number[]): number {
    const { memory } = this.engine;
    const length = columns * cells.BYTES_PER_ELEMENT;
    const at = memory.alloc(rows.length * length);
    const source = new Uint8Array(cells.buffer, cells.byteOffset, cells.byteLength);
    rows.forEach((row, i) => memory.bytes.set(source.subarray(row * length, (row + 1) * length), at + i * length));
    return at;
  }

  /** Sums of rows from their bit planes. Frees the cells. */
  private async rows(
    source: number,
    type: number,
    columns: number,
    planes: number,
    table: Subsets,
    blinds: readonly bigint[],
  ): Promise<(Affine | null)[]> {
    const { engine } = this;
    const rows = blinds.length;
    const blindTable = await this.tables.byteTables(1);
    const blindBytes = engine.upload(byteScalars(blinds));
    // Few rows are cut into blocks of columns, so that all workers have some; each block costs an addition more for every plane.
    const allGroups = Math.ceil(columns / table.bits);
    const blocks = Math.max(1, Math.min(Math.ceil((2 * engine.pool.size) / rows), Math.floor((planes * allGroups) / 512)));
    const groups = Math.ceil(allGroups / blocks);
    const items = rows * blocks;
    const most = planes * groups + 32;
    const together = Math.max(1, Math.min(64, Math.floor(TOGETHER / most)));
    const chunk = Math.max(Math.min(together, Math.ceil(items / 8)), Math.ceil(items / 32));
    const sums = engine.memory.alloc(items * planes * POINT);
    const segments = together * planes;
    const work = this.points.work(Math.ceil((together * most + segments) / 2) + 2, segments * (groups + 32), segments);
    const job: Job = { items, chunk, nanoseconds: ADDITION * items * most };
    await engine.run('rowPlanes', job, [
      source,
      type,
      columns,
      rows,
      blocks,
      groups,
      planes,
      table.bits,
      table.at,
      blindTable,
      blindBytes,
      sums,
      chunk,
      Math.min(together, chunk),
      ...work.arguments,
    ]);
    engine.release(work.at, source, blindBytes);
    const out = engine.memory.alloc(rows * POINT);
    const splits = { count: blocks, stride: planes };
    if (type === SCALARS) {
      // The upper and the lower half of a scalar's planes side by side.
      const halves = engine.memory.alloc(2 * POINT);
      await this.horner({ at: sums, stride: planes / 2 }, 2, planes / 2, splits, 1, halves);
      await this.horner({ at: halves, stride: 0 }, 1, 2, { count: 1, stride: 0 }, planes / 2, out);
      engine.release(halves);
    } else await this.horner({ at: sums, stride: blocks * planes }, rows, planes, splits, 1, out);
    const points = await this.points.read(out, rows);
    engine.release(sums, out);
    return points;
  }

  /** Results of `positions` points of some splits each: Σ 2^(step·i)·P_i. Strides are in points. */
  private async horner(
    points: { at: number; stride: number },
    results: number,
    positions: number,
    splits: { count: number; stride: number },
    step: number,
    out: number,
  ): Promise<void> {
    const { engine } = this;
    const chunk = 2 * Math.ceil(results / 64);
    const bytes = align(160 * chunk);
    const work = engine.memory.alloc(bytes * (engine.pool.size + 1));
    const nanoseconds = (results * positions * (MIXED_ADDITION * splits.count + DOUBLING * step)) / 2;
    const strides = [POINT * points.stride, POINT * splits.stride];
    await engine.run(
      'hornerPoints',
      { items: results, chunk, nanoseconds },
      [points.at, results, positions, splits.count, step, out, chunk, work, bytes, ...strides],
      EIGHT_NINE,
    );
    engine.release(work);
  }

  async commit(values: readonly bigint[], blind: bigint): Promise<Affine> {
    const [point] = await this.commitAll([values], [blind]);
    return point as Affine;
  }

  commitAll(rows: readonly (readonly bigint[])[], blinds: readonly bigint[]): Promise<Affine[]> {
    return this.alone(async () => {
      const all = rows.map((row, i) => [blinds[i] as bigint, ...row]);
      const short = await this.shortRows(all.filter((row) => row.length <= SHORT));
      const points: (Affine | null)[] = [];
      for (const row of all) points.push(row.length <= SHORT ? (short.shift() as Affine | null) : await this.longRow(row));
      return points.map((p) => {
        if (p === null) throw new Error('commitment is the point at infinity: choose another blind');
        return p;
      });
    });
  }

  /** Sums over the base of rows of at most SHORT scalars. */
  private async shortRows(rows: readonly (readonly bigint[])[]): Promise<(Affine | null)[]> {
    if (rows.length === 0) return [];
    const { engine } = this;
    const length = Math.max(...rows.map((row) => row.length));
    const tables = await this.tables.byteTables(length);
    const scalars = engine.upload(byteScalars(rows.flatMap((row) => [...row, ...new Array<bigint>(length - row.length).fill(0n)])));
    const out = engine.memory.alloc(rows.length * POINT);
    const most = 32 * length;
    const chunk = Math.max(1, Math.min(Math.floor(TOGETHER / most), Math.ceil(rows.length / 8)));
    const work = this.points.work((chunk * (most + 1)) / 2 + 2, chunk * most, chunk);
    const job: Job = { items: rows.length, chunk, nanoseconds: ADDITION * rows.length * most + 20_000 };
    await engine.run('shortRows', job, [scalars, length, rows.length, chunk, tables, out, ...work.arguments]);
    const points = await this.points.read(out, rows.length);
    engine.release(work.at, scalars, out);
    return points;
  }

  /** As `shortRows`, one row of any length: by subset sums where they are there, or will pay. */
  private async longRow(row: readonly bigint[]): Promise<Affine | null> {
    const [blind, ...values] = row;
    const columns = values.length;
    const table = await this.tables.subsetsForScalars(columns);
    if (table === null) return this.sum(row, await this.tables.at(columns));
    const [point] = await this.rows(this.engine.upload(byteScalars(values)), SCALARS, columns, SCALAR_BITS, table, [blind as bigint]);
    return point ?? null;
  }

  msm(scalars: readonly bigint[], points: readonly (Affine | null)[]): Promise<Affine | null> {
    if (scalars.length !== points.length) throw new Error(`msm: ${scalars.length} scalars for ${points.length} points`);
    return this.alone(async () => {
      const { memory } = this.engine;
      const at = memory.alloc(points.length * POINT);
      const values: bigint[] = [];
      points.forEach((p, i) => {
        const s = scalars[i] as bigint;
        if (p === null || s === 0n) return;
        this.points.write(at + POINT * values.length, p);
        values.push(s);
      });
      await this.points.scale(at, values.length, TO_MONTGOMERY);
      const sum = await this.sum(values, at);
      memory.release(at);
      return sum;
    });
  }

  /** Σ scalars[i]·points[i] of finite points in Montgomery form. */
  private async sum(values: readonly bigint[], points: number): Promise<Affine | null> {
    if (values.length === 0) return null;
    const { engine } = this;
    const { memory } = engine;
    const scalars = memory.alloc(2 * SCALAR * values.length);
    values.forEach((s, i) => memory.write(scalars + SCALAR * i, s));
    const pass = cut(values.length, 10);
    const masks = memory.alloc(32 * chunksOf(pass));
    await engine.run('absoluteScalars', pass, [scalars, pass.items, pass.chunk, masks, ...words32(R, 8), ...words32((R - 1n) / 2n, 8)]);
    let largest = 0n;
    for (let c = 0; c < chunksOf(pass); c++) largest |= memory.read(masks + 32 * c);
    memory.release(masks);
    const result = memory.alloc(POINT);
    const whole = digitBits(values.length, largest.toString(2).length);
    const halves = digitBits(2 * values.length, SPLIT_BITS);
    if (ADDITION * halves.additions + SPLITTING * values.length < ADDITION * whole.additions) {
      const both = memory.alloc(2 * POINT * values.length);
      memory.bytes.copyWithin(both, points, points + POINT * values.length);
      const job = cut(values.length, SPLITTING);
      const words = SPLIT.flatMap((x) => words32(x.value, x.words));
      await engine.run('splitScalars', job, [scalars, job.items, job.chunk, ...words]);
      await engine.run('endomorphism', job, [both, job.items, job.chunk, both + POINT * job.items], [(BETA * RADIX) % Q]);
      await this.windows(scalars, both, 2 * values.length, halves, result);
      memory.release(both);
    } else await this.windows(scalars, points, values.length, whole, result);
    const [sum] = await this.points.read(result, 1);
    engine.release(scalars, result);
    return sum ?? null;
  }

  /** The sum of absolute values with signs times points, to `result`. */
  private async windows(scalars: number, points: number, count: number, digits: Digits, result: number): Promise<void> {
    const { engine } = this;
    const { memory } = engine;
    const { bits, windows, additions } = digits;
    // Each digit but the last stands for itself minus 2^(bits − 1): signed digits without carries.
    let offset = 0n;
    for (let w = 0; w < windows - 1; w++) offset |= 1n << BigInt(bits * w + bits - 1);
    const pass = cut(count, 10);
    await engine.run('offsetScalars', pass, [scalars, count, pass.chunk, ...words32(offset, 10)]);

    const ranges = Math.max(
      Math.ceil(count / MOST_POINTS),
      Math.min(Math.ceil((2 * engine.pool.size) / windows), Math.floor(count / 2048)),
      1,
    );
    const length = Math.ceil(count / ranges);
    const parts = Math.min(2 * engine.pool.size, Math.ceil(additions / 3000));
    const each = Math.max(1, Math.min(Math.ceil(windows / parts), Math.floor((2 * TOGETHER) / length)));
    const buckets = each * 2 ** (bits - 1);
    const halves = each * 2 ** Math.ceil(bits / 2 + 1);
    const work = this.points.work(
      Math.max(Math.ceil((each * length + buckets) / 2), buckets + halves, halves * bits) + 2,
      Math.max(each * length, 2 * buckets, halves * bits) + 2,
      Math.max(buckets, halves, each * bits),
    );
    const out = memory.alloc(ranges * windows * POINT);
    const tasks = ranges * Math.ceil(windows / each);
    const job: Job = { items: tasks, chunk: 1, nanoseconds: ADDITION * additions };
    await engine.run('msmWindows', job, [scalars, points, count, ranges, windows, each, bits, out, ...work.arguments]);
    await this.horner({ at: out, stride: 0 }, 1, windows, { count: ranges, stride: windows }, bits, result);
    engine.release(work.at, out);
  }
}

/** Scalars of 32 bytes, least significant first. */
function byteScalars(scalars: readonly bigint[]): Uint8Array {
  const words = new BigUint64Array(4 * scalars.length);
  scalars.forEach((s, i) => {
    for (let k = 0; k < 4; k++) words[4 * i + k] = BigInt.asUintN(64, s >> BigInt(64 * k));
  });
  return new Uint8Array(words.buffer);
}
