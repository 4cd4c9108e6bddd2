/** No committed cell is free: one more or one less in any cell of any witness or state-out tensor leaves a constraint unsatisfied. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Prover } from '../../prover/prove/prover.ts';
import { cases } from '../fixtures/relations.ts';
import { tinyGpt2 } from '../fixtures/gpt2.ts';
import { calibrated, generator, tinyRecipe } from '../fixtures/llama.ts';
import { stacked, stackedContent } from '../fixtures/stacked.ts';
import { inside, makeWorld, prove, verify, type Inside, type World } from './support/adversary.ts';
import { fillPads } from './support/pads.ts';
import { backend, refused, world1 } from './support/tiny.ts';

class Enough extends Error {}

/** Whether the constraints hold with this change of tensors; stops the proof where that is known. */
async function satisfied(world: World, change: (tensors: Map<string, Float64Array>) => void): Promise<boolean> {
  let last: Prover | null = null;
  const run = prove(world, {
    walk: (_, tensors) => change(tensors),
    answer: ({ request, prover }) => {
      last = prover;
      if (request.kind === 'points' && request.ask.name === 'E') throw new Enough();
      return undefined;
    },
  });
  await assert.rejects(run, Enough);
  return !(last as unknown as Prover).unsatisfied;
}

const worlds: readonly (readonly [string, () => Promise<World>])[] = [
  ['a training step', () => Promise.resolve(world1)],
  ['stacked layers', () => makeWorld(backend, stacked(), stackedContent, new Map())],
  ...cases.map((c) => [c.name, () => makeWorld(backend, c.program, c.content, new Map())] as const),
];

for (const [name, make] of worlds)
  test(`L5 ${name}: every cell is determined`, async () => {
    const world = await make();
    assert.ok(await satisfied(world, () => {}));
    const { program } = world;
    const written = program.tensors.filter((t) =>
      program.polys.some((p) => p.name === t.poly && (p.role === 'witness' || p.role === 'stateOut')),
    );
    for (const t of written) {
      const sizes = t.axes.map((a) => a.size);
      const count = sizes.reduce((n, s) => n * s, 1);
      for (let cell = 0; cell < count; cell++) {
        const [i, j] = t.causal ? [Math.floor(cell / sizes[1]), cell % sizes[1]] : [0, 0];
        if (j > i) continue;
        for (const by of [1, -1])
          assert.ok(
            !(await satisfied(world, (tensors) => {
              (tensors.get(t.name) as Float64Array)[cell] += by;
            })),
            `${t.name}[${cell}] ${by}`,
          );
      }
    }
  });

for (const [family, recipe] of [
  ['LLaMA', tinyRecipe],
  ['GPT-2', tinyGpt2],
] as const)
  test(`L5 a step of a tiny ${family}: pads may hold anything, but rows of pads nothing, and no cell`, async () => {
    const { program, inputs } = calibrated({ ...recipe, steps: 1, perProof: 1 }, 3);
    const isState = (name: string): boolean => program.tensors.some((t) => t.name === name && t.poly === 'state.in');
    const part = (state: boolean) => new Map([...inputs].filter(([name]) => isState(name) === state));
    const world = await makeWorld(backend, program, part(false), part(true));
    await verify(await prove(world, { witness: (_, witness) => void fillPads(world.compiled, witness) }));
    // The honest prover passes over the rows that are not committed; this one does not.
    const garbage = await prove(world, {
      witness: (_, witness) => assert.ok(fillPads(world.compiled, witness, false) > 0),
      answer: ({ prover, request }) => {
        // From its first scalars on, when all rows that there are have been committed.
        if (request.kind !== 'scalars') return undefined;
        const { matrix } = Object.getPrototypeOf(prover) as Inside;
        inside(prover).matrix = (poly) => ({
          ...matrix.call(prover, poly),
          rows: [...new Array(2 ** (poly.bits - program.columns)).keys()],
        });
        return undefined;
      },
    });
    await refused(garbage);
    const random = generator(5);
    const written = program.tensors.filter(
      (t) => t.causal === undefined && program.polys.some((p) => p.name === t.poly && (p.role === 'witness' || p.role === 'stateOut')),
    );
    for (let k = 0; k < 6; k++) {
      const { name } = written[Math.floor(random() * written.length)];
      let cell = 0;
      const holds = await satisfied(world, (tensors) => {
        const cells = tensors.get(name) as Float64Array;
        cell = Math.floor(random() * cells.length);
        cells[cell] += random() < 0.5 ? 1 : -1;
      });
      assert.ok(!holds, `${name}[${cell}]`);
    }
  });
