/** Every kind of relation: an honest proof is accepted whatever the pads hold, a wrong output in its declared width is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkProgram } from '../../verifier/validity/check.ts';
import { cases, wideCase, type RelationCase } from '../fixtures/relations.ts';
import { makeWorld, prove, verify, type World } from './support/adversary.ts';
import { fillPads } from './support/pads.ts';
import { backend, refused } from './support/tiny.ts';

const worldOf = (relation: RelationCase): Promise<World> => makeWorld(backend, relation.program, relation.content, new Map());

for (const relation of [...cases, wideCase]) {
  test(`L3 ${relation.name}: pads may hold anything`, async () => {
    checkProgram(relation.program);
    const world = await worldOf(relation);
    await verify(
      await prove(world, {
        witness: (_, witness) => assert.ok(fillPads(world.compiled, witness) > 0),
      }),
    );
  });
  test(`L5 ${relation.name}: a wrong output in its declared width`, async () => {
    const { tensor, cell, by, also = [] } = relation.wrong;
    await refused(
      await prove(await worldOf(relation), {
        walk: (_, tensors) => {
          for (const [name, at, change] of [[tensor, cell, by] as const, ...also]) {
            const cells = tensors.get(name) as Float64Array;
            const declared = relation.program.tensors.find((t) => t.name === name);
            cells[at] += change;
            assert.ok(
              declared &&
                cells[at] < 2 ** (declared.bits - (declared.signed ? 1 : 0)) &&
                cells[at] >= (declared.signed ? -(2 ** (declared.bits - 1)) : 0),
            );
          }
        },
      }),
    );
  });
}
