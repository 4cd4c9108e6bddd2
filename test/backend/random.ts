/** Reproducible inputs for the backends' tests. */
import type { LeafBlock, LeafCells } from '../../prover/backend/types.ts';
import { R } from '../../verifier/field.ts';

/** A generator of pseudo-random numbers from a seed (xorshift32), for tests alone. */
export class Random {
  private state: number;
  constructor(seed: number) {
    this.state = seed | 0 || 1;
  }
  /** A 32-bit word. */
  word(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return x >>> 0;
  }
  /** An integer in [0, n), n <= 2^32. */
  below(n: number): number {
    return this.word() % n;
  }
  /** A field element; 0, 1, r − 1 and small ones come up often. */
  field(): bigint {
    const kind = this.below(8);
    if (kind === 0) return [0n, 1n, R - 1n, R - 2n, 2n][this.below(5)] as bigint;
    if (kind === 1) return BigInt(this.below(1 << 16));
    let x = 0n;
    for (let i = 0; i < 9; i++) x = (x << 32n) | BigInt(this.word());
    return x % R;
  }
  fields(n: number): bigint[] {
    return Array.from({ length: n }, () => this.field());
  }
  /** A signed integer with |v| < 2^bits, bits <= 52; the extremes and 0 come up often. */
  integer(bits: number): number {
    const limit = 2 ** bits - 1;
    const kind = this.below(8);
    if (kind === 0) return [0, 1, -1, limit, -limit][this.below(5)] as number;
    const magnitude = (this.word() * 2 ** 20 + this.below(2 ** 20)) % (limit + 1);
    return this.below(2) ? magnitude : -magnitude + 0;
  }
  integers(n: number, bits: number): Float64Array {
    return Float64Array.from({ length: n }, () => this.integer(bits));
  }
}

/** Blocks of leaves that fill part of 2^depth: of any sizes, some causal, some not aligned, of all widths. */
export function randomBlocks(depth: number, random: Random): LeafBlock[] {
  const blocks: LeafBlock[] = [];
  for (let offset = 0; ;) {
    const sizes: number[] = [];
    let bits = 0;
    for (const most = random.below(depth + 1); bits < most;) {
      const own = 1 + random.below(Math.min(most - bits, 6));
      bits += own;
      sizes.push(random.below(2) ? 2 ** own : 2 ** (own - 1) + 1 + random.below(2 ** (own - 1)));
    }
    if (random.below(4) > 0) offset = Math.ceil(offset / 2 ** bits) * 2 ** bits;
    if (offset + 2 ** bits > 2 ** depth) return blocks;
    const twin = sizes.findIndex((size, k) => sizes.indexOf(size) !== k);
    const causal = twin > 0 && random.below(2) ? ([sizes.indexOf(sizes[twin] as number), twin] as const) : null;
    const count = sizes.reduce((n, size) => n * size, 1);
    const width = [1, 15, 16, 19, 20, 30, 52][random.below(7)] as number;
    const column = (): LeafCells => {
      const values = random.integers(count, width);
      if (random.below(2)) return values;
      if (width <= 15) return Int16Array.from(values);
      return width <= 16 ? Uint16Array.from(values, Math.abs) : width <= 30 ? Int32Array.from(values) : values;
    };
    blocks.push({
      offset,
      domain: { sizes, ...(causal ? { causal } : {}) },
      numerators: random.below(4) > 0 ? 'ones' : Float64Array.from({ length: count }, () => random.below(2 ** 31)),
      values: Array.from({ length: 1 + random.below(3) }, column),
      id: random.below(80),
    });
    offset += 2 ** bits * (1 + random.below(2));
  }
}
