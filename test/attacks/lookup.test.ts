/** Look-ups: every entry of a domain is a row of its table, as one tuple, and nothing else may balance it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkProgram } from '../../verifier/validity/check.ts';
import { LIMITS } from '../../verifier/program/limits.ts';
import { RunMachine, type Felt, type Word } from '../../verifier/protocol/machine.ts';
import { R } from '../../verifier/field.ts';
import { tinyTraining } from '../fixtures/tiny-training.ts';
import { cases, wideCase } from '../fixtures/relations.ts';
import { makeWorld, prove, verifyWeakly, type World } from './support/adversary.ts';
import type { LeafWitness, Witness } from '../../prover/prove/witness.ts';
import { replaceRow } from './support/forge.ts';
import { backend, refused, variant, world1 } from './support/tiny.ts';

const { compiled } = world1;
const caseWorld = (name: string): Promise<World> => {
  const found = [...cases, wideCase].find((c) => c.name === name);
  assert.ok(found, name);
  return makeWorld(backend, found.program, found.content, new Map());
};
/** Adds to the count of a row of a table, in the tree and in the committed polynomial. */
function recount(world: World, witness: Witness, id: number, row: number, by: number): void {
  const table = world.compiled.tables.findIndex((t) => t.id === id);
  witness.multiplicities[table][row] += by;
  (witness.polys.get('witness') as Float64Array)[world.compiled.tables[table].multiplicity.offset + row] += by;
}

test('L1 a denominator of zero stops the prover', async () => {
  /** α is the id of the table of 1 bit, whose entry 0 then has the denominator α − 1 − β·0 = 0. */
  class Chosen extends RunMachine {
    private first = true;
    override squeeze(state: Word): Felt {
      const challenge = super.squeeze(state);
      if (!this.first) return challenge;
      this.first = false;
      return this.felt(1n);
    }
  }
  await assert.rejects(prove(world1, { machine: () => new Chosen() }), /denominator is zero/);
});

test('L1 a root whose denominators are zero', async () => {
  for (const root of [
    [0n, 0n, 0n, 0n, 0n, 0n],
    [1n, 1n, 0n, 0n, 0n, 5n],
    [3n, 4n, 0n, 7n, 0n, 1n],
  ])
    await refused(
      await prove(world1, {
        answer: (turn) => ('ask' in turn.request && turn.request.ask.name === 'root' ? replaceRow(world1, turn, () => root) : undefined),
      }),
    );
});

test('L2 counts that do not balance', async () => {
  for (const [row, by] of [
    [0, 1],
    [2, -1],
  ])
    await refused(await prove(world1, { witness: (_, witness) => recount(world1, witness, 2, row, by) }));
  await refused(
    await prove(world1, {
      witness: (_, witness) => {
        recount(world1, witness, 5, 0, 1);
        recount(world1, witness, 5, 1, -1);
      },
    }),
  );
});

test('L2 an entry outside its table balanced by wrapped counts in the tree alone', async () => {
  const leaf = compiled.leaves.findIndex((l) => l.name === 'range:g');
  await refused(
    await prove(world1, {
      witness: (_, witness) => {
        const [values] = witness.leaves[leaf].values;
        const table = compiled.tables.findIndex((t) => t.id === 5);
        witness.multiplicities[table][values[0]] -= 1;
        witness.multiplicities[table][0] += 1;
        values[0] = 0;
      },
    }),
  );
});

test('L2 more look-ups than the characteristic', () => {
  // A relation has at most a few leaves, each over the cells of tensors of at most 2^36 cells with limbs.
  assert.ok(BigInt(LIMITS.relations) * 2n ** 48n < R);
  assert.ok(2n ** BigInt(compiled.depth) < R);
});

test('L3 padding that smuggles an entry', async () => {
  const leaf = compiled.leaves.findIndex((l) => l.name === 'range:x');
  const { on, bits } = compiled.leaves[leaf];
  assert.ok(on.vars[0].size < 2 ** bits);
  await refused(
    await prove(world1, {
      witness: (_, witness) => {
        const [values] = witness.leaves[leaf].values;
        (witness.leaves as LeafWitness[])[leaf] = { domain: { sizes: [on.vars[0].size + 1] }, values: [Int32Array.of(...values, 7)] };
        recount(world1, witness, 5, 7, 1);
      },
    }),
  );
});

test('L4 input and output of a map that are in the table, but not in one row', async () => {
  await refused(
    await prove(world1, {
      walk: (_, tensors) => {
        const a = tensors.get('a') as Float64Array;
        [a[0], a[1]] = [a[1], a[0]];
      },
    }),
  );
  const three = await caseWorld('map of three entries');
  await refused(
    await prove(three, {
      walk: (_, tensors) => {
        const [y, z] = [tensors.get('y') as Float64Array, tensors.get('z') as Float64Array];
        [y[0], y[1]] = [y[1], y[0]];
        [z[0], z[2]] = [z[2], z[0]];
      },
    }),
  );
});

test('L4 another table behind the id', async () => {
  const program = tinyTraining(1);
  const act = (program.constants['act'] as readonly number[]).map((v) => v + 1);
  const other = await variant(world1, { program: { ...program, constants: { ...program.constants, act } } });
  const forged = await prove(world1, { world: () => other, deciderWorld: other });
  await refused(forged, /the value of constants is not that of its content/);
  await verifyWeakly(forged, { publicContent: false });
});

test('L4 two tables with one id, or an id that is a width', () => {
  const program = tinyTraining(1);
  const [table] = program.tables;
  assert.throws(() => checkProgram({ ...program, tables: [table, { ...table, name: 'again' }] }), /id is taken/);
  assert.throws(() => checkProgram({ ...program, tables: [{ ...table, id: 5 }] }), /id is not in range/);
});

test('L5 a remainder out of range, a quotient past its width', async () => {
  // y + 1 with the remainder that this leaves, −1 … of a table of 2 bits.
  await refused(await prove(world1, { walk: (_, tensors) => void ((tensors.get('A new') as Float64Array)[0] += 1) }));
  // g = 17 + … leaves its 5 bits; the equality is kept by a like change of nothing else, so both fail.
  await refused(await prove(world1, { walk: (_, tensors) => void ((tensors.get('g') as Float64Array)[2] += 32) }));
  const divide = await caseWorld('divide, floor');
  await refused(await prove(divide, { walk: (_, tensors) => void ((tensors.get('q') as Float64Array)[1] += 2 ** 5) }));
});

test('L5 a limb of 2^16', async () => {
  const world = await caseWorld('wide rescale and mantissa');
  const limb = world.compiled.leaves.findIndex((l) => l.name === '0:rescale/limb0');
  const top = world.compiled.leaves.findIndex((l) => l.name === '0:rescale');
  assert.ok(limb >= 0 && top >= 0);
  await refused(
    await prove(world, {
      witness: (_, witness) => {
        const placed = world.compiled.tensors.get('0:rescale/limb0');
        assert.ok(placed);
        // Low limb + 2^16, the rest one less: the sum is the same.
        const cell = [0, 1, 2].find((k) => witness.leaves[top].values[0][k] > 0);
        assert.ok(cell !== undefined);
        const id = world.compiled.leaves[top].id;
        recount(world, witness, id, witness.leaves[top].values[0][cell], -1);
        recount(world, witness, id, witness.leaves[top].values[0][cell] - 1, 1);
        recount(world, witness, 16, witness.leaves[limb].values[0][cell], -1);
        witness.leaves[top].values[0][cell] -= 1;
        witness.leaves[limb].values[0][cell] += 2 ** 16;
        (witness.polys.get('witness') as Float64Array)[placed.offset + cell] += 2 ** 16;
      },
    }),
  );
});

test('L6 a copy whose entries are those of its source in another order', async () => {
  await refused(
    await prove(world1, {
      walk: (_, tensors) => {
        const out = tensors.get("A'") as Float64Array;
        [out[0], out[1]] = [out[1], out[0]];
      },
    }),
  );
});

test('L6 a copy of one entry for all', async () => {
  await refused(
    await prove(world1, { walk: (_, tensors) => void (tensors.get("m'") as Float64Array).fill((tensors.get('m new') as Float64Array)[0]) }),
  );
});

test('L7 a maximum that nothing attains, a lower one, and a masked column', async () => {
  const world = await caseWorld('rowmax on a causal domain');
  const put = (name: string, cell: number, by: number) => (_: number, tensors: Map<string, Float64Array>) =>
    void ((tensors.get(name) as Float64Array)[cell] += by);
  await refused(await prove(world, { walk: put('top', 1, 1) }));
  await refused(await prove(world, { walk: put('top', 2, -1) }));
  // Row 0 picks column 1, above the diagonal; the selector's pad cell is set too.
  await refused(
    await prove(world, {
      walk: (_, tensors) => {
        const hot = tensors.get('hot') as Float64Array;
        [hot[0], hot[1]] = [0, 1];
        (tensors.get('top') as Float64Array)[0] = 0;
      },
      witness: (_, witness) => {
        const placed = world.compiled.tensors.get('hot');
        assert.ok(placed);
        (witness.polys.get('witness') as Float64Array)[placed.offset + 1] = 1;
      },
    }),
  );
  // Two columns at once, and none.
  await refused(await prove(world, { walk: put('hot', 3, 1) }));
  await refused(await prove(world, { walk: put('hot', 7, -1) }));
});

test('L7 a denominator of the prover’s own', async () => {
  const world = await caseWorld('divide, floor');
  const other = await variant(world, { content: [['d', [6, 2, 3]]] });
  const forged = await prove(world, { world: () => other, deciderWorld: other });
  await refused(forged, /the value of fixed is not that of its content/);
  await verifyWeakly(forged, { publicContent: false });
});
