import type { RateConfig } from '../recipe.ts';

/** Learning rate of step t = 1 … steps, for the mean loss. */
export function rateAt(r: RateConfig, t: number, steps: number): number {
  const warm = r.warmupSteps > 0 ? Math.min(1, t / r.warmupSteps) : 1;
  if (r.decay === 'constant' || steps <= r.warmupSteps) return r.learningRate * warm;
  const left = (steps - Math.max(t, r.warmupSteps + 1) + 1) / (steps - r.warmupSteps);
  return r.learningRate * warm * left;
}
