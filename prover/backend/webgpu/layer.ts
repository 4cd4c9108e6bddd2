/**
 * The sumcheck of a layer, on the device until few cells are left.
 *
 * After the first binding the table is one of records: the two cells that the next round combines, beside each other. A round is then one pass that
 * reads two records, binds their cells and writes one record, evaluating as it goes; an invocation has one pair, or several where there are many,
 * a workgroup a run of neighbouring pairs under one entry of the upper eq tables. What comes back is a sum for each of two or three values of h.
 * The last rounds, which would not fill the device and each cost a wait for it, are the host's.
 *
 * A cell of 128 bytes takes about a dozen products of hundreds of multiplications: arithmetic is dear, memory traffic cheap, room scarce. So cells of
 * leaves are made a chunk at a time, by the integers' own kernel, and again for the second round, which binds them.
 */
import { R, mod } from '../../../verifier/field.ts';
import { SplitEq, type Known } from '../split-eq.ts';
import type { SumcheckRounds } from '../types.ts';
import { items, whole, type Argument, type Device } from './device.ts';
import { CELL, EQ_GROUPS, EQ_SUFFIXES, LAYER, layerWords } from './layer-kernels.ts';
import { NODE, type Leaves } from './leaves.ts';
import type { Region } from './regions.ts';
import { ELEMENT, bigintsOf, bytesOf, constants, sumPartials } from './sums.ts';
import { montgomery } from './wgsl/field.ts';

/** log2 of the cells that the host takes over. */
const HOST_BITS = 4;
/** Pairs of an invocation at most. */
const MOST_PAIRS = 8;
/** Invocations that keep a device busy, from which on they have more than one pair: a graphics card's; a processor's. */
const BUSY = { card: 2 ** 17, processor: 2 ** 6 } as const;
/** Coordinates of a group of the eq tables at most. */
const EQ_BITS = 10;
/** Cells of leaves that are made at a time. */
const CHUNK = 2 ** 20;

/** Cells of a layer before its first binding; those after `cells` are 0/1 twice. */
export interface Source {
  readonly cells: number;
  /** Cells that `place` takes at most. */
  readonly chunk: number;
  /** Where cells [first, first + count) lie, as their position in a region; until the next call for the same slot (0 … 3). */
  place(slot: number, first: number, count: number): { readonly region: Region; readonly first: number };
  release(): void;
}

/** Cells that lie in a region. */
export function storedCells(device: Device, region: Region, cells: number): Source {
  return {
    cells,
    chunk: Infinity,
    place: (_, first) => ({ region, first }),
    release: () => device.memory.release(region),
  };
}

/** Most nodes of a layer that are made of leaves at a time. */
export const chunkNodes = (device: Device): number => Math.min(2 * CHUNK, device.memory.partBytes / NODE);

/** Cells over nodes of the layer `level` above the leaves, made when they are asked for. */
export function leafCells(device: Device, leaves: Leaves, level: number): Source {
  leaves.retain();
  const cells = leaves.nodes(level) / 2;
  const chunk = chunkNodes(device) / 2;
  const nodes = 2 * Math.min(cells, chunk);
  let rooms: Region[] | null = null;
  const slots: (Region | undefined)[] = [];
  return {
    cells,
    chunk,
    place(slot, first, count) {
      rooms ??= leaves.rooms(level, nodes);
      const region = (slots[slot] ??= device.memory.alloc(NODE * nodes));
      leaves.write(level, 2 * first, 2 * count, region, 0, rooms);
      return { region, first: 0 };
    },
    release() {
      device.memory.release(...(rooms ?? []), ...slots.filter((region) => region !== undefined));
      leaves.release();
    },
  };
}

/** Field elements of a region as canonical values. */
export async function readElements(device: Device, region: Region, first: number, count: number): Promise<bigint[]> {
  const { from } = montgomery('F', device.limbBits);
  return bigintsOf(await device.read(region, ELEMENT * first, ELEMENT * count)).map(from);
}

/** p0, q0, p1, q1 */
type Cell = readonly [bigint, bigint, bigint, bigint];

/** Cells on the device after a binding: record i has cells i and i + pairs; those from `stored` on are 0/1 twice. */
interface Records {
  readonly region: Region;
  readonly stored: number;
}

const line = (low: bigint, high: bigint, t: bigint): bigint => mod(low + t * (high - low));
const atMost = (n: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, n)));

export class LayerRounds implements SumcheckRounds {
  private readonly device: Device;
  private readonly point: readonly bigint[];
  private readonly lambda: bigint;
  private readonly split: SplitEq;
  private readonly onFinished: (known: Known) => void;
  private source: Source | null;
  private records: Records | null = null;
  /** p1 + λ·q1 in place of p1. */
  private cells: readonly Cell[] | null = null;
  /** The eq tables, coordinates of a group. */
  private readonly eq: Region | null;
  private readonly eqBits: number;
  private last: readonly bigint[] | null = null;
  private state: 'open' | 'finished' | 'freed' = 'open';

  /** Takes over the source. */
  constructor(
    device: Device,
    source: Source,
    point: readonly bigint[],
    lambda: bigint,
    claim: bigint | null,
    onFinished: (k: Known) => void,
  ) {
    this.device = device;
    this.source = source;
    this.point = point;
    this.lambda = lambda;
    this.split = new SplitEq(point, claim);
    this.onFinished = onFinished;
    const most = device.memory.partBytes / (2 * EQ_GROUPS * ELEMENT);
    this.eqBits = Math.min(EQ_BITS, Math.floor(Math.log2(most)));
    this.eq = point.length > HOST_BITS ? this.eqTables() : null;
  }

  private eqTables(): Region {
    const { device, point, eqBits } = this;
    if (point.length > EQ_GROUPS * eqBits) throw new Error(`webgpu: a layer of ${point.length} variables; bindings are too small`);
    const coordinates = device.upload(bytesOf(constants(device, point)));
    const tables = device.memory.alloc(ELEMENT * EQ_GROUPS * 2 ** (eqBits + 1));
    device.run(EQ_SUFFIXES, EQ_GROUPS, [whole(coordinates), whole(tables)], [point.length, eqBits, 2 ** (eqBits + 1)]);
    device.memory.release(coordinates);
    return tables;
  }

  private check(challenge: bigint | null): void {
    if (this.state !== 'open') throw new Error(`sumcheck: the layer was ${this.state}`);
    if (challenge !== null && (challenge < 0n || challenge >= R)) throw new Error('sumcheck: challenge is not canonical');
  }

  async round(challenge: bigint | null): Promise<bigint[]> {
    this.check(challenge);
    const left = this.point.length - this.split.challenges.length - (challenge === null ? 0 : 1);
    if (left < 1) throw new Error('sumcheck: no round is left');
    if (challenge === null && this.last) return [...this.last];
    if (challenge !== null) this.split.bind(challenge);
    const sums = left > HOST_BITS ? await this.step(challenge) : await this.hostRound(challenge);
    this.check(null);
    const [h0, h1, h2] = sums as [bigint, bigint, bigint];
    this.last = this.split.round(h0, h1, h2);
    return [...this.last];
  }

  async finish(challenge: bigint): Promise<bigint[]> {
    this.check(challenge);
    if (this.split.challenges.length !== this.point.length - 1) throw new Error('sumcheck: finished before the last round');
    this.split.bind(challenge);
    const [[p0, q0, p1, q1]] = (await this.onHost(challenge)) as [Cell];
    this.check(null);
    const values = [p0, mod(p1 - this.lambda * q1), q0, q1] as const;
    this.release('finished');
    this.onFinished({ challenges: this.split.challenges, values });
    return [...values];
  }

  /** Gives up all storage; rounds that are under way throw. */
  free(): void {
    if (this.state === 'open') this.release('freed');
  }

  private release(state: 'finished' | 'freed'): void {
    this.state = state;
    this.source?.release();
    this.device.memory.release(...(this.eq ? [this.eq] : []), ...(this.records ? [this.records.region] : []));
    this.source = this.records = null;
    this.cells = null;
  }

  /** A round on the device: sums of h(0), h(1) if it is wanted, and the coefficient of t². */
  private async step(challenge: bigint | null): Promise<bigint[]> {
    const { device, lambda, split } = this;
    const rest = this.point.length - 1 - split.challenges.length;
    const all = !split.fromClaim;
    const { partials, groups } = this.pass(challenge, rest, all);
    const [h0, h1, h2] = (await sumPartials(device, partials, groups, 3)) as [bigint, bigint, bigint];
    // eq adds up to 1.
    return [mod(h0 + lambda), mod(h1 + lambda), h2];
  }

  /** One pass over the table for 2^rest pairs. With a challenge, records take the table's place. */
  private pass(challenge: bigint | null, rest: number, all: boolean): { readonly partials: Region; readonly groups: number } {
    const { device, source, records, eqBits } = this;
    const pairs = 2 ** rest;
    const binds = challenge !== null;
    // Cells (records) of which a pair is made, by argument.
    const firsts = source ? (binds ? [0, 2 * pairs, pairs, 3 * pairs] : [0, 0, pairs, pairs]) : [0, 0, pairs, pairs];
    const there = source?.cells ?? (records as Records).stored;
    const limits = firsts.map((first) => Math.max(0, there - first));
    const count = Math.min(pairs, there);
    const stride = source ? 1 : 2;
    const eq = [0, 1, 2].map((g) => Math.min(eqBits, Math.max(0, rest - g * eqBits)));
    const perInvocation = Math.min(MOST_PAIRS, atMost(count / (device.info.software ? BUSY.processor : BUSY.card)));
    const item = Math.min(64 * perInvocation, 2 ** (eq[0] as number), atMost(count), device.memory.partBytes / (2 * CELL));
    const groups = Math.ceil(count / item);
    const partials = device.memory.alloc(3 * ELEMENT * groups);
    const out = device.memory.alloc(binds ? 2 * CELL * count : 1);
    const [r, lambda] = constants(device, [challenge ?? 0n, this.lambda]) as [bigint, bigint];
    const chunk = source?.chunk ?? Infinity;
    for (let from = 0; from < count; from += chunk) {
      const size = Math.min(chunk, count - from);
      const ends = limits.map((limit) => Math.ceil(Math.min(size, Math.max(0, limit - from)) / item));
      const places = firsts.map((first, k) => {
        if ((!binds && k % 2 === 1) || ends[k] === 0) return null;
        const at = first + from;
        if (!source) return { region: (records as Records).region, first: at };
        return source.place(k, at, Math.min(size, (limits[k] as number) - from));
      });
      // Runs of items in which the same arguments are there; the others see the first one's cells and do not read them.
      for (let done = 0; done < Math.ceil(size / item);) {
        const next = Math.min(...ends.filter((end) => end > done));
        const args = places.map((place, k) => {
          const { region, first } = ((ends[k] as number) > done ? place : null) ?? (places[0] as NonNullable<typeof place>);
          return items(region, CELL * stride * item, first / item + done);
        });
        const group = from / item + done;
        const output: Argument = binds ? items(out, 2 * CELL * item, group) : whole(out);
        const words = {
          pairs: item,
          first: group * item,
          limits,
          binds,
          stride,
          all,
          fold: source !== null,
          challenge: r,
          lambda,
        } as const;
        device.run(
          LAYER,
          next - done,
          [...args, output, whole(this.eq as Region), items(partials, 3 * ELEMENT, group)],
          layerWords({ ...words, eq: [eq[0] as number, eq[1] as number, eq[2] as number, 2 ** (eqBits + 1)] }),
        );
        done = next;
      }
    }
    if (binds) {
      if (source) source.release();
      else device.memory.release((records as Records).region);
      this.source = null;
      this.records = { region: out, stored: count };
    } else device.memory.release(out);
    return { partials, groups };
  }

  /** The cells with the challenge bound, 2^HOST_BITS of them at most. */
  private async onHost(challenge: bigint | null): Promise<readonly Cell[]> {
    if (this.cells) {
      if (challenge === null) return this.cells;
      const half = this.cells.length / 2;
      const high = this.cells.slice(half);
      this.cells = this.cells
        .slice(0, half)
        .map((cell, i) => cell.map((low, e) => line(low, (high[i] as Cell)[e] as bigint, challenge)) as unknown as Cell);
      return this.cells;
    }
    const { lambda, device } = this;
    const left = this.point.length - this.split.challenges.length;
    const nothing: Cell = [0n, 1n, lambda, 1n];
    if (this.eq === null) {
      const source = this.source as Source;
      const { region, first } = source.place(0, 0, source.cells);
      const values = await readElements(device, region, 4 * first, 4 * source.cells);
      this.check(null);
      const folded = values.map((x, i) => (i % 4 === 2 ? mod(x + lambda * (values[i + 1] as bigint)) : x));
      const length = 2 ** (challenge === null ? left : left + 1);
      this.cells = Array.from({ length }, (_, i) => (i < source.cells ? (folded.slice(4 * i, 4 * i + 4) as unknown as Cell) : nothing));
      source.release();
      this.source = null;
      return this.onHost(challenge);
    }
    const { partials } = this.pass(challenge, left - 1, false);
    const { region, stored } = this.records as Records;
    const values = await readElements(device, region, 0, 8 * stored);
    device.memory.release(partials);
    this.check(null);
    const pairs = 2 ** (left - 1);
    const cell = (half: number, i: number): Cell =>
      i < stored ? (values.slice(8 * i + 4 * half, 8 * i + 4 * half + 4) as unknown as Cell) : nothing;
    this.cells = Array.from({ length: 2 * pairs }, (_, i) => (i < pairs ? cell(0, i) : cell(1, i - pairs)));
    device.memory.release(region);
    this.records = null;
    return this.cells;
  }

  /** A round over the host's cells: h(0), h(1), the coefficient of t². */
  private async hostRound(challenge: bigint | null): Promise<bigint[]> {
    const cells = await this.onHost(challenge);
    const half = cells.length / 2;
    const weights = this.point
      .slice(this.split.challenges.length + 1)
      .reduce((table, x) => table.flatMap((w) => [mod(w * (1n - x)), mod(w * x)]), [1n]);
    const sum = (of: (low: Cell, high: Cell) => Cell): bigint =>
      mod(
        weights.reduce((total, w, i) => {
          const [p0, q0, p1, q1] = of(cells[i] as Cell, cells[half + i] as Cell);
          return total + w * mod(p0 * q1 + q0 * p1);
        }, 0n),
      );
    return [sum((low) => low), sum((_, high) => high), sum((low, high) => low.map((x, e) => (high[e] as bigint) - x) as unknown as Cell)];
  }
}
