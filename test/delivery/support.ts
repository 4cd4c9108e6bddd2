/** The delivering program's worlds, and what its contributor hands over. */
import { prove, makeWorld, type Attempt, type Moves, type World } from '../attacks/support/adversary.ts';
import { backend } from '../attacks/support/tiny.ts';
import { content, delivering, firstState } from '../fixtures/delivering.ts';
import type { Compiled, Placed, PolyLayout } from '../../verifier/program/compile.ts';
import type { PlainRow } from '../../verifier/delivery/row.ts';
import { polyOfRole } from '../../verifier/public-content.ts';
import type { Prover } from '../../prover/prove/prover.ts';
import type { Witness } from '../../prover/prove/witness.ts';

/** With rows of the program's shorter, as long, and longer than delivered ones. */
export const worldOf = (columns: number, delivered?: readonly string[]): Promise<World> =>
  makeWorld(backend, delivering(columns, delivered), content, firstState);

/** A run, and its last proof's plain rows. */
export async function proven(world: World, moves: Moves = {}): Promise<{ readonly attempt: Attempt; readonly rows: readonly PlainRow[] }> {
  let last: Prover | null = null;
  let witness: Witness | null = null;
  const attempt = await prove(world, {
    ...moves,
    witness: (t, own) => {
      moves.witness?.(t, own);
      witness = own;
    },
    answer: (turn) => {
      last = turn.prover;
      return moves.answer?.(turn);
    },
  });
  const blinds = (last as unknown as { readonly deliveryBlinds: readonly bigint[] }).deliveryBlinds;
  const { rows } = limbsPoly(world.compiled);
  const cells = (witness as unknown as Witness).polys.get('delivery') as Int32Array;
  return {
    attempt,
    rows: rows.map((row, i) => ({ limbs: Array.from(cells.subarray(256 * row, 256 * (row + 1))), blind: blinds[i] })),
  };
}

export const limbsPoly = (c: Compiled): PolyLayout => polyOfRole(c, 'delivery');

/** The place of a limb of a state-out tensor. */
export const limbAt = (c: Compiled, state: string, index: number): Placed =>
  limbsPoly(c).tensors[c.delivered.findIndex((l) => l.state.name === state && l.index === index)];

/** Adds to a cell of a limb, and to what is looked up for it; where that is a row of its table, it is counted. */
export function change(c: Compiled, witness: Witness, state: string, index: number, cell: number, by: number): void {
  const { tensor, offset } = limbAt(c, state, index);
  const cells = witness.polys.get('delivery') as Int32Array;
  cells[offset + cell] += by;
  const at = c.leaves.findIndex((l) => l.name === `range:${tensor.name}`);
  const values = witness.leaves[at].values[0] as Int32Array;
  const table = c.tables.findIndex((t) => t.id === c.leaves[at].id);
  const placed = c.tables[table].multiplicity;
  const counts = witness.multiplicities[table];
  const committed = witness.polys.get('witness') as Float64Array;
  const count = (row: number, n: number): void => {
    if (row < 0 || row >= counts.length) return;
    counts[row] += n;
    committed[placed.offset + row] += n;
  };
  count(values[cell], -1);
  values[cell] += by;
  count(values[cell], 1);
}
