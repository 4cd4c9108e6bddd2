/**
 * The decider (proof.md §6): discharges what a chain of transitions left open.
 *
 * States: f(ρ_f) = V_f for every fixed polynomial, and ⟨Z, G⟩ + ζH = Q. With the chain this means that every transition was valid.
 * Messages, transcript from 0: digest_P; D_x, D_v of all hidden f; ξ; z (one row of 2^columns a polynomial), ζ_x, ζ_v; two challenges χ per f fold
 * ⟨z, G⟩ + ζ_x·H = ξ·X_f + D_x and ⟨z, eq(ρ_cols)⟩·G_0 + ζ_v·H = ξ·V_f + D_v into (Z, ζ, Q). Public f are evaluated from their content.
 * Caller must discharge: that acc_P and digest_P come from the chain; that `rows` are those of the statement's cards.
 */
import type { Compiled } from '../program/compile.ts';
import { fixedPolys, type Accumulator, type FixedClaim } from './accumulator.ts';
import { eqTable } from './algebra.ts';
import type { Felt, Machine, Pt, Word } from './machine.ts';
import { evaluate, msm, points, scalars, type Core } from './messages.ts';
import { rowWeights } from './opening.ts';
import { Transcript } from './transcript.ts';

/** The final group equation, for the driver to check against the generators: ⟨Z, G⟩ + ζH = Q. */
export interface FinalEquation {
  readonly Z: readonly Felt[];
  readonly zeta: Felt;
  readonly Q: Pt;
}

/** `rows`: Hyrax rows of each hidden fixed polynomial, in program order. */
export function* decider(o: Machine, c: Compiled, acc: Accumulator, digest: Word, rows: readonly (readonly Pt[])[]): Core<FinalEquation> {
  const tr = new Transcript(o);
  tr.absorb('DECIDER', [digest]);
  const fixed = fixedPolys(c);
  const claims = fixed.map((f, i) => ({ f, claim: acc.fixed[i] as FixedClaim }));
  for (const { f, claim } of claims) {
    if (!f.hidden)
      o.assertEqual(yield* evaluate(f.name, claim.rho), claim.value as Felt, `the value of ${f.name} is not that of its content`);
  }
  const hidden = claims.filter(({ f }) => f.hidden);
  if (hidden.length === 0) return { Z: acc.Z, zeta: acc.zeta, Q: acc.Q };
  const D = yield* points('decider D', 2 * hidden.length, { name: 'decider-D', points: hidden.map(({ claim }) => claim.rho) });
  tr.absorb('D', D);
  const xi = tr.challenge();
  const z: (readonly Felt[])[] = [];
  for (const { f } of hidden) z.push(yield* scalars(`decider z of ${f.name}`, 2 ** c.columns, { name: 'z', xi }));
  for (const row of z) tr.absorb('z', row);
  const zeta = yield* scalars('decider zeta', 2 * hidden.length, { name: 'zeta', xi });
  tr.absorb('zeta', zeta);

  const Z = [...acc.Z];
  let zetaSum = acc.zeta;
  const ks: Felt[] = [o.felt(1n)];
  const ps: Pt[] = [acc.Q];
  hidden.forEach(({ f, claim }, i) => {
    const eqColumns = eqTable(o, claim.rho.slice(f.bits - c.columns));
    const [chiX, chiV] = tr.challenges(2) as [Felt, Felt];
    const row = z[i] as readonly Felt[];
    row.forEach((v, k) => (Z[k] = o.add(Z[k] as Felt, o.mul(chiX, v))));
    Z[0] = o.add(Z[0] as Felt, o.mul(chiV, o.innerProduct(row, eqColumns)));
    zetaSum = o.add(zetaSum, o.add(o.mul(chiX, zeta[2 * i] as Felt), o.mul(chiV, zeta[2 * i + 1] as Felt)));
    const scaled = o.mul(chiX, xi);
    ks.push(...rowWeights(o, f, claim.rho).map((e) => o.mul(scaled, e)), o.mul(chiV, xi), chiX, chiV);
    ps.push(...(rows[i] as readonly Pt[]), claim.value as Pt, D[2 * i] as Pt, D[2 * i + 1] as Pt);
  });
  return { Z, zeta: zetaSum, Q: yield* msm(ks, ps) };
}
