/**
 * The leaves of the fraction tree as integers, in chunks: constant ones (pads, and what no block covers), integers of one block, and the few
 * chunks where blocks meet as field elements.
 */
import { R, mod } from '../../../verifier/field.ts';
import { checkBlock, leafBits, leafRows, onDomain } from '../leaf-domain.ts';
import type { LeafBlock, LeafCells } from '../types.ts';
import { CELL, Cells, activeChunks, chunkBits, chunked, eqWeights, type Cell, type Source } from './cells.ts';
import type { Engine, Job } from './engine.ts';
import { RADIX_SQUARED, RADIX_X, factorTable, toMontgomery } from './memory.ts';

/** Entries of the map that point to a block's record. */
const INTEGERS = 2;
/** A leaf record (assembly/leaves.ts): a constant's cell, integers from 128, limbs from 192. */
const RECORD_BYTES = 768;
const LIMBS = { a: 192, aSquared: 272, aBeta: 352, aTwice: 432, id: 512, p: 592, e: 672 } as const;
/** Integers up to this take the short way. */
const FAST = 2 ** 19;

/** Integer formats of the kernels. */
const FORMATS = [
  { low: 0, high: 2 ** 16 - 1, array: Uint16Array },
  { low: -(2 ** 15), high: 2 ** 15 - 1, array: Int16Array },
  { low: -(2 ** 31), high: 2 ** 31 - 1, array: Int32Array },
  { low: -Infinity, high: Infinity, array: Float64Array },
] as const;

/** Smallest and largest value. */
function range(values: LeafCells): readonly [number, number] {
  let [low, high] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const v = values[i] as number;
    if (v < low) low = v;
    else if (v > high) high = v;
  }
  return [low, high];
}

/** What a chunk's summand depends on beside its integers: p and q without integers. */
interface Base {
  readonly at: number;
  readonly p: bigint;
  readonly q: bigint;
}

export class Leaves implements Source {
  readonly length: number;
  readonly log: number;
  private readonly engine: Engine;
  private readonly beta: bigint;
  /** Address of a chunk's cells, or of the cell that all of them equal plus 1, or of the record of their block plus 2. */
  readonly map: Uint32Array<ArrayBuffer>;
  /** Number of a chunk among the block's stored ones. */
  private readonly slots: Uint32Array<ArrayBuffer>;
  /** Of the variables bound so far: at most one. */
  private readonly challenges: bigint[] = [];
  private readonly bases: Base[] = [];
  readonly constants = new Map<number, Cell>();
  private blocks: number[] = [];
  private readonly mapAt: number;
  private readonly slotsAt: number;

  constructor(engine: Engine, depth: number, blocks: readonly LeafBlock[], alpha: bigint, beta: bigint) {
    for (const block of blocks) checkBlock(block, depth);
    this.engine = engine;
    this.beta = beta;
    this.length = 2 ** (depth - 1);
    // Two variables are bound at once.
    this.log = chunkBits(this.length / 2);
    this.map = new Uint32Array(this.length >> this.log).fill(this.constant(1n));
    this.slots = new Uint32Array(this.map.length);
    const pad = this.constant(alpha);
    const edges = new Set<number>();
    for (const block of blocks) this.place(block, depth, pad, alpha, edges);
    for (const k of edges) this.edge(k, blocks, alpha);
    [this.mapAt, this.slotsAt] = [this.upload(this.map), this.upload(this.slots)];
  }

  private upload(values: Uint32Array<ArrayBuffer>): number {
    const at = this.engine.upload(values);
    this.blocks.push(at);
    return at;
  }

  private alloc(bytes: number): number {
    const at = this.engine.memory.alloc(bytes);
    this.blocks.push(at);
    return at;
  }

  /** A constant 0/q: its entry of the map. */
  private constant(q: bigint): number {
    const at = this.alloc(RECORD_BYTES);
    this.engine.memory.words.fill(0, at >>> 2, (at + RECORD_BYTES) >>> 2);
    this.constants.set(at + 1, [0n, 0n, q, q]);
    this.write(at, [0n, 0n, q, q]);
    this.base(at, 0n, q);
    return at + 1;
  }

  private base(at: number, p: bigint, q: bigint): void {
    this.bases.push({ at, p, q });
    this.limbs(at + LIMBS.a, q);
  }

  private limbs(at: number, value: bigint): void {
    this.engine.memory.writeLimbs(at, toMontgomery(value));
  }

  private write(at: number, cell: readonly bigint[]): void {
    cell.forEach((x, k) => this.engine.memory.write(at + 32 * k, toMontgomery(x)));
  }

  /** The chunks that lie in the block alone. */
  private place(block: LeafBlock, depth: number, pad: number, alpha: bigint, edges: Set<number>): void {
    const { engine, map, slots } = this;
    const per = 2 << this.log;
    const end = block.offset + 2 ** leafBits(block.domain);
    // The only chunk of a tree of depth 1 is read by the host.
    const first = depth === 1 ? map.length : Math.ceil(block.offset / per);
    const last = Math.max(first, Math.floor(end / per));
    for (let k = Math.floor(block.offset / per); k < Math.ceil(end / per); k++)
      if (k < first || k >= last) edges.add(k);
      else map[k] = pad;
    if (last === first) return;
    const { length, starts } = leafRows(block.domain);
    const record = this.alloc(RECORD_BYTES);
    /** Leaves of a row that lie in those chunks: [from, to) in the tree. */
    const rows = (use: (from: number, to: number, cell: number) => void): void =>
      starts.forEach((start, r) => {
        const row = block.offset + start;
        const [from, to] = [Math.max(row, first * per), Math.min(row + length, last * per)];
        if (from < to) use(from, to, r * length + from - row);
      });
    rows((from, to) => map.fill(record + INTEGERS, Math.floor(from / per), Math.ceil(to / per)));
    let count = 0;
    for (let k = first; k < last; k++) if (map[k] === record + INTEGERS) slots[k] = count++;
    const place = (leaf: number): number => (slots[Math.floor(leaf / per)] as number) * per + (leaf % per);

    const masks = new Uint32Array(count);
    const inside = onDomain(block.domain);
    rows((from, to, cell) => {
      for (let leaf = from; leaf < to;) {
        const next = inside === null ? Math.min(to, leaf - (leaf % per) + per) : leaf + 1;
        const bits = inside === null || inside(cell + leaf - from) ? (0xffffffff >>> (32 - (next - leaf))) << (leaf % per) : 0;
        const slot = slots[Math.floor(leaf / per)] as number;
        masks[slot] = (masks[slot] as number) | bits;
        leaf = next;
      }
    });
    const store = (values: LeafCells, format: number): number => {
      const { array } = FORMATS[format] as (typeof FORMATS)[number];
      // Kernels read four integers at a time.
      const at = this.alloc((count * per + 2) * array.BYTES_PER_ELEMENT);
      const view = new array(engine.memory.memory.buffer, at, count * per).fill(0);
      rows((from, to, cell) => {
        const to0 = place(from);
        if (to - from > 48) view.set(values.subarray(cell, cell + to - from), to0);
        else for (let i = 0; i < to - from; i++) view[to0 + i] = values[cell + i] as number;
      });
      return at;
    };
    const ranges = block.values.map(range);
    const formats = ranges.map(([low, high]) => FORMATS.findIndex((f) => low >= f.low && high <= f.high));
    const padded = (values: readonly number[]): number[] => [...values, 0, 0].slice(0, 3);
    const fast = block.numerators === 'ones' && ranges.every(([low, high]) => low >= -FAST && high <= FAST);
    const words = [
      block.values.length,
      ...padded(block.values.map((v, k) => store(v, formats[k] as number))),
      ...padded(formats),
      this.upload(masks),
      block.numerators === 'ones' ? 0 : store(block.numerators, FORMATS.length - 1),
      fast ? 1 : 0,
    ];
    const a = mod(alpha - BigInt(block.id));
    engine.memory.words.set(words, (record + 128) >>> 2);
    this.base(record, 1n, a);
    this.limbs(record + LIMBS.aSquared, mod(a * a));
    engine.memory.writeLimbs(record + LIMBS.aBeta, mod(-a * mod(this.beta * RADIX_X)));
    this.limbs(record + LIMBS.aTwice, mod(2n * a));
    this.limbs(record + LIMBS.id, BigInt(block.id));
  }

  /** A chunk that several blocks share, or a block and nothing. */
  private edge(k: number, blocks: readonly LeafBlock[], alpha: bigint): void {
    const per = 2 << this.log;
    const leaves = Array.from({ length: per }, (): readonly [bigint, bigint] => [0n, 1n]);
    for (const block of blocks) {
      const end = Math.min(block.offset + 2 ** leafBits(block.domain), (k + 1) * per);
      const from = Math.max(block.offset, k * per);
      for (let leaf = from; leaf < end; leaf++) leaves[leaf - k * per] = [0n, alpha];
      if (from >= end) continue;
      const { length, starts } = leafRows(block.domain);
      const inside = onDomain(block.domain);
      starts.forEach((start, r) => {
        const row = block.offset + start;
        for (let leaf = Math.max(row, from); leaf < Math.min(row + length, end); leaf++) {
          const cell = r * length + leaf - row;
          const on = inside === null || inside(cell) ? 1n : 0n;
          const count = block.numerators === 'ones' ? 1n : -BigInt(block.numerators[cell] as number);
          const tuple = block.values.reduceRight((sum, v) => this.beta * (sum + BigInt(v[cell] as number)), 0n);
          leaves[leaf - k * per] = [mod(count * on), mod(alpha - BigInt(block.id) * on - tuple)];
        }
      });
    }
    const at = this.alloc((CELL / 2) * per);
    for (let i = 0; i < per; i += 2) {
      const [[p0, q0], [p1, q1]] = [leaves[i], leaves[i + 1]] as [readonly [bigint, bigint], readonly [bigint, bigint]];
      this.write(at + (CELL / 2) * i, [p0, p1, q0, q1]);
    }
    this.map[k] = at;
  }

  /** Runs a kernel whose parameters are those of all kernels over leaves and these. */
  private async run(kernel: string, job: Job, ints: readonly number[], parameters: readonly bigint[]): Promise<void> {
    const { memory } = this.engine;
    const powers = this.powers([1, 2, 3], 1n);
    const all = [
      RADIX_SQUARED,
      RADIX_X,
      ...powers.map((b) => mod(b * RADIX_X)),
      ...powers.map((b) => mod(b * RADIX_SQUARED)),
      ...parameters,
    ];
    const at = memory.alloc(80 * all.length);
    all.forEach((x, k) => memory.writeLimbs(at + 80 * k, x));
    await this.engine.run(kernel, job, [...ints, ...new Array<number>(14 - ints.length).fill(0), at]);
    memory.release(at);
  }

  /** Powers of β, times `factor`. */
  private powers(exponents: readonly number[], factor: bigint): bigint[] {
    return exponents.map((k) => mod(mod(this.beta ** BigInt(k)) * factor));
  }

  /** The single cell of a tree of depth 1. */
  cell(): Cell {
    return [0, 1, 2, 3].map((k) => this.engine.element(((this.map[0] as number) & ~3) + 32 * k)) as unknown as Cell;
  }

  /** The nodes of the layer above the leaves, or, with `twice`, of the one above that. */
  async parents(twice: boolean): Promise<Cells> {
    const { engine } = this;
    const cells = Cells.above(engine, this, twice ? 2 : 1);
    const job = cells.job(twice ? 300 : 120);
    const ints = [this.mapAt, this.slotsAt, this.log, cells.mapAt, cells.log, job.items, job.chunk, twice ? 1 : 0];
    await this.run('leafParents', job, ints, [...this.powers([2], RADIX_X), ...this.powers([1], R - RADIX_X)]);
    return cells;
  }

  /** Writes what depends on λ: constants' p1 + λ·q1, and p + λ·q of every base. */
  fold(lambda: bigint): void {
    for (const [entry, [p0, p1, q0, q1]] of this.constants) {
      const cell = [p0, mod(p1 + lambda * q1), q0, q1] as const;
      this.constants.set(entry, cell);
      this.write(entry - 1, cell);
    }
    for (const { at, p, q } of this.bases) {
      this.limbs(at + LIMBS.p, p);
      this.limbs(at + LIMBS.e, mod(p + lambda * q));
    }
  }

  /** Pairs of cells that a round works on. */
  activePairs(): number {
    return activeChunks(this.map, 2 << this.challenges.length) << this.log;
  }

  /** A round's sums; `ints` and `small`, eq as factors of integers, as the kernel reads them. */
  async round(job: Job, ints: readonly number[], small: number, lambda: bigint): Promise<void> {
    const [r] = this.challenges;
    const weights = r === undefined ? [1n, 0n] : [mod(1n - r), r];
    const [w0, w1] = weights as [bigint, bigint];
    const products = [mod(w0 * w0), mod(w0 * w1), mod(w1 * w1)].flatMap((w) => this.powers([2, 3, 4, 5, 6], mod(lambda * w)));
    const linear = weights.flatMap((w) => this.powers([1, 2, 3], mod(-w)));
    await this.run(
      'leafRound',
      job,
      [this.mapAt, this.log, this.map.length >> (1 + this.challenges.length), ...ints, this.slotsAt, small, this.challenges.length],
      [...[...products, ...linear, 1n, ...weights].map(toMontgomery), ...factorTable(lambda), ...factorTable(r ?? 0n)],
    );
  }

  /**
   * Binds the next variable. The second one, or the only one, makes cells of the leaves, which are given up; after the first of several they
   * still are integers.
   */
  async bind(challenge: bigint, lambda: bigint): Promise<Cells | this> {
    this.challenges.push(challenge);
    const bound = this.challenges.length;
    if (bound === 1 && this.length > 2) return this;
    const cells = Cells.bound(this.engine, this, this.challenges);
    const weights = eqWeights(this.challenges);
    const factors = [1n, lambda].map((f) =>
      [0, 1, 2, 3].flatMap((s) => this.powers([1, 2, 3], mod(mod(-f * (weights[s] ?? 0n)) * RADIX_X))),
    );
    const groups = this.map.length >> bound;
    const job = chunked(groups, activeChunks(this.map, 1 << bound) << this.log, 110);
    await this.run(
      'leafBind',
      job,
      [this.mapAt, this.log, groups, cells.mapAt, job.chunk, 1 << bound, 0, 0, 0, 0, 0, this.slotsAt],
      [...factors.flat(), ...[0, 1, 2, 3].map((s) => toMontgomery(weights[s] ?? 0n)), ...[lambda, ...this.challenges].flatMap(factorTable)],
    );
    this.free();
    cells.split();
    return cells;
  }

  free(): void {
    this.engine.release(...this.blocks);
    this.blocks = [];
  }
}
