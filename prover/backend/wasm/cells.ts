/** Cells of a layer's sumcheck, in chunks of which constant ones take no room. A cell is p0, p1, q0, q1: two neighbouring nodes. */
import { mod } from '../../../verifier/field.ts';
import { cut, type Engine, type Job } from './engine.ts';
import { factorTable, toMontgomery } from './memory.ts';

export type Cell = readonly [bigint, bigint, bigint, bigint];

export const CELL = 128;
/** Entries of a map: the address of a chunk's cells, or that of the one cell that all of them equal plus this. */
const CONSTANT = 1;
const CHUNK_BITS = 4;
/** Storage comes in pieces of at most so many bytes, which fit the gaps that other layers leave. */
const PIECE_BYTES = 2 ** 24;

/** log2 of a chunk's cells: at least two chunks, where there are two cells. */
export const chunkBits = (length: number): number => Math.max(0, Math.min(CHUNK_BITS, Math.log2(length) - 1));

/** A table of cells, or of leaves in pairs. */
export interface Source {
  readonly length: number;
  readonly log: number;
  readonly map: Uint32Array<ArrayBuffer>;
  /** The constant cells by entry. */
  readonly constants: ReadonlyMap<number, Cell>;
}

export class Cells implements Source {
  length: number;
  log: number;
  map: Uint32Array<ArrayBuffer>;
  mapAt = 0;
  readonly constants = new Map<number, Cell>();
  private readonly engine: Engine;
  private blocks: number[] = [];
  /** Chunks with storage of their own, when the table was made. */
  private stored = 0;

  private constructor(engine: Engine, length: number, log: number) {
    this.engine = engine;
    this.length = length;
    this.log = log;
    this.map = new Uint32Array(length >> log);
  }

  /** Room for the nodes `layers` above a table; constant chunks are filled in. */
  static above(engine: Engine, below: Source, layers: number): Cells {
    const length = below.length / 2 ** layers;
    const cells = new Cells(engine, length, chunkBits(length));
    const group = 2 ** (cells.log + layers - below.log);
    const known = new Map<number, number>();
    for (let k = 0; k < cells.map.length; k++) {
      const entry = below.map[k * group] as number;
      if (!(entry & CONSTANT)) continue;
      let same = true;
      for (let i = 1; i < group && same; i++) same = below.map[k * group + i] === entry;
      if (!same) continue;
      let above = known.get(entry);
      if (above === undefined) {
        let cell = below.constants.get(entry) as Cell;
        for (let l = 0; l < layers; l++) {
          const [p, q] = [mod(cell[0] * cell[3] + cell[1] * cell[2]), mod(cell[2] * cell[3])];
          cell = [p, p, q, q];
        }
        known.set(entry, (above = cells.constant(cell)));
      }
      cells.map[k] = above;
    }
    cells.allocate();
    return cells;
  }

  /** Room for a table with its first variables bound; constant chunks are filled in. */
  static bound(engine: Engine, from: Source, challenges: readonly bigint[]): Cells {
    const cells = new Cells(engine, from.length >> challenges.length, from.log);
    cells.bindConstants(from, cells.map, challenges);
    cells.allocate();
    return cells;
  }

  /** Fills in the groups of constant chunks. */
  private bindConstants(from: Source, to: Uint32Array, challenges: readonly bigint[]): void {
    const known = new Map<string, number>();
    const weights = eqWeights(challenges);
    const group = new Array<number>(weights.length).fill(0);
    let entry = 0;
    for (let k = 0; k < to.length; k++) {
      let constant = CONSTANT;
      let same = entry !== 0;
      for (let s = 0, at = k; at < from.map.length; s++, at += to.length) {
        const e = from.map[at] as number;
        constant &= e;
        same &&= e === group[s];
        group[s] = e;
      }
      if (constant === 0) entry = 0;
      else if (!same) {
        const key = group.join();
        entry =
          known.get(key) ??
          this.constant(
            combine(
              weights,
              group.map((e) => from.constants.get(e) as Cell),
            ),
          );
        known.set(key, entry);
      }
      to[k] = entry;
    }
  }

  /** A constant cell's entry. */
  private constant(cell: Cell): number {
    const at = this.engine.memory.alloc(CELL);
    this.blocks.push(at);
    this.constants.set(at + CONSTANT, cell);
    this.write(at, cell);
    return at + CONSTANT;
  }

  private write(at: number, cell: Cell): void {
    cell.forEach((x, k) => this.engine.memory.write(at + 32 * k, toMontgomery(x)));
  }

  /** Room for the chunks that are not constant. */
  private allocate(): void {
    const bytes = CELL << this.log;
    const piece = PIECE_BYTES / bytes;
    let left = 0;
    for (const entry of this.map) if (entry === 0) left++;
    this.stored = left;
    let at = 0;
    for (let k = 0, room = 0; k < this.map.length; k++) {
      if (this.map[k] !== 0) continue;
      if (room === 0) {
        room = Math.min(left, piece);
        left -= room;
        this.blocks.push((at = this.engine.memory.alloc(room * bytes)));
      }
      this.map[k] = at;
      at += bytes;
      room--;
    }
    this.mapAt = this.engine.upload(this.map);
  }

  /** A job over the chunks, at so many nanoseconds a cell. */
  job(nanoseconds: number): Job {
    return chunked(this.map.length, this.stored << this.log, nanoseconds);
  }

  /** The nodes of the layer above. */
  async parents(): Promise<Cells> {
    const cells = Cells.above(this.engine, this, 1);
    const job = cells.job(140);
    await this.engine.run('parents', job, [this.mapAt, this.log, cells.mapAt, cells.log, job.items, job.chunk]);
    return cells;
  }

  /** p1 + λ·q1 for p1 in constant cells; others wait for the first round. */
  fold(lambda: bigint): void {
    for (const [entry, [p0, p1, q0, q1]] of this.constants) {
      const cell: Cell = [p0, mod(p1 + lambda * q1), q0, q1];
      this.constants.set(entry, cell);
      this.write(entry - CONSTANT, cell);
    }
  }

  /** Pairs of cells that a round works on. */
  activePairs(): number {
    return activeChunks(this.map, 2) << this.log;
  }

  /** A round's sums; `ints` as the kernel reads them. In the first round p1 becomes p1 + λ·q1. */
  async round(job: Job, ints: readonly number[], lambda: bigint): Promise<void> {
    await this.engine.run('layerRound', job, [this.mapAt, this.log, this.map.length / 2, ...ints], factorTable(lambda));
  }

  /** Binds the first variable, in place. */
  async bind(challenge: bigint): Promise<this> {
    const { engine, map } = this;
    const half = map.length / 2;
    const result = new Uint32Array(half);
    this.bindConstants(this, result, [challenge]);
    let active = 0;
    for (let k = 0; k < half; k++) {
      if (result[k] !== 0) continue;
      const low = map[k] as number;
      result[k] = low & CONSTANT ? (map[k + half] as number) : low;
      active++;
    }
    const to = engine.upload(result);
    const job = chunked(half, active << this.log, 64);
    await engine.run('bindCells', job, [this.mapAt, this.log, half, to, job.chunk], factorTable(challenge));
    engine.release(this.mapAt);
    [this.map, this.mapAt] = [result, to];
    this.length /= 2;
    this.split();
    return this;
  }

  /** Halves the chunks where there would be one alone. */
  split(): void {
    const log = chunkBits(this.length);
    if (log === this.log) return;
    while (this.log > log) {
      this.log--;
      const { map } = this;
      this.map = new Uint32Array(2 * map.length);
      map.forEach((entry, k) => this.map.set([entry, entry & CONSTANT ? entry : entry + (CELL << this.log)], 2 * k));
    }
    this.engine.release(this.mapAt);
    this.mapAt = this.engine.upload(this.map);
  }

  /** The single cell of a table of one. */
  cell(): Cell {
    const at = (this.map[0] as number) & ~CONSTANT;
    return [0, 1, 2, 3].map((k) => this.engine.element(at + 32 * k)) as unknown as Cell;
  }

  free(): void {
    this.engine.release(...this.blocks, this.mapAt);
    this.blocks = [];
  }
}

/** Groups of chunks, `group` of them equally far apart, that are not all constant. */
export function activeChunks(map: Uint32Array, group: number): number {
  const apart = map.length / group;
  let count = 0;
  for (let k = 0; k < apart; k++) {
    let constant = CONSTANT;
    for (let at = k; at < map.length; at += apart) constant &= map[at] as number;
    count += 1 - constant;
  }
  return count;
}

const combine = (weights: readonly bigint[], cells: readonly Cell[]): Cell =>
  [0, 1, 2, 3].map((i) => mod(cells.reduce((sum, c, s) => sum + (weights[s] as bigint) * (c[i] as bigint), 0n))) as unknown as Cell;

/** eq(challenges, ·), the first the most significant. */
export const eqWeights = (challenges: readonly bigint[]): bigint[] =>
  challenges.reduce((table, r) => table.flatMap((w) => [mod(w * (1n - r)), mod(w * r)]), [1n]);

/** A job over `items` items, of which `work` units at so many nanoseconds are to be done. */
export function chunked(items: number, work: number, nanoseconds: number): Job {
  const whole = cut(work, nanoseconds);
  const one = whole.chunk >= whole.items;
  return { items, chunk: one ? items : Math.ceil(items / 32), nanoseconds: whole.nanoseconds };
}
