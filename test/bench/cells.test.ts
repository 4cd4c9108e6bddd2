/** The count of cells and look-ups by tensor, on a tiny shape. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench, benchJson } from './run.ts';
import type { TensorCount } from '../../scripts/bench/parts.ts';

const TINY = [
  '--family',
  'gpt2',
  '--width',
  '12',
  '--heads',
  '3',
  '--layers',
  '3',
  '--ffn',
  '10',
  '--vocab',
  '300',
  '--tokens',
  '4',
  '--rank',
  '2',
];

test('every tensor has its cells, limbs and look-ups, with pads to powers of two', async () => {
  const json = await benchJson<{ total: TensorCount; tensors: Record<string, TensorCount> }>('cells', ...TINY);
  // Layers, tokens, width: 3 of 4, 4, 10 of 16. An input of the table; its rescaling's remainder is its only look-up.
  const a = json.tensors['mlp.c_fc.out'] as TensorCount;
  assert.deepEqual([a.cells, a.padded, a.leaves, a.paddedLeaves], [120, 256, 120, 256]);
  // Neither probabilities nor a selector of the vocabulary; marks are looked up with the exponentials.
  assert.equal(json.tensors['logits.probability'], undefined);
  assert.deepEqual([json.tensors['logits.top']?.cells, json.tensors['logits.top']?.leaves], [1200, 0]);
  assert.deepEqual([json.tensors['logits']?.leaves, json.tensors['logits.exp']?.leaves], [1200, 1200]);
  // 30 bits: one limb, and three look-ups with the remainder of at most 16 bits, or two without.
  const g = json.tensors['grad.attn.v.B'] as TensorCount;
  assert.deepEqual([g.cells, g.leaves % g.cells], [3 * 12 * 2, 0]);
  for (const kind of ['cells', 'limbs', 'leaves'] as const)
    assert.equal(
      json.total[kind],
      Object.values(json.tensors).reduce((n, t) => n + t[kind], 0),
    );
});

test('as text, the largest tensors first', async () => {
  const { code, out, err } = await bench('cells', ...TINY, '--top', '3');
  assert.equal(code, 0, err);
  assert.equal(out.trim().split('\n').length, 5);
});
