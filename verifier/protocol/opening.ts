/**
 * OPENING (proof.md §3.5): every functional of every polynomial, batched into one value of each polynomial at one point.
 *
 * States: Σ_P Σ_x P(x)·K_P(x) = Σ_i δ^i·value_i, K_P = Σ_i δ^i·kernel_i: δ^0 Λ, δ^1 the multiplicities (value: publicNumerator − p(r)), then the
 * operands in program order, then the running claims about fixed polynomials (kernel w·eq(ρ_f, ·) over all cells of f).
 * Messages: δ; masked sumcheck of degree 2, column variables first (the same for all P, but that of delivered limbs only the first 8 are columns
 * and the rest rows), then each P's own row variables, a P with fewer is constant after its last, scaled; value row of P(ρ_P) over witness, state-in,
 * state-out, delivered limbs; a row of one entry for each hidden fixed polynomial; the values of public fixed polynomials in the clear.
 * Caller must discharge: start and end of the sumcheck; P(ρ_P) against the rows (closing); the new claims f(ρ_f) = V_f (next proof or decider).
 */
import { HALF, power } from '../field.ts';
import { fixedPolys, type Accumulator } from './accumulator.ts';
import type { Compiled, Placed, PolyLayout } from '../program/compile.ts';
import { eq, eqTable, powers, sumOf } from './algebra.ts';
import type { FormsResult, Term } from './forms.ts';
import { blockPrefix, kernelAt } from './kernel.ts';
import { valueRow, type LookupResult } from './lookup.ts';
import type { Felt, Machine, Pt } from './machine.ts';
import { points, scalars, type Core } from './messages.ts';
import { sumcheck, type SumcheckResult } from './sumcheck.ts';
import type { Transcript } from './transcript.ts';

export interface OpeningResult {
  readonly sumcheck: SumcheckResult;
  /** Powers of δ: Λ, multiplicities, operands, running claims. */
  readonly deltas: readonly Felt[];
  /** By polynomial: K_P(ρ_P), scaled. */
  readonly kernels: readonly Felt[];
  /** By polynomial: ρ_P in address order (rows ‖ columns). */
  readonly rho: readonly (readonly Felt[])[];
  /** By fixed polynomial, in program order: the new V_f. */
  readonly fixed: readonly (Felt | Pt)[];
}

/** ρ_P from the sumcheck's point (columns ‖ rows): its first row variables, then the columns. */
export const addressPoint = ({ bits, columns }: PolyLayout, point: readonly Felt[]): Felt[] => [
  ...point.slice(columns, bits),
  ...point.slice(0, columns),
];

export function* opening(
  o: Machine,
  tr: Transcript,
  c: Compiled,
  acc: Accumulator,
  look: LookupResult,
  formed: FormsResult,
  proof: readonly Felt[],
  rows: Pt[],
): Core<OpeningResult> {
  const delta = tr.challenge();
  const fixed = fixedPolys(c);
  const functionals: (readonly Term[])[] = [formed.lambda, [], ...formed.operands.flat()];
  const deltas = powers(o, delta, functionals.length + fixed.length);
  const shape = c.sumchecks[c.sumchecks.length - 1] as SumcheckResult['shape'];
  const result = yield* sumcheck(o, tr, shape, { name: 'opening', deltas, functionals, tables: look.tables });
  const rho = c.polys.map((p) => addressPoint(p, result.point));
  const rhoOf = new Map(c.polys.flatMap((p, i) => p.tensors.map((t) => [t, rho[i] as Felt[]] as const)));
  // By tensor: what its views weigh inside its block.
  const blocks = new Map<Placed, Felt>();
  const add = (placed: Placed, value: Felt): void => void blocks.set(placed, o.add(blocks.get(placed) ?? o.felt(0n), value));
  functionals.forEach((terms, i) => {
    for (const { view, point, weight } of terms) {
      const k = kernelAt(o, view, point, proof, rhoOf.get(view.placed) as Felt[]);
      add(view.placed, o.mul(o.mul(deltas[i] as Felt, weight), k));
    }
  });
  c.tables.forEach(({ multiplicity }, i) => {
    const { prefix, local } = look.tables[i] as LookupResult['tables'][number];
    const own = rhoOf.get(multiplicity) as Felt[];
    const k = eq(o, local, own.slice(own.length - multiplicity.bits));
    add(multiplicity, o.mul(o.mul(deltas[1] as Felt, prefix), k));
  });
  const kernels = c.polys.map((p, i) => {
    const known = p.tensors.filter((t) => blocks.has(t));
    return sumOf(
      o,
      known.map((t) => o.mul(blockPrefix(o, t, rho[i] as Felt[]), blocks.get(t) as Felt)),
    );
  });
  fixed.forEach((f, i) => {
    const at = c.polys.indexOf(f);
    const k = eq(o, (acc.fixed[i] as Accumulator['fixed'][number]).rho, rho[at] as Felt[]);
    kernels[at] = o.add(kernels[at] as Felt, o.mul(o.mul(deltas[functionals.length + i] as Felt, acc.w), k));
  });
  const scaled = c.polys.map((p, i) => o.mul(kernels[i] as Felt, o.felt(power(HALF, BigInt(shape.n - p.bits)))));

  rows.push(...(yield* valueRow(tr, 'opened', { name: 'opened', point: result.point })));
  const hiddenPolys = fixed.filter((f) => f.hidden);
  const hidden = hiddenPolys.length === 0 ? [] : yield* points('hidden values', hiddenPolys.length, { name: 'hidden-values' });
  for (const v of hidden) tr.absorb('value', [v]);
  rows.push(...hidden);
  const publicPolys = fixed.filter((f) => !f.hidden);
  const open = publicPolys.length === 0 ? [] : yield* scalars('public values', publicPolys.length, { name: 'public-values' });
  tr.absorb('public-values', open);
  const values = fixed.map((f) => (f.hidden ? (hidden[hiddenPolys.indexOf(f)] as Pt) : (open[publicPolys.indexOf(f)] as Felt)));
  return { sumcheck: result, deltas, kernels: scaled, rho, fixed: values };
}

/** Weights eq(ρ_rows, ·) of a polynomial's committed rows. */
export function rowWeights(o: Machine, poly: PolyLayout, rho: readonly Felt[]): Felt[] {
  const table = eqTable(o, rho.slice(0, poly.bits - poly.columns));
  return poly.rows.map((row) => table[row] as Felt);
}
