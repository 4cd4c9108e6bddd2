/**
 * What a view may be, what values it can take, and which cells it touches: the groundwork of the validity checks. All bounds come from
 * declared widths alone.
 */
import { ProgramError } from '../program/errors.ts';
import {
  bitsOf,
  type Domain,
  type Expr,
  type Linear,
  type Part,
  type PolyRole,
  type Product,
  type Program,
  type Tensor,
  type Var,
  type View,
} from '../program/types.ts';

/** Largest axes whose kernel the verifier sums cell by cell: shifted ones (causal ones are bounded by the tensor's), and sums with weights. */
const MAX_SUMMED = 2 ** 16;
const MAX_WEIGHTED = 2 ** 8;
/** Most intervals of indices that the parts of one axis may take. */
const MAX_PIECES = 2 ** 16;

/** A checked view belongs to a relation; errors name both. */
export interface Place {
  readonly where: string;
  readonly relation: number;
}

/** Inclusive bounds. */
export interface Interval {
  readonly lo: bigint;
  readonly hi: bigint;
}

/** The tensors of a program by name, with the role of their polynomial. */
export class Tensors {
  readonly #tensors: ReadonlyMap<string, Tensor>;
  readonly #roles: ReadonlyMap<string, PolyRole>;
  readonly proofs: number;

  constructor(program: Program) {
    this.#tensors = new Map(program.tensors.map((t) => [t.name, t]));
    this.#roles = new Map(program.polys.map((p) => [p.name, p.role]));
    this.proofs = program.schedule.steps / program.schedule.perProof;
  }

  get(name: string, at: Place): Tensor {
    const t = this.#tensors.get(name);
    if (!t) throw new ProgramError(at.where, `there is no tensor ${name}`, 'declare it', { relation: at.relation, tensor: name });
    return t;
  }

  role(t: Tensor): PolyRole {
    return this.#roles.get(t.poly) as PolyRole;
  }
}

const fail = (at: Place, view: View, what: string, cure: string): never => {
  throw new ProgramError(at.where, `the view of ${view.tensor} ${what}`, cure, { relation: at.relation, tensor: view.tensor });
};

/** Refuses a view that does not resolve over the given variables. */
export function checkView(tensors: Tensors, view: View, vars: readonly Var[], at: Place): void {
  const t = tensors.get(view.tensor, at);
  if (view.index.length !== t.axes.length)
    fail(at, view, `has ${view.index.length} indices for ${t.axes.length} axes`, 'give each axis its parts');
  const used = new Set<string>();
  const use = (name: string): Var => {
    const v = vars.find((x) => x.name === name);
    if (!v)
      return fail(at, view, `reads variable ${name}, which the relation does not have`, 'name a variable of the domain or of the sum');
    if (used.has(name)) fail(at, view, `reads variable ${name} twice`, 'copy the diagonal into a tensor of its own');
    used.add(name);
    return v;
  };
  view.index.forEach((parts, a) => {
    const axis = t.axes[a] as Tensor['axes'][number];
    if (t.causal?.includes(a) && parts.length !== 1)
      fail(at, view, `reads its causal axis ${axis.name} in parts`, 'read a causal axis by one part');
    if (parts.length === 0) fail(at, view, `has no part for axis ${axis.name}`, 'give each axis at least one part');
    const alone = parts.length === 1;
    let bits = 0;
    let last = 0;
    for (const p of parts) {
      const part = checkPart(tensors, view, p, axis, alone, use, at);
      bits += part.bits;
      last = last * 2 ** part.bits + part.last;
    }
    if (bits !== bitsOf(axis.size))
      fail(
        at,
        view,
        `gives axis ${axis.name} ${bits} bits, it has ${bitsOf(axis.size)}`,
        'make the parts’ bits add up to those of the axis',
      );
    if (!alone && last >= axis.size)
      fail(at, view, `reaches index ${last} of axis ${axis.name}, which has ${axis.size}`, 'shorten the parts or pad the axis');
  });
  for (const w of view.when ?? []) {
    const v = use(w.var);
    if (!(w.is >= 0 && w.is < v.size)) fail(at, view, `is read when ${w.var} = ${w.is}, which never happens`, 'leave the view out');
  }
}

/** Bits of a part, and the largest index that it takes. */
function checkPart(
  tensors: Tensors,
  view: View,
  p: Part,
  axis: Tensor['axes'][number],
  alone: boolean,
  use: (name: string) => Var,
  at: Place,
): { bits: number; last: number } {
  if ('var' in p) {
    const v = use(p.var);
    const shift = p.shift ?? 0;
    if (!alone && shift !== 0)
      fail(at, view, `shifts ${p.var} inside axis ${axis.name}`, 'shift only a variable that is alone on its axis');
    if (alone && (shift >= axis.size || v.size - 1 + shift < 0))
      fail(at, view, `is 0 for every ${p.var}`, 'leave the view out or correct the shift');
    if (shift !== 0 && axis.size > MAX_SUMMED)
      fail(at, view, `shifts an axis of ${axis.size} cells`, `shift axes of at most ${MAX_SUMMED}`);
    return alone ? { bits: bitsOf(axis.size), last: 0 } : { bits: bitsOf(v.size), last: v.size - 1 };
  }
  if ('at' in p) {
    if (p.at < 0 || p.at >= 2 ** p.bits || (alone && p.at >= axis.size))
      fail(at, view, `reads index ${p.at} of axis ${axis.name}`, 'choose an index of the axis');
    return { bits: p.bits, last: p.at };
  }
  if ('proof' in p) {
    if (tensors.role(tensors.get(view.tensor, at)) !== 'fixed')
      fail(at, view, 'is indexed by the proof', 'only fixed tensors are the same in every proof');
    // The low bits of the proof's index are read: every value that they take must be an entry.
    const last = Math.min(tensors.proofs, 2 ** p.bits) - 1;
    if (alone && last >= axis.size)
      fail(
        at,
        view,
        `reads entry ${last} of axis ${axis.name}, which has ${axis.size}`,
        'give the axis an entry for every proof, or a power of two of them',
      );
    return { bits: p.bits, last };
  }
  if (p.size < 1 || (alone && p.size > axis.size))
    fail(at, view, `sums ${p.size} cells of axis ${axis.name}, which has ${axis.size}`, 'sum at most the axis');
  const most = p.reduce === 'ones' ? Infinity : p.reduce === 'index' ? MAX_WEIGHTED : 128;
  if (p.size > most) fail(at, view, `weights ${p.size} cells of axis ${axis.name}`, `weight at most ${most}`);
  return { bits: bitsOf(p.size), last: p.size - 1 };
}

/** Values that a tensor's declared width allows. */
export const declared = (t: Tensor): Interval =>
  t.signed ? { lo: -(1n << BigInt(t.bits - 1)), hi: (1n << BigInt(t.bits - 1)) - 1n } : { lo: 0n, hi: (1n << BigInt(t.bits)) - 1n };

const scale = ({ lo, hi }: Interval, c: bigint): Interval => (c >= 0n ? { lo: lo * c, hi: hi * c } : { lo: hi * c, hi: lo * c });
const plus = (a: Interval, b: Interval): Interval => ({ lo: a.lo + b.lo, hi: a.hi + b.hi });
const ZERO: Interval = { lo: 0n, hi: 0n };

const reduceWeight = (p: Part): bigint => {
  if (!('reduce' in p)) return 1n;
  const n = BigInt(p.size);
  return p.reduce === 'ones' ? n : p.reduce === 'index' ? (n * (n - 1n)) / 2n : (1n << n) - 1n;
};

/** Values of a view; 0 is among them, for reading is zero-extended. */
export function viewInterval(tensors: Tensors, view: View, at: Place): Interval {
  const weight = view.index.flat().reduce((z, p) => z * reduceWeight(p), 1n);
  const { lo, hi } = scale(declared(tensors.get(view.tensor, at)), weight);
  return { lo: lo < 0n ? lo : 0n, hi: hi > 0n ? hi : 0n };
}

export const linearInterval = (tensors: Tensors, l: Linear, at: Place): Interval =>
  l.reduce((z, t) => plus(z, scale(viewInterval(tensors, t.view, at), t.coef)), ZERO);

function productInterval(tensors: Tensors, p: Product, at: Place): Interval {
  let z: Interval = { lo: 1n, hi: 1n };
  for (const f of p.factors) {
    const x = linearInterval(tensors, f, at);
    const corners = [z.lo * x.lo, z.lo * x.hi, z.hi * x.lo, z.hi * x.hi];
    z = { lo: corners.reduce((a, b) => (a < b ? a : b)), hi: corners.reduce((a, b) => (a > b ? a : b)) };
  }
  return scale(
    scale(
      z,
      p.sum.reduce((n, v) => n * BigInt(v.size), 1n),
    ),
    p.coef,
  );
}

/** Values of an expression. */
export const exprInterval = (tensors: Tensors, e: Expr, at: Place): Interval =>
  e.products.reduce(
    (z, p) => plus(z, productInterval(tensors, p, at)),
    plus({ lo: e.constant, hi: e.constant }, linearInterval(tensors, e.linear, at)),
  );

const abs = (x: bigint): bigint => (x < 0n ? -x : x);
export const magnitude = ({ lo, hi }: Interval): bigint => (abs(lo) > abs(hi) ? abs(lo) : abs(hi));

/** Σ |terms| of a linear combination. */
export const linearSum = (tensors: Tensors, l: Linear, at: Place): bigint =>
  l.reduce((z, t) => z + abs(t.coef) * magnitude(viewInterval(tensors, t.view, at)), 0n);

/** Σ |terms| of an expression: what must stay below r/4 for its value mod r to be its integer value. */
export const termSum = (tensors: Tensors, e: Expr, at: Place): bigint =>
  e.products.reduce(
    (z, p) =>
      z + abs(p.coef) * p.factors.reduce((f, l) => f * linearSum(tensors, l, at), 1n) * p.sum.reduce((n, v) => n * BigInt(v.size), 1n),
    abs(e.constant) + linearSum(tensors, e.linear, at),
  );

/** Half-open intervals, ascending and disjoint. */
export type IndexSet = readonly (readonly [number, number])[];

/** The cells that a view touches: a product of index sets, cut by the tensor's diagonal if it is causal. */
export interface Box {
  readonly axes: readonly IndexSet[];
  readonly relation: number;
}

/** Indices that the parts of one axis take over all values of their variables, cut to the axis; null where they are in too many pieces. */
function indexSet(parts: readonly Part[], size: number, vars: readonly Var[]): IndexSet | null {
  const sizeOf = (name: string): number => (vars.find((v) => v.name === name) as Var).size;
  let set: [number, number][] = [[0, 1]];
  for (const p of parts) {
    const bits = 'var' in p ? bitsOf(sizeOf(p.var)) : 'reduce' in p ? bitsOf(p.size) : p.bits;
    const from = 'var' in p ? (p.shift ?? 0) : 'at' in p ? p.at : 0;
    const to = 'var' in p ? sizeOf(p.var) + from : 'at' in p ? p.at + 1 : 'reduce' in p ? p.size : 2 ** bits;
    if (from === 0 && to === 2 ** bits) {
      set = set.map(([a, b]) => [a * 2 ** bits, b * 2 ** bits]);
      continue;
    }
    if (setSize(set) > MAX_PIECES) return null;
    set = set.flatMap(([a, b]) =>
      Array.from({ length: b - a }, (_, k): [number, number] => [(a + k) * 2 ** bits + from, (a + k) * 2 ** bits + to]),
    );
  }
  return set.map(([a, b]): [number, number] => [Math.max(0, a), Math.min(size, b)]).filter(([a, b]) => a < b);
}

export function boxOf(tensors: Tensors, view: View, vars: readonly Var[], at: Place): Box {
  const t = tensors.get(view.tensor, at);
  const axes = view.index.map((parts, a) => {
    const axis = t.axes[a] as Tensor['axes'][number];
    return (
      indexSet(parts, axis.size, vars) ??
      fail(at, view, `takes axis ${axis.name} in more than ${MAX_PIECES} pieces`, 'make the lower parts powers of two')
    );
  });
  return { axes, relation: at.relation };
}

const setSize = (s: IndexSet): number => s.reduce((n, [a, b]) => n + b - a, 0);

const setsMeet = (x: IndexSet, y: IndexSet): boolean => {
  let [i, j] = [0, 0];
  while (i < x.length && j < y.length) {
    const [a, b] = [x[i] as readonly [number, number], y[j] as readonly [number, number]];
    if (a[0] < b[1] && b[0] < a[1]) return true;
    if (a[1] <= b[1]) i++;
    else j++;
  }
  return false;
};

/** Whether two boxes of one tensor share a cell (exact but for causal tensors, whose causal axes both boxes cover whole). */
export const boxesMeet = (a: Box, b: Box): boolean => a.axes.every((s, i) => setsMeet(s, b.axes[i] as IndexSet));

/** Number of cells of a box; of a causal tensor's, both causal axes are whole. */
export function boxCells(t: Tensor, box: Box): bigint {
  return box.axes.reduce((n, s, a) => {
    const size = BigInt(setSize(s));
    if (!t.causal) return n * size;
    if (a === t.causal[0]) return (n * size * (size + 1n)) / 2n;
    return a === t.causal[1] ? n : n * size;
  }, 1n);
}

/** Number of cells of a tensor's domain. */
export const domainCells = (t: Tensor): bigint => boxCells(t, { axes: t.axes.map((a) => [[0, a.size]]), relation: -1 });

/** Whether a view is 0 above the diagonal of a domain's causal pair. */
export function vanishes(tensors: Tensors, view: View, causal: readonly [string, string], at: Place): boolean {
  const t = tensors.get(view.tensor, at);
  if (!t.causal) return false;
  return t.causal.every((axis, k) => {
    const [p, ...rest] = view.index[axis] as readonly Part[];
    return rest.length === 0 && p !== undefined && 'var' in p && p.var === causal[k] && (p.shift ?? 0) === 0;
  });
}

/** The domain without one of its variables. */
export const without = (on: Domain, name: string): Domain => {
  const vars = on.vars.filter((v) => v.name !== name);
  return on.causal && !on.causal.includes(name) ? { vars, causal: on.causal } : { vars };
};
