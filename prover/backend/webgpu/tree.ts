/**
 * The logUp-GKR fraction tree. Layers keep their nodes up to the last block's end; from there on fractions are 0/1, which sums keep. Leaves stay
 * integers; the layer above them, half of all nodes, is kept where it is small beside the device's memory, and otherwise made of the leaves a chunk
 * at a time when its sumcheck comes. Layers are given up as soon as their cells are bound.
 */
import { mod } from '../../../verifier/field.ts';
import { claimOf, type Known } from '../split-eq.ts';
import type { FractionTree, LeafBlock } from '../types.ts';
import type { Device } from './device.ts';
import { LayerRounds, chunkNodes, leafCells, readElements, storedCells, type Source } from './layer.ts';
import { Leaves, NODE, writeParents } from './leaves.ts';
import type { Region } from './regions.ts';

/** Buffers that the layer above the leaves may take to be kept. */
const KEPT_PARTS = 2;

export async function buildTree(
  device: Device,
  depth: number,
  blocks: readonly LeafBlock[],
  alpha: bigint,
  beta: bigint,
): Promise<FractionTree> {
  if (!Number.isInteger(depth) || depth < 1) throw new Error(`fraction tree: depth ${depth}, must be at least 1`);
  const tree = new Tree(device, depth, await Leaves.open(device, depth, blocks, mod(alpha), mod(beta)));
  try {
    await tree.build();
  } catch (error) {
    tree.free();
    throw error;
  }
  return tree;
}

class Tree implements FractionTree {
  readonly depth: number;
  private readonly device: Device;
  private leaves: Leaves | null;
  /** layers[l]: nodes of layer l < depth; null where they are not kept. */
  private readonly layers: (Region | null)[];
  private readonly open = new Set<LayerRounds>();
  private first: Known['values'] = [0n, 0n, 0n, 0n];
  private known: Known = { challenges: [], values: this.first };

  constructor(device: Device, depth: number, leaves: Leaves) {
    this.device = device;
    this.depth = depth;
    this.leaves = leaves;
    this.layers = new Array<Region | null>(depth).fill(null);
  }

  /** Nodes of a layer up to the last that is not 0/1. */
  private nodes(l: number): number {
    return (this.leaves as Leaves).nodes(this.depth - l);
  }

  /** Nodes of a layer made of leaves. */
  private async fromLeaves(l: number): Promise<Region> {
    const { device } = this;
    const [leaves, count] = [this.leaves as Leaves, this.nodes(l)];
    const region = device.memory.alloc(NODE * count);
    const chunk = Math.min(count, chunkNodes(device));
    const rooms = leaves.rooms(this.depth - l, chunk);
    for (let at = 0; at < count; at += chunk) leaves.write(this.depth - l, at, Math.min(chunk, count - at), region, at, rooms);
    device.memory.release(...rooms);
    return region;
  }

  async build(): Promise<void> {
    const { depth, device, layers } = this;
    let l = depth - 1;
    if (l > 1 && NODE * this.nodes(l) > KEPT_PARTS * device.memory.partBytes) l--;
    const top = await this.fromLeaves(Math.max(l, 1));
    if (depth > 1) layers[l] = top;
    for (l--; l >= 1; l--) {
      const count = this.nodes(l);
      const region = (layers[l] = device.memory.alloc(NODE * count));
      writeParents(device, layers[l + 1] as Region, this.nodes(l + 1), count, region);
    }
    const [p0, q0, p1, q1] = (await readElements(device, layers[1] ?? top, 0, 4)) as [bigint, bigint, bigint, bigint];
    if (depth === 1) device.memory.release(top);
    this.first = [p0, p1, q0, q1];
    this.known = { challenges: [], values: this.first };
  }

  async root(): Promise<Known['values']> {
    return this.first;
  }

  async layer(l: number, point: readonly bigint[], lambda: bigint): Promise<LayerRounds> {
    const { device, depth } = this;
    if (!(l >= 1 && l < depth) || point.length !== l)
      throw new Error(`fraction tree: layer ${l} of ${depth} with ${point.length} coordinates`);
    const source = this.take(l);
    const at = point.map(mod);
    const factor = mod(lambda);
    const rounds: LayerRounds = new LayerRounds(device, source, at, factor, claimOf(this.known, at, factor), (known) => {
      this.open.delete(rounds);
      this.known = known;
    });
    this.open.add(rounds);
    return rounds;
  }

  /** The cells of a layer; layers before it are given up. */
  private take(l: number): Source {
    const { device, leaves, layers, depth } = this;
    const region = layers[l + 1];
    const level = depth - 1 - l;
    if (!leaves || (!region && level > 1)) throw new Error(`fraction tree: layer ${l} is not there; layers are asked for in order`);
    const source = region ? storedCells(device, region, this.nodes(l + 1) / 2) : leafCells(device, leaves, level);
    layers[l + 1] = null;
    device.memory.release(...layers.slice(0, l + 1).filter((below) => below !== null));
    layers.fill(null, 0, l + 1);
    if (level === 0) this.giveUpLeaves();
    return source;
  }

  private giveUpLeaves(): void {
    this.leaves?.release();
    this.leaves = null;
  }

  free(): void {
    for (const rounds of this.open) rounds.free();
    this.open.clear();
    this.device.memory.release(...this.layers.filter((region) => region !== null));
    this.layers.fill(null);
    this.giveUpLeaves();
  }
}
