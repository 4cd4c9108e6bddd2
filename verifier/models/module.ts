/**
 * LoRA modules on their own, Δ = rescale(scaling·B·u) with u = rescale(A·x), as a program without training steps: the adapter and the
 * inputs are committed before the proof (they stand in the place of the state-in rows, as a hidden card's content does in its range
 * proof), u and Δ are the witness. Every value is looked up in its width. `verifyInputs` checks its proof.
 *
 * Sizes that are no powers of two are cut into pieces that are, so that next to nothing is padding; tensors of one piece are named
 * `A`, `B`, `x`, `delta`, of several `A.0`, `A.1`, …. Shapes: A [module, rank, in], B [module, out, rank], x [module, token, in], u [module,
 * token, rank], delta [module, token, out]: modules of one shape share a proof, whose size and verification grow with the root of their number.
 */
import { bundleBytes } from '../bundle.ts';
import { compile } from '../program/compile.ts';
import { bitsOf, type Program, type Relation, type Tensor, type Var } from '../program/types.ts';
import { dyadic, expression, multiply, scaled, TensorRef, type Form } from './builder.ts';
import { variable } from './net.ts';

export interface ModuleShape {
  /** How many modules, each with inputs of its own. */
  readonly modules: number;
  readonly tokens: number;
  readonly in: number;
  readonly rank: number;
  readonly out: number;
}

export interface ModuleRecipe extends ModuleShape {
  /** Declared width of every signed value. */
  readonly bits: number;
  /** alpha / rank. */
  readonly scaling: number;
  /** Public exponents: value = integer / 2^f. */
  readonly exponents: { readonly x: number; readonly A: number; readonly B: number; readonly u: number; readonly delta: number };
}

/** An interval of an axis, with its variable. */
export interface Piece {
  readonly from: number;
  readonly size: number;
  readonly suffix: string;
}

/** Most of an axis that may be padding, as a fraction of it. */
const PADDING = 1 / 16;

/** Powers of two that add up to n, largest first; a small rest is left to padding in the last piece. */
export function pieces(n: number): Piece[] {
  const sizes: number[] = [];
  for (let rest = n; rest > 0; rest -= sizes.at(-1) as number)
    sizes.push(2 ** bitsOf(rest) - rest <= PADDING * n ? rest : 2 ** (bitsOf(rest + 1) - 1));
  let from = 0;
  return sizes.map((size, i) => {
    const piece = { from, size, suffix: sizes.length === 1 ? '' : `.${i}` };
    from += size;
    return piece;
  });
}

/** Bits that a rescaling's remainder has; the exponents must leave at least one, and at most as many as one look-up takes. */
export function shiftsOf(r: ModuleRecipe): { readonly u: number; readonly delta: number } {
  const { x, A, B, u, delta } = r.exponents;
  return { u: x + A - u, delta: dyadic(r.scaling).f + B + u - delta };
}

function checkModule(r: ModuleRecipe): void {
  const fail = (field: string, why: string): never => {
    throw new Error(`module.${field}: ${why}`);
  };
  for (const k of ['modules', 'tokens', 'in', 'rank', 'out'] as const)
    if (!Number.isInteger(r[k]) || r[k] < 1 || r[k] > 65536) fail(k, `${r[k]} is not a whole number from 1 to 65536`);
  if (!Number.isInteger(r.bits) || r.bits < 2 || r.bits > 16) fail('bits', `${r.bits} is not a whole number from 2 to 16`);
  for (const [name, shift] of Object.entries(shiftsOf(r)))
    if (!(shift >= 1 && shift <= 16)) fail(`exponents.${name}`, `a remainder of ${shift} bits; choose exponents that give 1 to 16`);
}

/** The program of modules. Columns are those that make its proof smallest. Errors name the field. */
export function buildModule(r: ModuleRecipe): Program {
  checkModule(r);
  const tensors: Tensor[] = [];
  const relations: Relation[] = [];
  const tensor = (poly: 'inputs' | 'witness', name: keyof ModuleRecipe['exponents'], suffix: string, axes: readonly Var[]): TensorRef => {
    const t: Tensor = { name: `${name}${suffix}`, poly, axes, bits: r.bits, signed: true, f: r.exponents[name], range: 'leaf' };
    tensors.push(t);
    return new TensorRef(t, 0);
  };
  const module = variable('module', r.modules);
  const token = variable('token', r.tokens);
  const rank = variable('rank', r.rank);
  const rescale = (out: TensorRef, on: readonly Var[], forms: readonly Form[]): void => {
    const { expr, f } = expression(forms);
    relations.push({ kind: 'rescale', on: { vars: on }, out: out.view(...on), expr, shift: f - out.f });
  };

  const u = tensor('witness', 'u', '', [module, token, rank]);
  const products = pieces(r.in).map(({ size, suffix }) => {
    const k = variable('in', size);
    const [x, A] = [tensor('inputs', 'x', suffix, [module, token, k]), tensor('inputs', 'A', suffix, [module, rank, k])];
    return multiply([k], x.at(module, token, k), A.at(module, rank, k));
  });
  rescale(u, [module, token, rank], products);
  for (const { size, suffix } of pieces(r.out)) {
    const o = variable('out', size);
    const B = tensor('inputs', 'B', suffix, [module, o, rank]);
    const delta = tensor('witness', 'delta', suffix, [module, token, o]);
    rescale(delta, [module, token, o], [scaled(multiply([rank], u.at(module, token, rank), B.at(module, o, rank)), dyadic(r.scaling))]);
  }
  const program = (columns: number): Program => ({
    version: 1,
    name: 'lora modules',
    schedule: { steps: 1, perProof: 1 },
    columns,
    polys: [
      { name: 'witness', role: 'witness', hidden: false },
      { name: 'inputs', role: 'stateIn', hidden: false },
    ],
    tensors,
    tables: [],
    relations,
    constants: {},
  });
  const sizes = Array.from({ length: 10 }, (_, i) => i + 4).map((columns) => ({ columns, bytes: bundleBytes(compile(program(columns))) }));
  return program(sizes.reduce((a, b) => (b.bytes <= a.bytes ? b : a)).columns);
}
