/**
 * Cells that stay on the device while they are held: a polynomial is partially evaluated several times in a proof, and would go up each time. They go up
 * at their first use, if there is room left for them. Integers of 8, 16 and 32 bits lie as they are; doubles as 64-bit two's complement, with the bits that
 * each run of cells needs, so that a piece is handed on in the narrowest kind, as one that goes up is.
 */
import type { Cells } from '../types.ts';
import { whole, type Device } from './device.ts';
import { kindOf, packed, PIECE, type Kind } from './ints.ts';
import { invocations, type Kernel } from './kernel.ts';
import type { Region } from './regions.ts';

/** Bytes that are held at most. */
const ROOM = 2 ** 31;
/** Cells of a run of doubles with one width. */
const RUN = 2 ** 14;

/** Item: a word of 64-bit cells' low bits, from cell word(0) on; cells from word(1) on are not there. */
const narrowKernel = (kind: Exclude<Kind, 64>): Kernel =>
  invocations(
    `64-bit cells as ${kind}-bit ones`,
    [],
    [
      { name: 'source', type: 'u32', access: 'read' },
      { name: 'out', type: 'u32', access: 'write' },
    ],
    `
  var packed = 0u;
  for (var k = 0u; k < ${32 / kind}u; k++) {
    let cell = word(0u) + ${32 / kind}u * item + k;
    if (cell < word(1u)) { packed |= extractBits(source[2u * cell], 0u, ${kind}u) << (${kind}u * k); }
  }
  out[item] = packed;`,
  );

const NARROW = new Map(([8, 16, 32] as const).map((kind) => [kind, narrowKernel(kind)]));

interface Stored {
  readonly region: Region;
  readonly bytes: number;
  /** Of doubles, by run. */
  readonly kinds: readonly Kind[] | null;
}

interface Entry {
  holders: number;
  /** From the first use on; nothing where there is no room. */
  stored?: Promise<Stored | null>;
}

export class Held {
  private readonly device: Device;
  private readonly room: number;
  private readonly entries = new Map<Cells, Entry>();
  private bytes = 0;

  constructor(device: Device, room = ROOM) {
    this.device = device;
    this.room = room;
  }

  /** Says that these cells do not change until the returned function is called, once. */
  hold(cells: Cells): () => void {
    const entry = this.entries.get(cells) ?? { holders: 0 };
    this.entries.set(cells, entry);
    entry.holders++;
    return () => {
      if (--entry.holders > 0) return;
      this.entries.delete(cells);
      void entry.stored?.then(
        (stored) => stored && this.free(stored),
        () => {},
      );
    };
  }

  /**
   * A piece of held cells in a region of its own, which the caller releases; null where they are not held or do not lie on the device. All cells of
   * the piece are there, and are exact integers.
   */
  async piece(cells: Cells, first: number, count: number): Promise<{ readonly kind: Kind; readonly region: Region } | null> {
    const entry = this.entries.get(cells);
    if (entry === undefined || first + count > cells.length) return null;
    const stored = await (entry.stored ??= this.store(cells));
    if (stored === null) return null;
    const { memory } = this.device;
    const { region, kinds } = stored;
    if (kinds === null) {
      const kind = (8 * cells.BYTES_PER_ELEMENT) as Kind;
      const [from, bytes] = [(first * kind) / 8, 4 * Math.ceil((count * kind) / 32)];
      if (from % 4 !== 0) return null;
      const out = memory.alloc(bytes);
      this.device.copy(region, out, 0, bytes, from);
      return { kind, region: out };
    }
    let kind: Kind = 8;
    for (let run = Math.floor(first / RUN); run * RUN < first + count; run++) kind = Math.max(kind, kinds[run] as Kind) as Kind;
    const out = memory.alloc(4 * Math.ceil((count * kind) / 32));
    if (kind === 64) this.device.copy(region, out, 0, 8 * count, 8 * first);
    else this.device.run(NARROW.get(kind) as Kernel, Math.ceil((count * kind) / 32), [whole(region), whole(out)], [first, cells.length]);
    return { kind, region: out };
  }

  private free({ region, bytes }: Stored): void {
    this.device.memory.release(region);
    this.bytes -= bytes;
  }

  private async store(cells: Cells): Promise<Stored | null> {
    const { device } = this;
    const bytes = 4 * Math.ceil(cells.byteLength / 4);
    const doubles = cells instanceof Float64Array;
    if (this.bytes + bytes > this.room || (doubles && bytes > device.memory.partBytes)) return null;
    const kinds: Kind[] = [];
    if (doubles) {
      let exact = true;
      for (let run = 0; run < cells.length && exact; run += RUN) kinds.push(kindOf(cells.subarray(run, run + RUN), () => (exact = false)));
      // Whoever reads them says which is not.
      if (!exact) return null;
    }
    const region = device.memory.alloc(bytes);
    this.bytes += bytes;
    const most = Math.min(PIECE, device.memory.partBytes) / cells.BYTES_PER_ELEMENT;
    const between = device.memory.alloc(Math.min(bytes, most * cells.BYTES_PER_ELEMENT));
    for (let first = 0; first < cells.length; first += most) {
      const piece = packed(cells.subarray(first, first + most), () => {}, 64);
      await device.stage(between, piece.bytes, piece.fill);
      device.copy(between, region, first * cells.BYTES_PER_ELEMENT, piece.bytes);
    }
    device.memory.release(between);
    return { region, bytes, kinds: doubles ? kinds : null };
  }
}

export const KERNELS: readonly Kernel[] = [...NARROW.values()];
