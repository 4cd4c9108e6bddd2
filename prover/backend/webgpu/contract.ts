/**
 * Partial evaluations of blocks of small integers: one pass over the cells, in pieces of some ten MB. While the device is at a piece the next one is read
 * and put in the host's buffers (staging.ts); two pieces, tables and partial sums are all that lies on the device, however large the block.
 *
 * A piece is outputs (kept cells) times terms (summed ones), each with its offset from the piece's first cell. An invocation adds up a run of terms of one
 * output, or of four that share each weight (dot-kernels.ts), as in wgsl/dots.ts; neighbours read the same weight, and cells of the same cache lines. Terms beyond
 * a table's size are `far`: their products weigh whole sums. Sums of an output are then added up and go to its place in the result, in a kernel with one
 * invocation an output: nothing is written twice.
 */
import { mod } from '../../../verifier/field.ts';
import { axesOf, combinations, denseAxes, firstOf, part, range, spanOf, type Axis } from '../axes.ts';
import { cellsAt, isSource } from '../sources.ts';
import type { Cells, ContractDim, IntBlock } from '../types.ts';
import { whole, type Device } from './device.ts';
import type { Held } from './held.ts';
import { chooseMode, dotKernel, FINISH, FOLD, FOLDED, stepsOf, type Mode } from './dot-kernels.ts';
import { clearAbove, packed, PIECE, refuse, type Kind } from './ints.ts';
import type { Region } from './regions.ts';
import { ELEMENT } from './sums.ts';
import { MOST_TERMS, WEIGHT } from './wgsl/dots.ts';
import { canonical } from './vectors.ts';
import { weightTable } from './weights.ts';

/** Terms of a table of weights. */
const TERMS = 2 ** 13;
/** Terms of a table of weights if one dimension has more. */
const LONGEST = 2 ** 15;
/** Sums that are worth an invocation each. */
const BUSY = 2 ** 17;
/** Terms that are worth an invocation of their own. */
const LEAST_TERMS = 256;
/** Partial sums at a time. */
const PARTIALS = 2 ** 19;
/** Kept axes of a piece: their sizes and strides are words of a dispatch. */
const MOST_AXES = 40;

/** What tables may hold on a device. */
interface Room {
  /** Cells that are uploaded at a time. */
  readonly cells: number;
  readonly terms: number;
  readonly longest: number;
  readonly partials: number;
}

function roomOf(device: Device, bytesOfCell: number): Room {
  const { partBytes } = device.memory;
  return {
    cells: Math.min(PIECE, partBytes) / bytesOfCell,
    terms: Math.min(TERMS, Math.floor(partBytes / WEIGHT)),
    longest: Math.min(LONGEST, Math.floor(partBytes / WEIGHT)),
    partials: Math.min(PARTIALS, partBytes / ELEMENT),
  };
}

const productOf = (axes: readonly Axis[]): number => axes.reduce((n, a) => n * a.count, 1);

/** Summed axes whose products make a table of weights, the innermost ones, and those that weigh its sums. */
function splitSums(axes: readonly Axis[], most: number): { readonly far: readonly Axis[]; readonly near: readonly Axis[] } {
  const sums = axes.filter((a) => a.weights !== null && a.count > 1);
  let terms = 1;
  let at = sums.length;
  for (; at > 0; at--) {
    const { count } = sums[at - 1] as Axis;
    if (terms > 1 && terms * count > most) break;
    terms *= count;
  }
  return { far: sums.slice(0, at), near: sums.slice(at) };
}

/** Kept axes of more than one cell, those that continue one another as one. */
function keptOf(axes: readonly Axis[]): Axis[] {
  const out: Axis[] = [];
  for (const a of axes) {
    if (a.weights !== null || a.count === 1) continue;
    const before = out.at(-1);
    if (before !== undefined && before.stride === a.stride * a.count && before.step === a.step * a.count)
      out[out.length - 1] = { ...a, count: before.count * a.count };
    else out.push(a);
  }
  return out;
}

/** A kept axis of whose cells two may have one output; undefined if there is none. */
function colliding(axes: readonly Axis[]): Axis | undefined {
  let reach = 0;
  for (const a of axes.filter((x) => x.weights === null && x.count > 1).toSorted((x, y) => x.step - y.step)) {
    if (a.step <= reach) return a;
    reach += a.step * (a.count - 1);
  }
  return undefined;
}

/** The axis that must be cut for a piece to be computed at once, and into how many cells each; null if none must. */
function cutOf(axes: readonly Axis[], room: Room): { readonly at: number; readonly each: number } | null {
  const span = spanOf(axes);
  if (span > room.cells) {
    const at = axes.findIndex((a) => a.count > 1);
    const a = axes[at] as Axis;
    const rest = spanOf(axes.with(at, { ...a, count: 1 }));
    return { at, each: Math.max(1, Math.floor((room.cells - rest) / a.stride) + 1) };
  }
  const long = axes.findIndex((a) => a.weights !== null && a.count > room.longest);
  if (long >= 0) return { at: long, each: room.longest };
  const twice = colliding(axes);
  if (twice) return { at: axes.indexOf(twice), each: 1 };
  if (keptOf(axes).length > MOST_AXES) return { at: axes.findIndex((a) => a.weights === null && a.count > 1), each: 1 };
  const { far, near } = splitSums(axes, room.terms);
  const [fars, terms] = [productOf(far), productOf(near)];
  // A word holds at most four cells, with an output each.
  if (4 * fars * Math.ceil(terms / MOST_TERMS) <= room.partials && 4 * (fars + terms) <= ELEMENT * room.partials) return null;
  const at = axes.indexOf((far[0] ?? near[0]) as Axis);
  return { at, each: Math.ceil((axes[at] as Axis).count / 2) };
}

/** Pieces that are computed at once; together all cells that count, each once. */
function* pieces(axes: readonly Axis[], room: Room): Generator<readonly Axis[]> {
  const cut = cutOf(axes, room);
  if (cut === null) return yield axes;
  const a = axes[cut.at] as Axis;
  for (let from = 0; from < a.count; from += cut.each)
    yield* pieces(axes.with(cut.at, part(a, from, Math.min(cut.each, a.count - from))), room);
}

/** Weights and offsets of a piece's terms. */
interface Tables {
  readonly sums: readonly Axis[];
  readonly factor: bigint;
  /** Offsets of terms, then of far terms. */
  readonly offsets: Region;
  readonly near: Region;
  readonly far: Region;
}

const sameAxes = (a: readonly Axis[], b: readonly Axis[]): boolean =>
  a.length === b.length && a.every((x, k) => x.weights === b[k]?.weights && x.stride === b[k]?.stride);

/** One pass over the cells of a block. */
class Pass {
  private readonly device: Device;
  private readonly out: Region;
  private readonly room: Room;
  private tables: Tables | null = null;

  constructor(device: Device, out: Region, room: Room) {
    this.device = device;
    this.out = out;
    this.room = room;
  }

  /** Adds scale · (partial evaluation of a piece), whose cells lie in `source`. */
  piece(kind: Kind, source: Region, axes: readonly Axis[], scale: bigint): void {
    let [factor, target] = [scale, 0];
    for (const a of axes) {
      target += a.target;
      if (a.count === 1 && a.weights !== null) factor = mod(factor * (a.weights[0] as bigint));
    }
    if (factor === 0n) return;
    const { far, near } = splitSums(axes, this.room.terms);
    const kept = keptOf(axes);
    const mode = chooseMode(kind, kept, near, far);
    const tables = this.tablesOf(far, near, factor);
    this.sums(kind, mode, source, kept, tables, productOf(near), productOf(far), target);
  }

  private sums(
    kind: Kind,
    mode: Mode,
    source: Region,
    kept: readonly Axis[],
    tables: Tables,
    terms: number,
    fars: number,
    target: number,
  ): void {
    const { device, room } = this;
    const { memory } = device;
    const { outputs: each, terms: step } = stepsOf(kind, mode);
    const outputs = productOf(kept);
    const wanted = Math.ceil((BUSY * each) / (outputs * fars));
    const most = Math.floor(room.partials / (each * fars));
    const splits = Math.max(Math.ceil(terms / MOST_TERMS), Math.min(wanted, Math.floor(terms / LEAST_TERMS), most));
    const run = step * Math.ceil(terms / splits / step);
    const sums = fars * Math.ceil(terms / run);
    const chunk = each * Math.floor(room.partials / (sums * each));
    const inner = kept.toReversed();
    const strides = inner.flatMap((a) => [a.count, a.stride]);
    const kernel = dotKernel(kind, mode, device.limbBits);
    for (let first = 0; first < outputs; first += chunk) {
      const count = Math.min(chunk, outputs - first);
      const partials = memory.alloc(ELEMENT * count * sums);
      const groups = count / each;
      device.run(
        kernel,
        groups * sums,
        [whole(source), whole(tables.offsets), whole(tables.near), whole(tables.far), whole(partials)],
        [first / each, groups, sums / fars, terms, run, inner.length, fars > 1 ? 1 : 0, ...strides],
      );
      this.finish(partials, first, count, sums, inner, target);
    }
  }

  /** Adds up `sums` partial sums of each of `count` outputs, the first of which is `first`, and adds them to the result. Releases the partial sums. */
  private finish(partials: Region, first: number, count: number, sums: number, inner: readonly Axis[], target: number): void {
    const { device, out } = this;
    let [from, left] = [partials, sums];
    while (left > FOLDED) {
      const next = Math.ceil(left / FOLDED);
      const to = device.memory.alloc(ELEMENT * count * next);
      device.run(FOLD, count * next, [whole(from), whole(to)], [count, left]);
      device.memory.release(from);
      [from, left] = [to, next];
    }
    const steps = inner.flatMap((a) => [a.count, a.step]);
    const elements = out.partBytes / ELEMENT;
    out.parts.forEach((buffer, k) => {
      const own: Region = { bytes: out.partBytes, partBytes: out.partBytes, parts: [buffer] };
      device.run(FINISH, count, [whole(from), whole(own)], [first, left, count, k * elements, elements, target, inner.length, ...steps]);
    });
    device.memory.release(from);
  }

  /** Tables of a piece; those of the piece before where they are the same. */
  private tablesOf(far: readonly Axis[], near: readonly Axis[], factor: bigint): Tables {
    const sums = [...far, ...near];
    if (this.tables !== null && this.tables.factor === factor && sameAxes(this.tables.sums, sums)) return this.tables;
    this.free();
    const { device } = this;
    const offsetsOf = (axes: readonly Axis[]): Uint32Array => combinations(axes.map((a) => range(a.count, a.stride)));
    const [own, distant] = [offsetsOf(near), offsetsOf(far)];
    const offsets = new Uint32Array(own.length + distant.length);
    offsets.set(own);
    offsets.set(distant, own.length);
    const lists = (axes: readonly Axis[]): (readonly bigint[])[] => axes.map((a) => a.weights as readonly bigint[]);
    this.tables = {
      sums,
      factor,
      offsets: device.upload(new Uint8Array(offsets.buffer)),
      near: weightTable(device, lists(near), factor, 'limbs'),
      far: weightTable(device, lists(far), 1n, 'elements'),
    };
    return this.tables;
  }

  /** Releases the tables. */
  free(): void {
    if (this.tables === null) return;
    this.device.memory.release(this.tables.offsets, this.tables.near, this.tables.far);
    this.tables = null;
  }
}

/** Whether a cell of the block, by its index in it, is one of those that count. */
function counts(axes: readonly Axis[], index: number, causal: readonly [number, number] | undefined): boolean {
  let rest = index;
  const digits = axes.map((a) => {
    const y = Math.floor(rest / a.stride);
    rest -= y * a.stride;
    return y;
  });
  if (causal && (digits[causal[1]] as number) > (digits[causal[0]] as number)) return false;
  return axes.every((a, d) => {
    const y = (digits[d] as number) - a.first;
    return y >= 0 && y < a.count && (a.weights === null || a.weights[y] !== 0n);
  });
}

async function contractAxes(
  device: Device,
  held: Held,
  { cells, offset, causal }: IntBlock,
  axes: readonly Axis[],
  diagonal: { readonly bits: number; readonly shifts: readonly [number, number] } | null,
  scale: bigint,
  out: Region,
): Promise<void> {
  const room = roomOf(device, cells.BYTES_PER_ELEMENT);
  const pass = new Pass(device, out, room);
  const read = (own: readonly Axis[]): Promise<Cells> => {
    const from = offset + firstOf(own);
    const end = Math.min(cells.length, from + spanOf(own));
    return cellsAt(cells, from, Math.max(0, end - from));
  };
  const list = pieces(axes, room);
  const take = (): { readonly own: readonly Axis[]; readonly cells: Promise<Cells> } | null => {
    const { value, done } = list.next();
    if (done === true) return null;
    const found = read(value);
    // What went wrong is thrown where the piece's turn comes.
    found.catch(() => {});
    return { own: value, cells: found };
  };
  /** A piece's cells on the device. */
  const place = async (own: readonly Axis[], found: Cells): Promise<{ readonly kind: Kind; readonly region: Region }> => {
    const [first, span] = [firstOf(own), spanOf(own)];
    const there = isSource(cells) ? null : await held.piece(cells, offset + first, span);
    if (there !== null) return there;
    const check = (i: number): void => {
      if (counts(own, first + i, causal)) refuse(offset + first + i, found[i] as number);
    };
    for (let i = found.length; i < span; i++) check(i);
    const { kind, bytes, fill } = packed(found, check);
    const region = device.memory.alloc(Math.max(4, Math.ceil((span * kind) / 32) * 4));
    try {
      await device.stage(region, bytes, fill);
    } catch (error) {
      device.memory.release(region);
      throw error;
    }
    return { kind, region };
  };
  try {
    for (let turn = take(); turn !== null;) {
      const { own } = turn;
      const found = await turn.cells;
      turn = take();
      const { kind, region } = await place(own, found);
      try {
        if (diagonal) clearAbove(device, kind, region, firstOf(own), spanOf(own), diagonal);
        pass.piece(kind, region, own, scale);
      } finally {
        device.memory.release(region);
      }
    }
  } finally {
    pass.free();
  }
}

const checkWeights = (axes: readonly Axis[]): void =>
  axes.forEach((a, d) => a.weights?.forEach((w, y) => canonical(w, `weight ${a.first + y} of dimension ${d}`)));

/** out[…] += scale · (partial evaluation of the block); `out` holds `length` elements. */
export async function contract(
  device: Device,
  held: Held,
  block: IntBlock,
  dims: readonly ContractDim[],
  scale: bigint,
  out: Region,
  length: number,
): Promise<void> {
  const axes = axesOf(dims);
  canonical(scale, 'scale');
  if (axes === null || scale === 0n) return;
  checkWeights(axes);
  const last = axes.reduce((n, a) => n + a.target + (a.count - 1) * a.step, 0);
  if (last >= length) throw new Error(`webgpu: contract writes cell ${last} of ${length}`);
  const shift = (d: number): number => dims.slice(d + 1).reduce((n, x) => n + x.bits, 0);
  const diagonal = block.causal && {
    bits: (dims[block.causal[0]] as ContractDim).bits,
    shifts: [shift(block.causal[0]), shift(block.causal[1])] as const,
  };
  await contractAxes(device, held, block, axes, diagonal ?? null, scale, out);
}

/** Σ_y cells[y]·Π_d weights[d][y_d] over a dense array, row-major, added to the first element of `out`. */
export async function weightedSum(
  device: Device,
  held: Held,
  cells: Cells,
  weights: readonly (readonly bigint[])[],
  out: Region,
): Promise<void> {
  const count = weights.reduce((n, own) => n * own.length, 1);
  if (count !== cells.length) throw new Error(`webgpu: weightedSum of ${cells.length} cells for weights of ${count}`);
  const wrong = cells instanceof Float64Array ? cells.findIndex((v) => !Number.isSafeInteger(v)) : -1;
  if (wrong >= 0) refuse(wrong, cells[wrong] as number);
  const axes = denseAxes(weights);
  checkWeights(axes);
  if (count > 0) await contractAxes(device, held, { cells, offset: 0 }, axes, null, 1n, out);
}
