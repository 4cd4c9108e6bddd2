/** The real functions behind look-up tables, for float walks and for tables' content. */
import type { MapFunction } from '../program/types.ts';

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

const GELU = Math.sqrt(2 / Math.PI);
const bend = (x: number): number => Math.tanh(GELU * (x + 0.044715 * x ** 3));

/** GELU in its tanh form, "gelu_new". */
export const functions: Readonly<Record<Exclude<MapFunction['name'], 'table'>, (x: number) => number>> = {
  'exp-neg': (x) => Math.exp(-x),
  silu: (x) => x * sigmoid(x),
  'silu-derivative': (x) => sigmoid(x) * (1 + x * (1 - sigmoid(x))),
  gelu: (x) => 0.5 * x * (1 + bend(x)),
  'gelu-derivative': (x) => 0.5 * (1 + bend(x)) + 0.5 * x * (1 - bend(x) ** 2) * GELU * (1 + 3 * 0.044715 * x ** 2),
  log: (x) => Math.log(x),
};
