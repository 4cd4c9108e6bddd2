/** Tables of products of weights, one of each list: made on the device from the lists, of which runs of short ones are multiplied out on the host. */
import { mod } from '../../../verifier/field.ts';
import { whole, type Device } from './device.ts';
import { invocations, type Kernel } from './kernel.ts';
import type { Region } from './regions.ts';
import { bytesOf, ELEMENT } from './sums.ts';
import { recodeCode, WEIGHT, WEIGHT_WORDS } from './wgsl/dots.ts';
import { LIMB_BITS, radix, type LimbBits } from './wgsl/field.ts';

/** Products of a run of lists that the host multiplies out. */
const SHORT = 256;

const SLOTS = [
  { name: 'high', type: 'vec4u', access: 'read' },
  { name: 'low', type: 'vec4u', access: 'read' },
  { name: 'out', type: 'vec4u', access: 'write' },
] as const;

const PRODUCT = 'let x = mulF(loadF_high(item / word(0u)), loadF_low(item % word(0u)));';

/** Item i: high[i / n]·low[i mod n], n the first word. */
const OUTER = invocations('products of weights', ['F'], SLOTS, `${PRODUCT} storeF_out(item, x);`);

/** The same, as signed limbs. */
const RECODED = new Map(
  LIMB_BITS.map((bits): [LimbBits, Kernel] => {
    const store = `var limbs = weightOf(x); for (var k = 0u; k < ${WEIGHT_WORDS / 4}u; k++) { out[${WEIGHT_WORDS / 4}u * item + k] = limbs[k]; }`;
    return [bits, invocations('limbs of products of weights', ['F'], SLOTS, `${PRODUCT} ${store}`, recodeCode(bits))];
  }),
);

export const weightKernels = (bits: LimbBits): readonly Kernel[] => [OUTER, RECODED.get(bits) as Kernel];

/** Runs of lists with up to SHORT products as one list each. */
function grouped(lists: readonly (readonly bigint[])[]): (readonly bigint[])[] {
  const out: (readonly bigint[])[] = [];
  for (const list of lists) {
    const before = out.at(-1);
    if (list.length === 1 && list[0] === 1n) continue;
    if (before !== undefined && before.length * list.length <= SHORT)
      out[out.length - 1] = before.flatMap((a) => list.map((b) => mod(a * b)));
    else out.push(list);
  }
  return out;
}

/**
 * factor · Π_d lists[d][y_d] for all (y_0, y_1, …), the first list slowest, in Montgomery form: as elements, or as the limbs of `dotsCode`. All are
 * canonical. The caller releases the region.
 */
export function weightTable(device: Device, lists: readonly (readonly bigint[])[], factor: bigint, form: 'elements' | 'limbs'): Region {
  const { memory, limbBits } = device;
  const groups = grouped(lists);
  if (groups.length === 0) groups.push([1n]);
  // Each product on the device divides by the radix.
  let start = factor;
  for (let k = 0; k <= groups.length; k++) start = mod(start * radix(limbBits));
  let table = device.upload(bytesOf([start]));
  let length = 1;
  for (const [k, group] of groups.entries()) {
    const limbs = form === 'limbs' && k === groups.length - 1;
    const low = device.upload(bytesOf(group));
    length *= group.length;
    const next = memory.alloc((limbs ? WEIGHT : ELEMENT) * length);
    device.run(limbs ? (RECODED.get(limbBits) as Kernel) : OUTER, length, [whole(table), whole(low), whole(next)], [group.length]);
    memory.release(table, low);
    table = next;
  }
  return table;
}
