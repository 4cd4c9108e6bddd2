/** Sumchecks and the claims between them: what a round says must follow from the claim before, and what is left must be opened. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HALF, mod } from '../../verifier/field.ts';
import { fromFelts, toFelts, type Felt } from '../../verifier/protocol/machine.ts';
import { StuckMachine, prove, verifyWeakly, type LoggingMachine, type Turn } from './support/adversary.ts';
import { replaceRow } from './support/forge.ts';
import { STALE, honest, refused, world1 } from './support/tiny.ts';

const { compiled } = world1;
const scalarsOf = (turn: Turn): bigint[] => fromFelts(turn.reply as Felt[]);
const nameOf = (turn: Turn): string => ('ask' in turn.request ? turn.request.ask.name : '');

/** Proves with one message of scalars changed: those under `label`. */
const altered = (label: string, change: (values: bigint[]) => bigint[]) => {
  let seen = 0;
  return prove(world1, {
    answer: (turn) => {
      if (!('label' in turn.request) || turn.request.label !== label) return undefined;
      seen++;
      return toFelts(change(scalarsOf(turn)).map(mod));
    },
  }).then((attempt) => (assert.equal(seen, 1, label), attempt));
};

for (const { name, n } of compiled.sumchecks.filter((s) => ['layer 1', 'layer 6', 'forms', 'opening'].includes(s.name)))
  test(`S1 ${name}: s(0) + s(1) is not the claim`, async () => {
    // s(1) is not sent: another s(0) is another s(1), and the round polynomial another line through them.
    await refused(await altered(`${name}: round ${n}`, ([s0, ...rest]) => [s0 + 1n, ...rest]));
    await refused(await altered(`${name}: sum`, ([sum]) => [sum + 1n]));
  });

test('S2 a round polynomial of another shape: every coefficient counts', async () => {
  for (const k of [1, 2]) refused(await altered('layer 3: round 2', (s) => s.map((v, i) => (i === k ? v + 5n : v))));
});

test('S2 extra degree, extra, missing or no rounds have no place in a bundle', async () => {
  const run = await honest(world1);
  const start = 64 + 64 * compiled.valueRows.length;
  for (const words of [2, 4, 2 * compiled.sumchecks.length]) {
    const cut = new Uint8Array([...run.bundle.subarray(0, start), ...run.bundle.subarray(start + 32 * words)]);
    const more = new Uint8Array([...run.bundle.subarray(0, start + 32 * words), ...run.bundle.subarray(start)]);
    for (const bundle of [cut, more]) await refused({ ...run, bundle }, /truncated, extended or of another program/);
  }
  assert.ok(compiled.sumchecks.every((s) => s.n >= 1 && s.d >= 2));
});

/** Value rows in which a prover claims something else, with everything after recomputed. */
for (const [ask, entry] of [
  ['root', 0],
  ['layer-values', 2],
  ['lambda', 0],
  ['operands', 0],
  ['opened', 0],
  ['hidden-values', 0],
] as const)
  test(`S3 a claimed value (${ask}) that no opening bears out`, async () => {
    let seen = 0;
    const forged = await prove(world1, {
      answer: (turn) =>
        nameOf(turn) === ask && seen++ === 0
          ? replaceRow(world1, turn, (row) => row.map((v, k) => (k === entry ? mod(v + 1n) : v)))
          : undefined,
    });
    await refused(forged, ask === 'hidden-values' ? STALE : /⟨Z, G⟩/);
  });

test('S3 a public value that the prover supplies', async () => {
  const forged = await altered('public values', ([first, ...rest]) => [first + 1n, ...rest]);
  await refused(forged, /the value of data is not that of its content/);
  // Even if nobody evaluated the content: OPENING ties the value to the claims.
  await assert.rejects(verifyWeakly(forged, { publicContent: false }), /⟨Z, G⟩/);
});

/** Cells 1 = (0, 1) and 2 = (1, 0) have equal weights where the coordinates of τ are equal. */
test('S4 coordinates that share a challenge', async () => {
  const run = (machine: () => LoggingMachine) =>
    prove(world1, {
      machine,
      walk: (_, tensors) => {
        const out = tensors.get("A'") as Float64Array;
        out[1] += 1;
        out[2] -= 1;
      },
    });
  const stuck = (): LoggingMachine => new StuckMachine();
  const forged = await run(stuck);
  await verifyWeakly(forged, { machine: stuck });
  await refused(forged, STALE);
  let points: readonly (readonly bigint[])[] = [];
  await refused(
    await prove(world1, {
      walk: (_, tensors) => {
        const out = tensors.get("A'") as Float64Array;
        out[1] += 1;
        out[2] -= 1;
      },
      answer: (turn) => {
        if (turn.request.kind === 'points' && turn.request.ask.name === 'D') points = turn.request.ask.openings.map(fromFelts);
        return undefined;
      },
    }),
  );
  // Rows and columns of the longest polynomial are opened at coordinates of their own.
  const longest = points.reduce((a, b) => (a.length >= b.length ? a : b));
  assert.equal(new Set(longest).size, longest.length);
});

test('S5 a polynomial with fewer variables that is not halved in the rounds past its last', async () => {
  const small = compiled.polys.findIndex((p) => p.role === 'stateIn');
  const { bits } = compiled.polys[small];
  let changed = false;
  const forged = await prove(world1, {
    answer: (turn) => {
      if (!('label' in turn.request) || turn.request.label !== `opening: round ${bits + 1}`) return undefined;
      const joint = (turn.prover as unknown as { opening: { finals: (readonly bigint[] | null)[] } }).opening;
      const [value, kernel] = joint.finals[small] as readonly [bigint, bigint];
      changed = mod(value * kernel) !== 0n;
      return toFelts(scalarsOf(turn).map((s) => mod(s + value * kernel * HALF)));
    },
  });
  assert.ok(changed);
  await refused(forged);
});

test('S5 a form without variables that is counted once for every cell of the sumcheck', async () => {
  const form = compiled.forms.findIndex((f) => f.rounds === 0);
  assert.ok(form >= 0);
  const { n } = compiled.sumchecks.find((s) => s.name === 'forms') as { n: number };
  await refused(
    await prove(world1, {
      answer: (turn) => {
        if (!('label' in turn.request) || turn.request.label !== 'forms: sum') return undefined;
        const joint = (
          turn.prover as unknown as { forms: { instances: { value: (f: readonly bigint[]) => bigint }[]; finals: bigint[][] } }
        ).forms;
        const value = joint.instances[form].value(joint.finals[form]);
        return toFelts([mod(scalarsOf(turn)[0] + value * (2n ** BigInt(n) - 1n))]);
      },
    }),
  );
});
