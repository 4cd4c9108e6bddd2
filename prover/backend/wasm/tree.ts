/** The logUp-GKR fraction tree and the sumchecks of its layers. */
import { R, mod } from '../../../verifier/field.ts';
import type { FractionTree, LeafBlock, SumcheckRounds } from '../types.ts';
import { modInverse } from './constants.ts';
import { SUM_BYTES, chunksOf, cut, type Engine } from './engine.ts';
import { RADIX_SQUARED, RADIX_X, factorTable, toMontgomery } from './memory.ts';
import { Tables } from './rounds.ts';

const ELEMENT = 32;
/** Variables of the lower half of the split eq table. At most 256 products go into an accumulator of two lanes. */
const LOW_BITS = 8;

/** A layer's nodes: numerators and denominators. */
interface Nodes {
  readonly p: number;
  readonly q: number;
}

async function buildLeaves(engine: Engine, depth: number, blocks: readonly LeafBlock[], alpha: bigint, beta: bigint): Promise<Nodes> {
  const length = 2 ** depth;
  const nodes = { p: engine.vector(length), q: engine.vector(length) };
  await engine.fill(nodes.p, length, 0n);
  await engine.fill(nodes.q, length, toMontgomery(1n));
  // Factors of values: products with two limbs divide by R, those with one limb by X.
  const powers = [beta, mod(beta * beta), mod(mod(beta * beta) * beta)];
  const factors = [RADIX_SQUARED, RADIX_X].map((f) => powers.map((b) => mod(b * f)));
  const one = engine.vector(1);
  engine.memory.write(one, toMontgomery(1n));
  for (const block of blocks) {
    const count = (block.values[0] as Float64Array).length;
    if (block.offset + count > length) throw new Error(`fractionTree: a block ends at leaf ${block.offset + count} of ${length}`);
    if (count === 0) continue;
    const values = block.values.map((v) => engine.upload(v));
    const domain = engine.upload(block.domain);
    const counts = block.numerators === 'ones' ? 0 : engine.upload(block.numerators);
    const job = cut(count, 25);
    const padded = [...values, 0, 0].slice(0, 3);
    await engine.run(
      'leaves',
      job,
      [nodes.p + ELEMENT * block.offset, nodes.q + ELEMENT * block.offset, count, job.chunk, domain, counts, values.length, ...padded, one],
      [RADIX_SQUARED, RADIX_X, toMontgomery(alpha), toMontgomery(BigInt(block.id)), ...factors.flat()],
    );
    engine.release(...values, domain);
    if (counts !== 0) engine.release(counts);
  }
  engine.release(one);
  return nodes;
}

export async function buildTree(
  engine: Engine,
  depth: number,
  blocks: readonly LeafBlock[],
  alpha: bigint,
  beta: bigint,
): Promise<FractionTree> {
  /** layers[l]: the 2^l nodes of layer l; null once its storage is given up. */
  const layers: (Nodes | null)[] = new Array<Nodes | null>(depth + 1).fill(null);
  layers[depth] = await buildLeaves(engine, depth, blocks, alpha, beta);
  const one = engine.vector(1);
  engine.memory.write(one, toMontgomery(1n));
  for (let l = depth - 1; l >= 1; l--) {
    const below = layers[l + 1] as Nodes;
    const nodes = { p: engine.vector(2 ** l), q: engine.vector(2 ** l) };
    const job = cut(2 ** l, 75);
    await engine.run('parents', job, [below.p, below.q, nodes.p, nodes.q, 2 ** l, job.chunk, l === depth - 1 ? one : 0]);
    layers[l] = nodes;
  }
  engine.release(one);
  const drop = (l: number): void => {
    const nodes = layers[l];
    if (nodes) engine.release(nodes.p, nodes.q);
    layers[l] = null;
  };
  const at = (l: number): Nodes => {
    const nodes = layers[l];
    if (!nodes) throw new Error(`fraction tree: layer ${l} is no longer there; layers are asked for in order`);
    return nodes;
  };
  const top = at(1);
  const root = [top.p, top.p + ELEMENT, top.q, top.q + ELEMENT].map((node) => engine.element(node));
  /** What the last finished layer says of the nodes below it at its challenges; the root says the same of layer 1 at no challenges. */
  let known: Known = { challenges: [], values: root as [bigint, bigint, bigint, bigint] };
  return {
    depth,
    root: async () => root as [bigint, bigint, bigint, bigint],
    async layer(l, point, lambda) {
      if (!(l >= 1 && l < depth) || point.length !== l)
        throw new Error(`fraction tree: layer ${l} of ${depth} at a point of ${point.length} coordinates`);
      drop(l);
      const nodes = at(l + 1);
      const cells = 2 ** l;
      const tables = [0, 1, 2, 3].map(() => engine.vector(cells));
      const job = cut(cells, 40);
      await engine.run('layerTables', job, [nodes.p, nodes.q, cells, job.chunk, ...tables], factorTable(lambda));
      drop(l + 1);
      return layerRounds(engine, tables, point, lambda, claimOf(known, point, lambda), (finished) => (known = finished));
    },
    free() {
      for (let l = 1; l <= depth; l++) drop(l);
    },
  };
}

/** Suffix tables T_0 … T_m of eq at `point`: T_k over the last k coordinates starts at element 2^k − 1. */
async function eqSuffixes(engine: Engine, point: readonly bigint[]): Promise<number> {
  const table = engine.vector(2 ** (point.length + 1) - 1);
  engine.memory.write(table, toMontgomery(1n));
  await engine.run(
    'eqSuffixes',
    { items: 1, chunk: 1, nanoseconds: 60 * 2 ** point.length },
    [table, point.length],
    point.map(toMontgomery),
  );
  return table;
}

interface Known {
  readonly challenges: readonly bigint[];
  /** p0, p1, q0, q1 */
  readonly values: readonly [bigint, bigint, bigint, bigint];
}

/** p + λ·q at the point, if the point continues the challenges of what is known. */
function claimOf({ challenges, values }: Known, point: readonly bigint[], lambda: bigint): bigint | null {
  if (point.length !== challenges.length + 1 || challenges.some((x, i) => x !== point[i])) return null;
  const [p0, p1, q0, q1] = values;
  const mu = point[challenges.length] as bigint;
  return mod(p0 + mu * (p1 - p0) + lambda * mod(q0 + mu * (q1 - q0)));
}

/** Inverses of the coordinates; 0 for 0. */
function inverses(point: readonly bigint[]): bigint[] {
  const before: bigint[] = [];
  let product = 1n;
  for (const x of point) {
    before.push(product);
    if (x !== 0n) product = mod(product * x);
  }
  let rest = modInverse(product, R);
  const out = point.map(() => 0n);
  for (let i = point.length - 1; i >= 0; i--) {
    const x = point[i] as bigint;
    if (x === 0n) continue;
    out[i] = mod(rest * (before[i] as bigint));
    rest = mod(rest * x);
  }
  return out;
}

/**
 * Sumcheck over tables p0, p1 + λ·q1, q0, q1, so that the summand is eq·(p0·q1 + q0·p1'). Takes over the tables.
 *
 * With eq split into the bound variables' factor, the current variable's and the rest's, a round is
 * s(t) = prefix·eq(r, t)·h(t), h of degree 2 (A. Gruen, "Some improvements for the PIOP for ZeroCheck", 2024). The claim gives
 * h(1) from h(0), since (1 − r)·h(0) + r·h(1) is the h of the round before at its challenge.
 */
async function layerRounds(
  engine: Engine,
  at: readonly number[],
  point: readonly bigint[],
  lambda: bigint,
  claim: bigint | null,
  onFinished: (known: Known) => void,
): Promise<SumcheckRounds> {
  const n = point.length;
  const tables = new Tables(engine, at, 2 ** n, 2 ** n);
  const lowBits = Math.min(LOW_BITS, n);
  const low = await eqSuffixes(engine, point.slice(n - lowBits));
  const high = await eqSuffixes(engine, point.slice(0, n - lowBits));
  const inverse = inverses(point);
  const challenges: bigint[] = [];
  /** Π over bound variables of eq(point, challenge). */
  let prefix = 1n;
  let left = claim;
  let h: readonly bigint[] = [];
  const bind = async (challenge: bigint): Promise<void> => {
    const r = point[challenges.length] as bigint;
    prefix = mod(prefix * mod(1n - r - challenge + 2n * r * challenge));
    left = mod((h[0] as bigint) + challenge * mod((h[1] as bigint) + challenge * (h[2] as bigint)));
    challenges.push(challenge);
    await tables.bind(challenge);
  };
  return {
    async round(challenge) {
      if (challenge !== null) await bind(challenge);
      const bound = challenges.length;
      const r = point[bound] as bigint;
      const fromClaim = left !== null && r !== 0n;
      const pairs = tables.length / 2;
      const rest = n - 1 - bound;
      const bits = Math.min(LOW_BITS, rest);
      const blocks = 2 ** (rest - bits);
      const whole = cut(pairs, fromClaim ? 140 : 180);
      const job = { items: blocks, chunk: Math.ceil(whole.chunk / 2 ** bits), nanoseconds: whole.nanoseconds };
      const chunks = chunksOf(job);
      const sums = engine.memory.alloc(chunks * 3 * SUM_BYTES);
      await engine.run('layerRound', job, [
        pairs,
        bits,
        job.chunk,
        blocks,
        ...tables.at,
        sums,
        high + ELEMENT * (blocks - 1),
        low + ELEMENT * (2 ** bits - 1),
        fromClaim ? 1 : 0,
      ]);
      const sum = (k: number): bigint => engine.sum(sums + k * SUM_BYTES, chunks, 3 * SUM_BYTES, pairs === 1 ? 1 : 2);
      const [h0, h2] = [sum(0), sum(2)] as const;
      const h1 = fromClaim ? mod(mod((left as bigint) - (1n - r) * h0) * (inverse[bound] as bigint)) : sum(1);
      engine.release(sums);
      h = [h0, h1 - h0 - h2, h2];
      return [0n, 1n, 2n, 3n].map((t) => mod(mod(prefix * mod(h0 + t * ((h[1] as bigint) + t * h2))) * mod(1n - r - t + 2n * r * t)));
    },
    async finish(challenge) {
      await bind(challenge);
      engine.release(low, high);
      const [p0, p1, q0, q1] = tables.finish() as [bigint, bigint, bigint, bigint];
      const values = [p0, mod(p1 - lambda * q1), q0, q1] as const;
      onFinished({ challenges, values });
      return [...values];
    },
  };
}
