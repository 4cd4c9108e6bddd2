/**
 * Walks a program: from the fixed tensors and the state before a proof to every witness tensor and the state after it, in exact
 * integers or in float64. Prepared once for each program; one walk is one proof's group of steps.
 */
import type { Program, Tensor } from '../../verifier/program/types.ts';
import type { Cells, LeafCells } from '../backend/types.ts';
import { InputError } from '../../verifier/input.ts';
import { ProgramError } from '../../verifier/program/errors.ts';
import { RelationError } from './errors.ts';
import type { Store, TableContent } from './evaluate.ts';
import { completed, completedWith, type AsyncProducts, type Computation } from './batches.ts';
import { computeFloats } from './floats.ts';
import { computeIntegers, leafCount } from './integers.ts';
import { sharedProducts, type Products } from './kernels/products.ts';
import { extremes, integerExtremes, type Range } from './loops.ts';
import { planProgram, type ProgramPlan, type RelationPlan, type TensorPlan } from './plan.ts';
import { schedule, type ScheduledInstance } from './schedule.ts';
import { LeafValues } from './writer.ts';

/** Cells by tensor name: dense over the axes' sizes, row-major, no pads. Tensors of `constants` may be left out. */
export type Tensors = ReadonlyMap<string, Cells>;

export interface WalkOptions {
  /** Also return the values of every relation's look-up leaves. */
  readonly leaves?: boolean;
  /** After each relation instance: the part of all instances that is done, and the index of the relation. */
  readonly onProgress?: (part: number, relation: number) => void;
}

export interface Walk {
  /** Every tensor of the program, inputs included. */
  readonly tensors: Map<string, Cells>;
  /**
   * With `leaves`: by relation index, one array for each leaf value over the rectangle of the relation's domain (row-major, no pads), in
   * the order of `lower.ts`; off a causal domain the zero-extended reading without constants. Each in the narrowest array. Empty otherwise.
   */
  readonly leaves: (LeafCells | BigInt64Array)[][];
}

/** Magnitudes met by float walks, for calibration. */
export class FloatStats {
  /** max |value| in the tensor's units, by tensor name. */
  readonly tensors = new Map<string, number>();
  /** Smallest and largest x, by table id. */
  readonly lookups = new Map<number, { min: number; max: number }>();

  add(tensor: string, max: number): void {
    this.tensors.set(tensor, Math.max(this.tensors.get(tensor) ?? 0, max));
  }

  addLookup(table: number, min: number, max: number): void {
    const old = this.lookups.get(table);
    this.lookups.set(table, { min: Math.min(old?.min ?? Infinity, min), max: Math.max(old?.max ?? -Infinity, max) });
  }
}

export class Walker {
  readonly program: Program;
  private readonly plan: ProgramPlan;
  private readonly order: readonly ScheduledInstance[];
  private readonly products: Products;
  private readonly masks = new Map<number, Uint8Array>();
  private readonly constants: ReadonlyMap<string, Float64Array>;
  /** Fixed tensors that have been checked; they are the same in every walk. */
  private readonly checked = new WeakMap<Cells, TensorPlan>();
  /** Extremes of fixed tensors. */
  private readonly ranges = new WeakMap<Cells, Range>();

  /** Errors: `ProgramError`. */
  constructor(program: Program, products: Products = sharedProducts()) {
    this.program = program;
    this.products = products;
    this.plan = planProgram(program);
    this.order = schedule(this.plan);
    this.constants = new Map(Object.entries(program.constants).map(([name, v]) => [name, Float64Array.from(v)]));
    for (const r of this.plan.relations) if (r.causal) this.masks.set(r.index, causalMask(r));
  }

  /** Exact integers. `proof` is the index of the proof in its run. Errors: `ProgramError`, `InputError`, `WidthError`, `RelationError`. */
  walk(proof: number, inputs: Tensors, options: WalkOptions = {}): Walk {
    return completed(this.integers(proof, inputs, options), this.products);
  }

  /** The same walk, to the bit, with large products elsewhere. Errors: those of `walk` and of `products`. */
  async walkAsync(proof: number, inputs: Tensors, products: AsyncProducts, options: WalkOptions = {}): Promise<Walk> {
    return completedWith(this.integers(proof, inputs, options), this.products, products);
  }

  private *integers(proof: number, inputs: Tensors, options: WalkOptions): Computation<Walk> {
    for (const { index, label, relation: r } of this.plan.relations)
      if (r.kind === 'rescale' && !(r.shift >= 1 && r.shift <= 63))
        throw new ProgramError(`relation ${label}`, `a shift of ${r.shift}`, 'choose 1 to 63', { relation: index });
    const store = this.prepare(proof, inputs, true, null);
    const leaves = options.leaves
      ? this.plan.relations.map((r) => {
          const cells = r.on.vars.reduce((n, v) => n * v.size, 1);
          return Array.from({ length: leafCount(r.relation) }, () => new LeafValues(cells));
        })
      : [];
    for (const [n, instance] of this.order.entries()) {
      const { index } = instance.plan;
      const leaf = options.leaves
        ? (k: number, values: Float64Array | BigInt64Array): void => leaves[index][k].put(instance, values)
        : null;
      yield* computeIntegers({ store, instance, mask: this.masks.get(index) ?? null, leaf });
      options.onProgress?.((n + 1) / this.order.length, index);
    }
    return { tensors: this.named(store), leaves: leaves.map((l) => l.map((k) => k.cells)) };
  }

  /** float64 in the same units, nothing rounded and no widths checked. */
  walkFloat(proof: number, inputs: Tensors, stats: FloatStats | null = null): Map<string, Cells> {
    const store = this.prepare(proof, inputs, false, stats);
    for (const instance of this.order) {
      const mask = this.masks.get(instance.plan.index) ?? null;
      completed(computeFloats({ store, instance, mask }), this.products);
    }
    return this.named(store);
  }

  private named(store: Store): Map<string, Cells> {
    return new Map(this.plan.tensors.map((t) => [t.name, store.data[t.id]]));
  }

  private prepare(proof: number, inputs: Tensors, exact: boolean, stats: FloatStats | null): Store {
    const { tensors, byName } = this.plan;
    const bound = new Float64Array(tensors.length);
    const data = tensors.map((t) => {
      if (t.role === 'witness' || t.role === 'stateOut') return new Float64Array(t.length);
      const cells = inputs.get(t.name) ?? this.constants.get(t.name);
      if (!cells) throw new InputError('inputs', t.name, 'is missing', 'give its cells');
      if (cells.length !== t.length) throw new InputError('inputs', t.name, `has ${cells.length} cells`, `its axes have ${t.length}`);
      if (exact) bound[t.id] = this.checkInput(t, cells);
      if (stats) stats.add(t.name, reach(this.range(t, cells)));
      return cells;
    });
    const get = (name: string): TensorPlan => {
      const t = byName.get(name);
      if (!t) throw new ProgramError('tables', `no tensor ${name}`, 'declare it');
      return t;
    };
    const contents = new Map<number, TableContent>();
    const table = (id: number): TableContent => {
      const known = contents.get(id);
      if (known) return known;
      const t = this.program.tables.find((x) => x.id === id);
      if (!t) throw new RelationError(`no table ${id}`);
      const column = (name: string): Float64Array => {
        const cells = data[get(name).id];
        if (cells.length !== t.size)
          throw new InputError('inputs', name, `has ${cells.length} cells`, `table ${t.name} has ${t.size} rows`);
        return cells instanceof Float64Array ? cells : Float64Array.from(cells);
      };
      const content = { name: t.name, lo: t.lo, size: t.size, y: column(t.y), y2: t.y2 === undefined ? null : column(t.y2) };
      contents.set(id, content);
      return content;
    };
    return {
      exact,
      proof,
      firstStep: proof * this.program.schedule.perProof,
      program: this.program,
      tensors: { shape: (name): Tensor => get(name).tensor, cells: (name) => data[get(name).id] },
      table,
      stats: stats && {
        tensor: (id, max) => stats.add(tensors[id].name, max),
        lookup: (id, min, max) => stats.addLookup(id, min, max),
      },
      data,
      bound,
    };
  }

  /** Integers of the declared width, 0 off a causal tensor's domain. Returns max |v|. */
  private checkInput(t: TensorPlan, cells: Cells): number {
    const range = this.range(t, cells);
    if (this.checked.get(cells) === t) return reach(range);
    const whole = !(cells instanceof Float64Array) && range.min >= t.min && range.max <= t.max && !t.tensor.causal;
    if (!whole) this.checkCells(t, cells);
    if (t.role === 'fixed') this.checked.set(cells, t);
    return reach(range);
  }

  private range(t: TensorPlan, cells: Cells): Range {
    const known = t.role === 'fixed' ? this.ranges.get(cells) : undefined;
    if (known) return known;
    const range = cells instanceof Float64Array ? extremes(cells) : integerExtremes(cells);
    if (t.role === 'fixed') this.ranges.set(cells, range);
    return range;
  }

  private checkCells(t: TensorPlan, cells: Cells): void {
    const [i, j] = t.tensor.causal ?? [-1, -1];
    for (let n = 0; n < cells.length; n++) {
      const v = cells[n];
      if (!(Number.isInteger(v) && v >= t.min && v <= t.max))
        throw new InputError(
          'inputs',
          t.name,
          `cell ${n} is ${v}`,
          `give integers of ${t.tensor.signed ? 'signed' : 'unsigned'} ${t.tensor.bits} bits`,
        );
      if (i >= 0 && v !== 0 && Math.floor(n / t.strides[j]) % t.sizes[j] > Math.floor(n / t.strides[i]) % t.sizes[i])
        throw new InputError('inputs', t.name, `cell ${n} is ${v}`, 'above the diagonal of a causal tensor give 0');
    }
  }
}

/** max |v|. */
const reach = ({ min, max }: Range): number => Math.max(-min, max);

/** 1 where j <= i, over the free rectangle. */
function causalMask(r: RelationPlan): Uint8Array {
  const sizes = r.free.map((v) => r.vars[v].size);
  const [i, j] = (r.causal as readonly [number, number]).map((v) => r.free.indexOf(v));
  const inner = (d: number): number => sizes.slice(d + 1).reduce((n, s) => n * s, 1);
  const [si, sj] = [inner(i), inner(j)];
  return Uint8Array.from({ length: sizes.reduce((n, s) => n * s, 1) }, (_, at) =>
    Math.floor(at / sj) % sizes[j] <= Math.floor(at / si) % sizes[i] ? 1 : 0,
  );
}
