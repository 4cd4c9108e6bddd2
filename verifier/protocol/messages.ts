/**
 * The core's channel. The core is a generator: it asks for the prover's next message, or for a group operation, and is driven by
 * the verifier (from a bundle, synchronously), by the prover (from its witness, asynchronously) or by the simulator (from nothing).
 * The number of values of every message is the program's; a driver must refuse any other.
 */
import type { Term } from './forms.ts';
import type { Point } from './kernel.ts';
import type { LookupResult } from './lookup.ts';
import type { Felt, Pt } from './machine.ts';

/** What is being asked for, with all that the prover needs to answer. */
export type Ask =
  | { readonly name: 'rows' | 'state-out' | 'delivery' | 'mask' }
  | { readonly name: 'root'; readonly alpha: Felt; readonly beta: Felt }
  | { readonly name: 'layer'; readonly layer: number; readonly point: readonly Felt[]; readonly lambda: Felt }
  | { readonly name: 'layer-values'; readonly point: readonly Felt[] }
  /** By form: its weight and the point of its owner; `publicPart` leaves q(r) (forms.ts). */
  | {
      readonly name: 'lambda';
      readonly weights: readonly Felt[];
      readonly points: readonly Point[];
      readonly publicPart: Felt;
      readonly mu: Felt;
    }
  | { readonly name: 'forms' }
  | { readonly name: 'operands'; readonly point: readonly Felt[] }
  /** Functional i enters with deltas[i]; functional 1 is the multiplicities', by table; then one power for each fixed polynomial's running claim. */
  | {
      readonly name: 'opening';
      readonly deltas: readonly Felt[];
      readonly functionals: readonly (readonly Term[])[];
      readonly tables: LookupResult['tables'];
    }
  | { readonly name: 'opened'; readonly point: readonly Felt[] }
  | { readonly name: 'hidden-values' | 'public-values' }
  | { readonly name: 'decider-D'; readonly points: readonly (readonly Felt[])[] }
  | { readonly name: 'round'; readonly index: number; readonly point: readonly Felt[] }
  | { readonly name: 'D' | 'E'; readonly eta: Felt; readonly openings: readonly (readonly Felt[])[]; readonly constraints: Constraints }
  | { readonly name: 'z' | 'zeta' | 'epsilon'; readonly xi: Felt };

/** Φ as a function: the closing argument's constraints with all public scalars fixed. */
export interface Constraints {
  /** Φ_ξ(secret rows): x, m, then the value rows. */
  evaluate(xi: Felt, rows: readonly (readonly Felt[])[]): Felt;
}

export type Request =
  | { readonly kind: 'points'; readonly label: string; readonly count: number; readonly ask: Ask }
  | { readonly kind: 'scalars'; readonly label: string; readonly count: number; readonly ask: Ask }
  | { readonly kind: 'msm'; readonly scalars: readonly Felt[]; readonly points: readonly Pt[] }
  /** The value of a public fixed polynomial at a point, from its content. */
  | { readonly kind: 'evaluate'; readonly poly: string; readonly point: readonly Felt[] };

export type Reply = readonly Felt[] | readonly Pt[];
export type Core<T> = Generator<Request, T, Reply>;

export function* points(label: string, count: number, ask: Ask): Core<readonly Pt[]> {
  return (yield { kind: 'points', label, count, ask }) as readonly Pt[];
}
export function* scalars(label: string, count: number, ask: Ask): Core<readonly Felt[]> {
  return (yield { kind: 'scalars', label, count, ask }) as readonly Felt[];
}
export function* msm(ks: readonly Felt[], ps: readonly Pt[]): Core<Pt> {
  return ((yield { kind: 'msm', scalars: ks, points: ps }) as readonly Pt[])[0] as Pt;
}
export function* evaluate(poly: string, point: readonly Felt[]): Core<Felt> {
  return ((yield { kind: 'evaluate', poly, point }) as readonly Felt[])[0] as Felt;
}
