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

/** Counts by part; `tables` are the rows of look-up tables with their multiplicities. */
export function countParts(c: Compiled): Readonly<Record<Part, PartCount>> {
  const out = Object.fromEntries(PARTS.map((p) => [p, { cells: 0, leaves: 0 }])) as Record<Part, PartCount>;
  const ofSource = (source: Compiled['leaves'][number]['source']): Part =>
    partOf(source.kind === 'tensor' ? ownerOf(source.tensor) : outputOf(c.program.relations[source.relation] as Relation));
  const limbs = new Map(c.limbs.map((l) => [l.tensor.name, l]));
  const ownerOf = (tensor: string): string => {
    const limb = limbs.get(tensor);
    if (limb === undefined) return tensor;
    return limb.source.kind === 'tensor' ? limb.source.tensor : outputOf(c.program.relations[limb.source.relation] as Relation);
  };
  const witness = c.polys.find((p) => p.role === 'witness');
  for (const { tensor } of witness?.tensors ?? []) {
    if (tensor.name.startsWith('multiplicity/')) continue;
    const vars = tensor.axes.map((a, i) => ({ name: String(i), size: a.size }));
    const on: Domain = tensor.causal ? { vars, causal: [String(tensor.causal[0]), String(tensor.causal[1])] } : { vars };
    out[partOf(ownerOf(tensor.name))].cells += domainCells(on);
  }
  for (const leaf of c.leaves) out[ofSource(leaf.source)].leaves += domainCells(leaf.on);
  for (const t of c.tables) {
    out.tables.cells += 2 ** t.bits;
    out.tables.leaves += 2 ** t.bits;
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
