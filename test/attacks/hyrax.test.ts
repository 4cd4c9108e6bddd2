/** Commitments: rows bind what is opened, generators have no known relations, decoding takes nothing but the canonical. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proofCounts } from '../../verifier/bundle.ts';
import { add, isOnCurve, msm, multiply, same } from '../../verifier/curve.ts';
import { Q, R, inverse, mod } from '../../verifier/field.ts';
import { H, generators } from '../../verifier/generators.ts';
import { fromFelts, fromPoints, toPoints, type Felt, type Pt } from '../../verifier/protocol/machine.ts';
import { verifyBundle } from '../../verifier/verify.ts';
import { systemRandom, type RandomSource } from '../../prover/prove/random.ts';
import { writeWord } from '../../verifier/words.ts';
import { inside, prove, type Attempt } from './support/adversary.ts';
import { bump, phi } from './support/forge.ts';
import { STALE, backend, honest, refused, world1 } from './support/tiny.ts';

const { compiled } = world1;
const { points, scalars } = proofCounts(compiled);
/** First word of the proof's points and scalars in a bundle of one proof. */
const [POINTS, SCALARS] = [2, 2 + 2 * points];

/** The honest run's bundle with some words replaced. */
async function withWords(...words: readonly (readonly [number, bigint])[]): Promise<Attempt> {
  const run = await honest(world1);
  const bundle = run.bundle.slice();
  for (const [at, value] of words) writeWord(bundle, at, value);
  return { ...run, bundle };
}

test('H1 values that fit together, but not with the committed rows', async () => {
  // Row 0 of the witness commits to other cells; everything else is computed from the true ones.
  const columns = 2 ** compiled.columns;
  const cells = Float64Array.from({ length: columns }, (_, i) => i);
  const [row] = await backend.commitRows(cells, columns, systemRandom.fields(1));
  await refused(
    await prove(world1, {
      answer: ({ request, reply }) =>
        'ask' in request && request.ask.name === 'rows' ? toPoints([row, ...fromPoints(reply as Pt[]).slice(1)]) : undefined,
    }),
  );
});

test('H1 a state or a model other than the committed one', async () => {
  const run = await honest(world1);
  const G = generators(1);
  const firstState = run.context.firstState.map((p) => add(p, G[0])).map((p) => p ?? H);
  await assert.rejects(verifyBundle({ ...run.context, firstState }, run.bundle), STALE);
  const hiddenRows = new Map([...run.context.hiddenRows].map(([name, rows]) => [name, rows.map((p) => add(p, G[0]) ?? H)]));
  await assert.rejects(verifyBundle({ ...run.context, hiddenRows }, run.bundle), /⟨Z, G⟩/);
});

test('H2 generators: points of the curve from a hash, all different, none the opposite of another', () => {
  const all = [...generators(300), H];
  assert.ok(all.every(isOnCurve));
  assert.equal(new Set(all.map((p) => p.x)).size, all.length);
  // Whoever knew G_1 = 2·G_0 could open one commitment twice; with these generators it is two commitments.
  const [G0, G1] = generators(2);
  const known = multiply(G0, 2n);
  assert.ok(same(msm([5n, 1n], [G0, known]), msm([3n, 2n], [G0, known])));
  assert.ok(!same(msm([5n, 1n], [G0, G1]), msm([3n, 2n], [G0, G1])));
});

test('H3 a point off the curve, the point at infinity, a coordinate that is not canonical', async () => {
  const run = await honest(world1);
  const view = new DataView(run.bundle.buffer, run.bundle.byteOffset);
  const wordAt = (at: number): bigint => [0, 1, 2, 3].reduce((v, i) => (v << 64n) | view.getBigUint64(32 * at + 8 * i), 0n);
  const [x, y] = [wordAt(POINTS), wordAt(POINTS + 1)];
  await refused(await withWords([POINTS + 1, y + 1n]), /proof 1: witness rows is not a point of the curve/);
  await refused(await withWords([POINTS, 0n], [POINTS + 1, 0n]), /proof 1: witness rows is the point at infinity/);
  await refused(await withWords([POINTS, x + Q]), /not a point of the curve/);
  await refused(await withWords([POINTS + 1, y + Q]), /not a point of the curve/);
  // −P is on the curve: then the equation fails.
  await refused(await withWords([POINTS + 1, Q - y]), STALE);
});

test('H3 a scalar ≥ r, a padding word that is not zero', async () => {
  const run = await honest(world1);
  const view = new DataView(run.bundle.buffer, run.bundle.byteOffset);
  const wordAt = (at: number): bigint => [0, 1, 2, 3].reduce((v, i) => (v << 64n) | view.getBigUint64(32 * at + 8 * i), 0n);
  await refused(await withWords([SCALARS, R]), /proof 1: layer 1: sum is not a canonical scalar/);
  await refused(await withWords([SCALARS + 5, wordAt(SCALARS + 5) + R]), /is not a canonical scalar/);
  await refused(await withWords([SCALARS + scalars - 1, 2n ** 256n - 1n]), /is not a canonical scalar/);
  if (scalars % 2 === 1) refused(await withWords([SCALARS + scalars, 1n]), /the padding word is not zero/);
});

test('H3 trailing bytes', async () => {
  const run = await honest(world1);
  for (const extra of [1, 32, 64, 4096]) {
    const bundle = new Uint8Array(run.bundle.length + extra);
    bundle.set(run.bundle);
    await refused({ ...run, bundle }, /truncated, extended or of another program/);
  }
});

test('H4 row counts other than the commitment’s', async () => {
  const run = await honest(world1);
  const { firstState, hiddenRows } = run.context;
  for (const rows of [[], [...firstState, ...firstState]])
    await assert.rejects(
      verifyBundle({ ...run.context, firstState: rows }, run.bundle),
      /the first state has \d+ rows, the program's states 1/,
    );
  const model = hiddenRows.get('model') ?? [];
  for (const rows of [model.slice(1), [...model, model[0]]])
    await assert.rejects(
      verifyBundle({ ...run.context, hiddenRows: new Map([['model', rows]]) }, run.bundle),
      /the card of model has not the program's number of rows/,
    );
  await assert.rejects(verifyBundle({ ...run.context, hiddenRows: new Map() }, run.bundle), /the card of model/);
  const { input, ...rest } = run.context.publicContent;
  for (const publicContent of [rest, { ...rest, input: Array.from(input).slice(1) }, { ...rest, input: [...Array.from(input), 0] }])
    await assert.rejects(verifyBundle({ ...run.context, publicContent }, run.bundle), /data is missing or of another size: input/);
});

test('H5 masks used twice give the secret away; the prover draws every mask anew', async () => {
  // Two closings with one mask under two challenges: (z − z')/(ξ − ξ') is the secret row.
  const constant: RandomSource = { fields: (count) => Array.from({ length: count }, (_, i) => BigInt(i + 3)) };
  const closing = async (statement: readonly bigint[], random: RandomSource) => {
    let [xi, z, secret] = [0n, [] as bigint[], [] as readonly bigint[]];
    let row = 0;
    await prove(world1, {
      statement,
      random,
      answer: ({ request, reply, prover }) => {
        if (request.kind !== 'scalars' || request.ask.name !== 'z' || row++ > 0) return undefined;
        [xi] = fromFelts([request.ask.xi]);
        z = fromFelts(reply as Felt[]);
        [secret] = inside(prover).secret;
        return undefined;
      },
    });
    return { xi, z, secret };
  };
  const extract = (a: Awaited<ReturnType<typeof closing>>, b: Awaited<ReturnType<typeof closing>>): bigint[] =>
    a.z.map((v, k) => mod((v - b.z[k]) * inverse(mod(a.xi - b.xi))));
  // The same transcript up to ξ is needed for the same secret row; what differs is only a challenge that a second run would get.
  const first = await closing([1n], constant);
  const again = { ...first, xi: first.xi + 1n, z: first.z.map((v, k) => mod(v + first.secret[k])) };
  assert.deepEqual(extract(first, again), first.secret.map(mod));
  const [a, b] = [await closing([1n], systemRandom), await closing([1n], systemRandom)];
  assert.ok(extract(a, b).every((v, k) => v !== mod(a.secret[k])));
});

test('H5 no number is drawn twice in a run', async () => {
  const seen = new Map<bigint, number>();
  const counting: RandomSource = {
    fields: (count) => {
      const drawn = systemRandom.fields(count);
      for (const v of drawn) seen.set(v, (seen.get(v) ?? 0) + 1);
      return drawn;
    },
  };
  let blinds: readonly bigint[] = [];
  await prove(world1, {
    random: counting,
    answer: ({ request, prover }) => {
      if (request.kind !== 'scalars' || request.ask.name !== 'zeta') return undefined;
      const { d, blinds: own, mask } = inside(prover);
      blinds = [...own.slice(1, 1 + compiled.valueRows.length), ...d.flat(), ...mask];
      return undefined;
    },
  });
  assert.ok([...seen.values()].every((n) => n === 1));
  // Every blind, mask and Σ-mask of the transcript was drawn for it: none is 0 or constant.
  assert.ok(blinds.length > 100 && blinds.every((v) => seen.get(v) === 1));
});

test('H6 a row that reaches into the generators of another', async () => {
  // The row of λ (one entry) also has 7 on G_1; its mask and response have one entry, as the program says.
  const G1 = generators(2)[1];
  const forged = await prove(world1, {
    answer: ({ request, reply }) =>
      'ask' in request && request.ask.name === 'lambda' ? toPoints([add(fromPoints(reply as Pt[])[0], multiply(G1, 7n))]) : undefined,
  });
  await refused(forged);
  // With a response of two entries the row would open, so its length must be the program's.
  let opened = false;
  await prove(world1, {
    answer: ({ request, prover }) => {
      if (request.kind !== 'points' || request.ask.name !== 'E') return undefined;
      const { secret } = inside(prover);
      const row = 2 + compiled.valueRows.findIndex((r) => r.name === 'lambda');
      const longer = secret.map((s, i) => (i === row ? [...s, 7n] : s));
      opened = phi(request.ask.constraints, 1n, longer) === 0n && phi(request.ask.constraints, 1n, bump(secret, row, 0, 1n)) !== 0n;
      return undefined;
    },
  });
  assert.ok(opened);
});
