import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile, type Compiled } from '../../verifier/program/compile.ts';
import type { Program } from '../../verifier/program/types.ts';
import { tinyRecipe } from '../fixtures/llama.ts';
import { buildLlama } from '../../verifier/models/llama.ts';
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
  assertLayout(compile(buildLlama(tinyRecipe).program));
});

test('also past 2^32 cells', () => {
  for (const count of [4, 5, 6, 10, 34]) {
    const c = compile(large(count));
    assertLayout(c);
    assert.ok(c.depth >= 30 + Math.log2(count - 1));
  }
});
