/**
 * FORMS (proof.md §3.4): one masked sumcheck for every product of committed values.
 *
 * States: Σ of all forms, those of leaves with their weights in q(r), those of equality j with γ^j at τ (j >= 1),
 * equals q(r) − publicDenominator − Σ_j γ^j·constant_j·1_D(τ) − λ_A, with Λ = linear part of q(r) + Σ_j γ^j·linear_j(τ) and λ_A its hidden value. So each
 * equality holds on its domain (for random τ, γ) and q(r) is what the leaves say.
 * Messages: τ, γ; value row (λ_A); masked sumcheck; value row of all operands at their final points (for three factors also the
 * product of the first two). An instance with fewer variables uses the first rounds, then is constant, scaled 2^−(n − n_j).
 * Caller must discharge: start and end of the sumcheck; auxiliary products; Λ and each operand as functionals in OPENING.
 * Source: Thaler, "Time-optimal interactive proofs for circuit evaluation" (2013) for matrix products.
 */
import { HALF, power } from '../field.ts';
import type { Compiled, FormPlan, ViewPlan } from '../program/compile.ts';
import { eq, ones, powers } from './algebra.ts';
import { indicator, splitPoint, type Point } from './kernel.ts';
import { blockAt, valueRow, type LookupResult } from './lookup.ts';
import type { Felt, Machine, Pt } from './machine.ts';
import type { Core } from './messages.ts';
import { sumcheck, type SumcheckResult } from './sumcheck.ts';
import type { Transcript } from './transcript.ts';

/** A view at a point with a weight: one term of a functional over the committed polynomials. */
export interface Term {
  readonly view: ViewPlan;
  readonly point: Point;
  readonly weight: Felt;
}

export interface FormsResult {
  readonly sumcheck: SumcheckResult;
  /** Constants that leave the claim: publicDenominator and the equalities' constants. */
  readonly publicPart: Felt;
  /** Λ as terms. */
  readonly lambda: readonly Term[];
  /** By form: its weight at the sumcheck's end (owner's weight, eq of the batch variables, scaling). */
  readonly endWeights: readonly Felt[];
  /** By form, by factor: the functional of the operand. */
  readonly operands: readonly (readonly (readonly Term[])[])[];
}

/** Weight and point of a form's owner: the leaf's value in q(r), or γ^j at τ. */
function owners(o: Machine, c: Compiled, look: LookupResult, tau: readonly Felt[], gammas: readonly Felt[]) {
  const leafPoints = c.leaves.map((l) => splitPoint(l.on.vars, blockAt(o, look.point, l.offset, l.bits).local));
  const equalityPoints = c.equalities.map((e) => splitPoint(e.on.vars, tau.slice(0, e.bits)));
  const of = (f: FormPlan): { weight: Felt; point: Point } =>
    f.owner.kind === 'leaf'
      ? { weight: (look.leafWeights[f.owner.leaf] as Felt[])[f.owner.value] as Felt, point: leafPoints[f.owner.leaf] as Point }
      : { weight: gammas[f.owner.equality + 1] as Felt, point: equalityPoints[f.owner.equality] as Point };
  return { leafPoints, equalityPoints, of };
}

export function* forms(o: Machine, tr: Transcript, c: Compiled, look: LookupResult, rows: Pt[]): Core<FormsResult> {
  const tau = tr.challenges(c.tau);
  const gamma = tr.challenge();
  const gammas = powers(o, gamma, c.equalities.length + 1);
  const { leafPoints, equalityPoints, of } = owners(o, c, look, tau, gammas);
  const lambda: Term[] = [];
  c.leaves.forEach((leaf, i) =>
    leaf.values.forEach((v, k) => {
      const weight = (look.leafWeights[i] as Felt[])[k] as Felt;
      for (const view of v.views) lambda.push({ view, point: leafPoints[i] as Point, weight });
    }),
  );
  const betaSquared = o.mul(look.beta, look.beta);
  const zero = o.felt(0n);
  c.tables.forEach((table, i) => {
    const { prefix, local } = look.tables[i] as LookupResult['tables'][number];
    const columns = [table.y, table.y2];
    let weight = o.sub(zero, o.mul(prefix, betaSquared));
    for (const placed of columns) {
      if (placed) lambda.push({ view: wholeTensor(placed), point: new Map([['row', local]]), weight });
      weight = o.mul(weight, look.beta);
    }
  });
  let publicPart = look.publicDenominator;
  c.equalities.forEach((e, j) => {
    const weight = gammas[j + 1] as Felt;
    const point = equalityPoints[j] as Point;
    for (const view of e.expr.views) lambda.push({ view, point, weight });
    if (e.expr.constant !== 0n) {
      const constant = o.mul(o.mul(weight, o.felt(e.expr.constant)), indicator(o, e.on, point));
      publicPart = o.add(publicPart, constant);
    }
  });
  const own = c.forms.map(of);
  const weights = c.forms.map((f, i) => {
    const { weight, point } = own[i] as { weight: Felt; point: Point };
    return f.absent.reduce((z, v) => o.mul(z, ones(o, point.get(v.name) as Felt[], v.size)), o.mul(weight, o.felt(f.coef)));
  });
  const ownPoints = own.map((x) => x.point);
  rows.push(...(yield* valueRow(tr, 'lambda', { name: 'lambda', weights, points: ownPoints, publicPart, mu: look.mu })));

  const shape = c.sumchecks[c.sumchecks.length - 2] as SumcheckResult['shape'];
  const result = yield* sumcheck(o, tr, shape, { name: 'forms' });
  rows.push(...(yield* valueRow(tr, 'operands', { name: 'operands', point: result.point })));
  const endWeights = c.forms.map((f, i) => {
    const batch = f.batch.flatMap((v) => [...((ownPoints[i] as Point).get(v.name) as Felt[])]);
    const scale = o.felt(power(HALF, BigInt(shape.n - f.rounds)));
    return o.mul(o.mul(weights[i] as Felt, scale), eq(o, batch, result.point.slice(0, batch.length)));
  });
  const operands = c.forms.map((f, i) => {
    const end = splitPoint(f.vars, result.point.slice(0, f.rounds));
    const point: Point = new Map([...(ownPoints[i] as Point), ...end]);
    return f.factors.map((factor) => factor.views.map((view): Term => ({ view, point, weight: o.felt(1n) })));
  });
  return { sumcheck: result, publicPart, lambda, endWeights, operands };
}

/** A one-axis tensor read at `row`. */
function wholeTensor(placed: NonNullable<Compiled['tables'][number]['y']>): ViewPlan {
  const size = (placed.tensor.axes[0] as { size: number }).size;
  return {
    coef: 1n,
    placed,
    dims: [{ kind: 'var', bits: placed.bits, var: 'row', shift: 0, size, varSize: size }],
    when: [],
    broadcast: [],
  };
}
