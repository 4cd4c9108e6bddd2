/** Partial evaluations as loops: the axes of a block's cells that count, and how they are cut into pieces. */
import type { ContractDim } from './types.ts';

/** One dimension of a block: cells y = first … first + count − 1, `stride` cells apart. */
export interface Axis {
  readonly stride: number;
  readonly first: number;
  readonly count: number;
  /** Weights of these cells, or, for a kept dimension, null. */
  readonly weights: readonly bigint[] | null;
  /** Output index of the first cell, and how far the next one lies. */
  readonly target: number;
  readonly step: number;
}

/** The cells that count; null if there is none. */
export function axesOf(dims: readonly ContractDim[]): Axis[] | null {
  const axes: Axis[] = [];
  let stride = 1;
  for (const dim of [...dims].reverse()) {
    let [first, end] = [0, 2 ** dim.bits];
    if (dim.kind === 'sum') {
      end = Math.min(end, dim.weights.length);
      while (first < end && dim.weights[first] === 0n) first++;
      while (first < end && dim.weights[end - 1] === 0n) end--;
      axes.push({ stride, first, count: end - first, weights: dim.weights.slice(first, end), target: 0, step: 0 });
    } else {
      first = Math.max(0, -dim.shift);
      end = Math.min(end, dim.size, dim.limit - dim.shift);
      axes.push({ stride, first, count: end - first, weights: null, target: (first + dim.shift) * dim.stride, step: dim.stride });
    }
    if (end <= first) return null;
    stride *= 2 ** dim.bits;
  }
  return axes.reverse();
}

/** Axes of a dense array, row-major, of which every cell has a weight on each. */
export function denseAxes(weights: readonly (readonly bigint[])[]): Axis[] {
  const axes: Axis[] = [];
  let stride = 1;
  for (const own of weights.toReversed()) {
    axes.push({ stride, first: 0, count: own.length, weights: own, target: 0, step: 0 });
    stride *= own.length;
  }
  return axes.reverse();
}

export const firstOf = (axes: readonly Axis[]): number => axes.reduce((n, a) => n + a.first * a.stride, 0);
/** Cells from the first that counts to the last. */
export const spanOf = (axes: readonly Axis[]): number => axes.reduce((n, a) => n + (a.count - 1) * a.stride, 1);

/** `count` cells of an axis, from the `from`-th that counts. */
export const part = (a: Axis, from: number, count: number): Axis => ({
  ...a,
  first: a.first + from,
  count,
  weights: a.weights?.slice(from, from + count) ?? null,
  target: a.target + from * a.step,
});

/** All sums a_0 + a_1 + … with a_d from lists[d], the first list slowest. */
export function combinations(lists: readonly ArrayLike<number>[]): Uint32Array<ArrayBuffer> {
  let out = Uint32Array.of(0);
  for (const list of lists) {
    const next = new Uint32Array(out.length * list.length);
    for (let i = 0, k = 0; i < out.length; i++) for (let j = 0; j < list.length; j++) next[k++] = (out[i] as number) + (list[j] as number);
    out = next;
  }
  return out;
}

/** 0, step, 2·step, … */
export const range = (n: number, step: number): number[] => Array.from({ length: n }, (_, i) => i * step);
