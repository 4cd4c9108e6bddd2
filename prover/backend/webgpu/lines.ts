/**
 * Sums of generators chosen by lines of bits. A line is a bit plane of a row of cells, or the bits of a row of scalars, over as many points as it has bits;
 * every `bits` neighbouring ones are an index into the table of subset sums. So a plane costs an addition for every `bits` columns, whatever the values are: there is
 * nothing to sort and no bucket to wait for. An invocation takes every n-th group of a line; the n of a line are neighbours, so that where a plane is zero, or
 * above what its row needs, they leave together.
 */
import { items, whole, type Device } from './device.ts';
import type { Table } from './generators.ts';
import { invocations, type Kernel } from './kernel.ts';
import type { Points } from './points.ts';
import type { Region } from './regions.ts';
import { POINT, POINT_CODE, pointAccess } from './wgsl/point.ts';

/** Invocations of a dispatch that fill a device, and the additions below which one is not worth its part of the tree of sums. */
const BUSY = 2 ** 18;
const LEAST_RUN = 8;

/**
 * Item k: 32 columns of a row, k = row·words + word, turned into a word of each of the row's lines. Words: columns, bytes of a cell (1, 2, 4: two's
 * complement; more: of 32-bit words), lines of a row, words of a line, rows before these, whether cells have signs. needs[row] becomes the bits of two's complement
 * that its largest cell needs.
 */
const TRANSPOSE: Kernel = invocations(
  'bit planes',
  [],
  [
    { name: 'cells', type: 'u32', access: 'read' },
    { name: 'lines', type: 'u32', access: 'write' },
    { name: 'needs', type: 'atomic<u32>', access: 'write' },
  ],
  `
  let columns = word(0u); let width = word(1u); let planes = word(2u); let length = word(3u);
  let index = parameter(1u) + item;
  let row = index / length;
  let first = (index % length) * 32u;
  let count = min(32u, columns - first);
  let cell = row * columns + first;
  var need = 1u;
  for (var part = 0u; part * 32u < planes; part++) {
    var out: array<u32, 32>;
    for (var p = 0u; p < 32u; p++) { out[p] = 0u; }
    for (var c = 0u; c < count; c++) {
      var v = 0u;
      if (width < 4u) {
        let at = (cell + c) * width;
        let shift = 32u - 8u * width;
        v = u32(i32((cells[at >> 2u] >> (8u * (at & 3u))) << shift) >> shift);
      } else {
        v = cells[(cell + c) * (width >> 2u) + part];
      }
      for (var p = 0u; p < 32u; p++) { out[p] |= ((v >> p) & 1u) << c; }
      // The last part's upper bits are the sign.
      if (word(4u) == 1u) {
        var sign = v;
        if (width == 8u && part == 0u) { sign = cells[(cell + c) * 2u + 1u]; }
        let magnitude = v ^ u32(i32(sign) >> 31u);
        if (magnitude != 0u) { need = max(need, 33u + 32u * part - countLeadingZeros(magnitude)); }
      }
    }
    for (var p = 0u; p < min(32u, planes - 32u * part); p++) { lines[(row * planes + 32u * part + p) * length + index % length] = out[p]; }
  }
  if (word(4u) == 1u) { atomicMax(&needs[row], need); }`,
);

/**
 * Item k: the sum of some groups of a line, k = line·n + which of n. Words: n, lines of a row, words of a line, bits of a subset, the table's first group, groups, whether
 * a row's lines are planes of two's complement, of which the highest that its cells need counts negative.
 */
const SUM_LINES: Kernel = invocations(
  'sums of lines',
  ['Q'],
  [
    { name: 'sums', type: 'vec4u', access: 'read' },
    { name: 'lines', type: 'u32', access: 'read' },
    { name: 'needs', type: 'u32', access: 'read' },
    { name: 'out', type: 'vec4u', access: 'write' },
  ],
  `
  let n = word(0u); let planes = word(1u); let length = word(2u); let bits = word(3u);
  let line = (parameter(1u) + item) / n;
  var need = planes;
  if (word(6u) == 1u) { need = needs[line / planes]; }
  let plane = line % planes;
  var sum = identityP();
  if (plane < need) {
    for (var g = (parameter(1u) + item) % n; g < word(5u); g += n) {
      let bit = (word(4u) + g) * bits;
      let at = bit >> 5u;
      let shift = bit & 31u;
      var index = 0u;
      if (at < length) { index = lines[line * length + at] >> shift; }
      if (shift + bits > 32u && at + 1u < length) { index |= lines[line * length + at + 1u] << (32u - shift); }
      index &= (1u << bits) - 1u;
      if (index != 0u) {
        let entry = 2u * ((g << bits) + index);
        sum = addAffineP(sum, loadQ_sums(entry), loadQ_sums(entry + 1u));
      }
    }
  }
  if (word(6u) == 1u && plane + 1u == need) { sum.y = negQ(sum.y); }
  storeP_out(at_out + item, sum);`,
  POINT_CODE + pointAccess('out', true),
);

/** Lines of bits on the device. */
export interface Lines {
  readonly region: Region;
  /** Columns, rows, lines of a row. */
  readonly columns: number;
  readonly rows: number;
  readonly planes: number;
  /** Bits of two's complement that each row needs, its lines being planes; null for bits that all count as they are. */
  readonly needs: Region | null;
}

export const lineWords = (columns: number): number => Math.ceil(columns / 32);

/** The planes of rows of integers: `width` bytes a cell, of 32-bit words where more than four. Releases the cells. */
export function transpose(
  device: Device,
  cells: Region,
  width: number,
  columns: number,
  rows: number,
  planes: number,
  signed: boolean,
): Lines {
  const length = lineWords(columns);
  const region = device.memory.alloc(4 * rows * planes * length);
  const needs = device.memory.alloc(4 * rows);
  device.clear(needs);
  device.run(TRANSPOSE, rows * length, [whole(cells), whole(region), whole(needs)], [columns, width, planes, length, signed ? 1 : 0]);
  device.memory.release(cells);
  if (signed) return { region, columns, rows, planes, needs };
  device.memory.release(needs);
  return { region, columns, rows, planes, needs: null };
}

/** Sums of the table's points over each line, which it releases: a point each, row by row. */
export function sumLines(points: Points, table: Table, lines: Lines, extra: Region | null = null): Region {
  const { device } = points;
  const { columns, rows, planes, region, needs } = lines;
  const count = rows * planes;
  const all = Math.ceil(columns / table.bits);
  let sums = extra;
  for (let first = 0; first < all; first += table.groups) {
    const groups = Math.min(table.groups, all - first);
    const n = 2 ** Math.max(0, Math.floor(Math.log2(Math.min(BUSY / count, groups / LEAST_RUN))));
    const out = device.memory.alloc(POINT * count * n);
    const args = [whole(table.parts[first / table.groups] as Region), whole(region), whole(needs ?? region), items(out, POINT)];
    device.run(SUM_LINES, count * n, args, [n, planes, lineWords(columns), table.bits, first, groups, needs ? 1 : 0]);
    sums = points.fold(out, count, n, sums);
  }
  device.memory.release(region, ...(needs ? [needs] : []));
  return sums as Region;
}

export const KERNELS: readonly Kernel[] = [TRANSPOSE, SUM_LINES];
