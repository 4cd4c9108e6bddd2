import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBundle } from '../../verifier/bundle.ts';
import { generators } from '../../verifier/generators.ts';
import { inverse, mod } from '../../verifier/field.ts';
import { verifyBundle } from '../../verifier/verify.ts';
import { maskRound, maskTotal } from '../../prover/prove/sumchecks.ts';
import { firstChainState, verifyWeakly } from '../attacks/support/adversary.ts';
import { STALE, honest, world3 } from '../attacks/support/tiny.ts';
import { OracleMachine, simulate, type Public } from './simulator.ts';

/** Verifies a simulated run with its chosen challenges. */
function verifySimulated(context: Public, run: ReturnType<typeof simulate>): Promise<void> {
  const { digest } = firstChainState(world3, context.statement);
  const { proofs, decider } = decodeBundle(context.compiled, digest, run.bundle);
  const machine = (): OracleMachine => new OracleMachine(run.oracle);
  return verifyWeakly(
    { world: world3, context: { ...context, finalState: run.finalState }, proofs, decider },
    { machine, deciderMachine: machine },
  );
}

test('a whole run is simulated without a witness, where the simulator may choose ξ', async () => {
  const { context, bundle } = await honest(world3);
  const run = simulate(context);
  assert.equal(run.bundle.length, bundle.length);
  // One ξ in each proof and one in the decider; no other challenge is chosen.
  assert.equal(run.oracle.size, world3.compiled.proofs + 1);
  await verifySimulated(context, run);
  await assert.rejects(verifyBundle({ ...context, finalState: run.finalState }, run.bundle), STALE);
});

test('also for a model whose rows nobody can open', async () => {
  const { context } = await honest(world3);
  const rows = context.hiddenRows.get('model')?.length ?? 0;
  const nobodys = generators(400).slice(400 - rows);
  const other = { ...context, hiddenRows: new Map([['model', nobodys]]) };
  await verifySimulated(other, simulate(other));
});

test('a simulated run for other public content is refused: what is public is not made up', async () => {
  const { context } = await honest(world3);
  const input = Array.from(context.publicContent['input'], (v) => v + 1);
  const run = simulate({ ...context, publicContent: { ...context.publicContent, input } });
  await assert.rejects(verifySimulated(context, run), /the value of data is not that of its content/);
});

/** Rank of a matrix over F. */
function rank(rows: bigint[][]): number {
  let found = 0;
  for (let column = 0; column < (rows[0]?.length ?? 0); column++) {
    const pivot = rows.findIndex((r, i) => i >= found && r[column] !== 0n);
    if (pivot < 0) continue;
    [rows[found], rows[pivot]] = [rows[pivot], rows[found]];
    const scale = inverse(rows[found][column]);
    rows[found] = rows[found].map((v) => mod(v * scale));
    rows.forEach((r, i) => {
      const by = r[column];
      if (i !== found && by !== 0n) rows[i] = r.map((v, k) => mod(v - by * rows[found][k]));
    });
    found++;
  }
  return found;
}

test('masks have full rank: every message of a masked sumcheck is uniform', () => {
  for (const [n, d] of [
    [1, 2],
    [2, 2],
    [3, 3],
    [5, 3],
    [4, 4],
  ] as const) {
    const length = n * d + 1;
    const challenges = Array.from({ length: n }, (_, i) => mod(0x1234567n ** BigInt(i + 9)));
    const shape = { name: '', n, d, mask: 0 };
    // Column k: the sum and the sent values s(0), s(2) … s(d) of every round for the mask's k-th coefficient alone.
    const columns = Array.from({ length }, (_, k) => {
      const mask = Array.from({ length }, (_x, i) => (i === k ? 1n : 0n));
      const rounds = challenges.map((_x, i) => maskRound(mask, shape, challenges.slice(0, i)).filter((_v, j) => j !== 1));
      return [maskTotal(mask, n), ...rounds.flat()];
    });
    assert.equal(columns[0].length, length);
    assert.equal(rank(columns), length);
  }
});
