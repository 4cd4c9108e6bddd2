/** Vectors of field elements on the device, in Montgomery form. */
import { R } from '../../../verifier/field.ts';
import type { FieldVector } from '../types.ts';
import { items, type Device } from './device.ts';
import { invocations } from './kernel.ts';
import type { Region } from './regions.ts';
import { bigintsOf, bytesOf, ELEMENT } from './sums.ts';

class GpuVector implements FieldVector {
  readonly length: number;
  region: Region | null;

  constructor(length: number, region: Region) {
    this.length = length;
    this.region = region;
  }
}

const inPlace = [{ name: 'values', type: 'vec4u', access: 'write' }] as const;
const TO_MONTGOMERY = invocations(
  'into Montgomery form',
  ['F'],
  inPlace,
  'let i = at_values + item; storeF_values(i, toMontgomeryF(loadF_values(i)));',
);
const FROM_MONTGOMERY = invocations(
  'out of Montgomery form',
  ['F'],
  [
    { name: 'values', type: 'vec4u', access: 'read' },
    { name: 'out', type: 'vec4u', access: 'write' },
  ],
  'storeF_out(at_out + item, fromMontgomeryF(loadF_values(at_values + item)));',
);

/** Elements that come back at a time. */
const PIECE = 2 ** 18;

export const canonical = (x: bigint, what: string): bigint => {
  if (x < 0n || x >= R) throw new Error(`webgpu: ${what} is not a canonical field element: ${x}`);
  return x;
};

export class Vectors {
  private readonly device: Device;

  constructor(device: Device) {
    this.device = device;
  }

  /** A vector whose elements, not yet written, lie in a new region. */
  make(length: number): FieldVector & { readonly region: Region } {
    return new GpuVector(length, this.device.memory.alloc(ELEMENT * Math.max(1, length))) as GpuVector & { readonly region: Region };
  }

  zeros(length: number): FieldVector {
    const v = this.make(length);
    this.device.clear(v.region);
    return v;
  }

  fromField(values: readonly bigint[]): FieldVector {
    const bytes = bytesOf(values.map((x, i) => canonical(x, `value ${i}`)));
    const v = this.make(values.length);
    this.device.write(v.region, 0, bytes);
    this.device.run(TO_MONTGOMERY, values.length, [items(v.region, ELEMENT)]);
    return v;
  }

  async toField(v: FieldVector): Promise<bigint[]> {
    const region = this.region(v);
    const out: bigint[] = [];
    const piece = this.device.memory.alloc(ELEMENT * Math.min(PIECE, Math.max(1, v.length)));
    for (let first = 0; first < v.length; first += PIECE) {
      const count = Math.min(PIECE, v.length - first);
      this.device.run(FROM_MONTGOMERY, count, [items(region, ELEMENT, first), items(piece, ELEMENT)]);
      for (const x of bigintsOf(await this.device.read(piece, 0, ELEMENT * count))) out.push(x);
    }
    this.device.memory.release(piece);
    return out;
  }

  /** Where the elements lie. */
  region(v: FieldVector): Region {
    if (!(v instanceof GpuVector)) throw new Error('webgpu: a vector of another backend, or of a device that was lost');
    if (v.region === null) throw new Error('webgpu: a vector was used after it was freed or consumed');
    return v.region;
  }

  /** Takes the elements over from the vector. */
  consume(v: FieldVector): Region {
    const region = this.region(v);
    (v as GpuVector).region = null;
    return region;
  }

  free(v: FieldVector): void {
    this.device.memory.release(this.consume(v));
  }
}
