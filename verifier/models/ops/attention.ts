/**
 * Causal attention with grouped query heads: P = softmax(q·kᵀ/√h) over positions j <= i, o = round(P·v).
 *
 * A width axis of queries is read as (kv head, head of the group, component), one of keys and values as (kv head, component).
 * Backward: dv = Pᵀ·do, dP = do·vᵀ, D = Σ_j P·dP, ds = P·(dP − D)/√h, dq = ds·k, dk = dsᵀ·q. Where
 * queries and keys are rotated these are committed and the rotations undone; elsewhere dq, dk and dv are never committed.
 */
import { dyadic, multiply, negate, scaled, type LayerVar, type Reading, type TensorRef } from '../builder.ts';
import { variable, type Net } from '../net.ts';
import type { Var } from '../../program/types.ts';
import {
  gradientOf,
  joined,
  linearBackward,
  type Factors,
  type LinearBackward,
  type LinearForward,
  type LinearInput,
  type OutputGradient,
} from './linear.ts';
import { rope, scoreScale, type RopeTables, type Rotation } from './rope.ts';
import { probabilities, scoreTensor, softmax } from './softmax.ts';

/** What families differ in: heads, linear layers, positions. */
export interface AttentionSpec {
  readonly kvHeads: number;
  /** Query heads of one key. */
  readonly group: number;
  readonly headWidth: number;
  readonly linear: (which: 'q' | 'k' | 'v' | 'o', input: LinearInput, out: Var) => LinearForward;
  /** Rotary positions, where queries and keys are rotated. */
  readonly rope: RopeTables | null;
}

export interface AttentionForward {
  readonly spec: AttentionSpec;
  readonly q: LinearForward;
  readonly k: LinearForward;
  readonly v: LinearForward;
  readonly o: LinearForward;
  readonly queries: TensorRef;
  readonly keys: TensorRef;
  readonly values: TensorRef;
  readonly probabilities: TensorRef;
}

const headVars = (
  net: Net,
  { kvHeads, group, headWidth }: AttentionSpec,
): { kv: Var; group: Var; component: Var; pair: Var; queryWidth: Var; keyWidth: Var; key: Var } => ({
  kv: variable('kv', kvHeads),
  group: variable('group', group),
  component: variable('component', headWidth),
  pair: variable('pair', headWidth / 2),
  queryWidth: variable('query', kvHeads * group * headWidth),
  keyWidth: variable('keyvalue', kvHeads * headWidth),
  key: variable('key', net.recipe.sequence),
});

/** 1/√headWidth; of rotated queries only its power of two, the rest is in their rotation. */
const root = (spec: AttentionSpec): { num: bigint; f: number } =>
  spec.rope ? { num: 1n, f: scoreScale(spec.headWidth).shift } : dyadic(1 / Math.sqrt(spec.headWidth));

const CAUSAL = ['position', 'key'] as const;

/** `y` reads the normalised input at [step, l, token, width]. */
export function attention(net: Net, layers: LayerVar, y: TensorRef, width: Var, spec: AttentionSpec): AttentionForward {
  const { b, step, token, batch, position } = net;
  const { kv, group, component, pair, queryWidth, keyWidth, key } = headVars(net, spec);
  const input = { over: width, factors: (rows: readonly (Var | LayerVar)[]): Factors => [y.at(...rows, width)] };
  const project = (which: 'q' | 'k' | 'v', out: Var): { forward: LinearForward; z: TensorRef } => {
    const forward = spec.linear(which, input, out);
    const z = b.value(`${forward.name}.out`, [step, layers, token, out], 'activation');
    b.round([step, layers, token, out], z, forward.terms(layers));
    return { forward, z };
  };
  const q = project('q', queryWidth);
  const k = project('k', keyWidth);
  const v = project('v', keyWidth);
  let queries = q.z;
  let keys = k.z;
  if (spec.rope) {
    queries = b.value('query.rotated', [step, layers, token, queryWidth], 'activation');
    rope(net, spec.rope.query, layers, [kv, group], pair, q.z, queries, 1);
    keys = b.value('key.rotated', [step, layers, token, keyWidth], 'activation');
    rope(net, spec.rope.key, layers, [kv], pair, k.z, keys, 1);
  }

  const rows = [step, layers, batch, kv, group, position];
  const scores = scoreTensor(b, 'attention.score', [...rows, key], [5, 6]);
  const inner = multiply(
    [component],
    queries.at(step, layers, [batch, position], [kv, group, component]),
    keys.at(step, layers, [batch, key], [kv, component]),
  );
  b.round([...rows, key], scores, [scaled(inner, root(spec))], { causal: CAUSAL });
  const soft = softmax(net, 'attention', rows, key, scores, b.precision.reciprocal, 'position');
  const P = probabilities(net, 'attention', rows, key, soft, 'position');

  const output = b.value('attention.out', [step, layers, token, queryWidth], 'activation');
  const mixed = multiply([key], P.at(...rows, key), v.z.at(step, layers, [batch, key], [kv, component]));
  b.round([step, layers, batch, position, kv, group, component], output, [mixed], {
    index: [step, layers, [batch, position], [kv, group, component]],
  });
  const o = spec.linear('o', { over: queryWidth, factors: (r) => [output.at(...r, queryWidth)] }, variable('out', net.recipe.model.width));
  return { spec, q: q.forward, k: k.forward, v: v.forward, o, queries, keys, values: v.z, probabilities: P };
}

/** The layers from which each part of the backward pass is wanted; null where it is wanted nowhere. */
export interface AttentionFloor {
  /** From here gradients of the values are needed. */
  readonly value: LayerVar | null;
  /** From here gradients of queries and keys are needed. */
  readonly score: LayerVar | null;
}

export interface AttentionBackward {
  readonly q: LinearBackward | null;
  readonly k: LinearBackward | null;
  readonly v: LinearBackward | null;
  readonly o: LinearBackward;
}

/** `dz` reads the gradient of the output projection's result at [step, l, token, out]. */
export function attentionBackward(
  net: Net,
  forward: AttentionForward,
  floor: AttentionFloor,
  dz: (l: LayerVar) => Reading,
): AttentionBackward {
  const { b, step, token, batch, position } = net;
  const { spec } = forward;
  const { kv, group, component, pair, queryWidth, key } = headVars(net, spec);
  const o = linearBackward(
    net,
    forward.o,
    gradientOf(net, forward.o, (l) => [dz(l)]),
  );
  if (!floor.value) return { q: null, k: null, v: null, o };
  const P = forward.probabilities;
  const query = (t: TensorRef, l: LayerVar, at: Var): Reading => t.at(step, l, [batch, at], [kv, group, component]);
  const keyed = (t: TensorRef, l: LayerVar, at: Var): Reading => t.at(step, l, [batch, at], [kv, component]);

  const lv = floor.value;
  const dOut = b.value('grad.attention.out', [step, lv, token, queryWidth], 'activationGrad');
  b.round([step, lv, token, queryWidth], dOut, o.input(lv));
  /** A gradient in a tensor of its own: rotations are undone cell by cell. */
  const committed = (name: string, of: LinearForward, l: LayerVar, g: OutputGradient): TensorRef => {
    const t = b.value(`grad.${name}`, [step, l, token, of.out], 'activationGrad');
    b.round([step, l, ...g.rows, ...g.columns], t, [multiply(g.sum, ...g.factors(l))], {
      index: [step, l, joined(g.rows), joined(g.columns)],
    });
    return t;
  };
  const plain = (of: LinearForward, t: TensorRef): OutputGradient => gradientOf(net, of, (l) => [t.at(step, l, token, of.out)]);
  const at = { rows: [batch, position] };
  // At position i: dv = Σ_j P[j, i]·do[j].
  const dv: OutputGradient = {
    ...at,
    columns: [kv, component],
    sum: [group, key],
    factors: (l) => [P.at(step, l, batch, kv, group, key, position), query(dOut, l, key)],
  };
  const v = linearBackward(net, forward.v, spec.rope ? plain(forward.v, committed(`${forward.v.name}.out`, forward.v, lv, dv)) : dv);
  if (!floor.score) return { q: null, k: null, v, o };

  const ls = floor.score;
  const rows = [step, ls, batch, kv, group, position];
  const dP = b.value('grad.attention.probability', [...rows, key], 'activationGrad', { causal: [5, 6] });
  b.round([...rows, key], dP, [multiply([component], query(dOut, ls, position), keyed(forward.values, ls, key))], { causal: CAUSAL });
  const D = b.value('grad.attention.dot', rows, 'activationGrad');
  b.round(rows, D, [multiply([key], P.at(...rows, key), dP.at(...rows, key))]);
  const ds = b.value('grad.attention.score', [...rows, key], 'activationGrad', { causal: [5, 6] });
  const centred = [multiply([], P.at(...rows, key), dP.at(...rows, key)), multiply([], negate(P.at(...rows, key)), D.at(...rows))];
  b.round(
    [...rows, key],
    ds,
    centred.map((t) => scaled(t, root(spec))),
    { causal: CAUSAL },
  );

  // dq = Σ_j ds[i, j]·k[j], dk = Σ_j ds[j, i]·q[j].
  let dq: OutputGradient = {
    ...at,
    columns: [kv, group, component],
    sum: [key],
    factors: (l) => [ds.at(step, l, batch, kv, group, position, key), keyed(forward.keys, l, key)],
  };
  let dk: OutputGradient = {
    ...at,
    columns: [kv, component],
    sum: [group, key],
    factors: (l) => [ds.at(step, l, batch, kv, group, key, position), query(forward.queries, l, key)],
  };
  if (spec.rope) {
    const unrotated = (of: LinearForward, rotated: TensorRef, rotation: Rotation, heads: readonly Var[]): OutputGradient => {
      const t = b.value(`grad.${of.name}.out`, [step, ls, token, of.out], 'activationGrad');
      rope(net, rotation, ls, heads, pair, rotated, t, -1);
      return plain(of, t);
    };
    dq = unrotated(forward.q, committed('query.rotated', forward.q, ls, dq), spec.rope.query, [kv, group]);
    dk = unrotated(forward.k, committed('key.rotated', forward.k, ls, dk), spec.rope.key, [kv]);
  }
  return { q: linearBackward(net, forward.q, dq), k: linearBackward(net, forward.k, dk), v, o };
}
