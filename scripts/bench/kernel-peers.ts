/** The kernels' peers: @noble/curves and mcl-wasm at the same work, one thread each. */
import { pippenger } from '@noble/curves/abstract/curve.js';
import { bn254 } from '@noble/curves/bn254.js';
import type { Affine } from '../../verifier/curve.ts';
import { compare, names, type Inputs, type Sums, type Times } from './kernel-inputs.ts';
import { best } from './report.ts';

const Point = bn254.G1.Point;
const Fr = bn254.fields.Fr;

/** The same products with noble: parents, and for every layer its first round, its later rounds and its folds, as a plain prover does them. */
function nobleTree(depth: number, next: () => bigint): void {
  let q = Array.from({ length: 2 ** depth }, next);
  let p = q.map(() => 1n);
  while (q.length > 2) {
    const half = q.length / 2;
    const at = (v: bigint[], i: number): bigint => v[i] as bigint;
    const parentP = Array.from({ length: half }, (_, i) =>
      Fr.add(Fr.mul(at(p, 2 * i), at(q, 2 * i + 1)), Fr.mul(at(p, 2 * i + 1), at(q, 2 * i))),
    );
    const parentQ = Array.from({ length: half }, (_, i) => Fr.mul(at(q, 2 * i), at(q, 2 * i + 1)));
    const weight = next();
    const challenge = next();
    let tables = [0, 1].flatMap((k) => [p, q].map((v) => v.filter((_, i) => i % 2 === k)));
    for (let length = half; length > 1; length /= 2) {
      const middle = length / 2;
      let sum = 0n;
      for (let i = 0; i < middle; i++)
        for (const shift of [0, middle]) {
          const [p0, q0, p1, q1] = tables.map((t) => at(t, i + shift)) as [bigint, bigint, bigint, bigint];
          const inner = Fr.add(Fr.add(Fr.mul(p0, q1), Fr.mul(p1, q0)), Fr.mul(weight, Fr.mul(q0, q1)));
          sum = Fr.add(sum, Fr.mul(weight, inner));
        }
      tables = tables.map((t) =>
        Array.from({ length: middle }, (_, i) => Fr.add(at(t, i), Fr.mul(challenge, Fr.sub(at(t, i + middle), at(t, i))))),
      );
    }
    [p, q] = [parentP, parentQ];
  }
}

function nobleProduct(variables: number, next: () => bigint): void {
  let tables = [0, 1].map(() => Array.from({ length: 2 ** variables }, next));
  for (let length = 2 ** variables; length > 1; length /= 2) {
    const middle = length / 2;
    const challenge = next();
    const [a, b] = tables as [bigint[], bigint[]];
    let sum = 0n;
    for (let i = 0; i < length; i++) sum = Fr.add(sum, Fr.mul(a[i] as bigint, b[i] as bigint));
    tables = tables.map((t) =>
      Array.from({ length: middle }, (_, i) => Fr.add(t[i] as bigint, Fr.mul(challenge, Fr.sub(t[i + middle] as bigint, t[i] as bigint)))),
    );
  }
}

export async function nobleTimes(input: Inputs, sums: Sums): Promise<Times> {
  process.stderr.write('@noble/curves\n');
  const { size, next, points, columns } = input;
  const NAMES = names(size);
  const [small] = input.logs as readonly [number];
  const count = 2 ** small;
  const times: Record<string, number> = {};
  const take = async (name: string, items: number, runs: number, f: () => unknown): Promise<void> => {
    times[name] = ((await best(runs, f, input.clock)) * 1e6) / items;
  };
  const y = next();
  let x = y;
  await take(NAMES.product, 1e5, 3, () => {
    for (let i = 0; i < 1e5; i++) x = Fr.mul(x, y);
  });
  const affine = points.slice(0, count).map((q) => Point.fromAffine(q));
  for (const [bits, scalars] of input.scalars) {
    const name = NAMES.msm(small, bits);
    await take(name, count, 1, () => compare(sums, name, affineOf(pippenger(Point, affine, scalars.slice(0, count)))));
    // Its cost a point falls only slowly with their number.
    for (const log of input.logs) times[NAMES.msm(log, bits)] = times[name] as number;
  }
  for (const [bits, cells] of input.cells) {
    const magnitudes = Array.from(cells.subarray(0, columns) as ArrayLike<number>, (v) => BigInt(Math.abs(v)));
    const own = points.slice(0, columns).map((q) => Point.fromAffine(q));
    await take(NAMES.rows(bits), columns, 1, () => pippenger(Point, own, magnitudes));
  }
  const log = Math.min(12, size);
  await take(NAMES.tree, 2 ** log, 1, () => nobleTree(log, next));
  await take(NAMES.sumcheck, 2 ** log, 1, () => nobleProduct(log, next));
  return times;
}

const affineOf = (p: { is0(): boolean; toAffine(): Affine }): Affine | null => (p.is0() ? null : p.toAffine());

/** mcl-wasm's field product, addition and `mulVec`, one thread. */
export async function mclTimes(input: Inputs, sums: Sums): Promise<Times> {
  process.stderr.write('mcl-wasm\n');
  const mcl = await import('mcl-wasm');
  await mcl.init(mcl.BN_SNARK1);
  const NAMES = names(input.size);
  const [small] = input.logs as readonly [number];
  const count = 2 ** small;
  const times: Record<string, number> = {};
  const take = async (name: string, items: number, runs: number, f: () => unknown): Promise<void> => {
    times[name] = ((await best(runs, f, input.clock)) * 1e6) / items;
  };
  const scalarOf = (v: bigint): InstanceType<typeof mcl.Fr> => {
    const s = new mcl.Fr();
    s.setStr(v.toString(16), 16);
    return s;
  };
  const points = input.points.slice(0, count).map(({ x, y }) => {
    const p = new mcl.G1();
    p.setStr(`1 ${x.toString(16)} ${y.toString(16)}`, 16);
    return p;
  });
  for (const [bits, scalars] of input.scalars) {
    const name = NAMES.msm(small, bits);
    const own = scalars.slice(0, count).map(scalarOf);
    await take(name, count, 3, () => {
      const sum = mcl.mulVec(points, own);
      sum.normalize();
      const [, x, y] = sum.getStr(16).split(' ');
      compare(sums, name, { x: BigInt(`0x${x}`), y: BigInt(`0x${y}`) });
    });
  }
  return times;
}
