/**
 * Vectors of field elements on the device, in Montgomery form. Outer products collect until the vector is read: thousands of small ones are a few
 * dispatches.
 */
import { R } from '../../../verifier/field.ts';
import type { FieldVector } from '../types.ts';
import { items, type Device } from './device.ts';
import { invocations, type Kernel } from './kernel.ts';
import { accumulateOuter, type OuterTerm } from './outer.ts';
import type { Region } from './regions.ts';
import { bigintsOf, bytesOf, ELEMENT } from './sums.ts';

class GpuVector implements FieldVector {
  readonly length: number;
  region: Region | null;
  /** What is still to be added. */
  readonly terms: OuterTerm[] = [];

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
export const FROM_MONTGOMERY = invocations(
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
/** Terms that wait at most. */
const TERMS = 2 ** 14;

export const canonical = (x: bigint, what: string): bigint => {
  if (x < 0n || x >= R) throw new Error(`webgpu: ${what} is not a canonical field element: ${x}`);
  return x;
};

export class Vectors {
  private readonly device: Device;
  /** Lists of weights that were found canonical. */
  private readonly checked = new WeakSet<readonly bigint[]>();

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
    try {
      for (let first = 0; first < v.length; first += PIECE) {
        const count = Math.min(PIECE, v.length - first);
        this.device.run(FROM_MONTGOMERY, count, [items(region, ELEMENT, first), items(piece, ELEMENT)]);
        for (const x of bigintsOf(await this.device.read(piece, 0, ELEMENT * count))) out.push(x);
      }
    } finally {
      this.device.memory.release(piece);
    }
    return out;
  }

  /** Adds an outer product, at the latest when the vector is read. Its lists must not change any more. */
  accumulate(v: FieldVector, term: OuterTerm): void {
    const { terms } = this.owned(v);
    const { offset, dims, bits, scale } = term;
    const end = offset + 2 ** bits.reduce((n, b) => n + b, 0);
    if (offset < 0 || end > v.length) throw new Error(`webgpu: accumulateOuter: a block ends at cell ${end} of ${v.length}`);
    canonical(scale, 'scale');
    for (const list of dims) {
      if (this.checked.has(list)) continue;
      for (const w of list) canonical(w, 'weight');
      this.checked.add(list);
    }
    terms.push(term);
    if (terms.length === TERMS) this.region(v);
  }

  /** Where the elements lie, everything written. */
  region(v: FieldVector): Region {
    const { region, length, terms } = this.owned(v);
    if (terms.length > 0) accumulateOuter(this.device, region, length, terms.splice(0));
    return region;
  }

  /** Takes the elements over from the vector. */
  consume(v: FieldVector): Region {
    const region = this.region(v);
    (v as GpuVector).region = null;
    return region;
  }

  /** Takes the elements over from all the vectors. */
  consumeAll(vectors: readonly FieldVector[]): Region[] {
    const taken: Region[] = [];
    try {
      for (const v of vectors) taken.push(this.consume(v));
    } catch (error) {
      this.device.memory.release(...taken);
      throw error;
    }
    return taken;
  }

  free(v: FieldVector): void {
    const { region, terms } = this.owned(v);
    terms.length = 0;
    (v as GpuVector).region = null;
    this.device.memory.release(region);
  }

  private owned(v: FieldVector): GpuVector & { readonly region: Region } {
    if (!(v instanceof GpuVector)) throw new Error('webgpu: a vector of another backend, or of a device that was lost');
    if (v.region === null) throw new Error('webgpu: a vector was used after it was freed or consumed');
    return v as GpuVector & { readonly region: Region };
  }
}

export const KERNELS: readonly Kernel[] = [TO_MONTGOMERY, FROM_MONTGOMERY];
