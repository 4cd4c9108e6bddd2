/**
 * The accumulator over proofs (proof.md §6): acc = (Z, ζ, Q, w, {ρ_f, V_f}). Each transition folds its one group equation
 * ⟨z̄, G⟩ + ζ̄H = Q̄ with weight χ and replaces the claim about each fixed polynomial; the decider discharges what is left.
 */
import type { Compiled } from '../program/compile.ts';
import type { Cell, Felt, Machine, Pt, Word } from './machine.ts';

/** The running claim f(ρ) = V about a fixed polynomial; V is a commitment for a hidden one and a value for a public one. */
export interface FixedClaim {
  readonly rho: readonly Felt[];
  readonly value: Felt | Pt;
}

export interface Accumulator {
  readonly Z: readonly Felt[];
  readonly zeta: Felt;
  readonly Q: Pt;
  readonly w: Felt;
  /** By fixed polynomial, in program order. */
  readonly fixed: readonly FixedClaim[];
}

export const fixedPolys = (c: Compiled): Compiled['polys'] => c.polys.filter((p) => p.role === 'fixed');

/** (0, 0, O, 0, {0, O}), V_f = 0 for public f. `infinity` is the machine's O. */
export function start(o: Machine, c: Compiled, infinity: Pt): Accumulator {
  const zero = o.felt(0n);
  return {
    Z: new Array<Felt>(c.generators).fill(zero),
    zeta: zero,
    Q: infinity,
    w: zero,
    fixed: fixedPolys(c).map((p) => ({ rho: new Array<Felt>(p.bits).fill(zero), value: p.hidden ? infinity : zero })),
  };
}

/** The cells that the transcript absorbs: Z, ζ, Q, w, then ρ_f, V_f per f. */
export const accumulatorCells = (a: Accumulator): Cell[] => [
  ...a.Z,
  a.zeta,
  a.Q,
  a.w,
  ...a.fixed.flatMap((f): Cell[] => [...f.rho, f.value]),
];

/** digest_0: the chain h ← H(DIGEST, h, a, b) from 0 over the cells of the statement. */
export const statementDigest = (o: Machine, words: readonly Word[]): Word => words.reduce((h, w) => o.hash('DIGEST', h, w), o.word(0n));
