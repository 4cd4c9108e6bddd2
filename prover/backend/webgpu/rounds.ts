/**
 * Sumcheck of a sum of products of pairs of tables. All pairs are one array: the tables of a side lie one after another in one region, and a
 * round is two dispatches that bind them, one that sums and one that adds up what workgroups leave; three numbers come back. A workgroup sums a run of
 * pairs of cells, its invocations side by side, at one point after another: the cells of later points come from a cache.
 */
import { R, mod } from '../../../verifier/field.ts';
import type { FieldVector, SumcheckRounds } from '../types.ts';
import { coefficients, horner } from '../univariate.ts';
import { items, type Device } from './device.ts';
import { AT, bindFirst, halvesOf, LINE } from './halves.ts';
import type { Kernel } from './kernel.ts';
import type { Region } from './regions.ts';
import { ELEMENT, GROUP_SUM, readCanonical, sumPartials } from './sums.ts';
import { FROM_MONTGOMERY, type Vectors } from './vectors.ts';

/** Workgroups of a round. */
const GROUPS = 2048;
const LANES = 64;

/** What sumchecks on the device have in common: the order of calls, and the claim. */
export abstract class Rounds implements SumcheckRounds {
  /** Variables that are not bound. */
  protected left: number;
  /** The sum of the round at hand, once the one before said it. */
  protected claim: bigint | null = null;
  /** Coefficients of the last round's polynomial. */
  private polynomial: readonly bigint[] | null = null;

  constructor(variables: number) {
    this.left = variables;
  }

  /** The coefficients of the next round's polynomial. */
  protected abstract evaluate(): Promise<readonly bigint[]>;
  /** s(0), s(1), … from the coefficients. */
  protected abstract values(polynomial: readonly bigint[]): bigint[];
  protected abstract bind(challenge: bigint): void;
  /** The final values; releases everything. */
  protected abstract finals(): Promise<bigint[]>;

  private take(challenge: bigint): void {
    if (challenge < 0n || challenge >= R) throw new Error('sumcheck: challenge is not canonical');
    if (this.left < 1) throw new Error('sumcheck: no variable is left to bind');
    this.claim = this.polynomial && mod(horner(this.polynomial, challenge));
    this.polynomial = null;
    this.bind(challenge);
    this.left--;
  }

  async round(challenge: bigint | null): Promise<bigint[]> {
    if (challenge !== null) this.take(challenge);
    if (this.left < 1) throw new Error('sumcheck: no round is left');
    this.polynomial = await this.evaluate();
    return this.values(this.polynomial);
  }

  async finish(challenge: bigint): Promise<bigint[]> {
    this.take(challenge);
    if (this.left > 0) throw new Error('sumcheck: finished before the last round');
    return this.finals();
  }
}

/** The first `count` elements of every region, one readback; releases them. */
export async function takeFinals(device: Device, regions: readonly Region[], count: number): Promise<bigint[]> {
  const out = device.memory.alloc(ELEMENT * count * regions.length);
  regions.forEach((from, k) => device.run(FROM_MONTGOMERY, count, [items(from, ELEMENT), items(out, ELEMENT, k * count)]));
  device.memory.release(...regions);
  try {
    return await readCanonical(device, out, count * regions.length);
  } finally {
    device.memory.release(out);
  }
}

/** Item: `size` pairs of cells. Words: size, pairs, upper, jump, points, their numbers. */
const SUM_PAIRS: Kernel = {
  name: 'round of a sum of products',
  fields: ['F'],
  slots: [
    ...['a0', 'a1', 'b0', 'b1'].map((name) => ({ name, type: 'vec4u', access: 'read' }) as const),
    { name: 'partials', type: 'vec4u', access: 'write' },
  ],
  size: LANES,
  per: 'workgroup',
  code: GROUP_SUM + LINE,
  body: `
  let size = word(0u);
  let first = (parameter(1u) + item) * size;
  for (var k = 0u; k < word(4u); k++) {
    var sum = zeroF();
    for (var i = local; i < size && first + i < word(1u); i += ${LANES}u) {
      let p = (at_a0 + item) * size + i;
      let q = (at_a1 + item) * size + i;
      let low = p + (p & word(2u));
      let high = q + (q & word(2u)) + word(3u);
      sum = addF(sum, mulF(lineF(loadF_a0(low), loadF_a1(high), word(5u + k)), lineF(loadF_b0(low), loadF_b1(high), word(5u + k))));
    }
    let total = groupSumF(sum, local);
    if (local == 0u) { storeF_partials((at_partials + item) * word(4u) + k, total); }
  }`,
};

class ProductRounds extends Rounds {
  private readonly device: Device;
  private readonly blocks: number;
  private half: number;
  private sides: readonly [Region, Region];

  /** Takes over the regions, `blocks` tables of 2^variables cells in each. */
  constructor(device: Device, sides: readonly [Region, Region], blocks: number, variables: number) {
    super(variables);
    this.device = device;
    this.blocks = blocks;
    this.half = 2 ** (variables - 1);
    this.sides = sides;
  }

  protected async evaluate(): Promise<readonly bigint[]> {
    const { device, blocks, half, claim } = this;
    const [a, b] = this.sides;
    const points = [AT.zero, ...(claim === null ? [AT.one] : []), AT.infinity];
    // One buffer has to hold what workgroups leave.
    const most = Math.min(GROUPS, device.memory.partBytes / (ELEMENT * points.length));
    const wanted = Math.max(LANES, 2 ** Math.ceil(Math.log2((blocks * half) / most)));
    const size = Math.min(wanted, a.partBytes / (2 * ELEMENT));
    const [left, right] = [halvesOf(a, blocks, half, size), halvesOf(b, blocks, half, size)];
    const groups = Math.ceil((blocks * half) / size);
    const partials = device.memory.alloc(ELEMENT * groups * points.length);
    for (const [k, { low, high, upper, jump, first, count }] of left.entries()) {
      const { low: b0, high: b1 } = right[k] as (typeof right)[number];
      const to = items(partials, ELEMENT * points.length, first / size);
      device.run(SUM_PAIRS, Math.ceil(count / size), [low, high, b0, b1, to], [size, count, upper, jump, points.length, ...points]);
    }
    const sums = await sumPartials(device, partials, groups, points.length);
    if (claim !== null) sums.splice(1, 0, claim - (sums[0] as bigint));
    return coefficients(sums).map(mod);
  }

  protected values(polynomial: readonly bigint[]): bigint[] {
    return [0n, 1n, 2n].map((t) => mod(horner(polynomial, t)));
  }

  protected bind(challenge: bigint): void {
    const bound = (side: Region): Region => bindFirst(this.device, side, this.blocks, this.half, challenge);
    this.sides = [bound(this.sides[0]), bound(this.sides[1])];
    this.half /= 2;
  }

  protected async finals(): Promise<bigint[]> {
    const { blocks } = this;
    const values = await takeFinals(this.device, this.sides, blocks);
    return Array.from({ length: blocks }, (_, k) => [values[k] as bigint, values[blocks + k] as bigint]).flat();
  }
}

/** Sumcheck of Σ_k a_k·b_k; consumes the tables. */
export function productSum(device: Device, vectors: Vectors, pairs: readonly (readonly [FieldVector, FieldVector])[]): SumcheckRounds {
  const lengths = pairs.flat().map((v) => v.length);
  const [length = 0] = lengths;
  const variables = Math.log2(length);
  if (length < 2 || !Number.isInteger(variables) || lengths.some((n) => n !== length))
    throw new Error(`sumcheck: tables of ${lengths.join(', ')} cells, must be one power of two, at least 2`);
  const taken = vectors.consumeAll(pairs.flat());
  const side = (s: 0 | 1): Region => {
    const own = taken.filter((_, k) => k % 2 === s);
    const [only] = own as [Region];
    if (own.length === 1) return only;
    const all = device.memory.alloc(ELEMENT * length * own.length);
    for (const [k, from] of own.entries()) {
      device.copy(from, all, ELEMENT * length * k, ELEMENT * length);
      device.memory.release(from);
    }
    return all;
  };
  return new ProductRounds(device, [side(0), side(1)], pairs.length, variables);
}

export const KERNELS: readonly Kernel[] = [SUM_PAIRS];
