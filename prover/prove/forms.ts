/** FORMS and functionals on the prover's side: tables of every form's sumcheck, kernels of OPENING. The statement is in verifier/protocol/forms.ts. */
import { RunMachine, toFelts, fromFelts } from '../../verifier/protocol/machine.ts';
import { dimTable, viewScale, type Point } from '../../verifier/protocol/kernel.ts';
import type { Term } from '../../verifier/protocol/forms.ts';
import type { Compiled, Dim, FactorPlan, FormPlan, ViewPlan } from '../../verifier/program/compile.ts';
import { bitsOf, type Var } from '../../verifier/program/types.ts';
import type { Backend, Cells, ContractDim, FieldVector } from '../backend/types.ts';

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

/** K_P += weight · kernel of every term, for the polynomials in `kernels`. */
export async function addTerms(
  backend: Backend,
  kernels: ReadonlyMap<string, FieldVector>,
  terms: readonly Term[],
  weight: bigint,
  proof: number,
): Promise<void> {
  for (const t of terms) {
    const { view, point } = t;
    const scale = fromFelts([o.mul(o.mul(o.felt(weight), t.weight), viewScale(o, view, point))])[0] as bigint;
    const dims = view.dims.map((d) => weightsOf(d, point, proof));
    const out = kernels.get(view.placed.tensor.poly) as FieldVector;
    await backend.accumulateOuter(
      out,
      view.placed.offset,
      dims,
      view.dims.map((d) => d.bits),
      scale,
      view.causal,
    );
  }
}

/** eq of a table's block as a kernel of its multiplicities. */
export async function addMultiplicity(
  backend: Backend,
  out: FieldVector,
  table: Compiled['tables'][number],
  local: readonly bigint[],
  scale: bigint,
): Promise<void> {
  const weights = local.map((x): bigint[] => fromFelts([o.sub(o.felt(1n), ...(toFelts([x]) as [never])), ...toFelts([x])]));
  await backend.accumulateOuter(
    out,
    table.multiplicity.offset,
    weights,
    weights.map(() => 1),
    scale,
  );
}
