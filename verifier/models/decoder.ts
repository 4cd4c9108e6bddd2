/**
 * A decoder with a norm before each block: forward pass, and backward pass down to the lowest adapter. Families give its parts.
 */
import { add, nextLayer, previousLayer, type LayerVar, type Reading, type Term, type TensorRef } from './builder.ts';
import { layersFrom, variable, type Net, type RowReading, type Rows } from './net.ts';
import { attention, attentionBackward, type AttentionForward, type AttentionSpec } from './ops/attention.ts';
import { head, headBackward, type HeadBackward, type HeadForward } from './ops/cross-entropy.ts';
import { embedding, oneHot, type OneHot } from './ops/embedding.ts';
import { joined, type LinearBackward, type LinearForward } from './ops/linear.ts';
import type { LinearLayer } from './recipe.ts';
import type { Var } from '../program/types.ts';

/** The three norms of a decoder: before attention, before the feed-forward block, before the head. */
export type NormPlace = 'first' | 'second' | 'last';

export interface Norm {
  readonly y: TensorRef;
  readonly width: Var;
  /** Emits the input's gradient at `rows` into a tensor or the name of a new one; `residual` is added inside the rounding. */
  readonly backward: (rows: Rows, dy: TensorRef, into: TensorRef | string, residual: readonly Reading[]) => TensorRef;
  /** Emits the parameters' gradients; float walks that train base weights only. */
  readonly parameters?: (rows: Rows, dy: TensorRef) => void;
}

/** A feed-forward block; its backward pass gives every linear layer's gradients, and those that enter the block's input. */
export interface FeedForward {
  readonly down: LinearForward;
  readonly backward: (
    floor: LayerVar | null,
    dz: (l: LayerVar) => Reading,
  ) => { readonly all: readonly (readonly [LinearLayer, LinearBackward | null])[]; readonly input: readonly (LinearBackward | null)[] };
}

export interface DecoderParts {
  /** Names of the embedding's and the head's matrices, and of the learned positions where there are some. */
  readonly embedding: string;
  readonly head: string;
  readonly positions?: string;
  /** Scores of the vocabulary are taken relative to token 0's, for models whose scores have a large common offset. */
  readonly relativeScores: boolean;
  readonly norm: (place: NormPlace, rows: Rows, x: RowReading) => Norm;
  readonly attention: AttentionSpec;
  readonly feedForward: (layers: LayerVar, y: TensorRef, width: Var) => FeedForward;
  /** Names for the gradients of the norms' outputs. */
  readonly normNames: Readonly<Record<NormPlace, string>>;
  /** Linear layers whose adapters need a gradient of: the feed-forward block's input, attention's output, its values, its scores. */
  readonly below: Readonly<Record<'hidden' | 'middle' | 'value' | 'score', readonly LinearLayer[]>>;
}

export interface Forward {
  readonly hot: OneHot;
  readonly first: Norm;
  readonly attention: AttentionForward;
  readonly second: Norm;
  readonly feedForward: FeedForward;
  readonly last: Norm;
  readonly head: HeadForward;
}

export function forwardPass(net: Net, parts: DecoderParts, inputs: TensorRef): Forward {
  const { b, step, token, recipe } = net;
  const top = recipe.model.layers - 1;
  const layers = layersFrom(net, 0) as LayerVar;
  const rows: Rows = [step, layers, token];
  const width = variable('width', recipe.model.width);
  const hot = oneHot(net, 'inputs', inputs);
  const x0 = embedding(net, hot, parts.embedding, parts.positions);
  const middle = b.value('residual.middle', [...rows, width], 'residual', { key: 'residual' });
  const xOut = b.value('residual.out', [...rows, width], 'residual', { key: 'residual' });

  const xIn = (at: Rows, c: Var): Reading => {
    const l = at[1] as LayerVar;
    const first = x0.when(l.layer, -l.from, step, token, c);
    return l.from + l.layer.size > 1 ? add(first, xOut.at(step, previousLayer(l), token, c)) : first;
  };
  const first = parts.norm('first', rows, xIn);
  const attn = attention(net, layers, first.y, first.width, parts.attention);
  const out = attn.o.out;
  b.round([step, layers, token, out], middle, [xIn(rows, out), ...attn.o.terms(layers)]);
  const second = parts.norm('second', rows, (at, c) => middle.at(...at, c));
  const feedForward = parts.feedForward(layers, second.y, second.width);
  b.round([step, layers, token, out], xOut, [middle.at(step, layers, token, out), ...feedForward.down.terms(layers)]);

  const last = parts.norm('last', [step, token], (_, c) => xOut.at(step, top, token, c));
  return { hot, first, attention: attn, second, feedForward, last, head: head(net, last.y, last.width, parts.head, parts.relativeScores) };
}

/** From which layer on each part of a layer's backward pass is needed, given the lowest adapter. */
function floors(net: Net, { below }: DecoderParts): Readonly<Record<keyof DecoderParts['below'] | 'input', LayerVar | null>> {
  if (net.trained === 'all') {
    const all = layersFrom(net, 0);
    return { hidden: all, middle: all, value: all, score: all, input: all };
  }
  const { targets, firstLayer } = net.recipe.lora;
  const from = (layers: readonly LinearLayer[]): LayerVar | null =>
    layersFrom(net, firstLayer + (targets.some((t) => layers.includes(t)) ? 0 : 1));
  return { hidden: from(below.hidden), middle: from(below.middle), value: from(below.value), score: from(below.score), input: from([]) };
}

export interface Gradients {
  readonly adapters: ReadonlyMap<LinearLayer, { readonly a: TensorRef; readonly b: TensorRef }>;
  /** The gradient of the lowest layer's input, where it was needed. */
  readonly input: TensorRef | null;
  readonly head: HeadBackward;
}

export function backwardPass(net: Net, parts: DecoderParts, forward: Forward, labels: TensorRef): Gradients {
  const { b, step, token, recipe } = net;
  const top = recipe.model.layers - 1;
  const floor = floors(net, parts);
  const fromHead = headBackward(net, forward.head, labels);
  const dTop = forward.last.backward([step, token], fromHead.dy, 'grad.residual.top', []);

  // The gradient of a layer's output: the top's in the last layer, else that of the next layer's input.
  let dIn: TensorRef | null = null;
  const dOut = (l: LayerVar, c: Var): Reading => {
    const above = dTop.when(l.layer, top - l.from, step, token, c);
    return dIn && l.from < top ? add(above, dIn.at(step, nextLayer(l), token, c)) : above;
  };
  const width = variable('width', recipe.model.width);
  // Declared before the relations that read it: the layers' gradients form one stacked recursion.
  if (floor.input) dIn = b.value('grad.residual.in', [step, floor.input, token, width], 'residualGrad', { key: 'residual.grad' });

  const out = forward.attention.o.out;
  const block = forward.feedForward.backward(floor.hidden, (l) => dOut(l, out));
  const collected = new Map<LinearLayer, LinearBackward | null>(block.all);
  const inputGradient = (place: NormPlace, l: LayerVar, from: readonly (LinearBackward | null)[]): TensorRef => {
    const grad = b.value(`grad.${parts.normNames[place]}.y`, [step, l, token, width], 'activationGrad');
    const live = from.filter((p) => p !== null);
    const rows = live[0]?.rows ?? [token];
    const terms: Term[] = live.flatMap((p) => p.input(l));
    b.round([step, l, ...rows, width], grad, terms, { index: [step, l, joined(rows), width] });
    return grad;
  };
  if (floor.middle) {
    const rows: Rows = [step, floor.middle, token];
    const dy2 = inputGradient('second', floor.middle, block.input);
    const dMiddle = forward.second.backward(rows, dy2, 'grad.residual.middle', [dOut(floor.middle, forward.second.width)]);
    const attn = attentionBackward(net, forward.attention, { value: floor.value, score: floor.score }, (l) =>
      dMiddle.at(step, l, token, out),
    );
    for (const k of ['q', 'k', 'v', 'o'] as const) collected.set(forward.attention[k].name, attn[k]);
    if (floor.input && dIn) {
      const rows1: Rows = [step, floor.input, token];
      const dy1 = inputGradient('first', floor.input, [attn.q, attn.k, attn.v]);
      forward.first.backward(rows1, dy1, dIn, [dMiddle.at(...rows1, forward.first.width)]);
      if (net.trained === 'all') {
        forward.first.parameters?.(rows1, dy1);
        forward.second.parameters?.(rows, dy2);
        forward.last.parameters?.([step, token], fromHead.dy);
      }
    }
  }
  const adapters = new Map<LinearLayer, { a: TensorRef; b: TensorRef }>();
  for (const [name, g] of collected) if (g?.gradA && g.gradB) adapters.set(name, { a: g.gradA, b: g.gradB });
  return { adapters, input: dIn, head: fromHead };
}
