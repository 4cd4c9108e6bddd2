/**
 * Builds the program of a recipe: forward pass, backward pass down to the lowest adapter, update.
 *
 * The program is a pure function of the recipe; only the constants' content (tables, rotations, rates) is given separately, for it
 * is computed once and stored.
 */
import { tensorBits, type Program, type Var } from '../program/types.ts';
import { Builder, dyadic, type LayerVar, type Scale, type TensorRef } from './builder.ts';
import { expConstants, rateTables, type Constants } from './constants.ts';
import { backwardPass, forwardPass, type Gradients } from './decoder.ts';
import { gpt2Parts } from './gpt2.ts';
import { llamaEnds, llamaParts } from './llama.ts';
import { variable, type Adapter, type Net, type State, type Trained } from './net.ts';
import { oneHot } from './ops/embedding.ts';
import { adamw, ADAM_RATE_F } from './optimizer/adamw.ts';
import { sgdMomentum } from './optimizer/sgd-momentum.ts';
import { frozenState, trainedState } from './optimizer/state.ts';
import { checkRecipe, type LinearLayer, type Recipe } from './recipe.ts';
import { dataTensors, linearShape, modelTensors } from './tensors.ts';

export interface Built {
  readonly program: Program;
  /** Calibrated scales: key to class and tensors. */
  readonly scales: ReadonlyMap<string, Scale>;
}

/** The training program of a recipe. `constants` must be given where it was stored; otherwise it is computed. */
export const buildTraining = (recipe: Recipe, constants?: Constants): Built => build(recipe, 'adapters', constants);

/** Gradients of every base weight (tensors `grad.<name>`) instead of adapters; for float walks of LLaMA-style models. */
export const buildPretraining = (recipe: Recipe): Built => build(recipe, 'all');

/** Forward pass and labels' tensors only, one batch a step, with the adapter of the state; for measuring the loss. */
export const buildEvaluation = (recipe: Recipe): Built => build(recipe, 'nothing');

function build(recipe: Recipe, trained: Trained, constants?: Constants): Built {
  checkRecipe(recipe);
  if (trained === 'all' && recipe.model.family !== 'llama')
    throw new Error('recipe.model.family: base weights are trained only for LLaMA-style models; train adapters');
  const b = new Builder(recipe.precision, recipe.exponents);
  b.poly('witness', 'witness', true);
  b.poly('state.in', 'stateIn', true);
  b.poly('state.out', 'stateOut', true);
  b.poly('model', 'fixed', recipe.modelHidden);
  b.poly('data', 'fixed', recipe.dataHidden);
  b.poly('constants', 'fixed', false);
  const { model } = recipe;
  const tokens = recipe.batch * recipe.sequence;
  const step = variable('step', recipe.perProof);

  const weights = new Map<string, TensorRef>();
  for (const t of modelTensors(model, recipe.precision)) {
    const axes = t.axes.map((a) => variable(a.name, a.size));
    weights.set(t.name, b.tensor('model', t.name, axes, { bits: t.bits, signed: true, f: b.exponent(t.name) }));
  }
  const [inputs, labels] = dataTensors(model.vocab, recipe.steps, tokens).map((t) =>
    b.tensor(
      'data',
      t.name,
      t.axes.map((a) => variable(a.name, a.size)),
      { bits: t.bits, signed: false, f: 0 },
    ),
  ) as [TensorRef, TensorRef];

  const net: Net = {
    b,
    recipe,
    trained,
    step,
    token: variable('token', tokens),
    batch: variable('batch', recipe.batch),
    position: variable('position', recipe.sequence),
    weights,
    adapters: trained === 'all' ? new Map() : adapters(b, recipe, step, trained === 'adapters'),
  };
  const content: Record<string, Constants[string]> = {};
  expConstants(net, content);
  const parts = model.family === 'llama' ? llamaParts(net, model, content) : gpt2Parts(net, model, content);

  const forward = forwardPass(net, parts, inputs);
  if (trained === 'nothing') oneHot(net, 'labels', labels);
  else {
    const gradients = backwardPass(net, parts, forward, labels);
    if (trained === 'adapters') optimize(net, gradients.adapters, content);
    else if (model.family === 'llama') llamaEnds(net, model, forward, gradients);
  }
  const program = b.program(
    model.family,
    { steps: recipe.steps, perProof: recipe.perProof },
    recipe.columns ?? columns(b),
    constants ?? content,
  );
  for (const t of program.tensors) {
    if (t.poly !== 'constants') continue;
    const size = t.axes.reduce((n, a) => n * a.size, 1);
    if (program.constants[t.name]?.length !== size) throw new Error(`constants: ${t.name} needs ${size} values`);
  }
  return { program, scales: b.scales };
}

/** Columns that about balance the rows of the witness against the length of one opened row. */
function columns(b: Builder): number {
  const cells = b.tensors.filter((t) => t.poly === 'witness').reduce((n, t) => n + 2 ** tensorBits(t), 0);
  return Math.max(6, Math.ceil(Math.log2(cells) / 2));
}

function adapters(b: Builder, recipe: Recipe, step: Var, train: boolean): ReadonlyMap<LinearLayer, Adapter> {
  const { lora, model, precision } = recipe;
  const layers: LayerVar = { layer: variable('layer', model.layers - lora.firstLayer), from: lora.firstLayer };
  const rank = variable('rank', lora.rank);
  const spec = { bits: precision.master.bits, signed: true, f: precision.master.f, delivered: recipe.deliver !== undefined };
  const out = new Map<LinearLayer, Adapter>();
  for (const target of lora.targets) {
    const [o, i] = linearShape(model, target);
    const make = (name: string, axes: readonly (Var | LayerVar)[]): State =>
      train ? trainedState(b, `${target}.${name}`, step, axes, spec) : frozenState(b, `${target}.${name}`, axes, spec);
    out.set(target, {
      target,
      layers,
      rank,
      a: make('A', [layers, rank, variable('in', i)]),
      b: make('B', [layers, variable('out', o), rank]),
      scaling: dyadic(lora.alpha / lora.rank),
    });
  }
  return out;
}

function optimize(net: Net, gradients: Gradients['adapters'], content: Record<string, Constants[string]>): void {
  const { b, recipe } = net;
  const { optimizer } = recipe;
  const rates = rateTables(recipe);
  const run = variable('run', recipe.steps);
  const constant = (name: string, values: number[], f: number): TensorRef => {
    content[name] = values;
    return b.tensor('constants', name, [run], { bits: 34, signed: true, f });
  };
  const step = constant('rate.step', rates.step, rates.f ?? ADAM_RATE_F);
  const keep = rates.keep ? constant('rate.keep', rates.keep, ADAM_RATE_F) : null;
  for (const adapter of net.adapters.values()) {
    const [o, i] = linearShape(recipe.model, adapter.target);
    const gradient = gradients.get(adapter.target);
    if (!gradient) throw new Error(`no gradient reaches the adapter of ${adapter.target}`);
    const matrices = [
      { key: 'A', axes: [adapter.layers, adapter.rank, variable('in', i)], state: adapter.a, g: gradient.a },
      { key: 'B', axes: [adapter.layers, variable('out', o), adapter.rank], state: adapter.b, g: gradient.b },
    ];
    for (const { key, axes, state, g } of matrices) {
      const { next } = state;
      if (!next) throw new Error(`${adapter.target}.${key} is not trained`);
      const name = `${adapter.target}.${key}`;
      if (optimizer.kind === 'adamw' && keep) adamw(net, optimizer, { step, keep }, name, axes, { used: state.used, next }, g);
      else if (optimizer.kind === 'momentum') sgdMomentum(net, optimizer, step, name, axes, { used: state.used, next }, g);
    }
  }
}
