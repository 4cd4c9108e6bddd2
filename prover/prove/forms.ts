/** FORMS and functionals on the prover's side: tables of every form's sumcheck, kernels of OPENING. The statement is in verifier/protocol/forms.ts. */
import { mod } from '../../verifier/field.ts';
import { RunMachine, fromFelts, type Felt } from '../../verifier/protocol/machine.ts';
import { indexBits } from '../../verifier/protocol/algebra.ts';
import { dimTable, viewScale, type Point } from '../../verifier/protocol/kernel.ts';
import type { Term } from '../../verifier/protocol/forms.ts';
import type { Dim, FactorPlan, FormPlan, ViewPlan } from '../../verifier/program/compile.ts';
import { bitsOf, type Var } from '../../verifier/program/types.ts';
import type { Backend, Cells, ContractDim, FieldVector, FormFactor } from '../backend/types.ts';
import type { KernelTerm } from './opening.ts';

const o = new RunMachine();
const widthOf = (vars: readonly Var[]): number => vars.reduce((n, v) => n + bitsOf(v.size), 0);

/** Weights of a dim at a point, as canonical integers. */
const weightsOf = (dim: Dim, point: Point, proof: number): readonly bigint[] =>
  fromFelts(dimTable(o, dim, point, indexBits(o, proof, dim.bits)));

/** The table of a factor over its own sumcheck variables, the other variables bound at `point`. */
async function factorTable(
  backend: Backend,
  cells: ReadonlyMap<string, Cells>,
  factor: FactorPlan,
  point: Point,
  proof: number,
): Promise<FieldVector> {
  const strides = new Map<string, number>();
  let stride = 2 ** widthOf(factor.vars);
  const length = stride;
  for (const v of factor.vars) strides.set(v.name, (stride /= 2 ** bitsOf(v.size)));
  const integers = integerTable(cells, factor, strides, length, proof);
  if (integers !== null) return backend.fromInts(integers);
  const out = backend.zeros(length);
  for (const view of factor.views) await addView(backend, cells, view, strides, point, proof, out);
  return out;
}

/** Values whose products with one another a backend may take as they are. */
const SMALL = 2 ** 47;

/** The table of a factor of which every cell is a cell of a tensor, times an integer: nothing is summed. Null for any other, or for large values. */
function integerTable(
  cells: ReadonlyMap<string, Cells>,
  factor: FactorPlan,
  strides: ReadonlyMap<string, number>,
  length: number,
  proof: number,
): Float64Array | null {
  const plain = (v: ViewPlan): boolean =>
    v.when.every((w) => strides.has(w.var)) && v.dims.every((d) => (d.kind === 'var' ? strides.has(d.var) : d.kind !== 'reduce'));
  if (!factor.views.every(plain)) return null;
  const out = new Float64Array(length);
  for (const { coef, placed, dims, causal, when } of factor.views) {
    const poly = cells.get(placed.tensor.poly) as Cells;
    const scale = Number(coef);
    const y = dims.map(() => 0);
    const add = (d: number, from: number, to: number, stride: number): void => {
      const dim = dims[d];
      if (dim === undefined) {
        out[to] = (out[to] as number) + scale * (poly[from] as number);
        return;
      }
      const own = stride / 2 ** dim.bits;
      let [first, end, step] = [0, 2 ** dim.bits, 0];
      if (dim.kind === 'var') {
        [first, end] = [Math.max(0, dim.shift), Math.min(end, dim.size, dim.varSize + dim.shift)];
        step = strides.get(dim.var) as number;
        to -= dim.shift * step;
      } else {
        first = dim.kind === 'at' ? dim.at : proof % end;
        end = first + 1;
      }
      // Cells above the diagonal count 0: the later of the two dims is held to its side of the other.
      if (causal !== undefined && d === Math.max(...causal)) {
        const other = y[Math.min(...causal)] as number;
        if (d === causal[1]) end = Math.min(end, other + 1);
        else first = Math.max(first, other);
      }
      if (d < dims.length - 1) {
        for (let k = first; k < end; k++) {
          y[d] = k;
          add(d + 1, from + k * own, to + k * step, own);
        }
        return;
      }
      for (let k = first; k < end; k++) out[to + k * step] = (out[to + k * step] as number) + scale * (poly[from + k] as number);
    };
    const selected = when.reduce((at, w) => at + w.is * (strides.get(w.var) as number), 0);
    add(0, placed.offset, selected, 2 ** placed.bits);
  }
  let largest = 0;
  for (let i = 0; i < length; i++) largest = Math.max(largest, Math.abs(out[i] as number));
  return largest < SMALL ? out : null;
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

/** The factors of a form's product over its sumcheck variables, and the point of its batch variables' eq. */
export async function formFactors(
  backend: Backend,
  cells: ReadonlyMap<string, Cells>,
  f: FormPlan,
  point: Point,
  proof: number,
): Promise<{ factors: FormFactor[]; point: bigint[] }> {
  const factors: FormFactor[] = [];
  for (const factor of f.factors) {
    const own = new Set(factor.vars.map((v) => v.name));
    const on = f.vars.flatMap((v) => new Array<boolean>(bitsOf(v.size)).fill(own.has(v.name)));
    factors.push({ table: await factorTable(backend, cells, factor, point, proof), on });
  }
  return { factors, point: fromFelts(f.batch.flatMap((v) => [...(point.get(v.name) as readonly Felt[])])) };
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
