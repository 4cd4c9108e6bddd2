/**
 * Matrix products in float64, exact for integers as long as every partial sum stays below 2^53. The right factor is read as it is stored
 * (8, 16 or 32-bit integers or doubles, either index contiguous) and turned into doubles tile by tile; the left one comes in groups of four rows.
 * Every sum runs over k in order, in blocks of DEPTH, so that results depend neither on the number of threads nor on the layout.
 */
/** Terms of a block, and columns that a thread turns into doubles at once: the panel fits a core's second cache. */
const DEPTH: i32 = 256;

let panel: usize = 0;

/** `scratch`: DEPTH · 64 doubles of this thread's own. */
export function setThread(scratch: usize): void {
  panel = scratch;
}

// @ts-ignore: decorator
@inline
function int(job: usize, k: i32): i32 {
  return load<i32>(job + (<usize>k << 2));
}

// @ts-ignore: decorator
@inline
function madd(x: v128, y: v128, sum: v128): v128 {
  return f64x2.add(f64x2.mul(x, y), sum);
}

/** Four integers from consecutive cells. */
// @ts-ignore: decorator
@inline
function four<T>(at: usize): v128 {
  if (sizeof<T>() == 1) return i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load32_zero(at)));
  if (sizeof<T>() == 2) return i32x4.extend_low_i16x8_s(v128.load64_zero(at));
  return v128.load(at);
}

/** Stores four integers as doubles. */
// @ts-ignore: decorator
@inline
function storeFour(at: usize, v: v128): void {
  v128.store(at, f64x2.convert_low_i32x4_s(v));
  v128.store(at, f64x2.convert_low_i32x4_s(v128.shuffle<i32>(v, v, 2, 3, 2, 3)), 16);
}

/** Panel tiles [column / 4][k][column % 4] from a matrix whose columns are contiguous. What lies past the last column is never used. */
function fillColumns<T>(from: usize, strideK: usize, depth: i32, columns: i32): void {
  const tile = <usize>depth << 5;
  for (let k = 0; k < depth; k++) {
    let to = panel + (<usize>k << 5);
    let at = from + <usize>k * strideK;
    for (let n = 0; n < columns; n += 4) {
      if (isFloat<T>()) {
        v128.store(to, v128.load(at));
        v128.store(to, v128.load(at, 16), 16);
      } else storeFour(to, four<T>(at));
      to += tile;
      at += 4 * sizeof<T>();
    }
  }
}

/** The same from a matrix in which k is contiguous; tiles that stick out repeat the last column. */
function fillRows<T>(from: usize, strideN: usize, depth: i32, columns: i32): void {
  for (let n = 0; n < columns; n += 4) {
    let to = panel + ((<usize>n * <usize>depth) << 3);
    let p0 = from + <usize>n * strideN;
    let p1 = from + <usize>min(n + 1, columns - 1) * strideN;
    let p2 = from + <usize>min(n + 2, columns - 1) * strideN;
    let p3 = from + <usize>min(n + 3, columns - 1) * strideN;
    let k = 0;
    if (isFloat<T>()) {
      for (; k + 2 <= depth; k += 2) {
        const a = v128.load(p0), b = v128.load(p1), c = v128.load(p2), d = v128.load(p3);
        v128.store(to, v128.shuffle<f64>(a, b, 0, 2));
        v128.store(to, v128.shuffle<f64>(c, d, 0, 2), 16);
        v128.store(to, v128.shuffle<f64>(a, b, 1, 3), 32);
        v128.store(to, v128.shuffle<f64>(c, d, 1, 3), 48);
        p0 += 16; p1 += 16; p2 += 16; p3 += 16;
        to += 64;
      }
    } else {
      for (; k + 4 <= depth; k += 4) {
        const a = four<T>(p0), b = four<T>(p1), c = four<T>(p2), d = four<T>(p3);
        const e = v128.shuffle<i32>(a, b, 0, 4, 1, 5), f = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
        const g = v128.shuffle<i32>(a, b, 2, 6, 3, 7), h = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
        v128.store(to, f64x2.convert_low_i32x4_s(e));
        v128.store(to, f64x2.convert_low_i32x4_s(f), 16);
        v128.store(to, f64x2.convert_low_i32x4_s(v128.shuffle<i64>(e, e, 1, 1)), 32);
        v128.store(to, f64x2.convert_low_i32x4_s(v128.shuffle<i64>(f, f, 1, 1)), 48);
        v128.store(to, f64x2.convert_low_i32x4_s(g), 64);
        v128.store(to, f64x2.convert_low_i32x4_s(h), 80);
        v128.store(to, f64x2.convert_low_i32x4_s(v128.shuffle<i64>(g, g, 1, 1)), 96);
        v128.store(to, f64x2.convert_low_i32x4_s(v128.shuffle<i64>(h, h, 1, 1)), 112);
        p0 += 4 * sizeof<T>(); p1 += 4 * sizeof<T>(); p2 += 4 * sizeof<T>(); p3 += 4 * sizeof<T>();
        to += 128;
      }
    }
    for (; k < depth; k++) {
      store<f64>(to, <f64>load<T>(p0));
      store<f64>(to, <f64>load<T>(p1), 8);
      store<f64>(to, <f64>load<T>(p2), 16);
      store<f64>(to, <f64>load<T>(p3), 24);
      p0 += sizeof<T>(); p1 += sizeof<T>(); p2 += sizeof<T>(); p3 += sizeof<T>();
      to += 32;
    }
  }
}

function fill<T>(from: usize, strideK: usize, strideN: usize, depth: i32, columns: i32): void {
  if (strideK == sizeof<T>()) fillRows<T>(from, strideN, depth, columns);
  else fillColumns<T>(from, strideK, depth, columns);
}

/** Four rows times four columns: c (+)= Σ_k a[k][4]·b[k][4]. */
function tile(a: usize, b: usize, depth: i32, c: usize, row: usize, add: bool): void {
  const r1 = c + row, r2 = r1 + row, r3 = r2 + row;
  let s00 = f64x2.splat(0), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00;
  if (add) {
    s00 = v128.load(c); s01 = v128.load(c, 16);
    s10 = v128.load(r1); s11 = v128.load(r1, 16);
    s20 = v128.load(r2); s21 = v128.load(r2, 16);
    s30 = v128.load(r3); s31 = v128.load(r3, 16);
  }
  const end = b + (<usize>depth << 5);
  while (b < end) {
    const x = v128.load(b), y = v128.load(b, 16);
    let v = v128.load_splat<f64>(a);
    s00 = madd(v, x, s00); s01 = madd(v, y, s01);
    v = v128.load_splat<f64>(a, 8);
    s10 = madd(v, x, s10); s11 = madd(v, y, s11);
    v = v128.load_splat<f64>(a, 16);
    s20 = madd(v, x, s20); s21 = madd(v, y, s21);
    v = v128.load_splat<f64>(a, 24);
    s30 = madd(v, x, s30); s31 = madd(v, y, s31);
    a += 32;
    b += 32;
  }
  v128.store(c, s00); v128.store(c, s01, 16);
  v128.store(r1, s10); v128.store(r1, s11, 16);
  v128.store(r2, s20); v128.store(r2, s21, 16);
  v128.store(r3, s30); v128.store(r3, s31, 16);
}

/**
 * One chunk of columns of out (+)= left · right. Arguments: 0 left, groups of four rows as [k][4]; 1 right, its strides in bytes along k (2) and
 * along columns (3), one of which is a cell; 4 out and bytes of its rows (5), both multiples of 32; 6 groups of rows; 7 columns; 8 terms; 9 type of the
 * right cells: bytes, negative for doubles; 10 columns of a chunk, at most 64, a multiple of 4; 11 whether to add to what is there; 12 terms of all of left.
 */
export function product(job: usize, chunk: i32): void {
  const width = int(job, 10), begin = chunk * width, columns = min(width, int(job, 7) - begin);
  const terms = int(job, 8), groups = int(job, 6), type = int(job, 9), all = int(job, 12);
  const strideK = <usize>int(job, 2), strideN = <usize>int(job, 3), row = <usize>int(job, 5);
  const right = <usize>int(job, 1) + <usize>begin * strideN;
  const out = <usize>int(job, 4) + (<usize>begin << 3);
  for (let k = 0; k < terms; k += DEPTH) {
    const depth = min(DEPTH, terms - k);
    const from = right + <usize>k * strideK;
    if (type == 1) fill<i8>(from, strideK, strideN, depth, columns);
    else if (type == 2) fill<i16>(from, strideK, strideN, depth, columns);
    else if (type == 4) fill<i32>(from, strideK, strideN, depth, columns);
    else fill<f64>(from, strideK, strideN, depth, columns);
    const add = k > 0 || int(job, 11) != 0;
    for (let g = 0; g < groups; g++) {
      const a = <usize>int(job, 0) + ((<usize>g * <usize>all + <usize>k) << 5);
      let c = out + (<usize>g << 2) * row;
      for (let n = 0; n < columns; n += 4) {
        tile(a, panel + ((<usize>n * <usize>depth) << 3), depth, c, row, add);
        c += 32;
      }
    }
  }
}

/** Groups of four rows, [row / 4][k][row % 4], from a row-major matrix; rows past the last are 0. */
export function group(from: usize, to: usize, rows: i32, terms: i32): void {
  const stride = <usize>terms << 3;
  for (let m = 0; m < rows; m += 4)
    for (let k = 0; k < terms; k++) {
      const at = from + ((<usize>m * <usize>terms + <usize>k) << 3);
      store<f64>(to, load<f64>(at));
      store<f64>(to, m + 1 < rows ? load<f64>(at + stride) : 0, 8);
      store<f64>(to, m + 2 < rows ? load<f64>(at + 2 * stride) : 0, 16);
      store<f64>(to, m + 3 < rows ? load<f64>(at + 3 * stride) : 0, 24);
      to += 32;
    }
}
