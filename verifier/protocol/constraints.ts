/**
 * The constraints φ_b that the closing argument proves (proof.md §4): every claim that the clear messages left open, over the
 * secret rows x (combined committed row), m (mask) and the value rows. Each has degree <= 2 and is homogenised with ξ: quadratic terms as they
 * are, linear ones times ξ, constants times ξ². Order: three of the root; start and end of each sumcheck in transcript order; auxiliary
 * products; the opening at ρ of the committed polynomials, and, with columns of their own, of delivered limbs in x_d, the last secret row.
 */
import type { Accumulator } from './accumulator.ts';
import { fixedPolys } from './accumulator.ts';
import type { Compiled } from '../program/compile.ts';
import { operandCount } from '../program/compile.ts';
import { eqTable, interpolate, powers } from './algebra.ts';
import type { FormsResult } from './forms.ts';
import type { LookupResult } from './lookup.ts';
import type { Felt, Machine } from './machine.ts';
import type { Constraints } from './messages.ts';
import type { OpeningResult } from './opening.ts';
import { maskAt, maskSum, type SumcheckResult } from './sumcheck.ts';

/** Everything public that the constraints need. */
export interface Claims {
  readonly compiled: Compiled;
  readonly previous: Accumulator;
  readonly look: LookupResult;
  readonly forms: FormsResult;
  readonly opening: OpeningResult;
  readonly eta: Felt;
  readonly omega: Felt;
}

/** Φ_ξ = Σ_b ω^b·φ_b as a function of ξ and the secret rows. */
export function constraints(o: Machine, claims: Claims): Constraints {
  const { compiled: c, previous, look, forms, opening, eta, omega } = claims;
  const sumchecks = [...look.layers.map((l) => l.sumcheck), forms.sumcheck, opening.sumcheck];
  const sums = sumchecks.map((s) => maskSum(o, s.shape));
  const ends = sumchecks.map((s) => maskAt(o, s.shape, s.point));
  const columns = eqTable(o, opening.sumcheck.point.slice(0, c.columns));
  const committed = c.polys.map((p, i) => ({ p, i })).filter(({ p }) => p.role !== 'fixed');
  const delivery = c.polys.find((p) => p.role === 'delivery');
  const ownColumns = delivery === undefined ? [] : eqTable(o, opening.sumcheck.point.slice(0, delivery.columns));
  const etas = powers(o, eta, committed.length - (delivery === undefined ? 0 : 1));
  const fixed = fixedPolys(c);
  const hidden = fixed.filter((f) => f.hidden);
  const layers = c.depth - 1;

  const evaluate = (xi: Felt, rows: readonly (readonly Felt[])[]): Felt => {
    const xi2 = o.mul(xi, xi);
    const [x, m, ...values] = rows as readonly [readonly Felt[], readonly Felt[], ...(readonly Felt[])[]];
    const row = (k: number): readonly Felt[] => values[k] as readonly Felt[];
    const phi: Felt[] = [];
    const mask = (s: SumcheckResult, coefficients: readonly Felt[]): Felt =>
      o.innerProduct(coefficients, m.slice(s.shape.mask, s.shape.mask + s.shape.n * s.shape.d + 1));
    /** S = claim + ⟨L_sum, m⟩, the claim linear (homogenised by the caller to degree 1). */
    const start = (k: number, claim: Felt): void => {
      const s = sumchecks[k] as SumcheckResult;
      phi.push(o.sub(o.mul(xi, o.add(claim, mask(s, sums[k] as Felt[]))), o.mul(xi2, s.S)));
    };
    /** S' = value + ⟨L_ρ, m⟩, the value homogenised by the caller to degree 2. */
    const end = (k: number, value: Felt): void => {
      const s = sumchecks[k] as SumcheckResult;
      phi.push(o.sub(o.add(value, o.mul(xi, mask(s, ends[k] as Felt[]))), o.mul(xi2, s.end)));
    };

    const [p0, p1, q0, q1, u, v] = row(0) as readonly [Felt, Felt, Felt, Felt, Felt, Felt];
    phi.push(o.add(o.mul(p0, q1), o.mul(p1, q0)));
    phi.push(o.sub(o.mul(q0, q1), o.mul(xi, u)));
    phi.push(o.sub(o.mul(u, v), xi2));

    look.layers.forEach((layer, i) => {
      const [a0, a1, b0, b1] = row(i) as readonly [Felt, Felt, Felt, Felt];
      start(i, o.add(interpolate(o, a0, a1, layer.mu), o.mul(layer.lambda, interpolate(o, b0, b1, layer.mu))));
      const [c0, c1, d0, d1] = row(i + 1) as readonly [Felt, Felt, Felt, Felt];
      const fraction = o.add(o.mul(c0, d1), o.mul(c1, d0));
      end(i, o.mul(layer.eq, o.add(fraction, o.mul(layer.lambda, o.mul(d0, d1)))));
    });
    const [l0, l1, m0, m1] = row(layers) as readonly [Felt, Felt, Felt, Felt];
    const numerator = interpolate(o, l0, l1, look.mu);
    const denominator = interpolate(o, m0, m1, look.mu);

    const [lambda] = row(layers + 1) as readonly [Felt];
    const operands = row(layers + 2);
    const opened = row(layers + 3);
    start(layers, o.sub(o.sub(denominator, o.mul(xi, forms.publicPart)), lambda));
    let next = 0;
    let total = o.felt(0n);
    const auxiliary: Felt[] = [];
    let claim = o.add(lambda, o.mul(opening.deltas[1] as Felt, o.sub(o.mul(xi, look.publicNumerator), numerator)));
    let power = 2;
    c.forms.forEach((f, i) => {
      const own = operands.slice(next, next + operandCount(f));
      next += own.length;
      f.factors.forEach((_, k) => {
        claim = o.add(claim, o.mul(opening.deltas[power++] as Felt, own[k] as Felt));
      });
      const [a, b, third, product] = own as unknown as readonly [Felt, Felt, Felt | undefined, Felt | undefined];
      const ab = o.mul(a, b);
      if (third !== undefined && product !== undefined) auxiliary.push(o.sub(o.mul(xi, product), ab));
      const value = third !== undefined && product !== undefined ? o.mul(product, third) : ab;
      total = o.add(total, o.mul(forms.endWeights[i] as Felt, value));
    });
    end(layers, total);

    // The running claims: hidden ones are the last rows (V_{f,t−1}), public ones constants.
    fixed.forEach((f, i) => {
      const position = hidden.indexOf(f);
      const before = f.hidden
        ? (row(layers + 4 + hidden.length + position)[0] as Felt)
        : o.mul(xi, (previous.fixed[i] as Accumulator['fixed'][number]).value as Felt);
      claim = o.add(claim, o.mul(o.mul(opening.deltas[power++] as Felt, previous.w), before));
    });
    start(layers + 1, claim);
    let openedSum = o.felt(0n);
    committed.forEach(({ i }, k) => {
      openedSum = o.add(openedSum, o.mul(opening.kernels[i] as Felt, opened[k] as Felt));
    });
    fixed.forEach((f, i) => {
      const kernel = opening.kernels[c.polys.indexOf(f)] as Felt;
      const value = f.hidden ? (row(layers + 4 + hidden.indexOf(f))[0] as Felt) : o.mul(xi, opening.fixed[i] as Felt);
      openedSum = o.add(openedSum, o.mul(kernel, value));
    });
    end(layers + 1, o.mul(xi, openedSum));

    phi.push(...auxiliary);
    const combined = o.innerProduct(etas, opened);
    phi.push(o.mul(xi, o.sub(o.innerProduct(columns, x), combined)));
    // Limbs are the last polynomial, x_d is the last row.
    if (delivery !== undefined)
      phi.push(o.mul(xi, o.sub(o.innerProduct(ownColumns, rows.at(-1) as readonly Felt[]), opened.at(-1) as Felt)));
    return o.innerProduct(powers(o, omega, phi.length), phi);
  };
  return { evaluate };
}
