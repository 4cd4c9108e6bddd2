/**
 * Which limb width is fastest differs between vendors, so that it is measured: chains of products, a fraction of a second an adapter, once.
 */
import { recall, remember } from '#gpu';
import type { Adapter } from './adapter.ts';
import { Device, items } from './device.ts';
import { invocations, type Kernel } from './kernel.ts';
import { ELEMENT } from './sums.ts';
import { LIMB_BITS, type LimbBits } from './wgsl/field.ts';

/** Products of an invocation. */
const CHAIN = 32;
const SIZES = [2 ** 12, 2 ** 14, 2 ** 16, 2 ** 18, 2 ** 20];
/** Milliseconds that are enough to tell widths apart. */
const ENOUGH = 20;

const kernel = (): Kernel =>
  invocations(
    'products',
    ['F'],
    [{ name: 'values', type: 'vec4u', access: 'write' }],
    `
  let i = at_values + item;
  let y = loadF_values(i);
  var x = y;
  for (var k = 0u; k < word(0u); k++) { x = mulF(x, y); }
  storeF_values(i, x);`,
  );

/** Field products a second on a device: chains of products, as many side by side as take a while. */
export async function productsPerSecond(device: Device): Promise<number> {
  const chain = kernel();
  let rate = 0;
  for (const size of SIZES) {
    const values = device.memory.alloc(ELEMENT * size);
    device.clear(values);
    const time = async (): Promise<number> => {
      const begin = performance.now();
      device.run(chain, size, [items(values, ELEMENT)], [CHAIN]);
      await device.idle();
      return performance.now() - begin;
    };
    await time();
    const best = Math.min(await time(), await time());
    device.memory.release(values);
    rate = Math.max(rate, (1000 * size * CHAIN) / best);
    if (best >= ENOUGH) break;
  }
  return rate;
}

/** The fastest width on an adapter, by measuring, or as it was measured before. */
export async function chooseLimbBits(adapter: Adapter): Promise<LimbBits> {
  const { vendor, architecture, description } = adapter.info;
  const key = `limbs ${vendor} ${architecture} ${description}`;
  const known = LIMB_BITS.find((bits) => bits === recall(key));
  if (known !== undefined) return known;
  let best: { bits: LimbBits; rate: number } = { bits: 13, rate: 0 };
  for (const bits of LIMB_BITS) {
    const device = await Device.open(adapter, { limbBits: bits });
    try {
      const rate = await productsPerSecond(device);
      if (rate > best.rate) best = { bits, rate };
    } finally {
      device.close();
    }
  }
  remember(key, best.bits);
  return best.bits;
}
