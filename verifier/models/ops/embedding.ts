/**
 * Token embedding as a matrix product with one-hot rows, x0[t] = Σ_u hot[t, u]·E[u].
 *
 * Ids below 256 are one chunk; larger vocabularies use two chunks of at most 8 bits, whose product is the one-hot row.
 * Backward: dE[u] = Σ_t hot[t, u]·dx0[t] (needed only when base weights are trained).
 */
import { multiply, type Form, type Index, type Reading, type TensorRef } from '../builder.ts';
import { stepOfRun, variable, weight, type Net } from '../net.ts';
import type { Var } from '../../program/types.ts';

/** The id's one-hot chunks. */
export interface OneHot {
  readonly low: TensorRef;
  readonly lowVar: Var;
  readonly high: { readonly hot: TensorRef; readonly over: Var } | null;
}

const CHUNK = 256;

/** Rows of the matrices indexed by ids: whole chunks, so that two concatenated chunks always lie inside. */
export const vocabRows = (vocab: number): number => (vocab <= CHUNK ? vocab : Math.ceil(vocab / CHUNK) * CHUNK);

/** Commits the one-hot rows of the step's ids in `ids`, which is indexed [batch of the run, token]. */
export function oneHot(net: Net, name: string, ids: TensorRef): OneHot {
  const { b, step, token } = net;
  const vocab = net.recipe.model.vocab;
  const lowVar = variable('low', Math.min(vocab, CHUNK));
  const low = b.count(`${name}.low`, [step, token, lowVar], 1, 0);
  const chunks = [{ hot: low.view(step, token, lowVar), over: lowVar, weight: 1n }];
  let high: OneHot['high'] = null;
  if (vocab > CHUNK) {
    const over = variable('high', Math.ceil(vocab / CHUNK));
    high = { hot: b.count(`${name}.high`, [step, token, over], 1, 0), over };
    chunks.push({ hot: high.hot.view(step, token, over), over, weight: BigInt(CHUNK) });
  }
  const index = ids.at(stepOfRun(net.recipe, step), token).linear;
  b.relations.push({ kind: 'onehot', on: { vars: [step, token] }, index, chunks });
  return { low, lowVar, high };
}

/** Σ_u hot[t, u]·matrix[u, …]: `read` gives the matrix at an index of its rows; t is the token variable, or its parts. */
export function gather(net: Net, hot: OneHot, read: (row: Index) => Reading, t: Index = net.token): Form {
  const { step } = net;
  const low = hot.low.at(step, t, hot.lowVar);
  if (!hot.high) return multiply([hot.lowVar], low, read(hot.lowVar));
  const { hot: high, over } = hot.high;
  return multiply([over, hot.lowVar], high.at(step, t, over), low, read([over, hot.lowVar]));
}

/** The first residual stream: rows of `matrix`, and of the table `positions` where there is one. */
export function embedding(net: Net, hot: OneHot, matrix: string, positions?: string): TensorRef {
  const { b, step, token, batch, position } = net;
  const c = variable('width', net.recipe.model.width);
  const x = b.value('embedding', [step, token, c], 'residual', { key: 'residual' });
  const row = (u: Index): Reading => weight(net, matrix).at(u, c);
  if (positions === undefined) b.round([step, token, c], x, [gather(net, hot, row)]);
  else {
    const t = [batch, position];
    b.round([step, batch, position, c], x, [gather(net, hot, row, t), weight(net, positions).at(position, c)], { index: [step, t, c] });
  }
  return x;
}

/** Terms of the embedding's gradient at [step, row u, c]. */
export function embeddingGradient(net: Net, hot: OneHot, dx: TensorRef, u: Var, c: Var): Form {
  if (hot.high) throw new Error('the embedding is trained only for vocabularies of at most 256 ids');
  const { step, token } = net;
  return multiply([token], hot.low.at(step, token, u), dx.at(step, 0, token, c));
}
