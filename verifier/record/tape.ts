/**
 * Where code is recorded before its instructions have their final places. Values are numbered as they come (ids). Nothing is recorded twice, and
 * `compact` leaves out what no root needs. Values of the previous segment are slots: entries that take no place in the list.
 */
import { InstructionList, MAX_OPERANDS } from './list.ts';
import { MAX_INDEX, NONE, OP, refOf, SHAPES } from './instruction.ts';
import type { Pair } from './evaluate.ts';

/** Not an opcode: a value of the previous segment, its slot's number as first operand. */
const SLOT = 0;
/** Operand that is none, or not there. */
export const NO_ID = -1;
const FIRST_CAPACITY = 1024;

/** The value cannot be recorded; the message says what would have to be another. */
export class RecordError extends Error {
  override readonly name = 'RecordError';
}

export class Tape {
  length = 0;
  private ops = new Uint8Array(FIRST_CAPACITY);
  /** Operands' ids, three a value, and the number of the pair of immediates. */
  private fields = new Int32Array(4 * FIRST_CAPACITY);
  private readonly pairs: Pair[] = [];
  private readonly pairNumbers = new Map<string, number>();
  /** Open addressing: ids + 1 by hash. */
  private table = new Int32Array(4 * FIRST_CAPACITY);

  constructor() {
    this.pairNumber(0n, 0n);
  }

  opOf(id: number): number {
    return this.ops[id] as number;
  }
  operandOf(id: number, j: number): number {
    return this.fields[4 * id + j] as number;
  }
  /** The cell of a CONST, else undefined. */
  constantOf(id: number): Pair | undefined {
    return this.ops[id] === OP.CONST ? this.pairs[this.fields[4 * id + MAX_OPERANDS] as number] : undefined;
  }

  /** The value of an operation; the earlier one where it has been recorded before. */
  value(op: number, operands: readonly number[], imm0 = 0n, imm1 = 0n): number {
    const [x = NO_ID, y = NO_ID, z = NO_ID] = operands;
    const pair = this.pairNumber(imm0, imm1);
    if (4 * this.length > this.table.length) this.rehash();
    for (let at = this.hash(op, x, y, z, pair); ; at = (at + 1) & (this.table.length - 1)) {
      const id = (this.table[at] as number) - 1;
      if (id < 0) {
        this.table[at] = this.length + 1;
        return this.push(op, x, y, z, pair);
      }
      const f = 4 * id;
      if (
        this.ops[id] === op &&
        this.fields[f] === x &&
        this.fields[f + 1] === y &&
        this.fields[f + 2] === z &&
        this.fields[f + 3] === pair
      )
        return id;
    }
  }

  /** A value of its own, whatever has been recorded before. */
  fresh(op: number, operands: readonly number[], imm0 = 0n, imm1 = 0n): number {
    const [x = NO_ID, y = NO_ID, z = NO_ID] = operands;
    return this.push(op, x, y, z, this.pairNumber(imm0, imm1));
  }

  /** Slot `number` of the previous segment. */
  slot(number: number): number {
    return this.push(SLOT, number, NO_ID, NO_ID, 0);
  }
  isSlot(id: number): boolean {
    return this.ops[id] === SLOT;
  }

  private push(op: number, x: number, y: number, z: number, pair: number): number {
    if (this.length === this.ops.length) {
      const [ops, fields] = [new Uint8Array(2 * this.length), new Int32Array(8 * this.length)];
      ops.set(this.ops);
      fields.set(this.fields);
      [this.ops, this.fields] = [ops, fields];
    }
    this.ops[this.length] = op;
    this.fields.set([x, y, z, pair], 4 * this.length);
    return this.length++;
  }

  private pairNumber(imm0: bigint, imm1: bigint): number {
    if (imm0 === 0n && imm1 === 0n && this.pairs.length > 0) return 0;
    const key = `${imm0},${imm1}`;
    let number = this.pairNumbers.get(key);
    if (number === undefined) {
      this.pairNumbers.set(key, (number = this.pairs.length));
      this.pairs.push([imm0, imm1]);
    }
    return number;
  }

  private hash(op: number, x: number, y: number, z: number, pair: number): number {
    let h = op;
    for (const v of [x, y, z, pair]) {
      h = Math.imul(h ^ v, 0x9e3779b1);
      h ^= h >>> 15;
    }
    return h & (this.table.length - 1);
  }

  private rehash(): void {
    const old = this.table;
    this.table = new Int32Array(2 * old.length);
    for (const entry of old) {
      if (entry === 0) continue;
      const f = 4 * (entry - 1);
      const [x, y, z, pair] = this.fields.subarray(f, f + 4) as unknown as [number, number, number, number];
      let at = this.hash(this.ops[entry - 1] as number, x, y, z, pair);
      while (this.table[at] !== 0) at = (at + 1) & (this.table.length - 1);
      this.table[at] = entry;
    }
  }

  /** The values that the roots need, themselves included: 1 by id. */
  private needed(roots: readonly number[]): Uint8Array {
    const live = new Uint8Array(this.length);
    for (const id of roots) live[id] = 1;
    for (let id = this.length - 1; id >= 0; id--) {
      if (live[id] === 0 || this.isSlot(id)) continue;
      for (let j = 0; j < MAX_OPERANDS; j++) {
        const operand = this.fields[4 * id + j] as number;
        if (operand !== NO_ID) live[operand] = 1;
      }
    }
    return live;
  }

  /**
   * The list of what the roots need, in the order of recording, and each value's index. `slotIndex`: index of a slot in the previous segment.
   * `placed` puts values at given indices (init); the others fill the places between, each after its operands, and CONST 0 the gaps.
   */
  compact(
    roots: readonly number[],
    slotIndex: (slot: number, indexOf: (id: number) => number) => number,
    placed: ReadonlyMap<number, number> = new Map(),
  ): { list: InstructionList; indexOf: (id: number) => number } {
    const live = this.needed(roots);
    const index = new Int32Array(this.length).fill(NO_ID);
    const taken = new Set(placed.values());
    let [next, length] = [0, 0];
    for (let id = 0; id < this.length; id++) {
      if (live[id] === 0 || this.isSlot(id)) continue;
      let after = 0;
      for (let j = 0; j < MAX_OPERANDS; j++) {
        const operand = this.fields[4 * id + j] as number;
        if (operand !== NO_ID && !this.isSlot(operand)) after = Math.max(after, (index[operand] as number) + 1);
      }
      let at = placed.get(id);
      if (at === undefined) {
        while (taken.has(next)) next++;
        if (after <= next) at = next++;
        else {
          at = after;
          while (taken.has(at)) at++;
          taken.add(at);
        }
      } else if (after > at) throw new RecordError(`value ${id} is needed at ${at}, where its operands are not yet there`);
      index[id] = at;
      length = Math.max(length, at + 1);
    }
    if (length > MAX_INDEX) throw new RecordError(`${length} instructions, more than a ref can tell apart`);
    const indexOf = (id: number): number => index[id] as number;
    const ops = new Uint8Array(length).fill(OP.CONST);
    const refs = new Uint32Array(MAX_OPERANDS * length);
    const immediate = new Uint32Array(length);
    for (let id = 0; id < this.length; id++) {
      const at = index[id] as number;
      if (at === NO_ID) continue;
      ops[at] = this.ops[id] as number;
      immediate[at] = this.fields[4 * id + MAX_OPERANDS] as number;
      const count = SHAPES[ops[at]]?.operands.length ?? 0;
      for (let j = 0; j < count; j++) {
        const operand = this.fields[4 * id + j] as number;
        refs[MAX_OPERANDS * at + j] =
          operand === NO_ID
            ? NONE
            : this.isSlot(operand)
              ? refOf(slotIndex(this.fields[4 * operand] as number, indexOf), true)
              : refOf(indexOf(operand));
      }
    }
    return { list: new InstructionList(ops, refs, immediate, this.pairs), indexOf };
  }
}
