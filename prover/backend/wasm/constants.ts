/**
 * Constants of the field kernels, one block of 128-bit words for each modulus, and the element layouts.
 *
 * Product: Montgomery with radix X = 2^51, five limbs, R = X^5 = 2^255. A limb is a double holding an exact integer; two elements
 * are worked on at a time (f64x2). A limb product a·b, |a·b| <= 2^102, is split by two fused multiply-adds:
 *   high = fma(a, b, C1), low = fma(a, b, C1 + C3 - high), C1 = 3·2^102, C3 = 3·2^51,
 * whose bit patterns are C1's plus the high half and C3's plus the low half (rounded to nearest: low is signed), so 64-bit integer
 * additions accumulate them and constants (`bias`) take the patterns out again.
 * Source: N. Emmart, F. Zheng, C. Weems, "Faster modular exponentiation using double precision floating point arithmetic on the
 * GPU" (ARITH 2018). Reduction removes two limbs at a time by the constants X^-1 and X^-2 mod p (Y. Domb's variant of Montgomery's
 * reduction, which has no dependent product), the last limb by Montgomery's own step.
 */
import { Q, R } from '../../../verifier/field.ts';

export const LIMB_BITS = 51n;
const X = 1n << LIMB_BITS;
const MASK = X - 1n;
/** Montgomery's R. */
export const RADIX = 1n << 255n;

const U64 = (1n << 64n) - 1n;
const f64Bits = (x: number): bigint => new BigUint64Array(new Float64Array([x]).buffer)[0] as bigint;
const C1 = 3 * 2 ** 102;
const C3 = 3 * 2 ** 51;
const LOW = f64Bits(C3);
const HIGH = f64Bits(C1);
/** Added to a limb before its carry is shifted out, so that an unsigned shift does. */
const POSITIVE = 1n << 62n;
const CENTER = 1n << 50n;

/** Byte offsets of the words of a block. */
export const OFFSET = {
  c1: 0,
  c2: 16,
  mask: 32,
  magic: 48,
  uncenter: 64,
  c3: 80,
  mu: 96,
  p: 112,
  x1: 192,
  x2: 272,
  biasMul: 352,
  biasMac: 512,
  biasReduce: 672,
  cube: 832,
  invP: 912,
  tiny: 928,
  one: 944,
  p64: 1024,
  pWords: 1056,
  biasSmall: 1136,
  biasReduceSmall: 1232,
  threeHalves: 1328,
  biasAffine: 1408,
  pLow: 1504,
  pHigh: 1584,
  biasSquare: 1664,
  biasMulPack: 1824,
  biasCrossPack: 1984,
  biasPackSmall: 2144,
  center: 2240,
  biasBind: 2320,
  biasCross: 2416,
  end: 2576,
} as const;

/** How many low and high halves the product, or the square, adds to each of the ten limbs. */
const productCounts = (square: boolean): { low: number[]; high: number[] } => {
  const low = new Array<number>(10).fill(0);
  const high = new Array<number>(10).fill(0);
  for (let i = 0; i < 5; i++) {
    for (let j = square ? i : 0; j < 5; j++) {
      (low[i + j] as number)++;
      (high[i + j + 1] as number)++;
    }
  }
  return { low, high };
};

/**
 * Biases of a reduction: products are added at limbs `at`, the last one being Montgomery's step, and five limbs above it are kept: centered,
 * the last one from C3, or, to be `packed`, as digits in [0, X).
 */
function reduceBias(at: readonly number[], packed = false): bigint[] {
  const last = at[at.length - 1] as number;
  const bias = new Array<bigint>(last + 6).fill(0n);
  const add = (k: number, x: bigint): void => {
    bias[k] = (bias[k] as bigint) + x;
  };
  at.forEach((k, i) => {
    for (let j = 0; j < 5; j++) {
      // The low half that clears the last limb is a multiple of X, taken out after the carry.
      if (i < at.length - 1 || j > 0) add(k + j, -LOW);
      add(k + j + 1, -HIGH);
    }
  });
  add(last + 1, -(LOW >> LIMB_BITS));
  for (let k = 0; k < last + 5; k++) {
    add(k, packed && k > last ? POSITIVE : POSITIVE + CENTER);
    add(k + 1, -(POSITIVE >> LIMB_BITS));
  }
  if (!packed) add(last + 5, LOW);
  return bias;
}

/** Biases of an affine map: 25 products at limb 0, Montgomery's step, five limbs from above C3, carried as digits in [0, X). */
function affineBias(): bigint[] {
  const bias = [0n, 0n, 0n, 0n, 0n, 0n];
  const add = (k: number, x: bigint): void => {
    bias[k] = (bias[k] as bigint) + x;
  };
  for (let j = 0; j < 5; j++) {
    add(j, -(j > 0 ? 6n : 5n) * LOW);
    add(j + 1, -6n * HIGH);
    add(j + 1, -LOW);
  }
  add(1, -(LOW >> LIMB_BITS));
  add(0, CENTER);
  for (let k = 0; k < 5; k++) {
    add(k, POSITIVE);
    add(k + 1, -(POSITIVE >> LIMB_BITS));
  }
  return bias;
}

const macBias = (square: boolean): bigint[] => {
  const { low, high } = productCounts(square);
  return low.map((n, k) => -(BigInt(n) * LOW + BigInt(high[k] as number) * HIGH));
};

/** 1/a mod the prime m. */
export const modInverse = (a: bigint, m: bigint): bigint => {
  let [x, y, u, v] = [((a % m) + m) % m, m, 1n, 0n];
  while (x > 0n) {
    const q = y / x;
    [y, x] = [x, y % x];
    [v, u] = [u, v - q * u];
  }
  return ((v % m) + m) % m;
};

/** The representative of x modulo m nearest to 0. */
export const centered = (x: bigint, m: bigint): bigint => {
  const y = ((x % m) + m) % m;
  return 2n * y > m ? y - m : y;
};

/** Five limbs, the lower four in [-2^50, 2^50). */
export function limbs(value: bigint): number[] {
  let rest = value;
  const out: number[] = [];
  for (let k = 0; k < 4; k++) {
    const low = ((rest + CENTER) & MASK) - CENTER;
    out.push(Number(low));
    rest = (rest - low) >> LIMB_BITS;
  }
  out.push(Number(rest));
  return out;
}

/** −p as limbs between −3/2·X and −1/2·X: they bring a sum of two elements in [0, p) into (−p, p), and its limbs into ±3/2·X. */
function centers(p: bigint): number[] {
  let carry = 0n;
  return [0n, 1n, 2n, 3n, 4n].map((j) => {
    let limb = carry - ((p >> (LIMB_BITS * j)) & MASK);
    carry = j < 4n && limb > -X / 2n ? 1n : 0n;
    if (carry === 1n) limb -= X;
    return Number(limb);
  });
}

/** The block of a modulus. */
export function constants(p: bigint): Uint8Array {
  const block = new Uint8Array(OFFSET.end);
  const floats = new Float64Array(block.buffer);
  const words = new BigUint64Array(block.buffer);
  const float = (offset: number, value: number): void => void floats.fill(value, offset / 8, offset / 8 + 2);
  const word = (offset: number, value: bigint): void => void words.fill(value & U64, offset / 8, offset / 8 + 2);
  const element = (offset: number, value: bigint): void => limbs(value).forEach((l, j) => float(offset + 16 * j, l));
  float(OFFSET.c1, C1);
  float(OFFSET.c2, C1 + C3);
  word(OFFSET.mask, MASK);
  word(OFFSET.magic, f64Bits(2 ** 52));
  float(OFFSET.uncenter, 2 ** 52 + 2 ** 50);
  float(OFFSET.c3, C3);
  float(OFFSET.mu, Number(centered(-modInverse(p, X), X)));
  for (let j = 0; j < 5; j++) {
    const limb = (p >> (LIMB_BITS * BigInt(j))) & MASK;
    float(OFFSET.p + 16 * j, Number(limb));
    word(OFFSET.pWords + 16 * j, limb);
    float(OFFSET.pLow + 16 * j, Number(limb & ((1n << 26n) - 1n)));
    float(OFFSET.pHigh + 16 * j, Number(limb >> 26n));
  }
  const inverse = modInverse(X, p);
  element(OFFSET.x1, centered(inverse, p));
  element(OFFSET.x2, centered(inverse * inverse, p));
  const mac = macBias(false);
  const squares = macBias(true);
  const reduce = reduceBias([2, 2, 4, 4, 4]);
  const packed = reduceBias([2, 2, 4, 4, 4], true);
  mac.forEach((b, k) => {
    word(OFFSET.biasMac + 16 * k, b);
    word(OFFSET.biasReduce + 16 * k, reduce[k] as bigint);
    word(OFFSET.biasMul + 16 * k, b + (reduce[k] as bigint));
    word(OFFSET.biasCross + 16 * k, 2n * b + (reduce[k] as bigint));
    word(OFFSET.biasCrossPack + 16 * k, 2n * b + (packed[k] as bigint));
    word(OFFSET.biasMulPack + 16 * k, b + (packed[k] as bigint));
    word(OFFSET.biasSquare + 16 * k, (squares[k] as bigint) + (reduce[k] as bigint));
  });
  for (let k = 0; k < 6; k++) word(OFFSET.biasSmall + 16 * k, -((k < 5 ? LOW : 0n) + (k > 0 ? HIGH : 0n)));
  affineBias().forEach((b, k) => {
    word(OFFSET.biasAffine + 16 * k, b);
    // Digits are added, not limbs from above C3.
    word(OFFSET.biasBind + 16 * k, k > 0 ? b + LOW : b);
  });
  reduceBias([0]).forEach((b, k) => word(OFFSET.biasReduceSmall + 16 * k, b));
  // Five limbs from above C3 are added.
  reduceBias([0], true).forEach((b, k) => word(OFFSET.biasPackSmall + 16 * k, k > 0 ? b - LOW : b));
  element(OFFSET.threeHalves, (RADIX * 3n * modInverse(2n, p)) % p);
  element(OFFSET.cube, RADIX ** 3n % p);
  centers(p).forEach((c, j) => float(OFFSET.center + 16 * j, c));
  float(OFFSET.invP, Number((1n << 324n) / p) / 2 ** 120);
  float(OFFSET.tiny, 2 ** -45);
  element(OFFSET.one, RADIX % p);
  for (let k = 0; k < 4; k++) words[OFFSET.p64 / 8 + k] = (p >> BigInt(64 * k)) & U64;
  return block;
}

export const FR_CONSTANTS = constants(R);
export const FQ_CONSTANTS = constants(Q);
