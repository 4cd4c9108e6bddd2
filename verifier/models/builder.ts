/**
 * A small language for writing programs: tensors with exponents, readings of them, and relations between them.
 *
 * A `Reading` is a linear combination of views whose real value is (Σ coef·cell) / 2^f; a `Form` is a product of readings summed
 * over variables. `round` aligns terms of different exponents by powers of two and emits one `rescale` (or an `equal` where
 * nothing is rounded away), so that op files never handle shifts.
 */
import { bitsOf } from '../program/types.ts';
import type {
  Axis,
  Domain,
  Expr,
  Linear,
  MapTable,
  Part,
  Poly,
  Product,
  Program,
  Relation,
  Schedule,
  Tensor,
  Var,
  View,
} from '../program/types.ts';
import type { Precision, ScaleClass } from './recipe.ts';

/** Linear combination of views; real value = integer / 2^f. */
export interface Reading {
  readonly linear: Linear;
  readonly f: number;
}

/** Product of readings, summed; real value = integer / 2^f. */
export interface Form {
  readonly product: Product;
  readonly f: number;
}

export type Term = Reading | Form;

/** A layer index: the variable counts from absolute layer `from`. */
export interface LayerVar {
  readonly layer: Var;
  readonly from: number;
}

/** A part of an axis's index inside a concatenation. */
export type IndexPart = Var | Part;

/** How one axis is read: a variable, a layer, a constant, or a concatenation of parts (most significant first). */
export type Index = Var | LayerVar | number | readonly IndexPart[];

/** A variable moved by a constant: reads index var + shift. */
export const shifted = (v: Var, shift: number): readonly Part[] => [{ var: v.name, shift }];

/** The layer before or after. */
export const nextLayer = (l: LayerVar): LayerVar => ({ layer: l.layer, from: l.from + 1 });
export const previousLayer = (l: LayerVar): LayerVar => ({ layer: l.layer, from: l.from - 1 });

/** A declared tensor. Layered tensors hold layers `from` … and translate absolute layers into their own index. */
export class TensorRef {
  readonly tensor: Tensor;
  readonly from: number;

  constructor(tensor: Tensor, from: number) {
    this.tensor = tensor;
    this.from = from;
  }

  get f(): number {
    return this.tensor.f;
  }

  view(...index: readonly Index[]): View {
    const { name, axes } = this.tensor;
    if (index.length !== axes.length) throw new Error(`${name}: ${index.length} indices for ${axes.length} axes`);
    return { tensor: name, index: index.map((x, a) => this.#parts(x, axes[a] as Axis)) };
  }

  at(...index: readonly Index[]): Reading {
    return { linear: [{ coef: 1n, view: this.view(...index) }], f: this.f };
  }

  /** Reads only where the variable has the given value, zero elsewhere; empty if it never has it. */
  when(v: Var, is: number, ...index: readonly Index[]): Reading {
    if (is < 0 || is >= v.size) return { linear: [], f: this.f };
    return { linear: [{ coef: 1n, view: { ...this.view(...index), when: [{ var: v.name, is }] } }], f: this.f };
  }

  #parts(x: Index, axis: Axis): readonly Part[] {
    if (typeof x === 'number') return [{ at: x, bits: bitsOf(axis.size) }];
    if ('layer' in x) {
      const shift = x.from - this.from;
      return shift === 0 ? [{ var: x.layer.name }] : [{ var: x.layer.name, shift }];
    }
    if ('name' in x) return [{ var: x.name }];
    return (x as readonly IndexPart[]).map((p): Part => ('name' in p ? { var: p.name } : p));
  }
}

/** Sum of readings, aligned to the largest exponent. */
export function add(...readings: readonly Reading[]): Reading {
  const parts = readings.filter((r) => r.linear.length > 0);
  const f = Math.max(...(parts.length > 0 ? parts : readings).map((r) => r.f));
  return { f, linear: parts.flatMap((r) => r.linear.map((t) => ({ coef: t.coef << BigInt(f - r.f), view: t.view }))) };
}

export const negate = (r: Reading): Reading => ({ f: r.f, linear: r.linear.map((t) => ({ coef: -t.coef, view: t.view })) });

/** Σ over `sum` of the product of two or three factors. */
export const multiply = (sum: readonly Var[], ...factors: readonly Reading[]): Form => ({
  f: factors.reduce((n, r) => n + r.f, 0),
  product: { coef: 1n, factors: factors.map((r) => r.linear), sum },
});

/** The term times num / 2^f. */
export function scaled<T extends Term>(t: T, by: { readonly num: bigint; readonly f: number }): T {
  if ('product' in t) return { ...t, f: t.f + by.f, product: { ...t.product, coef: t.product.coef * by.num } };
  return { ...t, f: t.f + by.f, linear: t.linear.map((x) => ({ coef: x.coef * by.num, view: x.view })) };
}

/** A positive real as num / 2^f: exact where it is dyadic with at most 40 fractional bits, otherwise to 16 significant bits. */
export function dyadic(x: number): { readonly num: bigint; readonly f: number } {
  if (!(x > 0) || !Number.isFinite(x)) throw new Error(`not a positive number: ${x}`);
  for (let f = 0; f <= 40; f++) if (Number.isInteger(x * 2 ** f)) return { num: BigInt(x * 2 ** f), f };
  let f = 15;
  while (x * 2 ** f >= 2 ** 16) f--;
  while (x * 2 ** f < 2 ** 15) f++;
  return { num: BigInt(Math.round(x * 2 ** f)), f };
}

/** Expression with the exponent that its terms were aligned to; empty terms vanish. */
export function expression(terms: readonly Term[], constant = 0n): { readonly expr: Expr; readonly f: number } {
  const live = terms.filter((t) => ('product' in t ? t.product.factors.every((x) => x.length > 0) : t.linear.length > 0));
  const f = Math.max(...(live.length > 0 ? live : terms).map((t) => t.f));
  const up = (t: Term): bigint => 1n << BigInt(f - t.f);
  return {
    f,
    expr: {
      constant,
      linear: live.flatMap((t) => ('product' in t ? [] : t.linear.map((x) => ({ coef: x.coef * up(t), view: x.view })))),
      products: live.flatMap((t) => ('product' in t ? [{ ...t.product, coef: t.product.coef * up(t) }] : [])),
    },
  };
}

/** Exponents that calibration has to find: tensors by key. */
export interface Scale {
  readonly scaleClass: ScaleClass;
  readonly tensors: readonly string[];
}

interface Spec {
  readonly bits: number;
  readonly signed: boolean;
  readonly f: number;
  readonly range?: Tensor['range'];
  readonly causal?: readonly [number, number];
  readonly from?: number;
}

/** Real numbers are walked at this exponent until calibration has chosen one. */
const UNCALIBRATED = 12;

export class Builder {
  readonly precision: Precision;
  readonly exponents: Readonly<Record<string, number>>;
  readonly scales = new Map<string, { scaleClass: ScaleClass; tensors: string[] }>();
  readonly polys: Poly[] = [];
  readonly tensors: Tensor[] = [];
  readonly tables: MapTable[] = [];
  readonly relations: Relation[] = [];

  constructor(precision: Precision, exponents: Readonly<Record<string, number>>) {
    this.precision = precision;
    this.exponents = exponents;
  }

  poly(name: string, role: Poly['role'], hidden: boolean): void {
    this.polys.push({ name, role, hidden });
  }

  /** The exponent of a calibrated scale; tensors that must share one give the same key. */
  exponent(key: string): number {
    return this.exponents[key] ?? UNCALIBRATED;
  }

  tensor(poly: string, name: string, axes: readonly (Var | LayerVar)[], spec: Spec): TensorRef {
    const layer = axes.find((a): a is LayerVar => 'layer' in a);
    const tensor: Tensor = {
      name,
      poly,
      axes: axes.map((a) => ('layer' in a ? { name: a.layer.name, size: a.layer.size } : { name: a.name, size: a.size })),
      bits: spec.bits,
      signed: spec.signed,
      f: spec.f,
      range: spec.range ?? 'leaf',
      ...(spec.causal ? { causal: spec.causal } : {}),
    };
    this.tensors.push(tensor);
    return new TensorRef(tensor, layer?.from ?? 0);
  }

  /** A signed witness tensor whose width (unless `bits` is given) and exponent are those of a calibrated class. */
  value(
    name: string,
    axes: readonly (Var | LayerVar)[],
    scaleClass: ScaleClass,
    options: { key?: string; causal?: readonly [number, number]; range?: 'map'; bits?: number } = {},
  ): TensorRef {
    const key = options.key ?? name;
    const scale = this.scales.get(key) ?? { scaleClass, tensors: [] };
    if (scale.scaleClass !== scaleClass) throw new Error(`${name}: scale ${key} is of class ${scale.scaleClass}, not ${scaleClass}`);
    scale.tensors.push(name);
    this.scales.set(key, scale);
    return this.tensor('witness', name, axes, {
      bits: options.bits ?? this.precision[scaleClass].bits,
      signed: true,
      f: this.exponent(key),
      ...(options.causal ? { causal: options.causal } : {}),
      ...(options.range ? { range: options.range } : {}),
    });
  }

  /** An unsigned witness tensor of a fixed width and exponent. */
  count(
    name: string,
    axes: readonly (Var | LayerVar)[],
    bits: number,
    f: number,
    options: { causal?: readonly [number, number]; range?: 'map' } = {},
  ): TensorRef {
    return this.tensor('witness', name, axes, { bits, signed: false, f, ...options });
  }

  /**
   * out = constant + Σ terms, rounded to the exponent of `out`, in whose units the constant is. `on` are the domain's variables, which
   * index `out` unless `index` is given.
   */
  round(
    on: readonly (Var | LayerVar)[],
    out: TensorRef,
    terms: readonly Term[],
    options: { index?: readonly Index[]; causal?: readonly [string, string]; constant?: bigint } = {},
  ): void {
    const { f } = expression(terms);
    const shift = f - out.f;
    const { expr } = expression(terms, shift >= 1 ? (options.constant ?? 0n) << BigInt(shift) : 0n);
    const domain = domainOf(on, options.causal);
    const view = out.view(...(options.index ?? on));
    if (shift >= 1) this.relations.push({ kind: 'rescale', on: domain, out: view, expr, shift });
    else {
      const exact = times(expr, 1n << BigInt(-shift));
      this.relations.push({ kind: 'equal', on: domain, out: view, expr: { ...exact, constant: options.constant ?? 0n } });
    }
  }

  /** out = constant + Σ terms exactly, at the exponent of `out`, which must be that of the aligned terms. */
  equal(on: readonly (Var | LayerVar)[], out: TensorRef, terms: readonly Term[], constant = 0n, index?: readonly Index[]): void {
    const { expr, f } = expression(terms, constant);
    if (f !== out.f) throw new Error(`${out.tensor.name}: exponent ${out.f}, its terms ${f}`);
    this.relations.push({ kind: 'equal', on: domainOf(on), out: out.view(...(index ?? on)), expr });
  }

  program(name: string, schedule: Schedule, columns: number, constants: Program['constants']): Program {
    return {
      version: 1,
      name,
      schedule,
      columns,
      polys: this.polys,
      tensors: this.tensors,
      tables: this.tables,
      relations: this.relations,
      constants,
    };
  }
}

export const domainOf = (on: readonly (Var | LayerVar)[], causal?: readonly [string, string]): Domain => {
  const vars = on.map((v) => ('layer' in v ? v.layer : v));
  return causal ? { vars, causal } : { vars };
};

const times = (e: Expr, c: bigint): Expr => ({
  constant: e.constant * c,
  linear: e.linear.map((t) => ({ coef: t.coef * c, view: t.view })),
  products: e.products.map((p) => ({ ...p, coef: p.coef * c })),
});
