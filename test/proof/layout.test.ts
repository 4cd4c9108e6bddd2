import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile, type Compiled } from '../../verifier/program/compile.ts';
import { placeContent } from '../../verifier/public-content.ts';
import type { Program } from '../../verifier/program/types.ts';
import { tinyRecipe } from '../fixtures/llama.ts';
import { buildTraining } from '../../verifier/models/build.ts';
import { linear, program, read, tensor, view } from '../trainer/helpers.ts';

/** Blocks of [offset, offset + 2^bits) are aligned, inside 2^total, and share nothing: what a row, a leaf or a table says is about itself alone. */
function assertDisjoint(blocks: readonly { readonly offset: number; readonly bits: number }[], total: number): void {
  const sorted = [...blocks].sort((a, b) => a.offset - b.offset);
  sorted.forEach(({ offset, bits }, i) => {
    assert.equal(offset % 2 ** bits, 0);
    const next = sorted[i + 1]?.offset ?? 2 ** total;
    assert.ok(offset + 2 ** bits <= next);
  });
}

function assertLayout(c: Compiled): void {
  for (const p of c.polys) assertDisjoint(p.tensors, p.bits);
  assertDisjoint([...c.leaves, ...c.tables], c.depth);
}

/** `count` tensors of 2^30 cells, each a copy of the first. */
const large = (count: number): Program =>
  program(
    Array.from({ length: count }, (_, i) =>
      tensor(
        `t${i}`,
        i === 0 ? 'fixed' : 'witness',
        [
          ['row', 2 ** 15],
          ['column', 2 ** 15],
        ],
        8,
      ),
    ),
    Array.from({ length: count - 1 }, (_, i) => ({
      kind: 'equal' as const,
      on: {
        vars: [
          { name: 'i', size: 2 ** 15 },
          { name: 'j', size: 2 ** 15 },
        ],
      },
      out: view(`t${i + 1}`, 'i', 'j'),
      expr: linear(read(view('t0', 'i', 'j'))),
    })),
    { schedule: { steps: 1, perProof: 1 }, columns: 20 },
  );

test('blocks of polynomials and of the fraction tree are disjoint', () => {
  assertLayout(compile(buildTraining(tinyRecipe).program));
});

test('also past 2^32 cells', () => {
  for (const count of [4, 5, 6, 10, 34]) {
    const c = compile(large(count));
    assertLayout(c);
    assert.ok(c.depth >= 30 + Math.log2(count - 1));
  }
});

test('cells lie in the narrowest array that holds the tensors, and a value out of it is refused', () => {
  const place = (bits: number, signed: boolean, values: number[]): ReturnType<typeof placeContent> => {
    const t = { ...tensor('t', 'fixed', [['row', values.length]], bits), signed };
    return placeContent({ tensors: [{ tensor: t, offset: 4, bits: 2 }], bits: 3 }, { t: values });
  };
  for (const [Kind, bits, low, high] of [
    [Int8Array, 8, -128, 127],
    [Int16Array, 16, -32768, 32767],
    [Int32Array, 32, -(2 ** 31), 2 ** 31 - 1],
    [Float64Array, 53, -(2 ** 52), 2 ** 52 - 1],
  ] as const) {
    assert.deepEqual(place(bits, true, [low, high, -1]), Kind.of(0, 0, 0, 0, low, high, -1, 0));
    assert.deepEqual(place(bits - 1, false, [0, high]), Kind.of(0, 0, 0, 0, 0, high, 0, 0));
    if (bits < 53) assert.throws(() => place(bits, true, [0, high + 1]), /value 1 of row 0 does not fit/);
  }
});
