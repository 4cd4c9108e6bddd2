/**
 * A LLaMA-style decoder with LoRA adapters as a program: forward pass, backward pass down to the lowest adapter, update.
 *
 * The program is a pure function of the recipe; only the constants' content (tables, rotations, rates) is given separately, for it
 * is computed once and stored.
 */
import { tensorBits, type Program, type Var } from '../program/types.ts';
import { add, Builder, dyadic, nextLayer, previousLayer, type LayerVar, type Reading, type Scale, type TensorRef } from './builder.ts';
import { expTable, rateTables, ropeTables, siluTables, type Constants } from './constants.ts';
import { layersFrom, variable, weight, type Adapter, type Net, type Rows, type State, type Trained } from './net.ts';
import { attention, attentionBackward, type AttentionForward } from './ops/attention.ts';
import { head, headBackward } from './ops/cross-entropy.ts';
import { embedding, embeddingGradient, oneHot } from './ops/embedding.ts';
import type { LinearBackward } from './ops/linear.ts';
import { rmsNorm, rmsNormBackward, rmsNormGain, type NormForward } from './ops/rmsnorm.ts';
import { ROPE_F, scoreScale, type RopeTables, type Rotation } from './ops/rope.ts';
import { EXP_TABLE, PROBABILITY_F, SCORE_KEY } from './ops/softmax.ts';
import { SILU_TABLE, siluBits, swiglu, swigluBackward, type SwigluForward } from './ops/swiglu.ts';
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
export const buildLlama = (recipe: Recipe, constants?: Constants): Built => build(recipe, 'adapters', constants);

/** Gradients of every base weight (tensors `grad.<name>`) instead of adapters; for float walks. */
export const buildPretraining = (recipe: Recipe): Built => build(recipe, 'all');

/** Forward pass and labels' tensors only, one batch a step, with the adapter of the state; for measuring the loss. */
export const buildEvaluation = (recipe: Recipe): Built => build(recipe, 'nothing');

function build(recipe: Recipe, trained: Trained, constants?: Constants): Built {
  checkRecipe(recipe);
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
  const rope = ropeConstants(net, content);
  tables(net, content);

  const forward = forwardPass(net, inputs, rope);
  if (trained === 'nothing') oneHot(net, 'labels', labels);
  else {
    const gradients = backwardPass(net, forward, labels);
    if (trained === 'adapters') optimize(net, gradients, content);
  }
  const program = b.program(
    'llama',
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
  const spec = { bits: precision.master.bits, signed: true, f: precision.master.f };
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

function ropeConstants(net: Net, content: Record<string, Constants[string]>): RopeTables {
  const { b, recipe } = net;
  const { headWidth, ropeTheta } = recipe.model;
  const axes = [variable('position', recipe.sequence), variable('pair', headWidth / 2)];
  const spec = { bits: 16, signed: true, f: ROPE_F };
  const rotation = (name: string, factor: number): Rotation => {
    const { cos, sin } = ropeTables(recipe.sequence, headWidth, ropeTheta, factor);
    content[`${name}.cos`] = cos;
    content[`${name}.sin`] = sin;
    return { cos: b.tensor('constants', `${name}.cos`, axes, spec), sin: b.tensor('constants', `${name}.sin`, axes, spec) };
  };
  const key = rotation('rope', 1);
  return { key, query: scoreScale(headWidth).half ? rotation('rope.query', Math.SQRT1_2) : key };
}

function tables(net: Net, content: Record<string, Constants[string]>): void {
  const { b, recipe } = net;
  const { score, gate, siluF } = recipe.precision;
  const scoreF = b.exponent(SCORE_KEY);
  const gateF = b.exponent('gate_proj.out');
  const column = (name: string, size: number, bits: number, signed: boolean, f: number): string => {
    b.tensor('constants', name, [variable('entry', size)], { bits, signed, f });
    return name;
  };
  content['table.exp'] = expTable(score.bits, scoreF);
  b.tables.push({
    id: EXP_TABLE,
    name: 'exp',
    lo: 0,
    size: 2 ** score.bits,
    y: column('table.exp', 2 ** score.bits, PROBABILITY_F + 1, false, PROBABILITY_F),
    fn: { name: 'exp-neg', fIn: scoreF, fOut: PROBABILITY_F },
  });
  const widths = siluBits(gate.bits, gateF, siluF);
  const { silu, slope } = siluTables(gate.bits, gateF, siluF);
  content['table.silu'] = silu;
  content['table.silu.slope'] = slope;
  b.tables.push({
    id: SILU_TABLE,
    name: 'silu',
    lo: -(2 ** (gate.bits - 1)),
    size: 2 ** gate.bits,
    y: column('table.silu', 2 ** gate.bits, widths.silu, true, siluF),
    y2: column('table.silu.slope', 2 ** gate.bits, widths.slope, true, siluF),
    fn: { name: 'silu', fIn: gateF, fOut: siluF },
    fn2: { name: 'silu-derivative', fIn: gateF, fOut: siluF },
  });
}

interface Forward {
  readonly hot: ReturnType<typeof oneHot>;
  readonly norm1: NormForward;
  readonly attention: AttentionForward;
  readonly norm2: NormForward;
  readonly mlp: SwigluForward;
  readonly norm: NormForward;
  readonly head: ReturnType<typeof head>;
}

function forwardPass(net: Net, inputs: TensorRef, tables_: RopeTables): Forward {
  const { b, step, token, recipe } = net;
  const last = recipe.model.layers - 1;
  const layers = layersFrom(net, 0) as LayerVar;
  const rows: Rows = [step, layers, token];
  const width = variable('width', recipe.model.width);
  const hot = oneHot(net, 'inputs', inputs);
  const x0 = embedding(net, hot);
  const middle = b.value('residual.middle', [...rows, width], 'residual', { key: 'residual' });
  const xOut = b.value('residual.out', [...rows, width], 'residual', { key: 'residual' });

  const xIn = (at: Rows, c: Var): Reading => {
    const l = at[1] as LayerVar;
    const first = x0.when(l.layer, -l.from, step, token, c);
    return l.from + l.layer.size > 1 ? add(first, xOut.at(step, previousLayer(l), token, c)) : first;
  };
  const gain = (name: string) => (at: Rows, c: Var) => weight(net, name).at(at[1] as LayerVar, c);
  const norm1 = rmsNorm(net, 'input_layernorm', rows, xIn, gain('model.layers.input_layernorm.weight'));
  const attn = attention(net, layers, norm1.y, norm1.width, tables_);
  const out = attn.o.out;
  b.round([step, layers, token, out], middle, [xIn(rows, out), ...attn.o.terms(layers)]);
  const norm2 = rmsNorm(
    net,
    'post_attention_layernorm',
    rows,
    (at, c) => middle.at(...at, c),
    gain('model.layers.post_attention_layernorm.weight'),
  );
  const mlp = swiglu(net, layers, norm2.y, norm2.width);
  b.round([step, layers, token, out], xOut, [middle.at(step, layers, token, out), ...mlp.down.terms(layers)]);

  const norm = rmsNorm(
    net,
    'norm',
    [step, token],
    (_, c) => xOut.at(step, last, token, c),
    (_, c) => weight(net, 'model.norm.weight').at(c),
  );
  return { hot, norm1, attention: attn, norm2, mlp, norm, head: head(net, norm.y, norm.width) };
}

type Gradients = ReadonlyMap<LinearLayer, { readonly a: TensorRef; readonly b: TensorRef }>;

/** From which layer on each part of a layer's backward pass is needed, given the lowest adapter. */
function floors(net: Net): {
  mlp: LayerVar | null;
  middle: LayerVar | null;
  value: LayerVar | null;
  score: LayerVar | null;
  input: LayerVar | null;
} {
  if (net.trained === 'all') {
    const all = layersFrom(net, 0);
    return { mlp: all, middle: all, value: all, score: all, input: all };
  }
  const { targets, firstLayer } = net.recipe.lora;
  const from = (...below: readonly LinearLayer[]): LayerVar | null =>
    layersFrom(net, firstLayer + (targets.some((t) => below.includes(t)) ? 0 : 1));
  return {
    mlp: from('gate_proj', 'up_proj', 'o_proj', 'q_proj', 'k_proj', 'v_proj'),
    middle: from('o_proj', 'q_proj', 'k_proj', 'v_proj'),
    value: from('q_proj', 'k_proj', 'v_proj'),
    score: from('q_proj', 'k_proj'),
    input: from(),
  };
}

function backwardPass(net: Net, forward: Forward, labels: TensorRef): Gradients {
  const { b, step, token, recipe } = net;
  const last = recipe.model.layers - 1;
  const floor = floors(net);
  const { dy, headGradient } = headBackward(net, forward.head, labels);
  const dTop = rmsNormBackward(net, forward.norm, [step, token], dy, 'grad.residual.top', []);

  // The gradient of a layer's output: the top's in the last layer, else that of the next layer's input.
  let dIn: TensorRef | null = null;
  const dOut = (l: LayerVar, c: Var): Reading => {
    const top = dTop.when(l.layer, last - l.from, step, token, c);
    return dIn && l.from < last ? add(top, dIn.at(step, nextLayer(l), token, c)) : top;
  };
  const width = variable('width', recipe.model.width);
  // Declared before the relations that read it: the layers' gradients form one stacked recursion.
  if (floor.input) dIn = b.value('grad.residual.in', [step, floor.input, token, width], 'residualGrad', { key: 'residual.grad' });

  const out = forward.attention.o.out;
  const mlp = swigluBackward(net, forward.mlp, floor.mlp, (l) => dOut(l, out));
  const collected = new Map<LinearLayer, LinearBackward | null>([
    ['down_proj', mlp.down],
    ['gate_proj', mlp.gate],
    ['up_proj', mlp.up],
  ]);
  const inputGradient = (name: string, l: LayerVar, parts: readonly (LinearBackward | null)[]): TensorRef => {
    const grad = b.value(name, [step, l, token, width], 'activationGrad');
    b.round(
      [step, l, token, width],
      grad,
      parts.flatMap((p) => (p ? p.input(l) : [])),
    );
    return grad;
  };
  if (floor.middle) {
    const rows: Rows = [step, floor.middle, token];
    const dy2 = inputGradient('grad.post_attention_layernorm.y', floor.middle, [mlp.gate, mlp.up]);
    const dMiddle = rmsNormBackward(net, forward.norm2, rows, dy2, 'grad.residual.middle', [dOut(floor.middle, forward.norm2.width)]);
    const attn = attentionBackward(net, forward.attention, { value: floor.value, score: floor.score }, (l) =>
      dMiddle.at(step, l, token, out),
    );
    for (const k of ['q', 'k', 'v', 'o'] as const) collected.set(`${k}_proj`, attn[k]);
    if (floor.input && dIn) {
      const rows1: Rows = [step, floor.input, token];
      const dy1 = inputGradient('grad.input_layernorm.y', floor.input, [attn.q, attn.k, attn.v]);
      rmsNormBackward(net, forward.norm1, rows1, dy1, dIn, [dMiddle.at(...rows1, forward.norm1.width)]);
      if (net.trained === 'all') {
        rmsNormGain(net, forward.norm1, rows1, dy1, 'model.layers.input_layernorm.weight');
        rmsNormGain(net, forward.norm2, rows, dy2, 'model.layers.post_attention_layernorm.weight');
        rmsNormGain(net, forward.norm, [step, token], dy, 'model.norm.weight');
        baseEnds(net, forward, dIn, headGradient);
      }
    }
  }
  const gradients = new Map<LinearLayer, { a: TensorRef; b: TensorRef }>();
  for (const [name, g] of collected) if (g?.gradA && g.gradB) gradients.set(name, { a: g.gradA, b: g.gradB });
  return gradients;
}

/** Gradients of the embedding and the head, one sum where they are tied. */
function baseEnds(net: Net, forward: Forward, dx: TensorRef, headGradient: ReturnType<typeof headBackward>['headGradient']): void {
  const { b, step, recipe } = net;
  if (!headGradient) throw new Error('base weights are trained only for vocabularies of at most 256 ids');
  const c = forward.head.width;
  const u = forward.hot.lowVar;
  const v = forward.head.vocab;
  const emit = (name: string, row: Var, terms: Parameters<Builder['round']>[2]): void => {
    const grad = b.value(`grad.${name}`, [step, row, c], 'adapterGrad');
    b.round([step, row, c], grad, terms);
  };
  if (recipe.model.tied) throw new Error('base weights of a tied model are not trained');
  emit('model.embed_tokens.weight', u, [embeddingGradient(net, forward.hot, dx, u, c)]);
  emit('lm_head.weight', v, [headGradient(c)]);
}

function optimize(net: Net, gradients: Gradients, content: Record<string, Constants[string]>): void {
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
