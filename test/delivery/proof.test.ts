/** Delivery in the proof: the last proof's rows are the final state's limbs, each row can be encoded, and adapterRoot is theirs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundleBytes, bundleRoot, decodeBundle, proofCounts, rowsDigest, rowsRoot } from '../../verifier/bundle.ts';
import { add, type Affine } from '../../verifier/curve.ts';
import { adapterTree } from '../../verifier/delivery/cipher.ts';
import { deliveredRows } from '../../verifier/delivery/commitments.ts';
import { commitRow, decodeRow, encodeRow, openRow, type PlainRow } from '../../verifier/delivery/row.ts';
import { mod } from '../../verifier/field.ts';
import { generators, H } from '../../verifier/generators.ts';
import { compile } from '../../verifier/program/compile.ts';
import { decodeProgram } from '../../verifier/program/decode.ts';
import { digestOf } from '../../verifier/input.ts';
import { keyHash, keyOf, listTrees } from '../../verifier/record/key.ts';
import { publicWordsOf, recordVerifier } from '../../verifier/record/record.ts';
import { encodeProgram } from '../../prover/program/encode.ts';
import { Walker } from '../../prover/trainer/walk.ts';
import { proveRun } from '../fixtures/run.ts';
import { provenBundle } from '../browser/support/proof.ts';
import { seededRandom } from '../fixtures/seeded.ts';
import { fromPoints, toPoints, type Pt } from '../../verifier/protocol/machine.ts';
import { verifyBundle } from '../../verifier/verify.ts';
import { checkProgram } from '../../verifier/validity/check.ts';
import { limbsOfRows, rowsOfState, stateOfRows } from '../../prover/prove/delivered.ts';
import { createReferenceBackend } from '../../prover/backend/reference.ts';
import { engineOf } from '../../prover/backend/engine.ts';
import { deliveryCommitments } from '../../scripts/lib/delivery/rows.ts';
import { writeWord } from '../../verifier/words.ts';
import { firstChainState, inside, makeWorld, prove, verifyWeakly, type Attempt, type Moves } from '../attacks/support/adversary.ts';
import { backend, STALE } from '../attacks/support/tiny.ts';
import { tinyTraining } from '../fixtures/tiny-training.ts';
import * as tiny from '../fixtures/tiny-training.ts';
import { content, delivering, firstState } from '../fixtures/delivering.ts';
import { OracleMachine, simulate } from '../proof/simulator.ts';
import { change, limbAt, limbsPoly, proven, worldOf } from './support.ts';

const world = await worldOf(8);
const { compiled } = world;
const honest = await proven(world);
const LAST = compiled.proofs;
const refused = (attempt: Attempt): Promise<void> =>
  assert.rejects(verifyBundle(attempt.context, attempt.bundle, engineOf(backend)), /⟨Z, G⟩/);

/** The state that the two steps end in, under the names of a state-in. */
function finalState(): Record<string, Float64Array> {
  const [A, m, v] = ['A', 'm', 'v'].map((name) => Float64Array.from(firstState.get(name) as Float64Array));
  const [gain, x] = ['gain', 'x'].map((name) => content.get(name) as Float64Array);
  for (let t = 0; t < 2; t++) {
    for (let k = 0; k < 400; k++) A[k] += gain[Math.floor(k / 20)] * m[k % 20];
    for (let k = 0; k < 20; k++) m[k] += x[20 * t + k];
    for (let k = 0; k < 5; k++) v[k] += x[20 * t + k] ** 2;
  }
  return { A, m, v };
}

test('the program is valid; limbs own whole rows of 256, and rows of pads alone are left out', () => {
  checkProgram(world.program);
  const poly = limbsPoly(compiled);
  assert.deepEqual([poly.columns, poly.bits, poly.rows.length], [8, 12, 9]);
  // A: 20 of 32 lines of 32 cells, so 3 of 4 rows a limb; v: less than a row, three limbs.
  assert.deepEqual(
    poly.tensors.map((p) => [p.tensor.axes.map((a) => a.size), p.bits, p.tensor.bits, p.tensor.signed]),
    [
      [[32, 32], 10, 16, false],
      [[32, 32], 10, 2, true],
      [[32, 8], 8, 16, false],
      [[32, 8], 8, 16, false],
      [[32, 8], 8, 1, false],
    ],
  );
  assert.deepEqual(poly.rows, [0, 1, 2, 4, 5, 6, 8, 9, 10]);
  assert.ok(poly.tensors.every((p) => p.offset % 256 === 0));
  assert.ok(compiled.generators >= 256);
});

test('an honest run is accepted, with shorter, equal and longer rows in the rest of the proof', async () => {
  for (const columns of [5, 8, 9]) {
    const { attempt } = columns === 8 ? honest : await proven(await worldOf(columns));
    const { compiled: c } = attempt.world;
    assert.equal((await verifyBundle(attempt.context, attempt.bundle, engineOf(backend))).proofs, 2);
    assert.equal(attempt.bundle.length, bundleBytes(c));
    assert.equal(c.secretRows.at(-1), 256);
    assert.equal(c.secretRows[0], 2 ** columns);
  }
});

test('all of the state is delivered where all tensors are declared so', async () => {
  const { attempt, rows } = await proven(await worldOf(7, ["A'", "m'", "v'"]));
  await verifyBundle(attempt.context, attempt.bundle, engineOf(backend));
  const state = stateOfRows(attempt.world.compiled, rows);
  assert.deepEqual(Object.keys(state), ['A', 'm', 'v']);
  assert.deepEqual(Array.from(state['m']), Array.from(finalState()['m']));
});

test('a tiny state: one row, a tree of one leaf', async () => {
  const { tensors, ...base } = tiny.tinyDelivery();
  const program = { ...base, tensors: tensors.map((t) => (t.name === "m'" ? ({ ...t, range: 'leaf' } as const) : t)) };
  checkProgram(program);
  const one = await makeWorld(backend, program, tiny.content, tiny.firstState);
  const attempt = await prove(one);
  assert.equal(attempt.delivered.length, 1);
  await verifyBundle(attempt.context, attempt.bundle, engineOf(backend));
  assert.equal(rowsRoot(attempt.delivered), adapterTree(attempt.delivered).root);
});

test('the kernels prove a delivery with the reference’s bytes', async () => {
  const expected = await provenBundle(createReferenceBackend(), 7n, tiny.tinyDelivery());
  assert.equal(await provenBundle(backend, 7n, tiny.tinyDelivery()), expected);
});

test('adapterRoot is the root that a complaint’s paths lead to, over what the rows commit to', async () => {
  const { attempt, rows } = honest;
  const commitments = deliveryCommitments(compiled, attempt.bundle);
  assert.equal(commitments.length, 16);
  assert.deepEqual(commitments.slice(9), new Array(7).fill(null));
  assert.deepEqual(deliveredRows(compiled, attempt.bundle), attempt.delivered);
  assert.equal(adapterTree(commitments).root, attempt.context.finalState);
  assert.equal(rowsRoot(attempt.delivered), attempt.context.finalState);
  for (const [i, row] of rows.entries()) {
    assert.deepEqual(await commitRow(row), commitments[i]);
    const bytes = encodeRow(row);
    const opened = await openRow(bytes, commitments[i]);
    assert.ok('row' in opened);
    assert.deepEqual(decodeRow(bytes, limbsOfRows(compiled)[i].tensor.signed), row);
  }
});

test('rows hold the final state, and give it back', () => {
  const state = finalState();
  assert.deepEqual([state['A'][0], state['A'][1]], [-(2 ** 17), 2 ** 17 - 1]);
  const own = rowsOfState(
    compiled,
    state,
    honest.rows.map((r) => r.blind),
  );
  assert.deepEqual(own, honest.rows);
  const { A, v } = stateOfRows(compiled, own);
  assert.deepEqual(Array.from(A), Array.from(state['A']));
  assert.deepEqual(Array.from(v), Array.from(state['v']));
  // As a receiver reads a row of top limbs that are all below 2^15, and with the pads of the tree.
  const pad: PlainRow = { limbs: new Array<number>(256).fill(0), blind: 0n };
  assert.deepEqual(Object.keys(stateOfRows(compiled, [...own, ...new Array<PlainRow>(7).fill(pad)])), ['A', 'v']);
  assert.throws(() => stateOfRows(compiled, own.slice(1)), /rows: are 8, the program has 9/);
  const swapped = [own[3], own[1], own[2], own[0], ...own.slice(4)];
  assert.throws(() => stateOfRows(compiled, swapped), /A'\[\d+\]: is -?\d+, outside its 18 bits/);
});

/** Changes of the last proof's witness before it is proven. */
const lie = (edit: (witness: Parameters<NonNullable<Moves['witness']>>[1]) => void): Promise<unknown> =>
  prove(world, { witness: (t, witness) => void (t === LAST && edit(witness)) }).then((attempt) => refused(attempt));

test('D3 limbs that are not the state’s', async () => {
  // In range, looked up and counted: only the equality is wrong.
  await lie((w) => change(compiled, w, "A'", 0, 32 + 3, 1));
  await lie((w) => change(compiled, w, "v'", 2, 0, -1));
});

test('D2 a limb out of range at a cell, though the sum is right', async () => {
  const state = finalState()['A'];
  const at = state.findIndex((v) => v > 0 && v < 2 ** 16 - 1 && v % 2 === 1);
  const cell = 32 * Math.floor(at / 20) + (at % 20);
  await lie((w) => {
    change(compiled, w, "A'", 0, cell, 2 ** 16);
    change(compiled, w, "A'", 1, cell, -1);
  });
  // A low limb below 0 makes a row that mixes both kinds.
  await lie((w) => {
    change(compiled, w, "A'", 0, cell, -(2 ** 16));
    change(compiled, w, "A'", 1, cell, 1);
  });
});

test('D2 a limb out of range at a pad: what nobody reads must fit a row too', async () => {
  const pad = 25; // column 25 of 20
  for (const by of [2 ** 16, -1]) await lie((w) => change(compiled, w, "A'", 0, pad, by));
  for (const by of [2, -3]) await lie((w) => change(compiled, w, "A'", 1, pad, by));
  // The rest of the row of a tensor that fills none.
  await lie((w) => change(compiled, w, "v'", 0, 200, 2 ** 16));
  // A pad in range is nobody's business; its row opens.
  const { attempt, rows } = await proven(world, { witness: (t, w) => void (t === LAST && change(compiled, w, "A'", 0, pad, 7)) });
  await verifyBundle(attempt.context, attempt.bundle, engineOf(backend));
  assert.equal(rows[limbAt(compiled, "A'", 0).offset / 256].limbs[pad], 7);
  assert.deepEqual(Array.from(stateOfRows(compiled, rows)['A']), Array.from(finalState()['A']));
});

test('D2 a row of pads alone cannot hide anything: it is 0 by the layout', async () => {
  // Line 24 … 31 of A are row 3 of each limb, which is not committed.
  await lie((w) => change(compiled, w, "A'", 0, 32 * 24, 5));
});

/** The last proof's delivered rows replaced, all that follows recomputed. */
const withRows = (edit: (rows: readonly Affine[]) => readonly Affine[]): Promise<Attempt> =>
  prove(world, {
    answer: ({ t, request, reply }) =>
      t === LAST && request.kind === 'points' && request.ask.name === 'delivery'
        ? toPoints(edit(fromPoints(reply as readonly Pt[]) as Affine[]))
        : undefined,
  });

test('H1 delivered rows other than those that the proof opens', async () => {
  const other = (await commitRow({ limbs: Array.from({ length: 256 }, (_, j) => j), blind: 5n })) as Affine;
  await refused(await withRows((rows) => [other, ...rows.slice(1)]));
  // The same limbs under another blind.
  await refused(await withRows((rows) => [add(rows[0], H) as Affine, ...rows.slice(1)]));
  // Equal limbs in other rows: swapped.
  await refused(await withRows((rows) => [rows[1], rows[0], ...rows.slice(2)]));
});

test('H1 another adapter’s rows, opened as such, beside the limbs that all else is proven of', async () => {
  // The rows are well-made and the closing argument opens them; only their value at the point is not the one that OPENING ends in.
  let opening = false;
  const attempt = await prove(world, {
    answer: ({ t, request, prover }) => {
      if (t !== LAST || !('ask' in request)) return undefined;
      if (request.ask.name === 'rows') {
        const own = inside(prover).matrix.bind(prover);
        const other = (cells: Int32Array): Int32Array => cells.map((v, i) => (i === 3 ? v ^ 1 : v));
        inside(prover).matrix = (poly) => {
          const matrix = own(poly);
          return poly.role !== 'delivery' || opening ? matrix : { ...matrix, cells: other(matrix.cells as Int32Array) };
        };
      }
      if (request.ask.name === 'operands') opening = true;
      if (request.ask.name === 'opened') opening = false;
      return undefined;
    },
  });
  assert.notEqual(attempt.context.finalState, honest.attempt.context.finalState);
  await refused(attempt);
});

test('H6 a delivered row that has parts behind its 256 columns', async () => {
  const wide = await worldOf(9);
  assert.ok(wide.compiled.generators >= 512);
  for (const at of [256, 300, 511]) {
    const attempt = await prove(wide, {
      answer: ({ t, request, reply }) => {
        if (t !== LAST || request.kind !== 'points' || request.ask.name !== 'delivery') return undefined;
        const rows = fromPoints(reply as readonly Pt[]) as Affine[];
        return toPoints([add(rows[0], generators(512)[at]) as Affine, ...rows.slice(1)]);
      },
    });
    await refused(attempt);
  }
});

test('H1 a secret row x_d that is not the rows’ combination', async () => {
  for (const edit of [
    // Another row with the same value at the point, and one with another value.
    (secret: (readonly bigint[])[]) =>
      secret.map((row, i) => (i === secret.length - 1 ? row.map((v, k) => (k === 7 ? mod(v + 1n) : v)) : row)),
    (secret: (readonly bigint[])[]) => secret.map((row, i) => (i === secret.length - 1 ? row.map(() => 0n) : row)),
  ]) {
    const attempt = await prove(world, {
      answer: ({ t, request, prover }) => {
        if (t === LAST && request.kind === 'points' && request.ask.name === 'E') inside(prover).secret = edit(inside(prover).secret);
        return undefined;
      },
    });
    await refused(attempt);
  }
});

test('D3 a root other than that of the last proof’s rows', async () => {
  const { attempt } = honest;
  const { context, bundle, delivered } = attempt;
  const swapped = [delivered[1], delivered[0], ...delivered.slice(2)];
  const last = attempt.states.at(-1);
  assert.ok(last);
  for (const finalState of [
    0n,
    context.finalState + 1n,
    rowsRoot(swapped),
    rowsRoot(delivered.slice(1)),
    rowsRoot([...delivered, delivered[0]]),
    // The digest of rows is for bounties without delivery.
    rowsDigest(delivered),
    rowsDigest(last.rows),
    // The first proof's rows are as valid, but of another state.
    rowsRoot(await rowsOfProof(1)),
  ])
    await assert.rejects(verifyBundle({ ...context, finalState }, bundle, engineOf(backend)), /ends in another state/);
});

/** Delivered rows of proof t of the honest bundle. */
async function rowsOfProof(t: number): Promise<Affine[]> {
  const c = { ...compiled, proofs: t };
  return deliveredRows(c, honest.attempt.bundle);
}

test('D3 rows swapped, replaced, left out or added in a finished bundle', async () => {
  const { bundle, context, delivered } = honest.attempt;
  const counts = proofCounts(compiled);
  const stride = 64 * counts.points + 32 * (counts.scalars + (counts.scalars % 2));
  const poly = (role: string): number => compiled.polys.find((p) => p.role === role)?.rows.length ?? 0;
  const first = 2 + (stride / 32) * (LAST - 1) + 2 * (poly('witness') + poly('stateOut'));
  const put = (bytes: Uint8Array, i: number, p: Affine): void => {
    writeWord(bytes, first + 2 * i, p.x);
    writeWord(bytes, first + 2 * i + 1, p.y);
  };
  const changed = (edit: (bytes: Uint8Array) => void): Uint8Array => {
    const bytes = bundle.slice();
    edit(bytes);
    return bytes;
  };
  const swapped = changed((b) => (put(b, 0, delivered[1]), put(b, 1, delivered[0])));
  const early = await rowsOfProof(1);
  const replaced = changed((b) => early.forEach((p, i) => put(b, i, p)));
  for (const bytes of [swapped, replaced]) {
    // Against the claim's root, and against the root that the changed rows have.
    await assert.rejects(verifyBundle(context, bytes, engineOf(backend)), STALE_OR_ROOT);
    const finalState = rowsRoot(deliveredRows(compiled, bytes));
    await assert.rejects(verifyBundle({ ...context, finalState }, bytes, engineOf(backend)), STALE);
  }
  for (const bytes of [
    new Uint8Array([...bundle.subarray(0, 32 * first), ...bundle.subarray(32 * first + 64)]),
    new Uint8Array([...bundle, ...new Uint8Array(64)]),
  ])
    await assert.rejects(verifyBundle(context, bytes, engineOf(backend)), /truncated, extended or of another program/);
});
const STALE_OR_ROOT = /⟨Z, G⟩|is not that of its content|ends in another state/;

test('D3 blinds of another proof, or of another bounty’s rows, make another root', async () => {
  const again = await prove(world);
  assert.notEqual(again.context.finalState, honest.attempt.context.finalState);
  // The same state: limbs are equal, commitments are not.
  const early = await rowsOfProof(1);
  assert.ok(again.delivered.every((p, i) => p.x !== honest.attempt.delivered[i].x && p.x !== early[i].x));
  await assert.rejects(
    verifyBundle({ ...again.context, finalState: honest.attempt.context.finalState }, again.bundle, engineOf(backend)),
    /ends in another state/,
  );
});

test('T8 a delivering proof passed as one of the program without delivery, and the reverse', async () => {
  const plain = await worldOf(8, []);
  const bare = await prove({ ...plain, openings: world.openings, firstRows: world.firstRows, firstBlinds: world.firstBlinds });
  await verifyBundle(bare.context, bare.bundle, engineOf(backend));
  await assert.rejects(verifyBundle({ ...honest.attempt.context, compiled: plain.compiled }, honest.attempt.bundle), /of another program/);
  await assert.rejects(verifyBundle({ ...bare.context, compiled }, bare.bundle), /of another program/);
});

test('T2 delivered rows are absorbed before the first challenge', async () => {
  // Whoever may exchange them afterwards has the same challenges; the transcript of the honest verifier has others.
  const seen = new Set<bigint>();
  for (const edit of [(rows: readonly Affine[]) => rows, (rows: readonly Affine[]) => [add(rows[0], H) as Affine, ...rows.slice(1)]]) {
    let alpha = 0n;
    await prove(world, {
      random: { fields: (count) => Array.from({ length: count }, (_, i) => BigInt(i + 3)) },
      answer: ({ t, request, reply }) => {
        if (t !== 1 || request.kind !== 'points') return undefined;
        if (request.ask.name === 'root') alpha = request.ask.alpha as unknown as bigint;
        return request.ask.name === 'delivery' ? toPoints(edit(fromPoints(reply as readonly Pt[]) as Affine[])) : undefined;
      },
    }).catch(() => undefined);
    seen.add(alpha);
  }
  assert.equal(seen.size, 2);
});

test('a delivering run is simulated without a witness, its rows and x_d included', async () => {
  const { context, bundle } = honest.attempt;
  const run = simulate(context);
  assert.equal(run.bundle.length, bundle.length);
  const machine = (): OracleMachine => new OracleMachine(run.oracle);
  const { digest } = firstChainState(world, context.statement);
  const { proofs, decider } = decodeBundle(compiled, digest, run.bundle);
  const simulated = { world, context: { ...context, finalState: run.finalState }, proofs, decider };
  await verifyWeakly(simulated, { machine, deciderMachine: machine });
  await assert.rejects(verifyBundle({ ...context, finalState: run.finalState }, run.bundle), STALE);
  // Nobody knows what these rows hold: no small limbs were put into them.
  assert.notEqual(run.finalState, context.finalState);
});

test('the encoding says what is delivered, and is that of old where nothing is', () => {
  for (const program of [world.program, delivering(8, [])]) {
    const bytes = encodeProgram(program);
    assert.deepEqual(decodeProgram(bytes).tensors, program.tensors);
  }
  // Positions of range: leaf, map, limbs; no others.
  const bytes = encodeProgram(world.program);
  const bare = encodeProgram(delivering(8, []));
  const at = bytes.findIndex((b, i) => b !== bare[i]);
  assert.deepEqual([bytes[at], bare[at]], [2, 0]);
  assert.throws(() => decodeProgram(bytes.map((b, i) => (i === at ? 3 : b))), /tensors\[6\]\.range: is larger than 2/);
});

/** Made before there was delivery: by the program, key and bundle of the tiny training, seeded. */
const OLD = {
  program: '0x0094f6758c4cce83eca566fdcb68ec57cede41a13dddf736533c07c3b922366d',
  key: '0xfd114f430c1e4e507f73efd769e24b72acececc27aa2dcf90e9a67498e8155da',
  bundle: 0x3ace11dac8222c1abad3822bb94aa9385ab91edaf5522678cba5a999e9001dbn,
  finalState: 0xb61ef66180fa385286bda6e3b250817310f93cc03f09df6a76b1928b8f0757e2n,
};

test('programs without delivery keep hash, key and proofs', async () => {
  const program = tinyTraining(3);
  assert.equal(digestOf(encodeProgram(program)), OLD.program);
  const c = compile(program);
  const rows = (name: string): number => c.polys.find((p) => p.name === name)?.rows.length ?? 0;
  const points = generators(200);
  const recorded = recordVerifier(
    {
      compiled: c,
      firstState: points.slice(0, rows('state in')),
      hiddenRows: new Map([['model', points.slice(50, 50 + rows('model'))]]),
      publicContent: { ...Object.fromEntries(tiny.data), ...program.constants },
    },
    publicWordsOf(0),
  );
  assert.equal(keyHash(keyOf(recorded, listTrees(recorded))), OLD.key);
  const fixed = new Map([...tiny.content].map(([name, v]) => [name, Float64Array.from(v)]));
  const run = await proveRun(backend, {
    program,
    fixed: tiny.content,
    firstState: tiny.firstState,
    random: seededRandom(5n),
    statement: [1n, 2n],
    walk: (t, state) => new Walker(program).walk(t, new Map([...fixed, ...state]), { leaves: true }),
  });
  assert.equal(bundleRoot(run.bundle), OLD.bundle);
  assert.equal(run.context.finalState, OLD.finalState);
});

test('compile places limbs last, and a program without them as ever', () => {
  const bare = compile(delivering(8, []));
  assert.deepEqual(bare.delivered, []);
  assert.deepEqual(
    compiled.polys.slice(0, -1).map((p) => [p.name, p.columns]),
    bare.polys.map((p) => [p.name, p.columns]),
  );
  assert.equal(compiled.polys.at(-1)?.role, 'delivery');
});
