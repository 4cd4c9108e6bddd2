/**
 * From the trainer's walk to what the prover commits and looks up: polynomials' cells, leaf values, limbs, multiplicities.
 * Pads are 0. Values are exact integers in Float64Arrays.
 */
import type { Cells } from '../backend/types.ts';
import type { Compiled, LeafPlan, Placed } from '../../verifier/program/compile.ts';
import { placeContent, scatter } from '../../verifier/public-content.ts';
import type { LeafSource } from '../../verifier/program/lower.ts';
import type { Domain } from '../../verifier/program/types.ts';

/** The walk of one proof's steps: tensors dense over their axes' sizes, and leaf values by relation (see the trainer). */
export interface Walk {
  readonly tensors: ReadonlyMap<string, Cells>;
  readonly leaves: readonly (readonly Float64Array[])[];
}

export interface LeafWitness {
  readonly domain: Uint8Array;
  readonly values: readonly Float64Array[];
}

export interface Witness {
  /** Cells of every polynomial, by name. */
  readonly polys: ReadonlyMap<string, Cells>;
  readonly leaves: readonly LeafWitness[];
  /** By table: how often each row is looked up. */
  readonly multiplicities: readonly Float64Array[];
}

const LIMB = 2 ** 16;

const sizesOf = (on: Domain): number[] => on.vars.map((v) => v.size);

/** 1 on the domain, 0 elsewhere, in the padded layout. */
function domainMask(on: Domain, bits: number): Uint8Array {
  const count = on.vars.reduce((n, v) => n * v.size, 1);
  const dense = new Uint8Array(count).fill(1);
  if (on.causal) {
    const [i, j] = on.causal.map((name) => on.vars.findIndex((v) => v.name === name)) as [number, number];
    const stride = (d: number): number => on.vars.slice(d + 1).reduce((n, v) => n * v.size, 1);
    const [si, sj, size] = [stride(i), stride(j), (on.vars[i] as { size: number }).size];
    for (let c = 0; c < count; c++) if (Math.floor(c / sj) % size > Math.floor(c / si) % size) dense[c] = 0;
  }
  const padded = new Float64Array(2 ** bits);
  scatter(dense, sizesOf(on), padded, 0);
  return Uint8Array.from(padded);
}

const DOMAINS = new WeakMap<Compiled, readonly Uint8Array[]>();

/** The masks of all leaves; the same in every proof of a run. */
function domainsOf(c: Compiled): readonly Uint8Array[] {
  let masks = DOMAINS.get(c);
  if (masks === undefined) DOMAINS.set(c, (masks = c.leaves.map((leaf) => domainMask(leaf.on, leaf.bits))));
  return masks;
}

/** The polynomials of fixed content and state, from dense tensors by name. */
export function placeTensors(placed: readonly Placed[], tensors: ReadonlyMap<string, ArrayLike<number>>, bits: number): Cells {
  const cells = placeContent({ tensors: placed, bits }, Object.fromEntries(tensors));
  for (const p of placed) if (p.tensor.causal) clearAbove(p, cells);
  return cells;
}

/** Zeroes the cells of a causal tensor outside its domain. */
function clearAbove(p: Placed, cells: Cells): void {
  const vars = p.tensor.axes.map((a, i) => ({ name: String(i), size: a.size }));
  const [i, j] = p.tensor.causal as readonly [number, number];
  const mask = domainMask({ vars, causal: [String(i), String(j)] }, p.bits);
  for (let c = 0; c < mask.length; c++) if (!mask[c]) cells[p.offset + c] = 0;
}

/** Raw values of a leaf source over the padded block, before limbs are taken off. */
function sourceValues(
  source: LeafSource,
  walk: Walk,
  on: Domain,
  bits: number,
  domain: Uint8Array,
  tensors: ReadonlyMap<string, Cells>,
): Float64Array {
  const out = new Float64Array(2 ** bits);
  if (source.kind === 'relation') {
    const dense = walk.leaves[source.relation]?.[source.leaf];
    if (!dense) throw new Error(`the walk has no value ${source.leaf} of relation ${source.relation}`);
    scatter(dense, sizesOf(on), out, 0);
    return out;
  }
  const dense = tensors.get(source.tensor);
  if (!dense) throw new Error(`tensor ${source.tensor} has no content`);
  scatter(dense, sizesOf(on), out, 0);
  const add = Number(source.add);
  for (let c = 0; c < out.length; c++) out[c] = domain[c] ? (out[c] as number) + add : 0;
  return out;
}

/** Builds the witness of one proof. `fixed`: cells of fixed polynomials (shared by all proofs). */
export function buildWitness(c: Compiled, walk: Walk, fixed: ReadonlyMap<string, Cells>): Witness {
  const tensors = new Map(walk.tensors);
  const wide = new Map<string, Float64Array>();
  const rawOf = (leaf: LeafPlan, domain: Uint8Array, value: number): Float64Array => {
    const source = leaf.source.kind === 'relation' ? { ...leaf.source, leaf: leaf.source.leaf + value } : leaf.source;
    return sourceValues(source, walk, leaf.on, leaf.bits, domain, tensors);
  };
  const domains = domainsOf(c);
  // Wide leaves first: their limbs are tensors that further leaves range.
  c.leaves.forEach((leaf, i) => {
    if (leaf.limbs > 0) wide.set(leaf.name, rawOf(leaf, domains[i] as Uint8Array, 0));
  });
  for (const limb of c.limbs) {
    const owner = limb.tensor.name.slice(0, limb.tensor.name.lastIndexOf('/limb'));
    const raw = wide.get(owner) as Float64Array;
    const sizes = limb.tensor.axes.map((a) => a.size);
    tensors.set(
      limb.tensor.name,
      gather(raw, sizes, (v) => limbOf(v, limb.index)),
    );
  }
  const leaves = c.leaves.map((leaf, i): LeafWitness => {
    const domain = domains[i] as Uint8Array;
    const raw = wide.get(leaf.name);
    if (raw) return { domain, values: [raw.map((v) => Math.floor(v / LIMB ** leaf.limbs))] };
    return { domain, values: leaf.values.map((_, k) => rawOf(leaf, domain, k)) };
  });
  const multiplicities = count(c, leaves);
  c.tables.forEach((t, i) => tensors.set(t.multiplicity.tensor.name, multiplicities[i] as Float64Array));
  const polys = new Map(fixed);
  for (const p of c.polys) if (p.role !== 'fixed') polys.set(p.name, placeTensors(p.tensors, tensors, p.bits));
  return { polys, leaves, multiplicities };
}

const limbOf = (v: number, index: number): number => {
  const high = Math.floor(v / LIMB ** index);
  return high - Math.floor(high / LIMB) * LIMB;
};

/** The dense array of a padded block, mapped. */
function gather(padded: Float64Array, sizes: readonly number[], f: (v: number) => number): Float64Array {
  const index = new Float64Array(padded.length).fill(-1);
  const total = sizes.reduce((n, s) => n * s, 1);
  scatter(
    Float64Array.from({ length: total }, (_, i) => i),
    sizes,
    index,
    0,
  );
  const out = new Float64Array(total);
  for (let c = 0; c < padded.length; c++) if ((index[c] as number) >= 0) out[index[c] as number] = f(padded[c] as number);
  return out;
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
    const x = leaf.values[0] as Float64Array;
    for (let k = 0; k < x.length; k++) {
      if (!leaf.domain[k]) continue;
      const row = (x[k] as number) - lo;
      // An entry outside the table cannot be counted; the proof would fail, which is what a lying prover gets.
      if (row >= 0 && row < counts.length) counts[row] = (counts[row] as number) + 1;
    }
  });
  return out;
}
