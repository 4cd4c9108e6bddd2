/**
 * The parts of a GPT-2-style decoder: LayerNorm, learned positions, one fused matrix for q, k and v, GELU, a head tied to the embedding.
 * Weights have the file's layout [layer, in, out]; the fused one is [layer, in, third, out].
 */
import type { LayerVar, Reading } from './builder.ts';
import { activationConstants, type Constants } from './constants.ts';
import type { DecoderParts, NormPlace } from './decoder.ts';
import { weight, type Net } from './net.ts';
import { GELU_TABLE, geluBackward, geluBlock } from './ops/gelu.ts';
import { layerNorm, layerNormBackward } from './ops/layernorm.ts';
import { linear, type LinearForward, type LinearInput } from './ops/linear.ts';
import type { Gpt2Layer, Gpt2Shape, LinearLayer } from './recipe.ts';
import type { Var } from '../program/types.ts';

const NORMS: Readonly<Record<NormPlace, string>> = { first: 'ln_1', second: 'ln_2', last: 'ln_f' };
/** Linear layers that are thirds of the fused matrix, in its order. */
export const FUSED: readonly LinearLayer[] = ['attn.q', 'attn.k', 'attn.v'];

/** Name of the stacked tensor that holds a linear layer's weights or bias. */
export const gpt2Name = (name: Gpt2Layer, part: 'weight' | 'bias'): string =>
  `transformer.h.${FUSED.includes(name) ? 'attn.c_attn' : name}.${part}`;

function gpt2Linear(net: Net, name: Gpt2Layer, input: LinearInput, out: Var): LinearForward {
  const w = weight(net, gpt2Name(name, 'weight'));
  const bias = weight(net, gpt2Name(name, 'bias'));
  const third = FUSED.includes(name) ? [FUSED.indexOf(name)] : [];
  return linear(net, {
    name,
    input,
    out,
    weight: (l, o, k) => w.at(l, k, ...third, o),
    bias: (l, o) => bias.at(l, ...third, o),
  });
}

export function gpt2Parts(net: Net, model: Gpt2Shape, content: Record<string, Constants[string]>): DecoderParts {
  activationConstants(net, 'gelu', GELU_TABLE, 'mlp.c_fc.out', content);
  return {
    embedding: 'transformer.wte.weight',
    head: 'transformer.wte.weight',
    relativeScores: true,
    positions: 'transformer.wpe.weight',
    normNames: NORMS,
    norm: (place, rows, x) => {
      const parameter = (part: 'weight' | 'bias') => {
        const t = weight(net, `transformer.${place === 'last' ? '' : 'h.'}${NORMS[place]}.${part}`);
        return (at: typeof rows, c: Var): Reading => t.at(...(place === 'last' ? [] : [at[1] as LayerVar]), c);
      };
      const forward = layerNorm(net, NORMS[place], rows, x, parameter('weight'), parameter('bias'));
      return {
        y: forward.y,
        width: forward.width,
        backward: (...args) => layerNormBackward(net, forward, ...args),
      };
    },
    attention: {
      kvHeads: model.heads,
      group: 1,
      headWidth: model.headWidth,
      linear: (which, input, out) => gpt2Linear(net, which === 'o' ? 'attn.c_proj' : `attn.${which}`, input, out),
      rope: null,
    },
    feedForward: (layers, y, width) => {
      const forward = geluBlock(net, layers, y, width, (which, input, out) =>
        gpt2Linear(net, which === 'fc' ? 'mlp.c_fc' : 'mlp.c_proj', input, out),
      );
      return {
        down: forward.down,
        backward: (floor, dz) => {
          const { fc, down } = geluBackward(net, forward, floor, dz);
          return {
            all: [
              ['mlp.c_proj', down],
              ['mlp.c_fc', fc],
            ],
            input: [fc],
          };
        },
      };
    },
    below: {
      hidden: ['mlp.c_fc', 'attn.c_proj', 'attn.q', 'attn.k', 'attn.v'],
      middle: ['attn.c_proj', 'attn.q', 'attn.k', 'attn.v'],
      value: ['attn.q', 'attn.k', 'attn.v'],
      score: ['attn.q', 'attn.k'],
    },
  };
}
