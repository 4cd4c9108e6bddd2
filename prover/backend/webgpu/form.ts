/**
 * Sumcheck of a product whose factors depend on some of the variables each: none is widened. The index of a factor's cell is gathered from the
 * bits of a pair, run of variables by run; eq is a factor too, a table of the coordinates to come, folded by halves.
 *
 * A workgroup sums a chunk of 2^c pairs at one point of the round's polynomial. Only factors that vary within the chunk are multiplied for every
 * pair; eq, and whatever depends on the leading variables alone, multiplies the chunk's sum. A round is a dispatch per factor that is bound, one that
 * sums and one that adds up what workgroups leave; one to four numbers come back. Where a table lies in several buffers, the pairs are cut into aligned
 * ranges over which every factor lies in one.
 */
import { inverse, mod } from '../../../verifier/field.ts';
import type { FormFactor, SumcheckRounds } from '../types.ts';
import { coefficients, horner } from '../univariate.ts';
import { items, whole, type Argument, type Device } from './device.ts';
import { eqTerm } from './eq.ts';
import { AT, bindFirst, foldHalves, LINE } from './halves.ts';
import type { Kernel } from './kernel.ts';
import { accumulateOuter } from './outer.ts';
import type { Region } from './regions.ts';
import { Rounds, takeFinals } from './rounds.ts';
import { ELEMENT, GROUP_SUM, sumPartials } from './sums.ts';
import type { Vectors } from './vectors.ts';

const LANES = 64;
/** Chunks of a round; each is summed at two to four points. */
const CHUNKS = 1024;
/** Factors, and eq. */
const TABLES = 4;
/** Words of a table's description: first cell of the low and of the high half, first of its runs, runs. */
const TABLE_WORDS = 4;
const [SIZE, POINTS, NUMBERS, INNER, OUTER, OWN, DESCRIBED] = [0, 1, 2, 3, 4, 5, 6];
const RUNS = DESCRIBED + TABLES * TABLE_WORDS;

/**
 * Item: chunk · points + point. Words: pairs of a chunk, points, their numbers (two bits each); as sets of tables those that vary within a chunk, those
 * that do not, those that depend on the variable of the round; descriptions; runs: source bit, bits, target bit, of five bits each.
 */
const SUM_CHUNK: Kernel = {
  name: 'round of a product of factors',
  fields: ['F'],
  slots: [
    ...['low0', 'high0', 'low1', 'high1', 'low2', 'high2', 'eq'].map((name) => ({ name, type: 'vec4u', access: 'read' }) as const),
    { name: 'partials', type: 'vec4u', access: 'write' },
  ],
  size: LANES,
  per: 'workgroup',
  code: `${GROUP_SUM}${LINE}
fn cellF(table: u32, i: u32) -> F {
  var lo: vec4u;
  var hi: vec4u;
  switch table {
    case 0u: { lo = low0[2u * i]; hi = low0[2u * i + 1u]; }
    case 1u: { lo = high0[2u * i]; hi = high0[2u * i + 1u]; }
    case 2u: { lo = low1[2u * i]; hi = low1[2u * i + 1u]; }
    case 3u: { lo = high1[2u * i]; hi = high1[2u * i + 1u]; }
    case 4u: { lo = low2[2u * i]; hi = low2[2u * i + 1u]; }
    case 5u: { lo = high2[2u * i]; hi = high2[2u * i + 1u]; }
    default: { lo = eq[2u * i]; hi = eq[2u * i + 1u]; }
  }
  return unpackF(lo, hi);
}
fn valueF(table: u32, pair: u32, point: u32) -> F {
  let about = ${DESCRIBED}u + ${TABLE_WORDS}u * table;
  let runs = word(about + 2u);
  var i = 0u;
  for (var k = 0u; k < word(about + 3u); k++) {
    let run = word(runs + k);
    i |= ((pair >> (run & 31u)) & ((1u << ((run >> 5u) & 31u)) - 1u)) << (run >> 10u);
  }
  let low = cellF(2u * table, word(about) + i);
  if (((word(${OWN}u) >> table) & 1u) == 0u) { return low; }
  return lineF(low, cellF(2u * table + 1u, word(about + 1u) + i), point);
}`,
  body: `
  let points = word(${POINTS}u);
  let size = word(${SIZE}u);
  let point = (word(${NUMBERS}u) >> (2u * (item % points))) & 3u;
  let first = (item / points) * size;
  var sum = zeroF();
  for (var i = local; i < size; i += ${LANES}u) {
    var product = oneF();
    var some = false;
    for (var t = 0u; t < ${TABLES}u; t++) {
      if (((word(${INNER}u) >> t) & 1u) == 0u) { continue; }
      let x = valueF(t, first + i, point);
      if (some) { product = mulF(product, x); } else { product = x; }
      some = true;
    }
    sum = addF(sum, product);
  }
  var total = groupSumF(sum, local);
  if (local == 0u) {
    for (var t = 0u; t < ${TABLES}u; t++) {
      if (((word(${OUTER}u) >> t) & 1u) == 1u) { total = mulF(total, valueF(t, first, point)); }
    }
    storeF_partials(at_partials + item, total);
  }`,
};

/** Pairs of a round below which its value at 1 is summed: dividing by eq takes longer. */
const FEW = 2 ** 10;

interface Table {
  region: Region;
  /** Variables on which it depends, of those that are not bound. */
  on: readonly boolean[];
}

const bitsOf = (on: readonly boolean[]): number => on.filter((x) => x).length;

/** Runs of variables among the last ones on which a table depends: where bits of a pair go in the table's index. */
function runsOf(on: readonly boolean[]): number[] {
  const runs: number[] = [];
  let target = 0;
  for (let source = 0; source < on.length;) {
    let bits = 0;
    while (on.at(-1 - source - bits) === true) bits++;
    if (bits > 0) runs.push(source | (bits << 5) | (target << 10));
    target += bits;
    source += bits + 1;
  }
  return runs;
}

/** The index in a table over variables, of which it depends on some. */
const gather = (on: readonly boolean[], index: number): number =>
  on.reduce((at, own, v) => (own ? 2 * at + (Math.floor(index / 2 ** (on.length - 1 - v)) % 2) : at), 0);

class FormRounds extends Rounds {
  private readonly device: Device;
  private readonly variables: number;
  private readonly point: readonly bigint[];
  private readonly tables: Table[];
  /** eq(coordinates after the next variable's, ·) while there are some. */
  private eq: Table | null = null;
  /** What stands outside the sum: coef, and eq of the bound variables. */
  private readonly coef: bigint;
  private eqBound = 1n;

  /** Takes over the tables. */
  constructor(device: Device, tables: Table[], variables: number, point: readonly bigint[], coef: bigint) {
    super(variables);
    this.device = device;
    this.variables = variables;
    this.point = point;
    this.tables = tables;
    this.coef = coef;
    const batch = point.length;
    if (batch < 2) return;
    const length = 2 ** (batch - 1);
    const region = device.memory.alloc(ELEMENT * length);
    device.clear(region);
    accumulateOuter(device, region, length, [eqTerm(point.slice(1), 1n)]);
    this.eq = { region, on: Array.from({ length: variables }, (_, v) => v > 0 && v < batch) };
  }

  /** The coordinate of the round's variable. */
  private get coordinate(): bigint | undefined {
    return this.point[this.variables - this.left];
  }

  /** Factors of eq on the line of the round's variable: 1 − r + t(2r − 1). */
  private line(t: bigint): bigint {
    const r = this.coordinate;
    return r === undefined ? 1n : mod(1n - r + t * (2n * r - 1n));
  }

  protected async evaluate(): Promise<readonly bigint[]> {
    const { claim, coordinate: r } = this;
    const own = this.tables.filter((t) => t.on[0]).length;
    // The value at 1 follows from the claim, but not where eq is 0 there.
    const derived = own > 0 && claim !== null && (r === undefined || (r !== 0n && 2 ** (this.left - 1) >= FEW));
    const points: number[] = [AT.zero];
    if (own > 0 && !derived) points.push(AT.one);
    if (own === 3) points.push(AT.minusOne);
    if (own > 1) points.push(AT.infinity);
    const summing = this.sum(points);
    const divisor = derived && r !== undefined ? inverse(r) : 1n;
    const sums = await summing;
    const s0 = sums[0] as bigint;
    if (derived) sums.splice(1, 0, mod((claim - (r === undefined ? 1n : mod(1n - r)) * s0) * divisor));
    if (own === 0) return [s0];
    return own === 1 ? [s0, mod((sums[1] as bigint) - s0)] : coefficients(sums).map(mod);
  }

  /** Sums over the pairs, of the factors' product at each of the points. */
  private async sum(points: readonly number[]): Promise<bigint[]> {
    const { device } = this;
    const { memory } = device;
    const inPart = memory.partBytes / ELEMENT;
    const pairBits = this.left - 1;
    const tables = [...this.tables.entries(), ...(this.eq ? [[TABLES - 1, this.eq] as const] : [])];
    // The largest aligned range of pairs over which every table lies in one buffer, whichever of its halves.
    const within = (on: readonly boolean[], bits: number): number => 2 ** bitsOf(on.slice(on.length - bits));
    let rangeBits = pairBits;
    while (tables.some(([, t]) => within(t.on, rangeBits) > inPart)) rangeBits--;
    const most = Math.min(CHUNKS, inPart / points.length);
    const wanted = Math.max(Math.log2(LANES), pairBits - Math.floor(Math.log2(most)));
    const chunkBits = Math.min(wanted, rangeBits);

    const set = (which: (t: Table) => boolean): number => tables.reduce((bits, [k, t]) => bits | (which(t) ? 1 << k : 0), 0);
    const inner = set((t) => within(t.on, chunkBits) > 1);
    const outer = set((t) => within(t.on, chunkBits) === 1);
    const codes = points.reduce((word, p, k) => word | (p << (2 * k)), 0);
    const runs = tables.map(([, t]) => runsOf(t.on.slice(t.on.length - rangeBits)));
    const fixed = [2 ** chunkBits, points.length, codes, inner, outer, set((t) => t.on[0] === true)];

    const workgroups = 2 ** (rangeBits - chunkBits) * points.length;
    const groups = 2 ** (pairBits - chunkBits);
    const partials = memory.alloc(ELEMENT * groups * points.length);
    for (let range = 0; range < 2 ** (pairBits - rangeBits); range++) {
      const described = new Array<number>(TABLES * TABLE_WORDS).fill(0);
      const any = whole(this.partOf((tables[0] as (typeof tables)[number])[1].region, 0));
      const args = new Array<Argument>(2 * TABLES - 1).fill(any);
      let runsAt = RUNS;
      for (const [n, [k, t]] of tables.entries()) {
        const half = t.on[0] === true ? 2 ** (bitsOf(t.on) - 1) : 0;
        const cell = gather(t.on.slice(1), range * 2 ** rangeBits);
        const own = runs[n] as number[];
        for (const [side, at] of (k < TABLES - 1 ? [cell, cell + half] : [cell]).entries()) {
          const part = Math.floor(at / inPart);
          args[2 * k + side] = whole(this.partOf(t.region, part));
          described[TABLE_WORDS * k + side] = at - part * inPart;
        }
        described[TABLE_WORDS * k + 2] = runsAt;
        described[TABLE_WORDS * k + 3] = own.length;
        runsAt += own.length;
      }
      device.run(SUM_CHUNK, workgroups, [...args, items(partials, ELEMENT, range * workgroups)], [...fixed, ...described, ...runs.flat()]);
    }
    return sumPartials(device, partials, groups, points.length);
  }

  /** One buffer of a region. */
  private partOf({ parts, partBytes }: Region, k: number): Region {
    return { bytes: partBytes, partBytes, parts: [parts[k] as GPUBuffer] };
  }

  protected values(polynomial: readonly bigint[]): bigint[] {
    const outside = mod(this.coef * this.eqBound);
    return Array.from({ length: this.tables.length + (this.point.length > 0 ? 2 : 1) }, (_, k) => {
      const t = BigInt(k);
      return mod(mod(outside * this.line(t)) * horner(polynomial, t));
    });
  }

  protected bind(challenge: bigint): void {
    const { device, eq } = this;
    this.eqBound = mod(this.eqBound * this.line(challenge));
    for (const t of this.tables) {
      if (t.on[0]) t.region = bindFirst(device, t.region, 1, 2 ** (bitsOf(t.on) - 1), challenge);
      t.on = t.on.slice(1);
    }
    if (!eq) return;
    const length = 2 ** bitsOf(eq.on);
    if (length > 2) {
      eq.region = foldHalves(device, eq.region, length / 2);
      // The next round's variable has no part in it any more.
      eq.on = eq.on.slice(1).map((own, v) => own && v > 0);
    } else {
      device.memory.release(eq.region);
      this.eq = null;
    }
  }

  protected async finals(): Promise<bigint[]> {
    const values = await takeFinals(
      this.device,
      this.tables.map((t) => t.region),
      1,
    );
    return this.point.length > 0 ? [this.eqBound, ...values] : values;
  }
}

/** Sumcheck of coef · eq(point, first variables) · Π factors; consumes the tables. */
export function formProduct(
  device: Device,
  vectors: Vectors,
  factors: readonly FormFactor[],
  point: readonly bigint[],
  coef: bigint,
): SumcheckRounds {
  const n = factors[0]?.on.length ?? 0;
  if (factors.length < 1 || factors.length >= TABLES || n < 1 || point.length > n || factors.some((f) => f.on.length !== n))
    throw new Error(`formProduct: ${factors.length} factors, ${n} variables, ${point.length} coordinates`);
  for (const { table, on } of factors)
    if (table.length !== 2 ** bitsOf(on)) throw new Error(`formProduct: a table of ${table.length} cells`);
  const regions = vectors.consumeAll(factors.map((f) => f.table));
  const tables = factors.map(({ on }, k) => ({ region: regions[k] as Region, on }));
  return new FormRounds(device, tables, n, point.map(mod), mod(coef));
}

export const KERNELS: readonly Kernel[] = [SUM_CHUNK];
