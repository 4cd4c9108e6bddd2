import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Walker } from '../../prover/trainer/walk.ts';
import type { Program } from '../../verifier/program/types.ts';
import type { Cells } from '../../verifier/public-content.ts';
import { calibrated, tinyLlama, tinyRecipe } from '../fixtures/llama.ts';
import { check } from './helpers.ts';

/** State tensors after a proof, under the names of the next proof's state. */
function carried(p: Program, tensors: ReadonlyMap<string, Cells>): [string, Float64Array][] {
  const names = (role: string): string[] => {
    const poly = p.polys.find((x) => x.role === role)?.name;
    return p.tensors.filter((t) => t.poly === poly).map((t) => t.name);
  };
  const after = names('stateOut');
  return names('stateIn').map((name, i) => [name, tensors.get(after[i]) as Float64Array]);
}

test('two proofs of two steps of a LLaMA with AdamW: every output and every leaf is as defined', () => {
  const { program, inputs } = tinyLlama();
  const first = check(program, inputs, 0);
  const second = check(program, new Map([...inputs, ...carried(program, first.tensors)]), 1);
  const [a, b] = [carried(program, first.tensors), carried(program, second.tensors)];
  assert.ok(a.some(([, cells], i) => cells.some((v, k) => v !== b[i][1][k])));
});

test('four steps end in the same state, however many a proof holds', () => {
  const ends = [1, 2, 4].map((perProof) => {
    const { program, inputs } = calibrated({ ...tinyRecipe, perProof }, 3);
    const walker = new Walker(program);
    let state: [string, Float64Array][] = [];
    for (let t = 0; t < 4 / perProof; t++) state = carried(program, walker.walk(t, new Map([...inputs, ...state])).tensors);
    return state;
  });
  assert.ok(ends[0].length > 0);
  assert.deepEqual(ends[1], ends[0]);
  assert.deepEqual(ends[2], ends[0]);
});
