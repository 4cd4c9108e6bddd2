/**
 * From the trainer's walk to what the prover commits and looks up: polynomials' cells, leaf values, limbs, multiplicities.
 * Pads are 0. Leaf values are dense over the sizes of their domain's variables.
 */
import { leafRows, onDomain } from '../backend/leaf-domain.ts';
import type { Cells, CellSource, LeafBlock, LeafCells, LeafDomain } from '../backend/types.ts';
import { deliveredLimb } from '../../verifier/delivery/cells.ts';
import type { Compiled, LeafPlan, Placed } from '../../verifier/program/compile.ts';
import { placeContent } from '../../verifier/public-content.ts';
import type { LeafSource } from '../../verifier/program/lower.ts';
import type { Domain } from '../../verifier/program/types.ts';

/** The walk of one proof's steps: tensors dense over their axes' sizes, and leaf values by relation (see the trainer). */
export interface Walk {
  readonly tensors: ReadonlyMap<string, Cells>;
  readonly leaves: readonly (readonly WalkedLeaf[])[];
}

/** Values of a relation's leaf; bigints where some are beyond doubles. */
type WalkedLeaf = LeafCells | BigInt64Array;

/** A leaf block's domain and values. */
export type LeafWitness = Pick<LeafBlock, 'domain' | 'values'>;

export interface Witness {
  /** Cells of every polynomial, by name; fixed ones may come from a source. */
  readonly polys: ReadonlyMap<string, Cells | CellSource>;
  readonly leaves: readonly LeafWitness[];
  /** By table: how often each row is looked up. */
  readonly multiplicities: readonly Float64Array[];
}

const LIMB_BITS = 16;
const LIMB = 2 ** LIMB_BITS;

const domainOf = ({ vars, causal }: Domain): LeafDomain => {
  const sizes = vars.map((v) => v.size);
  if (!causal) return { sizes };
  const [i, j] = causal.map((name) => vars.findIndex((v) => v.name === name)) as [number, number];
  return { sizes, causal: [i, j] };
};

/** The polynomials of fixed content and state, from dense tensors by name. */
export function placeTensors(placed: readonly Placed[], tensors: ReadonlyMap<string, ArrayLike<number>>, bits: number): Cells {
  const cells = placeContent({ tensors: placed, bits }, Object.fromEntries(tensors));
  if (!(cells instanceof Float64Array))
    for (const p of placed) checkFit(p.tensor.name, tensors.get(p.tensor.name) as ArrayLike<number>, cells);
  for (const p of placed) if (p.tensor.causal) clearAbove(p, cells);
  return cells;
}

/** Throws if a value does not fit the cells' array, which would wrap it. */
function checkFit(name: string, values: ArrayLike<number>, { BYTES_PER_ELEMENT }: Cells): void {
  const limit = 2 ** (8 * BYTES_PER_ELEMENT - 1);
  for (let i = 0; i < values.length; i++) {
    const v = values[i] as number;
    if (v < -limit || v >= limit) throw new Error(`tensor ${name}: value ${v} in cell ${i} does not fit its width`);
  }
}

/** Zeroes the cells of a causal tensor outside its domain. */
function clearAbove({ tensor, offset }: Placed, cells: Cells): void {
  const domain: LeafDomain = { sizes: tensor.axes.map((a) => a.size), ...(tensor.causal ? { causal: tensor.causal } : {}) };
  const inside = onDomain(domain) ?? (() => true);
  const { length, starts } = leafRows(domain);
  starts.forEach((start, row) => {
    for (let i = 0; i < length; i++) if (!inside(row * length + i)) cells[offset + start + i] = 0;
  });
}

/** Values of a leaf source, before limbs are taken off. */
function sourceValues(source: LeafSource, walk: Walk, domain: LeafDomain, tensors: ReadonlyMap<string, Cells>): WalkedLeaf {
  if (source.kind === 'relation') {
    const dense = walk.leaves[source.relation]?.[source.leaf];
    if (!dense) throw new Error(`the walk has no value ${source.leaf} of relation ${source.relation}`);
    return dense;
  }
  const dense = tensors.get(source.tensor);
  if (!dense) throw new Error(`tensor ${source.tensor} has no content`);
  const add = Number(source.add);
  let largest = 0;
  for (let c = 0; c < dense.length; c++) largest = Math.max(largest, Math.abs(dense[c] as number));
  const out = largest + add < 2 ** 31 ? new Int32Array(dense.length) : new Float64Array(dense.length);
  const inside = onDomain(domain);
  for (let c = 0; c < out.length; c++) if (inside === null || inside(c)) out[c] = (dense[c] as number) + add;
  return out;
}

/** Builds the witness of one proof. `fixed`: cells of fixed polynomials (shared by all proofs). */
export function buildWitness(c: Compiled, walk: Walk, fixed: ReadonlyMap<string, Cells | CellSource>): Witness {
  const tensors = new Map(walk.tensors);
  const domains = c.leaves.map((leaf) => domainOf(leaf.on));
  const wide = new Map<string, WalkedLeaf>();
  const rawOf = (leaf: LeafPlan, domain: LeafDomain, value: number): WalkedLeaf => {
    const source = leaf.source.kind === 'relation' ? { ...leaf.source, leaf: leaf.source.leaf + value } : leaf.source;
    return sourceValues(source, walk, domain, tensors);
  };
  // Wide leaves first: their limbs are tensors that further leaves range.
  c.leaves.forEach((leaf, i) => {
    if (leaf.limbs > 0) wide.set(leaf.name, rawOf(leaf, domains[i] as LeafDomain, 0));
  });
  for (const limb of c.limbs) {
    const owner = limb.tensor.name.slice(0, limb.tensor.name.lastIndexOf('/limb'));
    tensors.set(limb.tensor.name, limbOf(wide.get(owner) as WalkedLeaf, limb.index));
  }
  for (const { tensor, state, index } of c.delivered)
    tensors.set(tensor.name, deliveredLimb(tensor, state, index, tensors.get(state.name) as Cells));
  const leaves = c.leaves.map((leaf, i): LeafWitness => {
    const domain = domains[i] as LeafDomain;
    const raw = wide.get(leaf.name);
    if (raw) return { domain, values: [above(raw, leaf.limbs)] };
    return { domain, values: leaf.values.map((_, k) => narrow(leaf, rawOf(leaf, domain, k))) };
  });
  const multiplicities = count(c, leaves);
  c.tables.forEach((t, i) => tensors.set(t.multiplicity.tensor.name, multiplicities[i] as Float64Array));
  const polys = new Map<string, Cells | CellSource>(fixed);
  for (const p of c.polys) if (p.role !== 'fixed') polys.set(p.name, placeTensors(p.tensors, tensors, p.bits));
  return { polys, leaves, multiplicities };
}

/** What is left of values without their lowest limbs, one or more. */
function above(raw: WalkedLeaf, limbs: number): Float64Array {
  const out = new Float64Array(raw.length);
  if (raw instanceof BigInt64Array) {
    const words = new Int32Array(raw.buffer, raw.byteOffset, 2 * raw.length);
    for (let i = 0; i < out.length; i++) {
      const [low, high] = [words[2 * i] as number, words[2 * i + 1] as number];
      out[i] = limbs === 1 ? high * LIMB + (low >>> LIMB_BITS) : high >> (LIMB_BITS * (limbs - 2));
    }
    return out;
  }
  const unit = LIMB ** limbs;
  for (let i = 0; i < out.length; i++) out[i] = Math.floor((raw[i] as number) / unit);
  return out;
}

function limbOf(raw: WalkedLeaf, index: number): Int32Array {
  const out = new Int32Array(raw.length);
  if (raw instanceof BigInt64Array) {
    const words = new Uint16Array(raw.buffer, raw.byteOffset, 4 * raw.length);
    for (let i = 0; i < out.length; i++) out[i] = words[4 * i + index] as number;
    return out;
  }
  const unit = LIMB ** index;
  for (let i = 0; i < out.length; i++) {
    const high = Math.floor((raw[i] as number) / unit);
    out[i] = high - Math.floor(high / LIMB) * LIMB;
  }
  return out;
}

function narrow(leaf: LeafPlan, raw: WalkedLeaf): LeafCells {
  if (raw instanceof BigInt64Array) throw new Error(`leaf ${leaf.name} has values of 2^53 and more, but no limbs`);
  return raw;
}

function count(c: Compiled, leaves: readonly LeafWitness[]): Float64Array[] {
  const tables = new Map(c.tables.map((t, i) => [t.id, i]));
  const out = c.tables.map((t) => new Float64Array(2 ** t.bits));
  leaves.forEach((leaf, i) => {
    const plan = c.leaves[i] as LeafPlan;
    const table = tables.get(plan.id);
    if (table === undefined) throw new Error(`leaf ${plan.name} looks into table ${plan.id}, which the program does not have`);
    const counts = out[table] as Float64Array;
    const lo = (c.tables[table] as { lo: number }).lo;
    tally(leaf.values[0] as LeafCells, lo, onDomain(leaf.domain), counts);
  });
  return out;
}

/** Counts the rows that entries on the domain look up. */
function tally(x: LeafCells, lo: number, inside: ((cell: number) => boolean) | null, counts: Float64Array): void {
  for (let k = 0; k < x.length; k++) {
    if (inside !== null && !inside(k)) continue;
    const row = (x[k] as number) - lo;
    // An entry outside the table cannot be counted; the proof would fail, which is what a lying prover gets.
    if (row >= 0 && row < counts.length) counts[row] = (counts[row] as number) + 1;
  }
}
