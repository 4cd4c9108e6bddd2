/**
 * The recordable interface (proof.md §7): the verifier's core is written over these few operations only, so that it can be run
 * on values or, later, recorded as a straight-line program. The core branches on the compiled program, never on a value; it draws no
 * randomness, inverts nothing and compares only through `assertEqual`.
 */
import { keccak_256 } from '@noble/hashes/sha3.js';
import type { Affine } from '../curve.ts';
import { R, mod } from '../field.ts';
import { hashWords, tagNumber, type Keccak } from '../words.ts';

declare const FELT: unique symbol;
declare const WORD: unique symbol;
declare const POINT: unique symbol;
/** A field element. */
export interface Felt {
  readonly [FELT]: true;
}
/** A 256-bit word: a hash or a public word. */
export interface Word {
  readonly [WORD]: true;
}
/** A point of G1. */
export interface Pt {
  readonly [POINT]: true;
}
/** What the transcript absorbs: a field element or word (v, 0), or a point (x, y). */
export type Cell = Felt | Word | Pt;

export interface Machine {
  /** A constant of the program; any integer, reduced mod r. */
  felt(value: bigint): Felt;
  add(a: Felt, b: Felt): Felt;
  sub(a: Felt, b: Felt): Felt;
  mul(a: Felt, b: Felt): Felt;
  /** Σ a[i]·b[i]; b may be longer. */
  innerProduct(a: readonly Felt[], b: readonly Felt[]): Felt;
  word(value: bigint): Word;
  /** H(tag, x, a, b) = keccak(tag ‖ x ‖ a ‖ b), (a, b) the cell or a pair of constants. */
  hash(tag: string, x: Word, cell: Cell | readonly [bigint, bigint]): Word;
  /** keccak(CH ‖ state) >> 8: 248 bits, no reduction. */
  squeeze(state: Word): Felt;
  /** Fails the verification unless equal. */
  assertEqual(a: Cell, b: Cell, what: string): void;
}

const TAGS = new Map<string, bigint>();
const tagOf = (tag: string): bigint => {
  let n = TAGS.get(tag);
  if (n === undefined) TAGS.set(tag, (n = tagNumber(tag)));
  return n;
};

/** A verification that failed: what was compared, and where. */
export class VerificationError extends Error {
  override readonly name = 'VerificationError';
}

/** Runs the core on values: field elements and words are bigints, points affine or null. */
export class RunMachine implements Machine {
  private readonly keccak: Keccak;

  constructor(keccak: Keccak = keccak_256) {
    this.keccak = keccak;
  }
  felt(value: bigint): Felt {
    return mod(value) as unknown as Felt;
  }
  add(a: Felt, b: Felt): Felt {
    const s = (a as unknown as bigint) + (b as unknown as bigint);
    return (s >= R ? s - R : s) as unknown as Felt;
  }
  sub(a: Felt, b: Felt): Felt {
    const s = (a as unknown as bigint) - (b as unknown as bigint);
    return (s < 0n ? s + R : s) as unknown as Felt;
  }
  mul(a: Felt, b: Felt): Felt {
    return (((a as unknown as bigint) * (b as unknown as bigint)) % R) as unknown as Felt;
  }
  innerProduct(a: readonly Felt[], b: readonly Felt[]): Felt {
    let sum = 0n;
    for (let i = 0; i < a.length; i++) sum += (a[i] as unknown as bigint) * (b[i] as unknown as bigint);
    return (sum % R) as unknown as Felt;
  }
  word(value: bigint): Word {
    return value as unknown as Word;
  }
  hash(tag: string, x: Word, cell: Cell | readonly [bigint, bigint]): Word {
    const [a, b] = Array.isArray(cell) ? (cell as unknown as [bigint, bigint]) : cellWords(cell as Cell);
    return hashWords(this.keccak, [tagOf(tag), x as unknown as bigint, a, b]) as unknown as Word;
  }
  squeeze(state: Word): Felt {
    return (hashWords(this.keccak, [tagOf('CH'), state as unknown as bigint]) >> 8n) as unknown as Felt;
  }
  assertEqual(a: Cell, b: Cell, what: string): void {
    const [x, y] = [cellWords(a), cellWords(b)];
    if (x[0] !== y[0] || x[1] !== y[1]) throw new VerificationError(what);
  }
}

/** The two words of a cell in run mode. */
export function cellWords(cell: Cell): [bigint, bigint] {
  const v = cell as unknown as bigint | Affine | null;
  if (v === null) return [0n, 0n];
  return typeof v === 'bigint' ? [v, 0n] : [v.x, v.y];
}

/** Run-mode conversions, for drivers of the core. */
export const toFelts = (values: readonly bigint[]): Felt[] => values as unknown as Felt[];
export const fromFelts = (values: readonly Felt[]): bigint[] => values as unknown as bigint[];
export const toPoints = (values: readonly (Affine | null)[]): Pt[] => values as unknown as Pt[];
export const fromPoints = (values: readonly Pt[]): (Affine | null)[] => values as unknown as (Affine | null)[];
