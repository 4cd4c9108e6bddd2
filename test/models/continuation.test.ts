/** A milestone trains on: two runs, the second from the state of the first, are one run, bit for bit. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nextState } from '../../prover/run/training.ts';
import { checkScales } from '../../prover/trainer/calibrate.ts';
import { Walker } from '../../prover/trainer/walk.ts';
import { continuedRoot, sameState } from '../../verifier/delivery/continuation.ts';
import { rowsRoot } from '../../verifier/bundle.ts';
import { deliveredCells } from '../../verifier/delivery/cells.ts';
import { plain } from '../../verifier/engine.ts';
import { buildTraining } from '../../verifier/models/build.ts';
import { decodeRecipe, encodeRecipe } from '../../verifier/models/recipe-file.ts';
import type { Recipe } from '../../verifier/models/recipe.ts';
import { compile } from '../../verifier/program/compile.ts';
import { polyOfRole, tensorsOf, type Cells } from '../../verifier/public-content.ts';
import { writeWord } from '../../verifier/words.ts';
import { calibrated, tinyRecipe } from '../fixtures/llama.ts';

const STEPS = 4;

for (const optimizer of [
  { kind: 'adamw', beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 },
  { kind: 'momentum', momentum: 0.9 },
] as const)
  describe(`continuing a run of ${optimizer.kind}`, () => {
    const rate = { learningRate: 0.005, warmupSteps: 0, decay: 'constant' } as const;
    const { recipe, program, inputs } = calibrated({ ...tinyRecipe, optimizer, rate, steps: STEPS, perProof: 1 }, 3);
    const data = new Set(program.tensors.filter((t) => t.poly === 'data').map((t) => t.name));

    /** Trains from a state on `steps` batches of the data, `from` the first. */
    const train = (of: Recipe, from: number, state: Readonly<Record<string, Cells>>): Record<string, Cells> => {
      const { program } = buildTraining(of);
      const walker = new Walker(program);
      const batches = new Map<string, Cells>(
        [...inputs].map(([name, cells]): [string, Cells] => {
          const size = cells.length / STEPS;
          return [name, data.has(name) ? cells.slice(from * size, (from + of.steps) * size) : cells];
        }),
      );
      let last: Record<string, Cells> = { ...state };
      for (let t = 0; t < of.steps; t++) last = nextState(program, walker.walk(t, new Map([...batches, ...Object.entries(last)])).tensors);
      return last;
    };
    const numbers = (state: Readonly<Record<string, Cells>>): [string, number[]][] =>
      Object.entries(state).map(([name, cells]) => [name, Array.from(cells)]);
    const first = Object.fromEntries(tensorsOf(program, 'state.in').map((t) => [t.name, inputs.get(t.name) as Cells]));
    const half = train({ ...recipe, steps: 2 }, 0, first);
    const second: Recipe = { ...recipe, steps: 2, done: 2 };

    it('ends in the state of one run over all steps', () => {
      assert.deepEqual(numbers(train(second, 2, half)), numbers(train(recipe, 0, first)));
    });

    if (optimizer.kind === 'adamw')
      it('needs the steps done before, for the bias correction', () => {
        const { done: _, ...forgetful } = second;
        assert.notDeepEqual(numbers(train(forgetful, 2, half)), numbers(train(recipe, 0, first)));
      });

    it('keeps the steps done in the recipe’s file', () => {
      assert.deepEqual(decodeRecipe(encodeRecipe(second), 'recipe.json'), second);
    });

    it('takes the exponents as they stand, if the values fit', () => {
      const given = new Map([...inputs, ...Object.entries(half)]);
      const only = new Map([...given].map(([name, cells]) => [name, data.has(name) ? cells.slice(0, cells.length / 2) : cells]));
      assert.equal(
        checkScales(second, () => only),
        second,
      );
      const huge = new Map([...only].map(([name, cells]) => [name, /up_proj\.weight/.test(name) ? cells.map((v) => v * 2 ** 12) : cells]));
      assert.throws(() => checkScales(second, () => huge), /calibration: .* does not fit \d+ bits at the last bounty’s exponent/);
    });
  });

describe('the root of a continued state', () => {
  const { program, inputs } = calibrated({ ...tinyRecipe, deliver: 'state', steps: 1, perProof: 1 }, 3);
  const compiled = compile(program);
  const { rows } = polyOfRole(compiled, 'delivery');
  const blinds = rows.map((_, i) => BigInt(i + 1) ** 40n);
  const bytes = new Uint8Array(rows.length * 32);
  blinds.forEach((blind, i) => writeWord(bytes, i, blind));
  const state = Object.fromEntries(tensorsOf(program, 'state.in').map((t) => [t.name, inputs.get(t.name) as Cells]));

  it('is what a claim’s rows have, also in a program that delivers less or nothing', async () => {
    const own = rowsRoot(await plain.commitRows(deliveredCells(compiled, state), 256, blinds, rows));
    for (const deliver of ['state', 'adapter', undefined] as const) {
      const { program: other } = calibrated({ ...tinyRecipe, ...(deliver ? { deliver } : {}), steps: 1, perProof: 1 }, 3);
      assert.equal(await continuedRoot(other, compile(other), state, bytes), own);
    }
  });

  it('is another one for any other value or blind; blinds are as many as rows, and in the field', async () => {
    const own = await continuedRoot(program, compiled, state, bytes);
    const name = Object.keys(state)[0] as string;
    const changed = Float64Array.from(state[name] as Cells);
    changed[0] = (changed[0] as number) + 1;
    assert.notEqual(await continuedRoot(program, compiled, { ...state, [name]: changed }, bytes), own);
    const other = bytes.slice();
    writeWord(other, 0, 7n);
    assert.notEqual(await continuedRoot(program, compiled, state, other), own);
    await assert.rejects(continuedRoot(program, compiled, state, bytes.subarray(32)), /start-blinds\.bin: has \d+ bytes/);
    const outside = bytes.slice();
    outside.fill(255, 0, 32);
    await assert.rejects(continuedRoot(program, compiled, state, outside), /blinds\[0\]: is no field element/);
  });

  it('sameState tells the first tensor that differs in shape, width or exponent', () => {
    const tensors = tensorsOf(program, 'state.in');
    assert.equal(sameState(tensors, tensors), null);
    const [head, ...rest] = tensors as [(typeof tensors)[number]];
    assert.match(sameState(tensors, [{ ...head, f: head.f + 1 }, ...rest]) as string, /exponent/);
    assert.match(sameState(tensors, rest) as string, /against/);
    assert.match(sameState(tensors, tensors.slice(0, -1)) as string, /against none$/);
  });
});
