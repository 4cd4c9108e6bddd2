/**
 * The integer training of a bounty: one walk for each proof's group of steps, the state stored after each, so that a killed run goes
 * on where it was. The arithmetic is exact: every machine and every resumption ends with the same adapter.
 */
import { decodeContent, type Content } from '../../verifier/cards.ts';
import { InputError } from '../../verifier/input.ts';
import type { Program } from '../../verifier/program/types.ts';
import { tensorsOf, type Cells } from '../../verifier/public-content.ts';
import { meanLoss } from '../../verifier/models/loss.ts';
import { encodeContent } from '../cards/content.ts';
import type { AsyncProducts } from '../trainer/batches.ts';
import { Walker } from '../trainer/walk.ts';
import type { RunStorage } from './storage.ts';

/** Content of the model's and the data's tensors, dense. */
export type FixedContent = Readonly<Record<string, ArrayLike<number>>>;

const isCells = (v: ArrayLike<number>): v is Cells =>
  v instanceof Float64Array || v instanceof Int32Array || v instanceof Int16Array || v instanceof Int8Array;

/** Cells by tensor name as a walk takes them. */
export const asTensors = (...parts: readonly FixedContent[]): Map<string, Cells> =>
  new Map(parts.flatMap((part) => Object.entries(part).map(([name, v]): [string, Cells] => [name, isCells(v) ? v : Float64Array.from(v)])));

const namesOf = (program: Program, role: 'stateIn' | 'stateOut'): readonly string[] => {
  const poly = program.polys.find((p) => p.role === role)?.name;
  return program.tensors.filter((t) => t.poly === poly).map((t) => t.name);
};

/** The state that a walk ends in, under the names of the state that the next one starts from. */
export function nextState(program: Program, tensors: ReadonlyMap<string, Cells>): Record<string, Cells> {
  const into = namesOf(program, 'stateIn');
  return Object.fromEntries(namesOf(program, 'stateOut').map((name, i) => [into[i] as string, tensors.get(name) as Cells]));
}

const stateName = (proof: number): string => `state-${String(proof).padStart(6, '0')}`;

export interface TrainingInput {
  readonly program: Program;
  readonly walker: Walker;
  /** Content of model and data. */
  readonly fixed: FixedContent;
  readonly first: Content;
  readonly storage: RunStorage;
  /** Where large matrix products are computed; default: where the others are. The results are the same. */
  readonly products?: AsyncProducts;
  /** While a proof's steps are walked: how many proofs' steps are done, the part of these in fractions. */
  readonly onProgress?: (done: number, total: number) => void;
  /** After each proof's steps: the mean loss over their batches, null when they were done before. */
  readonly onGroup?: (done: number, total: number, loss: number | null) => void;
}

/** The state before each proof, and last the final one. */
export type States = readonly Content[];

/** Trains all steps, or goes on from what is stored. Errors: `WidthError` (a declared width is too small), damaged files. */
export async function trainRun(input: TrainingInput): Promise<States> {
  const { program, walker, storage } = input;
  const shape = tensorsOf(program, program.polys.find((p) => p.role === 'stateIn')?.name ?? '');
  const fixed = asTensors(input.fixed);
  const proofs = program.schedule.steps / program.schedule.perProof;
  const states: Content[] = [input.first];
  for (let t = 0; t < proofs; t++) {
    const stored = await storage.load(stateName(t + 1));
    if (stored !== null) {
      states.push(decodeContent(shape, stored, stateName(t + 1)));
      input.onGroup?.(t + 1, proofs, null);
      continue;
    }
    const inputs = new Map([...fixed, ...asTensors(states[t] as Content)]);
    const options = { onProgress: (part: number) => input.onProgress?.(t + part, proofs) };
    const { tensors } = input.products ? await walker.walkAsync(t, inputs, input.products, options) : walker.walk(t, inputs, options);
    const state = nextState(program, tensors);
    storage.save(stateName(t + 1), encodeContent(shape, state, stateName(t + 1)), true);
    states.push(state);
    input.onGroup?.(t + 1, proofs, meanLoss(program, tensors));
  }
  return states;
}

/** The final state of a trained run. Errors: not trained to the end. */
export async function finalState(program: Program, storage: RunStorage): Promise<Content> {
  const name = stateName(program.schedule.steps / program.schedule.perProof);
  const stored = await storage.load(name);
  if (stored === null) throw new InputError(name, '', 'does not exist', 'the run is not trained to its end; go on with `fineproof train`');
  return decodeContent(tensorsOf(program, program.polys.find((p) => p.role === 'stateIn')?.name ?? ''), stored, name);
}

/** The same training in float64: real values in the integers' units, nothing rounded. `onGroup` gets the state after each proof's steps. */
export function trainFloat(walker: Walker, fixed: FixedContent, first: Content, onGroup: (state: Content) => void): void {
  const { program } = walker;
  const inputs = asTensors(fixed);
  let state: Content = first;
  for (let t = 0; t < program.schedule.steps / program.schedule.perProof; t++) {
    state = nextState(program, walker.walkFloat(t, new Map([...inputs, ...asTensors(state)])));
    onGroup(state);
  }
}
