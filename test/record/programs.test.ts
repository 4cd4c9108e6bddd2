/** Programs of other kinds, recorded: what the verifier accepts of them fails no check, and one step list serves all proofs of a run. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { engineOf } from '../../prover/backend/engine.ts';
import { createWasmBackend } from '../../prover/backend/wasm/index.ts';
import { Walker } from '../../prover/trainer/walk.ts';
import { rowsDigest } from '../../verifier/bundle.ts';
import { compile } from '../../verifier/program/compile.ts';
import type { Program } from '../../verifier/program/types.ts';
import { checkLists } from '../../verifier/record/check-key.ts';
import { recordVerifier, type PublicWords } from '../../verifier/record/record.ts';
import { RecordError } from '../../verifier/record/tape.ts';
import { runTrace, workOf } from '../../verifier/record/trace.ts';
import { verifyBundle } from '../../verifier/verify.ts';
import { calibrated, tinyRecipe } from '../fixtures/llama.ts';
import { tinyGpt2 } from '../fixtures/gpt2.ts';
import * as matrix from '../fixtures/matrix-step.ts';
import { proveRun, type SmallRun } from '../fixtures/run.ts';
import { generators } from '../../verifier/generators.ts';

const backend = await createWasmBackend({ workers: 1 });
after(() => backend.close());
const engine = engineOf(backend);

/** Statements of these runs have three words; the digests come behind them. */
const LAYOUT: PublicWords = { statement: 3, start: 3, adapterRoot: 4, lastProof: 5 };

const walked = (program: Program, inputs: ReadonlyMap<string, Float64Array>): SmallRun => {
  const walker = new Walker(program);
  const isState = (name: string): boolean => program.tensors.some((t) => t.name === name && t.poly === 'state.in');
  return {
    program,
    fixed: new Map([...inputs].filter(([name]) => !isState(name))),
    firstState: new Map([...inputs].filter(([name]) => isState(name))),
    walk: (proof, state) => walker.walk(proof, new Map([...inputs, ...state]), { leaves: true }),
  };
};

const RUNS: Readonly<Record<string, () => SmallRun>> = {
  'a hidden model and public data, written by hand': () => ({
    program: matrix.matrixStep,
    fixed: new Map([...matrix.model, ...matrix.data]),
    firstState: matrix.firstState,
    walk: (t, state) => matrix.walk(t, state.get('S') as Float64Array),
  }),
  'a hidden LLaMA on hidden data, five proofs of two steps': () => {
    const { program, inputs } = calibrated({ ...tinyRecipe, steps: 10 }, 3);
    return walked(program, inputs);
  },
  'a public GPT-2 on public data': () => {
    const { program, inputs } = calibrated({ ...tinyGpt2, modelHidden: false, dataHidden: false, steps: 2, perProof: 1 }, 3);
    return walked(program, inputs);
  },
};

for (const [name, make] of Object.entries(RUNS))
  test(name, async () => {
    const { context, bundle } = await proveRun(backend, make());
    const { digest } = await verifyBundle(context, bundle, engine);
    const recorded = recordVerifier(context, LAYOUT);
    checkLists(recorded);
    const words = [...context.statement, rowsDigest(context.firstState), context.finalState, digest];
    assert.equal((await runTrace(recorded, bundle, words, workOf(engine))).failed, null);
    const changed = bundle.slice();
    changed[changed.length - 40] ^= 1;
    assert.notEqual((await runTrace(recorded, changed, words, workOf(engine))).failed, null);
  });

test('what cannot be recorded says why', () => {
  const compiled = compile(matrix.matrixStep);
  const context = {
    compiled,
    firstState: generators(1),
    hiddenRows: new Map([['model', generators(1)]]),
    publicContent: Object.fromEntries(matrix.data),
  };
  const refused = (change: Partial<typeof context>, why: RegExp): void =>
    assert.throws(
      () => recordVerifier({ ...context, ...change }, LAYOUT),
      (e) => e instanceof RecordError && why.test(e.message),
    );
  recordVerifier(context, LAYOUT);
  refused({ firstState: [] }, /the first state has 0 rows, the program's states 1/);
  refused({ hiddenRows: new Map() }, /the card of model has not the program's number of rows/);
  refused({ publicContent: {} }, /the content of data is missing/);
  const polys = compiled.polys.map((p) => (p.role === 'stateOut' ? { ...p, rows: [] } : p));
  refused({ compiled: { ...compiled, polys } }, /a state of another size/);
});
