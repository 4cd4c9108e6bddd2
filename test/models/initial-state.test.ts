import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { initialState } from '../../verifier/models/initial-state.ts';
import { buildTraining } from '../../verifier/models/build.ts';
import { tinyRecipe } from '../fixtures/llama.ts';

describe('first state', () => {
  const { program } = buildTraining(tinyRecipe);
  const state = initialState(program, new Uint8Array(32).fill(1));
  it('has A uniform within ±1/√in, and nothing else', () => {
    for (const t of program.tensors.filter((x) => x.poly === 'state.in')) {
      const cells = state[t.name] as Float64Array;
      if (!t.name.endsWith('.A')) {
        assert.ok(cells.every((v) => v === 0));
        continue;
      }
      const bound = 2 ** t.f / Math.sqrt(12);
      assert.ok(cells.every((v) => Number.isInteger(v) && Math.abs(v) < bound));
      assert.ok(Math.max(...cells) > 0.8 * bound && Math.min(...cells) < -0.8 * bound);
      assert.ok(Math.abs(cells.reduce((s, v) => s + v, 0) / cells.length) < 0.3 * bound);
    }
  });
  it('is a function of the seed, each tensor its own', () => {
    assert.deepEqual(initialState(program, new Uint8Array(32).fill(1)), state);
    assert.notDeepEqual(initialState(program, new Uint8Array(32).fill(2))['state.in.q_proj.A'], state['state.in.q_proj.A']);
    assert.notDeepEqual(state['state.in.q_proj.A'], state['state.in.v_proj.A']);
  });
  it('is pinned by a vector', () =>
    assert.deepEqual([...(state['state.in.q_proj.A'] as Float64Array).subarray(0, 6)], [-823, 227, 4489, -650, -1540, 4690]));
});
