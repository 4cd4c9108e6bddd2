/**
 * The mean cross-entropy of a walk, in nats a token, from its score tensors: ln S + max − s_label.
 */
import type { Program } from '../program/types.ts';
import type { Cells } from '../public-content.ts';

/** `tensors` are those of a walk (integers, or floats in the same units); the batch is the walk's. */
export function meanLoss(program: Program, tensors: ReadonlyMap<string, Cells>): number {
  const get = (name: string): { values: Cells; unit: number; sizes: readonly number[] } => {
    const tensor = program.tensors.find((t) => t.name === name);
    const values = tensors.get(name);
    if (!tensor || !values) throw new Error(`the walk has no tensor ${name}`);
    return { values, unit: 2 ** -tensor.f, sizes: tensor.axes.map((a) => a.size) };
  };
  const scores = get('logits');
  const max = get('logits.max');
  const sum = get('logits.sum');
  const [steps, tokens, vocab] = scores.sizes as [number, number, number];
  const label = labelReader(tensors);
  let loss = 0;
  for (let row = 0; row < steps * tokens; row++) {
    const score = scores.values[row * vocab + label(row)] as number;
    loss += Math.log((sum.values[row] as number) * sum.unit) + ((max.values[row] as number) - score) * scores.unit;
  }
  return loss / (steps * tokens);
}

/** Label of a row [step, token], from its one-hot chunks. */
function labelReader(tensors: ReadonlyMap<string, Cells>): (row: number) => number {
  const low = tensors.get('labels.low');
  const high = tensors.get('labels.high');
  const rows = (tensors.get('logits.max') as Cells).length;
  const position = (hot: Cells | undefined, row: number): number => {
    if (!hot) return 0;
    const n = hot.length / rows;
    return hot.subarray(row * n, (row + 1) * n).indexOf(1);
  };
  return (row) => position(high, row) * 256 + position(low, row);
}
