/**
 * Tables in their halves: the first variable of a table is the most significant bit of its index, so that cell i pairs with cell i + half. A region
 * holds blocks of 2·half cells, one table each. Where a block lies in one buffer, both halves are read from the same one; where it is longer, from the
 * buffers that each half has of its own.
 */
import { items, type Argument, type Device } from './device.ts';
import { invocations, type Kernel } from './kernel.ts';
import type { Region } from './regions.ts';
import { constants, ELEMENT } from './sums.ts';

/** Pairs of a region that one call of `run` takes, `unit` of them an item. Pair q of an argument is in cells q + (q & upper) and that + jump. */
export interface Halves {
  readonly low: Argument;
  readonly high: Argument;
  readonly upper: number;
  readonly jump: number;
  /** First pair, and pairs. */
  readonly first: number;
  readonly count: number;
}

/** Pairs of `blocks` tables; unit, a power of two, is at most half the cells of a buffer. */
export function halvesOf(region: Region, blocks: number, half: number, unit = 1): Halves[] {
  if (region.parts.length === 1 || 2 * half * ELEMENT <= region.partBytes) {
    const both = items(region, 2 * ELEMENT * unit);
    return [{ low: both, high: both, upper: -half >>> 0, jump: half, first: 0, count: blocks * half }];
  }
  return Array.from({ length: blocks }, (_, k) => ({
    low: items(region, ELEMENT * unit, (2 * k * half) / unit),
    high: items(region, ELEMENT * unit, ((2 * k + 1) * half) / unit),
    upper: 0,
    jump: 0,
    first: k * half,
    count: half,
  }));
}

/** Words of the caller's: upper, jump. */
const halving = (name: string, value: string): Kernel =>
  invocations(
    name,
    ['F'],
    [
      { name: 'low', type: 'vec4u', access: 'read' },
      { name: 'high', type: 'vec4u', access: 'read' },
      { name: 'out', type: 'vec4u', access: 'write' },
    ],
    `
  let p = at_low + item;
  let q = at_high + item;
  let a = loadF_low(p + (p & word(0u)));
  let b = loadF_high(q + (q & word(0u)) + word(1u));
  storeF_out(at_out + item, ${value});`,
  );
const BIND = halving('binding of a variable', 'addF(a, mulF(constantF(2u), subF(b, a)))');
const FOLD = halving('sum of halves', 'addF(a, b)');

/** Half as many cells, of a kernel; releases the region. */
function halve(device: Device, kernel: Kernel, region: Region, blocks: number, half: number, own: readonly bigint[]): Region {
  const out = device.memory.alloc(ELEMENT * blocks * half);
  for (const { low, high, upper, jump, first, count } of halvesOf(region, blocks, half))
    device.run(kernel, count, [low, high, items(out, ELEMENT, first)], [upper, jump, ...own]);
  device.memory.release(region);
  return out;
}

/** Every table with its first variable bound to the challenge, in a new region; releases the old one. */
export const bindFirst = (device: Device, region: Region, blocks: number, half: number, challenge: bigint): Region =>
  halve(device, BIND, region, blocks, half, constants(device, [challenge]));

/** A table's halves added, in a new region; releases the old one. */
export const foldHalves = (device: Device, region: Region, half: number): Region => halve(device, FOLD, region, 1, half, []);

/** The value at a point of the line through low at 0 and high at 1; points by number: 0, 1, then ∞ (the slope) and −1. */
export const LINE = `
fn lineF(low: F, high: F, point: u32) -> F {
  if (point == 0u) { return low; }
  if (point == 1u) { return high; }
  let slope = subF(high, low);
  if (point == 2u) { return slope; }
  return subF(low, slope);
}`;
export const AT = { zero: 0, one: 1, infinity: 2, minusOne: 3 } as const;

export const KERNELS: readonly Kernel[] = [BIND, FOLD];
