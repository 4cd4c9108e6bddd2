/**
 * Output head and cross-entropy of the summed loss, Σ_t (ln Σ_v exp(s_v) − s_label).
 *
 * Backward: neither the probabilities P = e·R nor the logits' gradient P − onehot(label) are committed; dy = (P − onehot)·W_head reads
 * e, R and W as three factors, and the label's row as a gather.
 */
import { multiply, negate, type Form, type Term, type TensorRef } from '../builder.ts';
import { variable, weight, type Net } from '../net.ts';
import { bitsOf, type Var } from '../../program/types.ts';
import { gather, oneHot, type OneHot } from './embedding.ts';
import { PROBABILITY_F, scoreTensor, softmax, type Softmax } from './softmax.ts';

export interface HeadForward {
  readonly y: TensorRef;
  readonly width: Var;
  readonly vocab: Var;
  readonly head: TensorRef;
  readonly softmax: Softmax;
}

/**
 * `y` is the final norm's output, [step, token, width]; `matrix` names the head's weights, [vocab, width]. `relative` takes the score of token 0
 * from all: probabilities are the same, and an offset common to all scores of a row takes no width.
 */
export function head(net: Net, y: TensorRef, width: Var, matrix: string, relative: boolean): HeadForward {
  const { b, step, token } = net;
  const vocab = variable('vocab', net.recipe.model.vocab);
  const w = weight(net, matrix);
  const logits = scoreTensor(b, 'logits', [step, token, vocab]);
  const normed = y.at(step, token, width);
  const terms = [multiply([width], normed, w.at(vocab, width))];
  if (relative) terms.push(multiply([width], negate(normed), w.at(0, width)));
  b.round([step, token, vocab], logits, terms);
  // S <= 2^15·vocab, so that R has 16 bits at least.
  const k = 2 * PROBABILITY_F + bitsOf(vocab.size) + 1;
  return { y, width, vocab, head: w, softmax: softmax(net, 'logits', [step, token], vocab, logits, k) };
}

export interface HeadBackward {
  readonly dy: TensorRef;
  /** Terms of the head matrix's gradient at [step, v, c]; null for vocabularies whose labels are in two chunks. */
  readonly headGradient: ((c: Var) => Term[]) | null;
}

export function headBackward(net: Net, forward: HeadForward, labels: TensorRef): HeadBackward {
  const { b, step, token } = net;
  const { y, width, vocab, head: w, softmax: soft } = forward;
  const hot: OneHot = oneHot(net, 'labels', labels);
  const dy = b.value('grad.norm.y', [step, token, width], 'activationGrad');
  const P = [soft.exponentials.at(step, token, vocab), soft.reciprocal.at(step, token)];
  b.round([step, token, width], dy, [multiply([vocab], ...P, w.at(vocab, width)), negateForm(gather(net, hot, (row) => w.at(row, width)))]);
  if (hot.high) return { dy, headGradient: null };
  const headGradient = (c: Var): Term[] => [
    multiply([token], ...P, y.at(step, token, c)),
    negateForm(multiply([token], hot.low.at(step, token, vocab), y.at(step, token, c))),
  ];
  return { dy, headGradient };
}

const negateForm = (x: Form): Form => ({ ...x, product: { ...x.product, coef: -x.product.coef } });
