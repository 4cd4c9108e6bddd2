/**
 * The kernels of integer matrix products: cutting into limbs, and limb products over tiles.
 *
 * A workgroup computes 64 × 64 cells, an invocation 4 × 4 of them 16 apart. For each pair of limbs it goes along the terms, 16 at a time through workgroup
 * memory, adding in 32 bits; after as many runs as that surely holds, and at the end, the sums go shifted into sums of 64 bits, modulo 2^64: what is
 * below 2^53 in the end is right, whatever went on between.
 */
import type { Kernel } from './kernel.ts';
import { DEPTH } from './limbs.ts';

export const TILE = 64;
/** Kinds of cells that are cut. */
export const INTEGERS = 0;
export const DOUBLES = 1;

/** Item: a cell. Words: kind of cell, cells in all, limbs, bits. Limb i of cell n goes to i·cells + n. */
export const CUT: Kernel = {
  name: 'limbs of integers',
  fields: [],
  slots: [
    { name: 'cells', type: 'u32', access: 'read' },
    { name: 'limbs', type: 'u32', access: 'write' },
  ],
  size: 64,
  body: `
  var low = 0u;
  var high = 0u;
  if (word(0u) == ${INTEGERS}u) {
    low = cells[item];
    high = bitcast<u32>(bitcast<i32>(low) >> 31u);
  } else {
    // A double that is an integer below 2^53: its mantissa, shifted right by 0 to 52 places, or by more where it is 0.
    let head = cells[2u * item + 1u];
    let mantissa = (head & 0xfffffu) | 0x100000u;
    let shift = 1075u - min(1075u, (head >> 20u) & 0x7ffu);
    if (shift == 0u) { low = cells[2u * item]; high = mantissa; }
    else if (shift < 32u) { low = (cells[2u * item] >> shift) | (mantissa << (32u - shift)); high = mantissa >> shift; }
    else if (shift < 64u) { low = mantissa >> (shift - 32u); }
    if ((head >> 31u) == 1u) { low = ~low + 1u; high = ~high + select(0u, 1u, low == 0u); }
  }
  let count = word(1u);
  let last = word(2u) - 1u;
  let bits = word(3u);
  for (var i = 0u; i < last; i++) {
    let limb = extractBits(bitcast<i32>(low), 0u, bits);
    limbs[i * count + item] = bitcast<u32>(limb);
    low = (low >> bits) | (high << (32u - bits));
    high = bitcast<u32>(bitcast<i32>(high) >> bits);
    if (limb < 0) { low += 1u; high += select(0u, 1u, low == 0u); }
  }
  limbs[last * count + item] = low;`,
};

const ROWS = [0, 1, 2, 3];
const PITCH = TILE + 1;
const each = (text: (r: number) => string): string => ROWS.map(text).join('\n      ');

/**
 * Item: a tile of out[m][n] += Σ_k left[m][k]·right(k, n), row-major over the tiles; then the same tiles for the next terms, into the next slice of the
 * result: few tiles would keep few of the device's processors busy.
 *
 * Words: 0 rows, 1 columns, 2 terms; left factor: 3 first cell, 4 cells from row to row, 5 cells of a limb, 6 limbs, 7 bits; right factor: 8 first cell, 9 and
 * 10 cells from term to term and from column to column, 11 cells of a limb, 12 limbs, 13 bits, 14 log2 of the cells that a word holds; result: 15 first
 * cell, 16 cells from row to row; 17 runs that add up in 32 bits; 18 terms of a slice, 19 cells from slice to slice.
 */
export const PRODUCT: Kernel = {
  name: 'integer matrix product',
  fields: [],
  slots: [
    { name: 'left', type: 'u32', access: 'read' },
    { name: 'right', type: 'u32', access: 'read' },
    { name: 'sums', type: 'u32', access: 'write' },
  ],
  size: 256,
  per: 'workgroup',
  code: `
var<workgroup> left_tile: array<i32, ${DEPTH * PITCH}>;
var<workgroup> right_tile: array<i32, ${DEPTH * PITCH}>;
fn right_cell(i: u32, packing: u32) -> i32 {
  let width = 32u >> packing;
  return extractBits(bitcast<i32>(right[i >> packing]), (i & ((1u << packing) - 1u)) * width, width);
}
// (high, low) += sum · 2^shift.
fn spill(sum: vec4i, shift: u32, low: ptr<function, vec4u>, high: ptr<function, vec4u>) {
  var l = bitcast<vec4u>(sum);
  var h = bitcast<vec4u>(sum >> vec4u(31u));
  if (shift >= 32u) { h = l << vec4u(shift - 32u); l = vec4u(); }
  else if (shift > 0u) { h = (h << vec4u(shift)) | (l >> vec4u(32u - shift)); l = l << vec4u(shift); }
  let total = *low + l;
  *high += h + select(vec4u(0u), vec4u(1u), total < l);
  *low = total;
}
fn add_row(first: u32, m: u32, n: u32, low: vec4u, high: vec4u) {
  if (m >= word(0u)) { return; }
  for (var c = 0u; c < 4u; c++) {
    let column = n + 16u * c;
    if (column < word(1u)) {
      let at = 2u * (first + m * word(16u) + column);
      let total = sums[at] + low[c];
      sums[at + 1u] += high[c] + select(0u, 1u, total < low[c]);
      sums[at] = total;
    }
  }
}`,
  body: `
  let rows = word(0u);
  let columns = word(1u);
  let across = (columns + ${TILE - 1}u) / ${TILE}u;
  let tiles = across * ((rows + ${TILE - 1}u) / ${TILE}u);
  let slice = item / tiles;
  let m0 = ((item % tiles) / across) * ${TILE}u;
  let n0 = ((item % tiles) % across) * ${TILE}u;
  let first_term = slice * word(18u);
  let terms = min(word(2u), first_term + word(18u));
  let height = min(rows - m0, ${TILE}u);
  let x = local & 15u;
  let y = local >> 4u;
  // Invocations side by side read cells side by side.
  let along_terms = word(9u) == 1u;
  ${each((r) => `var low${r} = vec4u(); var high${r} = vec4u();`)}
  for (var a = 0u; a < word(6u); a++) {
  for (var b = 0u; b < word(12u); b++) {
    let shift = a * word(7u) + b * word(13u);
    if (shift >= 64u) { break; }
    let left_first = word(3u) + a * word(5u);
    let right_first = word(8u) + b * word(11u);
    var runs = 0u;
    ${each((r) => `var sum${r} = vec4i();`)}
    for (var k0 = first_term; k0 < terms; k0 += ${DEPTH}u) {
      for (var i = local; i < ${DEPTH * TILE}u; i += 256u) {
        let k = i % ${DEPTH}u;
        let m = i / ${DEPTH}u;
        var v = 0;
        if (k0 + k < terms && m < height) { v = bitcast<i32>(left[left_first + (m0 + m) * word(4u) + k0 + k]); }
        left_tile[k * ${PITCH}u + m] = v;
      }
      for (var i = local; i < ${DEPTH * TILE}u; i += 256u) {
        let k = select(i / ${TILE}u, i % ${DEPTH}u, along_terms);
        let n = select(i % ${TILE}u, i / ${DEPTH}u, along_terms);
        var v = 0;
        if (k0 + k < terms && n0 + n < columns) {
          v = right_cell(right_first + (k0 + k) * word(9u) + (n0 + n) * word(10u), word(14u));
        }
        right_tile[k * ${PITCH}u + n] = v;
      }
      workgroupBarrier();
      for (var k = 0u; k < ${DEPTH}u; k++) {
        let p = k * ${PITCH}u + y;
        let q = k * ${PITCH}u + x;
        let v = vec4i(right_tile[q], right_tile[q + 16u], right_tile[q + 32u], right_tile[q + 48u]);
        sum0 += left_tile[p] * v;
        ${[1, 2, 3].map((r) => `if (height > ${16 * r}u) { sum${r} += left_tile[p + ${16 * r}u] * v; }`).join('\n        ')}
      }
      workgroupBarrier();
      runs++;
      if (runs == word(17u) || k0 + ${DEPTH}u >= terms) {
        runs = 0u;
        ${each((r) => `spill(sum${r}, shift, &low${r}, &high${r}); sum${r} = vec4i();`)}
      }
    }
  }
  }
  ${each((r) => `add_row(word(15u) + slice * word(19u), m0 + y + ${16 * r}u, n0 + x, low${r}, high${r});`)}`,
};

/** Item: a cell. Words: slices, cells of one. The sum of the slices, in the first one, modulo 2^64. */
export const SLICES: Kernel = {
  name: 'sums of slices',
  fields: [],
  slots: [{ name: 'sums', type: 'u32', access: 'write' }],
  size: 64,
  body: `
  var low = sums[2u * item];
  var high = sums[2u * item + 1u];
  for (var k = 1u; k < word(0u); k++) {
    let at = 2u * (k * word(1u) + item);
    let total = low + sums[at];
    high += sums[at + 1u] + select(0u, 1u, total < low);
    low = total;
  }
  sums[2u * item] = low;
  sums[2u * item + 1u] = high;`,
};

export const KERNELS: readonly Kernel[] = [CUT, PRODUCT, SLICES];
