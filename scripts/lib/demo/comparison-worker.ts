/** Beside the prover, in a thread of its own: the same training in float64, and the held-out loss of both after every group of steps. */
import { parentPort, workerData } from 'node:worker_threads';
import { evaluator } from '../../../prover/run/evaluation.ts';
import { trainFloat, type FixedContent, type States } from '../../../prover/run/training.ts';
import { Walker } from '../../../prover/trainer/walk.ts';
import type { Content } from '../../../verifier/cards.ts';
import { buildTraining } from '../../../verifier/models/build.ts';
import type { Recipe } from '../../../verifier/models/recipe.ts';

export interface ComparisonInput {
  readonly recipe: Recipe;
  readonly constants: Parameters<typeof buildTraining>[1];
  readonly model: FixedContent;
  readonly data: FixedContent;
  readonly heldOut: FixedContent;
  /** Integer states, the first one first. */
  readonly states: States;
}

/** Held-out losses before the first step and after every group of steps. */
export interface Comparison {
  readonly integer: readonly number[];
  readonly float: readonly number[];
  readonly floatSeconds: number;
}

const { recipe, constants, model, data, heldOut, states } = workerData as ComparisonInput;
const loss = evaluator(recipe, model, heldOut);
const integer = states.map((state) => loss(state, 'integer'));
const first = states[0] as Content;
const float = [loss(first, 'float')];
const begin = performance.now();
trainFloat(new Walker(buildTraining(recipe, constants).program), { ...model, ...data }, first, (state) => float.push(loss(state, 'float')));
const result: Comparison = { integer, float, floatSeconds: (performance.now() - begin) / 1000 };
parentPort?.postMessage(result);
