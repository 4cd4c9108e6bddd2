/**
 * Integers as limbs whose products add up in 32 bits: x = Σ_i limb_i·2^(i·bits), all limbs but the last balanced, in [−2^(bits−1), 2^(bits−1)).
 */

/** How a factor is cut. */
export interface Cut {
  readonly limbs: number;
  /** Bits of a limb but the last. */
  readonly bits: number;
  /** Largest magnitude of a limb. */
  readonly reach: number;
}

export interface Cuts {
  readonly left: Cut;
  readonly right: Cut;
  /** Runs of `DEPTH` terms whose limb products add up to less than 2^31. */
  readonly runs: number;
}

/** Terms of a run. */
export const DEPTH = 16;
/** More are never needed: 6 limbs of 9 bits hold 53 bits and a sign, and 16 terms of 16 bits add up in 32. */
const MOST_LIMBS = 6;
/** Adding a run's sums into 64 bits costs this part of the run's multiply-adds, about. */
const SPILL = 0.4;

/** Bits of a signed integer of magnitude `reach`, which may be −2^(bits−1), and 2^(bits−1) too. */
function signedBits(reach: number): number {
  let bits = 1;
  while (2 ** (bits - 1) < reach) bits++;
  return bits;
}

/** A magnitude up to 2^(limbs·bits − 1) leaves at most 2^(bits−1) for the last limb. */
function cut(reach: number, limbs: number): Cut {
  if (limbs === 1) return { limbs, bits: 0, reach };
  const bits = Math.ceil(signedBits(reach) / limbs);
  return { limbs, bits, reach: 2 ** (bits - 1) };
}

/** The cheapest cuts of factors of these magnitudes, at most 2^53; `whole`: the right one stays as it is stored. */
export function chooseCuts(left: number, right: number, whole: boolean): Cuts {
  let best: { readonly cuts: Cuts; readonly cost: number } | null = null;
  for (let a = 1; a <= MOST_LIMBS; a++)
    for (let b = 1; b <= (whole ? 1 : MOST_LIMBS); b++) {
      const cuts = { left: cut(left, a), right: cut(right, b) };
      if (cuts.left.reach >= 2 ** 31 || cuts.right.reach >= 2 ** 31) continue;
      const runs = Math.min(2 ** 16, Math.floor((2 ** 31 - 1) / (DEPTH * Math.max(1, cuts.left.reach * cuts.right.reach))));
      const cost = a * b * (1 + SPILL / runs);
      if (runs >= 1 && (best === null || cost < best.cost)) best = { cuts: { ...cuts, runs }, cost };
    }
  if (best === null) throw new Error(`matrix products: no limbs for magnitudes ${left} and ${right}`);
  return best.cuts;
}
