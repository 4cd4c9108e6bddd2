/** Sums of field elements over workgroups, and over what workgroups leave. */
import { items, whole, type Device } from './device.ts';
import type { Kernel } from './kernel.ts';
import type { Region } from './regions.ts';
import { montgomery } from './wgsl/field.ts';

/** Bytes of a field element in memory. */
export const ELEMENT = 32;

/** `groupSumF(x, local)`: the sum of the x of a workgroup of 64, for all of its invocations, which must all call it. */
export const GROUP_SUM = `
var<workgroup> shared_F: array<F, 64>;
fn groupSumF(x: F, local: u32) -> F {
  shared_F[local] = x;
  workgroupBarrier();
  for (var s = 32u; s > 0u; s >>= 1u) {
    if (local < s) { shared_F[local] = addF(shared_F[local], shared_F[local + s]); }
    workgroupBarrier();
  }
  let total = shared_F[0];
  workgroupBarrier();
  return total;
}`;

/** Item k: the sum of every n-th partial from the k-th on, as a canonical value; words: partials each, n. */
const SUM: Kernel = {
  name: 'sum of partial sums',
  fields: ['F'],
  slots: [
    { name: 'partials', type: 'vec4u', access: 'read' },
    { name: 'out', type: 'vec4u', access: 'write' },
  ],
  size: 64,
  per: 'workgroup',
  code: GROUP_SUM,
  body: `
  var sum = zeroF();
  for (var i = local; i < word(0u); i += 64u) { sum = addF(sum, loadF_partials(i * word(1u) + item)); }
  let total = groupSumF(sum, local);
  if (local == 0u) { storeF_out(at_out + item, fromMontgomeryF(total)); }`,
};

/** The sums of `values` interleaved lists of `groups` partial sums each (group-major), which it releases. */
export async function sumPartials(device: Device, partials: Region, groups: number, values: number): Promise<bigint[]> {
  const out = device.memory.alloc(ELEMENT * values);
  device.run(SUM, values, [whole(partials), items(out, ELEMENT)], [groups, values]);
  const sums = await readCanonical(device, out, values);
  device.memory.release(partials, out);
  return sums;
}

/** Values of eight words each. */
export function bigintsOf(bytes: Uint8Array): bigint[] {
  const words = new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
  return Array.from({ length: words.length / 4 }, (_, i) => {
    const at = (k: number): bigint => words[4 * i + k] as bigint;
    return at(0) | (at(1) << 64n) | (at(2) << 128n) | (at(3) << 192n);
  });
}

/** The first values of a region of canonical ones. */
export const readCanonical = async (device: Device, region: Region, count: number): Promise<bigint[]> =>
  bigintsOf(await device.read(region, 0, ELEMENT * count));

/** Bytes of field elements as they are. */
export function bytesOf(values: readonly bigint[]): Uint8Array {
  const words = new BigUint64Array(4 * values.length);
  values.forEach((v, i) => {
    for (let k = 0; k < 4; k++) words[4 * i + k] = BigInt.asUintN(64, v >> BigInt(64 * k));
  });
  return new Uint8Array(words.buffer);
}

/** Numbers in Montgomery form, as kernels take them among their words. */
export const constants = (device: Device, values: readonly bigint[]): bigint[] => values.map(montgomery('F', device.limbBits).to);

export const KERNELS: readonly Kernel[] = [SUM];
