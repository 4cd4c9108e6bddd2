/** A backend as the verifier's engine (verifier/engine.ts), in Node and in pages. */
import type { Engine } from '../../verifier/engine.ts';
import type { Backend, Cells } from './types.ts';

const isCells = (values: ArrayLike<number>): values is Cells =>
  [Int8Array, Int16Array, Int32Array, Float64Array].some((kind) => values instanceof kind);

/** The engine that a backend is. */
export const engineOf = (backend: Backend): Engine => ({
  name: backend.name,
  keccak: backend.keccak,
  msm: (scalars, points) => backend.msm(scalars, points),
  // A backend refuses to commit to infinity. A sum that is infinity, and not empty, would be a relation among the generators.
  commit: async (values, blind) => ([blind, ...values].every((v) => v === 0n) ? null : backend.commit(values, blind)),
  weightedSum: (values, weights) => backend.weightedSum(isCells(values) ? values : Float64Array.from(values), weights),
  commitRows: (cells, columns, blinds, rows) => backend.commitRows(cells, columns, blinds, rows),
});
