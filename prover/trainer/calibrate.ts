/**
 * Calibration: a float walk of the first steps gives the largest magnitude of every tensor, and from it the exponents of the integer
 * program, f = bits − 1 − headroom − ceil(log2 max), at most the class's `cap` (numeric.md).
 *
 * Scales are shared where tensors are added without rounding between them (the residual stream and its gradient) or read one table
 * (all scores). The result is stored in the recipe; building the program from it needs no data.
 */
import { buildTraining } from '../../verifier/models/build.ts';
import type { Recipe } from '../../verifier/models/recipe.ts';
import type { Program } from '../../verifier/program/types.ts';
import type { Cells } from '../../verifier/public-content.ts';
import { FloatStats, Walker, type Tensors } from './walk.ts';

/** With B = 0 the gradients of A vanish in the first step, so that at least two are needed. */
const LEAST_STEPS = 2;

const stateNames = (program: Program, role: 'stateIn' | 'stateOut'): string[] => {
  const poly = program.polys.find((p) => p.role === role)?.name;
  return program.tensors.filter((t) => t.poly === poly).map((t) => t.name);
};

/** Largest real magnitude of each scale's tensors in the first steps of a float walk; how many steps these were. */
function magnitudes(recipe: Recipe, inputs: (program: Program) => Tensors, steps: number) {
  const { program, scales } = buildTraining(recipe);
  const walker = new Walker(program);
  const stats = new FloatStats();
  const tensors = new Map(inputs(program));
  const proofs = Math.ceil(Math.min(Math.max(steps, LEAST_STEPS), recipe.steps) / recipe.perProof);
  for (let proof = 0; proof < proofs; proof++) {
    const walked = walker.walkFloat(proof, tensors, stats);
    const after = stateNames(program, 'stateOut');
    stateNames(program, 'stateIn').forEach((name, i) => tensors.set(name, walked.get(after[i] as string) as Cells));
  }
  const exponentOf = new Map(program.tensors.map((t) => [t.name, t.f]));
  const found = [...scales].map(([key, { scaleClass, tensors: names }]) => {
    const max = Math.max(...names.map((n) => (stats.tensors.get(n) ?? NaN) * 2 ** -(exponentOf.get(n) as number)));
    return { key, scaleClass, names, max };
  });
  return { found, walked: proofs * recipe.perProof };
}

/**
 * The recipe with its exponents. `recipe.exponents` holds those of the model's tensors already; `inputs` gives the model, the data
 * and the first state for the uncalibrated program. Errors: a tensor that stays zero or is not finite.
 */
export function calibrate(recipe: Recipe, inputs: (program: Program) => Tensors, steps = 4): Recipe {
  const { found, walked } = magnitudes(recipe, inputs, steps);
  const exponents: Record<string, number> = { ...recipe.exponents };
  for (const { key, scaleClass, names, max } of found) {
    // A run of one step starts with B = 0: what depends on B alone is zero in all of it, at any exponent.
    if (max === 0 && recipe.steps === 1) {
      exponents[key] = 0;
      continue;
    }
    if (!(max > 0) || !Number.isFinite(max))
      throw new Error(
        `calibration: ${names.join(', ')} ${max === 0 ? 'stays zero or is not a number' : `reaches ${max}`} in ${walked} steps; give more steps or other data`,
      );
    const { bits, headroom, cap } = recipe.precision[scaleClass];
    exponents[key] = Math.min(cap ?? Infinity, bits - 1 - headroom - Math.ceil(Math.log2(max)));
  }
  return { ...recipe, exponents };
}

/**
 * Checks a recipe whose exponents stand, because a state that is continued has them already: every tensor of the first steps fits its width.
 * Errors: one that does not, one that is not finite.
 */
export function checkScales(recipe: Recipe, inputs: (program: Program) => Tensors, steps = 4): Recipe {
  const { found, walked } = magnitudes(recipe, inputs, steps);
  for (const { key, scaleClass, names, max } of found) {
    const { bits } = recipe.precision[scaleClass];
    const f = recipe.exponents[key];
    if (f === undefined || !(max * 2 ** f < 2 ** (bits - 1)))
      throw new Error(
        `calibration: ${names.join(', ')} reaches ${max} in ${walked} steps, which does not fit ${bits} bits at the last bounty’s exponent ${f ?? 'none'}; give other data, or a smaller --learning-rate`,
      );
  }
  return recipe;
}
