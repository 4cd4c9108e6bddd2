/**
 * LOOK-UP (proof.md §3.3): logUp-GKR without committed inverses.
 *
 * States: Σ over all leaves of numerator/denominator = 0, where a leaf block has numerators 1_D and denominators
 * α − (id·1_D + β·v1 + β²·v2 + β³·v3), a table block −multiplicity and α − (id + β·x + β²·y + β³·y2), any other address 0/1. α covers the whole
 * block, so pads are 0/α. For random α, β this means that every tuple of a leaf's domain is a row of its table.
 * Messages: value row (p0, p1, q0, q1, u, u') of the root; μ; then per layer λ, a masked sumcheck of degree 3 of
 * eq(r, x)·(p0·q1 + p1·q0 + λ·q0·q1) against p(r) + λ·q(r), a value row (p0, p1, q0, q1), μ; r ← (x*, μ).
 * Caller must discharge: p0·q1 + p1·q0 = 0, u = q0·q1, u·u' = 1; start and end of each sumcheck; at the leaves
 * p(r) = pubP − (multiplicity functional) and q(r) = pubQ + (linear functional) + (forms), with the results' weights.
 * Source: Haböck, "Multivariate lookups based on logarithmic derivatives" (2022); Papini, Haböck, "Improving logarithmic derivative lookups using GKR" (2023).
 */
import type { Compiled } from '../program/compile.ts';
import { eq, eqIndex, indexValue } from './algebra.ts';
import { indicator, splitPoint } from './kernel.ts';
import type { Felt, Machine, Pt } from './machine.ts';
import { points, type Core } from './messages.ts';
import { sumcheck, type SumcheckResult } from './sumcheck.ts';
import type { Transcript } from './transcript.ts';

export interface LookupLayer {
  readonly lambda: Felt;
  /** Last coordinate of the claim point: interpolates the previous value row. */
  readonly mu: Felt;
  /** eq(claim point, sumcheck point). */
  readonly eq: Felt;
  readonly sumcheck: SumcheckResult;
}

export interface LookupResult {
  readonly alpha: Felt;
  readonly beta: Felt;
  readonly layers: readonly LookupLayer[];
  /** Leaf point r, and the μ that interpolates the last value row. */
  readonly point: readonly Felt[];
  readonly mu: Felt;
  readonly publicNumerator: Felt;
  readonly publicDenominator: Felt;
  /** Weight in q(r) of value k of leaf i. */
  readonly leafWeights: readonly (readonly Felt[])[];
  /** By table: eq of its block's address at r, and the point inside the block. */
  readonly tables: readonly { readonly prefix: Felt; readonly local: readonly Felt[] }[];
}

/** eq of the address of an aligned block of 2^bits leaves at r, and the point inside it. */
export function blockAt(o: Machine, r: readonly Felt[], offset: number, bits: number): { prefix: Felt; local: readonly Felt[] } {
  const high = r.length - bits;
  return { prefix: eqIndex(o, r.slice(0, high), offset / 2 ** bits), local: r.slice(high) };
}

export function* lookup(o: Machine, tr: Transcript, c: Compiled, rows: Pt[]): Core<LookupResult> {
  const alpha = tr.challenge();
  const beta = tr.challenge();
  rows.push(...(yield* valueRow(tr, 'root', { name: 'root', alpha, beta })));
  let point = [tr.challenge()];
  const layers: LookupLayer[] = [];
  for (let l = 1; l < c.depth; l++) {
    const mu = point[point.length - 1] as Felt;
    const lambda = tr.challenge();
    const shape = c.sumchecks[l - 1] as SumcheckResult['shape'];
    const result = yield* sumcheck(o, tr, shape, { name: 'layer', layer: l, point, lambda });
    rows.push(...(yield* valueRow(tr, shape.name, { name: 'layer-values', point: result.point })));
    layers.push({ lambda, mu, eq: eq(o, point, result.point), sumcheck: result });
    point = [...result.point, tr.challenge()];
  }
  return { alpha, beta, layers, point, mu: point[point.length - 1] as Felt, ...leafClaims(o, c, alpha, beta, point) };
}

/** One value row's commitment, absorbed. */
export function* valueRow(tr: Transcript, name: string, ask: Parameters<typeof points>[2]): Core<readonly Pt[]> {
  const row = yield* points(`value row ${name}`, 1, ask);
  tr.absorb('value', row);
  return row;
}

function leafClaims(o: Machine, c: Compiled, alpha: Felt, beta: Felt, r: readonly Felt[]) {
  const one = o.felt(1n);
  const betas = [beta, o.mul(beta, beta)];
  betas.push(o.mul(betas[1] as Felt, beta));
  let numerator = o.felt(0n);
  let denominator = o.felt(0n);
  let unused = one;
  const leafWeights = c.leaves.map((leaf) => {
    const { prefix, local } = blockAt(o, r, leaf.offset, leaf.bits);
    const inside = o.mul(prefix, indicator(o, leaf.on, splitPoint(leaf.on.vars, local)));
    const constant = leaf.values.reduce((z, v, k) => o.add(z, o.mul(betas[k] as Felt, o.felt(v.constant))), o.felt(BigInt(leaf.id)));
    numerator = o.add(numerator, inside);
    denominator = o.add(denominator, o.sub(o.mul(prefix, alpha), o.mul(inside, constant)));
    unused = o.sub(unused, prefix);
    return leaf.values.map((_, k) => o.sub(o.felt(0n), o.mul(prefix, betas[k] as Felt)));
  });
  const tables = c.tables.map((table) => {
    const block = blockAt(o, r, table.offset, table.bits);
    const x = o.add(indexValue(o, block.local), o.felt(BigInt(table.lo)));
    const tuple = o.add(o.felt(BigInt(table.id)), o.mul(beta, x));
    denominator = o.add(denominator, o.mul(block.prefix, o.sub(alpha, tuple)));
    unused = o.sub(unused, block.prefix);
    return block;
  });
  return { publicNumerator: numerator, publicDenominator: o.add(denominator, unused), leafWeights, tables };
}
