/** Loss on a fixed batch, nats a token, in integers or in float64: the forward pass of the bounty's model with a given adapter. */
import type { Content } from '../../verifier/cards.ts';
import { buildEvaluation } from '../../verifier/models/build.ts';
import { meanLoss } from '../../verifier/models/loss.ts';
import type { Recipe } from '../../verifier/models/recipe.ts';
import { Walker } from '../trainer/walk.ts';
import { asTensors, type FixedContent } from './training.ts';

/** Evaluates adapters on one batch. `model` and `batch` are content by tensor name; the batch has the recipe's shape. */
export function evaluator(
  recipe: Recipe,
  model: FixedContent,
  batch: FixedContent,
): (state: Content, arithmetic: 'integer' | 'float') => number {
  const { program } = buildEvaluation({ ...recipe, steps: 1, perProof: 1 });
  const walker = new Walker(program);
  const fixed = asTensors(model, batch);
  const wanted = new Set(program.tensors.map((t) => t.name));
  return (state, arithmetic) => {
    const inputs = new Map([...fixed, ...asTensors(state)].filter(([name]) => wanted.has(name)));
    return meanLoss(program, arithmetic === 'integer' ? walker.walk(0, inputs).tensors : walker.walkFloat(0, inputs));
  };
}
