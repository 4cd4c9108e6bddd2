/** Bundles from strangers, and runs that die. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundleRoot, decodeBundle } from '../../verifier/bundle.ts';
import { DecodeError } from '../../verifier/wire.ts';
import { VerificationError } from '../../verifier/protocol/machine.ts';
import { verifyBundle } from '../../verifier/verify.ts';
import { decodeCard } from '../../verifier/cards.ts';
import { decodeChainState, encodeChainState } from '../../prover/run/chain-state.ts';
import { systemRandom, type RandomSource } from '../../prover/prove/random.ts';
import { proveDecider, proveTransition, type ChainState } from '../../prover/prove/run.ts';
import { buildWitness } from '../../prover/prove/witness.ts';
import { Walker } from '../../prover/trainer/walk.ts';
import { generator } from '../fixtures/llama.ts';
import { cases } from '../fixtures/relations.ts';
import { assemble, firstChainState, makeWorld, prove } from './support/adversary.ts';
import { STALE, backend, honest, refused, world1, world3 } from './support/tiny.ts';

const FLIPS = 500;

test(`U1 ${FLIPS} bundles with one bit flipped`, async () => {
  // The smallest program there is: verification takes some ten milliseconds.
  const relation = cases.find((c) => c.name === 'assert');
  assert.ok(relation);
  const run = await prove(await makeWorld(backend, { ...relation.program, columns: 2 }, relation.content, new Map()));
  await verifyBundle(run.context, run.bundle);
  const random = generator(20);
  const root = bundleRoot(run.bundle);
  const seen = new Map<string, number>();
  for (let i = 0; i < FLIPS; i++) {
    const bundle = run.bundle.slice();
    const bit = Math.floor(random() * 8 * bundle.length);
    bundle[bit >> 3] ^= 1 << (bit & 7);
    // Whoever sends it names it by its own root.
    assert.notEqual(bundleRoot(bundle), root);
    try {
      await verifyBundle(run.context, bundle);
      assert.fail(`bit ${bit} is not checked`);
    } catch (error) {
      assert.ok(error instanceof DecodeError || error instanceof VerificationError, String(error));
      seen.set(error.name, (seen.get(error.name) ?? 0) + 1);
    }
  }
  // Both ways of failing occur: not a point or scalar, and an equation that does not hold.
  assert.ok((seen.get('DecodeError') ?? 0) > 10 && (seen.get('VerificationError') ?? 0) > 10, JSON.stringify([...seen]));
});

test('U1 truncated, empty and gigantic bundles are refused by their length alone', async () => {
  const run = await honest(world1);
  const { digest } = firstChainState(world1, world1.statement);
  for (const bytes of [0, 1, 63, 64, run.bundle.length - 64, run.bundle.length - 1])
    await refused({ ...run, bundle: run.bundle.slice(0, bytes) }, /bundle: \d+ bytes, but 1 proofs/);
  const before = process.memoryUsage().arrayBuffers;
  const gigantic = new Uint8Array(2 ** 28);
  assert.throws(() => decodeBundle(world1.compiled, digest, gigantic), /bundle: 268435456 bytes, but 1 proofs of this program take/);
  assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 29);
  assert.throws(() => bundleRoot(new Uint8Array(0)), /no whole number of 64-byte cells/);
  await refused({ ...run, bundle: Uint8Array.from(run.bundle, (v, i) => (i === 31 ? v ^ 1 : v)) }, /not a fineproof bundle of version 1/);
});

test('U1 another claimant, steps swapped or dropped, another data set', async () => {
  const run = await honest(world3);
  const [a, b, c] = run.proofs;
  await refused(assemble(world3, run.proofs, run.decider, run.states, [11n, 22n, 34n]), STALE);
  await refused(assemble(world3, [a, c, b], run.decider, run.states), /another state|⟨Z, G⟩|its content/);
  assert.throws(() => assemble(world3, [a, b], run.decider, run.states), /bundle parts/);
  const input = Array.from(run.context.publicContent['input'], (v, i) => (i === 0 ? v + 1 : v));
  const publicContent = { ...run.context.publicContent, input };
  await assert.rejects(verifyBundle({ ...run.context, publicContent }, run.bundle), /the value of data is not that of its content/);
});

test('U2 a card with __proto__ or with rows that are no points', () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  for (const text of ['{"__proto__":{"kind":"model"}}', '{"kind":"model","commitment":{"rows":"0x00"}}', '[]', '{'])
    assert.throws(() => decodeCard(bytes(text), 'model.card.json'), /model\.card\.json/);
});

test('U3 a run killed in the middle of a proof goes on, and no number of one transcript occurs in another', async () => {
  const { compiled: c, program, statement, cells, openings } = world3;
  const walker = new Walker(program);
  const drawn: bigint[] = [];
  const random: RandomSource = {
    fields: (count) => {
      const values = systemRandom.fields(count);
      drawn.push(...values);
      return values;
    },
  };
  /** Dies in the second proof, just before its last message. */
  class Mortal implements RandomSource {
    fields(count: number): bigint[] {
      if (count === 2) throw new Error('killed');
      return random.fields(count);
    }
  }
  const files = new Map<string, Uint8Array>();
  const session = async (source: (t: number) => RandomSource) => {
    let state: ChainState = firstChainState(world3, statement);
    let tensors: ReadonlyMap<string, Float64Array> = world3.firstState;
    const proofs: Uint8Array[] = [];
    const states: ChainState[] = [];
    for (let t = 1; t <= c.proofs; t++) {
      states.push(state);
      const inputs = new Map([...world3.fixed].map(([name, v]) => [name, Float64Array.from(v)] as const));
      const walk = walker.walk(t - 1, new Map([...inputs, ...tensors]), { leaves: true });
      const [bytes, after] = [files.get(`proof-${t}`), files.get(`after-${t}`)];
      if (bytes && after) {
        proofs.push(bytes);
        state = decodeChainState(c, after, `after-${t}`);
      } else {
        const blinds = random.fields(state.rows.length);
        const proven = await proveTransition({
          compiled: c,
          backend,
          random: source(t),
          statement,
          t,
          state,
          witness: buildWitness(c, walk, cells),
          stateOutBlinds: blinds,
        });
        ({ state } = proven);
        proofs.push(proven.bytes);
        files.set(`proof-${t}`, proven.bytes);
        files.set(`after-${t}`, encodeChainState(c, state));
      }
      tensors = new Map([
        ['A', walk.tensors.get("A'") as Float64Array],
        ['m', walk.tensors.get("m'") as Float64Array],
      ]);
    }
    states.push(state);
    const decider = await proveDecider({ compiled: c, backend, random, state, cells, openings });
    return { attempt: assemble(world3, proofs, decider, states), adapter: tensors };
  };
  await assert.rejects(
    session((t) => (t === 2 ? new Mortal() : random)),
    /killed/,
  );
  assert.deepEqual([...files.keys()], ['proof-1', 'after-1']);
  const killed = drawn.length;
  const { attempt, adapter } = await session(() => random);
  await verifyBundle(attempt.context, attempt.bundle);
  assert.ok(killed > 200 && drawn.length > killed + 400);
  assert.equal(new Set(drawn).size, drawn.length);
  // The adapter is that of a run which nobody killed.
  files.clear();
  assert.deepEqual((await session(() => random)).adapter, adapter);
});
