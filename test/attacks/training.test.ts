/** Attacks on what was trained: steps, states, data, recipe, and the accumulator that ties them together. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundleBytes, rowsDigest } from '../../verifier/bundle.ts';
import { openBounty, ZERO_WORD, type BountyFiles } from '../../verifier/bounty.ts';
import { digestOf } from '../../verifier/input.ts';
import { recipeHash, type Terms } from '../../verifier/statement.ts';
import type { Program, View } from '../../verifier/program/types.ts';
import { cardProgram } from '../../verifier/program/card-program.ts';
import { checkProgram } from '../../verifier/validity/check.ts';
import { compile } from '../../verifier/program/compile.ts';
import { start, type Accumulator } from '../../verifier/protocol/accumulator.ts';
import { RunMachine, toFelts, toPoints, type Felt, type Pt } from '../../verifier/protocol/machine.ts';
import { verifyBundle } from '../../verifier/verify.ts';
import { encodeProgram } from '../../prover/program/encode.ts';
import { systemRandom } from '../../prover/prove/random.ts';
import type { ChainState } from '../../prover/prove/run.ts';
import { placeTensors } from '../../prover/prove/witness.ts';
import { tinyTraining } from '../fixtures/tiny-training.ts';
import { stacked, stackedContent } from '../fixtures/stacked.ts';
import { assemble, makeWorld, prove, verify, verifyWeakly, type Attempt } from './support/adversary.ts';
import { fillPads } from './support/pads.ts';
import { STALE, backend, honest, refused, variant, world3 } from './support/tiny.ts';

const { compiled } = world3;
const o = new RunMachine();

/** The same state with other cells under fresh blinds. */
async function recommit(state: ChainState, tensors: ReadonlyMap<string, Float64Array>): Promise<ChainState> {
  const poly = compiled.polys.find((p) => p.role === 'stateIn');
  assert.ok(poly);
  const blinds = systemRandom.fields(state.rows.length);
  return {
    ...state,
    blinds,
    rows: await backend.commitRows(placeTensors(poly.tensors, tensors, poly.bits), 2 ** compiled.columns, blinds, poly.rows),
  };
}
/** A verifier that takes the state before each proof from the prover. */
const trustRows = (attempt: Attempt) => ({ trust: (t: number) => ({ rows: attempt.states[t - 1].rows }) });

test('R1 a step skipped, repeated or reordered', async () => {
  const run = await honest(world3);
  const [a, b, c] = run.proofs;
  const first = 64;
  const short = new Uint8Array([...run.bundle.subarray(0, first), ...a, ...c, ...run.decider]);
  await refused({ ...run, bundle: short }, new RegExp(`but 3 proofs of this program take ${bundleBytes(compiled)}`));
  await refused(assemble(world3, [b, a, c], run.decider, run.states), STALE);
});

test('R1 a prover that proves step 1 twice instead of step 2', async () => {
  const index = (t: number): number => (t === 2 ? 1 : t);
  const forged = await prove(world3, { index });
  await verifyWeakly(forged, { index });
  await refused(forged, STALE);
});

test('R1 a fork: step 3 goes on from the state before step 2', async () => {
  let kept: readonly [ChainState, Map<string, Float64Array>] | null = null;
  const forged = await prove(world3, {
    before: (t, state, tensors) => {
      if (t === 2) kept = [state, new Map(tensors)];
      if (t !== 3 || kept === null) return state;
      for (const [name, cells] of kept[1]) tensors.set(name, cells);
      return { ...state, rows: kept[0].rows, blinds: kept[0].blinds };
    },
  });
  await refused(forged, STALE);
  await verifyWeakly(forged, trustRows(forged));
});

test('R2 moments reset to zero before a step', async () => {
  const forged = await prove(world3, {
    before: (t, state, tensors) => {
      if (t !== 2) return state;
      tensors.set('m', new Float64Array(3));
      return recommit(state, tensors);
    },
  });
  await refused(forged, STALE);
  await verifyWeakly(forged, trustRows(forged));
});

test('R2 moments reset under the commitment of the true state', async () => {
  const reset = (t: number, state: ChainState, tensors: Map<string, Float64Array>): ChainState => {
    if (t === 2) tensors.set('m', new Float64Array(3));
    return state;
  };
  await refused(await prove(world3, { before: reset }));
});

test('R2 adapter and moments swapped before a step', async () => {
  const forged = await prove(world3, {
    before: (t, state, tensors) => {
      if (t !== 3) return state;
      const [A, m] = [tensors.get('A'), tensors.get('m')];
      assert.ok(A && m && A.some((v, i) => v !== m[i]));
      tensors.set('A', m);
      tensors.set('m', A);
      return recommit(state, tensors);
    },
  });
  await refused(forged, STALE);
  await verifyWeakly(forged, trustRows(forged));
});

const data = (name: string): readonly number[] => world3.fixed.get(name) as readonly number[];
for (const [what, change] of [
  ['labels', [['label', data('label').map((v, i) => (i === 4 ? v + 1 : v))]]],
  ['batch order', [['input', [...data('input').slice(3), ...data('input').slice(0, 3)]]]],
] as const)
  test(`R3 other data: ${what}`, async () => {
    const other = await variant(world3, { content: change });
    const forged = await prove(world3, { world: () => other, deciderWorld: other });
    await refused(forged, /the value of data is not that of its content/);
    await verifyWeakly(forged, { publicContent: false });
  });

test('R3 another learning-rate schedule', async () => {
  const program = tinyTraining();
  const other = await variant(world3, { program: { ...program, constants: { ...program.constants, rate: [2, 1, 1] } } });
  const forged = await prove(world3, { world: () => other, deciderWorld: other });
  await refused(forged, /the value of constants is not that of its content/);
});

test('R3 another base model, in all steps or in one, whatever the decider opens', async () => {
  const other = await variant(world3, { content: [['W', data('W').map((v, i) => (i === 0 ? v - 1 : v))]] });
  await refused(await prove(world3, { world: () => other }));
  await refused(await prove(world3, { world: () => other, deciderWorld: other }));
  await refused(await prove(world3, { world: (t) => (t === 2 ? other : world3) }));
});

test('R3 another rank is another program', async () => {
  const program = tinyTraining(1);
  const tensors = program.tensors.map((t) => (t.poly.startsWith('state') ? { ...t, axes: [{ name: 'row', size: 5 }] } : t));
  assert.notEqual(bundleBytes(compile({ ...program, tensors })), 0);
  assert.throws(() => checkProgram({ ...program, tensors }));
});

test('R4 an adapter that never moves', async () => {
  const frozen = await prove(world3, {
    walk: (_, tensors) => {
      for (const [out, into] of [
        ["A'", 'A'],
        ["m'", 'm'],
      ])
        tensors.set(out, tensors.get(into) as Float64Array);
    },
  });
  await refused(frozen);
  assert.notEqual(frozen.context.finalState, (await honest(world3)).context.finalState);
});

test('R4 gradients of zero', async () => {
  await refused(
    await prove(world3, {
      walk: (_, tensors) => {
        const m = tensors.get('m') as Float64Array;
        const A = tensors.get('A') as Float64Array;
        tensors.set('g', new Float64Array(3));
        const moved = m.map((v) => Math.floor((v + 1) / 2));
        for (const name of ['m new', "m'"]) tensors.set(name, moved);
        for (const name of ['A new', "A'"]) tensors.set(name, A);
      },
    }),
  );
});

test('R5 an adapter that first appears with the proof', async () => {
  const run = await honest(world3);
  // The claim names the first state's rows as the adapter, then rows that nobody proved.
  for (const rows of [run.context.firstState, []])
    await assert.rejects(
      verifyBundle({ ...run.context, finalState: rowsDigest(rows) }, run.bundle),
      /the last proof ends in another state than the claimed adapter/,
    );
});

test('R5 a program that first appears with the proof', async () => {
  const run = await honest(world3);
  const program = tinyTraining();
  const other = compile({ ...program, relations: program.relations.slice(0, -1).concat(program.relations.slice(-1)), columns: 4 });
  await assert.rejects(verifyBundle({ ...run.context, compiled: other }, run.bundle), /of another program/);
});

test('R5 terms that promise more than a training proof shows: another kind of bounty, announced values', async () => {
  const open = (terms: Partial<Terms>) => () =>
    openBounty(1n, '0x0000000000000000000000000000000000000001', terms as Terms, {} as BountyFiles);
  await assert.rejects(open({ kind: 1, announces: [] }), /bounty\.json: terms\.kind: is not what a training proof shows/);
  await assert.rejects(open({ kind: 0, announces: [`0x${'00'.repeat(32)}`] }), /terms\.announces: is not what a training proof shows/);
});

test('U1 public content whose evaluation would take a table of two million weights', async () => {
  const axes = [{ name: 'row', size: 2 ** 20 + 1 }];
  const wide: Program = {
    ...tinyTraining(),
    tensors: tinyTraining().tensors.map((t) => (t.name === 'label' ? { ...t, axes: [...t.axes, ...axes] } : t)),
  };
  // Nothing else of the package is looked at before.
  const flat = (view: View): View => (view.tensor === 'label' ? { ...view, index: [...view.index, [{ at: 0, bits: 21 }]] } : view);
  const relations = wide.relations.map((r) =>
    r.kind === 'equal' ? { ...r, expr: { ...r.expr, linear: r.expr.linear.map((t) => ({ ...t, view: flat(t.view) })) } } : r,
  );
  const program = encodeProgram({ ...wide, relations, columns: 6 });
  const { steps, perProof } = wide.schedule;
  const recipe = recipeHash({ program: digestOf(program), steps, stepsPerProof: perProof, schedule: ZERO_WORD });
  const terms = { kind: 0, announces: [], recipeHash: recipe, steps, stepsPerProof: perProof } as unknown as Terms;
  const opened = openBounty(1n, '0x0000000000000000000000000000000000000001', terms, { program } as unknown as BountyFiles);
  await assert.rejects(opened, /program\.bin: tensors: has an axis of more than 1048576 in data/);
});

test('U1 a public polynomial for which there is no card, named like a property of every object', async () => {
  const tiny = tinyTraining();
  const free = { ...tiny.tensors.find((t) => t.name === 'label')!, name: 'free', poly: 'constructor', axes: [] };
  const polys = [...tiny.polys, { name: 'constructor', role: 'fixed' as const, hidden: false }];
  const program = encodeProgram({ ...tiny, polys, tensors: [...tiny.tensors, free] });
  const { steps, perProof } = tiny.schedule;
  const recipe = recipeHash({ program: digestOf(program), steps, stepsPerProof: perProof, schedule: ZERO_WORD });
  const terms = { kind: 0, announces: [], recipeHash: recipe, steps, stepsPerProof: perProof } as unknown as Terms;
  const opened = openBounty(1n, '0x0000000000000000000000000000000000000001', terms, { program } as unknown as BountyFiles);
  await assert.rejects(opened, /program\.bin: polys: has constructor, for which there is no card/);
});

for (const [k, what] of ['chain', 'contract', 'bounty or claimant'].entries())
  test(`R6 a proof replayed for another ${what}`, async () => {
    const run = await honest(world3);
    const statement = world3.statement.map((w, i) => (i === k ? w + 1n : w));
    const { context } = run;
    await assert.rejects(verifyBundle({ ...context, statement }, run.bundle), /made for another statement/);
    await refused(assemble(world3, run.proofs, run.decider, run.states, statement), STALE);
  });

/** Proof 1 ends in a state that is one off. */
const wrong = (t: number, tensors: Map<string, Float64Array>): void => {
  if (t === 1) (tensors.get("A'") as Float64Array)[0] += 1;
};
const begin = (): Accumulator => start(o, compiled, toPoints([null])[0] as Pt);

test('R7 an accumulator that starts elsewhere', async () => {
  const Z = toFelts(new Array<bigint>(compiled.generators).fill(3n));
  const Q = toPoints([await backend.commit(new Array<bigint>(compiled.generators).fill(3n), 0n)])[0] as Pt;
  const other: Accumulator = { ...begin(), Z, Q };
  const forged = await prove(world3, { before: (t, state) => (t === 1 ? { ...state, accumulator: other } : state) });
  await verifyWeakly(forged, { trust: (t) => (t === 1 ? { accumulator: other } : {}) });
  await refused(forged, STALE);
});

test('R7 an accumulator that drops what was folded, between proofs or before the decider', async () => {
  const reset = (a: Accumulator): Accumulator => ({ ...a, Z: begin().Z, zeta: begin().zeta, Q: begin().Q });
  const between = await prove(world3, {
    walk: wrong,
    before: (t, state) => (t === 2 ? { ...state, accumulator: reset(state.accumulator) } : state),
  });
  await verifyWeakly(between, { trust: (t, computed) => (t === 2 ? { accumulator: reset(computed.accumulator) } : {}) });
  await refused(between, STALE);
  const last = await prove(world3, {
    walk: (t, tensors) => wrong(t - 2, tensors),
    final: (state) => ({ ...state, accumulator: reset(state.accumulator) }),
  });
  await verifyWeakly(last, { trust: (t, computed) => (t === 4 ? { accumulator: reset(computed.accumulator) } : {}) });
  await refused(last);
});

test('R7 a false claim about the model that the next proof weighs with 0', async () => {
  const other = await variant(world3, { content: [['W', data('W').map((v, i) => (i === 0 ? v - 1 : v))]] });
  const forget = (a: Accumulator): Accumulator => ({ ...a, w: o.felt(0n) });
  const forged = await prove(world3, {
    world: (t) => (t === 1 ? other : world3),
    before: (t, state) => (t === 2 ? { ...state, accumulator: forget(state.accumulator) } : state),
  });
  await verifyWeakly(forged, { trust: (t, computed) => (t === 2 ? { accumulator: forget(computed.accumulator) } : {}) });
  await refused(forged, STALE);
});

test('R7 a claim about public content replaced by the true one', async () => {
  const other = await variant(world3, { content: [['label', data('label').map((v) => -v)]] });
  const value = (t: number, state: ChainState): ChainState => {
    if (t !== 2) return state;
    const fixed = state.accumulator.fixed.map((f, i) => (i === 1 ? { ...f, value: o.felt(5n) as Felt } : f));
    return { ...state, accumulator: { ...state.accumulator, fixed } };
  };
  await refused(await prove(world3, { world: (t) => (t === 1 ? other : world3), before: value }), STALE);
});

test('R8 a layer whose input is not the output of the one before', async () => {
  const world = await makeWorld(backend, stacked(), stackedContent, new Map());
  await verify(await prove(world, { witness: (_, witness) => void fillPads(world.compiled, witness) }));
  const W = stackedContent.get('W') as readonly number[];
  const layer = (l: number, x: readonly number[]): number[] =>
    [0, 1, 2].map((i) => Math.floor(([0, 1, 2].reduce((z, k) => z + W[9 * l + 3 * i + k] * x[k], 0) + 2) / 4));
  for (const cut of [0, 1, 2])
    await refused(
      await prove(world, {
        // Layer `cut` is right for another input; the layers after it go on from its output.
        walk: (_, tensors) => {
          const y = tensors.get('y') as Float64Array;
          let x: number[] = [2, 2, -1];
          for (let l = cut; l < 3; l++) y.set((x = layer(l, x)), 3 * l);
          tensors.set('z', Float64Array.from(x));
        },
      }),
    );
});

test('R8 the shift past the last real layer', async () => {
  // The output of a layer that does not exist: a pad cell.
  assert.throws(() => checkProgram(stacked(3)), /reads index 3 of axis layer/);
  const world = await makeWorld(backend, stacked(), stackedContent, new Map());
  const placed = world.compiled.tensors.get('y');
  assert.ok(placed);
  await refused(
    await prove(world, {
      walk: (_, tensors) => tensors.set('z', Float64Array.from([1, 2, 3])) && undefined,
      witness: (_, witness) => (witness.polys.get('witness') as Float64Array).set([1, 2, 3], placed.offset + 12),
    }),
  );
});

test('R9 a token id at or above the vocabulary', async () => {
  const tensor = {
    name: 'ids',
    axes: [
      { name: 'batch', size: 1 },
      { name: 'token', size: 3 },
    ],
    bits: 3,
    signed: false,
    f: 0,
  };
  const program = cardProgram({ tensors: [tensor], columns: 3, vocabulary: 5 });
  const honestWorld = await makeWorld(backend, program, new Map(), new Map([['ids', [4, 0, 2]]]));
  await verify(await prove(honestWorld));
  const forgedWorld = await makeWorld(backend, program, new Map(), new Map([['ids', [5, 0, 2]]]));
  for (const below of [-1, 7, 0])
    await refused(
      await prove(
        { ...forgedWorld, firstState: honestWorld.firstState },
        {
          walk: (_, tensors) => {
            tensors.set('ids', Float64Array.from([5, 0, 2]));
            tensors.set('ids/below', Float64Array.from([below, 4, 2]));
          },
        },
      ),
    );
});

test('R9 heads permuted', async () => {
  const world = await makeWorld(backend, stacked(), stackedContent, new Map());
  await refused(
    await prove(world, {
      walk: (_, tensors) => {
        for (const name of ['y', 'z']) {
          const cells = tensors.get(name) as Float64Array;
          for (let l = 0; l < cells.length; l += 3) [cells[l], cells[l + 1]] = [cells[l + 1], cells[l]];
        }
      },
    }),
  );
});
