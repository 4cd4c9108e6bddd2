import type { Compiled } from '../../../verifier/program/compile.ts';
import { placeTensors, type Witness } from '../../../prover/prove/witness.ts';

/**
 * Fills every cell of witness and state-out that belongs to no tensor's domain with numbers of up to 40 bits, in the rows that are committed or in
 * those that are not. Returns how many there are.
 */
export function fillPads(c: Compiled, witness: Witness, committed = true): number {
  let filled = 0;
  for (const poly of c.polys) {
    if (poly.role !== 'witness' && poly.role !== 'stateOut') continue;
    const ones = new Map(
      poly.tensors.map(({ tensor }) => [tensor.name, new Float64Array(tensor.axes.reduce((n, a) => n * a.size, 1)).fill(1)]),
    );
    const inside = placeTensors(poly.tensors, ones, poly.bits);
    const cells = witness.polys.get(poly.name) as Float64Array;
    const rows = new Set(poly.rows);
    for (let i = 0; i < cells.length; i++) {
      if (inside[i] !== 0 || rows.has(Math.floor(i / 2 ** c.columns)) !== committed) continue;
      cells[i] = Math.floor((Math.random() - 0.5) * 2 ** 40);
      filled++;
    }
  }
  return filled;
}
