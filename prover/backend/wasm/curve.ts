/** Commitments over the fixed generators, and multi-exponentiations. */
import type { Affine } from '../../../verifier/curve.ts';
import { Q, R } from '../../../verifier/field.ts';
import { H, candidate } from '../../../verifier/generators.ts';
import type { Keccak } from '../../../verifier/words.ts';
import { rowsOf } from '../rows.ts';
import type { Cells } from '../types.ts';
import { RADIX } from './constants.ts';
import { BETA, SPLIT, SPLIT_BITS } from './endomorphism.ts';
import { chunksOf, cut, type Engine, type Job } from './engine.ts';

const POINT = 64;
/** Bytes of a scalar of a multi-exponentiation: 36 of its value, then its sign. */
const SCALAR = 40;
/** Nanoseconds of one addition of points among many, of a doubling and an addition in homogeneous coordinates (two at a time), and of a square root. */
const ADDITION = 130;
const DOUBLING = 350;
const MIXED_ADDITION = 650;
const ROOT = 5000;
/** Of splitting a scalar and of its second point. */
const SPLITTING = 250;
/** Additions that share an inversion, and the bytes of their list and products (assembly/curve.ts). */
const BATCH_BYTES = (2048 + 4) * 52;
/** Points added up together by a thread, where there is a choice. */
const TOGETHER = 8192;
/** Digits of a multi-exponentiation have at least 4 bits; a thread adds up at most this many points. */
const LEAST_BITS = 4;
const MOST_BITS = 15;
const MOST_POINTS = 2 ** 17;
/** Scalars of short rows and of blinds are taken byte by byte, from subset sums of a point's multiples 2^i. */
const BYTE_TABLE = 32 * 256 * POINT;
const SHORT = 16;
const SCALAR_BITS = 256;
/** Most bits of the subsets of generators, and most bytes of their sums. */
const MOST_SUBSET = 12;
/** Subsets of fewer bits cost a row of scalars more additions than buckets do. */
const LEAST_SUBSET = 8;
const MOST_TABLE = 3 * 2 ** 25;
/** Bytes of cells, and of planes, that are in the kernels' memory at once. */
const BLOCK = 2 ** 24;

const EIGHT_NINE: readonly bigint[] = [(8n * RADIX) % Q, (9n * RADIX) % Q];
const TO_MONTGOMERY = (RADIX * RADIX) % Q;

const align = (bytes: number): number => Math.ceil(bytes / POINT) * POINT;

/** 32-bit words of a number, least significant first. */
const words32 = (x: bigint, count: number): number[] =>
  Array.from({ length: count }, (_, k) => Number((x >> BigInt(32 * k)) & 0xffffffffn));

/** Subset sums of the generators in groups of `bits`. */
interface Subsets {
  readonly at: number;
  readonly count: number;
  readonly bits: number;
}

/** Work space of a thread; assembly/msm.ts lays it out. */
interface Work {
  readonly at: number;
  /** Arguments of a kernel: address, bytes of a thread, and what these hold. */
  readonly arguments: readonly number[];
}

const subsetBytes = (columns: number, bits: number): number => Math.ceil(columns / bits) * 2 ** bits * POINT;

/** The bits of subsets with the fewest additions for a table and rows of 16-bit cells; a table larger than needed serves later rows. */
function subsetBits(columns: number, rows: number): number {
  let best = 1;
  let least = Infinity;
  for (let bits = 1; bits <= Math.min(MOST_SUBSET, columns); bits++) {
    if (bits > 1 && subsetBytes(columns, bits) > MOST_TABLE) break;
    const additions = Math.ceil(columns / bits) * (2 ** bits + 16 * rows);
    if (additions < least) [best, least] = [bits, additions];
  }
  return best;
}

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
  private readonly keccak: Keccak;
  /** H, G_0, G_1, … in Montgomery form. */
  private base: { at: number; count: number } | null = null;
  private subsets: Subsets | null = null;
  /** Rows of 16-bit cells that subset sums have been used for. */
  private asked = 0;
  /** Byte tables of the first points of the base. */
  private bytes: { at: number; count: number; room: number } | null = null;
  /** Tables are built and replaced by one caller at a time, while nobody reads them. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(engine: Engine, keccak: Keccak) {
    this.engine = engine;
    this.keccak = keccak;
  }

  private alone<T>(f: () => Promise<T>): Promise<T> {
    const result = this.last.then(f);
    this.last = result.catch(() => {});
    return result;
  }

  private writePoint(at: number, { x, y }: Affine): void {
    this.engine.memory.write(at, x);
    this.engine.memory.write(at + 32, y);
  }

  /** Takes points out of Montgomery form in place, then reads them. */
  private async readPoints(at: number, count: number): Promise<(Affine | null)[]> {
    await this.scale(at, count, 1n);
    const { memory } = this.engine;
    return Array.from({ length: count }, (_, i) => {
      const x = memory.read(at + POINT * i);
      const y = memory.read(at + POINT * i + 32);
      return x === 0n && y === 0n ? null : { x, y };
    });
  }

  private scale(at: number, count: number, factor: bigint): Promise<void> {
    const job = cut(count, 60);
    return this.engine.run('scalePoints', job, [at, count, job.chunk], [factor]);
  }

  /** Work space for every thread: `points` partial sums, `addresses` of points, `segments` of them. */
  private work(points: number, addresses: number, segments: number): Work {
    const bytes = align(2 * POINT * points + BATCH_BYTES + 4 * (addresses + 3 * segments));
    const at = this.engine.memory.alloc(bytes * (this.engine.pool.size + 1));
    return { at, arguments: [at, bytes, points, addresses, segments] };
  }

  /** The base with at least `count` generators. */
  private async generatorsAt(count: number): Promise<number> {
    const have = this.base?.count ?? 0;
    if (this.base !== null && have >= count) return this.base.at;
    const { engine } = this;
    const { memory } = engine;
    const at = memory.alloc(POINT * (1 + count));
    if (this.base === null) {
      this.writePoint(at, H);
      await this.scale(at, 1, TO_MONTGOMERY);
    } else {
      memory.bytes.copyWithin(at, this.base.at, this.base.at + POINT * (1 + have));
      memory.release(this.base.at);
    }
    let missing = Array.from({ length: count - have }, (_, k) => have + k);
    for (let counter = 0; missing.length > 0; counter++) {
      const digests = new Uint8Array(32 * missing.length);
      missing.forEach((index, k) => digests.set(candidate(index, counter, this.keccak).reverse(), 32 * k));
      const job: Job = {
        items: missing.length,
        chunk: 4 * Math.ceil(missing.length / 128),
        nanoseconds: ROOT * missing.length,
      };
      const from = engine.upload(digests);
      const to = memory.alloc(POINT * missing.length);
      const constants = [TO_MONTGOMERY, (3n * RADIX) % Q, RADIX % Q, 1n];
      await engine.run('liftPoints', job, [from, missing.length, job.chunk, to, ...words32((Q + 1n) / 4n, 8)], constants);
      const { bytes, quads } = memory;
      missing = missing.filter((index, k) => {
        const point = to + POINT * k;
        // A point with x = 0 would have y² = 3, which is no square.
        if (quads.subarray(point >>> 3, (point >>> 3) + 4).every((w) => w === 0n)) return true;
        bytes.copyWithin(at + POINT * (1 + index), point, point + POINT);
        return false;
      });
      engine.release(from, to);
    }
    this.base = { at, count };
    return at;
  }

  /** G_0 … G_{count−1}. */
  generators(count: number): Promise<Affine[]> {
    return this.alone(async () => {
      const base = await this.generatorsAt(count);
      const { memory } = this.engine;
      const copy = memory.alloc(POINT * count);
      memory.bytes.copyWithin(copy, base + POINT, base + POINT * (1 + count));
      const points = (await this.readPoints(copy, count)) as Affine[];
      memory.release(copy);
      return points;
    });
  }

  /** Subset sums of `count` points in groups of `bits`. */
  private async subsetSums(points: number, count: number, bits: number, out: number): Promise<void> {
    const groups = Math.ceil(count / bits);
    const job: Job = { items: groups, chunk: Math.ceil(groups / 32), nanoseconds: ADDITION * groups * 2 ** bits };
    const work = this.work(0, 0, 0);
    await this.engine.run('subsetSums', job, [points, count, bits, out, job.chunk, ...work.arguments]);
    this.engine.release(work.at);
  }

  private async subsetsFor(columns: number, rows: number): Promise<Subsets> {
    // As many rows are expected to come as there have been: tables grow with the work that they save.
    const bits = subsetBits(columns, rows + this.asked);
    this.asked += rows;
    const old = this.subsets;
    if (old !== null && old.count >= columns && old.bits + 1 >= bits) return old;
    const count = Math.max(columns, old?.count ?? 0);
    const base = await this.generatorsAt(count);
    if (old !== null) this.engine.release(old.at);
    this.subsets = null;
    const at = this.engine.memory.alloc(subsetBytes(count, bits));
    await this.subsetSums(base + POINT, count, bits, at);
    this.subsets = { at, count, bits };
    return this.subsets;
  }

  /** Byte tables of at least the first `count` points of the base, one after another. */
  private async byteTables(count: number): Promise<number> {
    const base = await this.generatorsAt(Math.max(count - 1, this.base?.count ?? 0));
    const { memory } = this.engine;
    const old = this.bytes;
    let tables = old ?? { at: memory.alloc(BYTE_TABLE), count: 0, room: 1 };
    if (tables.room < count) {
      const room = 2 ** Math.ceil(Math.log2(count));
      const at = memory.alloc(room * BYTE_TABLE);
      memory.bytes.copyWithin(at, tables.at, tables.at + tables.count * BYTE_TABLE);
      memory.release(tables.at);
      tables = { at, count: tables.count, room };
    }
    const missing = count - tables.count;
    if (missing > 0) {
      const multiples = memory.alloc(missing * SCALAR_BITS * POINT);
      const work = this.work(0, 0, 0);
      const job: Job = { items: 1, chunk: 1, nanoseconds: SCALAR_BITS * (3000 + ADDITION * missing) };
      await this.engine.run('doublePoints', job, [base + POINT * tables.count, missing, SCALAR_BITS, multiples, work.at]);
      await this.subsetSums(multiples, missing * SCALAR_BITS, 8, tables.at + tables.count * BYTE_TABLE);
      this.engine.release(multiples, work.at);
      tables.count = count;
    }
    this.bytes = tables;
    return tables.at;
  }

  async commitRows(cells: Cells, columns: number, blinds: readonly bigint[], which?: readonly number[]): Promise<Affine[]> {
    const list = rowsOf(cells, columns, blinds, which);
    const planes = planesOf(cells);
    return this.alone(async () => {
      const table = await this.subsetsFor(columns, list.length);
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
    const blindTable = await this.byteTables(1);
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
    const work = this.work(Math.ceil((together * most + segments) / 2) + 2, segments * (groups + 32), segments);
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
    const points = await this.readPoints(out, rows);
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
    const tables = await this.byteTables(length);
    const scalars = engine.upload(byteScalars(rows.flatMap((row) => [...row, ...new Array<bigint>(length - row.length).fill(0n)])));
    const out = engine.memory.alloc(rows.length * POINT);
    const most = 32 * length;
    const chunk = Math.max(1, Math.min(Math.floor(TOGETHER / most), Math.ceil(rows.length / 8)));
    const work = this.work((chunk * (most + 1)) / 2 + 2, chunk * most, chunk);
    const job: Job = { items: rows.length, chunk, nanoseconds: ADDITION * rows.length * most + 20_000 };
    await engine.run('shortRows', job, [scalars, length, rows.length, chunk, tables, out, ...work.arguments]);
    const points = await this.readPoints(out, rows.length);
    engine.release(work.at, scalars, out);
    return points;
  }

  /** As `shortRows`, one row of any length: by subset sums where they are there, or will pay. A scalar has as many planes as 16 cells. */
  private async longRow(row: readonly bigint[]): Promise<Affine | null> {
    const [blind, ...values] = row;
    const columns = values.length;
    const there = this.subsets !== null && this.subsets.count >= columns && this.subsets.bits >= LEAST_SUBSET;
    if (!there && subsetBits(columns, this.asked) < LEAST_SUBSET) {
      this.asked += 16;
      return this.sum(row, await this.generatorsAt(columns));
    }
    const table = await this.subsetsFor(columns, 16);
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
        this.writePoint(at + POINT * values.length, p);
        values.push(s);
      });
      await this.scale(at, values.length, TO_MONTGOMERY);
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
    const [sum] = await this.readPoints(result, 1);
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
    const work = this.work(
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
