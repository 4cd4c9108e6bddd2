/** Commitments and multi-exponentiations. */
import { msm, type Affine } from '../../../verifier/curve.ts';
import { H, generators } from '../../../verifier/generators.ts';
import type { Engine } from './engine.ts';

export class Curve {
  readonly engine: Engine;
  constructor(engine: Engine) {
    this.engine = engine;
  }
  async commitRows(cells: Float64Array, columns: number, blinds: readonly bigint[]): Promise<Affine[]> {
    return blinds.map(
      (b, i) => msm([...Array.from(cells.subarray(i * columns, (i + 1) * columns), BigInt), b], [...generators(columns), H]) as Affine,
    );
  }
  async commit(values: readonly bigint[], blind: bigint): Promise<Affine> {
    return msm([...values, blind], [...generators(values.length), H]) as Affine;
  }
  async msm(scalars: readonly bigint[], points: readonly (Affine | null)[]): Promise<Affine | null> {
    return msm(scalars, points);
  }
}
