/** The worlds that most attacks start from: the tiny training run with one proof and with three, honest runs of both. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { createWasmBackend } from '../../../prover/backend/wasm/index.ts';
import type { Program } from '../../../verifier/program/types.ts';
import { content, firstState, tinyTraining } from '../../fixtures/tiny-training.ts';
import { makeWorld, prove, verify, type Attempt, type World } from './adversary.ts';

export const backend = await createWasmBackend({ workers: 1 });
after(() => backend.close());

export const world1: World = await makeWorld(backend, tinyTraining(1), content, firstState);
export const world3: World = await makeWorld(backend, tinyTraining(3), content, firstState);

/** The same commitments with another program or other content, which a cheating prover uses instead. */
export async function variant(
  world: World,
  change: { program?: Program; content?: readonly (readonly [string, readonly number[]])[] },
): Promise<World> {
  const other = await makeWorld(
    backend,
    change.program ?? world.program,
    new Map([...world.fixed, ...(change.content ?? [])]),
    world.firstState,
    world.statement,
  );
  return { ...other, openings: world.openings, firstRows: world.firstRows, firstBlinds: world.firstBlinds };
}

const memo = new Map<World, Promise<Attempt>>();
/** The honest run of a world. */
export function honest(world: World): Promise<Attempt> {
  let run = memo.get(world);
  if (!run) memo.set(world, (run = prove(world)));
  return run;
}

export const refused = (attempt: Attempt, why: RegExp = /⟨Z, G⟩/): Promise<void> => assert.rejects(verify(attempt), why);

/** How bytes fail that were made for other challenges: an evaluation of public content at another point, or the equation. */
export const STALE = /⟨Z, G⟩|is not that of its content/;
