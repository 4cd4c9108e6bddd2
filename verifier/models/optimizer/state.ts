/** Trained values: the state before a proof, the value after each of its steps, and the state after it. */
import { add, shifted, type Builder, type Index, type LayerVar, type Reading, type TensorRef } from '../builder.ts';
import type { State } from '../net.ts';
import type { Var } from '../../program/types.ts';

export interface StateSpec {
  readonly bits: number;
  readonly signed: boolean;
  readonly f: number;
  /** How the value after a step is bounded, if not by a look-up of its own. */
  readonly range?: 'map';
  /** Whether the value after a proof is delivered. */
  readonly delivered?: boolean;
}

/** `name` is that of the state without `state.in.`; the axes are those of one value (layer, then the matrix). */
export function trainedState(
  b: Builder,
  name: string,
  step: Var,
  axes: readonly (Var | LayerVar)[],
  { range, delivered, ...spec }: StateSpec,
): State & { readonly next: TensorRef } {
  const before = b.tensor('state.in', `state.in.${name}`, axes, spec);
  const next = b.tensor('witness', `lora.${name}`, [step, ...axes], { ...spec, ...(range ? { range } : {}) });
  const after = b.tensor('state.out', `state.out.${name}`, axes, { ...spec, ...(delivered === true ? { range: 'limbs' } : {}) });
  b.equal(axes, after, [next.at(step.size - 1, ...axes)]);
  const used = (...index: readonly Index[]): Reading => {
    const first = before.when(step, 0, ...index);
    return step.size === 1 ? first : add(first, next.at(shifted(step, -1), ...index));
  };
  return { used, next };
}

/** An adapter matrix that is read, not trained. */
export function frozenState(b: Builder, name: string, axes: readonly (Var | LayerVar)[], spec: StateSpec): State {
  const before = b.tensor('state.in', `state.in.${name}`, axes, spec);
  return { used: (...index) => before.at(...index), next: null };
}
