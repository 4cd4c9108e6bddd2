/**
 * Tables over the generators and H: themselves, sums of all subsets of neighbours, and of the multiples 2^i of the first few. Callers take turns
 * (curve.ts). The generators are tested to be those of verifier/generators.ts; their square roots are computed on the device.
 */
import { Q } from '../../../verifier/field.ts';
import { H, candidate } from '../../../verifier/generators.ts';
import { readWord } from '../../../verifier/words.ts';
import { items, whole, type Device } from './device.ts';
import { invocations, type Kernel } from './kernel.ts';
import { affineBytes, fromAffine, ROOT_EXPONENT, type HostPoint, type Points } from './points.ts';
import type { Region } from './regions.ts';
import { ELEMENT } from './sums.ts';
import { montgomery } from './wgsl/field.ts';
import { AFFINE, POINT, POINT_CODE, pointAccess } from './wgsl/point.ts';

/** Most bits of subsets of generators, and most bytes of their sums. */
const MOST_SUBSET = 14;
const MOST_TABLE = 2 ** 28;
/** Additions that a table's entry costs, with its share of an inversion. */
const ENTRY = 4;
/** Bits of the subsets of a point's multiples 2^i. */
const MULTIPLES_SUBSET = 8;
export const SCALAR_BITS = 256;
/** Entries of a table that an invocation makes, and that are made at a time. */
const ENTRY_RUN = 16;
const PIECE = 2 ** 18;

/**
 * Item k: the point with abscissa x_k (canonical) and the even ordinate, affine in Montgomery form, or zeros if there is none. Words: the constant 3 in
 * Montgomery form, the root's exponent.
 */
const LIFT: Kernel = invocations(
  'points from abscissas',
  ['Q'],
  [
    { name: 'candidates', type: 'vec4u', access: 'read' },
    { name: 'out', type: 'vec4u', access: 'write' },
  ],
  `
  let x = toMontgomeryQ(loadQ_candidates(at_candidates + item));
  let square = addQ(mulQ(mulQ(x, x), x), constantQ(0u));
  var y = oneQ();
  for (var i = 256u; i > 0u; i--) {
    y = mulQ(y, y);
    if (((word(8u + ((i - 1u) >> 5u)) >> ((i - 1u) & 31u)) & 1u) == 1u) { y = mulQ(y, square); }
  }
  let is = equalQ(mulQ(y, y), square);
  y = selectQ(y, negQ(y), (fromMontgomeryQ(y).l0 & 1u) == 1u);
  let to = 2u * (at_out + item);
  storeQ_out(to, selectQ(zeroQ(), x, is));
  storeQ_out(to + 1u, selectQ(zeroQ(), y, is));`,
);

/**
 * Item k: a run of 2^m sums of subsets of a group of points, the subset's bits counting the group's points. Words: bits of a subset, m, points. An entry is the one
 * without its lowest point, plus that; only the run's first takes several additions.
 */
const SUBSETS: Kernel = invocations(
  'sums of subsets',
  ['Q'],
  [
    { name: 'points', type: 'vec4u', access: 'read' },
    { name: 'out', type: 'vec4u', access: 'write' },
  ],
  `
  let bits = word(0u); let m = word(1u);
  let run = parameter(1u) + item;
  let own = run >> (bits - m);
  let high = (run & ((1u << (bits - m)) - 1u)) << m;
  let to = (at_out + item) << m;
  var sum = identityP();
  // The points of the run's first entry, then the other entries.
  var rest = high;
  var entry = 0u;
  loop {
    var lowest = 0u;
    if (rest != 0u) { lowest = firstTrailingBit(rest); rest &= rest - 1u; }
    else {
      storeP_out(to + entry, sum);
      entry++;
      if (entry == (1u << m)) { break; }
      lowest = firstTrailingBit(entry);
      sum = loadP_out(to + (entry & (entry - 1u)));
    }
    let p = own * bits + lowest;
    // Points beyond the last add nothing.
    if (p < word(2u)) { sum = addAffineP(sum, loadQ_points(2u * p), loadQ_points(2u * p + 1u)); }
  }`,
  POINT_CODE + pointAccess('out', true),
);

/** Sums of the subsets of groups of `bits` neighbouring points; each part holds `groups` groups (the last one perhaps fewer), 2^bits affine points each. */
export interface Table {
  readonly bits: number;
  readonly points: number;
  readonly groups: number;
  readonly parts: readonly Region[];
}

/** The bits of subsets with the fewest additions for a table and so many lines of bits over all columns. */
function subsetBits(columns: number, lines: number, most: number): number {
  let best = 1;
  let least = Infinity;
  for (let bits = 1; bits <= Math.min(most, columns); bits++) {
    const groups = Math.ceil(columns / bits);
    if (bits > 1 && groups * 2 ** bits * AFFINE > MOST_TABLE) break;
    const additions = groups * (ENTRY * 2 ** bits + lines);
    if (additions < least) [best, least] = [bits, additions];
  }
  return best;
}

export class Generators {
  private readonly device: Device;
  private readonly points: Points;
  /** G_0, G_1, … in Montgomery form, on the host. */
  private base: Uint8Array = new Uint8Array(0);
  private subsets: Table | null = null;
  /** Lines that subset sums have been used for. */
  private asked = 0;
  /** Multiples 2^i of H, G_0, G_1, … in Montgomery form on the host, and the table over them. */
  private multiples: Uint8Array = new Uint8Array(0);
  private scalarTable: Table | null = null;

  constructor(points: Points) {
    this.points = points;
    this.device = points.device;
  }

  /** Bytes that the tables take. */
  get bytes(): number {
    const parts = [this.subsets, this.scalarTable].flatMap((table) => table?.parts ?? []);
    return parts.reduce((sum, part) => sum + part.parts.length * part.partBytes, 0);
  }

  /** Coordinates of at least `count` generators. */
  private async at(count: number): Promise<Uint8Array> {
    const have = this.base.length / AFFINE;
    if (have >= count) return this.base;
    const { device } = this;
    const base = new Uint8Array(AFFINE * count);
    base.set(this.base);
    const three = montgomery('Q', device.limbBits).to(3n);
    let missing = Array.from({ length: count - have }, (_, k) => have + k);
    for (let counter = 0; missing.length > 0; counter++) {
      const abscissas = missing.map((index) => ({ x: readWord(candidate(index, counter), 0) % Q, y: 0n }));
      const bytes = affineBytes(abscissas);
      const packed = new Uint8Array(ELEMENT * missing.length);
      missing.forEach((_, k) => packed.set(bytes.subarray(AFFINE * k, AFFINE * k + ELEMENT), ELEMENT * k));
      const from = device.upload(packed);
      const to = device.memory.alloc(AFFINE * missing.length);
      device.run(LIFT, missing.length, [items(from, ELEMENT), items(to, AFFINE)], [three, ...ROOT_EXPONENT]);
      const lifted = await device.read(to, 0, AFFINE * missing.length);
      this.device.memory.release(from, to);
      missing = missing.filter((index, k) => {
        const point = lifted.subarray(AFFINE * k, AFFINE * (k + 1));
        // A point with x = 0 would have y² = 3, which is no square.
        if (point.every((b) => b === 0)) return true;
        base.set(point, AFFINE * index);
        return false;
      });
    }
    this.base = base;
    return base;
  }

  /** Most bits of subsets whose sums fit one buffer. */
  private most(bits: number): number {
    return Math.min(bits, Math.floor(Math.log2(this.device.memory.partBytes / POINT)));
  }

  /** The table over the first `count` of these points. */
  private table(points: Uint8Array, count: number, bits: number): Table {
    const { device } = this;
    const entries = 2 ** bits;
    const all = Math.ceil(count / bits);
    const groups = Math.min(2 ** Math.ceil(Math.log2(all)), device.memory.partBytes / (AFFINE * entries));
    const m = Math.min(bits, Math.log2(ENTRY_RUN));
    const at = Math.min(groups, Math.max(1, Math.min(PIECE, device.memory.partBytes / POINT) / entries));
    const parts: Region[] = [];
    for (let first = 0; first < all; first += groups) {
      const own = Math.min(groups, all - first);
      const part = device.memory.alloc(AFFINE * entries * own);
      parts.push(part);
      for (let group = 0; group < own; group += at) {
        const some = Math.min(at, own - group);
        const begin = (first + group) * bits;
        const length = Math.min(some * bits, count - begin);
        const source = device.upload(points.subarray(AFFINE * begin, AFFINE * (begin + length)));
        const sums = device.memory.alloc(POINT * entries * some);
        device.run(SUBSETS, (some * entries) / 2 ** m, [whole(source), items(sums, POINT * 2 ** m)], [bits, m, length]);
        this.points.normalise(sums, some * entries, part, false, group * entries);
        this.device.memory.release(source, sums);
      }
    }
    return { bits, points: count, groups, parts };
  }

  /** Sums of subsets of the generators, for `lines` lines of bits over so many columns: tables grow with the work that they save. */
  async forLines(columns: number, lines: number): Promise<Table> {
    // As many lines are expected to come as there have been.
    const bits = subsetBits(columns, lines + this.asked, this.most(MOST_SUBSET));
    this.asked += lines;
    const old = this.subsets;
    if (old !== null && old.points >= columns && old.bits + 1 >= bits) return old;
    const count = Math.max(columns, old?.points ?? 0);
    const base = await this.at(count);
    if (old !== null) this.device.memory.release(...old.parts);
    this.subsets = null;
    return (this.subsets = this.table(base, count, bits));
  }

  /** Sums of subsets of the multiples 2^i, i < SCALAR_BITS, of H, G_0, …, G_{count−2}: a scalar takes additions alone. */
  async forScalars(count: number): Promise<Table> {
    const have = this.multiples.length / (SCALAR_BITS * AFFINE);
    if (this.scalarTable !== null && have >= count) return this.scalarTable;
    const room = 2 ** Math.ceil(Math.log2(count));
    const base = await this.at(room - 1);
    const multiples = new Uint8Array(room * SCALAR_BITS * AFFINE);
    multiples.set(this.multiples);
    for (let k = have; k < room; k++) {
      const chain = [k === 0 ? fromAffine(H) : this.points.fromMontgomery(base.subarray(AFFINE * (k - 1), AFFINE * k))];
      while (chain.length < SCALAR_BITS) chain.push((chain.at(-1) as HostPoint).double());
      multiples.set(this.points.montgomeryBytes(chain), k * SCALAR_BITS * AFFINE);
    }
    if (this.scalarTable !== null) this.device.memory.release(...this.scalarTable.parts);
    this.multiples = multiples;
    return (this.scalarTable = this.table(multiples, room * SCALAR_BITS, this.most(MULTIPLES_SUBSET)));
  }
}

export const KERNELS: readonly Kernel[] = [LIFT, SUBSETS];
