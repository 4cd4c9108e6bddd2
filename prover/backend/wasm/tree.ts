/** The logUp-GKR fraction tree and the sumchecks of its layers. */
import { mod } from '../../../verifier/field.ts';
import { SplitEq, claimOf, type Known } from '../split-eq.ts';
import type { FractionTree, LeafBlock, SumcheckRounds } from '../types.ts';
import { chunked, type Cell, type Cells } from './cells.ts';
import { LIMB_BITS } from './constants.ts';
import { SUM_BYTES, chunksOf, type Engine } from './engine.ts';
import { Leaves } from './leaves.ts';
import { toMontgomery } from './memory.ts';

const ELEMENT = 32;
/** Variables of the lower half of the split eq table. At most 256 products go into an accumulator of two lanes. */
const LOW_BITS = 8;

/**
 * Leaves stay integers throughout. The layer above them, half of all nodes, is made when its sumcheck comes, by which time the layers
 * above it are gone; the others are kept.
 */
export async function buildTree(
  engine: Engine,
  depth: number,
  blocks: readonly LeafBlock[],
  alpha: bigint,
  beta: bigint,
): Promise<FractionTree> {
  let leaves: Leaves | null = new Leaves(engine, depth, blocks, alpha, beta);
  /** layers[l]: the 2^l nodes of layer l < depth − 1; null once its storage is given up. */
  const layers: (Cells | null)[] = new Array<Cells | null>(Math.max(depth - 1, 1)).fill(null);
  if (depth > 2) layers[depth - 2] = await leaves.parents(true);
  for (let l = depth - 3; l >= 1; l--) layers[l] = await (layers[l + 1] as Cells).parents();
  const root = await rootOf(depth, leaves, layers);
  const free = (): void => {
    layers.forEach((cells) => cells?.free());
    layers.fill(null);
    leaves?.free();
    leaves = null;
  };
  let known: Known = { challenges: [], values: root };
  const take = async (l: number): Promise<Cells | Leaves> => {
    const taken = l === depth - 1 ? leaves : l === depth - 2 ? await leaves?.parents(false) : layers[l + 1];
    if (!taken) throw new Error(`fraction tree: layer ${l} is no longer there; layers are asked for in order`);
    if (l === depth - 1) leaves = null;
    else if (l < depth - 2) layers[l + 1] = null;
    return taken;
  };
  return {
    depth,
    root: async () => root,
    async layer(l, point, lambda) {
      if (!(l >= 1 && l < depth) || point.length !== l)
        throw new Error(`fraction tree: layer ${l} of ${depth} at a point of ${point.length} coordinates`);
      for (let k = 1; k <= l && k < layers.length; k++) {
        layers[k]?.free();
        layers[k] = null;
      }
      const cells = await take(l);
      return layerRounds(engine, cells, point, lambda, claimOf(known, point, lambda), (finished) => (known = finished));
    },
    free,
  };
}

async function rootOf(depth: number, leaves: Leaves, layers: readonly (Cells | null)[]): Promise<Cell> {
  if (depth === 1) return leaves.cell();
  if (depth > 2) return (layers[1] as Cells).cell();
  const nodes = await leaves.parents(false);
  const root = nodes.cell();
  nodes.free();
  return root;
}

/** Suffix tables T_0 … T_m of eq at `point`, times `scale`: T_k over the last k coordinates starts at element 2^k − 1. */
async function eqSuffixes(engine: Engine, point: readonly bigint[], scale: bigint): Promise<number> {
  const table = engine.vector(2 ** (point.length + 1) - 1);
  engine.memory.write(table, toMontgomery(scale));
  await engine.run(
    'eqSuffixes',
    { items: 1, chunk: 1, nanoseconds: 60 * 2 ** point.length },
    [table, point.length],
    point.map(toMontgomery),
  );
  return table;
}

/** Sumcheck over cells p0, p1 + λ·q1, q0, q1, so that the summand is eq·(p0·q1 + q0·p1'). Takes over the cells. */
async function layerRounds(
  engine: Engine,
  source: Cells | Leaves,
  point: readonly bigint[],
  lambda: bigint,
  claim: bigint | null,
  onFinished: (known: Known) => void,
): Promise<SumcheckRounds> {
  const n = point.length;
  source.fold(lambda);
  let cells: Cells | Leaves = source;
  const lowBits = Math.min(LOW_BITS, n);
  const chunks = point.slice(n - lowBits, Math.max(n - lowBits, n - cells.log));
  const low = await eqSuffixes(engine, point.slice(n - lowBits), 1n);
  const high = await eqSuffixes(engine, point.slice(0, n - lowBits), 1n);
  const middle = await eqSuffixes(engine, chunks, 1n);
  const small = cells instanceof Leaves ? await eqSuffixes(engine, point.slice(n - lowBits), 1n << LIMB_BITS) : null;
  const eq = new SplitEq(point, claim);
  const bind = async (challenge: bigint): Promise<void> => {
    eq.bind(challenge);
    cells = await cells.bind(challenge, lambda);
  };
  return {
    async round(challenge) {
      if (challenge !== null) await bind(challenge);
      const bound = eq.challenges.length;
      const { fromClaim } = eq;
      const rest = n - 1 - bound;
      const bits = Math.min(LOW_BITS, rest);
      const blocks = 2 ** (rest - bits);
      const job = chunked(blocks, cells.activePairs(), cells instanceof Leaves ? 60 : fromClaim ? 140 : 180);
      const parts = chunksOf(job);
      const sums = engine.memory.alloc(parts * 3 * SUM_BYTES);
      const tables = [high + ELEMENT * (blocks - 1), low + ELEMENT * (2 ** bits - 1), middle + ELEMENT * (2 ** (bits - cells.log) - 1)];
      const ints = [bits, job.chunk, blocks, sums, ...tables, fromClaim ? 1 : 0];
      if (cells instanceof Leaves) await cells.round(job, ints, (small as number) + ELEMENT * (2 ** bits - 1), lambda);
      else await cells.round(job, [...ints, bound === 0 ? 1 : 0], lambda);
      const sum = (k: number): bigint => engine.sum(sums + k * SUM_BYTES, parts, 3 * SUM_BYTES, 2);
      const [h0, h1, h2] = [sum(0), fromClaim ? 0n : sum(1), sum(2)] as const;
      engine.release(sums);
      return eq.round(h0, h1, h2);
    },
    async finish(challenge) {
      await bind(challenge);
      engine.release(low, high, middle, ...(small === null ? [] : [small]));
      const [p0, p1, q0, q1] = cells.cell();
      cells.free();
      const values = [p0, mod(p1 - lambda * q1), q0, q1] as const;
      onFinished({ challenges: eq.challenges, values });
      return [...values];
    },
  };
}
