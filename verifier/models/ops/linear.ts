/**
 * Linear layer with an optional LoRA adapter, z = x·Wᵀ (+ bias) + (alpha/rank)·u·Bᵀ with u = round(x·Aᵀ). The caller rounds the terms
 * once, together with whatever else it adds (a residual, say).
 *
 * Backward, for a gradient dz of the output: du = round((alpha/rank)·dz·B), dB = (alpha/rank)·dzᵀ·u, dA = duᵀ·x,
 * dx = dz·W + du·A; and dW = dzᵀ·x where base weights are trained. Gradients are sums over the step's tokens.
 */
import { multiply, scaled, type Index, type LayerVar, type Reading, type Term, type TensorRef } from '../builder.ts';
import { layersFrom, weight, type Net, type Rows } from '../net.ts';
import type { LinearLayer, LlamaLayer } from '../recipe.ts';
import type { Var } from '../../program/types.ts';

/** A value given as one factor, or as two or three whose product it is. */
export type Factors = readonly Reading[];

/** The input of a linear layer, of at most two factors. */
export interface LinearInput {
  readonly over: Var;
  readonly factors: (rows: Rows) => Factors;
}

/**
 * The gradient of a linear layer's output, Σ over `sum` of a product of factors. They are indexed by the parts `rows` of the token and
 * `columns` of the output; a gradient that is committed has one part each, one that is not brings its own.
 */
export interface OutputGradient {
  readonly rows: readonly Var[];
  readonly columns: readonly Var[];
  readonly sum: readonly Var[];
  readonly factors: (l: LayerVar) => Factors;
}

/** Parts of an index; a single one is the variable itself. */
export const joined = (parts: readonly Var[]): Index => (parts.length === 1 ? (parts[0] as Var) : parts);

/** A gradient read at [step, l, token, out]. */
export const gradientOf = (net: Net, forward: LinearForward, factors: OutputGradient['factors']): OutputGradient => ({
  rows: [net.token],
  columns: [forward.out],
  sum: [],
  factors,
});

/** A linear layer: its input, its base weights read at [l, out, in], its bias read at [l, out]. */
export interface LinearSpec {
  readonly name: LinearLayer;
  readonly input: LinearInput;
  readonly out: Var;
  readonly weight: (l: LayerVar, out: Index, k: Var) => Reading;
  readonly bias?: (l: LayerVar, out: Var) => Reading;
}

const PARENT: Readonly<Record<LlamaLayer, string>> = {
  q_proj: 'self_attn',
  k_proj: 'self_attn',
  v_proj: 'self_attn',
  o_proj: 'self_attn',
  gate_proj: 'mlp',
  up_proj: 'mlp',
  down_proj: 'mlp',
};

/** Name of the stacked weight of a LLaMA-style linear layer, [layer, out, in]. */
export const weightName = (name: LlamaLayer): string => `model.layers.${PARENT[name]}.${name}.weight`;

/** A LLaMA-style linear layer: weights of its own, no bias. */
export const llamaLinear = (net: Net, name: LlamaLayer, input: LinearInput, out: Var): LinearForward =>
  linear(net, { name, input, out, weight: (l, o, k) => weight(net, weightName(name)).at(l, o, k) });

/** A linear layer in its forward pass; `terms` at [step, l, token, out]. */
export interface LinearForward extends LinearSpec {
  /** u = x·Aᵀ of the adapter, where there is one. */
  readonly low: TensorRef | null;
  readonly terms: (l: LayerVar) => Term[];
}

export function linear(net: Net, spec: LinearSpec): LinearForward {
  const { b, step, token } = net;
  const { name, input, out } = spec;
  const k = input.over;
  const adapter = net.adapters.get(name);
  let low: TensorRef | null = null;
  if (adapter) {
    const rows: Rows = [step, adapter.layers, token];
    low = b.value(`${name}.u`, [...rows, adapter.rank], 'lowRank');
    b.round([...rows, adapter.rank], low, [multiply([k], ...input.factors(rows), adapter.a.used(adapter.layers, adapter.rank, k))]);
  }
  const terms = (l: LayerVar): Term[] => {
    const base: Term[] = [multiply([k], ...input.factors([step, l, token]), spec.weight(l, out, k))];
    if (spec.bias) base.push(spec.bias(l, out));
    if (!adapter || !low) return base;
    return [
      ...base,
      scaled(multiply([adapter.rank], low.at(step, l, token, adapter.rank), adapter.b.used(l, out, adapter.rank)), adapter.scaling),
    ];
  };
  return { ...spec, low, terms };
}

/** The gradients that a linear layer's backward pass leaves for the optimizer, and terms of the input's gradient. */
export interface LinearBackward {
  readonly gradA: TensorRef | null;
  readonly gradB: TensorRef | null;
  /** Parts of the token's index. */
  readonly rows: readonly Var[];
  /** Terms of the input's gradient at [step, l, rows, in]. */
  readonly input: (l: LayerVar) => Term[];
}

export function linearBackward(net: Net, forward: LinearForward, dz: OutputGradient): LinearBackward {
  const { b, step, token } = net;
  const { name, input, low } = forward;
  const k = input.over;
  const [row, out] = [joined(dz.rows), joined(dz.columns)];
  const overOut = [...dz.columns, ...dz.sum];
  const overRows = [...dz.rows, ...dz.sum];
  const base = (l: LayerVar): Term => multiply(overOut, ...dz.factors(l), forward.weight(l, out, k));
  if (net.trained === 'all') {
    const l = layersFrom(net, 0) as LayerVar;
    const grad = b.value(`grad.${weightName(name as LlamaLayer)}`, [step, l, forward.out, k], 'adapterGrad');
    b.round([step, l, forward.out, k], grad, [multiply(overRows, ...dz.factors(l), ...input.factors([step, l, token]))]);
  }
  const adapter = net.adapters.get(name);
  if (!adapter || !low) return { gradA: null, gradB: null, rows: dz.rows, input: (l) => [base(l)] };
  const { rank, layers, scaling } = adapter;
  const du = b.value(`${name}.du`, [step, layers, token, rank], 'lowRankGrad');
  b.round(
    [step, layers, ...dz.rows, rank],
    du,
    [scaled(multiply(overOut, ...dz.factors(layers), adapter.b.used(layers, out, rank)), scaling)],
    { index: [step, layers, row, rank] },
  );
  const gradB = b.value(`grad.${name}.B`, [step, layers, forward.out, rank], 'adapterGrad');
  b.round(
    [step, layers, ...dz.columns, rank],
    gradB,
    [scaled(multiply(overRows, ...dz.factors(layers), low.at(step, layers, row, rank)), scaling)],
    { index: [step, layers, out, rank] },
  );
  const gradA = b.value(`grad.${name}.A`, [step, layers, rank, k], 'adapterGrad');
  b.round([step, layers, rank, k], gradA, [multiply([token], du.at(step, layers, token, rank), ...input.factors([step, layers, token]))]);
  const input_ = (l: LayerVar): Term[] => [base(l), multiply([rank], du.at(step, l, row, rank), adapter.a.used(l, rank, k))];
  return { gradA, gradB, rows: dz.rows, input: input_ };
}
