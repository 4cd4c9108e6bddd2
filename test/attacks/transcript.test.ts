/** Fiat–Shamir: what is left out of the transcript, or comes too late, is a prover's freedom. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBundle, proofCounts } from '../../verifier/bundle.ts';
import { RunMachine } from '../../verifier/protocol/machine.ts';
import { Transcript } from '../../verifier/protocol/transcript.ts';
import { statementWords, type Statement } from '../../verifier/statement.ts';
import { verifyBundle } from '../../verifier/verify.ts';
import { WORD_BYTES } from '../../verifier/words.ts';
import { tinyTraining } from '../fixtures/tiny-training.ts';
import { DeafMachine, StuckMachine, assemble, contextOf, firstChainState, prove, verifyWeakly } from './support/adversary.ts';
import type { LoggingMachine, Weakness } from './support/adversary.ts';
import { forgeOpened, forgeResponses, forgeRounds, replaceRow, type Lie } from './support/forge.ts';
import { STALE, honest, refused, variant, world1, world3 } from './support/tiny.ts';

const word = (fill: string) => `0x${fill.repeat(32)}` as const;
const address = (fill: string) => `0x${fill.repeat(20)}` as const;
const statement: Statement = {
  version: 1,
  chainId: 31337n,
  escrow: address('11'),
  bountyId: word('22'),
  claimant: address('33'),
  recipeHash: word('44'),
  steps: 1,
  stepsPerProof: 1,
  modelDigest: word('55'),
  dataDigest: word('66'),
  startDigest: word('77'),
  adapterRoot: word('88'),
  announced: [9n],
};
const words = statementWords(statement);
/** Model, data and steps are fields; widths, scales, learning rate and batch order are in the recipe's hash. */
const changes: { [field in keyof Statement]: Statement[field] } = {
  version: 2,
  chainId: 1n,
  escrow: address('a1'),
  bountyId: word('a2'),
  claimant: address('a3'),
  recipeHash: word('a4'),
  steps: 2,
  stepsPerProof: 2,
  modelDigest: word('a5'),
  dataDigest: word('a6'),
  startDigest: word('a7'),
  adapterRoot: word('a8'),
  announced: [8n],
};

const bound = prove(world1, { statement: words });
const unbound = prove(world1, { statement: words, machine: () => new DeafMachine(['statement']) });

for (const field of Object.keys(changes) as (keyof Statement)[])
  test(`T1 the statement's ${field} is another`, async () => {
    const other = statementWords({ ...statement, [field]: changes[field] });
    assert.notDeepEqual(other, words);
    const true1 = await bound;
    const moved = assemble(world1, true1.proofs, true1.decider, true1.states, other);
    await assert.rejects(verifyBundle(contextOf(world1, other, true1.context.finalState), true1.bundle), /another statement/);
    await refused(moved, STALE);
    // A transcript that forgot the statement would take it.
    const loose = await unbound;
    await verifyWeakly(assemble(world1, loose.proofs, loose.decider, loose.states, other), {
      machine: () => new DeafMachine(['statement']),
    });
  });

/** The new adapter is one more than the step gives; nothing else disagrees. */
const wrong: Lie['wrong'] = (_, tensors) => {
  (tensors.get("A'") as Float64Array)[0] += 1;
};
const deaf =
  (...labels: string[]) =>
  (): LoggingMachine =>
    new DeafMachine(labels);

/** The attack works where the transcript is deaf and fails against the product's transcript, also when made for it. */
async function hasTeeth(forge: (lie: Lie) => ReturnType<typeof prove>, machine: () => LoggingMachine): Promise<void> {
  const forged = await forge({ world: world1, machine, wrong });
  await verifyWeakly(forged, { machine });
  await refused(forged, STALE);
  await refused(await forge({ world: world1, machine: deaf(), wrong }));
}

test('T2 a round that is not absorbed before its challenge', () => hasTeeth(forgeRounds, deaf('round')));

test('T2 a claimed sum, round, value row, opening or public value changed after its challenge', async () => {
  const run = await honest(world1);
  const { points, scalars } = proofCounts(world1.compiled);
  const at = (word: number): number => (2 + word) * WORD_BYTES;
  // Another honest run's value, so that the message is well-formed but not what the challenges depend on.
  const other = await prove(world1);
  const { compiled: c } = world1;
  const rows = points - 2 * c.valueRows.length - 5;
  const rounds = c.sumchecks.reduce((n, s) => n + 1 + s.n * s.d, 0);
  const messages = [
    ...Array.from({ length: 4 }, (_, i) => ({ start: at(2 * (rows + 3 * i)), words: 2 })),
    ...[0, 1, 2, rounds - 1, rounds, rounds + 1].map((k) => ({ start: at(2 * points + k), words: 1 })),
  ];
  for (const { start, words: count } of messages) {
    const bundle = run.bundle.slice();
    bundle.set(other.bundle.subarray(start, start + count * WORD_BYTES), start);
    await refused({ ...run, bundle }, STALE);
  }
  assert.ok(scalars > rounds + 2);
});

test('T3 ω and η drawn before the values that they batch', () => hasTeeth(forgeOpened, deaf('value')));

test('T4 multiplicities chosen after α and β', async () => {
  const run = async (machine: () => LoggingMachine, counts: number) => {
    const machines: LoggingMachine[] = [];
    const attempt = await prove(world1, {
      machine: () => (machines.push(machine()), machines.at(-1) as LoggingMachine),
      witness: (_, w) => {
        const table = world1.compiled.tables.length - 1;
        const { offset } = world1.compiled.tables[table].multiplicity;
        w.multiplicities[table][3] += counts;
        (w.polys.get('witness') as Float64Array)[offset + 3] += counts;
      },
    });
    return { attempt, challenges: machines[1].challenges.slice(0, 2) };
  };
  const [before, after] = [await run(deaf(), 0), await run(deaf(), 1)];
  assert.notDeepEqual(before.challenges, after.challenges);
  await refused(after.attempt);
  // Without the rows in the transcript α and β are there before the counts, which can then be fitted to them.
  const loose = deaf('rows', 'state-out', 'mask');
  assert.deepEqual((await run(loose, 0)).challenges, (await run(loose, 1)).challenges);
});

/**
 * With α = β the fraction of (id, v) is 1/(α·(1 − v) − id). Two cells of remainder −1 in the table of 2 bits make 2/(2α − 2) = 1/(α − 1),
 * which is one count more of 0 in the table of 1 bit.
 */
test('T4 α = β by two challenges at one state', async () => {
  const { compiled } = world3;
  const attempt = (machine: () => LoggingMachine) =>
    prove(world3, {
      machine,
      walk: (t, tensors) => {
        if (t !== 3) return;
        for (const name of ['A new', "A'"]) for (const cell of [0, 2]) (tensors.get(name) as Float64Array)[cell] += 1;
      },
      witness: (t, w) => {
        const bit = compiled.tables.findIndex((x) => x.id === 1);
        if (t !== 3) return;
        w.multiplicities[bit][0] += 1;
        (w.polys.get('witness') as Float64Array)[compiled.tables[bit].multiplicity.offset] += 1;
      },
    });
  const stuck = (): LoggingMachine => new StuckMachine();
  const forged = await attempt(stuck);
  await verifyWeakly(forged, { machine: stuck });
  await refused(forged, STALE);
  await refused(await attempt(deaf()));
  const transcript = new Transcript(new RunMachine());
  assert.equal(new Set(transcript.challenges(64)).size, 64);
});

test('T5 the last messages left out of the final challenges', () => hasTeeth(forgeResponses, deaf('z', 'zeta', 'epsilon')));

test('T5 a digest depends on every cell of the last accumulator', async () => {
  const run = await honest(world1);
  const other = await prove(world1);
  await refused(assemble(world1, run.proofs, other.decider, run.states));
});

test('T6 a proof of one step passed as that of another', async () => {
  const run = await honest(world3);
  const [a, b, c] = run.proofs;
  for (const proofs of [
    [a, a, c],
    [b, b, c],
    [a, c, b],
  ])
    await refused(assemble(world3, proofs, run.decider, run.states), /⟨Z, G⟩|is not that of its content|another state/);
  await refused(await prove(world3, { index: (t) => (t === 2 ? 3 : t) }), STALE);
});

test('T6 a message of one phase passed as that of another', async () => {
  const run = await honest(world1);
  const { compiled: c } = world1;
  const first = proofCounts(c).points - (2 + c.valueRows.length + 1) - 2 - c.valueRows.length;
  const row = (name: string): number => 64 * (1 + first + c.valueRows.findIndex((r) => r.name === name));
  for (const [x, y] of [
    ['lambda', 'operands'],
    ['layer 2', 'layer 3'],
    ['opened', 'value model'],
  ]) {
    const bundle = run.bundle.slice();
    bundle.set(run.bundle.subarray(row(x), row(x) + 64), row(y));
    bundle.set(run.bundle.subarray(row(y), row(y) + 64), row(x));
    await refused({ ...run, bundle }, STALE);
  }
});

test('T6 a proof with another map, passed as this one', async () => {
  const program = tinyTraining(1);
  const act = (program.constants['act'] as readonly number[]).map((v) => -v);
  const other = await variant(world1, { program: { ...program, constants: { ...program.constants, act } } });
  const forged = await prove(world1, { world: () => other, deciderWorld: other });
  await refused(forged, /the value of constants is not that of its content/);
  await verifyWeakly(forged, { publicContent: false });
});

test('T7 a program chosen by the prover', async () => {
  const program = tinyTraining(1);
  const [x, y, ...rest] = program.relations;
  assert.ok(y.kind === 'rescale');
  const [product] = y.expr.products;
  const negated = { ...y, expr: { ...y.expr, products: [{ ...product, coef: -1n }] } };
  const scaled = await variant(world1, { program: { ...program, relations: [x, negated, ...rest] } });
  const forged = await prove(world1, { world: () => scaled });
  await refused(forged);
  // Whoever takes the program from the prover accepts it.
  await verifyBundle({ ...forged.context, compiled: scaled.compiled }, forged.bundle);
});

test('T8 an extra, missing, longer or shorter row, value row, response, round or sumcheck', async () => {
  const run = await honest(world1);
  const { compiled: c } = world1;
  const cell = 64;
  const first = cell;
  const { points } = proofCounts(c);
  const places = {
    row: first,
    'value row': first + cell * 20,
    D: first + cell * (points - 3),
    round: first + cell * points + 64,
    response: run.bundle.length - cell * 20,
    proof: run.bundle.length - 64,
  };
  for (const [name, place] of Object.entries(places)) {
    const [head, tail] = [run.bundle.subarray(0, place), run.bundle.subarray(place)];
    const longer = Uint8Array.from([...head, ...run.bundle.subarray(place, place + 64), ...tail]);
    const shorter = Uint8Array.from([...head, ...tail.subarray(64)]);
    for (const bundle of [longer, shorter]) await refused({ ...run, bundle }, /truncated, extended or of another program/);
    assert.throws(() => decodeBundle(c, firstChainState(world1, world1.statement).digest, longer), /bytes/, name);
  }
});

test('T8 a value row with an entry that no constraint sees', async () => {
  // The row of λ also commits to a 7, and its response has an entry for it.
  const { compiled } = world1;
  const valueRows = compiled.valueRows.map((r) => (r.name === 'lambda' ? { ...r, length: 3 } : r));
  const secretRows = compiled.secretRows.map((length, i) => valueRows[i - 2]?.length ?? length);
  const longer = { ...world1, compiled: { ...compiled, valueRows, secretRows } };
  const forged = await prove(longer, {
    answer: (turn) =>
      'ask' in turn.request && turn.request.ask.name === 'lambda' ? replaceRow(longer, turn, ([lambda]) => [lambda, 7n, 0n]) : undefined,
  });
  // Whoever takes the length from the prover accepts it; with the program's length there is no place for it.
  await verifyBundle(forged.context, forged.bundle);
  await refused({ ...forged, context: { ...forged.context, compiled } }, /truncated, extended or of another program/);
});

test('T8 weakness is only in these tests: the same verifier without weakness refuses and accepts as the product does', async () => {
  const none: Weakness = {};
  await verifyWeakly(await honest(world3), none);
  await verifyBundle((await honest(world3)).context, (await honest(world3)).bundle);
  const forged = await prove(world3, { walk: (t, tensors) => t === 2 && wrong(t, tensors) });
  await assert.rejects(verifyWeakly(forged, none), /⟨Z, G⟩/);
  await refused(forged);
});
