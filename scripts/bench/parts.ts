/** How a training program's work is shared between forward pass, backward pass and update, counted in cells and look-ups. */
import type { Compiled } from '../../verifier/program/compile.ts';
import type { Domain, Relation } from '../../verifier/program/types.ts';

export const PARTS = ['forward', 'backward', 'update', 'tables'] as const;
export type Part = (typeof PARTS)[number];

/** What a part commits and looks up, in one proof, without pads. */
export interface PartCount {
  cells: number;
  leaves: number;
}

/** The part of a witness tensor, by the names that builders give. */
export function partOf(tensor: string): Part {
  if (/^(lora|state)\./.test(tensor) || /\.[AB]\.(m|v|root|update)$/.test(tensor)) return 'update';
  if (/^grad\./.test(tensor) || /\.(du|dot|dot\.r2)$/.test(tensor) || /^ln_\w\.sum(\.r)?$/.test(tensor)) return 'backward';
  return 'forward';
}

/** A tensor that a relation writes; empty for an assertion. */
export const outputOf = (r: Relation): string =>
  r.kind === 'onehot' ? (r.chunks[0] as { hot: { tensor: string } }).hot.tensor : r.kind === 'assert' ? '' : r.out.tensor;

/** Indices of a domain. */
function domainCells({ vars, causal }: Domain): number {
  const all = vars.reduce((n, v) => n * v.size, 1);
  const size = causal === undefined ? 1 : (vars.find((v) => v.name === causal[0])?.size ?? 1);
  return causal === undefined ? all : (all / size ** 2) * ((size * (size + 1)) / 2);
}

/** What a tensor commits and looks up, in one proof: cells of its own, limbs of wide values, look-ups; with and without pads. */
export interface TensorCount {
  cells: number;
  limbs: number;
  padded: number;
  leaves: number;
  paddedLeaves: number;
  /** Width of its cells, then the widths (below 64) or tables of its look-ups. */
  what: string;
}

/** Counts by witness tensor; limbs and look-ups are those of the tensor that they check. `tables` are the rows of look-up tables with their multiplicities. */
export function countTensors(c: Compiled): ReadonlyMap<string, TensorCount> {
  const out = new Map<string, TensorCount>();
  const of = (name: string): TensorCount => {
    const count = out.get(name) ?? { cells: 0, limbs: 0, padded: 0, leaves: 0, paddedLeaves: 0, what: '' };
    out.set(name, count);
    return count;
  };
  const limbs = new Map(c.limbs.map((l) => [l.tensor.name, l]));
  const ownerOf = (source: Compiled['leaves'][number]['source']): string => {
    if (source.kind === 'relation') return outputOf(c.program.relations[source.relation] as Relation);
    const limb = limbs.get(source.tensor);
    return limb === undefined ? source.tensor : ownerOf(limb.source);
  };
  for (const { tensor, bits } of c.polys.find((p) => p.role === 'witness')?.tensors ?? []) {
    if (tensor.name.startsWith('multiplicity/')) continue;
    const vars = tensor.axes.map((a, i) => ({ name: String(i), size: a.size }));
    const on: Domain = tensor.causal ? { vars, causal: [String(tensor.causal[0]), String(tensor.causal[1])] } : { vars };
    const limb = limbs.get(tensor.name);
    const count = of(limb === undefined ? tensor.name : ownerOf(limb.source));
    count[limb === undefined ? 'cells' : 'limbs'] += domainCells(on);
    count.padded += 2 ** bits;
    if (limb === undefined) count.what = `${tensor.signed ? 's' : 'u'}${tensor.bits}`;
  }
  for (const leaf of c.leaves) {
    const count = of(ownerOf(leaf.source));
    count.leaves += domainCells(leaf.on);
    count.paddedLeaves += 2 ** leaf.bits;
    count.what += ` [${leaf.id}]`;
  }
  for (const t of c.tables) {
    const count = of('tables');
    for (const kind of ['cells', 'padded', 'leaves', 'paddedLeaves'] as const) count[kind] += 2 ** t.bits;
  }
  return out;
}

/** Counts by part. */
export function countParts(c: Compiled): Readonly<Record<Part, PartCount>> {
  const out = Object.fromEntries(PARTS.map((p) => [p, { cells: 0, leaves: 0 }])) as Record<Part, PartCount>;
  for (const [name, count] of countTensors(c)) {
    const part = out[name === 'tables' ? 'tables' : partOf(name)];
    part.cells += count.cells + count.limbs;
    part.leaves += count.leaves;
  }
  return out;
}

/** Sizes of a compiled program as benches report them. */
export const programSize = (c: Compiled): Readonly<Record<string, unknown>> => ({
  name: c.program.name,
  proofs: c.proofs,
  columns: 2 ** c.columns,
  polynomials: Object.fromEntries(c.polys.map((p) => [p.name, { cells: 2 ** p.bits, hidden: p.role !== 'fixed' || p.hidden }])),
  treeLeaves: 2 ** c.depth,
  forms: c.forms.length,
  equalities: c.equalities.length,
  parts: countParts(c),
});
