/**
 * The second reading of the verifier's core (proof.md §7): every operation becomes an instruction. Values are numbers of a tape; what is known
 * when recording is computed then. A sum with a product becomes one MULADD; a product that nothing else needs is dropped afterwards.
 */
import { mod } from '../field.ts';
import type { Cell, Felt, Machine, Pt, Word } from '../protocol/machine.ts';
import type { Core, Reply, Request } from '../protocol/messages.ts';
import { tagNumber } from '../words.ts';
import { OP } from './instruction.ts';
import { NO_ID, RecordError, Tape } from './tape.ts';

type Value = Felt | Word | Pt;
/** A value's number on the tape, and back; the core never looks inside. */
export const idOf = (value: Value): number => value as unknown as number;
const valueOf = <T extends Value>(id: number): T => id as unknown as T;

export class RecordMachine implements Machine {
  readonly tape = new Tape();
  /** The EQs, which nothing reads. */
  readonly checks: number[] = [];

  private op<T extends Value>(op: number, operands: readonly Value[], imm0 = 0n, imm1 = 0n): T {
    return valueOf(this.tape.value(op, operands.map(idOf), imm0, imm1));
  }
  private constant(value: Felt): bigint | undefined {
    return this.tape.constantOf(idOf(value))?.[0];
  }

  felt(value: bigint): Felt {
    return this.op(OP.CONST, [], mod(value));
  }
  word(value: bigint): Word {
    return this.op(OP.CONST, [], value);
  }
  /** A point that the code knows. */
  point(x: bigint, y: bigint): Pt {
    return this.op(OP.CONST, [], x, y);
  }
  publicWord(index: number): Word {
    return this.op(OP.PUB, [], BigInt(index));
  }
  add(a: Felt, b: Felt): Felt {
    const [x, y] = [this.constant(a), this.constant(b)];
    if (x !== undefined && y !== undefined) return this.felt(x + y);
    if (x === 0n) return b;
    if (y === 0n) return a;
    for (const [product, other] of [
      [b, a],
      [a, b],
    ] as const) {
      const id = idOf(product);
      if (this.tape.opOf(id) === OP.MUL)
        return this.op(OP.MULADD, [valueOf(this.tape.operandOf(id, 0)), valueOf(this.tape.operandOf(id, 1)), other]);
    }
    return this.op(OP.ADD, [a, b]);
  }
  sub(a: Felt, b: Felt): Felt {
    const [x, y] = [this.constant(a), this.constant(b)];
    if (x !== undefined && y !== undefined) return this.felt(x - y);
    return y === 0n ? a : this.op(OP.SUB, [a, b]);
  }
  mul(a: Felt, b: Felt): Felt {
    const [x, y] = [this.constant(a), this.constant(b)];
    if (x !== undefined && y !== undefined) return this.felt(x * y);
    if (x === 0n || y === 0n) return this.felt(0n);
    if (x === 1n) return b;
    return y === 1n ? a : this.op(OP.MUL, [a, b]);
  }
  innerProduct(a: readonly Felt[], b: readonly Felt[]): Felt {
    return a.reduce((sum, x, i) => this.add(sum, this.mul(x, b[i] as Felt)), this.felt(0n));
  }
  hash(tag: string, x: Word, cell: Cell | readonly [bigint, bigint]): Word {
    const own: Cell = Array.isArray(cell) ? this.point(...(cell as unknown as [bigint, bigint])) : (cell as Cell);
    return this.op(OP.ABSORB, [x, own], tagNumber(tag));
  }
  /** keccak(l ‖ r). */
  node(left: Word, right: Word): Word {
    return this.op(OP.NODE, [left, right]);
  }
  squeeze(state: Word): Felt {
    return this.op(OP.SQUEEZE, [state], tagNumber('CH'));
  }
  assertEqual(a: Cell, b: Cell): void {
    this.checks.push(idOf(this.op<Word>(OP.EQ, [a, b])));
  }

  /** y·x + z; no x or z is O. A value of its own. */
  multiplyAdd(x: Pt | null, y: Felt, z: Pt | null): Pt {
    const id = (p: Pt | null): number => (p === null ? NO_ID : idOf(p));
    return valueOf(this.tape.fresh(OP.ECMULADD, [id(x), idOf(y), id(z)]));
  }
  infinity(): Pt {
    return this.multiplyAdd(null, this.felt(0n), null);
  }
  /** Σ scalars[i]·points[i] as a chain of partial sums; it starts at a first point whose scalar is 1. */
  sum(scalars: readonly Felt[], points: readonly Pt[]): Pt {
    let sum: Pt | null = null;
    scalars.forEach((scalar, i) => {
      const point = points[i] as Pt;
      sum = i === 0 && this.constant(scalar) === 1n ? point : this.multiplyAdd(point, scalar, sum);
    });
    return sum ?? this.infinity();
  }
  load(op: typeof OP.LOADF | typeof OP.LOADP | typeof OP.LOADW, imm0: bigint): Value {
    return this.op(op, [], imm0);
  }
}

/** Words of one segment's messages: points first, then scalars, then a word that must be 0 where their number is odd. */
export interface MessageWords {
  readonly points: number;
  readonly scalars: number;
  /** Immediate of the segment's word `word`. */
  readonly immediate: (word: number) => bigint;
}

/** Records a core over messages that it loads from the bundle. `evaluate`: the value of a public fixed polynomial. */
export function recordCore<T>(
  o: RecordMachine,
  core: Core<T>,
  words: MessageWords,
  evaluate: (poly: string, point: readonly Felt[]) => Felt,
): T {
  let [nextPoint, nextScalar] = [0, 0];
  const many = <V>(count: number, one: () => V): V[] => Array.from({ length: count }, one);
  const point = (): Pt => o.load(OP.LOADP, words.immediate(2 * nextPoint++)) as Pt;
  const scalar = (): Felt => o.load(OP.LOADF, words.immediate(2 * words.points + nextScalar++)) as Felt;
  const reply = (request: Request): Reply => {
    switch (request.kind) {
      case 'points':
        return many(request.count, point);
      case 'scalars':
        return many(request.count, scalar);
      case 'msm':
        return [o.sum(request.scalars, request.points)];
      case 'evaluate':
        return [evaluate(request.poly, request.point)];
    }
  };
  let step = core.next();
  while (!step.done) step = core.next(reply(step.value));
  if (nextPoint !== words.points || nextScalar !== words.scalars)
    throw new RecordError(
      `${nextPoint} points and ${nextScalar} scalars were read, the messages have ${words.points} and ${words.scalars}`,
    );
  if (words.scalars % 2 === 1) o.assertEqual(o.load(OP.LOADW, words.immediate(2 * words.points + words.scalars)), o.word(0n));
  return step.value;
}
