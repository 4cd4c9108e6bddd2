import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createReferenceBackend } from '../../prover/backend/reference.ts';
import { commitCard, proveCard } from '../../prover/prove/card.ts';
import { systemRandom } from '../../prover/prove/random.ts';
import { verifyInputs } from '../../verifier/verify.ts';
import { cardProgram, type CardShape } from '../../verifier/program/card-program.ts';
import { compile } from '../../verifier/program/compile.ts';

const backend = createReferenceBackend();
const axes = [
  { name: 'batch', size: 3 },
  { name: 'token', size: 5 },
];
const ids: CardShape = { tensors: [{ name: 'data.inputs', axes, bits: 4, signed: false, f: 0 }], columns: 4, vocabulary: 11 };
const weights: CardShape = { tensors: [{ name: 'W', axes, bits: 6, signed: true, f: 4 }], columns: 3 };

const prove = async (card: CardShape, values: readonly number[]) => {
  const content = new Map(card.tensors.map((t) => [t.name, values] as const));
  const commitment = await commitCard(backend, systemRandom, card, content);
  return { rows: commitment.rows, proof: await proveCard(backend, systemRandom, card, content, commitment, [5n, 6n]) };
};
const cells = (f: (i: number) => number): number[] => Array.from({ length: 15 }, (_, i) => f(i));

test('hidden cards: signed weights, and ids below a vocabulary that is no power of two', async () => {
  const w = await prove(
    weights,
    cells((i) => (i % 2 === 0 ? 31 : -32)),
  );
  await verifyInputs(compile(cardProgram(weights)), w.rows, [5n, 6n], w.proof);
  await assert.rejects(verifyInputs(compile(cardProgram(weights)), w.rows, [5n, 7n], w.proof), /another statement/);
  const d = await prove(
    ids,
    cells((i) => i % 11),
  );
  await verifyInputs(compile(cardProgram(ids)), d.rows, [5n, 6n], d.proof);
  await assert.rejects(verifyInputs(compile(cardProgram(ids)), [...d.rows].reverse(), [5n, 6n], d.proof), /⟨Z, G⟩/);
});

test('R9 a token id at or above the vocabulary, and a weight out of its width, cannot be proven', async () => {
  await assert.rejects(
    prove(
      ids,
      cells((i) => (i === 7 ? 11 : 3)),
    ),
    /does not satisfy/,
  );
  await assert.rejects(
    prove(
      weights,
      cells((i) => (i === 7 ? 32 : 3)),
    ),
    /does not satisfy/,
  );
});
