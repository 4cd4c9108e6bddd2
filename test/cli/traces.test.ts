/** Files of traces, and what `bounty post` says of rules that it cannot keep. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { makeKey } from '../../scripts/lib/optimistic.ts';
import { doubtsOf, judgesOf, type RuleOptions } from '../../scripts/lib/rule-options.ts';
import { decodeTrace, encodeTrace, openTraces, traceBytes } from '../../scripts/lib/traces.ts';
import { wordHex } from '../../verifier/bounty.ts';
import { plain } from '../../verifier/engine.ts';
import { traceTree } from '../../verifier/record/trace.ts';
import { readWord, writeWord } from '../../verifier/words.ts';
import { claimOf, scene1, scene3 } from '../record/support.ts';

const folder = mkdtempSync(join(tmpdir(), 'fineproof-traces-'));
after(() => rmSync(folder, { recursive: true, force: true }));

for (const scene of [scene1, scene3]) {
  const { recorded, attempt } = scene;
  const { cells, tree } = await claimOf(scene, attempt.bundle);
  const file = encodeTrace(cells);

  test(`a trace of ${cells.length} segments is what it was, under its root`, () => {
    assert.equal(file.length, traceBytes(recorded));
    assert.deepEqual(decodeTrace(file, recorded, 'file'), cells);
    const store = openTraces(folder, recorded);
    const root = wordHex(tree.root);
    assert.equal(store.put(file), root);
    assert.deepEqual(store.get(root, file.length, 'trace'), file);
    // Another file under the same name.
    const other = file.slice();
    other[other.length - 1] = 1 ^ (other[other.length - 1] as number);
    const path = store.path(wordHex(5n));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, other);
    assert.throws(() => store.get(wordHex(5n), file.length, 'trace'), /is not the trace that its name says/);
  });

  test(`U1 a trace of ${cells.length} segments that is truncated, extended or of another shape is refused by name`, () => {
    const set = (word: number, value: bigint): Uint8Array => {
      const copy = file.slice();
      writeWord(copy, word, value);
      return copy;
    };
    const header = 2 + cells.length;
    const wrong: readonly (readonly [Uint8Array, RegExp])[] = [
      [new Uint8Array(0), /not a trace/],
      [file.subarray(0, file.length - 64), /truncated or extended/],
      [new Uint8Array([...file, ...new Uint8Array(64)]), /truncated or extended/],
      [file.subarray(0, file.length - 5), /not a trace/],
      [set(0, 1n), /not a trace/],
      [set(1, 2n ** 255n), /segments, more than/],
      [set(2, 2n ** 200n), /longer than the verifier/],
      [set(2, readWord(file, 2) + 1n), /truncated or extended/],
      [file.subarray(0, 64), /is truncated/],
      ...(header % 2 === 1 ? [[set(header, 1n), /not canonical/] as const] : []),
    ];
    for (const [bytes, pattern] of wrong) assert.throws(() => decodeTrace(bytes, recorded, 'some.file'), pattern);
  });
}

test('junk behind a list or behind the last segment has a file too', async () => {
  const { cells } = await claimOf(scene3, scene3.attempt.bundle);
  const junk = new Uint8Array(64 * 7);
  junk[400] = 1;
  for (const own of [[...cells, junk], cells.map((c, i) => (i === 2 ? new Uint8Array([...c, ...junk]) : c))]) {
    const back = decodeTrace(encodeTrace(own), scene3.recorded, 'file');
    assert.equal(traceTree(scene3.recorded, back).root, traceTree(scene3.recorded, own).root);
  }
});

test('what cannot be recorded is refused with what to do instead', () => {
  const { context } = scene1.attempt;
  const bounty = { ...context, start: { rows: context.firstState }, terms: { announces: [] } };
  assert.match(makeKey(bounty, plain), /^0x[0-9a-f]{64}$/);
  assert.throws(
    () => makeKey({ ...bounty, publicContent: {} }, plain),
    /^InputError: --rule: needs a recorded verifier: the content of .* is missing.*--rule attested/,
  );
});

test('the bond pays for all demands that a bundle takes', () => {
  const options = (more: Partial<RuleOptions>): RuleOptions => ({ rule: 'optimistic', attesterFee: 0n, bond: 1000n, ...more });
  // 2 chunks and 8 steps: 10 demands, four times.
  assert.equal(doubtsOf(options({}), 16_384n)?.demandFee, 25n);
  assert.equal(doubtsOf(options({ demandFee: 25n }), 16_384n)?.demandFee, 25n);
  assert.throws(() => doubtsOf(options({ demandFee: 26n }), 16_384n), /^InputError: --bond/);
  assert.throws(() => doubtsOf(options({ bond: 39n }), 16_384n), /^InputError: --bond/);
  assert.equal(doubtsOf(options({ rule: 'attested' }), 16_384n), null);
  const me = '0x000000000000000000000000000000000000bEEF';
  assert.deepEqual(judgesOf(options({})), { signers: [], threshold: 0 });
  assert.deepEqual(judgesOf(options({ rule: 'both', attester: [me] })), { signers: [me], threshold: 1 });
  for (const more of [{ threshold: 1 }, { attester: [me] }, { attesterFee: 1n }] as const)
    assert.throws(() => judgesOf(options(more)), /^InputError: --attester: has no say/);
  for (const rule of ['both', 'attested'] as const) assert.throws(() => judgesOf(options({ rule })), /^InputError: --attester: is missing/);
});
