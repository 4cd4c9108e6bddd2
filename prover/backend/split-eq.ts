/**
 * The host's part of a layer's sumcheck. With eq split into the bound variables' factor, the current variable's and the rest's, a round is
 * s(t) = prefix·eq(r, t)·h(t), h of degree 2 (A. Gruen, "Some improvements for the PIOP for ZeroCheck", 2024). The claim gives
 * h(1) from h(0), since (1 − r)·h(0) + r·h(1) is the h of the round before at its challenge.
 */
import { R, mod } from '../../verifier/field.ts';

/** What a finished layer says of the nodes below it at its challenges; the root says the same of layer 1 at no challenges. */
export interface Known {
  readonly challenges: readonly bigint[];
  /** p0, p1, q0, q1 */
  readonly values: readonly [bigint, bigint, bigint, bigint];
}

/** p + λ·q at the point, if the point continues the challenges of what is known. */
export function claimOf({ challenges, values }: Known, point: readonly bigint[], lambda: bigint): bigint | null {
  if (point.length !== challenges.length + 1 || challenges.some((x, i) => x !== point[i])) return null;
  const [p0, p1, q0, q1] = values;
  const mu = point[challenges.length] as bigint;
  return mod(p0 + mu * (p1 - p0) + lambda * mod(q0 + mu * (q1 - q0)));
}

/** The inverse modulo r; 0 for 0. */
function inverse(a: bigint): bigint {
  let [x, y, u, v] = [a, R, 1n, 0n];
  while (x > 0n) {
    const q = y / x;
    [y, x] = [x, y % x];
    [v, u] = [u, v - q * u];
  }
  return a === 0n ? 0n : mod(v);
}

/** Inverses of the coordinates; 0 for 0. */
function inverses(point: readonly bigint[]): bigint[] {
  const before: bigint[] = [];
  let product = 1n;
  for (const x of point) {
    before.push(product);
    if (x !== 0n) product = mod(product * x);
  }
  let rest = inverse(product);
  const out = point.map(() => 0n);
  for (let i = point.length - 1; i >= 0; i--) {
    const x = point[i] as bigint;
    if (x === 0n) continue;
    out[i] = mod(rest * (before[i] as bigint));
    rest = mod(rest * x);
  }
  return out;
}

export class SplitEq {
  readonly challenges: bigint[] = [];
  private readonly point: readonly bigint[];
  private readonly inverse: readonly bigint[];
  /** Π over bound variables of eq(point, challenge). */
  private prefix = 1n;
  /** (1 − r)·h(0) + r·h(1) of the next round, where it is known. */
  private left: bigint | null;
  /** Coefficients of the last round's h. */
  private h: readonly [bigint, bigint, bigint] | null = null;

  constructor(point: readonly bigint[], claim: bigint | null) {
    this.point = point;
    this.inverse = inverses(point);
    this.left = claim;
  }

  private get r(): bigint {
    return this.point[this.challenges.length] as bigint;
  }

  /** Whether h(1) of the next round follows from h(0). */
  get fromClaim(): boolean {
    return this.left !== null && this.r !== 0n;
  }

  bind(challenge: bigint): void {
    const { r, h } = this;
    this.prefix = mod(this.prefix * mod(1n - r - challenge + 2n * r * challenge));
    this.left = h && mod(h[0] + challenge * mod(h[1] + challenge * h[2]));
    this.h = null;
    this.challenges.push(challenge);
  }

  /** s(0) … s(3) from h(0), h(1) (not read where it follows), and the coefficient of t² in h. */
  round(h0: bigint, h1: bigint, h2: bigint): bigint[] {
    const { r, prefix } = this;
    const one = this.fromClaim ? mod(mod((this.left as bigint) - (1n - r) * h0) * (this.inverse[this.challenges.length] as bigint)) : h1;
    this.h = [h0, one - h0 - h2, h2];
    const [c0, c1, c2] = this.h;
    return [0n, 1n, 2n, 3n].map((t) => mod(mod(prefix * mod(c0 + t * (c1 + t * c2))) * mod(1n - r - t + 2n * r * t)));
  }
}
