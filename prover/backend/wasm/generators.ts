/** Tables over the generators and H: themselves, subset sums of neighbours, and byte tables of the first few. Callers take turns (curve.ts). */
import type { Affine } from '../../../verifier/curve.ts';
import { Q } from '../../../verifier/field.ts';
import { H, candidate } from '../../../verifier/generators.ts';
import type { Keccak } from '../../../verifier/words.ts';
import { RADIX } from './constants.ts';
import type { Engine, Job } from './engine.ts';
import { ADDITION, POINT, TO_MONTGOMERY, words32, type Points } from './points.ts';

/** Nanoseconds of a square root. */
const ROOT = 5000;
/** Scalars of short rows and of blinds are taken byte by byte, from subset sums of a point's multiples 2^i. */
const BYTE_TABLE = 32 * 256 * POINT;
export const SCALAR_BITS = 256;
/** Most bits of the subsets of generators, and most bytes of their sums. */
const MOST_SUBSET = 12;
/** Subsets of fewer bits cost a row of scalars more additions than buckets do. */
const LEAST_SUBSET = 8;
const MOST_TABLE = 3 * 2 ** 25;

/** Subset sums of the generators in groups of `bits`. */
export interface Subsets {
  readonly at: number;
  readonly count: number;
  readonly bits: number;
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

export class Generators {
  private readonly engine: Engine;
  private readonly points: Points;
  private readonly keccak: Keccak;
  /** H, G_0, G_1, … in Montgomery form. */
  private base: { at: number; count: number } | null = null;
  private subsets: Subsets | null = null;
  /** Rows of 16-bit cells that subset sums have been used for. */
  private asked = 0;
  /** Byte tables of the first points of the base. */
  private bytes: { at: number; count: number; room: number } | null = null;

  constructor(engine: Engine, points: Points, keccak: Keccak) {
    this.engine = engine;
    this.points = points;
    this.keccak = keccak;
  }

  /** The base with at least `count` generators. */
  async at(count: number): Promise<number> {
    const have = this.base?.count ?? 0;
    if (this.base !== null && have >= count) return this.base.at;
    const { engine } = this;
    const { memory } = engine;
    const at = memory.alloc(POINT * (1 + count));
    if (this.base === null) {
      this.points.write(at, H);
      await this.points.scale(at, 1, TO_MONTGOMERY);
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
  async affine(count: number): Promise<Affine[]> {
    const base = await this.at(count);
    const { memory } = this.engine;
    const copy = memory.alloc(POINT * count);
    memory.bytes.copyWithin(copy, base + POINT, base + POINT * (1 + count));
    const points = (await this.points.read(copy, count)) as Affine[];
    memory.release(copy);
    return points;
  }

  /** Subset sums of `count` points in groups of `bits`. */
  private async subsetSums(points: number, count: number, bits: number, out: number): Promise<void> {
    const groups = Math.ceil(count / bits);
    const job: Job = { items: groups, chunk: Math.ceil(groups / 32), nanoseconds: ADDITION * groups * 2 ** bits };
    const work = this.points.work(0, 0, 0);
    await this.engine.run('subsetSums', job, [points, count, bits, out, job.chunk, ...work.arguments]);
    this.engine.release(work.at);
  }

  /** Subset sums for rows of so many 16-bit cells. */
  async subsetsFor(columns: number, rows: number): Promise<Subsets> {
    // As many rows are expected to come as there have been: tables grow with the work that they save.
    const bits = subsetBits(columns, rows + this.asked);
    this.asked += rows;
    const old = this.subsets;
    if (old !== null && old.count >= columns && old.bits + 1 >= bits) return old;
    const count = Math.max(columns, old?.count ?? 0);
    const base = await this.at(count);
    if (old !== null) this.engine.release(old.at);
    this.subsets = null;
    const at = this.engine.memory.alloc(subsetBytes(count, bits));
    await this.subsetSums(base + POINT, count, bits, at);
    this.subsets = { at, count, bits };
    return this.subsets;
  }

  /** Byte tables of at least the first `count` points of the base, one after another. */
  async byteTables(count: number): Promise<number> {
    const base = await this.at(Math.max(count - 1, this.base?.count ?? 0));
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
      const work = this.points.work(0, 0, 0);
      const job: Job = { items: 1, chunk: 1, nanoseconds: SCALAR_BITS * (3000 + ADDITION * missing) };
      await this.engine.run('doublePoints', job, [base + POINT * tables.count, missing, SCALAR_BITS, multiples, work.at]);
      await this.subsetSums(multiples, missing * SCALAR_BITS, 8, tables.at + tables.count * BYTE_TABLE);
      this.engine.release(multiples, work.at);
      tables.count = count;
    }
    this.bytes = tables;
    return tables.at;
  }

  /** Subset sums for a row of scalars, which has as many planes as 16 cells of 16 bits; null where they are not there and will not pay. */
  async subsetsForScalars(columns: number): Promise<Subsets | null> {
    const there = this.subsets !== null && this.subsets.count >= columns && this.subsets.bits >= LEAST_SUBSET;
    if (there || subsetBits(columns, this.asked) >= LEAST_SUBSET) return this.subsetsFor(columns, 16);
    this.asked += 16;
    return null;
  }
}
