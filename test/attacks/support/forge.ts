/** Forgeries: what a prover does who knows a challenge before it has to send what the challenge should depend on. */
import { inverse, mod } from '../../../verifier/field.ts';
import { RunMachine, fromFelts, toFelts, toPoints, type Felt } from '../../../verifier/protocol/machine.ts';
import type { Constraints } from '../../../verifier/protocol/messages.ts';
import type { Term } from '../../../verifier/protocol/forms.ts';
import { Kernels } from '../../../prover/prove/forms.ts';
import type { Witness } from '../../../prover/prove/witness.ts';
import { seededRandom } from '../../fixtures/seeded.ts';
import { inside, prove, type Attempt, type LoggingMachine, type Moves, type Turn, type World } from './adversary.ts';

const o = new RunMachine();
const plain = (x: Felt): bigint => fromFelts([x])[0];

export const phi = (constraints: Constraints, xi: bigint, rows: readonly (readonly bigint[])[]): bigint =>
  plain(constraints.evaluate(o.felt(xi), rows.map(toFelts)));

/** Rows with `by` added to one entry. */
export const bump = (rows: readonly (readonly bigint[])[], row: number, entry: number, by: bigint): bigint[][] =>
  rows.map((r, i) => r.map((v, k) => (i === row && k === entry ? mod(v + by) : v)));

/** Σ_P Σ_x P(x)·K_P(x) of a functional, from the witness. */
export async function functional(world: World, witness: Witness, terms: readonly Term[], proof: number): Promise<bigint> {
  const { backend, compiled } = world;
  const kernels = new Kernels(proof);
  kernels.addTerms(terms, 1n);
  let sum = 0n;
  for (const { name, bits } of compiled.polys) {
    const kernel = backend.zeros(2 ** bits);
    for (const { offset, dims, scale, causal } of kernels.of(name))
      await backend.accumulateOuter(
        kernel,
        offset,
        dims.map((d) => d.weights),
        dims.map((d) => d.bits),
        scale,
        causal,
      );
    const cells = witness.polys.get(name) as ArrayLike<number>;
    (await backend.toField(kernel)).forEach((k, i) => (sum += k * BigInt(cells[i])));
  }
  return mod(sum);
}

/** Sends the committed value row last made with other entries; the closing argument goes on with them. */
export async function replaceRow(world: World, { prover }: Turn, change: (row: readonly bigint[]) => readonly bigint[]) {
  const { valueRows, valueBlinds } = inside(prover);
  const last = valueRows.length - 1;
  valueRows[last] = change(valueRows[last]);
  return toPoints([await world.backend.commit(valueRows[last], valueBlinds[last])]);
}

/** A proof whose wrongness is proof 1's witness; `wrong` changes its tensors. */
export interface Lie {
  readonly world: World;
  readonly machine: () => LoggingMachine;
  readonly wrong: NonNullable<Moves['walk']>;
}

const lied = ({ machine, wrong }: Lie): Moves => ({
  machine,
  random: seededRandom(1n),
  walk: (t, tensors) => t === 1 && wrong(t, tensors),
});

/** Rounds are not absorbed: the first round of OPENING is bent so that it has the claimed sum but the true value at the known challenge. */
export async function forgeRounds(lie: Lie): Promise<Attempt> {
  const { world } = lie;
  let challenge: bigint | null = null;
  const pass = (): Promise<Attempt> => {
    let witness: Witness | null = null;
    let error: bigint | null = null;
    return prove(world, {
      ...lied(lie),
      witness: (t, w) => {
        if (t === 1) witness = w;
      },
      answer: async ({ t, request, reply, prover }) => {
        if (t !== 1 || request.kind !== 'scalars') return undefined;
        const { ask } = request;
        if (ask.name === 'opening') {
          const lambda = (inside(prover).valueRows.at(-2) as readonly bigint[])[0];
          error = mod(lambda - (await functional(world, witness as unknown as Witness, ask.functionals[0], 0)));
          return toFelts([mod(fromFelts(reply as Felt[])[0] + error)]);
        }
        if (ask.name !== 'round' || error === null) return undefined;
        if (ask.index === 1) challenge ??= plain(ask.point[0]);
        if (ask.index !== 0 || challenge === null) return undefined;
        const slope = mod(error * inverse(mod(1n - 2n * challenge)));
        const [s0, s2] = fromFelts(reply as Felt[]);
        return toFelts([mod(s0 - slope * challenge), mod(s2 + slope * (2n - challenge))]);
      },
    });
  };
  await pass();
  return pass();
}

/** Value rows are not absorbed: ω is known, and the row of opened values is chosen so that all constraints together give 0. */
export async function forgeOpened(lie: Lie): Promise<Attempt> {
  const { world } = lie;
  let shift = 0n;
  const row = 2 + world.compiled.valueRows.findIndex((r) => r.name === 'opened');
  const pass = (): Promise<Attempt> =>
    prove(world, {
      ...lied(lie),
      answer: async (turn) => {
        const { ask } = turn.request as { ask: { name: string; constraints: Constraints } };
        if (turn.t !== 1) return undefined;
        if (ask.name === 'opened') return replaceRow(world, turn, ([first, ...rest]) => [mod(first + shift), ...rest]);
        if (ask.name !== 'E' || shift !== 0n) return undefined;
        const { secret } = inside(turn.prover);
        const error = phi(ask.constraints, 1n, secret);
        shift = mod(-error * inverse(mod(phi(ask.constraints, 1n, bump(secret, row, 0, 1n)) - error)));
        return undefined;
      },
    });
  await pass();
  return pass();
}

/** z, ζ and ε are not absorbed: κ is known, and one response of the mask row cancels the error of Φ. */
export async function forgeResponses(lie: Lie): Promise<Attempt> {
  const { world } = lie;
  let kappa = 0n;
  let machines: LoggingMachine[] = [];
  const pass = (): Promise<Attempt> => {
    let constraints: Constraints | null = null;
    let next = 0;
    return prove(world, {
      ...lied(lie),
      machine: () => {
        const m = lie.machine();
        machines.push(m);
        return m;
      },
      answer: ({ t, request, reply, prover }) => {
        if (t !== 1 || request.kind === 'evaluate') return undefined;
        const { ask } = request;
        if (ask.name === 'E') constraints = ask.constraints;
        if (ask.name !== 'z' || constraints === null) return undefined;
        if (next++ !== 1 || kappa === 0n) return undefined;
        const xi = plain(ask.xi);
        const { secret, d } = inside(prover);
        const z = secret.map((s, i) => s.map((v, k) => mod(xi * v + d[i][k])));
        const error = mod(xi * xi * phi(constraints, 1n, secret));
        const slope = mod(phi(constraints, xi, bump(z, 1, 0, 1n)) - phi(constraints, xi, z));
        const last = Array.from({ length: secret.length }).reduce<bigint>((p) => mod(p * kappa), 1n);
        const [first, ...rest] = fromFelts(reply as Felt[]);
        return toFelts([mod(first - last * error * inverse(mod(kappa + last * slope))), ...rest]);
      },
    });
  };
  await pass();
  // The first machine hashes the statement, the second one is proof 1's; κ and χ are its last challenges.
  kappa = machines[1].challenges.at(-2) as bigint;
  machines = [];
  return pass();
}
