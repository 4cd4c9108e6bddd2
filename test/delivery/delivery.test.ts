/** Delivery from end to end in TypeScript alone: keys, rows, masks, trees, the shared point, and what is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keccak256, concat, numberToHex, type Hex } from 'viem';
import { add, isOnCurve, multiply, type Affine } from '../../verifier/curve.ts';
import { R } from '../../verifier/field.ts';
import { adapterTree, cipherRow, cipherTree, encryptRows, maskRow } from '../../verifier/delivery/cipher.ts';
import { complaintOf, openDelivery } from '../../verifier/delivery/complaint.ts';
import { BASE, deliveryKeyHash, keyPair, multiplySecret, randomScalar, randomWord, sharedSecret } from '../../verifier/delivery/keys.ts';
import { commitRow, encodeRow, openRow, PAD_ROW, ROW_BYTES, type PlainRow } from '../../verifier/delivery/row.ts';
import { proveSharedPoint, verifySharedPoint } from '../../verifier/delivery/shared-point.ts';
import { toHex } from '../../verifier/input.ts';
import { cellLeaf, climb, verifyPath } from '../../verifier/record/indexed-merkle.ts';
import { keccakWords, readWord, writeWord } from '../../verifier/words.ts';

let counter = 0n;
/** Bytes that can be drawn again. */
const random = (count: number): Uint8Array => {
  const bytes = new Uint8Array(32 * Math.ceil(count / 32));
  for (let i = 0; i < bytes.length / 32; i++) writeWord(bytes, i, keccakWords(77n, counter++));
  return bytes.slice(0, count);
};
const below = (n: number): number => Number(randomWord(random) % BigInt(n));
const low = (): PlainRow => ({ limbs: Array.from({ length: 256 }, () => below(2 ** 16)), blind: randomScalar(random) });
const top = (): PlainRow => ({ limbs: Array.from({ length: 256 }, () => below(2 ** 16) - 2 ** 15), blind: randomScalar(random) });
const word = (v: bigint | number): Hex => numberToHex(v, { size: 32 });

test('both parties have one secret, and K opens what the claimant masked', async () => {
  const [poster, claimant] = [keyPair(random), keyPair(random)];
  const secret = sharedSecret(multiplySecret(claimant.secret, poster.point));
  assert.equal(secret, sharedSecret(multiplySecret(poster.secret, claimant.point)));
  const mask = { key: randomWord(random), secret, nonce: randomWord(random) };
  const rows = [low(), top(), low()];
  const ciphertext = encryptRows(rows, mask);
  assert.equal(ciphertext.length, 4 * ROW_BYTES);
  const commitments = [...(await Promise.all(rows.map((row) => commitRow(row)))), null];
  assert.deepEqual(await openDelivery({ ciphertext, commitments, mask }), { rows: [...rows, PAD_ROW] });
  const closed = await openDelivery({ ciphertext, commitments, mask: { ...mask, key: mask.key ^ 1n } });
  assert.ok('fault' in closed && closed.index === 0);
  await assert.rejects(openDelivery({ ciphertext, commitments: commitments.slice(1), mask }), /2176 bytes of ciphertext for 3 rows/);
});

test('masks are keccak(K ‖ S ‖ nonce ‖ i ‖ j), and taking them off is putting them on', () => {
  const mask = { key: 1n, secret: 2n ** 256n - 1n, nonce: 3n };
  const row = encodeRow(low());
  const masked = maskRow(row, mask, 5);
  for (let j = 0; j < 17; j++) {
    const stream = BigInt(keccak256(concat([word(1n), word(mask.secret), word(3n), word(5), word(j)])));
    assert.equal(readWord(masked, j), readWord(row, j) ^ stream);
  }
  assert.deepEqual(maskRow(masked, mask, 5), row);
  assert.throws(() => maskRow(row.subarray(1), mask, 0), /544 bytes/);
});

test('a row opens in the reading that its commitment has, and in no other', async () => {
  for (const row of [low(), top(), PAD_ROW]) {
    const commitment = await commitRow(row);
    assert.deepEqual(await openRow(encodeRow(row), commitment), { row });
    assert.deepEqual(await openRow(encodeRow(row), add(commitment, BASE)), { fault: 'WrongRow' });
  }
  const bytes = encodeRow(low());
  writeWord(bytes, 16, R);
  assert.deepEqual(await openRow(bytes, null), { fault: 'BlindOutOfField' });
  await assert.rejects(openRow(bytes.subarray(0, 543), null), /544 bytes, not 543/);
});

test('rows that cannot be encoded are refused', () => {
  const limbs = low().limbs;
  const cases: [PlainRow, RegExp][] = [
    [{ limbs: limbs.slice(1), blind: 0n }, /256 limbs, not 255/],
    [{ limbs: [2 ** 16, ...limbs.slice(1)], blind: 0n }, /all in/],
    [{ limbs: [-1, 2 ** 15, ...limbs.slice(2)], blind: 0n }, /all in/],
    [{ limbs: [-(2 ** 15) - 1, ...PAD_ROW.limbs.slice(1)], blind: 0n }, /all in/],
    [{ limbs: [0.5, ...limbs.slice(1)], blind: 0n }, /all in/],
    [{ limbs, blind: R }, /blind/],
    [{ limbs, blind: -1n }, /blind/],
  ];
  for (const [row, message] of cases) assert.throws(() => encodeRow(row), message);
});

test('a complaint has paths that lead to the roots', async () => {
  const rows = [low(), top(), low(), top(), low()];
  const [poster, claimant] = [keyPair(random), keyPair(random)];
  const mask = { key: 1n, secret: 2n, nonce: 3n };
  const ciphertext = encryptRows(rows, mask);
  const commitments = [...(await Promise.all(rows.map((row) => commitRow(row)))), null, null, null];
  const [cipher, adapter] = [cipherTree(ciphertext), adapterTree(commitments)];
  assert.equal(cipher.depth, 3);
  for (const i of [0, 3, 4, 7]) {
    const c = complaintOf({ ciphertext, commitments }, i, 9n, poster.secret, claimant.point, random);
    const leaf = BigInt(keccak256(concat([word(BigInt(toHex(new TextEncoder().encode('CIPHER')))), word(0), keccak256(c.row), word(0)])));
    assert.ok(verifyPath(cipher.root, 3, i, leaf, c.rowPath));
    assert.ok(verifyPath(adapter.root, 3, i, cellLeaf('ROW', [c.commitment.x, c.commitment.y]), c.commitmentPath));
    assert.equal(climb(leaf, i, c.rowPath), cipher.root);
    assert.ok(verifySharedPoint(9n, poster.point, claimant.point, c));
    assert.deepEqual(c.row, cipherRow(ciphertext, i));
  }
  assert.throws(() => complaintOf({ ciphertext, commitments }, 8, 9n, 1n, claimant.point, random), /no row 8/);
  assert.throws(() => cipherTree(ciphertext.subarray(ROW_BYTES)), /power of two/);
  assert.throws(() => cipherTree(ciphertext.subarray(1)), /power of two/);
});

test('the shared point’s proof holds for its claim, keys and point alone', () => {
  const [poster, claimant, other] = [keyPair(random), keyPair(random), keyPair(random)];
  const proof = proveSharedPoint(5n, poster.secret, claimant.point, random);
  const verify = (claim: bigint, d: Affine, e: Affine, p = proof) => verifySharedPoint(claim, d, e, p);
  assert.ok(verify(5n, poster.point, claimant.point));
  assert.ok(!verify(6n, poster.point, claimant.point));
  assert.ok(!verify(5n, other.point, claimant.point));
  assert.ok(!verify(5n, poster.point, other.point));
  assert.ok(!verify(5n, poster.point, claimant.point, { ...proof, shared: add(proof.shared, BASE) as Affine }));
  assert.ok(!verify(5n, poster.point, claimant.point, { ...proof, response: proof.response + R }));
  assert.ok(!verify(5n, poster.point, claimant.point, { ...proof, challenge: proof.challenge + 2n ** 248n }));
  assert.ok(!verify(5n, { x: 0n, y: 0n }, claimant.point));
  // The base point is of the group's order, so that no D hides a component in a subgroup.
  assert.equal(multiply(BASE, R - 1n)?.x, BASE.x);
});

test('a random source that repeats itself does not give the secret away', () => {
  const [poster, claimant] = [keyPair(random), keyPair(random)];
  const stuck = (count: number): Uint8Array => new Uint8Array(count);
  const [a, b] = [1n, 2n].map((claim) => proveSharedPoint(claim, poster.secret, claimant.point, stuck)) as [
    ReturnType<typeof proveSharedPoint>,
    ReturnType<typeof proveSharedPoint>,
  ];
  // With one k for both, d would be (z₁ − z₂) / (c₁ − c₂).
  const difference = (x: bigint, y: bigint): bigint => (((x - y) % R) + R) % R;
  assert.notEqual(difference(a.response, b.response), (difference(a.challenge, b.challenge) * poster.secret) % R);
});

test('keys: scalars in range, short randomness and bad points refused, one hash', () => {
  for (let n = 0; n < 20; n++) {
    const { secret, point } = keyPair(random);
    assert.ok(secret > 0n && secret < R && isOnCurve(point));
  }
  assert.equal(
    randomScalar(() => new Uint8Array(64)),
    1n,
  );
  assert.ok(randomScalar(() => new Uint8Array(64).fill(255)) < R);
  assert.throws(() => randomWord(() => new Uint8Array(31)), /31 bytes instead of 32/);
  for (const secret of [0n, R, -1n]) assert.throws(() => multiplySecret(secret, BASE), /\[1, r\)/);
  for (const p of [
    { x: 0n, y: 0n },
    { x: 1n, y: 3n },
  ])
    assert.throws(() => multiplySecret(2n, p), /finite point/);
  assert.equal(
    deliveryKeyHash(1n, 2n, 3n),
    BigInt(keccak256(concat([word(BigInt(toHex(new TextEncoder().encode('KEY')))), word(1), word(2), word(3)]))),
  );
});
