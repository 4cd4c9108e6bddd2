/** The parts of a LLaMA-style decoder: RMSNorm, rotary positions, grouped heads, SwiGLU. */
import type { LayerVar, Term } from './builder.ts';
import { activationConstants, ropeTables, type Constants } from './constants.ts';
import type { DecoderParts, Forward, Gradients, NormPlace } from './decoder.ts';
import { variable, weight, type Net } from './net.ts';
import { embeddingGradient } from './ops/embedding.ts';
import { llamaLinear } from './ops/linear.ts';
import { rmsNorm, rmsNormBackward, rmsNormGain } from './ops/rmsnorm.ts';
import { ROPE_F, scoreScale, type RopeTables, type Rotation } from './ops/rope.ts';
import { SILU_TABLE, swiglu, swigluBackward } from './ops/swiglu.ts';
import type { LlamaShape } from './recipe.ts';
import type { Var } from '../program/types.ts';

const NORMS: Readonly<Record<NormPlace, string>> = { first: 'input_layernorm', second: 'post_attention_layernorm', last: 'norm' };

export function llamaParts(net: Net, model: LlamaShape, content: Record<string, Constants[string]>): DecoderParts {
  const rope = ropeConstants(net, model, content);
  activationConstants(net, 'silu', SILU_TABLE, 'gate_proj.out', content);
  return {
    embedding: 'model.embed_tokens.weight',
    head: headMatrix(model),
    relativeScores: false,
    normNames: NORMS,
    norm: (place, rows, x) => {
      const matrix = place === 'last' ? 'model.norm.weight' : `model.layers.${NORMS[place]}.weight`;
      const gain = (at: typeof rows, c: Var) => weight(net, matrix).at(...(place === 'last' ? [] : [at[1] as LayerVar]), c);
      const forward = rmsNorm(net, NORMS[place], rows, x, gain);
      return {
        y: forward.y,
        width: forward.width,
        backward: (...args) => rmsNormBackward(net, forward, ...args),
        parameters: (at, dy) => rmsNormGain(net, forward, at, dy, matrix),
      };
    },
    attention: {
      kvHeads: model.kvHeads,
      group: model.heads / model.kvHeads,
      headWidth: model.headWidth,
      linear: (which, input, out) => llamaLinear(net, `${which}_proj`, input, out),
      rope,
    },
    feedForward: (layers, y, width) => {
      const forward = swiglu(net, layers, y, width);
      return {
        down: forward.down,
        backward: (floor, dz) => {
          const { gate, up, down } = swigluBackward(net, forward, floor, dz);
          return {
            all: [
              ['down_proj', down],
              ['gate_proj', gate],
              ['up_proj', up],
            ],
            input: [gate, up],
          };
        },
      };
    },
    below: {
      hidden: ['gate_proj', 'up_proj', 'o_proj', 'q_proj', 'k_proj', 'v_proj'],
      middle: ['o_proj', 'q_proj', 'k_proj', 'v_proj'],
      value: ['q_proj', 'k_proj', 'v_proj'],
      score: ['q_proj', 'k_proj'],
    },
  };
}

const headMatrix = ({ tied }: LlamaShape): string => (tied ? 'model.embed_tokens.weight' : 'lm_head.weight');

function ropeConstants(net: Net, { headWidth, ropeTheta }: LlamaShape, content: Record<string, Constants[string]>): RopeTables {
  const { b, recipe } = net;
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

/** Gradients of the embedding and the head; float walks only. */
export function llamaEnds(net: Net, model: LlamaShape, forward: Forward, gradients: Gradients): void {
  const { b, step } = net;
  const { headGradient } = gradients.head;
  if (!headGradient || !gradients.input) throw new Error('base weights are trained only for vocabularies of at most 256 ids');
  if (model.tied) throw new Error('base weights of a tied model are not trained');
  const c = forward.head.width;
  const emit = (name: string, row: Var, terms: readonly Term[]): void => {
    const grad = b.value(`grad.${name}`, [step, row, c], 'adapterGrad');
    b.round([step, row, c], grad, terms);
  };
  const u = forward.hot.lowVar;
  emit('model.embed_tokens.weight', u, [embeddingGradient(net, forward.hot, gradients.input, u, c)]);
  emit('lm_head.weight', forward.head.vocab, headGradient(c));
}
