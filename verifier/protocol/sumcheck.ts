/**
 * Masked sumcheck (proof.md §3 end, §4). States: the sum over {0,1}^n of g + m is S, m the mask polynomial
 * a + Σ_i Σ_{j=1..d} a_ij·x_i^j whose coefficients lie in the mask row.
 * Messages: S (one absorb); then per round s(0), s(2) … s(d) (one absorb), s(1) = claim − s(0); a challenge after each.
 * The caller must discharge, in the closing argument: S = e + ⟨L_sum, m⟩ for the hidden claim e, and
 * S' = f + ⟨L_ρ, m⟩ for the end value f that it computes from other values at the returned point.
 */
import type { SumcheckShape } from '../program/compile.ts';
import { extrapolate } from './algebra.ts';
import type { Felt, Machine } from './machine.ts';
import { scalars, type Ask, type Core } from './messages.ts';
import type { Transcript } from './transcript.ts';

export interface SumcheckResult {
  readonly shape: SumcheckShape;
  /** Claimed sum of g + m. */
  readonly S: Felt;
  /** Value of g + m at `point`. */
  readonly end: Felt;
  readonly point: readonly Felt[];
}

export function* sumcheck(o: Machine, tr: Transcript, shape: SumcheckShape, ask: Ask): Core<SumcheckResult> {
  const [S] = (yield* scalars(`${shape.name}: sum`, 1, ask)) as readonly [Felt];
  tr.absorb('sum', [S]);
  const point: Felt[] = [];
  let claim = S;
  for (let i = 0; i < shape.n; i++) {
    const round = yield* scalars(`${shape.name}: round ${i + 1}`, shape.d, { name: 'round', index: i, point: [...point] });
    tr.absorb('round', round);
    const [s0, ...rest] = round as readonly [Felt, ...Felt[]];
    const x = tr.challenge();
    claim = extrapolate(o, [s0, o.sub(claim, s0), ...rest], x);
    point.push(x);
  }
  return { shape, S, end: claim, point };
}

/** L_sum: coefficients of the sum of the mask over {0,1}^n. */
export function maskSum(o: Machine, shape: SumcheckShape): Felt[] {
  const whole = o.felt(1n << BigInt(shape.n));
  const half = o.felt(shape.n === 0 ? 0n : 1n << BigInt(shape.n - 1));
  return [whole, ...new Array<Felt>(shape.n * shape.d).fill(half)];
}

/** L_ρ: coefficients of the mask's value at the point. */
export function maskAt(o: Machine, shape: SumcheckShape, point: readonly Felt[]): Felt[] {
  const out = [o.felt(1n)];
  for (const x of point) {
    let p = o.felt(1n);
    for (let j = 0; j < shape.d; j++) {
      p = o.mul(p, x);
      out.push(p);
    }
  }
  return out;
}
