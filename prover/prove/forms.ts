/** FORMS and functionals on the prover's side: tables of every form's sumcheck, kernels of OPENING. The statement is in verifier/protocol/forms.ts. */
import { mod } from '../../verifier/field.ts';
import { RunMachine, fromFelts } from '../../verifier/protocol/machine.ts';
import { dimTable, viewScale, type Point } from '../../verifier/protocol/kernel.ts';
import type { Term } from '../../verifier/protocol/forms.ts';
import type { Dim, FactorPlan, FormPlan, ViewPlan } from '../../verifier/program/compile.ts';
import { bitsOf, type Var } from '../../verifier/program/types.ts';
import type { Backend, Cells, ContractDim, FieldVector } from '../backend/types.ts';
import type { KernelTerm } from './opening.ts';

const o = new RunMachine();
const widthOf = (vars: readonly Var[]): number => vars.reduce((n, v) => n + bitsOf(v.size), 0);

/** Weights of a dim at a point, as canonical integers. */
const weightsOf = (dim: Dim, point: Point, proof: number): readonly bigint[] => fromFelts(dimTable(o, dim, point, proof));

/** The table of a factor over its own sumcheck variables, the other variables bound at `point`. */
async function factorTable(
  backend: Backend,
  cells: ReadonlyMap<string, Cells>,
  factor: FactorPlan,
  point: Point,
  proof: number,
): Promise<FieldVector> {
  const out = backend.zeros(2 ** widthOf(factor.vars));
  const strides = new Map<string, number>();
  let stride = out.length;
  for (const v of factor.vars) strides.set(v.name, (stride /= 2 ** bitsOf(v.size)));
  for (const view of factor.views) await addView(backend, cells, view, strides, point, proof, out);
  return out;
}

async function addView(
  backend: Backend,
  cells: ReadonlyMap<string, Cells>,
  view: ViewPlan,
  strides: ReadonlyMap<string, number>,
  point: Point,
  proof: number,
  out: FieldVector,
): Promise<void> {
  const poly = cells.get(view.placed.tensor.poly) as Cells;
  const dims = view.dims.map((d): ContractDim => {
    if (d.kind === 'var' && strides.has(d.var))
      return { bits: d.bits, kind: 'keep', size: d.size, shift: -d.shift, limit: d.varSize, stride: strides.get(d.var) as number };
    return { bits: d.bits, kind: 'sum', weights: weightsOf(d, point, proof) };
  });
  // A kept variable on which the view is conditioned is one fixed output index: a keep dimension of no bits, shifted there.
  const bound = view.when.filter((w) => !strides.has(w.var));
  for (const w of view.when) {
    const s = strides.get(w.var);
    if (s !== undefined) dims.unshift({ bits: 0, kind: 'keep', size: 1, shift: w.is, limit: w.size, stride: s });
  }
  const shift = dims.length - view.dims.length;
  const causal = view.causal && ([view.causal[0] + shift, view.causal[1] + shift] as const);
  const scale = fromFelts([viewScale(o, { ...view, when: bound }, point)])[0] as bigint;
  await backend.contract({ cells: poly, offset: view.placed.offset, ...(causal ? { causal } : {}) }, dims, scale, out);
}

/** The tables of a form's product, over all its sumcheck variables: eq of the batch variables (if any), then the factors. */
export async function formTables(
  backend: Backend,
  cells: ReadonlyMap<string, Cells>,
  f: FormPlan,
  point: Point,
  proof: number,
): Promise<FieldVector[]> {
  const tables: FieldVector[] = [];
  const batch = fromFelts(f.batch.flatMap((v) => [...(point.get(v.name) as never[])]));
  const sumBits = f.rounds - batch.length;
  if (batch.length > 0) {
    const eq = await backend.eqTable(batch, 1n);
    tables.push(
      await widen(backend, eq, [
        { bits: batch.length, stride: 1 },
        { bits: sumBits, stride: 0 },
      ]),
    );
  }
  for (const factor of f.factors) {
    const table = await factorTable(backend, cells, factor, point, proof);
    const own = new Set(factor.vars.map((v) => v.name));
    let stride = table.length;
    const dims = f.vars.map((v) => {
      const bits = bitsOf(v.size);
      if (!own.has(v.name)) return { bits, stride: 0 };
      stride /= 2 ** bits;
      return { bits, stride };
    });
    tables.push(await widen(backend, table, dims));
  }
  return tables;
}

async function widen(backend: Backend, v: FieldVector, dims: readonly { bits: number; stride: number }[]): Promise<FieldVector> {
  const cells = dims.reduce((n, d) => n * 2 ** d.bits, 1);
  if (cells === v.length) return v;
  const out = await backend.expand(
    v,
    dims.filter((d) => d.bits > 0),
  );
  backend.free(v);
  return out;
}

/** Kernels of OPENING by polynomial, as sums of products. */
export class Kernels {
  private readonly proof: number;
  private readonly byPoly = new Map<string, KernelTerm[]>();
  /** Weights of dims: many terms are read at one point, and equal lists are then one. */
  private readonly weights = new Map<string, readonly bigint[]>();

  constructor(proof: number) {
    this.proof = proof;
  }

  of(poly: string): readonly KernelTerm[] {
    return this.byPoly.get(poly) ?? [];
  }

  /** Adds weight · kernel of every term. */
  addTerms(terms: readonly Term[], weight: bigint): void {
    for (const { view, point, weight: own } of terms) {
      const [scale] = fromFelts([o.mul(o.mul(o.felt(weight), own), viewScale(o, view, point))]) as [bigint];
      const dims = view.dims.map((d) => ({ bits: d.bits, weights: this.weightsOf(d, point) }));
      const { placed, causal } = view;
      this.add(placed.tensor.poly, { offset: placed.offset, dims, scale, ...(causal ? { causal } : {}) });
    }
  }

  /** Adds scale · eq(point, ·) on a block of 2^(length of point) cells. */
  addEq(poly: string, offset: number, point: readonly bigint[], scale: bigint): void {
    this.add(poly, { offset, dims: point.map((x) => ({ bits: 1, weights: [mod(1n - x), x] })), scale });
  }

  private add(poly: string, term: KernelTerm): void {
    this.byPoly.set(poly, [...this.of(poly), term]);
  }

  private weightsOf(dim: Dim, point: Point): readonly bigint[] {
    const key = JSON.stringify(dim.kind === 'var' ? { ...dim, var: fromFelts(point.get(dim.var) ?? []).join() } : dim);
    const list = this.weights.get(key) ?? weightsOf(dim, point, this.proof);
    this.weights.set(key, list);
    return list;
  }
}
