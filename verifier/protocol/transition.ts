/**
 * One proof (proof.md §3, §4, §6): the transition acc_{t−1} → acc_t.
 *
 * States: with state-in committed in `stateIn`, the claims about fixed polynomials in acc_{t−1}, and the statement's program, there is a witness
 * whose relations hold and whose new state is committed in the returned rows; provided that (Z_t, ζ_t, Q_t) satisfies ⟨Z, G⟩ + ζH = Q and that
 * the new claims about fixed polynomials hold.
 * Messages, in order: witness rows, state-out rows, delivered rows, mask row; LOOK-UP; FORMS; OPENING; then the closing Σ-protocol: D for each secret
 * row, E_0, E_1; z for each row, ζ, ε. Secret rows: x = Σ η^P·eq(ρ_rows)·rows, m, value rows in transcript order, the running V_{f,t−1} of hidden f, and
 * with delivery x_d = Σ eq(ρ_rows)·rows of the limbs, which have columns of their own.
 * Caller must discharge: chaining of digests, accumulators and state rows; the decider.
 */
import type { Compiled, PolyLayout } from '../program/compile.ts';
import { bitsOf } from '../program/types.ts';
import { accumulatorCells, fixedPolys, type Accumulator, type FixedClaim } from './accumulator.ts';
import { indexBits, indexValue, powers } from './algebra.ts';
import { constraints } from './constraints.ts';
import { forms } from './forms.ts';
import { lookup } from './lookup.ts';
import type { Felt, Machine, Pt, Word } from './machine.ts';
import { msm, points, scalars, type Core } from './messages.ts';
import { opening, rowWeights } from './opening.ts';
import { Transcript } from './transcript.ts';

export interface TransitionInput {
  readonly statement: readonly Word[];
  /** Index of the proof, 0 … P − 1, as bits: data, so that all proofs are one recorded program. */
  readonly proof: readonly Felt[];
  readonly digest: Word;
  readonly accumulator: Accumulator;
  readonly stateIn: readonly Pt[];
}

export interface TransitionOutput {
  readonly accumulator: Accumulator;
  readonly digest: Word;
  readonly stateOut: readonly Pt[];
  /** Rows of the new state's limbs; none without delivery. */
  readonly delivered: readonly Pt[];
}

/** Rows of a polynomial by role; 0 when the program has none. */
export const rowCount = (c: Compiled, role: 'witness' | 'stateIn' | 'stateOut' | 'delivery'): number => {
  const poly = c.polys.find((p) => p.role === role);
  return poly?.rows.length ?? 0;
};

/** Bits of the index of proof t = 1 … P. */
export const proofBits = (o: Machine, c: Compiled, t: number): Felt[] => indexBits(o, t - 1, bitsOf(c.proofs));

export function* transition(o: Machine, c: Compiled, input: TransitionInput): Core<TransitionOutput> {
  const { accumulator: previous, stateIn, proof } = input;
  const tr = new Transcript(o);
  tr.absorb('statement', input.statement);
  tr.absorb('proof', [o.add(indexValue(o, proof), o.felt(1n))]);
  tr.absorb('digest', [input.digest]);
  tr.absorb('accumulator', accumulatorCells(previous));
  tr.absorb('state-in', stateIn);

  const witness = yield* points('witness rows', rowCount(c, 'witness'), { name: 'rows' });
  const stateOut = yield* points('state-out rows', rowCount(c, 'stateOut'), { name: 'state-out' });
  const delivers = c.delivered.length > 0;
  const delivered = delivers ? yield* points('delivered rows', rowCount(c, 'delivery'), { name: 'delivery' }) : [];
  const [mask] = (yield* points('mask row', 1, { name: 'mask' })) as readonly [Pt];
  tr.absorb('rows', witness);
  tr.absorb('state-out', stateOut);
  if (delivers) tr.absorb('delivery', delivered);
  tr.absorb('mask', [mask]);

  const values: Pt[] = [];
  const look = yield* lookup(o, tr, c, values);
  const formed = yield* forms(o, tr, c, look, values);
  const opened = yield* opening(o, tr, c, previous, look, formed, proof, values);
  const eta = tr.challenge();
  const omega = tr.challenge();
  const phi = constraints(o, { compiled: c, previous, look, forms: formed, opening: opened, eta, omega });

  // The secret rows: lengths and commitments. X and X_d are not computed: their terms enter the one multi-exponentiation below.
  const fixed = fixedPolys(c);
  const running = fixed.flatMap((f, i) => (f.hidden ? [(previous.fixed[i] as FixedClaim).value as Pt] : []));
  const lengths = c.secretRows;
  const blinded = [mask, ...values, ...running];
  const ask = { eta, openings: opened.rho, constraints: phi };
  const D = yield* points('D', lengths.length, { name: 'D', ...ask });
  const E = yield* points('E', 2, { name: 'E', ...ask });
  tr.absorb('D', D);
  tr.absorb('E', E);
  const xi = tr.challenge();

  const z: (readonly Felt[])[] = [];
  for (const [i, length] of lengths.entries()) {
    const row = yield* scalars(`z of row ${i}`, length, { name: 'z', xi });
    tr.absorb('z', row);
    z.push(row);
  }
  const zeta = yield* scalars('zeta', lengths.length, { name: 'zeta', xi });
  const [epsilon] = (yield* scalars('epsilon', 1, { name: 'epsilon', xi })) as readonly [Felt];
  tr.absorb('zeta', zeta);
  tr.absorb('epsilon', [epsilon]);
  const kappa = tr.challenge();
  const chi = tr.challenge();

  // κ batches ⟨z_i, G⟩ + ζ_i·H = ξ·C_i + D_i and Φ_ξ(z)·G_0 + ε·H = ξ·E_1 + E_0; χ folds the batch into the accumulator.
  const weights = powers(o, kappa, lengths.length + 1).map((k) => o.mul(chi, k));
  const Z = [...previous.Z];
  let zetaSum = previous.zeta;
  [...z, [phi.evaluate(xi, z)]].forEach((row, i) => {
    const weight = weights[i] as Felt;
    row.forEach((v, k) => (Z[k] = o.add(Z[k] as Felt, o.mul(weight, v))));
    zetaSum = o.add(zetaSum, o.mul(weight, zeta[i] ?? epsilon));
  });
  const last = weights[lengths.length] as Felt;
  const first = o.mul(weights[0] as Felt, xi);
  const combined = rowCombination(o, c, opened.rho, eta).map((e) => o.mul(first, e));
  const own = delivers ? o.mul(weights[lengths.length - 1] as Felt, xi) : first;
  const limbs = delivers ? rowWeights(o, c.polys.at(-1) as PolyLayout, opened.rho.at(-1) as Felt[]) : [];
  const Q = yield* msm(
    [
      o.felt(1n),
      ...combined,
      ...limbs.map((e) => o.mul(own, e)),
      ...blinded.map((_, i) => o.mul(weights[i + 1] as Felt, xi)),
      ...D.map((_, i) => weights[i] as Felt),
      last,
      o.mul(last, xi),
    ],
    [previous.Q, ...committedRows(c, witness, stateIn, stateOut), ...delivered, ...blinded, ...D, ...E],
  );
  const accumulator: Accumulator = {
    Z,
    zeta: zetaSum,
    Q,
    w: o.felt(1n),
    fixed: fixed.map((f, i) => ({ rho: opened.rho[c.polys.indexOf(f)] as Felt[], value: opened.fixed[i] as Felt | Pt })),
  };
  tr.absorb('ACC', accumulatorCells(accumulator));
  return { accumulator, digest: tr.state, stateOut, delivered };
}

/** Rows of the polynomials in x, in program order. */
function committedRows(c: Compiled, witness: readonly Pt[], stateIn: readonly Pt[], stateOut: readonly Pt[]): Pt[] {
  const rows = { witness, stateIn, stateOut, delivery: [], fixed: [] };
  return c.polys.flatMap((p) => rows[p.role]);
}

/** Weights of the rows in X = Σ_P η^P·(eq(ρ_rows)·rows of P), these polynomials in program order. */
function rowCombination(o: Machine, c: Compiled, rho: readonly (readonly Felt[])[], eta: Felt): Felt[] {
  const out: Felt[] = [];
  let power = o.felt(1n);
  c.polys.forEach((p, i) => {
    if (p.role === 'fixed' || p.role === 'delivery') return;
    for (const e of rowWeights(o, p, rho[i] as readonly Felt[])) out.push(o.mul(power, e));
    power = o.mul(power, eta);
  });
  return out;
}
