/**
 * The prover's side of masked sumchecks: several products with different numbers of variables run as one sumcheck, a finished one being
 * constant and halved in each further round; the mask is added to every round.
 */
import { HALF, mod, power } from '../../verifier/field.ts';
import type { SumcheckShape } from '../../verifier/program/compile.ts';
import { extrapolate } from '../../verifier/protocol/algebra.ts';
import { RunMachine, fromFelts, toFelts } from '../../verifier/protocol/machine.ts';
import type { SumcheckRounds } from '../backend/types.ts';

const o = new RunMachine();

/** Value at x of the polynomial with the given values at 0, 1, …. */
const extend = (values: readonly bigint[], x: number): bigint =>
  fromFelts([extrapolate(o, toFelts(values), o.felt(BigInt(x)))])[0] as bigint;

/** One product in the sum: `rounds` variables, `degree` + 1 values a round; `constant` is its value when it has no variables. */
export interface Instance {
  readonly rounds: number;
  readonly degree: number;
  readonly tables: readonly bigint[] | SumcheckRounds;
  /** Its value from the tables' final values. */
  readonly value: (finals: readonly bigint[]) => bigint;
}

/** A sum of instances as one sumcheck with the shape's degree, without mask. */
export class JointSumcheck {
  readonly shape: SumcheckShape;
  private readonly instances: readonly Instance[];
  private readonly together: boolean;
  private readonly finals: (readonly bigint[] | null)[];
  private pending: bigint[] | null = null;
  private bound = 0;

  /** `together`: the backend's, whether instances are asked at the same time. */
  constructor(shape: SumcheckShape, instances: readonly Instance[], together = false) {
    this.shape = shape;
    this.instances = instances;
    this.together = together;
    this.finals = instances.map((x) => (Array.isArray(x.tables) ? (x.tables as readonly bigint[]) : null));
  }

  /** The sum over {0,1}^n: computes the first round. */
  async sum(): Promise<bigint> {
    this.pending = await this.values(null);
    return mod((this.pending[0] as bigint) + (this.pending[1] as bigint));
  }

  /** s(0) … s(degree) of round `index`; `challenge` binds the round before. */
  async round(challenge: bigint | null): Promise<bigint[]> {
    if (this.pending) {
      const first = this.pending;
      this.pending = null;
      return first;
    }
    return this.values(challenge);
  }

  private async values(challenge: bigint | null): Promise<bigint[]> {
    const { shape, instances, finals } = this;
    if (challenge !== null) this.bound++;
    const byDegree = new Map<number, bigint[]>();
    let constant = 0n;
    const rounds = await this.each(async (x, i) => {
      if (finals[i]) return null;
      if (x.rounds > this.bound) return (x.tables as SumcheckRounds).round(challenge);
      finals[i] = await (x.tables as SumcheckRounds).finish(challenge as bigint);
      return null;
    });
    for (const [i, x] of instances.entries()) {
      const values = rounds[i];
      if (values) {
        const sums = byDegree.get(x.degree) ?? new Array<bigint>(x.degree + 1).fill(0n);
        values.forEach((v, k) => (sums[k] = (sums[k] as bigint) + v));
        byDegree.set(x.degree, sums);
        continue;
      }
      constant += x.value(finals[i] as readonly bigint[]) * power(HALF, BigInt(this.bound + 1 - x.rounds));
    }
    const out = new Array<bigint>(shape.d + 1).fill(mod(constant));
    for (const [degree, sums] of byDegree) {
      const reduced = sums.map(mod);
      for (let k = 0; k <= shape.d; k++) out[k] = mod((out[k] as bigint) + (k <= degree ? (reduced[k] as bigint) : extend(reduced, k)));
    }
    return out;
  }

  /** What `f` gives for every instance. */
  private async each<T>(f: (x: Instance, i: number) => Promise<T>): Promise<T[]> {
    if (this.together) return Promise.all(this.instances.map(f));
    const out: T[] = [];
    for (const [i, x] of this.instances.entries()) out.push(await f(x, i));
    return out;
  }

  /** Final values of every instance's tables, after the last challenge. */
  async finish(challenge: bigint | null): Promise<(readonly bigint[])[]> {
    await this.each(async (x, i) => (this.finals[i] ??= await (x.tables as SumcheckRounds).finish(challenge as bigint)));
    return this.finals as (readonly bigint[])[];
  }
}

/** Σ_{j=1..d} a_ij·x^j of the mask segment (constant first, then d coefficients a variable). */
function univariate(segment: readonly bigint[], d: number, i: number, x: bigint): bigint {
  let value = 0n;
  let p = 1n;
  for (let j = 1; j <= d; j++) {
    p = mod(p * x);
    value += (segment[1 + i * d + j - 1] as bigint) * p;
  }
  return mod(value);
}

/** The mask's sum over {0,1}^n. */
export function maskTotal(segment: readonly bigint[], n: number): bigint {
  const half = n === 0 ? 0n : power(2n, BigInt(n - 1));
  const rest = segment.slice(1).reduce((z, v) => z + v, 0n);
  return mod(power(2n, BigInt(n)) * (segment[0] as bigint) + half * rest);
}

/** Values at 0 … d of the mask's round polynomial, after the challenges so far. */
export function maskRound(segment: readonly bigint[], shape: SumcheckShape, challenges: readonly bigint[]): bigint[] {
  const { n, d } = shape;
  const i = challenges.length;
  let past = segment[0] as bigint;
  challenges.forEach((x, l) => (past += univariate(segment, d, l, x)));
  let future = 0n;
  for (let l = i + 1; l < n; l++) future += univariate(segment, d, l, 1n);
  const rest = n - 1 - i;
  const whole = power(2n, BigInt(rest));
  const half = rest === 0 ? 0n : power(2n, BigInt(rest - 1));
  return Array.from({ length: d + 1 }, (_, X) => mod(whole * (past + univariate(segment, d, i, BigInt(X))) + half * future));
}
