/**
 * Inverse modulo an odd prime below 2^256 by Bernstein and Yang's division steps, thirty at a time, variable time.
 * Source: D. J. Bernstein, B.-Y. Yang, "Fast constant-time gcd computation and modular inversion" (2019), in the form of
 * P. Wuille's write-up for libsecp256k1 (doc/safegcd_implementation.md). Numbers are nine signed limbs of thirty bits.
 */

const LIMBS = 9;
const M30: i32 = 0x3fffffff;

/** The transition matrix of thirty steps, times 2^30. */
let u: i32 = 0;
let v: i32 = 0;
let q: i32 = 0;
let r: i32 = 0;

// @ts-ignore: decorator
@inline
function get(a: usize, i: i32): i32 {
  return load<i32>(a + (<usize>i << 2));
}

// @ts-ignore: decorator
@inline
function set(a: usize, i: i32, value: i32): void {
  store<i32>(a + (<usize>i << 2), value);
}

/** Four 64-bit words to limbs. */
function split(o: usize, a: usize): void {
  for (let i = 0; i < LIMBS; i++) {
    const bit = 30 * i, word = a + (<usize>(bit >> 6) << 3), shift = bit & 63;
    let x = load<u64>(word) >> <u64>shift;
    if (shift > 34 && bit < 192) x |= load<u64>(word, 8) << <u64>(64 - shift);
    set(o, i, <i32>x & M30);
  }
}

/** Limbs in [0, 2^30) to four 64-bit words. */
function join(o: usize, a: usize): void {
  memory.fill(o, 0, 32);
  for (let i = 0; i < LIMBS; i++) {
    const bit = 30 * i, word = o + (<usize>(bit >> 6) << 3), shift = bit & 63;
    const x = <u64>get(a, i);
    store<u64>(word, load<u64>(word) | (x << <u64>shift));
    if (shift > 34 && bit < 192) store<u64>(word, load<u64>(word, 8) | (x >> <u64>(64 - shift)), 8);
  }
}

function divisionSteps(eta: i32, f0: i32, g0: i32): i32 {
  let a: u32 = 1, b: u32 = 0, c: u32 = 0, d: u32 = 1, f = <u32>f0, g = <u32>g0, left = 30;
  while (true) {
    const zeros = ctz<u32>(g | (<u32>0xffffffff << left));
    g >>= zeros;
    a <<= zeros;
    b <<= zeros;
    eta -= <i32>zeros;
    left -= <i32>zeros;
    if (left == 0) break;
    if (eta < 0) {
      eta = -eta;
      let t = f;
      f = g;
      g = 0 - t;
      t = a;
      a = c;
      c = 0 - t;
      t = b;
      b = d;
      d = 0 - t;
    }
    const limit = min(eta + 1, left);
    const w = (f * g * (f * f - 2)) & ((<u32>0xffffffff >> (32 - limit)) & 63);
    g += f * w;
    c += a * w;
    d += b * w;
  }
  u = <i32>a;
  v = <i32>b;
  q = <i32>c;
  r = <i32>d;
  return eta;
}

/** (d, e) = matrix · (d, e) / 2^30 modulo the modulus m, whose inverse modulo 2^30 is \`inverse\`. */
function updateCofactors(d: usize, e: usize, m: usize, inverse: u32): void {
  const negativeD = get(d, 8) >> 31, negativeE = get(e, 8) >> 31;
  let md = (u & negativeD) + (v & negativeE), me = (q & negativeD) + (r & negativeE);
  let x = get(d, 0), y = get(e, 0);
  let cd = <i64>u * x + <i64>v * y, ce = <i64>q * x + <i64>r * y;
  md -= <i32>((inverse * <u32>cd + <u32>md) & <u32>M30);
  me -= <i32>((inverse * <u32>ce + <u32>me) & <u32>M30);
  cd += <i64>get(m, 0) * md;
  ce += <i64>get(m, 0) * me;
  cd >>= 30;
  ce >>= 30;
  for (let i = 1; i < LIMBS; i++) {
    x = get(d, i);
    y = get(e, i);
    const p = <i64>get(m, i);
    cd += <i64>u * x + <i64>v * y + p * md;
    ce += <i64>q * x + <i64>r * y + p * me;
    set(d, i - 1, <i32>cd & M30);
    set(e, i - 1, <i32>ce & M30);
    cd >>= 30;
    ce >>= 30;
  }
  set(d, 8, <i32>cd);
  set(e, 8, <i32>ce);
}

/** (f, g) = matrix · (f, g) / 2^30, exactly. */
function updateValues(f: usize, g: usize): void {
  let x = get(f, 0), y = get(g, 0);
  let cf = (<i64>u * x + <i64>v * y) >> 30, cg = (<i64>q * x + <i64>r * y) >> 30;
  for (let i = 1; i < LIMBS; i++) {
    x = get(f, i);
    y = get(g, i);
    cf += <i64>u * x + <i64>v * y;
    cg += <i64>q * x + <i64>r * y;
    set(f, i - 1, <i32>cf & M30);
    set(g, i - 1, <i32>cg & M30);
    cf >>= 30;
    cg >>= 30;
  }
  set(f, 8, <i32>cf);
  set(g, 8, <i32>cg);
}

/** a += m where a is negative; limbs come out in [0, 2^30) but for the sign in the top one. */
function addIfNegative(a: usize, m: usize): void {
  const negative = get(a, 8) >> 31;
  let carry = 0;
  for (let i = 0; i < LIMBS; i++) {
    carry += get(a, i) + (get(m, i) & negative);
    set(a, i, i < 8 ? carry & M30 : carry);
    carry >>= 30;
  }
}

/** o = 1 / a modulo the number at \`modulus\` (four 64-bit words each), a in (0, modulus). Uses 256 bytes at \`t\`. */
export function invertWords(o: usize, a: usize, modulus: usize, t: usize): void {
  const d = t, e = t + 40, f = t + 80, g = t + 120, m = t + 160;
  memory.fill(d, 0, 80);
  set(e, 0, 1);
  split(m, modulus);
  memory.copy(f, m, 36);
  split(g, a);
  const low = <u32>get(m, 0);
  let inverse = low;
  for (let i = 0; i < 5; i++) inverse *= 2 - low * inverse;
  let eta = -1;
  while (true) {
    eta = divisionSteps(eta, get(f, 0) | (get(f, 1) << 30), get(g, 0) | (get(g, 1) << 30));
    updateCofactors(d, e, m, inverse);
    updateValues(f, g);
    let any = 0;
    for (let i = 0; i < LIMBS; i++) any |= get(g, i);
    if (any == 0) break;
  }
  // f = ±1 and d·a = f.
  addIfNegative(d, m);
  if (get(f, 8) < 0) {
    let borrow = 0;
    for (let i = 0; i < LIMBS; i++) {
      borrow -= get(d, i);
      set(d, i, i < 8 ? borrow & M30 : borrow);
      borrow >>= 30;
    }
  }
  addIfNegative(d, m);
  join(o, d);
}
