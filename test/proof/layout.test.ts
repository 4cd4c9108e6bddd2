import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile, type Compiled, type Placed } from '../../verifier/program/compile.ts';
import { placeContent, scatter } from '../../verifier/public-content.ts';
import { placeTensors } from '../../prover/prove/witness.ts';
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

test('cells lie in the narrowest array that holds the tensors; the prover refuses a value out of it', () => {
  const placed = (bits: number, signed: boolean, size: number): Placed[] => {
    const t = { ...tensor('t', 'fixed', [['row', size]], bits), signed };
    return [{ tensor: t, offset: 4, bits: 2 }];
  };
  const place = (bits: number, signed: boolean, values: number[]): ReturnType<typeof placeContent> =>
    placeContent({ tensors: placed(bits, signed, values.length), bits: 3 }, { t: values });
  for (const [Kind, bits, low, high] of [
    [Int8Array, 8, -128, 127],
    [Int16Array, 16, -32768, 32767],
    [Int32Array, 32, -(2 ** 31), 2 ** 31 - 1],
    [Float64Array, 53, -(2 ** 52), 2 ** 52 - 1],
  ] as const) {
    assert.deepEqual(place(bits, true, [low, high, -1]), Kind.of(0, 0, 0, 0, low, high, -1, 0));
    assert.deepEqual(place(bits - 1, false, [0, high]), Kind.of(0, 0, 0, 0, 0, high, 0, 0));
    assert.deepEqual(placeTensors(placed(bits, true, 2), new Map([['t', [low, high]]]), 3), place(bits, true, [low, high]));
    if (bits < 53)
      assert.throws(() => placeTensors(placed(bits, true, 2), new Map([['t', [0, high + 1]]]), 3), /value \d+ in cell 1 does not fit/);
  }
});

test('dense tensors are scattered over power-of-two axes, whole or not', () => {
  for (const sizes of [[], [5], [8], [3, 4], [4, 3], [2, 3, 4, 8], [3, 1, 1, 5], [1, 3, 2], [4, 4, 3, 2]]) {
    const bits = sizes.map((n) => Math.ceil(Math.log2(n)));
    const total = sizes.reduce((n, s) => n * s, 1);
    const out = new Int16Array(4 + 2 ** bits.reduce((n, b) => n + b, 0));
    const want = new Int16Array(out.length);
    for (let i = 0; i < total; i++) {
      let [rest, address, shift] = [i, 4, 0];
      for (let d = sizes.length - 1; d >= 0; d--) {
        address += (rest % sizes[d]) << shift;
        rest = Math.floor(rest / sizes[d]);
        shift += bits[d];
      }
      want[address] = i + 1;
    }
    const dense = Array.from({ length: total }, (_, i) => i + 1);
    for (const source of [dense, Float64Array.from(dense)]) {
      scatter(source, sizes, out, 4);
      assert.deepEqual(out, want, sizes.join());
    }
  }
});
