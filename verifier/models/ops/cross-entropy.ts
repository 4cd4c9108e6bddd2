/**
 * Output head and cross-entropy of the summed loss, Σ_t (ln Σ_v exp(s_v) − s_label).
 *
 * Backward: the logits' gradient P − onehot(label) is never committed; it enters dy = (P − onehot)·W_head as a factor.
 */
import { add, multiply, negate, type Form, type Term, type TensorRef } from '../builder.ts';
import { variable, weight, type Net } from '../net.ts';
import type { Var } from '../../program/types.ts';
import { gather, oneHot, type OneHot } from './embedding.ts';
import { SCORE_KEY, softmax, type Softmax } from './softmax.ts';

export interface HeadForward {
  readonly y: TensorRef;
  readonly width: Var;
  readonly vocab: Var;
  readonly head: TensorRef;
  readonly softmax: Softmax;
}

/** `y` is the final norm's output, [step, token, width]. */
export function head(net: Net, y: TensorRef, width: Var): HeadForward {
  const { b, step, token } = net;
  const vocab = variable('vocab', net.recipe.model.vocab);
  const w = weight(net, net.recipe.model.tied ? 'model.embed_tokens.weight' : 'lm_head.weight');
  const logits = b.value('logits', [step, token, vocab], 'score', { key: SCORE_KEY });
  b.round([step, token, vocab], logits, [multiply([width], y.at(step, token, width), w.at(vocab, width))]);
  return { y, width, vocab, head: w, softmax: softmax(net, 'logits', [step, token], vocab, logits) };
}

export interface HeadBackward {
  readonly dy: TensorRef;
  /** Terms of the head matrix's gradient at [step, v, c]; null for vocabularies whose labels are in two chunks. */
  readonly headGradient: ((c: Var) => Form) | null;
}

export function headBackward(net: Net, forward: HeadForward, labels: TensorRef): HeadBackward {
  const { b, step, token } = net;
  const { y, width, vocab, head: w, softmax: soft } = forward;
  const P = soft.probabilities;
  const hot: OneHot = oneHot(net, 'labels', labels);
  const dy = b.value('grad.norm.y', [step, token, width], 'activationGrad');
  if (hot.high) {
    const terms: Term[] = [
      multiply([vocab], P.at(step, token, vocab), w.at(vocab, width)),
      negateForm(gather(net, hot, (row) => w.at(row, width))),
    ];
    b.round([step, token, width], dy, terms);
    return { dy, headGradient: null };
  }
  const dlogits = add(P.at(step, token, vocab), negate(hot.low.at(step, token, vocab)));
  b.round([step, token, width], dy, [multiply([vocab], dlogits, w.at(vocab, width))]);
  return { dy, headGradient: (c) => multiply([token], dlogits, y.at(step, token, c)) };
}

const negateForm = (x: Form): Form => ({ ...x, product: { ...x.product, coef: -x.product.coef } });
