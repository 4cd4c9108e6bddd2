/** What the op files share: the builder, the recipe, the common index variables, the model's tensors and the adapters. */
import { bitsOf } from '../program/types.ts';
import type { Part, Var } from '../program/types.ts';
import type { Builder, Index, LayerVar, Reading, TensorRef } from './builder.ts';
import type { LinearLayer, Recipe } from './recipe.ts';

/** Rows of a tensor before its last axis: [step, layer, token], or [step, token] outside the layers. */
export type Rows = readonly (Var | LayerVar)[];

/** A reading that depends on rows and on one more variable. */
export type RowReading = (rows: Rows, last: Var) => Reading;

/** An adapter matrix or moment: the value after each step, and the state around the proof. */
export interface State {
  /** The value that a step starts from, at the given indices. */
  readonly used: (...index: readonly Index[]) => Reading;
  /** The value after each step; absent in programs that do not train. */
  readonly next: TensorRef | null;
}

export interface Adapter {
  readonly target: LinearLayer;
  readonly layers: LayerVar;
  readonly rank: Var;
  readonly a: State;
  readonly b: State;
  /** alpha / rank. */
  readonly scaling: { readonly num: bigint; readonly f: number };
}

/** What is trained: the adapters, every base weight (float walks only), or nothing (evaluation). */
export type Trained = 'adapters' | 'all' | 'nothing';

export interface Net {
  readonly b: Builder;
  readonly recipe: Recipe;
  readonly trained: Trained;
  readonly step: Var;
  readonly token: Var;
  readonly batch: Var;
  readonly position: Var;
  /** Model tensors by name without the prefix `model.` of its polynomial. */
  readonly weights: ReadonlyMap<string, TensorRef>;
  readonly adapters: ReadonlyMap<LinearLayer, Adapter>;
}

export const variable = (name: string, size: number): Var => ({ name, size });

/** All layers from `from` on; null if there is none. */
export const layersFrom = (net: Net, from: number): LayerVar | null =>
  from < net.recipe.model.layers ? { layer: variable('layer', net.recipe.model.layers - from), from } : null;

export function weight(net: Net, name: string): TensorRef {
  const t = net.weights.get(name);
  if (!t) throw new Error(`no model tensor ${name}`);
  return t;
}

/** Index of the current training step on an axis that counts all steps of the run. */
export function stepOfRun(recipe: Recipe, step: Var): readonly (Var | Part)[] {
  const proofs = recipe.steps / recipe.perProof;
  return proofs > 1 ? [{ proof: true, bits: bitsOf(recipe.steps) - bitsOf(recipe.perProof) }, step] : [step];
}
