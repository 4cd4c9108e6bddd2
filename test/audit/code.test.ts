/** Code on the chain against the compiler's: immutables may differ, nothing else. That of a real escrow: test/cli/life.test.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesToHex } from 'viem';
import { otherCode } from '../../scripts/lib/audit/code.ts';
import { hasRuntime, runtimeOf } from '../../scripts/lib/runtime.ts';

const zeros = new Array<number>(32).fill(0);
const compiled = [0x60, 0x80, 0x7f, ...zeros, 0x50, 0x60, 0x00, 0x7f, ...zeros, 0x50, 0xfe, 0xa1, 0x00];
const runtime = runtimeOf({
  deployedBytecode: bytesToHex(Uint8Array.from(compiled)),
  immutableReferences: { 12: [{ start: 39, length: 32 }], 7: [{ start: 3, length: 32 }] },
});
const has = (code: readonly number[]): boolean => hasRuntime(bytesToHex(Uint8Array.from(code)), runtime);

test('immutables are free, every other byte counts, and so does the length', () => {
  assert.deepEqual(runtime.immutables, [3, 39]);
  assert.ok(has(compiled));
  const free = (i: number): boolean => (i > 2 && i < 35) || (i > 38 && i < 71);
  for (let i = 0; i < compiled.length; i++) assert.equal(has(compiled.with(i, (compiled[i] as number) ^ 1)), free(i), `byte ${i}`);
  for (const other of [[], [...compiled, 0], compiled.slice(0, -1), compiled.slice(0, 40)]) assert.ok(!has(other));
});

test('what has another code is named', () => {
  assert.deepEqual(otherCode({ escrow: true, fraudProof: true, delivery: true }), []);
  assert.match(otherCode({ escrow: true, fraudProof: false, delivery: true }).join(), /checker of fraud proofs is not this version/);
});
